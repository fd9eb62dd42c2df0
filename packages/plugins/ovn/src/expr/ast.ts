/**
 * Expressions as trees. Nodes are never changed, so that parts (prerequisites, above all) can be shared.
 *
 * What holds of every tree: an `and` or `or` has two operands or more, none of its own type; bits of a comparison's value outside
 * of its mask are 0.
 */
import type { Level, LogicalSymbol } from "./fields.js";

export type Relop = "==" | "!=" | "<" | "<=" | ">" | ">=";

/** `symbol & mask relop value`; strings are compared whole. */
export interface Comparison {
  readonly type: "cmp";
  readonly symbol: LogicalSymbol;
  readonly relop: Relop;
  readonly value: bigint;
  readonly mask: bigint;
  /** Of string symbols. */
  readonly text: string;
}
export interface AndOr {
  readonly type: "and" | "or";
  readonly subs: readonly Expr[];
}
export interface Constant {
  readonly type: "boolean";
  readonly value: boolean;
}
/** `is_chassis_resident("port")`: whether the port is bound to the chassis that evaluates. */
export interface Condition {
  readonly type: "condition";
  readonly port: string;
  readonly not: boolean;
}
export type Expr = Comparison | AndOr | Constant | Condition;

export const TRUE: Constant = { type: "boolean", value: true };
export const FALSE: Constant = { type: "boolean", value: false };
export function booleanExpr(value: boolean): Constant {
  return value ? TRUE : FALSE;
}

/** Joins two expressions; an operand of the same type gives its own operands. */
export function combine(type: "and" | "or", a: Expr | undefined, b: Expr): Expr {
  if (!a) return b;
  return { type, subs: [...operands(type, a), ...operands(type, b)] };
}
function operands(type: "and" | "or", e: Expr): readonly Expr[] {
  return e.type === type ? e.subs : [e];
}

/** The node of these operands, those of the same type taken apart, without constants: the constant if one decides, the operand itself if there is one. */
export function fixed(type: "and" | "or", subs: readonly Expr[]): Expr {
  const decides = type === "or";
  const out: Expr[] = [];
  for (const s of subs) {
    for (const o of operands(type, s)) {
      if (o.type !== "boolean") out.push(o);
      else if (o.value === decides) return booleanExpr(decides);
    }
  }
  if (out.length === 0) return booleanExpr(!decides);
  return out.length === 1 ? out[0]! : { type, subs: out };
}

const INVERTED: Record<Relop, Relop> = { "==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<" };
const TURNED: Record<Relop, Relop> = { "==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<=" };

/** What `a relop b` is for `b` and `a`. */
export function turned(relop: Relop): Relop {
  return TURNED[relop];
}

export function negated(e: Expr): Expr {
  switch (e.type) {
    case "cmp":
      return { ...e, relop: INVERTED[e.relop] };
    case "and":
    case "or":
      return { type: e.type === "and" ? "or" : "and", subs: e.subs.map(negated) };
    case "boolean":
      return booleanExpr(!e.value);
    case "condition":
      return { ...e, not: !e.not };
  }
}

/** The symbol that all comparisons are about, if there is one and there is nothing but comparisons. */
export function uniqueSymbol(e: Expr): LogicalSymbol | undefined {
  if (e.type === "cmp") return e.symbol;
  if (e.type !== "and" && e.type !== "or") return undefined;
  let symbol: LogicalSymbol | undefined;
  for (const s of e.subs) {
    const u = uniqueSymbol(s);
    if (!u || (symbol && u !== symbol)) return undefined;
    symbol = u;
  }
  return symbol;
}

/** The level of a predicate with this expansion: nominal if any part is. */
export function uniqueLevel(e: Expr): Level {
  if (e.type === "cmp") return e.symbol.level === "nominal" ? "nominal" : "boolean";
  if (e.type === "and" || e.type === "or") return e.subs.some((s) => uniqueLevel(s) === "nominal") ? "nominal" : "boolean";
  return "boolean";
}

/** Whether a tree is as the head of this file says. */
export function honoursInvariants(e: Expr): boolean {
  if (e.type === "cmp") return (e.value & ~e.mask) === 0n;
  if (e.type !== "and" && e.type !== "or") return true;
  return e.subs.length > 1 && e.subs.every((s) => s.type !== e.type && honoursInvariants(s));
}
