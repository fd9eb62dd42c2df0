/**
 * `output`, in the ingress pipeline to the egress pipeline of one port or of each member of a multicast group, in the egress
 * pipeline out of the port (ovn/utilities/ovn-trace.c of OVN, execute_output). One set of tables serves all datapaths.
 */
import { type Action, type Match, slice } from "@plumbline/model";
import { UNTOLD } from "../../db/infer.js";
import { LOGICAL } from "../../expr/index.js";
import type { LogicalPort } from "../../logical/topology.js";
import { bits, mark } from "../marks.js";
import { type HelperRule, type LogicalTables, onDatapath, rowOf } from "../tables.js";
import { clone, EGRESS_TITLE, end, LOOPBACK, OUTPORT, set, under } from "./parts.js";

const NO_LOOPBACK = mark("comment", "/* omitting output because inport == outport && !flags.loopback */");
const NULL_PORT = mark("error", "*** output to null logical port");
const UNKNOWN_PORT = mark("error", `*** unknown port or multicast group ${bits(OUTPORT)}`);

/** The registers that the egress pipeline begins with. */
const CLEARED: readonly Action[] = Array.from({ length: 16 }, (_, i) => `reg${i}`)
  .filter((r) => r !== LOGICAL.inport && r !== LOGICAL.outport)
  .map((r) => set(r, 0));

const looped: readonly [string, number, number] = [LOGICAL.flags, 0, LOOPBACK];

/** Packets that would leave by the port by which they came: rows of inport and outport alike, for each number that a port has. */
function back(t: LogicalTables): Match[] {
  const keys = new Set(t.all.datapaths.flatMap((d) => d.ports.map((p) => p.key)));
  return [...keys].map((k) => rowOf([LOGICAL.outport, k], [LOGICAL.inport, k], looped));
}

/** Rows of an outport with one of these numbers, as few as masks allow. */
function keyRows(keys: readonly number[]): Match[] {
  const has = new Set(keys);
  const out: Match[] = [];
  for (const start of [...has].sort((a, b) => a - b)) {
    if (!has.has(start)) continue;
    let size = 1;
    for (; start % (2 * size) === 0; size *= 2) {
      let whole = true;
      for (let k = start + size; k < start + 2 * size && whole; k++) whole = has.has(k);
      if (!whole) break;
    }
    for (let k = start; k < start + size; k++) has.delete(k);
    out.push(rowOf([LOGICAL.outport, start, (2 ** 32 - size) >>> 0]));
  }
  return out;
}

