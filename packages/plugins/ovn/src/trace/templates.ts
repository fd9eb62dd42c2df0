/**
 * Matches that differ in constants alone: `ip4.dst == 172.30.0.1 && tcp.dst == 443` ten thousand times over.
 *
 * A text with its constants taken out is its form. Of a form the parser is asked twice, with constants that tell where they come to lie
 * in the rows; where that is as simple as it looks (each constant is one whole field, asked for once), a text of the form becomes rows by
 * putting its constants there. Else, and for every text in which a constant does not fit its field, the parser has the word.
 */
import { type Chunk, chunks, lowMask, type Match, type WordMatch } from "@plumbline/model";
import type { Comparison, Expr, LookupPort } from "../expr/index.js";
import { onDatapath } from "./tables.js";

/** Where a constant's bits go. */
interface Hole {
  readonly constant: number;
  readonly row: number;
  readonly at: number;
  readonly word: number;
  readonly from: 0 | 32;
  readonly shift: number;
  readonly mask: number;
  /** Words that were made for ports, by number. */
  readonly ports: Map<number, WordMatch>;
}

/** A form of match, with rows in which the constants' bits are 0. */
export interface Form {
  readonly rows: readonly Match[];
  readonly holes: readonly Hole[];
  /** Bits that each constant may have. */
  readonly widths: readonly number[];
  /** Constants that name ports. */
  readonly names: readonly number[];
}

/** A constant of a text: a number of up to 64 bits in two words, or a port's name. */
export type TextConstant = string | { readonly low: number; readonly high: number };

/** Numbers below stay in the form: bits, flags, protocol numbers. */
const LEAST_NUMBER = 256;

/** Characters that a constant which is no string stands apart from. */
const TOKEN = Uint8Array.from({ length: 128 }, (_, c) => (/[\w.:/]/.test(String.fromCharCode(c)) ? 1 : 0));
const HEX = Uint8Array.from({ length: 128 }, (_, c) => {
  const digit = "0123456789abcdef".indexOf(String.fromCharCode(c).toLowerCase());
  return digit < 0 ? 255 : digit;
});
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const DOT = 0x2e;
const COLON = 0x3a;
const BRACKET = 0x5b;

/** A text's form and the constants that were taken out of it. */
export function formOf(text: string): { readonly form: string; readonly constants: readonly TextConstant[] } {
  const constants: TextConstant[] = [];
  let form = "";
  let done = 0;
  const take = (from: number, to: number, kind: string, c: TextConstant) => {
    form += text.slice(done, from) + kind;
    done = to;
    constants.push(c);
  };
  for (let i = 0; i < text.length; ) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      let end = i + 1;
      for (let x = text.charCodeAt(end); end < text.length && x !== QUOTE && x !== BACKSLASH; ) x = text.charCodeAt(++end);
      if (text.charCodeAt(end) !== QUOTE) i++;
      else {
        take(i, end + 1, "\u0001s", text.slice(i + 1, end));
        i = end + 1;
      }
    } else if (c > 127 || TOKEN[c] === 0) i++;
    else {
      let end = i + 1;
      for (let x = text.charCodeAt(end); x < 128 && TOKEN[x] === 1; ) x = text.charCodeAt(++end);
      if (HEX[c] < 16 && text.charCodeAt(end) !== BRACKET) number(text, i, end, take);
      i = end;
    }
  }
  return { form: done === 0 ? text : form + text.slice(done), constants };
}

