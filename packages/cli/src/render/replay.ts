/**
 * A replay as text: what was captured, then counts by verdict, way, node and backend, why what failed did, and notes.
 *
 * Tables are aligned, numbers to the right. What the capture contradicts stands before all else.
 */
import { type Because, CONTRADICTED, type Count, type Flow, flowText, type ReplayResult } from "@plumbline/engine";
import { ruleTextOf } from "./hops.js";
import { count, type Look, type Paint, painter, shorten, type Tone } from "./style.js";
import { percent } from "./trace.js";

export interface ReplayText {
  /** Every way and reason, not only those with most flows. */
  readonly all: boolean;
  readonly stats: boolean;
}

const MOST_ROWS = 12;
const RULE_MOST = 110;

export function renderReplay(x: ReplayResult, look: Look, options: ReplayText): string {
  const paint = painter(look);
  const sections = [
    x.captures.map((c) => captureLine(c, paint)),
    contradictionLines(x.contradictions, x.verdicts, paint),
    table(
      "verdict",
      x.verdicts.map((v) => ({ count: v, cells: [paint(toneOf(v.verdict), v.verdict)], widths: [v.verdict.length] })),
      paint,
      options,
    ),
    table(
      "node",
      x.nodes.map((n) => row(n, [n.node])),
      paint,
      options,
    ),
    table(
      "backend",
      x.backends.map((b) => row(b, [`${b.kind} ${b.to}`, b.node === "" || b.node === b.to ? "" : `on ${b.node}`])),
      paint,
      options,
    ),
    table(
      "path",
      x.ways.map((w) => row(w, [w.verdict, w.way])),
      paint,
      options,
    ),
    failureLines(x, paint, options),
    x.notes.map((n) => `note: ${n}`),
    options.stats ? statLines(x) : [],
    [totalLine(x, paint)],
  ];
  return sections
    .filter((s) => s.length > 0)
    .map((s) => s.join("\n"))
    .join("\n\n");
}

function captureLine(c: ReplayResult["captures"][number], paint: Paint): string {
  const n = c.counters;
  return `${paint("heading", c.name)}  at ${c.at}: ${count(n.frames, "packet")}, ${n.entering} entering, ${n.leaving} leaving${n.run === 0 ? "" : `, ${n.run} run`}  ${paint("faint", `(${c.direction})`)}`;
}

const TONES: Readonly<Record<string, Tone>> = { delivered: "good", unknown: "doubt" };
const toneOf = (verdict: string): Tone => TONES[verdict] ?? "bad";

interface Row {
  readonly count: Count;
  /** Left-aligned cells, painted; and their widths without paint. */
  readonly cells: readonly string[];
  readonly widths: readonly number[];
}

const row = (c: Count, cells: readonly string[]): Row => ({ count: c, cells, widths: cells.map((s) => s.length) });

/** Shares of an enumerated replay are fractions. */
const number = (n: number) => (Math.abs(n - Math.round(n)) < 1e-6 ? String(Math.round(n)) : n.toFixed(1));
const NUMBERS = ["flows", "packets", "bytes"] as const;

/** Numbers first, so that they align whatever follows. */
function table(title: string, rows: readonly Row[], paint: Paint, options: ReplayText): string[] {
  if (rows.length === 0) return [];
  const shown = options.all ? rows : rows.slice(0, MOST_ROWS);
  const widths = NUMBERS.map((k) => Math.max(k.length, ...shown.map((r) => number(r.count[k]).length)));
  const columns = Math.max(...shown.map((r) => r.cells.length));
  const wide = Array.from({ length: columns }, (_, i) => Math.max(...shown.map((r) => r.widths[i] ?? 0)));
  const head = `  ${NUMBERS.map((k, i) => k.padStart(widths[i])).join("  ")}  ${title}`;
  return [
    paint("heading", head),
    ...shown.map((r) => {
      const cells = r.cells.map((c, i) => c + " ".repeat(Math.max(0, wide[i] - r.widths[i])));
      return `  ${NUMBERS.map((k, i) => number(r.count[k]).padStart(widths[i])).join("  ")}  ${cells.join("  ")}`.trimEnd();
    }),
    ...restLine(rows.length - shown.length),
  ];
}

const restLine = (n: number) => (n > 0 ? [`  and ${n} more (--all lists them)`] : []);

function contradictionLines(examples: readonly Flow[], verdicts: ReplayResult["verdicts"], paint: Paint): string[] {
  const all = verdicts.find((v) => v.verdict === CONTRADICTED);
  if (!all) return [];
  return [
    paint("bad", `${CONTRADICTED}: ${count(all.flows, "flow")}`),
    ...examples.map((f) => `  ${flowText(f)}: ${f.contradiction}; ${becauseText(f.because)}`),
    ...(all.flows > examples.length ? [`  and ${number(all.flows - examples.length)} more (--flows lists them)`] : []),
  ];
}

function failureLines(x: ReplayResult, paint: Paint, options: ReplayText): string[] {
  if (x.failures.length === 0) return [];
  const shown = options.all ? x.failures : x.failures.slice(0, MOST_ROWS);
  return [
    paint("heading", "why not delivered"),
    ...shown.flatMap((f) => [
      `  ${paint(toneOf(f.verdict), f.verdict)}: ${count(Number(number(f.flows)), "flow")}, ${count(Number(number(f.packets)), "packet")}, such as ${f.example}`,
      ...[f.reason, f.because ? becauseText(f.because) : ""].filter(Boolean).map((t) => `    ${t}`),
    ]),
    ...restLine(x.failures.length - shown.length),
  ];
}

function becauseText(b: Because | null): string {
  if (b === null) return "no rule of the evidence decides";
  return `${b.device}: ${shorten(ruleTextOf(b.rule), RULE_MOST)}  ${b.file}${b.line > 0 ? `:${b.line}` : ""}`;
}

function statLines(x: ReplayResult): string[] {
  const s = x.stats;
  const share = (seconds: number) => `${seconds.toFixed(2)} s (${percent(seconds / s.seconds)})`;
  return [
    `time: ${s.seconds.toFixed(2)} s, ${Math.round(s.packetsPerSecond)} packets a second; peak memory ${Math.round(s.peakRssBytes / 1024 ** 2)} MiB`,
    `  ${Object.entries(s.time)
      .map(([what, seconds]) => `${what} ${share(seconds)}`)
      .join(", ")}`,
    ...x.captures
      .map((c) => c.counters)
      .filter((c) => c.run > 0)
      .map(
        (c) =>
          `  ${c.hits} packets followed a remembered trajectory: ${c.remembered} remembered, ${c.dropped} dropped, ${c.evicted} evicted`,
      ),
  ];
}

function totalLine(x: ReplayResult, paint: Paint): string {
  const parts = x.verdicts.map((v) => `${number(v.flows)} ${paint(toneOf(v.verdict), v.verdict)}`);
  const silent = x.unanswered.flows > 0 ? `; ${number(x.unanswered.flows)} of the delivered got no answer that the capture shows` : "";
  return `${count(Number(number(x.total.flows)), "flow")}: ${parts.length === 0 ? "none entered here" : parts.join(", ")}${silent}`;
}
