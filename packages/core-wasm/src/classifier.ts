/**
 * Tables in memory.
 *
 * Every table becomes a list of rows, one a row of a rule, ranked from best to worst; a look-up wants the matching row of the
 * lowest rank. So one structure serves all kinds of tables: in a `priority` table rank is priority, then order; in an `lpm`
 * table it is prefix length, then metric, then order, and the prefix is an ordinary masked row; in a `sequence` table it
 * is order, and the look-up wants the lowest rank from the cursor on, so that a long chain costs a look-up and no walk. plan.ts says
 * how rows are searched.
 *
 * Rules with conjunctions stand in tuples of their own ("soft"), where equal keys are chained, because all matching ones
 * are needed, not the best.
 */
import { ROW_WORDS, type Rule, type Table } from "@plumbline/model";
import type { Code } from "./code.js";
import type { Image } from "./image.js";
import type { Told } from "./known-bits.js";
import { CODE, ENTRY, ENTRY_BYTES, NODE_BYTES, REF, SPLIT, T_NODE, TABLE, TUPLE, TUPLE_BYTES } from "./layout.js";
import type { Mask, Masks, WordMask } from "./masks.js";
import { Columns, type Rows, type Split, tells, WORTH, wayFor } from "./plan.js";
import { behind, lastOfPriority, type Ranked, ranked } from "./ranked.js";

/** A table's rows may stand in as many places as so many times their number, and this many more. */
const COPIES = 4;
const FEW_COPIES = 200;

/** Words of the program of a rule that drops or delivers. */
const SHORT_PROGRAM = 4;

/** Rows whose bounds are being found. */
type Group = Omit<Rows, "from" | "to"> & { from: number; to: number };

/** How programs are written. */
type Programs = Pick<Code, "program" | "tail" | "onward">;

/** Writes the structure of `table` into its record at `address`. Returns the number of soft rows. */
export function writeTable(image: Image, masks: Masks, address: number, table: Table, code: Programs): number {
  image.put(address + TABLE.T_ID, table.id);
  image.put(address + TABLE.T_MISS, code.program(table.miss));
  const tail = code.tail(table.miss);
  if (tail?.before === 0) {
    image.put(address + TABLE.T_MISS_INTO, tail.into);
    code.onward.addCode(address + TABLE.T_MISS_INTO, tail.written);
  }
  const all = ranked(table);
  const isSoft = (r: Ranked) => table.kind === "priority" && r.rule.conj !== undefined;
  const columns = new Columns(all.length);
  for (let rank = 0; rank < all.length; rank++) columns.enter(rank, all[rank].match);
  const hard = rowsOf(all, masks, (r) => !isSoft(r));
  const writer = new Writer(image, masks, all, columns, table.kind === "sequence", code);
  if (hard.to > 0) image.put(address + TABLE.T_ROOT, writer.node(hard, 0, address + T_NODE));
  const soft = rowsOf(all, masks, isSoft);
  const best = soft.to > 0 ? CODE.TABLE_CONJUNCTIVE : CODE.TABLE_BEST;
  image.put(address + TABLE.T_KIND, table.kind === "sequence" ? CODE.TABLE_SEQUENCE : best);
  if (soft.to > 0) {
    const groups = byMask(soft);
    image.put(address + TABLE.T_SOFT, image.append(groups.map((g) => writer.tuple(g.mask, g.ranks, true))));
    image.put(address + TABLE.T_SOFT_COUNT, groups.length);
  }
  return soft.to;
}

function rowsOf(all: readonly Ranked[], masks: Masks, has: (r: Ranked) => boolean): Rows {
  const out = room(all.length);
  let to = 0;
  for (let rank = 0; rank < all.length; rank++) {
    if (!has(all[rank])) continue;
    out.ranks[to] = rank;
    out.masks[to++] = masks.of(all[rank].match).id;
  }
  return { ...out, from: 0, to };
}

/** Groups of equal masks, in order of their best. */
function byMask(rows: Rows): { mask: number; ranks: number[] }[] {
  const groups = new Map<number, number[]>();
  for (let i = rows.from; i < rows.to; i++) {
    const g = groups.get(rows.masks[i]);
    if (g) g.push(rows.ranks[i]);
    else groups.set(rows.masks[i], [rows.ranks[i]]);
  }
  return [...groups].map(([mask, ranks]) => ({ mask, ranks }));
}

