/**
 * Simplification: comparisons become tests for equality alone, which is what flows can do (lib/expr.c of OVN, expr_simplify).
 *
 * `!=`, `<` and the like become one masked equality for each bit that may decide: the bits above it equal, it differs, those
 * below do not matter. So no packet is matched by two of them.
 */
import { type Comparison, type Expr, FALSE, fixed, TRUE } from "./ast.js";
import { maskRange } from "./format.js";

export function simplify(e: Expr): Expr {
  switch (e.type) {
    case "cmp":
      if (e.symbol.width === 0) return e;
      if (e.relop === "==") return e.mask === 0n ? TRUE : e;
      return e.relop === "!=" ? unequal(e) : ordered(e);
    case "and":
    case "or":
      return fixed(e.type, e.subs.map(simplify));
    default:
      return e;
  }
}

/** Equal to `e` above bit `z` of the mask, different in it. */
function differsAt(e: Comparison, z: number): Comparison {
  const bit = 1n << BigInt(z);
  const above = ~(bit - 1n);
  return { ...e, relop: "==", value: (e.value ^ bit) & above, mask: e.mask & above };
}

function anyOf(subs: Expr[]): Expr {
  if (subs.length === 0) return FALSE;
  return subs.length === 1 ? subs[0]! : { type: "or", subs };
}

/** Nothing differs from a value of no bits. */
function unequal(e: Comparison): Expr {
  const out: Expr[] = [];
  for (let i = 0; e.mask >> BigInt(i) !== 0n; i++) if ((e.mask >> BigInt(i)) & 1n) out.push(differsAt(e, i));
  return anyOf(out);
}

function ordered(e: Comparison): Expr {
  const range = maskRange(e.mask, e.symbol.width);
  if (!range) throw new Error(`${e.symbol.name} ${e.relop} needs adjacent bits`);
  const less = e.relop === "<" || e.relop === "<=";
  const orEqual = e.relop === "<=" || e.relop === ">=";
  // Nothing lies beyond the last value on that side.
  if (e.value === (less ? e.mask : 0n)) return orEqual ? TRUE : unequal(e);
  const out: Expr[] = orEqual ? [{ ...e, relop: "==" }] : [];
  for (let z = range.ofs; z < range.ofs + range.n; z++) if (((e.value >> BigInt(z)) & 1n) === (less ? 1n : 0n)) out.push(differsAt(e, z));
  return anyOf(out);
}
