/**
 * Mark arithmetic as copies and constants of single bits, joined to the longest slices.
 *
 * A bit of `XOR of masked terms XOR constant` is a constant where no term has it, a copy where one term has it and the
 * constant does not; the rest would be a real exclusive-or of packet bits, which the IR does not compute.
 */
import { type Action, slice } from "@plumbline/model";
import type { MarkExpression } from "../ast.js";

const FIELD = { "meta mark": "pkt_mark", "ct mark": "ct_mark" } as const;

/** The actions of `dst = value`, or null if that needs an exclusive-or of bits not known beforehand. */
export function markActions(dst: "meta mark" | "ct mark", value: MarkExpression): Action[] | null {
  const out: Action[] = [];
  const sources: ("0" | "1" | "meta mark" | "ct mark")[] = [];
  for (let i = 0; i < 32; i++) {
    const bit = 1n << BigInt(i);
    const from = value.terms.filter((t) => (t.and & bit) !== 0n);
    const constant = (value.xor & bit) !== 0n;
    if (from.length === 0) sources.push(constant ? "1" : "0");
    else if (from.length === 1 && !constant) sources.push(from[0].from);
    else return null;
  }
  for (let lo = 0; lo < 32; ) {
    const constant = (s: string) => s === "0" || s === "1";
    let hi = lo;
    while (hi + 1 < 32 && (sources[hi + 1] === sources[lo] || (constant(sources[hi + 1]) && constant(sources[lo])))) hi++;
    const at = slice(FIELD[dst], lo, hi - lo + 1);
    const source = sources[lo];
    if (source === "0" || source === "1") {
      let v = 0n;
      for (let i = lo; i <= hi; i++) if (sources[i] === "1") v |= 1n << BigInt(i - lo);
      out.push({ op: "set", dst: at, value: v });
    } else if (source !== dst) out.push({ op: "move", src: slice(FIELD[source], lo, hi - lo + 1), dst: at });
    lo = hi + 1;
  }
  return out;
}