class Writer {
  /** What the splits above the present node have told. */
  private told: Told | null = null;
  /** Copies of rows that may still be made. */
  private copies: number;
  /** Sequence: the cursor behind each rank. Soft rows: the last rank of their priority. */
  private readonly after: Uint32Array;
  /** Where each row's program lies; 0: not written yet. */
  private readonly codes: Uint32Array;

  constructor(
    private readonly image: Image,
    private readonly masks: Masks,
    private readonly all: readonly Ranked[],
    private readonly columns: Columns,
    private readonly sequence: boolean,
    private readonly programs: Programs,
  ) {
    this.copies = COPIES * all.length + FEW_COPIES;
    this.codes = new Uint32Array(all.length);
    this.after = sequence ? behind(all) : lastOfPriority(all);
  }

  private code(rank: number): number {
    let at = this.codes[rank];
    if (at === 0) {
      const { program } = this.all[rank].rule;
      const tail = this.sequence ? null : this.programs.tail(program);
      at = tail ? tail.before : this.programs.program(program);
      this.codes[rank] = at;
    }
    return at;
  }

  /** Writes an entry's words at `at`; what follows them is the caller's. */
  private entry(at: number, rank: number, words: number, soft: boolean): void {
    const { image } = this;
    const { rule, row } = this.all[rank];
    image.put(at + ENTRY.E_RANK, rank);
    image.put(at + ENTRY.E_WORDS, words);
    image.put(at + ENTRY.E_RULE, rule.id);
    image.put(at + ENTRY.E_ROW, row);
    image.put(at + ENTRY.E_CODE, soft ? conjunctions(image, rule) : this.code(rank));
    image.put(at + ENTRY.E_TABLE, rule.table);
    // A sequence goes on behind the rule.
    const tail = soft || this.sequence ? null : this.programs.tail(rule.program);
    if (tail) {
      image.put(at + ENTRY.E_INTO, tail.into);
      this.programs.onward.add(at + ENTRY.E_INTO, this.all[rank].match, this.told, tail.written);
    }
    image.put(at + ENTRY.E_AFTER, this.after[rank]);
  }

  /** The reference to what searches rows. A split is written to `room`, where there is any. */
  node(all: Rows, depth: number, room: number): number {
    const rows = this.sequence ? all : this.upToFirstSure(all);
    const way = wayFor(rows, this.columns, this.masks, depth, this.copies, this.sequence ? WORTH.chain : WORTH.table);
    if (way.kind === "scan") return this.scan(rows);
    if (way.kind === "tuples") {
      const tuples = byMask(rows).map((g) =>
        g.ranks.length === 1
          ? this.scan({ ranks: Uint32Array.from(g.ranks), masks: Uint32Array.of(g.mask), from: 0, to: 1 })
          : this.tuple(g.mask, g.ranks, false) + REF.REF_TUPLE,
      );
      return tuples.length === 1 ? tuples[0] : this.image.append([CODE.NODE_TUPLES, tuples.length, ...tuples]);
    }
    return this.split(rows, way, depth, room);
  }

  /** Rows behind one that matches everything can never be the best. */
  private upToFirstSure(rows: Rows): Rows {
    const nothing = this.masks.of([]).id;
    for (let i = rows.from; i + 1 < rows.to; i++) if (rows.masks[i] === nothing) return { ...rows, to: i + 1 };
    return rows;
  }

  private scan(rows: Rows): number {
    const { image } = this;
    const single = rows.to - rows.from === 1;
    let words = single ? 0 : 2;
    for (let i = rows.from; i < rows.to; i++) {
      words += ENTRY_BYTES / 4 + 3 * this.masks.at(rows.masks[i]).words.length;
      // Programs first: the entries stay in one piece.
      this.code(rows.ranks[i]);
    }
    const node = image.alloc(words);
    let at = node;
    if (!single) {
      image.put(node, CODE.NODE_SCAN);
      image.put(node + 4, rows.to - rows.from);
      at += 8;
    }
    for (let i = rows.from; i < rows.to; i++) {
      const rank = rows.ranks[i];
      const mask = this.masks.at(rows.masks[i]);
      this.entry(at, rank, mask.words.length, false);
      at += ENTRY_BYTES;
      for (const { w, m } of mask.words) {
        image.put(at, 4 * w);
        image.put(at + 4, m);
        image.put(at + 8, (this.columns.of(w)[rank] & m) >>> 0);
        at += 12;
      }
    }
    if (single) return node + (image.get(node + ENTRY.E_WORDS) === 0 ? REF.REF_SURE : REF.REF_ENTRY);
    return node;
  }

