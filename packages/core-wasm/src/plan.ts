/**
 * How rows are searched: which of three ways is best for a list of them. Rows are numbered by rank, from best to worst.
 *
 * - **Split**: rows that want the same bits of a word are told apart by one look into a hash of these bits' values. Rows that do
 *   not care stand in every branch, or where they are many in a search of their own (`apart`) that is made besides. Bits that a
 *   split has told are not compared again. Flow tables, whose rows nearly all ask for the datapath, then the port, then the
 *   protocol, become a few such looks (decision trees: HiCuts, EffiCuts).
 * - **Tuples** (tuple space search: Srinivasan, Suri, Varghese 1999; lib/classifier.h of Open vSwitch): rows that look at the
 *   same bits form a tuple, a hash over exactly these bits.
 * - **Scan**: a few rows, compared one by one.
 *
 * Which is best is estimated in units of one compared row, by a sample where there are many.
 */
import type { Match } from "@plumbline/model";
import type { Mask, Masks } from "./masks.js";

/** Rows by rank, ascending, each with the mask of what is still to be compared: the part from `from` to `to` of two arrays. */
export interface Rows {
  readonly ranks: Uint32Array;
  readonly masks: Uint32Array;
  readonly from: number;
  readonly to: number;
}

export type Way = { readonly kind: "scan" } | { readonly kind: "tuples" } | Split;

export interface Split {
  readonly kind: "split";
  readonly word: number;
  readonly mask: number;
  /** Whether those that do not care are searched besides. */
  readonly apart: boolean;
}

/** Costs, in rows compared. */
const PROBE = 3;
const LOOK = 2;
/** Up to this many rows a scan is never worse. */
const SCAN_ROWS = 3;
/**
 * A split copies rows and takes memory: it must cost less than so much of the way without. Chains are not as long as flow tables, and their rows
 * are ranges in pieces, which a scan tells apart slowly.
 */
export const WORTH = { table: 0.7, chain: 1 } as const;
/** Splits below one another. */
const DEPTH = 12;
/** Rows that are looked at to judge a split, and splits of one word that are judged. */
const SAMPLE = 512;
const MASKS_A_WORD = 6;

const SCAN: Way = { kind: "scan" };
const TUPLES: Way = { kind: "tuples" };

/** What a search among `n` rows of so many masks costs, without a split. */
const cost = (n: number, masks: number): number => Math.min(n, PROBE * masks);

const COUNTER_SLOTS = 4 * SAMPLE;
const COUNTER_SHIFT = 32 - Math.log2(COUNTER_SLOTS);
/** Counts by value, in an open hash that is cleared by counting on. */
class Counter {
  private readonly values = new Uint32Array(COUNTER_SLOTS);
  private readonly stamps = new Uint32Array(COUNTER_SLOTS);
  private readonly counts = new Uint32Array(COUNTER_SLOTS);
  private readonly used: number[] = [];
  private stamp = 0;

  clear(): void {
    this.stamp++;
    this.used.length = 0;
  }
  add(value: number): void {
    let i = Math.imul(value, 0x9e3779b1) >>> COUNTER_SHIFT;
    while (this.stamps[i] === this.stamp && this.values[i] !== value) i = (i + 1) & (COUNTER_SLOTS - 1);
    if (this.stamps[i] !== this.stamp) {
      this.stamps[i] = this.stamp;
      this.values[i] = value;
      this.counts[i] = 0;
      this.used.push(i);
    }
    this.counts[i]++;
  }
  get size(): number {
    return this.used.length;
  }
  /** Calls `take` for each count. */
  each(take: (count: number) => void): void {
    for (const i of this.used) take(this.counts[i]);
  }
}
const COUNTER = new Counter();

/** A mask that some of the rows have, and how many in the sample. */
interface Form {
  readonly mask: Mask;
  count: number;
}

/** What the rows want of each word, by rank. Rows are looked at many times over: this spares chasing their objects. */
export class Columns {
  private readonly columns = new Map<number, Uint32Array>();

  constructor(private readonly size: number) {}

  enter(rank: number, match: Match): void {
    for (const x of match) this.of(x.w)[rank] = x.v;
  }
  /** The values of a word. */
  of(word: number): Uint32Array {
    let column = this.columns.get(word);
    if (!column) {
      column = new Uint32Array(this.size);
      this.columns.set(word, column);
    }
    return column;
  }
}

/** Whether a mask has all bits of `bits` of a word. */
export function tells(mask: Mask, word: number, bits: number): boolean {
  for (const x of mask.words) if (x.w === word) return (x.m & bits) >>> 0 === bits;
  return false;
}

/** Up to so many rows, a way is remembered by their masks: of a large table most nodes have few rows, of a few forms. */
const FEW_ROWS = 16;

/** Ways of few rows, with how many values the split of each has told. */
const WAYS = new WeakMap<Masks, Map<string, { readonly way: Way; readonly values: number }>>();

