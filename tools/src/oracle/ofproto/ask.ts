/** Asking both sides: the real switch, and Plumbline with what that switch holds. */
import { DISAGREEMENT, DRIFT, NOT_KNOWN, type OfprotoBridge } from "@plumbline/plugin-ovs";
import { answerLines, isFlooded, type ToldStep } from "./compare.js";
import { Ours } from "./ours.js";
import type { Told, TraceSwitch } from "./switch.js";
import { type BridgeTables, FORMS, flowLine, groupLine, type Question, type TableSet } from "./tables.js";
import { DATAPATH } from "./topology.js";
import { readTrace, type Thread, type TraceText } from "./trace-text.js";

/** What our side reads of a bridge. */
export interface Evidence {
  readonly bridge: string;
  readonly flows: string;
  readonly groups: string;
  readonly fdb: string;
  readonly tlvMap: string;
  readonly ports: string;
}
/** Both sides' answers to a question, in lines. */
export interface Pair {
  readonly question: Question;
  readonly real: readonly string[];
  readonly ours: readonly string[];
}
/** In what two answers differ first. */
export type Kind =
  | "refused by us"
  | "accepted by us"
  | "unknown"
  | "threads"
  | "steps"
  | "final flow"
  | "actions"
  | "disagreement"
  | "crash";

/** The switch refused flows of a set that is expected to be loaded as a whole, or a group. */
export class NotLoaded extends Error {}

/** Loads a set and leaves out what the switch refuses. Returns what it holds. */
export async function load(sw: TraceSwitch, set: TableSet): Promise<{ set: TableSet; refused: number }> {
  let refusals: Awaited<ReturnType<TraceSwitch["load"]>>;
  try {
    refusals = await sw.load(set);
  } catch (e) {
    throw new NotLoaded(`${e}`);
  }
  const bridges = set.bridges.map((b): BridgeTables => {
    const bad = new Set(refusals.filter((r) => r.bridge === b.name).map((r) => r.flow));
    return { ...b, flows: b.flows.filter((_, i) => !bad.has(i)) };
  });
  return { set: { ...set, bridges }, refused: refusals.length };
}

/** What our side is to read of a set that the switch holds. */
export async function evidence(sw: TraceSwitch, set: TableSet): Promise<Evidence[]> {
  const options = formOf(set);
  return Promise.all(
    set.bridges.map(async (b) => ({
      bridge: b.name,
      flows: options && b.flows.length > 0 ? await sw.dumpFlows(b.name, options) : b.flows.map((f) => `${flowLine(f)}\n`).join(""),
      groups: options && b.groups.length > 0 ? await sw.dumpGroups(b.name) : b.groups.map((g) => `${groupLine(g)}\n`).join(""),
      ...sw.printedOf(b.name),
    })),
  );
}
/**
 * Options of the dump, null if what was written is read. OpenFlow 1.0 says less than what is written (masks of set_field are lost), later
 * versions push a tag before they write one, and make three actions of enqueue.
 */
export function formOf(set: TableSet): readonly string[] | null {
  const options = FORMS[set.form];
  const rewritten =
    set.version === "OpenFlow10" || set.bridges.some((b) => b.flows.some((f) => f.actions.some((a) => /mod_vlan_|enqueue/.test(a))));
  return options || rewritten ? [`-O${set.version}`, ...(options ?? [])] : null;
}

export function openOurs(files: readonly Evidence[]): Ours {
  const file = (name: string, text: string) => ({ name, text });
  return new Ours(
    files.map(
      (e): OfprotoBridge => ({
        name: e.bridge,
        flows: file(`${e.bridge}.flows`, e.flows),
        groups: file(`${e.bridge}.groups`, e.groups),
        ports: file(`${e.bridge}.ports`, e.ports),
        fdb: file(`${e.bridge}.fdb`, e.fdb),
        tlvMap: file(`${e.bridge}.tlv-map`, e.tlvMap),
      }),
    ),
  );
}

/** A question as a line: the bridge, the packet, its options. A datapath flow tells by its port which bridge it enters. */
const questionLine = (q: Question) => (q[0] === DATAPATH ? q.slice(1) : q).join(" ");

/** Steps of a thread. A resumed one is in the bridge whose rules it hits; `?` where it hits none. */
function steps(t: Thread, owners: ReadonlyMap<string, string>): ToldStep[] {
  const hit = t.steps.find((s) => s.resumed && s.hit)?.hit;
  const own = hit ? (owners.get(hit.cookie) ?? "?") : "?";
  return t.steps.map(({ bridge, resumed, table, hit }) => ({ bridge: resumed ? own : bridge, table, ...(hit ?? { miss: true as const }) }));
}
/** Bridges of rules, by cookie. */
export function ownersOf(set: TableSet): Map<string, string> {
  return new Map(set.bridges.flatMap((b) => b.flows.map((f) => [`0x${f.cookie.toString(16)}`, b.name] as const)));
}

