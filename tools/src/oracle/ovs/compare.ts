/**
 * Asking both sides: the real switch and what Plumbline makes of its dumps. Both answer in lines; a difference of lines is a
 * failure.
 *
 * For each packet, where traced: hits and outputs of each pass through the tables, and zones of `ct`; our `ct` states are
 * given to the switch's trace, which knows no connections. Where sent: what left, by port, and the connections then known.
 */
import { get, type Row } from "@plumbline/model";
import { frameOf, rowOf } from "../frames.js";
import { flowLine, groupLine } from "../ofproto/tables.js";
import { headersOf, Mirror, type Result } from "./mirror.js";
import { BRIDGE, PORTS, type PrivateSwitch } from "./private-switch.js";
import { packetLine, type Scenario } from "./scenario.js";
import { type Pass, readPasses } from "./trace-text.js";

/** What one side says of each packet. */
export type Answers = readonly (readonly string[])[];

export interface Comparison {
  readonly switched: Answers;
  readonly mirrored: Answers;
  /** Index of the first packet on which they differ, -1 if none. */
  readonly differs: number;
}

/** The switch refused the scenario, or cannot answer for a reason of its own. */
export class NotAnswerable extends Error {}

/** Tables in the switch, and what its dumps became. */
export interface Loaded {
  readonly mirror: Mirror;
  /** Flows that the switch refused, with its reason. */
  readonly refused: readonly string[];
}

/** Loads tables, given as lines, into the switch and reads them back. */
export async function loadTables(
  sw: PrivateSwitch,
  tables: { flows: readonly string[]; groups: readonly string[]; version: string },
): Promise<Loaded> {
  try {
    const refused = await sw.load(tables.flows, tables.groups, tables.version);
    const mirror = new Mirror({ ...sw.described, ...(await sw.dump(tables.version)), version: tables.version });
    return { mirror, refused: [...refused].map(([i, why]) => `${tables.flows[i]}: ${why}`) };
  } catch (e) {
    throw new NotAnswerable(`${e}`);
  }
}

/** Loads a scenario's tables. */
export function loadScenario(sw: PrivateSwitch, s: Pick<Scenario, "flows" | "groups" | "version">): Promise<Loaded> {
  return loadTables(sw, { flows: s.flows.map(flowLine), groups: s.groups.map(groupLine), version: s.version });
}

/** Our answers. Without frames sent, each packet meets no connections. */
export function answersOf(mirror: Mirror, ask: Scenario["ask"], packets: readonly Row[]): { lines: Answers; results: readonly Result[] } {
  mirror.begin(packets);
  const results: Result[] = [];
  const lines = packets.map((packet, i) => {
    if (!ask.wire) mirror.reset();
    const r = mirror.run(packet, i);
    results.push(r);
    return [...(ask.trace ? passLines(r.passes) : []), ...(ask.wire ? [...leavingLines(r.left), ...mirror.connections()] : [])];
  });
  return { lines, results };
}

/** Both sides' answers for packets through tables that are loaded. */
export async function compare(sw: PrivateSwitch, mirror: Mirror, ask: Scenario["ask"], packets: readonly Row[]): Promise<Comparison> {
  const { lines: mirrored, results } = answersOf(mirror, ask, packets);
  const traces = ask.trace ? await traceAll(sw, packets, results) : [];
  const switched: string[][] = [];
  for (const [i, packet] of packets.entries()) {
    const lines = ask.trace ? passLines(traces[i]) : [];
    if (ask.wire) {
      const out = await sw.inject(get(packet, "in_port"), frameOf(packet));
      lines.push(...leavingLines(out.map((d) => ({ port: d.port, row: rowOf(d.frame) }))));
      lines.push(...(await sw.ask("dpctl/dump-conntrack")).split("\n").filter(Boolean).map(withoutProtocolState).sort());
    }
    switched.push(lines);
  }
  const differs = switched.findIndex((lines, i) => lines.join("\n") !== mirrored[i].join("\n"));
  return { switched, mirrored, differs };
}

async function traceAll(sw: PrivateSwitch, packets: readonly Row[], results: readonly Result[]): Promise<Pass[][]> {
  try {
    const texts = await Promise.all(
      packets.map((p, i) => {
        const next = results[i].states.flatMap((s) => ["--ct-next", stateText(s)]);
        return sw.ask("ofproto/trace", BRIDGE, packetLine(p, false), ...next);
      }),
    );
    return texts.map(readPasses);
  } catch (e) {
    throw new NotAnswerable(`${e}`);
  }
}

const STATES = ["new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"];
function stateText(state: number): string {
  return STATES.filter((_, bit) => state & (1 << bit)).join(",");
}

function passLines(passes: readonly Pass[]): string[] {
  return passes.map((p, i) => {
    // In which order a flood goes is the switch's own affair.
    const outputs = p.outputs
      .filter((n) => PORTS.includes(n))
      .sort((a, b) => a - b)
      .join(",");
    const zones = p.zones.length > 0 ? ` zones ${p.zones.join(",")}` : "";
    return `pass ${i + 1}: ${p.hits.join(" ")} -> ${outputs || "nothing"}${zones}`;
  });
}

function leavingLines(left: readonly { port: number; row: Row }[]): string[] {
  return left
    .filter((d) => PORTS.includes(d.port))
    .map((d) => `leaves by ${d.port}: ${packetLine(asOnWire(d.row)).replace(/^in_port=\d+,/, "")}`)
    .sort();
}
/** What a frame can carry of the row. */
function asOnWire(row: Row): Row {
  return rowOf(frameOf(headersOf(row)));
}

/** Protocol states and helpers are no part of the model. */
function withoutProtocolState(line: string): string {
  return line
    .trim()
    .replace(/,protoinfo=\(.*?\)/, "")
    .replace(/,helper=\w+/, "");
}
