/**
 * Rows: reading and writing bits of a packet's header vector.
 *
 * A slice is a run of bits of one field, counted from the field's least significant bit, as in `NXM_NX_REG13[0..15]`.
 */
import { type Field, field, ROW_WORDS } from "./fields.js";

/** A packet: {@link ROW_WORDS} words, see the field registry. */
export type Row = Uint32Array;

/** Bits `ofs` to `ofs + n - 1` of a field (n up to 128). */
export interface Slice {
  readonly field: string;
  readonly ofs: number;
  readonly n: number;
}

/** The slice of a whole field, or of `n` bits at `ofs`. */
export function slice(name: string, ofs = 0, n?: number): Slice {
  const f = field(name);
  return { field: f.name, ofs, n: n ?? f.bits - ofs };
}

export function newRow(): Row {
  return new Uint32Array(ROW_WORDS);
}

/** Bits of one word that belong to a slice: word index, shift within the word, width, and shift within the value. */
export interface Chunk {
  readonly word: number;
  readonly shift: number;
  readonly bits: number;
  /** Position of this chunk's lowest bit within the slice's value. */
  readonly at: number;
}

/** A slice cut at word borders, least significant chunk first. */
export function chunks(s: Slice): Chunk[] {
  const f: Field = field(s.field);
  if (s.ofs < 0 || s.n < 1 || s.ofs + s.n > f.bits)
    throw new Error(`slice ${s.field}[${s.ofs}..${s.ofs + s.n - 1}] exceeds ${f.bits} bits`);
  const out: Chunk[] = [];
  let at = 0;
  while (at < s.n) {
    const bit = s.ofs + at;
    const word = f.word + f.words - 1 - (bit >>> 5);
    const shift = bit & 31;
    const bits = Math.min(32 - shift, s.n - at);
    out.push({ word, shift, bits, at });
    at += bits;
  }
  return out;
}

/** A mask of the low `bits` bits of a word (1 to 32), unsigned. */
export function lowMask(bits: number): number {
  return bits >= 32 ? 0xffffffff : ((1 << bits) >>> 0) - 1;
}

export function getBits(row: Row, s: Slice): bigint {
  let v = 0n;
  for (const c of chunks(s)) v |= BigInt(((row[c.word] >>> c.shift) & lowMask(c.bits)) >>> 0) << BigInt(c.at);
  return v;
}

/** Writes the low `n` bits of `value`; higher bits of `value` are ignored. */
export function setBits(row: Row, s: Slice, value: bigint): void {
  for (const c of chunks(s)) {
    const m = lowMask(c.bits);
    const v = Number((value >> BigInt(c.at)) & BigInt(m));
    row[c.word] = ((row[c.word] & ~((m << c.shift) >>> 0)) | ((v << c.shift) >>> 0)) >>> 0;
  }
}

/** A whole field as a number (fields of up to 32 bits). */
export function get(row: Row, name: string): number {
  return row[field(name).word];
}

/** A whole field as a bigint (any width). */
export function getBig(row: Row, name: string): bigint {
  return getBits(row, slice(name));
}

/** Writes a whole field. */
export function set(row: Row, name: string, value: bigint | number): void {
  setBits(row, slice(name), BigInt(value));
}
