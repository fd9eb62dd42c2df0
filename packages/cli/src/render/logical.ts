/** Logical against physical as text: of a whole snapshot (`explain … logical`), and of one packet (`trace … --compare logical`). */
import type { FlowText, Hop, LogicalAgreement, LogicalFinding, TraceComparison } from "@plumbline/engine";
import { placeOf, ruleText, stageOf } from "./hops.js";
import { count, type Look, type Paint, painter, shorten } from "./style.js";

/** Findings of a switch that are printed without `all`. */
const SHOWN = 20;

export function renderAgreement(x: LogicalAgreement, look: Look, all: boolean): string {
  const paint = painter(look);
  const out: string[] = [];
  for (const s of x.switches) {
    const taught = s.learned > 0 ? `, ${s.learned} in tables that packets teach` : "";
    const verdict =
      s.findings.length === 0 ? paint("good", "agrees with its logical flows") : paint("bad", count(s.findings.length, "finding"));
    out.push(`${paint("heading", s.device)}  ${verdict}  ${paint("faint", `(${s.agree} of ${s.flows} flows agree${taught})`)}`);
    for (const f of all ? s.findings : s.findings.slice(0, SHOWN)) out.push(...findingLines(f, paint, all));
    if (!all && s.findings.length > SHOWN) out.push(paint("faint", `    and ${s.findings.length - SHOWN} more (--all)`));
  }
  for (const l of x.left) out.push(`${paint("heading", l.device)}  ${paint("doubt", "not compared")}: ${l.why}`);
  return out.join("\n");
}

function findingLines(f: LogicalFinding, paint: Paint, all: boolean): string[] {
  const text = (t: string) => (all ? t.replace(/\s+/g, " ").trim() : shorten(t.replace(/\s+/g, " ").trim(), 220));
  const at = (t: FlowText) => (t.file === "" ? "" : `  ${paint("faint", `${t.file}${t.line > 0 ? `:${t.line}` : ""}`)}`);
  const out = [`    ${paint("bad", f.kind)}  table ${f.table}: ${f.what}`];
  if (f.openflow) out.push(`        OpenFlow  ${text(f.openflow.text)}${at(f.openflow)}`);
  if (f.logical) {
    out.push(`        logical   ${text(f.logical.text)}${at(f.logical)}`);
    if (f.logical.openflow !== "") out.push(`        becomes   ${text(f.logical.openflow)}`);
  }
  return out;
}

export function renderComparison(x: TraceComparison, look: Look): string {
  const paint = painter(look);
  const out = ["", paint("heading", "against the logical flows")];
  const where = x.devices.length === 0 ? "no switch on the way has both" : `${x.devices.join(", ")}`;
  const verdict =
    x.differences.length === 0 ? paint("good", `${count(x.hops, "hop")} agree`) : paint("bad", count(x.differences.length, "difference"));
  out.push(`  ${verdict}  ${paint("faint", `(${where})`)}`);
  for (const d of x.differences) {
    out.push(`  ${d.device === "" ? "" : `${d.device}: `}${d.what}${d.branch === "" ? "" : paint("faint", `  (${d.branch})`)}`);
    if (d.openflow) out.push(`      OpenFlow  ${hopText(d.openflow, paint)}`);
    if (d.logical) out.push(`      logical   ${hopText(d.logical, paint)}`);
  }
  if (x.notCompared.length > 0) out.push(paint("faint", `  not compared, their OpenFlow is not in evidence: ${x.notCompared.join(", ")}`));
  return out.join("\n");
}

function hopText(h: Hop, paint: Paint): string {
  return [stageOf(h), shorten(ruleText(h), 160), paint("faint", placeOf(h))].filter(Boolean).join("  ");
}
