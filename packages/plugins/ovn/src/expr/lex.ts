/**
 * The lexer of OVN's expression and action languages (lib/lex.c of OVN), with its error texts.
 *
 * An error is a token of its own; a parser that meets one reports the lexer's complaint in place of its own, since nothing
 * accepts such a token.
 */
import { ipv4Number, ipv6Number, macNumber } from "@plumbline/model";
import { unescapeString } from "./strings.js";
import type { ConstantFormat, Punctuation, Token, TokenType } from "./token.js";

/** What OVN says against a text; the message is OVN's own. */
export class OvnSyntaxError extends Error {}

const SPACE = /[ \t\n\r\v\f]*/y;
const ID = /[A-Za-z_.][A-Za-z0-9_.]*/y;
const WORDS_AND_COLONS = /[A-Za-z0-9:]*/y;
/** Dots that do not stand before another one. */
const WORDS_AND_DOTS = /(?:[A-Za-z0-9]|\.(?!\.))*/y;
const DIGITS = /^[0-9]+$/;
const HEX_DIGITS = /^0[xX][0-9a-fA-F]+$/;
/** Before a colon: the beginning of an Ethernet or IPv6 address, not of a name. */
const HEX_THEN_COLON = /[0-9a-fA-F]*:/y;
/** inet_pton's buffer: longer texts are no addresses. */
const LONGEST_ADDRESS = 46;
/** Bits that a constant may have (union mf_subvalue of OVS). */
const WIDEST = 1024;

function plain(type: TokenType, start: number, end: number, text = ""): Token {
  return { type, text, value: 0n, mask: 0n, format: "decimal", start, end };
}
function error(text: string, start: number, end: number): Token {
  return plain("error", start, end, text);
}
function integer(value: bigint, format: ConstantFormat, start: number, end: number): Token {
  return { type: "integer", text: "", value, mask: 0n, format, start, end };
}

/** Longest first, so that `==` is not read as two `=`. `&`, `|`, `.` and `/` alone are errors. */
const FIXED: { readonly [first: string]: readonly Punctuation[] } = {
  "(": ["("],
  ")": [")"],
  "{": ["{"],
  "}": ["}"],
  "[": ["["],
  "]": ["]"],
  "=": ["==", "="],
  "!": ["!=", "!"],
  "&": ["&&"],
  "|": ["||"],
  "<": ["<=", "<->", "<"],
  ">": [">=", ">"],
  ".": [".."],
  ",": [","],
  ";": [";"],
  "-": ["--", "-"],
};
const HALVES: { readonly [first: string]: string } = {
  "&": "`&' is only valid as part of `&&'.",
  "|": "`|' is only valid as part of `||'.",
  ".": "`.' is only valid as part of `..' or a number.",
};
const NAMED: { readonly [first: string]: TokenType } = { $: "macro", "@": "port group", "^": "template" };

/** The first token at or after `at`. */
export function scanToken(input: string, at: number): Token {
  for (;;) {
    SPACE.lastIndex = at;
    SPACE.exec(input);
    const start = SPACE.lastIndex;
    if (input[start] !== "/") return scan(input, start);
    if (input[start + 1] === "/") {
      const line = input.indexOf("\n", start);
      at = line < 0 ? input.length : line;
    } else if (input[start + 1] === "*") {
      const close = input.indexOf("*/", start + 2);
      const line = input.indexOf("\n", start + 2);
      if (close < 0 || (line >= 0 && line < close)) return error("`/*' without matching `*/'.", start, line < 0 ? input.length : line);
      at = close + 2;
    } else return error("`/' is only valid as part of `//' or `/*'.", start, start + 1);
  }
}

