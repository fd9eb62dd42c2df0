/**
 * `explain` as text: the short answer, what is not alike on all nodes, then section by section what there is, with file and line.
 */
import type { Difference, EvidenceLink, ExplainedItem, ExplainedRule, ExplainedSection, Explanation } from "@plumbline/engine";
import { count, type Look, type Paint, painter, shorten } from "./style.js";

export interface ExplainText {
  /** Lists every item, and in full. */
  readonly all: boolean;
}

/** Items of a section that are shown without `--all`. */
const SHOWN = 12;
/** The fields that a rule asks for, which tell rules of one purpose apart. */
const FIELDS = / \(by [a-z0-9_, ]+\)$/;
/** Columns that an item's text has at least. */
const ROOM = 120;
/** Differences of one kind that are shown without `--all`. */
const SHOWN_DIFFERENCES = 6;

/** How a flow's line begins: times and counters decide nothing. */
const FLOW_HEAD = /^cookie=[^,]+, (?:duration=[^,]+, )?(table=[^,]+, )?(?:(?:n_packets|n_bytes|idle_age|hard_age)=[^,\s]+, )*/;

export function renderExplanation(x: Explanation, look: Look, options: ExplainText): string {
  const paint = painter(look);
  const out = [...x.answer];
  if (x.differences.length > 0) out.push("", ...differenceLines(x.differences, paint, options));
  for (const r of x.rules) out.push("", ...ruleLines(r, look, paint, options));
  let layer = "";
  const own = x.question.kind === "service" ? x.question.service : "";
  const full = options.all || x.question.kind !== "service";
  for (const s of x.sections) {
    if (s.layer !== layer) out.push("");
    layer = s.layer;
    out.push(...sectionLines(s, { own, full, under: x.question.kind === "cookie" && s.layer !== "occurrences" }, look, paint, options));
  }
  if (x.missing.length > 0) {
    out.push("", paint("heading", "not in evidence"));
    for (const m of x.missing) out.push(`  ${m.what}: ${m.command}${m.hosts.length > 0 ? `  on ${m.hosts.join(", ")}` : ""}`);
  }
  return out.join("\n");
}

interface ItemText {
  /** The Service that all of it is about: its name need not stand on every line. */
  readonly own: string;
  /** Texts are not shortened. */
  readonly full: boolean;
  /** What an item is linked to stands under it, a line each. */
  readonly under: boolean;
}

function sectionLines(s: ExplainedSection, how: ItemText, look: Look, paint: Paint, options: ExplainText): string[] {
  const where = s.host === "" ? "" : `${s.host}: `;
  if (s.items.length === 0) return [`${paint("heading", `${where}${s.title}`)}: none`];
  const shown = options.all ? s.items : s.items.slice(0, SHOWN);
  const left = s.items.length - shown.length;
  return [
    paint("heading", `${where}${s.title}`),
    ...shown.flatMap((i) => itemLines(i, how, look, paint, options)),
    ...(left > 0 ? [paint("faint", `  and ${left} more (--all shows them)`)] : []),
  ];
}

function itemLines(i: ExplainedItem, how: ItemText, look: Look, paint: Paint, options: ExplainText): string[] {
  const place = placeOf(i.file, i.line);
  const names = namesOf(
    i.links.filter((l) => l.kind !== "service" || l.name !== how.own),
    i.text,
    options.all,
  );
  const room = Math.max(ROOM, look.width - place.length - 6);
  const text = tidy(i.text);
  const line = [`  ${how.full ? text : shorten(text, room)}`, paint("faint", place), how.under ? "" : paint("name", names)];
  const under = how.under ? i.links.filter((l) => l.kind !== "constant" && !(l.kind === "lflow" && text.includes(l.uuid ?? "-"))) : [];
  return [
    line
      .filter((p) => p !== "")
      .join("  ")
      .trimEnd(),
    ...under.map((l) => `      ${linkText(l)}`),
  ];
}

/** Evidence on one line, without what only counts. */
function tidy(text: string): string {
  return text
    .replace(/\s+/g, " ")
    .trim()
    .replace(/^\[\d+:\d+\] /, "")
    .replace(FLOW_HEAD, (_, table: string | undefined) => table ?? "");
}

function placeOf(file: string, line: number): string {
  return file === "" ? "" : `${file}${line > 0 ? `:${line}` : ""}`;
}

const KINDS = ["service", "pod", "node", "network_policy", "load_balancer", "acl", "nat", "lflow"];
const MOST_NAMES = 4;

/** What the links name and the text does not. */
function namesOf(links: readonly EvidenceLink[], text: string, all: boolean): string {
  const names: string[] = [];
  for (const kind of KINDS)
    for (const l of links.filter((x) => x.kind === kind)) {
      const name = kind === "lflow" ? [l.stage, l.uuid?.slice(0, 8)].filter(Boolean).join(" ") : (l.name ?? "");
      if (name === "" || text.includes(kind === "lflow" ? (l.uuid?.slice(0, 8) ?? name) : name)) continue;
      const said = `${kind.replace("_", " ")} ${name}`;
      if (!names.includes(said)) names.push(said);
    }
  if (all || names.length <= MOST_NAMES) return names.join(", ");
  return `${names.slice(0, MOST_NAMES).join(", ")}, +${names.length - MOST_NAMES}`;
}