/** Answers of the real switch in lines, and what else its text tells. */
export function realLines(t: Told, owners: ReadonlyMap<string, string>): { lines: string[]; text: TraceText | null; flooded: boolean } {
  if ("error" in t) return { lines: [`refused: ${t.error.trim()}`], text: null, flooded: false };
  const text = readTrace(t.text);
  const flooded = isFlooded(text.lines);
  return {
    lines: answerLines(
      text.threads.map((x) => ({ ...x, steps: steps(x, owners) })),
      flooded,
    ),
    text,
    flooded,
  };
}

/** Our answer in lines; where the real one cannot tell a bridge, neither does ours. */
export function ourLines(ours: Ours, q: Question, flooded: boolean, real: readonly string[]): string[] {
  try {
    const { trace, error } = ours.ask(questionLine(q));
    if (!trace) return [`refused: ${error}`];
    const lines = answerLines(trace.threads, flooded).map((l, i) =>
      real[i]?.startsWith("  ? ") && !/^ {2}(final|actions) /.test(l) ? l.replace(/^ {2}\S+/, "  ?") : l,
    );
    return trace.verdict === "unknown" ? [...lines, `unknown: ${trace.notes.join("; ")}`] : lines;
  } catch (e) {
    return [`crash: ${e instanceof Error ? (e.stack ?? e.message).split("\n").slice(0, 4).join(" ") : e}`];
  }
}

/** Packets sent to a controller have ids too: which of them are one is the switch's own affair. */
const withoutFrozen = (line: string) => line.replace(/recirc_id=#\d+,rule_cookie/g, "recirc_id=#,rule_cookie");

/** The declared reason for which our answer ends early, or null. */
export function openFor(ours: readonly string[]): string | null {
  const last = ours.at(-1)!;
  return last.startsWith("unknown") ? (Object.values(DRIFT).find((d) => last.includes(d)) ?? null) : null;
}

/**
 * Whether what differs first is which of two flows of one priority is hit. OpenFlow leaves that open, Open vSwitch takes what its tables were
 * filled in which order, and left out in which: a dump does not tell (a text that was written does, if nothing was there before).
 */
export function isTie({ real, ours }: Pair, set: TableSet): boolean {
  if (formOf(set) === null) return false;
  const at = real.findIndex((l, i) => l !== ours[i]);
  const step = (l: string | undefined) => /^ {2}(\S+ \d+) 0x[0-9a-f]+ (priority=\d+)/.exec(l ?? "");
  const [a, b] = [step(real[at]), step(ours[at])];
  return a !== null && b !== null && a[1] === b[1] && a[2] === b[2];
}

/** In what they differ, or null. Texts of refusals may differ. What an answer that ends early does not tell is no difference. */
export function difference(real: readonly string[], ours: readonly string[]): Kind | null {
  if (ours[0]?.startsWith("crash")) return "crash";
  // Ours is at odds with itself, whatever it answers.
  if (ours.at(-1)!.includes(DISAGREEMENT)) return "disagreement";
  const refused = real[0].startsWith("refused");
  if (refused !== ours[0].startsWith("refused")) return refused ? "accepted by us" : "refused by us";
  // A recirculation that neither side follows leaves the verdict open.
  const told = ours.at(-1)!.startsWith("unknown") ? ours.slice(0, -1) : ours;
  if (openFor(ours) !== null) {
    const end = told.indexOf(`  final ${NOT_KNOWN}`);
    if (
      told[0].startsWith("flooded") ||
      told.slice(0, end < 0 ? undefined : end).every((l, i) => withoutFrozen(l) === withoutFrozen(real[i] ?? ""))
    )
      return null;
  }
  if (refused || (real.length === told.length && real.every((l, i) => withoutFrozen(l) === withoutFrozen(told[i])))) return null;
  if (ours.at(-1)!.startsWith("unknown")) return "unknown";
  const at = real.findIndex((l, i) => l !== ours[i]);
  const pair = [real[at] ?? "", ours[at] ?? ""];
  if (pair.some((l) => l.startsWith("  final")) && pair.every((l) => l.startsWith("  final"))) return "final flow";
  if (pair.every((l) => l.startsWith("  actions"))) return "actions";
  return pair.some((l) => l.startsWith("thread")) && !pair.every((l) => l.startsWith("  ")) ? "threads" : "steps";
}
