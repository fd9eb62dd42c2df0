/** The way that a packet took, in the shape in which questions about rules beside it are asked. */
import {
  type Action,
  addressOf,
  type Device,
  EV,
  type Event,
  FIELDS,
  get,
  type Network,
  type Numbering,
  nested,
  type Row,
  type Rule,
  type Table,
  type TableId,
} from "@plumbline/model";
import { destinationOf } from "./by-destination.js";

/** A stay on a device. */
export interface Visit {
  readonly device: Device;
  /** Events from `from` up to and without `to`. */
  readonly from: number;
  readonly to: number;
  /** It began at a socket of the device. */
  readonly sent: boolean;
}

/** A rule that decided something, and where it stands on the way. */
export interface Decision {
  readonly table: Table;
  /** null: nothing matched, and the table's end decided. */
  readonly rule: Rule | null;
  /** Index of its event in `line`. */
  readonly at: number;
  /** "1 of 3 by ecmp" where it chose. */
  readonly choice: string;
}

export interface Way {
  readonly net: Network;
  /** Events of the deciding line, first to last. */
  readonly line: readonly Event[];
  readonly visits: readonly Visit[];
  /** Of a part of a way: the visits of the whole. */
  readonly whole?: readonly Visit[];
  /** Where a table was asked: indexes into `line`. */
  readonly asked: ReadonlyMap<TableId, readonly number[]>;
  /** Evidence lines of all rules that the run hit, copies and answers among them. */
  readonly hit: ReadonlySet<string>;
  readonly num: Numbering;
  /** The packet's forms in their order, outside of tunnels. */
  readonly forms: readonly Form[];
}

/** `file:line` of a rule's evidence; a rule without any by its number. */
export const placeOf = (r: Rule): string => (r.origin ? `${r.origin.file}:${r.origin.line}` : `#${r.id}`);

/** @param line the deciding line; @param all every event of the run */
export function wayOf(line: readonly Event[], all: readonly Event[], net: Network, num: Numbering): Way {
  const visits: Visit[] = [];
  const asked = new Map<TableId, number[]>();
  const close = (to: number) => {
    const last = visits.at(-1);
    if (last) visits[visits.length - 1] = { ...last, to };
  };
  for (const [i, e] of line.entries()) {
    if (e.kind === EV.enter) {
      close(i);
      visits.push({ device: net.devices[e.a], from: i, to: line.length, sent: e.c === 1 });
    } else if (e.kind === EV.hit || e.kind === EV.miss) {
      const list = asked.get(e.a);
      if (list) list.push(i);
      else asked.set(e.a, [i]);
    }
  }
  const hit = new Set<string>();
  for (const e of all) if (e.kind === EV.hit) hit.add(placeOf(net.rules[e.b]));
  return { net, line, visits, asked, hit, num, forms: formsOf(line, net) };
}

/** Kinds of decision that say where a packet goes; the others carry that out (a neighbour's MAC), or are asked on the way. */
const DECIDES: ReadonlySet<string> = new Set(["openflow", "logical", "netfilter", "fib", "policy"]);

/** The decision by which the packet left a device or ended there: the last choice, else the last rule with evidence that says where. */
export function decisionOf(way: Way, v: Visit): Decision | null {
  let last: Decision | null = null;
  let telling: Decision | null = null;
  let route: Decision | null = null;
  let chosen: Decision | null = null;
  for (let i = v.from; i < v.to; i++) {
    const e = way.line[i];
    if (e.kind === EV.hit || e.kind === EV.miss) {
      const table = way.net.tables[e.a];
      const rule = e.kind === EV.hit ? way.net.rules[e.b] : null;
      if (!(rule ? rule.origin : table.missOrigin)) continue;
      last = { table, rule, at: i, choice: "" };
      // A chain that ends without a decision, and a sysctl that lets pass, send nothing anywhere.
      if (DECIDES.has(table.stage) && rule && table.name !== "forwarding") telling = last;
      if (table.stage === "fib") route = last;
    } else if (e.kind === EV.choice && e.c > 1 && last) {
      const { how } = way.num.sites[e.a];
      chosen = { ...last, choice: `${e.b + 1} of ${e.c} by ${how}` };
    }
  }
  // Of a host that sends the packet on it is the route; one that ends there is ended by the last rule.
  return chosen ?? (nextOf(way, v) ? route : null) ?? telling ?? last;
}