/** `output` of the ingress pipeline. */
export function toEgress(t: LogicalTables): Action {
  return t.helper("output to egress", () => {
    const rules: HelperRule[] = [];
    const egress = (indented: boolean): Action[] => [mark("pipeline", EGRESS_TITLE, indented), t.next(t.all, "egress", 0), end()];
    const ports: Match[] = [];
    const unknown: HelperRule = { priority: 0, rows: [], program: [UNKNOWN_PORT, clone([...CLEARED, ...egress(false)])] };
    for (const d of t.all.datapaths) {
      const plain: number[] = [];
      for (const p of d.ports) {
        const to = p.type === "chassisredirect" ? p.distributed : p;
        const at = onDatapath(rowOf([LOGICAL.outport, p.key]), d.key);
        if (to === p) plain.push(p.key);
        else if (!to) {
          const text = `*** output to type "${p.type}" port "${p.friendly}" with no or invalid distributed port`;
          rules.push({ priority: 2, rows: [at], program: [mark("error", text)] });
        } else {
          const text = `/* Replacing type "${p.type}" outport "${p.friendly}" with distributed port "${to.friendly}". */`;
          const replaced = mark("comment", text);
          const same = onDatapath(rowOf([LOGICAL.outport, p.key], [LOGICAL.inport, to.key], looped), d.key);
          rules.push(
            { priority: 3, rows: [same], program: [replaced, NO_LOOPBACK] },
            { priority: 2, rows: [at], program: [replaced, clone([...CLEARED, set(LOGICAL.outport, to.key), ...egress(false)])] },
          );
        }
      }
      for (const row of keyRows(plain)) ports.push(onDatapath(row, d.key));
      for (const g of d.groups) {
        const unknown = t.missing("Multicast_Group", `the members of multicast group "${g.name}": no multicast groups are in evidence`);
        if (unknown) {
          rules.push({ priority: 4, rows: [onDatapath(rowOf([LOGICAL.outport, g.key]), d.key)], program: [unknown], origin: g.origin });
          continue;
        }
        const title = `multicast(dp="${d.friendly}", mcgroup="${g.name}")`;
        for (const loopback of [true, false])
          rules.push({
            priority: 4,
            rows: [onDatapath(rowOf([LOGICAL.outport, g.key], [LOGICAL.flags, loopback ? LOOPBACK : 0, LOOPBACK]), d.key)],
            // One copy goes through the egress pipeline for every member, each time as the last has left it.
            program: under(title, "pipeline", [
              clone([...CLEARED, ...g.ports.flatMap((p) => [set(LOGICAL.outport, p.key), member(loopback)])]),
            ]),
            origin: g.origin,
          });
      }
    }
    function member(loopback: boolean): Action {
      return t.helper(`member ${loopback}`, () => ({
        rules: loopback ? [] : [{ priority: 1, rows: back(t), program: [mark("pipeline", EGRESS_TITLE), NO_LOOPBACK, end()] }],
        miss: egress(true),
      }));
    }
    const toPort = t.helper("to a port", () => ({
      rules: [{ priority: 1, rows: back(t), program: [NO_LOOPBACK] }],
      miss: [clone([...CLEARED, ...egress(false)])],
    }));
    if (ports.length > 0) rules.push({ priority: 2, rows: ports, program: [toPort] });
    rules.push({ priority: 1, rows: [rowOf([LOGICAL.outport, 0])], program: [NULL_PORT] });
    rules.push({ ...unknown, rows: [rowOf([LOGICAL.flags, LOOPBACK, LOOPBACK])] });
    return { rules, miss: [UNKNOWN_PORT, NO_LOOPBACK] };
  });
}

/** `output` of the egress pipeline: out of the port, or into the datapath at its other end. */
export function leave(t: LogicalTables): Action {
  return t.helper("output", () => {
    const output = mark("output");
    const rules: HelperRule[] = [];
    const ports: Match[] = [];
    const groups: Match[] = [];
    for (const d of t.all.datapaths) {
      const plain: number[] = [];
      for (const p of d.ports) {
        const at = onDatapath(rowOf([LOGICAL.outport, p.key]), d.key);
        if (p.type === UNTOLD) {
          const unknown = t.missing("Port_Binding", `where port "${p.friendly}" leads: no port bindings are in evidence`);
          rules.push({ priority: 2, rows: [at], program: [output, ...(unknown ? [unknown] : [])] });
        } else if (p.peer) rules.push({ priority: 2, rows: [at], program: [output, clone(entered(t, p.peer))] });
        else plain.push(p.key);
      }
      for (const row of keyRows(plain)) ports.push(onDatapath(row, d.key));
      for (const g of d.groups) groups.push(onDatapath(rowOf([LOGICAL.outport, g.key]), d.key));
    }
    if (ports.length > 0) rules.push({ priority: 2, rows: ports, program: [output] });
    if (groups.length > 0) rules.push({ priority: 1, rows: groups, program: [output] });
    rules.push({ priority: 1, rows: [rowOf([LOGICAL.outport, 0])], program: [NULL_PORT] });
    return { rules, miss: [UNKNOWN_PORT, output] };
  });
}

/** Into a datapath by one of its ports. */
function entered(t: LogicalTables, port: LogicalPort): Action[] {
  const { datapath } = port;
  return [
    set(LOGICAL.inport, port.key),
    set(LOGICAL.outport, 0),
    { op: "set", dst: slice(LOGICAL.datapath), value: BigInt(datapath.key) },
    ...under(`ingress(dp="${datapath.friendly}", inport="${port.friendly}")`, "pipeline", [t.next(t.scope([datapath]), "ingress", 0)]),
  ];
}