  private split(rows: Rows, { word, mask: bits, apart: wished }: Split, depth: number, room: number): number {
    const { image } = this;
    const { groups, others } = this.divide(rows, word, bits);
    const copied = (others.to - others.from) * groups.size;
    // A sample may have seen too few values.
    const apart = wished || copied > this.copies;
    if (!apart) this.copies -= copied;
    let size = 1;
    while (1 << size < 2 * groups.size) size++;
    const at = room || image.alloc(NODE_BYTES / 4);
    const slots = image.alloc(2 << size);
    image.put(at, apart && others.from < others.to ? CODE.NODE_SPLIT_REST : CODE.NODE_SPLIT);
    image.put(at + SPLIT.X_WORD, 4 * word);
    image.put(at + SPLIT.X_MASK, bits);
    image.put(at + SPLIT.X_SLOTS, slots);
    image.put(at + SPLIT.X_SHIFT, 32 - size);
    for (const [value, own] of groups) {
      let i = Math.imul(value, 0x9e3779b1) >>> (32 - size);
      while (image.get(slots + 8 * i + 4) !== 0) i = (i + 1) & ((1 << size) - 1);
      image.put(slots + 8 * i, value >>> 0);
      const before = this.told;
      this.told = { word, mask: bits, value: value >>> 0, before };
      image.put(slots + 8 * i + 4, this.node(apart ? own : merge(own, others), depth + 1, 0));
      this.told = before;
    }
    if (others.from === others.to) return at;
    const rest = this.node(others, depth + 1, 0);
    if (apart) {
      image.put(at + SPLIT.X_REST, rest);
      image.put(at + SPLIT.X_REST_RANK, others.ranks[others.from]);
    } else image.put(at + SPLIT.X_OTHER, rest);
    return at;
  }

  /** Rows by the value (as a signed number) that they want of `bits` of a word, without these bits; and those that do not want all of them. */
  private divide(rows: Rows, word: number, bits: number): { groups: Map<number, Group>; others: Rows } {
    const left = new Map<number, number>();
    const groups = new Map<number, Group>();
    const n = rows.to - rows.from;
    const values = new Int32Array(n);
    const out = room(n);
    const column = this.columns.of(word);
    let told = 0;
    for (let i = 0; i < n; i++) {
      const id = rows.masks[rows.from + i];
      let rest = left.get(id);
      if (rest === undefined) {
        const mask: Mask = this.masks.at(id);
        rest = tells(mask, word, bits) ? this.masks.without(mask, word, bits).id : -1;
        left.set(id, rest);
      }
      if (rest < 0) continue;
      told++;
      const value = column[rows.ranks[rows.from + i]] & bits;
      values[i] = value;
      const g = groups.get(value);
      if (g) g.to++;
      else groups.set(value, { ...out, from: 0, to: 1 });
    }
    // Each group has a part of the same arrays; `to` runs along while it is filled.
    let from = 0;
    for (const g of groups.values()) {
      const size = g.to;
      g.from = g.to = from;
      from += size;
    }
    let others = told;
    for (let i = 0; i < n; i++) {
      const id = rows.masks[rows.from + i];
      const rest = left.get(id)!;
      const at = rest < 0 ? others++ : groups.get(values[i])!.to++;
      out.ranks[at] = rows.ranks[rows.from + i];
      out.masks[at] = rest < 0 ? id : rest;
    }
    return { groups, others: { ...out, from: told, to: n } };
  }

