/** Why a rule was not hit: field by field where it did not match, or what was preferred to it. */
import { changedFields, formatValue, getBig, PlumblineError, type Row } from "@plumbline/model";
import type { TranslationStep } from "./context.js";
import type { TracedRule, World } from "./world.js";

/** The rule that is meant: by `FILE:LINE`, by line, or by how its text begins or reads. */
export function whyNotRule(world: World, text: string): TracedRule {
  const rules = [...new Set(world.rules.values())];
  const m = /^(?:(.*):)?(\d+)$/.exec(text);
  const meant = m
    ? rules.filter(
        (r) => r.origin.line === Number(m[2]) && (m[1] === undefined || r.origin.file === m[1] || r.origin.file.endsWith(`/${m[1]}`)),
      )
    : rules.filter((r) => r.origin.text.includes(text) || `${r.match},priority=${r.flow.priority}`.includes(text));
  if (meant.length === 0)
    throw new PlumblineError("USAGE", [
      `--why-not '${text}': no rule is there.`,
      "Name it as FILE:LINE, by its line, or by a part of its text.",
    ]);
  return meant[0];
}

export function whyNot(world: World, sought: TracedRule, steps: readonly TranslationStep[]): string[] {
  const at = `${sought.origin.file}:${sought.origin.line}`;
  if (steps.some((s) => s.rule === sought)) return [`why not ${at}: it was hit`];
  const lowered = world.network.rules.find((r) => world.rules.get(r.id) === sought)!;
  const bridge = world.bridges.get(world.network.tables[lowered.table].device)!;
  const tried = steps.filter((s) => s.bridge === bridge && s.table === sought.flow.table);
  if (tried.length === 0) return [`why not ${at}: the packet does not get to table ${sought.flow.table} of ${bridge.name}`];
  return tried.map((s) => `why not ${at}: ${reason(lowered.rows, s, sought)}`);
}

function reason(rows: readonly (readonly { w: number; v: number; m: number }[])[], s: TranslationStep, sought: TracedRule): string {
  const { row: packet } = s.flow!;
  const failing = rows.map((row) => row.filter((x) => (packet[x.w] & x.m) >>> 0 !== x.v));
  const best = failing.reduce((a, b) => (b.length < a.length ? b : a));
  if (best.length === 0) {
    const hit = s.rule ? `${s.rule.origin.file}:${s.rule.origin.line} (priority ${s.rule.flow.priority})` : "nothing";
    const how = sought.flow.actions.some((a) => a.kind === "conjunction")
      ? "it is a part of a conjunction that is not complete, or"
      : "it matches, but";
    return `${how} ${hit} is preferred to its priority ${sought.flow.priority}`;
  }
  const wanted: Row = packet.slice();
  for (const x of best) wanted[x.w] = ((wanted[x.w] & ~x.m) | x.v) >>> 0;
  return changedFields(packet, wanted)
    .map(({ field: f }) => {
      let mask = 0n;
      for (const x of best) if (x.w >= f.word && x.w < f.word + f.words) mask |= BigInt(x.m) << BigInt(32 * (f.words - 1 - (x.w - f.word)));
      const full = (1n << BigInt(f.bits)) - 1n;
      const show = (row: Row) => formatValue(f, getBig(row, f.name) & mask);
      return `${f.name} is ${formatValue(f, getBig(packet, f.name))}, it wants ${show(wanted)}${mask === full ? "" : `/0x${mask.toString(16)}`}`;
    })
    .join("; ");
}