/** Where the packet went from a stay: the next device that is no wire; null where it ended there. */
export function nextOf(way: Way, v: Visit): Device | null {
  const visits = way.whole ?? way.visits;
  const after = visits.slice(visits.indexOf(v) + 1).map((x) => x.device);
  return after.find((d) => d.kind !== "segment" && d.kind !== "tunnel" && d !== v.device) ?? after.at(-1) ?? null;
}

/** The packet with one destination: from the translation, or the start, that gave it to the one that takes it. */
export interface Form {
  /** As it first was there. */
  readonly row: Row;
  /** Indexes of its look-ups into `line`. */
  readonly at: ReadonlySet<number>;
  /** Devices on which it was looked at. */
  readonly devices: ReadonlySet<Device>;
  /** The last decision about it: where another form follows, the one that translated it. */
  readonly end: Decision;
}

function formsOf(line: readonly Event[], net: Network): Form[] {
  const forms = new Map<string, { row: Row; at: Set<number>; devices: Set<Device>; end: Decision }>();
  let depth = 0;
  let ends = { src: "", dst: "" };
  let last: Row | undefined;
  let key = "";
  for (const [i, e] of line.entries()) {
    if (e.kind !== EV.hit && e.kind !== EV.miss) continue;
    const table = net.tables[e.a];
    const rule = e.kind === EV.hit ? net.rules[e.b] : null;
    const inside = depth > 0;
    depth = Math.max(0, depth + wrapping(rule ? rule.program : table.miss));
    if (inside || !last || !sameEnds(last, e.row)) {
      const to = destinationOf(e.row);
      if (to === undefined || inside) continue;
      const now = { src: addressOf(e.row, "src"), dst: addressOf(e.row, "dst") };
      // Turned around within a device, a packet is a question (whether there is a way back), not the packet.
      if (now.src === ends.dst && now.dst === ends.src && now.src !== now.dst) continue;
      ends = now;
      last = e.row;
      key = `${to} ${get(e.row, "ip_proto")} ${get(e.row, "tp_dst")}`;
    }
    const device = net.devices[table.device];
    const end = { table, rule, at: i, choice: "" };
    const known = forms.get(key);
    if (known) {
      known.at.add(i);
      known.devices.add(device);
      known.end = end;
    } else forms.set(key, { row: e.row, at: new Set([i]), devices: new Set([device]), end });
  }
  return [...forms.values()];
}

/** Words of addresses, protocol and destination port: while none changes, the form is the same. */
const ENDS = FIELDS.filter((f) => /^(eth_type|ip_proto|ip_src|ip_dst|ipv6_src|ipv6_dst|tp_dst)$/.test(f.name)).flatMap((f) =>
  Array.from({ length: f.words }, (_, i) => f.word + i),
);
const sameEnds = (a: Row, b: Row) => ENDS.every((w) => a[w] === b[w]);

const WRAPPING = new WeakMap<readonly Action[], number>();

/** By how many tunnel headers a program adds to or takes from the packet. */
function wrapping(program: readonly Action[]): number {
  const known = WRAPPING.get(program);
  if (known !== undefined) return known;
  let n = 0;
  for (const a of program) {
    if (a.op === "encap") n++;
    if (a.op === "decap") n--;
    // Options of a choice do the same to different ends.
    if (a.op === "choose") n += wrapping(a.options[0]);
    else if (a.op !== "emit" && a.op !== "clone") for (const p of nested(a)) n += wrapping(p);
  }
  WRAPPING.set(program, n);
  return n;
}
