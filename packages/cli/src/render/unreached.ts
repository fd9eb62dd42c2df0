/**
 * What is beside the path: rules that speak of the destination and were never reached, and the answer to `--why-not`.
 *
 *     present, never reached (rules that speak of the destination, and are not on this path)
 *       master-01-demo: br-ex sent it straight to br-int  [node/dump-flows_br-ex:20]
 *         netfilter nat EXTERNALIP  -A EXTERNALIP -d … -j DNAT …  node/iptables-save:61  would send it to 172.30.0.7:80
 *
 * Rules with one reason stand under it; the first of them are shown, and how many more there are.
 */
import type { PlacedRule, Unreached, UnreachedRule, WhyNot } from "@plumbline/engine";
import { namesOf, ruleTextOf } from "./hops.js";
import { count, type Paint, shorten } from "./style.js";

/** Rules shown under one reason, and reasons shown, unless all are asked for. */
const SHOWN = 3;
const REASONS = 6;
const TEXT = 100;
const WHY = 230;

export interface UnreachedText {
  readonly all: boolean;
  readonly width: number;
}

/** @param told what was printed before, and under which branch; a list that was is not printed again */
export function unreachedLines(
  x: Unreached | undefined,
  branch: string,
  told: Map<string, string>,
  paint: Paint,
  { all, width }: UnreachedText,
): string[] {
  if (x === undefined) return [];
  const title = `    ${paint("heading", "present, never reached")}`;
  const key = JSON.stringify(x.rules.map((r) => [r.rule, r.why]));
  const before = told.get(key);
  if (before !== undefined) return [`${title}: as ${before}`];
  told.set(key, branch);
  const groups = new Map<string, UnreachedRule[]>();
  for (const r of x.rules) {
    const group = JSON.stringify([FAR.has(r.reason) ? r.reason : r.device, withoutNode(r), r.by]);
    groups.set(group, [...(groups.get(group) ?? []), r]);
  }
  const lines = [`${title} (rules that speak of the destination and are not on this path)`];
  /** Rules that are not shown, by where they are and why. */
  const more = new Map<string, number>();
  const add = (on: string, reason: UnreachedRule["reason"], n: number) => {
    const what = `${on} (${BRIEFLY[reason]})`;
    more.set(what, (more.get(what) ?? 0) + n);
  };
  let full = 0;
  for (const group of groups.values()) {
    const [{ device, reason, by }] = group;
    const why = wholeReason(group);
    const far = FAR.has(reason);
    const most = all ? group.length : full >= REASONS ? 0 : far ? 1 : SHOWN;
    for (const r of group.slice(most)) add(r.node || r.device, r.reason, 1);
    if (most === 0) continue;
    full++;
    const head = why.includes(device) || far ? "" : `${device}: `;
    lines.push(`      ${shorten(`${head}${why}`, all ? 2000 : WHY)}${byText(by, paint)}`);
    for (const r of group.slice(0, most)) lines.push(ruleLine(r, why, paint, width));
  }
  for (const m of x.more) add(m.on, m.reason, m.rules);
  if (more.size > 0) {
    const total = [...more.values()].reduce((a, b) => a + b, 0);
    const rest = [...more].map(([what, n]) => `${n} on ${what}`);
    const where = `${rest.slice(0, 4).join(", ")}${rest.length > 4 ? ", …" : ""}`;
    lines.push(paint("faint", `      and ${count(total, "more", "more")}: ${where}${all ? "" : "; --all-branches lists more of them"}`));
  }
  return lines;
}

/** An other node's reason without its name: it is one for several. */
function withoutNode({ reason, node, why }: UnreachedRule): string {
  return reason === "other-node" && node !== "" && why.startsWith(`${node} `) ? why.slice(node.length) : why;
}

function wholeReason(group: readonly UnreachedRule[]): string {
  const nodes = [...new Set(group.map((r) => r.node))];
  if (nodes.length < 2 || group[0].reason !== "other-node") return group[0].why;
  return `${nodes.slice(0, 4).join(", ")}${nodes.length > 4 ? ` and ${nodes.length - 4} more` : ""}${withoutNode(group[0]).replace(" is ", " are ")}`;
}

/** Reasons that are one for all of a node's rules. */
const FAR: ReadonlySet<UnreachedRule["reason"]> = new Set(["translated", "other-node"]);

const BRIEFLY: Readonly<Record<UnreachedRule["reason"], string>> = {
  "no-match": "do not match",
  preferred: "others are preferred",
  ended: "their chain ended before",
  "not-asked": "not asked",
  "not-there": "never came there",
  translated: "translated before",
  "other-node": "not on this path",
};

function byText(by: PlacedRule | null, paint: Paint): string {
  return by === null ? "" : `  ${paint("faint", `${ruleShort(by)}  ${place(by)}`)}`;
}

const place = (r: PlacedRule) => (r.rule.file === "" ? "" : `${r.rule.file}${r.rule.line > 0 ? `:${r.rule.line}` : ""}`);
const ruleShort = (r: PlacedRule) => shorten(ruleTextOf(r.rule.text), TEXT);

function ruleLine(r: UnreachedRule, why: string, paint: Paint, width: number): string {
  const at = place(r);
  const stage = why.includes(`${r.stage} `) ? "" : `${r.stage}  `;
  const room = Math.max(TEXT, width - at.length - stage.length - 12);
  const to = r.to.length === 0 || r.to.every((t) => r.rule.text.includes(t)) ? "" : `would translate to ${shorten(r.to.join(", "), 60)}`;
  const datapath = r.links.find((l) => l.kind === "lflow" && l.datapath)?.datapath;
  const of = datapath === undefined ? "" : `of ${datapath}`;
  return ["       ", `${stage}${shorten(ruleTextOf(r.rule.text), room)}`, paint("faint", at), to, of, namesOf(r.links, paint)]
    .filter((s) => s !== "")
    .join("  ");
}

/** The answers to `--why-not`, a rule after the other. */
export function whyNotLines(answers: readonly WhyNot[], branches: number, paint: Paint): string[] {
  return answers.flatMap((x) => {
    const lines = [
      "",
      `${paint("heading", `why not ${place(x) || x.stage}`)}  ${paint("faint", `${x.device}, ${x.stage}`)}`,
      `  ${ruleTextOf(x.rule.text)}`,
    ];
    const names = namesOf(x.links, paint);
    if (names !== "") lines.push(`  of ${names}`);
    for (const a of x.answers) {
      const which = x.answers.length === 1 ? "" : `${branchNames(a.branches, branches)}: `;
      const tone = a.reason === "hit" ? paint("good", "it was hit") : a.why;
      lines.push(`  => ${which}${tone}`);
      if (a.by)
        lines.push(`     ${a.by.device}, ${a.by.stage}: ${shorten(ruleTextOf(a.by.rule.text), 160)}  ${paint("faint", place(a.by))}`);
    }
    return lines;
  });
}

function branchNames(list: readonly number[], all: number): string {
  if (list.length === all) return "every branch";
  return `${list.length === 1 ? "branch" : "branches"} ${list.map((b) => b + 1).join(", ")} of ${all}`;
}