/** Differences of one layer between the same nodes are one entry. */
function differenceLines(differences: readonly Difference[], paint: Paint, options: ExplainText): string[] {
  const groups = new Map<string, Difference[]>();
  for (const d of differences) {
    const key = JSON.stringify([d.verdict, d.layer, headOf(d), d.why]);
    groups.set(key, [...(groups.get(key) ?? []), d]);
  }
  const lines = [paint("heading", "what is not alike on all nodes")];
  const sorted = [...groups.values()].sort((a, b) => Number(a[0].verdict === "expected") - Number(b[0].verdict === "expected"));
  for (const group of sorted) {
    const [d] = group;
    const why = d.why.length === 0 ? "" : ` (${d.verdict === "expected" ? "as it should be" : "because"}: ${d.why.join("; ")})`;
    lines.push(`  ${paint(d.verdict === "odd" ? "bad" : "good", d.verdict)}  ${d.layer}: ${headOf(d)}${why}`);
    const shown = options.all ? group : group.slice(0, SHOWN_DIFFERENCES);
    for (const g of shown)
      lines.push(`      ${options.all ? g.what : g.what.replace(FIELDS, "")}${valuesOf(g)}  ${paint("faint", placeOf(g.file, g.line))}`);
    if (group.length > shown.length) lines.push(paint("faint", `      and ${group.length - shown.length} more (--all shows them)`));
  }
  return lines;
}

function headOf(d: Difference): string {
  if (d.shouldNot.length > 0) return `${d.shouldNot.join(", ")} should not have it`;
  if (d.lack.length > 0)
    return `${d.lack.join(", ")} ${d.lack.length === 1 ? "lacks" : "lack"} what ${d.have.join(", ")} ${d.have.length === 1 ? "has" : "have"}`;
  return d.values === undefined ? `${d.have.join(", ")} ${d.have.length === 1 ? "has" : "have"} it` : "the nodes differ";
}

function valuesOf(d: Difference): string {
  if (d.values === undefined) return "";
  return `: ${Object.entries(d.values)
    .map(([value, nodes]) => `${value === "" ? "nothing" : value} on ${nodes.join(", ")}`)
    .join("; ")}`;
}

function ruleLines(r: ExplainedRule, look: Look, paint: Paint, options: ExplainText): string[] {
  const rank = [
    r.priority === undefined ? "" : `priority ${r.priority}`,
    r.number === undefined ? "" : `rule ${r.number}`,
    r.cookie === undefined ? "" : `cookie ${r.cookie}`,
  ].filter(Boolean);
  const lines = [
    paint("heading", `${r.device}: ${r.stage} ${r.table}${rank.length > 0 ? `, ${rank.join(", ")}` : ""}`),
    `  ${tidy(r.text)}`,
  ];
  if (r.certainty !== "proven" || r.why !== "") lines.push(`  ${paint("doubt", `${r.certainty}${r.why === "" ? "" : `: ${r.why}`}`)}`);
  lines.push("  when", ...r.when.map((w, i) => `    ${i > 0 ? "or " : ""}${w}`));
  lines.push("  then", ...r.does.map((d) => `    ${d}`));
  lines.push(
    paint("faint", `  as the pipeline has it: ${shortened(r.match.join(" | "), look, options)} -> ${shortened(r.program, look, options)}`),
  );
  const links = r.links.map(linkText);
  if (links.length > 0) lines.push("  stands for", ...links.map((l) => `    ${options.all ? l : shorten(l, look.width - 4)}`));
  if (r.earlierCount === 0) return lines;
  const shown = options.all ? r.earlier : r.earlier.slice(0, SHOWN);
  lines.push(`  looked at before it, and some of the same packets: ${count(r.earlierCount, "rule")}`);
  for (const e of shown) {
    const place = placeOf(e.file, e.line);
    const rankText = r.kind === "priority" ? `priority ${e.priority}: ` : "";
    const head = `    ${e.takes === "all" ? paint("bad", "takes all of it: ") : ""}${rankText}`;
    lines.push(`${head}${shorten(tidy(e.text), Math.max(40, look.width - place.length - head.length - 4))}  ${paint("faint", place)}`);
  }
  if (r.earlierCount > shown.length)
    lines.push(paint("faint", `    and ${r.earlierCount - shown.length} more${options.all ? "" : " (--all shows them)"}`));
  return lines;
}

function shortened(text: string, look: Look, options: ExplainText): string {
  return options.all ? text : shorten(text, look.width);
}

function linkText(l: EvidenceLink): string {
  const uuid = l.uuid === undefined ? "" : l.uuid;
  const head = [
    l.kind.replace("_", " "),
    l.stage ?? "",
    l.name ?? "",
    uuid,
    l.datapath === undefined || l.datapath === "" ? "" : `on ${l.datapath}`,
  ];
  const place = l.file === undefined ? "" : `  ${placeOf(l.file, l.line ?? 0)}`;
  return `${head.filter(Boolean).join(" ")}${l.text === undefined || l.text === "" ? "" : `: ${tidy(l.text)}`}${place}`;
}
