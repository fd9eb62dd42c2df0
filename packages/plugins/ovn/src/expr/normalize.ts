/**
 * Normalisation: an alternative of conjunctions whose terms are comparisons, or alternatives of comparisons of one symbol. That is
 * what conjunctive flows can express (lib/expr.c of OVN, expr_normalize).
 */
import { type AndOr, type Expr, FALSE, TRUE, uniqueSymbol } from "./ast.js";
import { crush } from "./crush.js";
import type { LogicalSymbol } from "./fields.js";

/** Multiplied out, the expression has more conjunctions than anybody would make flows of. */
export class TooManyFlows extends Error {}

const MOST_CONJUNCTIONS = 20_000;

/** `e` is simplified and without conditions. Throws {@link TooManyFlows} beyond `most` conjunctions. */
export function normalize(e: Expr, most = MOST_CONJUNCTIONS): Expr {
  const n = new Normalizer(most);
  if (e.type === "and") return n.and(e);
  return e.type === "or" ? n.or(e) : e;
}

class Normalizer {
  constructor(private left: number) {}

  and(e: AndOr): Expr {
    const sorted = gather(e);
    if (sorted.type !== "and") return sorted.type === "or" && !uniqueSymbol(sorted) ? this.or(sorted) : sorted;
    for (const [i, sub] of sorted.subs.entries()) {
      if (sub.type !== "or") continue;
      const symbol = uniqueSymbol(sub);
      if (symbol && !symbol.mustCrossproduct) continue;
      this.left -= sub.subs.length;
      if (this.left < 0) throw new TooManyFlows("the expression has too many alternatives to make flows of");
      // a && (b || c) to (a && b) || (a && c)
      const alternatives = sub.subs.map((k): Expr => {
        const subs = sorted.subs.flatMap((m, j) => {
          const term = i === j ? k : m;
          return term.type === "and" ? term.subs : [term];
        });
        return { type: "and", subs };
      });
      return this.or({ type: "or", subs: alternatives });
    }
    return sorted;
  }

  or(e: AndOr): Expr {
    const out: Expr[] = [];
    for (const s of e.subs) {
      const n = s.type === "and" ? this.and(s) : s;
      if (n.type === "boolean") {
        if (n.value) return n;
      } else if (n.type === "or") for (const x of n.subs) out.push(x);
      else out.push(n);
    }
    if (out.length === 0) return FALSE;
    return out.length === 1 ? out[0]! : { type: "or", subs: out };
  }
}

/** A term of a conjunction and the one symbol it is about, if any. */
interface Term {
  readonly expr: Expr;
  readonly symbol: LogicalSymbol | undefined;
  readonly rank: number;
}

/** The terms of a conjunction, those about the same symbol made one: by symbol, then those about several. */
function gather(e: AndOr): Expr {
  const terms: Term[] = e.subs.map((expr) => {
    const symbol = uniqueSymbol(expr);
    return { expr, symbol, rank: symbol ? 0 : expr.type === "and" ? 1 : expr.type === "or" ? 2 : 3 };
  });
  terms.sort(byRank);
  const out: Expr[] = [];
  const add = (x: Expr) => {
    if (x.type === "and") out.push(...x.subs);
    else out.push(x);
  };
  for (let i = 0; i < terms.length; ) {
    const { symbol, expr } = terms[i]!;
    let j = i + 1;
    if (symbol) while (j < terms.length && terms[j]!.symbol === symbol) j++;
    if (!symbol) add(expr);
    else {
      const same = terms.slice(i, j).flatMap((t) => (t.expr.type === "and" ? t.expr.subs : [t.expr]));
      const crushed = crush(same.length === 1 ? same[0]! : { type: "and", subs: same }, symbol);
      if (crushed.type !== "boolean") add(crushed);
      else if (!crushed.value) return FALSE;
    }
    i = j;
  }
  if (out.length === 0) return TRUE;
  return out.length === 1 ? out[0]! : { type: "and", subs: out };
}

function byRank(a: Term, b: Term): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  if (a.symbol && b.symbol) return a.symbol === b.symbol ? 0 : a.symbol.name < b.symbol.name ? -1 : 1;
  return size(a.expr) - size(b.expr);
}

function size(e: Expr): number {
  return e.type === "and" || e.type === "or" ? e.subs.length : 0;
}
