/** The match of a flow as a row of masked words. */
import { field, lowMask, type Match, type Slice, type WordMatch } from "@plumbline/model";
import type { MatchTerm } from "../ast.js";

/** Collects masked words; faster than one match object a condition. */
class Words {
  private readonly w: number[] = [];
  private readonly v: number[] = [];
  private readonly m: number[] = [];
  /** Two conditions exclude each other: nothing matches. */
  empty = false;

  add(s: Slice, value: bigint, mask: bigint): void {
    const f = field(s.field);
    if (f.words === 1) {
      const shift = s.ofs;
      this.word(f.word, (Number(value) << shift) >>> 0, (Number(mask) << shift) >>> 0);
      return;
    }
    for (let at = 0; at < s.n; ) {
      const bit = s.ofs + at;
      const shift = bit & 31;
      const bits = Math.min(32 - shift, s.n - at);
      const low = BigInt(lowMask(bits));
      const m = (Number((mask >> BigInt(at)) & low) << shift) >>> 0;
      if (m !== 0) this.word(f.word + f.words - 1 - (bit >>> 5), (Number((value >> BigInt(at)) & low) << shift) >>> 0, m);
      at += bits;
    }
  }
  private word(w: number, v: number, m: number): void {
    if (m === 0) return;
    const value = (v & m) >>> 0;
    const i = this.w.indexOf(w);
    if (i < 0) {
      this.w.push(w);
      this.v.push(value);
      this.m.push(m);
      return;
    }
    if (((this.v[i] ^ value) & this.m[i] & m) >>> 0 !== 0) this.empty = true;
    this.v[i] = (this.v[i] | value) >>> 0;
    this.m[i] = (this.m[i] | m) >>> 0;
  }
  match(): Match {
    const out: WordMatch[] = this.w.map((w, i) => ({ w, v: this.v[i], m: this.m[i] }));
    return out.sort((a, b) => a.w - b.w);
  }
}

export interface LoweredMatch {
  /** Null where two conditions exclude each other. */
  readonly match: Match | null;
  /** Conditions that a row cannot express, as printed; what matches is then not known. */
  readonly unmodelled: readonly string[];
}

/** @param portNumber the OpenFlow number of a port printed by name, or undefined */
export function lowerMatch(terms: readonly MatchTerm[], portNumber: (name: string) => number | undefined): LoweredMatch {
  const words = new Words();
  const unmodelled: string[] = [];
  for (const t of terms) {
    if (t.portName !== undefined) {
      const n = portNumber(t.portName);
      if (n === undefined) unmodelled.push(`${t.name}="${t.portName}", a port whose number is not in evidence`);
      else words.add(t.slice!, BigInt(n), t.mask);
    } else if (!t.slice) unmodelled.push(t.name);
    else words.add(t.slice, t.value, t.mask);
  }
  return { match: words.empty ? null : words.match(), unmodelled };
}

/** The value of a slice where the conditions leave one only, else null. */
export function knownValue(terms: readonly MatchTerm[], s: Slice): bigint | null {
  const want = (1n << BigInt(s.n)) - 1n;
  let value = 0n;
  let known = 0n;
  for (const t of terms) {
    if (!t.slice || t.portName !== undefined || t.slice.field !== s.field) continue;
    const d = BigInt(t.slice.ofs - s.ofs);
    const v = d >= 0n ? t.value << d : t.value >> -d;
    const m = (d >= 0n ? t.mask << d : t.mask >> -d) & want;
    value |= v & m;
    known |= m;
  }
  return known === want ? value : null;
}
