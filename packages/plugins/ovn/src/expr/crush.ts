/**
 * Several equalities about one symbol made one, or an alternative of them (lib/expr.c of OVN, crush_cmps).
 */
import { type AndOr, type Comparison, type Expr, FALSE, fixed, TRUE } from "./ast.js";
import type { LogicalSymbol } from "./fields.js";

/** Where both comparisons hold, or undefined if nowhere. */
function intersection(a: Comparison, b: Comparison): Comparison | undefined {
  if (a.symbol.width === 0) return a.text === b.text ? b : undefined;
  if (((a.value ^ b.value) & a.mask & b.mask) !== 0n) return undefined;
  return { ...b, value: a.value | b.value, mask: a.mask | b.mask };
}

/** `e` is about `symbol` alone and tests equality only: a comparison, an `or` of them, or a constant. */
export function crush(e: Expr, symbol: LogicalSymbol): Expr {
  if (e.type === "or") return crushOr(e, symbol);
  return e.type === "and" ? crushAnd(e, symbol) : e;
}

function crushAnd(e: AndOr, symbol: LogicalSymbol): Expr {
  let all: Comparison | undefined;
  const alternatives: (readonly Comparison[])[] = [];
  for (const s of e.subs) {
    const c = crush(s, symbol);
    if (c.type === "boolean") {
      if (!c.value) return FALSE;
    } else if (c.type === "cmp") {
      all = all ? intersection(all, c) : c;
      if (!all) return FALSE;
    } else alternatives.push((c as AndOr).subs as readonly Comparison[]);
  }
  // Each alternative is narrowed by what is known so far; one that is left alone narrows the rest.
  let out: readonly Comparison[] | undefined = all && [all];
  for (const some of alternatives) {
    const before = out;
    out = before ? before.flatMap((a) => some.map((b) => intersection(a, b)).filter((x) => x !== undefined)) : some;
    out = withoutDuplicates(out, symbol);
    if (out.length === 0) return FALSE;
  }
  return out ? oneOf(out) : TRUE;
}

function crushOr(e: AndOr, symbol: LogicalSymbol): Expr {
  const f = fixed(
    "or",
    e.subs.map((s) => crush(s, symbol)),
  );
  return f.type === "or" ? oneOf(withoutDuplicates(f.subs as readonly Comparison[], symbol)) : f;
}

function oneOf(cmps: readonly Comparison[]): Expr {
  return cmps.length === 1 ? cmps[0]! : { type: "or", subs: cmps };
}

/** By value and mask; without those that another one covers. */
function withoutDuplicates(cmps: readonly Comparison[], symbol: LogicalSymbol): readonly Comparison[] {
  if (cmps.length < 2) return cmps;
  if (symbol.width === 0) {
    const texts = new Map(cmps.map((c) => [c.text, c]));
    return [...texts.values()].sort((a, b) => (a.text < b.text ? -1 : 1));
  }
  const sorted = [...cmps].sort((a, b) => order(a.value, b.value) || order(a.mask, b.mask));
  const distinct = sorted.filter((c, i) => i === 0 || c.value !== sorted[i - 1]!.value || c.mask !== sorted[i - 1]!.mask);
  const byMask = new Map<bigint, Set<bigint>>();
  for (const c of distinct) {
    const values = byMask.get(c.mask);
    if (values) values.add(c.value);
    else byMask.set(c.mask, new Set([c.value]));
  }
  if (byMask.size === 1) return distinct;
  const covered = (c: Comparison) => {
    for (const [mask, values] of byMask) if (mask !== c.mask && (mask & c.mask) === mask && values.has(c.value & mask)) return true;
    return false;
  };
  return distinct.filter((c) => !covered(c));
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
