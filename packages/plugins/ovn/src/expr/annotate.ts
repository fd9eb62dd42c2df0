/**
 * Annotation: symbols are replaced by the fields they stand for, predicates by their expansion, and what they require is added
 * (lib/expr.c of OVN, expr_annotate).
 */
import { type Comparison, combine, type Expr, fixed, negated, uniqueSymbol } from "./ast.js";
import type { LogicalSymbol } from "./fields.js";
import { OvnSyntaxError } from "./lex.js";
import { parseExpression } from "./parse.js";
import type { SymbolTable } from "./symbols.js";

/** The expression over fields alone; throws {@link OvnSyntaxError} where a prerequisite makes no sense. */
export function annotate(e: Expr, symbols: SymbolTable): Expr {
  return new Annotator(symbols).expr(e, true);
}

/** What must hold where the symbol is used, by its own account and that of what it is part of; undefined if nothing. */
export function prerequisites(symbol: LogicalSymbol, symbols: SymbolTable): Expr | undefined {
  let all: Expr | undefined;
  for (let s: LogicalSymbol | undefined = symbol; s; s = s.parent?.symbol)
    if (s.prereqs !== undefined) all = combine("and", all, new Annotator(symbols).text(s.prereqs));
  return all;
}

class Annotator {
  /** Symbols being expanded: one that meets itself has no expansion. */
  private readonly nesting: LogicalSymbol[] = [];

  constructor(private readonly symbols: SymbolTable) {}

  /** A prerequisite or predicate. What has an expansion once has it always, so it is kept. */
  text(text: string): Expr {
    const known = this.symbols.annotated.get(text);
    if (known) return known;
    try {
      const e = this.expr(parseExpression(text, { symbols: this.symbols }), true);
      this.symbols.annotated.set(text, e);
      return e;
    } catch (err) {
      if (!(err instanceof OvnSyntaxError)) throw err;
      throw new OvnSyntaxError(
        `Error parsing expression \`${text}' encountered as prerequisite or predicate of initial expression: ${err.message}`,
      );
    }
  }

  /** `requirements`: whether they are added here; if not, the caller has done so. */
  expr(e: Expr, requirements: boolean): Expr {
    switch (e.type) {
      case "cmp":
        return this.comparison(e, requirements);
      case "and":
      case "or": {
        // Terms that are all about one symbol need its prerequisites only once, outside.
        const one = requirements ? uniqueSymbol(e) : undefined;
        const subs = e.subs.map((s) => this.expr(s, requirements && !one));
        const all: Expr = { type: e.type, subs: subs.flatMap((s) => (s.type === e.type ? s.subs : [s])) };
        return one?.prereqs === undefined ? all : combine("and", all, this.text(one.prereqs));
      }
      default:
        return e;
    }
  }

  private comparison(e: Comparison, requirements: boolean): Expr {
    const { symbol } = e;
    if (this.nesting.includes(symbol)) throw new OvnSyntaxError(`Recursive expansion of symbol \`${symbol.name}'.`);
    this.nesting.push(symbol);
    const prereqs = requirements && symbol.prereqs !== undefined ? this.text(symbol.prereqs) : undefined;
    let out: Expr = e;
    if (symbol.parent) {
      const ofs = BigInt(symbol.parent.ofs);
      out = { ...e, symbol: symbol.parent.symbol, value: e.value << ofs, mask: e.mask << ofs };
    } else if (symbol.predicate !== undefined) {
      const predicate = this.text(symbol.predicate);
      const positive = ((e.value & 1n) === 1n) !== (e.relop === "!=");
      out = positive ? predicate : negated(predicate);
    }
    this.nesting.pop();
    return prereqs ? combine("and", out, prereqs) : out;
  }
}

/** Replaces `is_chassis_resident(…)` by what the chassis says of the port. */
export function resolveConditions(e: Expr, isResident: (port: string) => boolean): Expr {
  switch (e.type) {
    case "and":
    case "or":
      return fixed(
        e.type,
        e.subs.map((s) => resolveConditions(s, isResident)),
      );
    case "condition":
      return { type: "boolean", value: isResident(e.port) !== e.not };
    default:
      return e;
  }
}
