/**
 * Evaluation of an annotated expression on one packet (lib/expr.c of OVN, expr_evaluate).
 *
 * An expression is made a function once, so that many packets are quick.
 */
import { chunks, getBits, lowMask, type Row } from "@plumbline/model";
import type { Comparison, Expr, Relop } from "./ast.js";
import { resolveSlice } from "./fields.js";
import type { LookupPort } from "./rows.js";

export type Test = (row: Row) => boolean;

export interface EvaluationContext {
  readonly lookupPort: LookupPort;
  /** Whether a port is bound to the chassis that evaluates; by default every port is, as ovn-trace takes it. */
  readonly isResident?: (port: string) => boolean;
}

/** The expression as a function of a packet. `e` is annotated; it need not be simplified. */
export function compile(e: Expr, context: EvaluationContext): Test {
  switch (e.type) {
    case "cmp":
      return e.symbol.width > 0 ? integers(e) : ports(e, context);
    case "and": {
      const subs = e.subs.map((s) => compile(s, context));
      return (row) => subs.every((t) => t(row));
    }
    case "or": {
      const subs = e.subs.map((s) => compile(s, context));
      return (row) => subs.some((t) => t(row));
    }
    case "boolean":
      return () => e.value;
    case "condition": {
      const value = (context.isResident?.(e.port) ?? true) !== e.not;
      return () => value;
    }
  }
}

function integers(e: Comparison): Test {
  const s = resolveSlice({ symbol: e.symbol, ofs: 0, bits: e.symbol.width });
  if (e.relop === "==" || e.relop === "!=") {
    // Word by word, without big numbers.
    const words = chunks(s).flatMap((c) => {
      const part = (v: bigint) => (Number((v >> BigInt(c.at)) & BigInt(lowMask(c.bits))) << c.shift) >>> 0;
      const m = part(e.mask);
      return m === 0 ? [] : [{ w: c.word, m, v: part(e.value) }];
    });
    const equal = (row: Row) => words.every((x) => (row[x.w]! & x.m) >>> 0 === x.v);
    return e.relop === "==" ? equal : (row) => !equal(row);
  }
  const { value, mask, relop } = e;
  return (row) => holds(relop, getBits(row, s) & mask, value);
}

/** A comparison with a port that is not there never holds, not even `!=`. */
function ports(e: Comparison, { lookupPort }: EvaluationContext): Test {
  const port = lookupPort(e.text);
  if (port === undefined) return () => false;
  const s = resolveSlice({ symbol: e.symbol, ofs: 0, bits: 0 });
  const wanted = BigInt(port);
  return (row) => holds(e.relop, getBits(row, s), wanted);
}

function holds(relop: Relop, a: bigint, b: bigint): boolean {
  switch (relop) {
    case "==":
      return a === b;
    case "!=":
      return a !== b;
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
  }
}