  /** A tuple of rows of one mask. Entries of equal keys are chained where the first is not enough: a sequence may be behind it. */
  tuple(id: number, ranks: readonly number[], soft: boolean): number {
    const { image } = this;
    const all = this.masks.at(id).words;
    const wanted = (x: WordMask, rank: number) => (this.columns.of(x.w)[rank] & x.m) >>> 0;
    const isGuard = all.map((x) => ranks.every((rank) => wanted(x, rank) === wanted(x, ranks[0])));
    const mask = all.filter((_, i) => !isGuard[i]);
    const guards = all.filter((_, i) => isGuard[i]);
    const t = image.alloc(TUPLE_BYTES / 4 + 3 * all.length);
    const triples = [...mask.map((x, i) => [4 * x.w, x.m, MULTIPLIERS[i]]), ...guards.map((x) => [4 * x.w, x.m, wanted(x, ranks[0])])];
    triples.flat().forEach((x, i) => {
      image.put(t + TUPLE_BYTES + 4 * i, x);
    });
    image.put(t + TUPLE.U_GUARDS, 12 * guards.length);
    let bits = 2;
    while (1 << bits < 1.5 * ranks.length) bits++;
    const size = 1 << bits;
    const slots = image.alloc(2 * size);
    const last = new Uint32Array(size);
    image.put(t + TUPLE.U_RANK, ranks[0]);
    image.put(t + TUPLE.U_SLOTS, slots);
    image.put(t + TUPLE.U_SHIFT, 32 - bits);
    image.put(t + TUPLE.U_WORDS, mask.length);
    const columns = mask.map((x) => this.columns.of(x.w));
    const values = new Uint32Array(mask.length);
    const hasValues = (e: number): boolean => {
      for (let k = 0; k < values.length; k++) if (image.get(e + ENTRY_BYTES + 4 * k) !== values[k]) return false;
      return true;
    };
    for (const rank of ranks) {
      for (let k = 0; k < mask.length; k++) values[k] = (columns[k][rank] & mask[k].m) >>> 0;
      const h = tupleHash(values);
      let i = h >>> (32 - bits);
      let taken = false;
      for (;;) {
        const e = image.get(slots + 8 * i + 4);
        taken = e !== 0 && image.get(slots + 8 * i) === h && hasValues(e);
        if (e === 0 || taken) break;
        i = (i + 1) & (size - 1);
      }
      if (taken && !soft && !this.sequence) continue;
      // The program first: an entry and its values stay in one piece; and all in one line of the processor's cache, where they are short.
      image.keepTogether(ENTRY_BYTES / 4 + mask.length + SHORT_PROGRAM);
      if (!soft) this.code(rank);
      image.keepTogether(ENTRY_BYTES / 4 + mask.length);
      const e = image.alloc(ENTRY_BYTES / 4 + mask.length);
      this.entry(e, rank, mask.length, soft);
      for (let k = 0; k < values.length; k++) image.put(e + ENTRY_BYTES + 4 * k, values[k]);
      if (taken) image.put(last[i] + ENTRY.E_NEXT, e);
      else {
        image.put(slots + 8 * i, h);
        image.put(slots + 8 * i + 4, e);
      }
      last[i] = e;
    }
    return t;
  }
}

/** The multiplier of a hash's `i`-th word: odd, and unlike its neighbours. */
function multiplier(i: number): number {
  let h = Math.imul(i + 1, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h | 1) >>> 0;
}
const MULTIPLIERS = Uint32Array.from({ length: ROW_WORDS }, (_, i) => multiplier(i));

/**
 * The hash of a tuple's masked words: the sum of each times its multiplier, whose upper bits tell the slot (Dietzfelbinger 1996: products wait for
 * nothing but their own word). The assembly computes the same.
 */
function tupleHash(values: Uint32Array): number {
  let h = 0;
  for (let i = 0; i < values.length; i++) h = (h + Math.imul(values[i], MULTIPLIERS[i])) | 0;
  return h >>> 0;
}

const room = (n: number): { ranks: Uint32Array; masks: Uint32Array } => ({ ranks: new Uint32Array(n), masks: new Uint32Array(n) });

/** Two lists in order of rank as one. */
function merge(a: Rows, b: Rows): Rows {
  if (b.from === b.to) return a;
  const n = a.to - a.from + b.to - b.from;
  const out = room(n);
  let i = a.from;
  let j = b.from;
  for (let k = 0; k < n; k++) {
    const first = j >= b.to || (i < a.to && a.ranks[i] < b.ranks[j]);
    out.ranks[k] = first ? a.ranks[i] : b.ranks[j];
    out.masks[k] = first ? a.masks[i++] : b.masks[j++];
  }
  return { ...out, from: 0, to: n };
}

/** The most clauses that a conjunctive match of Open vSwitch can have (lib/classifier.h, CLS_MAX_CONJ). */
const MAX_CLAUSES = 64;

function conjunctions(image: Image, rule: Rule): number {
  const conj = rule.conj ?? [];
  for (const c of conj)
    if (c.clause < 1 || c.clause > MAX_CLAUSES)
      throw new Error(`rule ${rule.id}: clause ${c.clause} of conjunction ${c.id}; clauses go from 1 to ${MAX_CLAUSES}`);
  return image.append([conj.length, ...conj.flatMap((c) => [c.id, c.clause, c.of])]);
}
