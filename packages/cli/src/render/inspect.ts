/**
 * `inspect` as text: hosts with what was read of each, the matrix of sources and hosts, what is missing with the command
 * that collects it, devices and links with their reasons, problems with file:line.
 */
import type { InspectedHost, Inspection } from "@plumbline/engine";
import { count, type Look, type Paint, painter, shorten } from "./style.js";

export interface InspectText {
  /** Lists every file set aside or not recognised, every port and every problem. */
  readonly all: boolean;
}

/** Width of a column of names; a longer one is shortened in the middle. */
function widest(names: readonly string[]): number {
  return Math.min(48, Math.max(0, ...names.map((n) => n.length)));
}

/** Lines of a list that are shown without `--all`. */
const SHOWN = 12;

export function renderInspect(x: Inspection, look: Look, options: InspectText): string {
  const paint = painter(look);
  const out: string[] = [];
  const section = (title: string, lines: string[]) => {
    if (lines.length > 0) out.push("", paint("heading", title), ...lines);
  };
  out.push(`snapshot ${x.snapshot}${x.overlays.map((o) => ` + ${o}`).join("")}`);
  for (const h of x.hosts) section(...hostLines(h, paint, options.all));
  section("sources by host", matrixLines(x, look, paint));
  section("missing", missingLines(x, paint));
  section(`devices (${x.devices.length})`, deviceLines(x, options.all));
  section(`links (${x.links.length})`, linkLines(x, paint));
  section(
    `ports that lead nowhere known (${x.unjoined.length})`,
    listed(
      x.unjoined.map((u) => `  ${u.device}:${u.port}  ${paint("faint", u.why)}`),
      options.all,
      "ports",
    ),
  );
  section(
    `captures (${x.captures.length})`,
    listed(
      x.captures.map((c) => `  ${c}`),
      options.all,
      "captures",
    ),
  );
  section(...problemLines(x, paint, options.all));
  out.push("", summary(x));
  return out.join("\n");
}

function hostLines(h: InspectedHost, paint: Paint, all: boolean): [string, string[]] {
  const role = h.role === "cluster" ? "" : ` (${h.role}${h.node !== "" && h.node !== h.host ? ` on ${h.node}` : ""})`;
  if (h.host !== "" && h.sources.length + h.setAside.length === 0)
    return [`${h.host}/: nothing recognised`, unrecognisedLines(h, paint, all)];
  const title = `${h.host === "" ? "cluster" : h.host}${role}: ${count(h.sources.length, "source")}, ${count(h.facts, "fact")}`;
  const lines: string[] = [];
  const forms = new Map<string, number>();
  for (const s of h.setAside) forms.set(s.instead, (forms.get(s.instead) ?? 0) + 1);
  const wide = widest(h.sources.map((s) => s.what));
  for (const s of [...h.sources].sort((a, b) => (a.what < b.what ? -1 : 1))) {
    const others = forms.get(s.file) ?? 0;
    const more = `${s.overlay === undefined ? "" : `  from ${s.overlay}`}${others > 0 ? `  (+${count(others, "other form")})` : ""}`;
    lines.push(`  ${shorten(s.what, wide).padEnd(wide)}  ${String(s.facts).padStart(6)}  ${paint("faint", s.file)}${more}`);
  }
  if (all) {
    for (const s of h.setAside)
      lines.push(
        `  ${paint("faint", `set aside: ${s.file} (${s.because === "form" ? "the same in another form" : "an overlay has it"}: ${s.instead})`)}`,
      );
  }
  lines.push(...unrecognisedLines(h, paint, all));
  return [title, lines];
}

/** Files that no plugin knows; folders full of them as one line. */
function unrecognisedLines(h: InspectedHost, paint: Paint, all: boolean): string[] {
  if (all) return h.unrecognised.map((u) => paint("faint", `  not recognised: ${u.file}`));
  const folders = new Map<string, string[]>();
  for (const u of h.unrecognised) {
    const folder = u.file.includes("/") ? u.file.slice(0, u.file.lastIndexOf("/") + 1) : "";
    const files = folders.get(folder);
    if (files) files.push(u.file);
    else folders.set(folder, [u.file]);
  }
  return [...folders].map(([folder, files]) => {
    const names = files.map((f) => f.slice(folder.length));
    const some = names.slice(0, 3).join(", ");
    return paint(
      "faint",
      `  not recognised: ${folder}${names.length === 1 ? some : `${folder === "" ? "" : " "}${count(names.length, "file")}: ${some}${names.length > 3 ? ", …" : ""}`}`,
    );
  });
}

/** A letter a host: A to Z, then a to z, then `?`, which the legend explains by order. */
function letter(i: number): string {
  return i < 26 ? String.fromCharCode(65 + i) : i < 52 ? String.fromCharCode(97 + i - 26) : "?";
}

const CELL = { read: "x", missing: "-", none: " " } as const;

