/**
 * Bits of the Ethernet header by their place, `@ll,48,64 0x200000000aa0800`: what nft prints where it has joined neighbouring fields to one
 * comparison, or has compared the type for a `reject`.
 */
import type { Selector, Statement } from "../ast.js";
import type { Cursor } from "./nft-lex.js";
import { exact } from "./values.js";

/** Fields of the header: where each begins and how long it is, in bits. */
const FIELDS: readonly (readonly [ofs: number, bits: number, selector: Selector])[] = [
  [0, 48, "ether daddr"],
  [48, 48, "ether saddr"],
  [96, 16, "meta protocol"],
];

/** The comparison at the cursor; null, and the cursor where it was, if there is none of whole fields for equality. */
export function rawEthernet(c: Cursor): Statement[] | null {
  const start = c.position;
  if (c.take("@ll")) {
    c.expect(",");
    const ofs = Number(c.next().text);
    c.expect(",");
    const bits = Number(c.next().text);
    c.take("==");
    const value = numberOf(c.peek());
    const parts = FIELDS.filter(([at, n]) => at >= ofs && at + n <= ofs + bits);
    if (value !== null && parts.length > 0 && parts.reduce((sum, [, n]) => sum + n, 0) === bits) {
      c.next();
      // Which is asked for beside it, and what any packet with such a header has come by.
      if (c.peek() === "meta" && c.peek(1) === "iiftype" && c.peek(2) === "ether") for (let i = 0; i < 3; i++) c.next();
      return parts.map(([at, n, selector]) => ({
        s: "match",
        selectors: [selector],
        not: false,
        set: { tuples: [[exact((value >> BigInt(ofs + bits - at - n)) & ((1n << BigInt(n)) - 1n))]] },
      }));
    }
  }
  c.seek(start);
  return null;
}

/** A number that is written in full: JSON's lose their last digits beyond 2^53. */
function numberOf(text: string): bigint | null {
  if (!/^(0x[0-9a-f]+|\d+)$/.test(text)) return null;
  const n = BigInt(text);
  return text.startsWith("0x") || n <= BigInt(Number.MAX_SAFE_INTEGER) ? n : null;
}
