/**
 * The same packet through what switches have and through what they should be made of, hop by hop.
 *
 * Branches are told apart by what was chosen, so that each is held against its twin, or the one that is most alike. Within a branch the hops of every switch that
 * has both are aligned in order, table by table: a logical stage and the OpenFlow table that it became have one number. The
 * first hop that differs is the finding; what comes behind it follows from it.
 */
import { PlumblineError } from "@plumbline/model";
import { isDerived, rulesOf, taughtTables } from "../explain/logical/agreement.js";
import { buildNetwork } from "../network/build.js";
import { compileSession, type Session } from "../session.js";
import type { Hop } from "./hops.js";
import type { BranchResult, TraceResult } from "./trace.js";

export interface HopDifference {
  /** What was chosen on the way: which branch it is. */
  branch: string;
  device: string;
  /** rule: another rule decides. effect: the same rule, or its twin, makes something else of the packet. end: one goes on where the other ends. outcome: the hops agree, and the branch ends otherwise. */
  kind: "rule" | "effect" | "end" | "outcome";
  what: string;
  openflow: Hop | null;
  logical: Hop | null;
}

export interface TraceComparison {
  with: "logical";
  /** Switches that were compared on the packet's way. */
  devices: string[];
  /** Hops that agree. */
  hops: number;
  /** Switches on the way whose own flows are not in evidence: both ways are the derived one there. */
  notCompared: string[];
  differences: HopDifference[];
}

/** The session with derived flows in place of switches' own. Throws PlumblineError if there are none. */
export async function logicalSession(session: Session): Promise<Session> {
  const built = buildNetwork(session.snapshot.facts, session.snapshot.plugins, "always");
  if (!built.net.devices.some((d) => isDerived(built.net, d)))
    throw new PlumblineError("USAGE", [
      "there are no logical flows to compare with.",
      "A southbound database with Port_Binding and Chassis is wanted: ovsdb-client -f json dump unix:/var/run/ovn/ovnsb_db.sock OVN_Southbound",
    ]);
  return compileSession(session.snapshot, built);
}

/** Holds two traces of one packet against each other: through the switches' own flows, and through logical ones. */
export function compareTraces(session: Session, physical: TraceResult, logical: TraceResult): TraceComparison {
  const out: TraceComparison = { with: "logical", devices: [], hops: 0, notCompared: [], differences: [] };
  const derived = new Set(session.net.devices.filter((d) => isDerived(session.net, d)).map((d) => d.name));
  const taught = new Map(
    session.net.devices.filter((d) => d.kind === "bridge").map((d) => [d.name, taughtTables(rulesOf(session.net, d))] as const),
  );
  const met = new Set<string>();
  const known = { derived, taught, met };
  const left = new Set(logical.branches);
  for (const b of physical.branches) {
    const twin = nearest(b, logical.branches);
    left.delete(twin);
    compareBranches(b, twin, known, out);
  }
  for (const b of left) compareBranches(nearest(b, physical.branches), b, known, out);
  out.devices = [...met].filter((d) => !derived.has(d)).sort();
  out.notCompared = [...met].filter((d) => derived.has(d)).sort();
  out.differences = firstOfEach(out.differences);
  return out;
}

const isLogical = (h: Hop) => h.stage.startsWith("logical ");
const isOpenFlow = (h: Hop) => h.stage.startsWith("openflow ");
/** "21" of "openflow 21" and of "logical 21". */
const tableOf = (h: Hop) => h.stage.slice(h.stage.indexOf(" ") + 1);

function choicesOf(b: BranchResult): string[] {
  return hopsOf(b).flatMap((h) => (h.choice === undefined ? [] : [`${h.device}: ${h.choice}`]));
}

/** The branch on which the same was chosen, as far as any did. */
function nearest(b: BranchResult, among: readonly BranchResult[]): BranchResult {
  const own = choicesOf(b);
  const alike = (x: BranchResult) => {
    const its = choicesOf(x);
    const parted = own.findIndex((c, i) => its[i] !== c);
    const common = parted < 0 ? own.length : parted;
    return common + (common === own.length && common === its.length ? 1 : 0);
  };
  return among.reduce((best, x) => (alike(x) > alike(best) ? x : best));
}

