/**
 * `explain rule FILE:LINE`: the rule that stands there, what the IR made of it, what it is linked to, and which rules of its table are
 * looked at before it and take some of its packets.
 */
import { type Device, intersect, type Match, PlumblineError, printMatch, printProgram, type Rule, type Table } from "@plumbline/model";
import { prefixText } from "@plumbline/plugin-sdk";
import { type Context, cookieText, counted } from "./context.js";
import { within } from "./fields.js";
import type { EarlierRule, ExplainedRule, Explanation } from "./model.js";
import { linksOf, uniqueLinks } from "./rules.js";
import { programWords, whenWords } from "./words.js";

/** Earlier rules that are listed; the rest is counted. */
const EARLIER = 50;

export function explainRule(ctx: Context, place: string): Explanation {
  const m = /^(.+):(\d+)$/.exec(place);
  if (!m)
    throw new PlumblineError("USAGE", [
      `'${place}' is not FILE:LINE.`,
      "Give a file of the snapshot and a line of it, as a trace prints them.",
    ]);
  const file = fileOf(ctx, m[1]!);
  const line = Number(m[2]);
  const here = ctx.net.rules.filter((r) => r.origin?.file === file && r.origin.line === line);
  // The same route seen by two sources is one rule; the other's line stands in its reason.
  const merged = here.length > 0 ? [] : ctx.net.rules.filter((r) => r.why.includes(`(${file}:${line})`));
  const rules = [...here, ...merged].map((r) => explained(ctx, r));
  const policies = ctx.net.tables.filter((t) => t.missOrigin?.file === file && t.missOrigin.line === line).map((t) => endOf(ctx, t));
  const sections = ctx.ask({ kind: "line", file, line }).map((s) => ctx.section(s));
  const all = [...rules, ...policies];
  if (all.length === 0 && sections.length === 0) throw nothingThere(ctx, file, line);
  const answer: string[] = [];
  if (all.length > 0) {
    const where = [...new Set(all.map((r) => `${r.stage} ${r.table} of ${r.device}`))];
    answer.push(`${file}:${line} is ${counted(all.length, "rule")} of the network: ${where.join(", ")}.`);
    if (merged.length > 0) answer.push("The line itself is merged with another source's, which is shown as the rule's origin.");
    const hidden = all.filter((r) => r.earlier.some((e) => e.takes === "all"));
    if (hidden.length > 0)
      answer.push(
        `An earlier rule takes all packets of ${hidden.length === all.length ? "it" : `${hidden.length} of them`}: it is never reached.`,
      );
  } else answer.push(`${file}:${line} is no rule of the network. What it is:`);
  return ctx.explanation({ kind: "rule", file, line }, answer, { rules: all, sections });
}

function tableEnd(t: Table): string {
  return t.kind === "sequence" ? "end of the chain" : "no rule matches";
}

/** A chain's policy line: what is done at the end. */
function endOf(ctx: Context, t: Table): ExplainedRule {
  const device = ctx.net.devices[t.device];
  return {
    ...placed(device, t),
    text: t.missOrigin!.text,
    certainty: "proven",
    why: "",
    match: [tableEnd(t)],
    program: printProgram(t.miss),
    when: [tableEnd(t)],
    does: programWords(t.miss, ctx.net, device),
    links: [],
    earlier: [],
    earlierCount: 0,
  };
}

function placed(device: Device, t: Table): Pick<ExplainedRule, "device" | "node" | "host" | "stage" | "table" | "kind"> {
  return { device: device.name, node: device.node, host: device.host, stage: t.stage, table: t.name, kind: t.kind };
}

function explained(ctx: Context, r: Rule): ExplainedRule {
  const t = ctx.net.tables[r.table];
  const device = ctx.net.devices[t.device];
  const earlier = earlierThan(t, r);
  const prefix =
    t.kind === "lpm" && r.prefix ? { family: t.key?.field === "ipv6_dst" ? (6 as const) : (4 as const), ...r.prefix } : undefined;
  const parts = (r.conj ?? []).map((c) => `part ${c.clause} of ${c.of} of the conjunctive match ${c.id}`);
  return {
    ...placed(device, t),
    ...(t.kind === "priority" ? { priority: r.priority } : {}),
    ...(r.number === undefined ? {} : { number: r.number }),
    ...(r.cookie === undefined ? {} : { cookie: cookieText(r.cookie) }),
    text: r.origin?.text ?? "",
    certainty: r.certainty,
    why: r.why,
    match: prefix ? [`${t.key?.field}=${prefixText(prefix)}`] : r.rows.map(printMatch),
    program: printProgram(r.program),
    when: prefix ? [`destination ${prefixText(prefix)}`] : [...whenWords(r.rows, device), ...parts],
    does: r.conj
      ? ["nothing by itself: the rule with that conj_id decides"]
      : r.program.length === 0
        ? [
            t.kind === "sequence"
              ? "nothing: the next rule is looked at"
              : "nothing: the packet ends here, unless a table that called this one goes on",
          ]
        : programWords(r.program, ctx.net, device),
    links: uniqueLinks(linksOf(ctx.view, r, device)),
    earlier: earlier.slice(0, EARLIER),
    earlierCount: earlier.length,
  };
}