function scan(input: string, at: number): Token {
  const c = input[at];
  if (c === undefined || c === "\0") return plain("end", at, at);
  if (c >= "0" && c <= "9") return scanInteger(input, at);
  if (c === ":") return input[at + 1] === ":" ? scanInteger(input, at) : plain(":", at, at + 1);
  if (c === '"') return scanString(input, at);
  HEX_THEN_COLON.lastIndex = at;
  if (HEX_THEN_COLON.test(input)) return scanInteger(input, at);
  const fixed = FIXED[c];
  if (fixed) {
    const found = fixed.find((p) => input.startsWith(p, at));
    return found ? plain(found, at, at + found.length) : error(HALVES[c] ?? "", at, at + 1);
  }
  const named = NAMED[c];
  ID.lastIndex = named ? at + 1 : at;
  const id = ID.exec(input)?.[0];
  if (named) return id ? plain(named, at, ID.lastIndex, id) : error(`\`${c}' must be followed by a valid identifier.`, at, at + 1);
  if (id) return plain("id", at, ID.lastIndex, id);
  const code = c.charCodeAt(0);
  if (code >= 0x20 && code < 0x7f) return error(`Invalid character \`${c}' in input.`, at, at + 1);
  // A byte as the C type `char` holds it, in decimal behind 0x: OVN's text.
  const byte = new TextEncoder().encode(c)[0] ?? 0;
  return error(`Invalid byte 0x${byte < 128 ? byte : byte - 256} in input.`, at, at + 1);
}

/** An integer, and a mask behind it. */
function scanInteger(input: string, at: number): Token {
  const n = scanConstant(input, at);
  if (n.type === "error" || input[n.end] !== "/") return n;
  const m = scanConstant(input, n.end + 1);
  if (m.type === "error") return { ...m, start: at };
  let { format } = n;
  let mask: bigint;
  const prefix = Number(m.value & 0xffffffffn);
  if (n.format === m.format) mask = m.value;
  else if (n.format === "ipv4" && m.format === "decimal" && prefix <= 32) mask = prefixMask(prefix, 32);
  else if (n.format === "ipv6" && m.format === "decimal" && prefix <= 128) mask = prefixMask(prefix, 128);
  else if (n.format === "decimal" && m.format === "hexadecimal" && n.value === 0n) {
    format = "hexadecimal";
    mask = m.value;
  } else return error("Value and mask have incompatible formats.", at, m.end);
  return { type: "masked", text: "", value: n.value & mask, mask, format, start: at, end: m.end };
}

function prefixMask(length: number, width: number): bigint {
  return ((1n << BigInt(length)) - 1n) << BigInt(width - length);
}

/** An integer in any notation, without mask. */
function scanConstant(input: string, at: number): Token {
  // As far as an integer may reach: `..` ends it, and a colon behind a dot does (`1.2.3.4:80` is three tokens).
  WORDS_AND_COLONS.lastIndex = at;
  WORDS_AND_COLONS.exec(input);
  WORDS_AND_DOTS.lastIndex = WORDS_AND_COLONS.lastIndex;
  WORDS_AND_DOTS.exec(input);
  const end = WORDS_AND_DOTS.lastIndex;
  const text = input.slice(at, end);
  if (text === "") return error("Integer constant expected.", at, end);
  if (DIGITS.test(text)) {
    if (text.length > 1 && text[0] === "0") return error("Decimal constants must not have leading zeros.", at, end);
    const value = BigInt(text);
    return value >> 64n === 0n ? integer(value, "decimal", at, end) : error("Decimal constants must be less than 2**64.", at, end);
  }
  const mac = text.length === 17 ? macNumber(text) : null;
  if (mac !== null) return integer(mac, "ethernet", at, end);
  if (text[0] === "0" && (text[1] === "x" || text[1] === "X")) return hexadecimal(text, at, end);
  if (text.length < LONGEST_ADDRESS) {
    const found = address(text);
    if (found) return integer(found.value, found.format, at, end);
  }
  return error("Invalid numeric constant.", at, end);
}

