/** The match of a flow as a row of masked words. */
import { FIELDS, field, lowMask, type Match, matchField, type Slice, type WordMatch } from "@plumbline/model";
import type { MatchTerm } from "../ast.js";

/** Masked words of conditions. Conditions are shared by the flows that have them, and so are their words. */
const WORDS = new WeakMap<MatchTerm, Match>();

function wordsOf(t: MatchTerm, s: Slice): Match {
  let known = WORDS.get(t);
  if (!known) WORDS.set(t, (known = maskedWords(s, t.value, OWN_MASK.has(s.field) ? t.value & t.mask : t.mask)));
  return known;
}
/** Fields whose condition OVS sends with its value in the place of the mask (lib/nx-match.c, nx_put_raw; 3.1): only ones are asked for. */
const OWN_MASK = new Set(["tun_erspan_dir", "tun_erspan_hwid"]);

function maskedWords(s: Slice, value: bigint, mask: bigint): Match {
  const f = field(s.field);
  const out: WordMatch[] = [];
  for (let at = 0; at < s.n; ) {
    const bit = s.ofs + at;
    const shift = bit & 31;
    const bits = Math.min(32 - shift, s.n - at);
    const low = BigInt(lowMask(bits));
    const m = (Number((mask >> BigInt(at)) & low) << shift) >>> 0;
    const v = (Number((value >> BigInt(at)) & low) << shift) >>> 0;
    if (m !== 0) out.push({ w: f.word + f.words - 1 - (bit >>> 5), v: (v & m) >>> 0, m });
    at += bits;
  }
  return out;
}

/** A row's words while conditions are added, in order. Words that one condition alone decides are that condition's own. */
class Words {
  private readonly words: WordMatch[] = [];
  /** Two conditions exclude each other: nothing matches. */
  empty = false;

  add(words: Match): void {
    for (const word of words) this.word(word);
  }
  private word(word: WordMatch): void {
    const { words } = this;
    let i = words.length;
    while (i > 0 && words[i - 1].w > word.w) i--;
    const old = i > 0 ? words[i - 1] : undefined;
    if (old?.w !== word.w) {
      words.splice(i, 0, word);
      return;
    }
    if (((old.v ^ word.v) & old.m & word.m) >>> 0 !== 0) this.empty = true;
    words[i - 1] = { w: word.w, v: (old.v | word.v) >>> 0, m: (old.m | word.m) >>> 0 };
  }
  match(): Match {
    return this.words;
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
      else words.add(maskedWords(t.slice!, BigInt(n), t.mask));
    } else if (!t.slice) unmodelled.push(t.name);
    else words.add(wordsOf(t, t.slice));
  }
  return { match: words.empty ? null : words.match(), unmodelled };
}

/** Fields that are there in Ethernet frames only: those of headers. */
const OF_ETHERNET = new Set(FIELDS.filter((f) => f.cls === "header" && !/^packet_(len|type)$/.test(f.name)).map((f) => f.name));
const FRAME = matchField([], "packet_type", 0)[0];

/** A match that names a header is met by Ethernet frames only, unless it says another packet type (ovs-fields(7), "packet_type"). */
export function ofEthernet(terms: readonly MatchTerm[], match: Match): Match {
  if (match.some((x) => x.w === FRAME.w) || !terms.some((t) => t.slice && OF_ETHERNET.has(t.slice.field))) return match;
  return [...match, FRAME].sort((a, b) => a.w - b.w);
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