/** The way for `rows`, `depth` splits below the first; at most `copies` copies of rows that do not care may be made. `worth`: {@link WORTH}. */
export function wayFor(rows: Rows, columns: Columns, masks: Masks, depth: number, copies: number, worth: number): Way {
  const n = rows.to - rows.from;
  if (n <= SCAN_ROWS) return SCAN;
  if (n > FEW_ROWS || depth >= DEPTH) return judged(rows, columns, masks, depth, copies, worth);
  let known = WAYS.get(masks);
  if (!known) WAYS.set(masks, (known = new Map()));
  let form = worth === 1 ? "" : "-";
  for (let i = rows.from; i < rows.to; i++) form += String.fromCharCode(rows.masks[i] & 0xffff, rows.masks[i] >>> 16);
  const last = known.get(form);
  if (last && valuesTold(last.way, rows, columns, masks) === last.values) return last.way;
  const way = judged(rows, columns, masks, depth, copies, worth);
  known.set(form, { way, values: valuesTold(way, rows, columns, masks) });
  return way;
}

/** How many values a split tells apart; 0 for other ways. */
function valuesTold(way: Way, rows: Rows, columns: Columns, masks: Masks): number {
  if (way.kind !== "split") return 0;
  const column = columns.of(way.word);
  COUNTER.clear();
  for (let i = rows.from; i < rows.to; i++)
    if (tells(masks.at(rows.masks[i]), way.word, way.mask)) COUNTER.add((column[rows.ranks[i]] & way.mask) >>> 0);
  return COUNTER.size;
}

function judged(rows: Rows, columns: Columns, masks: Masks, depth: number, copies: number, worth: number): Way {
  const { from, to } = rows;
  const n = to - from;
  const step = Math.max(1, Math.ceil(n / SAMPLE));
  const forms = new Map<number, Form>();
  for (let i = from; i < to; i++) {
    const form = forms.get(rows.masks[i]);
    const seen = (i - from) % step === 0 ? 1 : 0;
    if (!form) forms.set(rows.masks[i], { mask: masks.at(rows.masks[i]), count: seen });
    else form.count += seen;
  }
  const plain = n <= PROBE * forms.size ? SCAN : TUPLES;
  if (forms.size === 1 || depth >= DEPTH) return plain;
  let best: Way = plain;
  let least = cost(n, forms.size);
  for (const { word, mask } of candidates([...forms.values()])) {
    const told = new Set<number>();
    for (const [id, f] of forms) if (tells(f.mask, word, mask)) told.add(id);
    const column = columns.of(word);
    COUNTER.clear();
    let sampled = 0;
    for (let i = from; i < to; i += step) {
      if (!told.has(rows.masks[i])) continue;
      sampled++;
      COUNTER.add((column[rows.ranks[i]] & mask) >>> 0);
    }
    if (sampled === 0) continue;
    const all = Math.ceil(n / step);
    const others = (all - sampled) * step;
    if (COUNTER.size === 1 && others === 0) continue;
    const otherForms = forms.size - told.size;
    // Packets are taken to fall on values as rows do. Where the sample sees nearly every value once, there are as few of each in all.
    const scale = COUNTER.size > sampled / 2 ? 1 : step;
    let together = LOOK;
    let apart = LOOK + 1 + cost(others, otherForms);
    COUNTER.each((count) => {
      const share = count / sampled;
      const size = count * scale;
      const sorts = Math.min(told.size, size);
      together += share * cost(size + others, sorts + otherForms);
      apart += share * cost(size, sorts);
    });
    const copied = others * COUNTER.size * (scale === 1 ? step : 1);
    const mayCopy = copied <= copies;
    if (mayCopy && together < least) {
      least = together;
      best = { kind: "split", word, mask, apart: false };
    }
    if (others > 0 && apart < least) {
      least = apart;
      best = { kind: "split", word, mask, apart: true };
    }
  }
  return least < worth * cost(n, forms.size) ? best : plain;
}

/** Words and masks that tell many of the rows apart. */
function candidates(forms: readonly Form[]): { word: number; mask: number }[] {
  const words = new Map<number, Map<number, number>>();
  let all = 0;
  for (const f of forms) {
    all += f.count;
    for (const x of f.mask.words) {
      const masks = words.get(x.w);
      if (!masks) words.set(x.w, new Map([[x.m, f.count]]));
      else masks.set(x.m, (masks.get(x.m) ?? 0) + f.count);
    }
  }
  const out: { word: number; mask: number }[] = [];
  for (const [word, masks] of words) {
    const told: { word: number; mask: number; n: number }[] = [];
    for (const mask of masks.keys()) {
      let n = 0;
      for (const [m, count] of masks) if ((m & mask) >>> 0 === mask) n += count;
      if (n >= all / 8) told.push({ word, mask, n });
    }
    if (told.length > MASKS_A_WORD) told.sort((a, b) => b.n - a.n || b.mask - a.mask).length = MASKS_A_WORD;
    out.push(...told);
  }
  return out;
}