/** All hops of a branch, its answers' included. */
function hopsOf(b: BranchResult): readonly Hop[] {
  return [...b.hops, ...(b.answer?.hops ?? []), ...(b.reply ? (b.reply.branches ?? [b.reply]).flatMap((r) => r.hops) : [])];
}

/** Switches whose own flows are not in evidence; tables that packets teach, by switch; switches that were met. */
interface Known {
  readonly derived: ReadonlySet<string>;
  readonly taught: ReadonlyMap<string, ReadonlySet<string>>;
  readonly met: Set<string>;
}

function compareBranches(physical: BranchResult, logical: BranchResult, { derived, taught, met }: Known, out: TraceComparison): void {
  const branch = choicesOf(physical).join("; ");
  const switches = new Set(
    hopsOf(logical)
      .filter(isLogical)
      .map((h) => h.device),
  );
  for (const h of hopsOf(physical)) if (isLogical(h) || (isOpenFlow(h) && derived.has(h.device))) switches.add(h.device);
  const [a, b] = [hopsOf(physical), hopsOf(logical)].map((hops) => hops.filter((h) => switches.has(h.device)));
  for (const d of switches) met.add(d);
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [x, y] = [a[i], b[i]];
    const difference =
      x && y
        ? hopDifference(x, y, taught.get(x.device)?.has(tableOf(x)) === true)
        : (["end", x ? "the logical flows end before it" : "OpenFlow ends before it"] as const);
    if (!difference) {
      out.hops++;
      continue;
    }
    const [kind, what] = difference;
    out.differences.push({ branch, device: (x ?? y)!.device, kind, what, openflow: x ?? null, logical: y ?? null });
    return;
  }
  if (physical.verdict !== logical.verdict || JSON.stringify(physical.to) !== JSON.stringify(logical.to))
    out.differences.push({
      branch,
      device: "",
      kind: "outcome",
      what: `${physical.verdict} by OpenFlow, ${logical.verdict} by the logical flows`,
      openflow: physical.hops.at(-1) ?? null,
      logical: logical.hops.at(-1) ?? null,
    });
}

/** Numbers of a switch's own, which say nothing. */
const OWN = /^(conj_id|recirc_id|dp_hash)/;

/** @param isTaught whose row taught a flow first says nothing */
function hopDifference(x: Hop, y: Hop, isTaught: boolean): readonly [HopDifference["kind"], string] | null {
  if (x.device !== y.device || tableOf(x) !== tableOf(y)) return ["rule", `${place(x)} by OpenFlow, ${place(y)} by the logical flows`];
  const [own, wanted] = [x, y].map((h) => uuidsOf(h));
  if (own !== wanted && !isTaught)
    return ["rule", `table ${tableOf(x)}: another row decides (${own || "none"} by OpenFlow, ${wanted || "none"} by the logical flows)`];
  const [did, does] = [x, y].map((h) => JSON.stringify(h.changes.filter((c) => !OWN.test(c.field))));
  if (did !== does || x.after !== y.after) return ["effect", `table ${tableOf(x)}: the packet leaves it otherwise`];
  return null;
}

const place = (h: Hop) => `table ${tableOf(h)} of ${h.device}`;
const uuidsOf = (h: Hop) =>
  [
    ...new Set(
      h.links.filter((l) => l.uuid !== undefined && l.uuid !== "" && l.kind !== "group").map((l) => `${l.kind} ${l.uuid!.slice(0, 8)}`),
    ),
  ]
    .sort()
    .join(", ");

/** Branches that part behind it meet the same difference: it is told once. */
function firstOfEach(all: readonly HopDifference[]): HopDifference[] {
  const told = new Set<string>();
  return all.filter((d) => {
    const key = JSON.stringify([d.device, d.kind, d.what, d.openflow?.rule, d.logical?.rule]);
    return !told.has(key) && told.add(key);
  });
}
