/**
 * What is known of a packet's row where a program goes on in another table: bits that the matched row asked for, that splits on the way to it have told, and
 * constants that the program has written.
 */
import { type Action, FIELDS, field, type Match, type Slice } from "@plumbline/model";
import { chunksOf } from "./slices.js";

/** The value of a word, as far as it is known: bits of `mask`. */
export interface WordBits {
  readonly mask: number;
  readonly value: number;
}
const NOTHING: WordBits = { mask: 0, value: 0 };

/** What splits have told, the last first. */
export interface Told {
  readonly word: number;
  readonly mask: number;
  readonly value: number;
  readonly before: Told | null;
}

/** What a program writes: of each word the bits, and which of them are constant. */
export type Writes = Map<number, { written: number; mask: number; value: number }>;

const chunkMask = (c: { bits: number; shift: number }): number => ((c.bits >= 32 ? 0xffffffff : (1 << c.bits) - 1) << c.shift) >>> 0;

function clobber(writes: Writes, s: Slice): void {
  for (const c of chunksOf(s)) write(writes, c.word, chunkMask(c), 0, 0);
}
function write(writes: Writes, word: number, written: number, mask: number, value: number): void {
  const had = writes.get(word) ?? { written: 0, mask: 0, value: 0 };
  writes.set(word, {
    written: (had.written | written) >>> 0,
    mask: ((had.mask & ~written) | mask) >>> 0,
    value: ((had.value & ~written) | value) >>> 0,
  });
}

const CONJ_ID = field("conj_id").word;
/** Fields of connection tracking: what `ctClear` writes. */
const CT_FIELDS = FIELDS.filter((f) => f.name.startsWith("ct_")).map((f): Slice => ({ field: f.name, ofs: 0, n: f.bits }));

/** Adds what an action writes. False: it may write anything, or does not simply go on. */
export function addWrites(writes: Writes, a: Action): boolean {
  switch (a.op) {
    case "set":
      for (const c of chunksOf(a.dst)) {
        const mask = chunkMask(c);
        const bits = Number(BigInt.asUintN(c.bits, a.value >> BigInt(c.at)));
        write(writes, c.word, mask, mask, (bits << c.shift) >>> 0);
      }
      return true;
    case "move":
    case "pop":
    case "greater":
      clobber(writes, a.dst);
      return true;
    case "swap":
      clobber(writes, a.a);
      clobber(writes, a.b);
      return true;
    case "decTtl":
      write(writes, field("ip_ttl").word, 0xffffffff, 0, 0);
      return true;
    case "ctClear":
      for (const s of CT_FIELDS) clobber(writes, s);
      return true;
    case "push":
    case "note":
    case "punt":
      return true;
    default:
      return false;
  }
}

/** What is known of a word after all that. */
export function knownOf(word: number, match: Match, told: Told | null, writes: Writes | null): WordBits {
  let mask = 0;
  let value = 0;
  // A search may have borrowed this word, and given it back.
  if (word === CONJ_ID) match = [];
  for (const x of match)
    if (x.w === word) {
      mask = x.m;
      value = x.v;
    }
  for (let t = word === CONJ_ID ? null : told; t; t = t.before)
    if (t.word === word) {
      mask |= t.mask;
      value |= t.value;
    }
  const w = writes?.get(word);
  if (w) {
    mask = (mask & ~w.written) | w.mask;
    value = (value & ~w.written) | w.value;
  }
  return mask === 0 ? NOTHING : { mask: mask >>> 0, value: value >>> 0 };
}
