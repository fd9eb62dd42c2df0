/**
 * A trace as text: the packet, its branches with their shares, one line a hop, what is needed to know more, the verdict last.
 *
 * Hops that a branch shares with the one printed before are not repeated. Without `all`, hops are printed of the likeliest
 * branch and of one branch for every other outcome; the rest are headings, which name what was chosen.
 */
import type { BranchResult, Hop, Need, ReplyResult, TraceResult, Tuple } from "@plumbline/engine";
import { furtherLines } from "./further.js";
import { columnsOf, hopLines, placeOf, ruleText, stageOf } from "./hops.js";
import { count, type Look, type Paint, painter, shorten, type Tone } from "./style.js";
import { unreachedLines, whyNotLines } from "./unreached.js";

export interface TraceText {
  /** Every branch with its hops. */
  readonly all: boolean;
  /** Every table that the packet went through, not only those that tell something. */
  readonly allHops?: boolean;
}

export function renderTrace(x: TraceResult, look: Look, options: TraceText): string {
  const paint = painter(look);
  const every = x.branches.flatMap((b) => [...b.hops, ...(b.further ?? []), ...(b.answer?.hops ?? []), ...replyHops(b.reply)]);
  const columns = columnsOf(every, look);
  const why = x.start === "" ? "" : paint("faint", `  (${x.start})`);
  const out: string[] = [`${paint("heading", x.packet)}  from ${x.from}${why}`, `  ${paint("faint", tablesText(x))}`];
  const walk: Walk = (hops) => hopLines(hops, columns, paint, options.allHops === true);
  const told = new Set<string>();
  const toldFurther = new Map<string, string>();
  const toldUnreached = new Map<string, string>();
  const order = x.branches.map((b, i) => ({ b, i })).sort((p, q) => q.b.probability - p.b.probability || p.i - q.i);
  let before: readonly Hop[] = [];
  let beforeName = "";
  for (const [n, { b }] of order.entries()) {
    const name = `branch ${n + 1}`;
    const key = outcomeKey(b);
    const full = options.all || !told.has(key);
    told.add(key);
    out.push("");
    if (x.branches.length > 1)
      out.push(`${paint("heading", `${name} of ${x.branches.length}: ${percent(b.probability)}`)}${choicesText(b.hops)}`);
    if (full) {
      out.push(...newLines(b.hops, before, beforeName, walk));
      before = b.hops;
      beforeName = name;
      if (b.answer) {
        out.push(`    ${paint("heading", "the answer")} ${b.answer.packet}`);
        out.push(...walk(b.answer.hops));
      }
    }
    out.push(`  ${outcome(b, paint)}`);
    out.push(...furtherLines(b.further, name, toldFurther, columns, paint));
    if (full) out.push(...unreachedLines(b.unreached, name, toldUnreached, paint, { all: options.all, width: look.width }));
    if (b.reply) out.push(...replyLines(b.reply, full ? walk : null, paint));
  }
  out.push(...needLines(x.branches, paint));
  const printed = order.map(({ i }) => i);
  const renumbered = x.whyNot?.map((w) => ({
    ...w,
    answers: w.answers.map((a) => ({ ...a, branches: a.branches.map((b) => printed.indexOf(b)).sort((p, q) => p - q) })),
  }));
  out.push(...whyNotLines(renumbered ?? [], x.branches.length, paint));
  out.push("", verdictLine(x, paint));
  return out.join("\n");
}

/** With which connections every branch begins. */
function tablesText({ conntrack }: TraceResult): string {
  if (conntrack.tables === "empty") return "connections: none at the start";
  return `connections: ${conntrack.entries} at the start, as dumped`;
}

/** Branches of one outcome tell the same story. */
function outcomeKey(b: BranchResult): string {
  return JSON.stringify([b.verdict, b.to?.kind, b.reply?.verdict]);
}

/** Hops as lines. */
type Walk = (hops: readonly Hop[]) => string[];

/** The hops from where they part from the branch printed before. */
function newLines(hops: readonly Hop[], before: readonly Hop[], beforeName: string, walk: Walk): string[] {
  let same = 0;
  while (same < hops.length && same < before.length && sameHop(hops[same], before[same])) same++;
  if (same < 2) return walk(hops);
  return [
    `    as ${beforeName} up to ${hops[same - 1].device}, ${hops[same - 1].stage} (${count(same, "hop")})`,
    ...walk(hops.slice(same)),
  ];
}

function sameHop(a: Hop, b: Hop): boolean {
  return (
    a.device === b.device &&
    a.stage === b.stage &&
    a.rule.file === b.rule.file &&
    a.rule.line === b.rule.line &&
    a.rule.text === b.rule.text &&
    a.after === b.after &&
    a.choice === b.choice
  );
}