/** Rules that are looked at before `r` and match some of its packets, nearest in rank first. */
function earlierThan(t: Table, r: Rule): EarlierRule[] {
  const at = t.rules.indexOf(r);
  switch (t.kind) {
    case "priority":
      return t.rules
        .map((o, i) => ({ o, i }))
        .filter(({ o, i }) => o !== r && !o.conj && (o.priority > r.priority || (o.priority === r.priority && i < at)) && overlaps(o, r))
        .sort((a, b) => a.o.priority - b.o.priority || b.i - a.i)
        .map(({ o }) => earlierRule(o, takes(o, r)));
    case "sequence":
      return (
        t.rules
          .slice(0, at)
          .filter((o) => overlaps(o, r) && !sameLine(o, r))
          .reverse()
          // A rule of a chain may let its packets go on.
          .map((o) => earlierRule(o, ends(o) ? takes(o, r) : "some"))
      );
    case "lpm": {
      const { prefix } = r;
      if (!prefix || !t.key) return [];
      const host = BigInt(t.key.n - prefix.len);
      return t.rules
        .filter((o) => o !== r && o.prefix && o.prefix.value >> host === prefix.value >> host)
        .filter((o) => o.prefix!.len > prefix.len || (o.prefix!.len === prefix.len && (o.metric ?? 0) < (r.metric ?? 0)))
        .map((o) => earlierRule(o, o.prefix!.len === prefix.len ? "all" : "some"));
    }
  }
}

/** The walk of a chain ends with the rule's program. */
function ends(o: Rule): boolean {
  const last = o.program.at(-1);
  return last !== undefined && ["goto", "drop", "local", "return"].includes(last.op);
}

const sameLine = (a: Rule, b: Rule) => a.origin !== null && a.origin.file === b.origin?.file && a.origin.line === b.origin.line;

function overlaps(a: Rule, b: Rule): boolean {
  return a.rows.some((x) => b.rows.some((y) => intersect(x, y) !== null));
}

/** `all` where each row of the rule lies in one of the other's. */
function takes(o: Rule, r: Rule): EarlierRule["takes"] {
  const inOne = (row: Match) => o.rows.some((x) => within(row, x));
  return r.rows.length > 0 && r.rows.every(inOne) ? "all" : "some";
}

function earlierRule(o: Rule, t: EarlierRule["takes"]): EarlierRule {
  return {
    text: o.origin?.text ?? o.rows.map(printMatch).join(" | "),
    file: o.origin?.file ?? "",
    line: o.origin?.line ?? 0,
    priority: o.priority,
    takes: t,
  };
}

/** The snapshot's file that a user means: its path, the end of its path, or its path with the snapshot's own before it. */
function fileOf(ctx: Context, given: string): string {
  const { files, setAside, root } = ctx.snapshot;
  const name = given.startsWith(`${root.replace(/\/$/, "")}/`)
    ? given.slice(root.replace(/\/$/, "").length + 1)
    : given.replace(/^\.\//, "");
  const paths = [...new Set(files.map((f) => f.file.path))];
  if (paths.includes(name)) return name;
  const aside = setAside.find((f) => f.file.path === name);
  if (aside)
    throw new PlumblineError("USAGE", [
      `${name} is set aside: ${aside.instead} holds the same and is used.`,
      `Ask for a line of ${aside.instead}.`,
    ]);
  const ends = paths.filter((p) => p.endsWith(`/${name}`));
  if (ends.length === 1) return ends[0]!;
  const base = name.slice(name.lastIndexOf("/") + 1);
  const alike = ends.length > 1 ? ends : paths.filter((p) => p.slice(p.lastIndexOf("/") + 1) === base);
  throw new PlumblineError("USAGE", [
    ends.length > 1 ? `several files are called ${name}.` : `${name} is no file of this snapshot that was read.`,
    alike.length > 0 ? `Files: ${alike.slice(0, 20).join(", ")}.` : "`plumbline inspect SNAPSHOT` lists the files that were read.",
  ]);
}

function nothingThere(ctx: Context, file: string, line: number): PlumblineError {
  const lines = [...new Set(ctx.net.rules.filter((r) => r.origin?.file === file).map((r) => r.origin!.line))].sort((a, b) => a - b);
  const before = lines.filter((l) => l < line).slice(-3);
  const after = lines.filter((l) => l > line).slice(0, 3);
  return new PlumblineError("USAGE", [
    `no rule stands at ${file}:${line}.`,
    lines.length === 0
      ? "No line of this file has become a rule of the network."
      : `Lines near it that have one: ${[...before, ...after].join(", ")}.`,
  ]);
}
