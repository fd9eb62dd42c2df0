/** Plugins as text. */
import type { PluginEntry, PluginTest } from "@plumbline/engine";
import { count, type Paint } from "./style.js";

const SOURCE = { "built-in": "comes with plumbline", config: "plumbline.config.json", folder: "folder", npm: "npm" } as const;

/** A line a plugin, those that come with Plumbline first. */
export function renderPluginList(entries: readonly PluginEntry[], paint: Paint): string {
  const width = Math.max(...entries.map((e) => e.id.length));
  const loaded = entries.filter((e) => e.state === "loaded");
  const line = (e: PluginEntry) => `  ${paint("name", e.id.padEnd(width))}  ${e.title}`;
  const own = loaded.filter((e) => e.source === "built-in");
  const others = loaded.filter((e) => e.source !== "built-in");
  const refused = entries.filter((e) => e.state === "refused");
  return [
    paint("heading", `come with plumbline (${own.length})`),
    ...own.map(line),
    paint("heading", `found (${others.length})`),
    ...others.flatMap((e) => [
      line(e),
      paint("faint", `  ${" ".repeat(width)}  ${e.package} ${e.version}, ${SOURCE[e.source]}: ${e.folder}`),
      paint("faint", `  ${" ".repeat(width)}  ${e.runs}; declares ${e.capabilities.join(", ")}`),
      ...undeclared(e).map((t) => `  ${" ".repeat(width)}  ${paint("doubt", t)}`),
    ]),
    ...(refused.length === 0 ? [] : [paint("heading", `refused (${refused.length})`)]),
    ...refused.map((e) => `  ${e.package || e.folder}: ${paint("bad", e.why)}`),
  ].join("\n");
}

const undeclared = (e: PluginEntry) => (e.undeclared.length === 0 ? [] : [`not declared, hence not used: ${e.undeclared.join(", ")}`]);

export function renderPluginInfo(e: PluginEntry, paint: Paint): string {
  const row = (name: string, text: string) => (text === "" ? [] : [`  ${name.padEnd(13)}${text}`]);
  const collects = e.plugin?.collects ?? [];
  return [
    `${paint("heading", e.id || e.package || e.folder)}${e.title === "" ? "" : `  ${e.title}`}`,
    ...row("state", e.state === "loaded" ? "loaded" : paint("bad", `refused: ${e.why}`)),
    ...row("package", `${e.package} ${e.version}`.trim()),
    ...row("found by", SOURCE[e.source]),
    ...row("folder", e.folder),
    ...row(
      "runs",
      e.runs === "worker"
        ? "in a worker: no files, no network, no environment; time and memory limited"
        : "in the process, with all that it may do",
    ),
    ...row("declares", e.capabilities.join(", ")),
    ...row("parts", e.parts.join(", ")),
    ...undeclared(e).map((t) => `  ${paint("doubt", t)}`),
    ...row("facts", Object.keys(e.plugin?.facts ?? {}).join(", ")),
    ...(collects.length === 0 ? [] : ["  to collect what it reads:"]),
    ...collects.map((c) => `    on every ${c.on}: ${c.command}  ${paint("faint", `(${c.what})`)}`),
  ].join("\n");
}

const MARK = { passed: "ok", failed: "FAIL", skipped: "-" } as const;
const TONE = { passed: "good", failed: "bad", skipped: "faint" } as const;

export function renderPluginTest({ entry, fixtures, report }: PluginTest, paint: Paint): string {
  const failed = report.checks.filter((c) => c.verdict === "failed").length;
  return [
    `${paint("heading", entry.id)} ${entry.version}, in ${entry.runs === "worker" ? "its worker" : "the process"}, on ${fixtures}`,
    ...report.checks.flatMap((c) => [
      `  ${paint(TONE[c.verdict], MARK[c.verdict].padEnd(4))}  ${c.title}${c.tried === "" ? "" : paint("faint", ` (${c.tried})`)}`,
      ...c.faults.map((f) => `          ${f}`),
    ]),
    failed === 0
      ? "all promises are kept"
      : `${count(failed, "promise is", "promises are")} not kept; --seed ${report.seed} draws the same files again`,
  ].join("\n");
}