/** What was chosen where, which is what makes a branch. */
function choicesText(hops: readonly Hop[]): string {
  // A packet that goes in circles meets the same chooser again.
  const choices = [...new Set(hops.filter((h) => h.choice !== undefined).map((h) => `${h.device}: ${h.choice}`))];
  return choices.length === 0 ? "" : `  (${choices.join("; ")})`;
}

export function percent(p: number): string {
  return `${Math.round(p * 1000) / 10} %`;
}

function tupleText(t: Tuple): string {
  // ARP and protocols without ports.
  if (t.srcPort === 0 && t.dstPort === 0) return `${t.src} > ${t.dst}`;
  const end = (address: string, port: number) => (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`);
  return `${end(t.src, t.srcPort)} > ${end(t.dst, t.dstPort)}`;
}

const TONE: Readonly<Record<string, Tone>> = { delivered: "good", unknown: "doubt", mixed: "doubt" };

function verdictWord(verdict: string, paint: Paint): string {
  return paint(TONE[verdict] ?? "bad", verdict);
}

function outcome(b: BranchResult, paint: Paint): string {
  const by = b.to === null ? "" : ` to ${b.to.kind} ${b.to.name}${b.to.node !== "" && b.to.node !== b.to.name ? ` on ${b.to.node}` : ""}`;
  const via = b.node === "" || b.to?.node === b.node ? "" : `, entering at ${b.node}`;
  const reason = b.reason === "" ? "" : `: ${b.reason}`;
  const what = b.final.mac === undefined ? `as ${tupleText(b.final)}` : `${b.final.dst} is at ${b.final.mac}`;
  return `=> ${verdictWord(b.verdict, paint)}${by}${via}, ${what}${reason}`;
}

function replyHops(r: ReplyResult | undefined): readonly Hop[] {
  return r === undefined ? [] : (r.branches ?? [r]).flatMap((b) => b.hops);
}

function replyLines(r: ReplyResult, walk: Walk | null, paint: Paint): string[] {
  const out: string[] = [];
  const ways = r.branches ?? [{ ...r, probability: 1 }];
  for (const [n, way] of ways.entries()) {
    const share = ways.length > 1 ? ` ${n + 1} of ${ways.length}: ${percent(way.probability)}` : "";
    if (walk) {
      out.push(`    ${paint("heading", `the way back${share}`)}`);
      out.push(...walk(way.hops));
    }
    out.push(`  <= the answer is ${verdictWord(way.verdict, paint)}, as ${tupleText(way.final)}`);
  }
  return out;
}

function needLines(branches: readonly BranchResult[], paint: Paint): string[] {
  const needs = new Map<string, Need>();
  for (const b of branches)
    for (const n of [...b.needs, ...(b.reply?.needs ?? []), ...(b.reply?.branches ?? []).flatMap((r) => r.needs)])
      needs.set(`${n.on}\n${n.command}\n${n.why}`, n);
  if (needs.size === 0) return [];
  return [
    "",
    paint("heading", "to know more"),
    ...[...needs.values()].map(
      (n) => `  ${n.on === "" ? "" : `on ${n.on}: `}${n.command === "" ? n.why : `${paint("name", n.command)}  (${n.why})`}`,
    ),
  ];
}

/** The whole, in a line: shares by outcome; for one that failed, the rule that did it. */
function verdictLine(x: TraceResult, paint: Paint): string {
  const shares = new Map<string, number>();
  for (const b of x.branches) {
    const where = b.to === null ? deciding(b) : `${b.to.name}${b.to.node !== "" && b.to.node !== b.to.name ? ` on ${b.to.node}` : ""}`;
    const key = `${x.verdict === "mixed" ? `${b.verdict} ` : ""}${where}`;
    shares.set(key, (shares.get(key) ?? 0) + b.probability);
  }
  const list = [...shares].map(([key, share]) => (shares.size === 1 ? key : `${percent(share)} ${key}`)).filter((s) => s !== "");
  const cut = x.complete ? "" : `; only the first ${count(x.branches.length, "branch", "branches")} were followed`;
  return `verdict: ${verdictWord(x.verdict, paint)}${list.length === 0 ? "" : ` (${list.join("; ")})`}${cut}`;
}

/** Why and where a packet ended that was not delivered: the reason, and the last rule that stands in the evidence. */
function deciding(b: BranchResult): string {
  const hop = b.hops.findLast((h) => h.rule.file !== "") ?? b.hops.at(-1);
  const rule = hop && `last rule: ${[hop.device, stageOf(hop), shorten(ruleText(hop), 80), placeOf(hop)].filter(Boolean).join(", ")}`;
  return [b.reason, rule].filter(Boolean).join("; ");
}
