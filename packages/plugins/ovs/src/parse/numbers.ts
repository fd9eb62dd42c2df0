/**
 * Numbers as OVS reads them: decimal, hexadecimal or octal with a leading zero (C's strtoull with base 0; lib/ofp-parse.c,
 * lib/util.c).
 */
import { bad } from "./badArgument.js";

/** A number at the beginning of a text, and what follows it; null if there is none. */
export interface Scanned {
  readonly value: bigint;
  readonly rest: string;
}

const DECIMAL = /^\d+$/;

/** strtoull(text, &rest, 0); a minus sign wraps around. Null where no number stands or it is beyond 64 bits. */
export function scanUnsigned(text: string): Scanned | null {
  const m = /^\s*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)/.exec(text);
  if (!m) return null;
  const digits = m[2];
  const n = BigInt(digits.length > 1 && digits[0] === "0" && digits[1] !== "x" && digits[1] !== "X" ? `0o${digits.slice(1)}` : digits);
  if (n > 0xffffffffffffffffn) return null;
  return { value: m[1] === "-" ? BigInt.asUintN(64, -n) : n, rest: text.slice(m[0].length) };
}

/** parse_int_string: a number of up to `bytes` bytes. "range": it is wider. Null: none stands here. */
export function scanInteger(text: string, bytes: number): Scanned | "range" | null {
  let found: Scanned | null;
  if (/^0[xX]/.test(text)) {
    // Blanks between the digits are allowed, and no digits at all are zero.
    const m = /^0[xX]((?:\s*[0-9a-fA-F])*)\s*/.exec(text)!;
    const digits = m[1].replace(/\s/g, "");
    found = { value: digits === "" ? 0n : BigInt(`0x${digits}`), rest: text.slice(m[0].length) };
  } else found = scanUnsigned(text);
  if (!found) return null;
  return found.value >> BigInt(8 * bytes) !== 0n ? "range" : found;
}

/** str_to_u64, with OVS's messages. */
export function unsigned64(text: string): bigint {
  if (text === "") bad("missing required numeric argument");
  const n = scanUnsigned(text) ?? bad(`invalid numeric format ${text}`);
  if (n.rest !== "") bad(`invalid numeric format ${text}`);
  return n.value;
}

/** str_to_u32: strtoul, of which the low 32 bits count. */
export function unsigned32(text: string): number {
  if (text.length < 10 && DECIMAL.test(text) && (text[0] !== "0" || text.length === 1)) return Number(text);
  return Number(BigInt.asUintN(32, unsigned64(text)));
}

/** str_to_u8 and str_to_u16. `name` says what the number is. */
export function unsigned(text: string, name: string, max: 0xff | 0xffff): number {
  const n = scanUnsigned(text);
  const value = n && n.rest === "" ? Number(BigInt.asIntN(64, n.value)) : -1;
  if (value < 0 || value > max) bad(`invalid ${name} "${text}"`);
  return value;
}

/** C's atoi: what is no number is 0. */
export function leadingInteger(text: string): number {
  return Number(/^\s*([+-]?\d+)/.exec(text)?.[1] ?? 0);
}
