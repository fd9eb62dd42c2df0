/**
 * Tokens of OVN's expression and action languages, and the text they are written back as.
 *
 * Semantics: lib/lex.c of OVN. A constant remembers in which notation it was written, so that
 * it can be shown as the reader wrote it.
 */
import { ipv4Text, ipv6Text, macText } from "@plumbline/model";

/** Notation of a constant. */
export type ConstantFormat = "decimal" | "hexadecimal" | "ipv4" | "ipv6" | "ethernet";

/** Tokens that are nothing but their text. */
export type Punctuation =
  | "("
  | ")"
  | "{"
  | "}"
  | "["
  | "]"
  | "=="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "!"
  | "&&"
  | "||"
  | ".."
  | ","
  | ";"
  | "="
  | "<->"
  | "--"
  | ":"
  | "-";

export type TokenType =
  | Punctuation
  | "end"
  | "id"
  | "string"
  | "integer"
  /** A constant with a mask: `10.0.0.0/8`, `0x10/0xf0`. */
  | "masked"
  /** `$name`: an address set. */
  | "macro"
  /** `@name`. */
  | "port group"
  /** `^name`: a template variable. */
  | "template"
  | "error";

export interface Token {
  readonly type: TokenType;
  /** Name, contents of a string, or the error's text; "" for others. */
  readonly text: string;
  readonly value: bigint;
  /** Of `masked` tokens; bits of `value` outside of it are 0. */
  readonly mask: bigint;
  readonly format: ConstantFormat;
  /** Where the token stands in the input, blanks and comments in front left out. */
  readonly start: number;
  readonly end: number;
}

/** A constant as the languages know it: an integer with or without mask. */
export interface IntegerConstant {
  readonly value: bigint;
  /** undefined: not masked. */
  readonly mask: bigint | undefined;
  readonly format: ConstantFormat;
}

const WIDTH: Record<ConstantFormat, bigint> = { decimal: 64n, hexadecimal: 1024n, ipv4: 32n, ipv6: 128n, ethernet: 48n };

/** `0x1f`, and `0` for zero (mf_format_subvalue of OVS). */
export function hexText(value: bigint): string {
  return value === 0n ? "0" : `0x${value.toString(16)}`;
}

/** As inet_ntop(3) writes an address: an IPv4 tail where the first 96 bits are 0, or 80 zero bits are followed by ffff. */
export function ipv6ConstantText(value: bigint): string {
  const high = value >> 32n;
  const tail = value & 0xffffffffn;
  if (high === 0xffffn) return `::ffff:${ipv4Text(tail)}`;
  if (high === 0n && tail >> 16n !== 0n) return `::${ipv4Text(tail)}`;
  return ipv6Text(value);
}

function valueText(value: bigint, format: ConstantFormat): string {
  switch (format) {
    case "decimal":
      return value.toString();
    case "hexadecimal":
      return hexText(value);
    case "ipv4":
      return ipv4Text(value);
    case "ipv6":
      return ipv6ConstantText(value);
    case "ethernet":
      return macText(value);
  }
}

/** Length of the prefix that a mask of `width` bits is, or -1 if its ones are not all at the top. */
function prefixLength(mask: bigint, width: number): number {
  let n = 0;
  while (n < width && (mask >> BigInt(width - 1 - n)) & 1n) n++;
  return mask === ((1n << BigInt(n)) - 1n) << BigInt(width - n) ? n : -1;
}

/** The constant in its own notation, or in hexadecimal if it does not fit that. */
export function constantText(c: IntegerConstant): string {
  const fits = (v: bigint) => v >> WIDTH[c.format] === 0n;
  const format = fits(c.value) && (c.mask === undefined || fits(c.mask)) ? c.format : "hexadecimal";
  const value = valueText(c.value, format);
  if (c.mask === undefined) return value;
  const prefix = format === "ipv4" ? prefixLength(c.mask, 32) : format === "ipv6" ? prefixLength(c.mask, 128) : -1;
  return `${value}/${prefix >= 0 ? prefix : valueText(c.mask, format)}`;
}

/** The token so that the lexer reads it again (ends and errors aside, which it cannot). */
export function tokenText(t: Token): string {
  switch (t.type) {
    case "end":
      return "$";
    case "id":
      return t.text;
    case "error":
      return `error(${JSON.stringify(t.text)})`;
    case "string":
      return JSON.stringify(t.text);
    case "integer":
      return constantText({ value: t.value, mask: undefined, format: t.format });
    case "masked":
      return constantText(t);
    case "macro":
      return `$${t.text}`;
    case "port group":
      return `@${t.text}`;
    case "template":
      return `^${t.text}`;
    default:
      return t.type;
  }
}
