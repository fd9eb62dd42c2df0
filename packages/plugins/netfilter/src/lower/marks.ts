/**
 * Mark arithmetic as copies and constants of single bits, joined to the longest slices.
 *
 * A bit of `XOR of masked terms XOR constant` is a constant where no term has it, and a copy where one term has it and the constant
 * does not. Any other is a real exclusive-or of packet bits, which a table of one bit computes: it is called for that bit.
 */
import { type Action, slice, type TableId } from "@plumbline/model";
import type { MarkExpression } from "../ast.js";

const FIELD = { "meta mark": "pkt_mark", "ct mark": "ct_mark" } as const;

type Mark = "meta mark" | "ct mark";

/** A table that writes bit `bit` of `dst`: the exclusive-or of that bit of `of` and of `constant`. */
export type XorTable = (dst: Mark, bit: number, of: readonly Mark[], constant: boolean) => TableId;

/** The actions of `dst = value`. */
export function markActions(dst: Mark, value: MarkExpression, xor: XorTable): Action[] {
  const out: Action[] = [];
  const sources: ("0" | "1" | "done" | Mark)[] = [];
  for (let i = 0; i < 32; i++) {
    const bit = 1n << BigInt(i);
    const from = value.terms.filter((t) => (t.and & bit) !== 0n);
    const constant = (value.xor & bit) !== 0n;
    if (from.length === 0) sources.push(constant ? "1" : "0");
    else if (from.length === 1 && !constant) sources.push(from[0].from);
    else {
      // A bit twice is no bit.
      const odd = (["meta mark", "ct mark"] as const).filter((m) => from.filter((t) => t.from === m).length % 2 === 1);
      if (odd.length === 0) sources.push(constant ? "1" : "0");
      else if (odd.length === 1 && !constant) sources.push(odd[0]);
      else {
        out.push({ op: "call", table: xor(dst, i, odd, constant) });
        sources.push("done");
      }
    }
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
    } else if (source !== dst && source !== "done") out.push({ op: "move", src: slice(FIELD[source], lo, hi - lo + 1), dst: at });
    lo = hi + 1;
  }
  return out;
}
