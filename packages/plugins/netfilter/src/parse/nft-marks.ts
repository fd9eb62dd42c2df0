/**
 * The right side of `meta mark set …` and `ct mark set …`: marks and numbers under `& | ^`.
 */
import type { MarkExpression } from "../ast.js";
import { type Cursor, NotUnderstood } from "./nft-lex.js";
import { number } from "./values.js";

const ALL = 0xffffffffn;

const constant = (v: bigint): MarkExpression => ({ terms: [], xor: v & ALL });

/** `e AND mask`. */
function and(e: MarkExpression, mask: bigint): MarkExpression {
  return { terms: e.terms.map((t) => ({ from: t.from, and: t.and & mask })).filter((t) => t.and !== 0n), xor: e.xor & mask };
}
const xor = (a: MarkExpression, b: MarkExpression): MarkExpression => ({ terms: [...a.terms, ...b.terms], xor: a.xor ^ b.xor });

/** Bits that may be set. */
const reach = (e: MarkExpression): bigint => e.terms.reduce((m, t) => m | t.and, e.xor);

/** One operation; null if it does not come to masks and exclusive-or. */
function combine(op: "&" | "|" | "^", a: MarkExpression, b: MarkExpression): MarkExpression | null {
  const ca = a.terms.length === 0 ? a.xor : null;
  const cb = b.terms.length === 0 ? b.xor : null;
  if (op === "^") return xor(a, b);
  if (op === "&") return cb !== null ? and(a, cb) : ca !== null ? and(b, ca) : null;
  if (cb !== null) return xor(and(a, ALL & ~cb), constant(cb));
  if (ca !== null) return xor(and(b, ALL & ~ca), constant(ca));
  return (reach(a) & reach(b)) === 0n ? xor(a, b) : null;
}

const OPERATORS: ReadonlyMap<string, { op: "&" | "|" | "^"; binds: number }> = new Map([
  ["&", { op: "&", binds: 3 }],
  ["and", { op: "&", binds: 3 }],
  ["^", { op: "^", binds: 2 }],
  ["xor", { op: "^", binds: 2 }],
  ["|", { op: "|", binds: 1 }],
  ["or", { op: "|", binds: 1 }],
] as const);

/** Reads an expression; null (and the cursor where it was) if it holds something else. */
export function markExpression(c: Cursor, binds = 0): MarkExpression | null {
  const start = c.position;
  let left = primary(c);
  while (left) {
    const op = OPERATORS.get(c.peek());
    if (!op || op.binds <= binds) break;
    c.next();
    const right = markExpression(c, op.binds);
    left = right && combine(op.op, left, right);
  }
  if (!left) c.seek(start);
  return left;
}

function primary(c: Cursor): MarkExpression | null {
  if (c.take("(")) {
    const e = markExpression(c);
    if (!e) throw new NotUnderstood("an expression in parentheses");
    c.expect(")");
    return e;
  }
  const word = c.peek();
  const n = number(word);
  if (n !== null) {
    c.next();
    return constant(BigInt(n));
  }
  if (word === "mark") {
    c.next();
    return { terms: [{ from: "meta mark", and: ALL }], xor: 0n };
  }
  if ((word === "meta" || word === "ct") && c.peek(1) === "mark") {
    c.next();
    c.next();
    return { terms: [{ from: word === "meta" ? "meta mark" : "ct mark", and: ALL }], xor: 0n };
  }
  return null;
}
