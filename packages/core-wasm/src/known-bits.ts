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

/** Actions of a program that have been run, from one place to another: all of them write what {@link writesOnly} says. */
export interface Written {
  readonly actions: readonly Action[];
  readonly from: number;
  readonly to: number;
}

const chunkMask = (c: { bits: number; shift: number }): number => ((c.bits >= 32 ? 0xffffffff : (1 << c.bits) - 1) << c.shift) >>> 0;

const CONJ_ID = field("conj_id").word;
const TTL = field("ip_ttl").word;
/** Words of connection tracking: what `ctClear` writes. */
const CT_WORDS = new Map<number, number>();
for (const f of FIELDS)
  if (f.name.startsWith("ct_"))
    for (const c of chunksOf({ field: f.name, ofs: 0, n: f.bits }))
      CT_WORDS.set(c.word, ((CT_WORDS.get(c.word) ?? 0) | chunkMask(c)) >>> 0);

/** Whether an action simply goes on, and writes no more than it names. */
export function writesOnly(a: Action): boolean {
  switch (a.op) {
    case "set":
    case "move":
    case "pop":
    case "greater":
    case "swap":
    case "decTtl":
    case "ctClear":
    case "push":
    case "note":
    case "punt":
    // What is said of these holds of the packet that goes on.
    case "output":
    case "clone":
      return true;
    default:
      return false;
  }
}

/** Bits of a word that a slice has. */
function bitsIn(s: Slice, word: number): number {
  let mask = 0;
  for (const c of chunksOf(s)) if (c.word === word) mask |= chunkMask(c);
  return mask >>> 0;
}

/** What is known of a word after all that. */
export function knownOf(word: number, match: Match, told: Told | null, written: Written | null): WordBits {
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
  const forget = (bits: number) => {
    mask &= ~bits;
    value &= ~bits;
  };
  for (let i = written?.from ?? 0; written && i < written.to; i++) {
    const a = written.actions[i];
    switch (a.op) {
      case "set":
        for (const c of chunksOf(a.dst)) {
          if (c.word !== word) continue;
          const bits = chunkMask(c);
          forget(bits);
          mask |= bits;
          value |= Number(BigInt.asUintN(c.bits, a.value >> BigInt(c.at))) << c.shift;
        }
        break;
      case "move":
      case "pop":
      case "greater":
        forget(bitsIn(a.dst, word));
        break;
      case "swap":
        forget(bitsIn(a.a, word) | bitsIn(a.b, word));
        break;
      case "decTtl":
        if (word === TTL) forget(0xffffffff);
        break;
      case "ctClear":
        forget(CT_WORDS.get(word) ?? 0);
        break;
      default:
        break;
    }
  }
  return mask === 0 ? NOTHING : { mask: mask >>> 0, value: value >>> 0 };
}