/** Words in lines of at most `width`, three blanks between them. */
function wrapped(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 3 + word.length <= width) lines[lines.length - 1] = `${line}   ${word}`;
    else lines.push(`  ${word}`);
  }
  return lines;
}

function matrixLines(x: Inspection, look: Look, paint: Paint): string[] {
  const { hosts, sources } = x.matrix;
  if (hosts.length === 0) return [];
  const wide = widest(sources.map((s) => s.what));
  return [
    ...wrapped(["x read", "- missing", ...hosts.map((h, i) => `${letter(i)} ${h}`)], look.width),
    `  ${"".padEnd(wide)}  ${hosts.map((_, i) => letter(i)).join(" ")}`,
    ...sources.map((s) =>
      `  ${shorten(s.what, wide).padEnd(wide)}  ${s.cells.map((c) => (c === "missing" ? paint("doubt", CELL[c]) : CELL[c])).join(" ")}`.trimEnd(),
    ),
  ];
}

function missingLines(x: Inspection, paint: Paint): string[] {
  const wide = Math.max(0, ...x.missing.map((m) => m.what.length));
  const command = Math.max(0, ...x.missing.map((m) => m.command.length));
  return x.missing.map(
    (m) =>
      `  ${m.what.padEnd(wide)}  ${paint("name", m.command.padEnd(command))}  ${m.role === "cluster" ? "once, for the cluster" : `on ${m.hosts.join(", ")}`}`,
  );
}

function deviceLines(x: Inspection, all: boolean): string[] {
  const wide = Math.max(0, ...x.devices.map((d) => d.name.length));
  const kind = Math.max(0, ...x.devices.map((d) => d.kind.length));
  const lines: string[] = [];
  for (const d of x.devices) {
    const place = d.node !== "" && d.node !== d.name ? `  on ${d.node}` : "";
    lines.push(
      `  ${d.name.padEnd(wide)}  ${d.kind.padEnd(kind)}  ${count(d.ports.length, "port")}, ${count(d.tables, "table")}, ${count(d.rules, "rule")}${place}`,
    );
    if (all) for (const p of d.ports) lines.push(`  ${"".padEnd(wide)}  port ${p.number} ${p.name}`);
  }
  return lines;
}

function linkLines(x: Inspection, paint: Paint): string[] {
  const rows = x.links.map((l) => ({
    text: `${l.from.device}:${l.from.port} ${l.bothWays ? "<->" : "-->"} ${l.to.device}:${l.to.port}`,
    certainty: l.certainty,
    why: l.why,
  }));
  const wide = Math.max(0, ...rows.map((r) => r.text.length));
  return rows.map((r) => {
    const certainty = r.certainty.padEnd("inferred".length);
    return `  ${r.text.padEnd(wide)}  ${r.certainty === "proven" ? certainty : paint("doubt", certainty)}  ${paint("faint", r.why)}`;
  });
}

function problemLines(x: Inspection, paint: Paint, all: boolean): [string, string[]] {
  const shown = all ? x.problems : x.problems.filter((p) => p.severity !== "info");
  const lines = shown.map((p) => {
    const place = p.file === "" ? "" : `${p.file}${p.line > 0 ? `:${p.line}` : ""}: `;
    const hint = p.hint === "" ? "" : `  ${p.hint}`;
    return `  ${paint(p.severity === "error" ? "bad" : "doubt", p.severity)}  ${place}${p.message}${paint("faint", hint)}`;
  });
  const hidden = x.problems.length - shown.length;
  const list = all
    ? lines
    : lines.length > 4 * SHOWN
      ? [...lines.slice(0, 4 * SHOWN), `  and ${lines.length - 4 * SHOWN} more (--all shows them)`]
      : lines;
  if (hidden > 0) list.push(`  ${count(hidden, "note")} of no consequence (--all shows them)`);
  return [`problems (${x.problems.length})`, list];
}

function listed(lines: string[], all: boolean, what: string): string[] {
  return all || lines.length <= SHOWN ? lines : [...lines.slice(0, SHOWN), `  and ${lines.length - SHOWN} more ${what} (--all shows them)`];
}

function summary(x: Inspection): string {
  const hosts = x.matrix.hosts.length;
  const files = x.hosts.reduce((n, h) => n + h.sources.length, 0);
  const aside = x.hosts.reduce((n, h) => n + h.setAside.length, 0);
  const unknown = x.hosts.reduce((n, h) => n + h.unrecognised.length, 0);
  const facts = x.hosts.reduce((n, h) => n + h.facts, 0);
  const errors = x.problems.filter((p) => p.severity === "error").length;
  return `${count(hosts, "host")}, ${count(files, "file")} read (${count(facts, "fact")}), ${aside} set aside, ${unknown} not recognised; ${count(x.devices.length, "device")}, ${count(x.links.length, "link")}; ${count(x.missing.length, "source")} missing; ${count(errors, "error")}, ${count(x.problems.length - errors, "other problem")}`;
}