/** Takes what lies from `i` to `end` if it is an IPv4 or MAC address or a decimal number. */
function number(text: string, i: number, end: number, take: (from: number, to: number, kind: string, c: TextConstant) => void): void {
  const size = end - i;
  if (size === 17 && text.charCodeAt(i + 2) === COLON) {
    let high = 0;
    let low = 0;
    for (let k = 0; k < 17; k++) {
      const x = text.charCodeAt(i + k);
      if (k % 3 === 2) {
        if (x !== COLON) return;
      } else if (HEX[x] > 15) return;
      else if (k < 5) high = 16 * high + HEX[x];
      else low = 16 * low + HEX[x];
    }
    take(i, end, "\u0001m", { low, high });
    return;
  }
  if (size > 15) return;
  let parts = 0;
  let digits = 0;
  let part = 0;
  let address = 0;
  for (let k = i; k < end; k++) {
    const x = text.charCodeAt(k);
    if (x === DOT) {
      if (digits === 0 || digits > 3 || part > 255) return;
      address = 256 * address + part;
      parts++;
      digits = part = 0;
    } else if (HEX[x] > 9) return;
    else {
      part = 10 * part + HEX[x];
      digits++;
    }
  }
  if (parts === 3) {
    if (digits > 0 && digits <= 3 && part <= 255) take(i, end, "\u0001i", { low: 256 * address + part, high: 0 });
  } else if (parts === 0 && digits <= 9 && part >= LEAST_NUMBER && text.charCodeAt(i) !== 0x30)
    take(i, end, "\u0001n", { low: part, high: 0 });
}

/** What the parser makes of a text: the tree as it was written, the tree over fields, and its rows. */
export interface Parsed {
  readonly written: Expr;
  readonly meant: Expr;
  readonly rows: readonly Match[] | undefined;
}

/** Learns a form; undefined if it is not simple. @param parse the parser, which may throw */
export function learn(
  form: string,
  constants: readonly TextConstant[],
  parse: (text: string, lookup: LookupPort) => Parsed | undefined,
): Form | undefined {
  const probes = [probe(form, 0), probe(form, 1)];
  const [a, b] = probes.map((p) => parse(p.text, (name) => p.ports.get(name)));
  if (!a?.rows || !b?.rows || a.rows.length !== b.rows.length || a.rows.length === 0) return undefined;
  const holes: Hole[] = [];
  const widths: number[] = [];
  const names: number[] = [];
  for (const [i, c] of constants.entries()) {
    const cmp = comparisonOf(a.written, probes[0].values[i]);
    if (!cmp) return undefined;
    const [own] = [...fieldsOf(cmp)];
    if (!own || [...comparisons(a.meant)].filter((x) => x.symbol.field === own).length !== 1) return undefined;
    const bitsOf = cmp.symbol.width === 0 ? 32 : cmp.symbol.width;
    if (typeof c === "string") names.push(i);
    widths.push(bitsOf);
    const places = chunks({ ...own.slice, n: bitsOf, ofs: own.slice.ofs + offsetOf(cmp) });
    for (const [row, match] of a.rows.entries())
      for (const chunk of places) {
        const hole = holeOf(i, row, match, chunk);
        if (!hole) return undefined;
        holes.push(hole);
      }
  }
  const [baseA, baseB] = [a.rows, b.rows].map((rows) => emptied(rows, holes));
  if (JSON.stringify(baseA) !== JSON.stringify(baseB)) return undefined;
  const f: Form = { rows: baseA, holes, widths, names };
  // What was learned must give back what was asked.
  for (const [n, rows] of [a.rows, b.rows].entries()) {
    const again = fill(f, probes[n].values.map(constantOf), (name) => probes[n].ports.get(name));
    if (JSON.stringify(again) !== JSON.stringify(rows)) return undefined;
  }
  return f;
}

/**
 * The rows of a text of the form whose constants {@link fits}; none if it names a port that is not there.
 * @param key of the one datapath that they are for, undefined if they are for all
 */
export function fill(f: Form, constants: readonly TextConstant[], lookup: LookupPort, key?: number): Match[] {
  const ports: number[] = [];
  for (const i of f.names) {
    const port = lookup(constants[i] as string);
    if (port === undefined) return [];
    ports[i] = port;
  }
  const rows: WordMatch[][] = [];
  for (const r of f.rows) rows.push(key === undefined ? r.slice() : (onDatapath(r, key) as WordMatch[]));
  for (const h of f.holes) {
    const c = constants[h.constant];
    const row = rows[h.row];
    // What asks for the datapath stands before some words.
    const at = key !== undefined && row[h.at].w !== h.word ? h.at + 1 : h.at;
    const word = row[at];
    const bits = typeof c === "string" ? ports[h.constant] : h.from === 0 ? c.low : c.high;
    // Ports are few, and named by many flows.
    const known = typeof c === "string" ? h.ports.get(bits) : undefined;
    row[at] = known ?? { w: word.w, v: (word.v | ((bits & h.mask) << h.shift)) >>> 0, m: word.m };
    if (typeof c === "string" && !known && h.mask === 0xffffffff) h.ports.set(bits, row[at]);
  }
  return rows;
}

