/**
 * Where programs go on. A table's rows are told apart by the datapath, the port, the protocol, and the next table's by the same words
 * again; so where a program ends in `call` or `goto`, the search of that table begins as far down as what is known of the row leads, and often at its
 * end: then no look-up is left. These references are found when all tables are written.
 */
import type { Match } from "@plumbline/model";
import type { Image } from "./image.js";
import { knownOf, type Told, type WordBits, type Written } from "./known-bits.js";
import { CODE, ENTRY, ENTRY_BYTES, INTO, REF, REF_BITS, SPLIT, TABLE } from "./layout.js";

const NO_MATCH: Match = [];

export class Continuations {
  /** Addresses of the words that name a table (its record, without INTO bits); the reference stands in the next. What is known there: by the same index. */
  private readonly places: number[] = [];
  private readonly matches: Match[] = [];
  private readonly told: (Told | null)[] = [];
  private readonly written: (Written | null)[] = [];

  constructor(private readonly image: Image) {}

  /** A place where a table is named, and what is known there. */
  add(at: number, match: Match, told: Told | null, written: Written | null): void {
    this.places.push(at);
    this.matches.push(match);
    this.told.push(told);
    this.written.push(written);
  }

  /** A place of a program: nothing but what it has written is known. */
  addCode(at: number, written: Written): void {
    this.add(at, NO_MATCH, null, written);
  }

  /** Fills all places in. */
  resolve(): void {
    const { image } = this;
    for (const [i, at] of this.places.entries()) {
      const into = image.get(at);
      const table = into & ~INTO.INTO_BITS;
      if (image.get(table + TABLE.T_KIND) !== CODE.TABLE_BEST) continue;
      image.put(at, into | INTO.INTO_PLAIN);
      const known = (word: number) => knownOf(word, this.matches[i], this.told[i], this.written[i]);
      image.put(at + 4, this.follow(image.get(table + TABLE.T_ROOT), known));
    }
  }

  /** The reference that a search from `ref` on comes to with what is known. */
  private follow(from: number, known: (word: number) => WordBits): number {
    const { image } = this;
    for (let ref = from; ; ) {
      const what = ref & REF_BITS;
      if (ref === 0 || what === REF.REF_SURE || what === REF.REF_TUPLE) return ref;
      if (what === REF.REF_ENTRY) {
        const holds = this.holds(ref - what, known);
        return holds === null ? ref : holds ? ref - what + REF.REF_SURE : 0;
      }
      const kind = image.get(ref);
      if (kind === CODE.NODE_SPLIT) {
        const bits = image.get(ref + SPLIT.X_MASK);
        const k = known(image.get(ref + SPLIT.X_WORD) >>> 2);
        if ((k.mask & bits) >>> 0 !== bits) return ref;
        ref = this.branch(ref, (k.value & bits) >>> 0);
      } else if (kind === CODE.NODE_SCAN) {
        let e = ref + 8;
        for (let n = image.get(ref + 4); ; n--) {
          if (n === 0) return 0;
          const holds = this.holds(e, known);
          if (holds) return e + REF.REF_SURE;
          if (holds === null) return n === 1 ? e + REF.REF_ENTRY : ref;
          e += ENTRY_BYTES + 12 * image.get(e + ENTRY.E_WORDS);
        }
      } else return ref;
    }
  }

  /** Whether an entry matches; null: it depends. */
  private holds(e: number, known: (word: number) => WordBits): boolean | null {
    const { image } = this;
    let all = true;
    for (let n = image.get(e + ENTRY.E_WORDS), at = e + ENTRY_BYTES; n > 0; n--, at += 12) {
      const mask = image.get(at + 4);
      const k = known(image.get(at) >>> 2);
      if (((k.value ^ image.get(at + 8)) & k.mask & mask) !== 0) return false;
      if ((k.mask & mask) >>> 0 !== mask) all = false;
    }
    return all ? true : null;
  }

  /** The branch of a split for a value. */
  private branch(node: number, value: number): number {
    const { image } = this;
    const slots = image.get(node + SPLIT.X_SLOTS);
    const shift = image.get(node + SPLIT.X_SHIFT);
    for (let i = Math.imul(value, 0x9e3779b1) >>> shift; ; i = (i + 1) & (0xffffffff >>> shift)) {
      const ref = image.get(slots + 8 * i + 4);
      if (ref === 0) return image.get(node + SPLIT.X_OTHER);
      if (image.get(slots + 8 * i) === value) return ref;
    }
  }
}
