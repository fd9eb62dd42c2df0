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
import type { Rule, Table } from "@plumbline/model";
import type { Image } from "./image.js";
import { CODE, ENTRY, ENTRY_BYTES, NODE_BYTES, SPLIT, T_NODE, TABLE, TUPLE, TUPLE_BYTES } from "./layout.js";
import type { Mask, Masks } from "./masks.js";
import { Columns, type Rows, type Split, tells, wayFor } from "./plan.js";
import { behind, lastOfPriority, type Ranked, ranked } from "./ranked.js";

/** A table's rows may stand in as many places as so many times their number, and this many more. */
const COPIES = 4;
const FEW_COPIES = 200;

/** Rows whose bounds are being found. */
type Group = Omit<Rows, "from" | "to"> & { from: number; to: number };

/** Writes the structure of `table` into its record at `address`. Returns the number of soft rows. */
export function writeTable(
  image: Image,
  masks: Masks,
  address: number,
  table: Table,
  codeOf: (program: Rule["program"]) => number,
): number {
  image.put(address + TABLE.T_ID, table.id);
  image.put(address + TABLE.T_MISS, codeOf(table.miss));
  image.put(address + TABLE.T_KIND, table.kind === "sequence" ? CODE.TABLE_SEQUENCE : CODE.TABLE_BEST);
  const all = ranked(table);
  const isSoft = (r: Ranked) => table.kind === "priority" && r.rule.conj !== undefined;
  const columns = new Columns(all.length);
  for (let rank = 0; rank < all.length; rank++) columns.enter(rank, all[rank].match);
  const hard = rowsOf(all, masks, (r) => !isSoft(r));
  const writer = new Writer(image, masks, all, columns, table.kind === "sequence", codeOf);
  if (hard.to > 0) image.put(address + TABLE.T_ROOT, writer.node(hard, 0, address + T_NODE));
  const soft = rowsOf(all, masks, isSoft);
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
    private readonly codeOf: (program: Rule["program"]) => number,
  ) {
    this.copies = COPIES * all.length + FEW_COPIES;
    this.codes = new Uint32Array(all.length);
    this.after = sequence ? behind(all) : lastOfPriority(all);
  }

  private code(rank: number): number {
    let at = this.codes[rank];
    if (at === 0) {
      at = this.codeOf(this.all[rank].rule.program);
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
    image.put(at + ENTRY.E_AFTER, this.after[rank]);
  }

  /** The address of the node that searches rows. A split is written to `room`, where there is any. */
  node(all: Rows, depth: number, room: number): number {
    const rows = this.sequence ? all : this.upToFirstSure(all);
    const way = wayFor(rows, this.columns, this.masks, depth, this.copies);
    if (way.kind === "scan") return this.scan(rows);
    if (way.kind === "tuples") {
      const tuples = byMask(rows).map((g) => this.tuple(g.mask, g.ranks, false));
      return this.image.append([CODE.NODE_TUPLES, tuples.length, ...tuples]);
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
    let words = 2;
    for (let i = rows.from; i < rows.to; i++) {
      words += ENTRY_BYTES / 4 + 3 * this.masks.at(rows.masks[i]).words.length;
      // Programs first: the entries stay in one piece.
      this.code(rows.ranks[i]);
    }
    const node = image.alloc(words);
    image.put(node, CODE.NODE_SCAN);
    image.put(node + 4, rows.to - rows.from);
    let at = node + 8;
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
    image.put(at, CODE.NODE_SPLIT);
    image.put(at + SPLIT.X_WORD, 4 * word);
    image.put(at + SPLIT.X_MASK, bits);
    image.put(at + SPLIT.X_SLOTS, slots);
    image.put(at + SPLIT.X_SHIFT, 32 - size);
    for (const [value, own] of groups) {
      let i = Math.imul(value, 0x9e3779b1) >>> (32 - size);
      while (image.get(slots + 8 * i + 4) !== 0) i = (i + 1) & ((1 << size) - 1);
      image.put(slots + 8 * i, value >>> 0);
      image.put(slots + 8 * i + 4, this.node(apart ? own : merge(own, others), depth + 1, 0));
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
    const mask = this.masks.at(id).words;
    const t = image.alloc(TUPLE_BYTES / 4 + 2 * mask.length);
    mask.forEach((x, i) => {
      image.put(t + TUPLE_BYTES + 8 * i, 4 * x.w);
      image.put(t + TUPLE_BYTES + 8 * i + 4, x.m);
    });
    let size = 4;
    while (size < 1.5 * ranks.length) size *= 2;
    const slots = image.alloc(2 * size);
    const last = new Uint32Array(size);
    image.put(t + TUPLE.U_RANK, ranks[0]);
    image.put(t + TUPLE.U_SLOTS, slots);
    image.put(t + TUPLE.U_SLOT_MASK, size - 1);
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
      let i = h & (size - 1);
      let taken = false;
      for (;;) {
        const e = image.get(slots + 8 * i + 4);
        taken = e !== 0 && image.get(slots + 8 * i) === h && hasValues(e);
        if (e === 0 || taken) break;
        i = (i + 1) & (size - 1);
      }
      if (taken && !soft && !this.sequence) continue;
      // The program first: an entry and its values stay in one piece.
      if (!soft) this.code(rank);
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

/** The hash of a tuple's masked words; the assembly computes the same. */
function tupleHash(values: Uint32Array): number {
  let h = 0x9e3779b9;
  for (const v of values) {
    h = Math.imul(h ^ v, 0x85ebca6b);
    h ^= h >>> 15;
  }
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
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