/** OVN reads the digits from the last to the first, so the wrong digit farthest right, or the width, is what it complains of. */
function hexadecimal(text: string, at: number, end: number): Token {
  if (text.length === 2) return error(`Hex digits expected following ${text}.`, at, end);
  if (HEX_DIGITS.test(text) && text.length <= 2 + WIDEST / 4) return integer(BigInt(text.toLowerCase()), "hexadecimal", at, end);
  for (let i = text.length - 1, n = 0; i >= 2; i--, n++) {
    const c = text[i]!;
    if (!/[0-9a-fA-F]/.test(c)) return error("Invalid syntax in hexadecimal constant.", at, end);
    if (c !== "0" && n >= WIDEST / 4) return error(`Hexadecimal constant requires more than ${WIDEST} bits.`, at, end);
  }
  return integer(BigInt(text.toLowerCase()), "hexadecimal", at, end);
}

/** An address as inet_pton(3) reads it: without zeros before a decimal number. */
function address(text: string): { value: bigint; format: ConstantFormat } | undefined {
  if (/(^|[.:])0[0-9]+\./.test(text) || /\.0[0-9]+(\.|$)/.test(text)) return undefined;
  const v4 = ipv4Number(text);
  if (v4 !== null) return { value: BigInt(v4), format: "ipv4" };
  const v6 = ipv6Number(text);
  return v6 === null ? undefined : { value: v6, format: "ipv6" };
}

function scanString(input: string, at: number): Token {
  let end = at + 1;
  for (;;) {
    const c = input[end];
    if (c === undefined || c === "\0") return error("Input ends inside quoted string.", at, end);
    if (c === '"') break;
    end += c === "\\" && end + 1 < input.length ? 2 : 1;
  }
  const { text, complaint } = unescapeString(input.slice(at + 1, end));
  return complaint === undefined ? plain("string", at, end + 1, text) : error(complaint, at, end + 1);
}

/** A text being read, token by token. Methods that find something else than they ask for throw {@link OvnSyntaxError}. */
export class Lexer {
  token: Token;
  /** The token behind the current one, once looked at. */
  private following: Token | undefined;

  constructor(readonly input: string) {
    this.token = scanToken(input, 0);
  }

  /** Goes on to the next token. */
  advance(): void {
    this.token = this.following ?? scanToken(this.input, this.token.end);
    this.following = undefined;
  }

  /** Type of the token behind the current one. */
  lookahead(): TokenType {
    this.following ??= scanToken(this.input, this.token.end);
    return this.following.type;
  }

  /** Goes on if the current token is of that type. */
  match(type: TokenType): boolean {
    if (this.token.type !== type) return false;
    this.advance();
    return true;
  }
  matchId(name: string): boolean {
    if (this.token.type !== "id" || this.token.text !== name) return false;
    this.advance();
    return true;
  }
  force(type: Punctuation): void {
    if (!this.match(type)) this.syntaxError(`expecting \`${type}'`);
  }
  forceEnd(): void {
    if (this.token.type !== "end") this.syntaxError("expecting end of input");
  }

  /** The current token is a decimal constant that a C int can hold. */
  isInt(): boolean {
    return this.token.type === "integer" && this.token.format === "decimal" && this.token.value <= 0x7fffffffn;
  }
  forceInt(): number {
    if (!this.isInt()) this.syntaxError("expecting small integer");
    const n = Number(this.token.value);
    this.advance();
    return n;
  }

  /** Complains, or has the lexer's own complaint if the current token is one. */
  fail(message: string): never {
    throw new OvnSyntaxError(this.token.type === "error" ? this.token.text : message);
  }
  /** `Syntax error at \`x' WHAT.`; without `what` nothing stands behind the place. */
  syntaxError(what?: string): never {
    const { type, start, end } = this.token;
    const at = type === "end" ? " at end of input" : ` at \`${this.input.slice(start, end)}'`;
    this.fail(`Syntax error${at}${what === undefined ? "" : ` ${what}`}.`);
  }
}

/** All tokens of a text, the end left out. */
export function tokens(input: string): Token[] {
  const out: Token[] = [];
  for (let t = scanToken(input, 0); t.type !== "end"; t = scanToken(input, t.end)) out.push(t);
  return out;
}
