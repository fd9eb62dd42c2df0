/** Expressions, fields and symbols as text that parses back into the same (lib/expr.c of OVN, expr_format). */
import type { Comparison, Expr } from "./ast.js";
import type { FieldRef, LogicalSymbol } from "./fields.js";
import { hexText } from "./token.js";

export function formatExpr(e: Expr): string {
  switch (e.type) {
    case "cmp":
      return formatComparison(e);
    case "and":
    case "or":
      return e.subs
        .map((s) => (s.type === "and" || s.type === "or" ? `(${formatExpr(s)})` : formatExpr(s)))
        .join(e.type === "and" ? " && " : " || ");
    case "boolean":
      return e.value ? "1" : "0";
    case "condition":
      return `${e.not ? "!" : ""}is_chassis_resident(${JSON.stringify(e.port)})`;
  }
}

/** The one run of ones in a mask below `width`, if there is exactly one. */
export function maskRange(mask: bigint, width: number): { ofs: number; n: number } | undefined {
  if (mask === 0n) return undefined;
  let ofs = 0;
  for (let m = mask; (m & 1n) === 0n; m >>= 1n) ofs++;
  const run = mask >> BigInt(ofs);
  if ((run & (run + 1n)) !== 0n) return undefined;
  const n = run.toString(2).length;
  return ofs + n > width ? undefined : { ofs, n };
}

function formatComparison(e: Comparison): string {
  const { symbol, relop, value, mask } = e;
  if (symbol.width === 0) return `${symbol.name} ${relop} ${JSON.stringify(e.text)}`;
  const range = maskRange(mask, symbol.width);
  if (range?.n === 1 && (relop === "==" || relop === "!=")) {
    const positive = (((value >> BigInt(range.ofs)) & 1n) === 1n) !== (relop === "!=");
    return `${positive ? "" : "!"}${symbol.name}${symbol.width > 1 ? `[${range.ofs}]` : ""}`;
  }
  if (!range) return `${symbol.name} ${relop} ${hexText(value)}/${hexText(mask)}`;
  return `${symbol.name}${range.n < symbol.width ? bits(range.ofs, range.n) : ""} ${relop} ${hexText(value >> BigInt(range.ofs))}`;
}

function bits(ofs: number, n: number): string {
  return n > 1 ? `[${ofs}..${ofs + n - 1}]` : `[${ofs}]`;
}

export function formatField(f: FieldRef): string {
  return f.ofs !== 0 || f.bits !== f.symbol.width ? `${f.symbol.name}${bits(f.ofs, f.bits)}` : f.symbol.name;
}

/** What a symbol stands for: `reg0 = xxreg0[96..127]`. */
export function formatSymbol(s: LogicalSymbol): string {
  const stands = s.parent
    ? formatField({ symbol: s.parent.symbol, ofs: s.parent.ofs, bits: s.width })
    : (s.predicate ?? (s.controllerField ? s.name : s.field!.oxm));
  return `${s.name} = ${stands}`;
}