/** Whether every constant fits its field. */
export function fits(f: Form, constants: readonly TextConstant[]): boolean {
  for (let i = 0; i < constants.length; i++) {
    const c = constants[i];
    if (typeof c === "string") continue;
    const width = f.widths[i];
    if (width < 32 ? c.high !== 0 || c.low >= 2 ** width : width < 64 && c.high >= 2 ** (width - 32)) return false;
  }
  return true;
}

/** A text of the form with constants that are found again: as they are written, and the bits that they are. */
export function probe(
  form: string,
  n: number,
): { text: string; values: readonly string[]; bits: readonly bigint[]; ports: ReadonlyMap<string, number> } {
  const values: string[] = [];
  const ports = new Map<string, number>();
  const text = form.replace(/\u0001([simn])/g, (_, kind: string) => {
    const i = values.length;
    const unlike = n === 0 ? 85 : 170;
    let value: string;
    let written: string;
    if (kind === "s") {
      value = `probe ${n} ${i}`;
      written = `"${value}"`;
      ports.set(value, 0x5a5a0000 + 256 * n + i);
    } else if (kind === "i") written = value = `${unlike}.${unlike - i}.${unlike + n}.${i + 1}`;
    else if (kind === "m") written = value = `${(unlike & 0xfe).toString(16)}:5${n}:00:a5:00:${(i + 16).toString(16).padStart(2, "0")}`;
    else written = value = String(20000 + 1000 * n + 7 * i);
    values.push(value);
    return written;
  });
  const bits = values.map((v) => {
    const c = constantOf(v);
    return typeof c === "string" ? BigInt(ports.get(c) ?? 0) : (BigInt(c.high) << 32n) + BigInt(c.low);
  });
  return { text, values, bits, ports };
}

function constantOf(value: string): TextConstant {
  if (value.startsWith("probe")) return value;
  return formOf(value).constants[0];
}

/** The comparison for equality with a constant that must hold wherever the expression does. */
function comparisonOf(e: Expr, value: string): Comparison | undefined {
  const c = constantOf(value);
  const is = (x: Expr): x is Comparison =>
    x.type === "cmp" &&
    x.relop === "==" &&
    (typeof c === "string"
      ? x.text === c
      : x.value === (BigInt(c.high) << 32n) + BigInt(c.low) && x.mask === (1n << BigInt(x.symbol.width)) - 1n);
  const found = (e.type === "and" ? e.subs : [e]).filter(is);
  return found.length === 1 ? found[0] : undefined;
}

function* comparisons(e: Expr): Generator<Comparison> {
  if (e.type === "cmp") yield e;
  else if (e.type === "and" || e.type === "or") for (const s of e.subs) yield* comparisons(s);
}

/** The field of the packet that a comparison's symbol is a part of. */
function* fieldsOf(c: Comparison): Generator<NonNullable<Comparison["symbol"]["field"]>> {
  let s = c.symbol;
  while (s.parent) s = s.parent.symbol;
  if (s.field) yield s.field;
}
function offsetOf(c: Comparison): number {
  let ofs = 0;
  for (let s = c.symbol; s.parent; s = s.parent.symbol) ofs += s.parent.ofs;
  return ofs;
}

function holeOf(constant: number, row: number, match: Match, { word, shift, bits, at }: Chunk): Hole | undefined {
  const place = match.findIndex((x) => x.w === word);
  const mask = lowMask(bits);
  if (place < 0 || (at !== 0 && at !== 32) || ((match[place].m >>> shift) & mask) >>> 0 !== mask) return undefined;
  return { constant, row, at: place, word, from: at, shift, mask, ports: new Map() };
}

function emptied(rows: readonly Match[], holes: readonly Hole[]): Match[] {
  const out = rows.map((r) => r.map((x) => ({ ...x })));
  for (const h of holes) out[h.row][h.at].v = (out[h.row][h.at].v & ~(h.mask << h.shift)) >>> 0;
  return out;
}
