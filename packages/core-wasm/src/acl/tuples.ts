/**
 * Merged tuples: rules stand in at most 64 hash tables, each over the bits of a tuple (prefix lengths of addresses and ports, protocol or not) that all its
 * rules have. Fewer tables than tuples means less to look up, and more rules in a bucket. How many of each is best depends on the rules:
 * there are several ways to lay them out.
 */
import type { Arena } from "../arena.js";
import { ACL, ACL_BYTES, RULE_BYTES, RULE_RANGES, TB_BYTES, TUPLE_TABLE } from "../layout.js";
import { align } from "../state.js";
import type { Built } from "./classes.js";
import { LANES, maskOf } from "./rules.js";

/** Bits of a candidate set. */
const MOST_TABLES = 64;
const DIMENSIONS = 5;

/** How tables are found. `merging`: so many may be made as rules come, each wider than its first rule's tuple, with buckets of at most `bucket` rules;
 * what is left, and all where it is 0, goes to tables of the tuples that are most crowded in wider ones. `tables` in all. */
export interface Layout {
  readonly merging: number;
  readonly bucket: number;
  readonly tables: number;
}
export const LAYOUTS: readonly Layout[] = [
  { merging: 36, bucket: 8, tables: MOST_TABLES },
  { merging: 0, bucket: 2, tables: MOST_TABLES },
  { merging: 63, bucket: 8, tables: MOST_TABLES },
  { merging: 16, bucket: 4, tables: 40 },
  { merging: 0, bucket: 4, tables: 24 },
];

/** Lengths of prefixes of source, destination, source port, destination port; 8 or 0 bits of the protocol. */
type Tuple = readonly number[];

const portMask = (length: number): number => (0xffff << (16 - length)) & 0xffff;
const masksOf = (t: Tuple): number[] => [maskOf(t[0]), maskOf(t[1]), portMask(t[2]), portMask(t[3]), t[4] ? 0xff : 0];

/** Rules as columns, by rank. */
export class Columns {
  readonly count: number;
  /** Low ends by dimension. */
  readonly low: readonly Uint32Array[];
  /** Tuples by number, and each rule's. */
  readonly tuples: Tuple[] = [];
  readonly tupleOf: Uint32Array;

  constructor(readonly ranges: Uint16Array) {
    const n = ranges.length / (2 * LANES);
    this.count = n;
    this.low = Array.from({ length: DIMENSIONS }, () => new Uint32Array(n));
    this.tupleOf = new Uint32Array(n);
    const known = new Map<number, number>();
    for (let i = 0; i < n; i++) {
      const at = 2 * LANES * i;
      const low = (lane: number) => ranges[at + lane];
      const high = (lane: number) => ranges[at + LANES + lane];
      this.low[0][i] = ((low(0) << 16) | low(1)) >>> 0;
      this.low[1][i] = ((low(2) << 16) | low(3)) >>> 0;
      for (let d = 2; d < DIMENSIONS; d++) this.low[d][i] = low(d + 2);
      const prefix = (lane: number) => Math.clz32(((low(lane) ^ high(lane)) << 16) | (low(lane + 1) ^ high(lane + 1)));
      const port = (lane: number) => Math.clz32(low(lane) ^ high(lane)) - 16;
      const t = [prefix(0), prefix(2), port(4), port(5), low(6) === high(6) ? 8 : 0];
      const key = t.reduce((sum, x) => 64 * sum + x, 0);
      let id = known.get(key);
      if (id === undefined) {
        id = this.tuples.length;
        this.tuples.push(t);
        known.set(key, id);
      }
      this.tupleOf[i] = id;
    }
  }
}

/** A hash table while it is laid out: buckets of rules that agree in the tuple's bits. */
class Table {
  private readonly masks: number[];
  private slots = new Int32Array(64).fill(-1);
  /** By bucket: its first rule, its rules. */
  private readonly firsts: number[] = [];
  readonly sizes: number[] = [];
  readonly weight: number;
  rules = 0;

  constructor(
    readonly tuple: Tuple,
    private readonly columns: Columns,
  ) {
    this.masks = masksOf(tuple);
    this.weight = tuple[0] + tuple[1] + tuple[2] + tuple[3] + tuple[4] / 16;
  }

  clear(): void {
    this.slots.fill(-1);
    this.firsts.length = this.sizes.length = this.rules = 0;
  }
  takes(t: Tuple): boolean {
    for (let d = 0; d < DIMENSIONS; d++) if (this.tuple[d] > t[d]) return false;
    return true;
  }
  /** The bucket that a rule belongs to, or -1. */
  find(rule: number): number {
    return this.slots[this.slotOf(rule)];
  }
  add(rule: number): number {
    const slot = this.slotOf(rule);
    let bucket = this.slots[slot];
    if (bucket < 0) {
      bucket = this.firsts.length;
      this.slots[slot] = bucket;
      this.firsts.push(rule);
      this.sizes.push(0);
      if (2 * this.firsts.length > this.slots.length) this.grow();
    }
    this.sizes[bucket]++;
    this.rules++;
    return bucket;
  }
  get buckets(): number {
    return this.firsts.length;
  }
  firstOf(bucket: number): number {
    return this.firsts[bucket];
  }
  /** The lanes of the tuple's bits. */
  lanes(value: (dimension: number, mask: number) => number): number[] {
    const v = this.masks.map((m, d) => value(d, m));
    return [v[0] >>> 16, v[0] & 0xffff, v[1] >>> 16, v[1] & 0xffff, v[2], v[3], v[4], 0];
  }

  private slotOf(rule: number): number {
    const { low } = this.columns;
    const [m0, m1, m2, m3, m4] = this.masks;
    const a = low[0][rule] & m0;
    const b = low[1][rule] & m1;
    const c = ((low[2][rule] & m2) << 16) | (low[3][rule] & m3);
    const e = low[4][rule] & m4;
    let h = Math.imul(a, 0x9e3779b1) + Math.imul(b, 0x85ebca6b) + Math.imul(c, 0xc2b2ae35) + Math.imul(e, 0x27d4eb2f);
    h ^= h >>> 15;
    h = Math.imul(h, 0x2c1b3c6d);
    h ^= h >>> 13;
    const last = this.slots.length - 1;
    for (let i = h & last; ; i = (i + 1) & last) {
      const bucket = this.slots[i];
      if (bucket < 0) return i;
      const f = this.firsts[bucket];
      if ((low[0][f] & m0) === a && (low[1][f] & m1) === b && (((low[2][f] & m2) << 16) | (low[3][f] & m3)) === c && (low[4][f] & m4) === e)
        return i;
    }
  }
  private grow(): void {
    this.slots = new Int32Array(2 * this.slots.length).fill(-1);
    for (let b = 0; b < this.firsts.length; b++) this.slots[this.slotOf(this.firsts[b])] = b;
  }
}

/** A prefix somewhat shorter, for a table that others shall fit in as well. */
const relaxed = (length: number): number =>
  length === 32 ? 28 : length > 24 ? length - 3 : length > 16 ? length - 2 : length > 8 ? length - 1 : length;

/** The most rules that the crowded tuples are looked for in. */
const SAMPLE = 12000;

interface Laid {
  readonly tables: readonly Table[];
  /** By rule: its table (index) and bucket. */
  readonly tableOf: Uint8Array;
  readonly bucketOf: Uint32Array;
}

function lay(columns: Columns, layout: Layout): Laid {
  const { count, tuples, tupleOf } = columns;
  const tableOf = new Uint8Array(count);
  const bucketOf = new Uint32Array(count);
  const made: Table[] = [];
  const left: number[] = [];
  const takers = new Map<number, Table[]>();
  for (let rule = 0; rule < count; rule++) {
    const t = tuples[tupleOf[rule]];
    if (layout.merging === 0) {
      left.push(rule);
      continue;
    }
    let list = takers.get(tupleOf[rule]);
    if (!list) {
      list = made.filter((x) => x.takes(t));
      takers.set(tupleOf[rule], list);
    }
    let table = list.find((x) => {
      const bucket = x.find(rule);
      return bucket < 0 || x.sizes[bucket] < layout.bucket;
    });
    if (!table) {
      if (made.length >= layout.merging) {
        left.push(rule);
        continue;
      }
      // Where wider tables are full the tuple itself, else a wider one.
      const full = list.length > 0;
      const wish = [
        full ? t[0] : relaxed(t[0]),
        full ? t[1] : relaxed(t[1]),
        t[2] === 16 ? 16 : 0,
        t[3] === 16 || full ? t[3] : 0,
        full ? t[4] : 0,
      ];
      table = made.find((x) => x.tuple.every((v, d) => v === wish[d]));
      if (!table) {
        table = new Table(wish, columns);
        made.push(table);
        for (const [id, l] of takers) if (table.takes(tuples[id])) l.push(table);
      }
    }
    tableOf[rule] = made.indexOf(table);
    bucketOf[rule] = table.add(rule);
  }
  if (left.length > 0) {
    const others = crowded(columns, left, layout.tables - made.length, layout.bucket);
    const base = made.length;
    assign(columns, left, others, (rule, table, bucket) => {
      tableOf[rule] = base + table;
      bucketOf[rule] = bucket;
    });
    made.push(...others);
  }
  return { tables: made, tableOf, bucketOf };
}

/** Puts each rule into the most special table that takes it and has room in its bucket, or the emptiest bucket. */
function assign(
  columns: Columns,
  rules: readonly number[],
  tables: readonly Table[],
  put: (rule: number, table: number, bucket: number) => void,
): void {
  const takers = new Map<number, { table: Table; index: number }[]>();
  for (const rule of rules) {
    const id = columns.tupleOf[rule];
    let list = takers.get(id);
    if (!list) {
      const t = columns.tuples[id];
      list = tables.flatMap((table, index) => (table.takes(t) ? [{ table, index }] : [])).sort((a, b) => b.table.weight - a.table.weight);
      takers.set(id, list);
    }
    let best = list[0];
    let least = Number.POSITIVE_INFINITY;
    for (const x of list) {
      const bucket = x.table.find(rule);
      const size = bucket < 0 ? 0 : x.table.sizes[bucket];
      if (size < least) {
        best = x;
        least = size;
        if (size < 2) break;
      }
    }
    put(rule, best.index, best.table.add(rule));
  }
}

/** The table of everything, and tables of the tuples that are most crowded in wider ones. */
function crowded(columns: Columns, rules: readonly number[], most: number, bucket: number): Table[] {
  const step = Math.ceil(rules.length / SAMPLE);
  const sample = step > 1 ? rules.filter((_, i) => i % step === 0) : rules;
  const tables = [new Table([0, 0, 0, 0, 0], columns)];
  const have = new Set<number>();
  const places = new Int32Array(2 * sample.length);
  while (tables.length < most) {
    let i = 0;
    assign(columns, sample, tables, (_rule, table, at) => {
      places[i++] = table;
      places[i++] = at;
    });
    const crowds = new Map<number, number>();
    sample.forEach((rule, k) => {
      const size = tables[places[2 * k]].sizes[places[2 * k + 1]];
      const id = columns.tupleOf[rule];
      if (size > bucket && !have.has(id)) crowds.set(id, (crowds.get(id) ?? 0) + size);
    });
    for (const t of tables) t.clear();
    // Several at a time while many are wanted: each round looks at the whole sample.
    const worst = [...crowds].sort((a, b) => b[1] - a[1]).slice(0, Math.max(1, Math.ceil((most - tables.length) / 8)));
    if (worst.length === 0) break;
    for (const [id] of worst) {
      have.add(id);
      tables.push(new Table(columns.tuples[id], columns));
    }
  }
  return tables;
}

/** Bits 32 to 63 of a product of 32-bit numbers. */
function highOfProduct(a: number, b: number): number {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const middle = ((al * bl) >>> 16) + ((ah * bl) & 0xffff) + ((al * bh) & 0xffff);
  return (ah * bh + Math.floor((ah * bl) / 65536) + Math.floor((al * bh) / 65536) + (middle >>> 16)) >>> 0;
}
/** As the assembly's hashOf: the upper half of two products' sum. */
function hashOf(w: readonly number[]): number {
  const low1 = Math.imul(w[0], 0x7f4a7c15) >>> 0;
  const low2 = Math.imul(w[2], 0x27d4eb4f) >>> 0;
  const high1 = highOfProduct(w[0], 0x7f4a7c15) + Math.imul(w[0], 0x9e3779b9) + Math.imul(w[1], 0x7f4a7c15);
  const high2 = highOfProduct(w[2], 0x27d4eb4f) + Math.imul(w[2], 0xc2b2ae3d) + Math.imul(w[3], 0x27d4eb4f);
  return (high1 + high2 + (low1 + low2 > 0xffffffff ? 1 : 0)) >>> 0;
}

/** Lays the structure out behind `from`. */
export function buildTuples(arena: Arena, columns: Columns, from: number, layout: Layout): Built {
  const { count, ranges } = columns;
  const { tables: all, tableOf, bucketOf } = lay(columns, layout);
  const bestOf = all.map(() => Number.POSITIVE_INFINITY);
  for (let rule = count - 1; rule >= 0; rule--) bestOf[tableOf[rule]] = rule;
  const order = all
    .map((_, i) => i)
    .filter((i) => all[i].rules > 0)
    .sort((a, b) => bestOf[a] - bestOf[b]);
  // Rules by bucket, as chains in order of rank.
  const heads = all.map((t) => new Int32Array(t.buckets).fill(-1));
  const next = new Int32Array(count);
  for (let rule = count - 1; rule >= 0; rule--) {
    const head = heads[tableOf[rule]];
    next[rule] = head[bucketOf[rule]];
    head[bucketOf[rule]] = rule;
  }
  const image = align(from, 64);
  let top = image + ACL_BYTES;
  const room = (bytes: number): number => {
    const at = align(top, 64);
    top = at + bytes;
    arena.reserve(top);
    return at;
  };
  const put = (name: keyof typeof ACL, value: number) => arena.put(image + ACL[name], value);
  const tables = room(TB_BYTES * MOST_TABLES);
  const records = room(RULE_BYTES * count);
  let written = 0;
  const record = (rule: number, last: boolean) => {
    const at = records + RULE_BYTES * written++;
    new Uint16Array(arena.words.buffer, at, 2 * LANES).set(ranges.subarray(2 * LANES * rule, 2 * LANES * (rule + 1)));
    arena.put(at + RULE_RANGES.RU_RANK, rule);
    arena.put(at + RULE_RANGES.RU_LAST, last ? 1 : 0);
  };
  order.forEach((index, position) => {
    const t = all[index];
    const at = tables + TB_BYTES * position;
    new Uint16Array(arena.words.buffer, at + TUPLE_TABLE.TB_MASK, LANES).set(t.lanes((_, m) => m));
    let bits = 2;
    while (1 << bits < 1.6 * t.buckets) bits++;
    const slots = room(8 << bits);
    arena.zero(slots, slots + (8 << bits));
    arena.put(at + TUPLE_TABLE.TB_SLOTS, slots);
    arena.put(at + TUPLE_TABLE.TB_SHIFT, 32 - bits);
    arena.put(at + TUPLE_TABLE.TB_RANK, bestOf[index]);
    // Buckets whose hashes are equal become one: their rules are compared anyway.
    const buckets = new Map<number, number[]>();
    for (let b = 0; b < t.buckets; b++) {
      const first = t.firstOf(b);
      const l = t.lanes((d, m) => (columns.low[d][first] & m) >>> 0);
      const h = hashOf([(l[0] | (l[1] << 16)) >>> 0, (l[2] | (l[3] << 16)) >>> 0, (l[4] | (l[5] << 16)) >>> 0, l[6]]);
      const same = buckets.get(h);
      if (same) same.push(b);
      else buckets.set(h, [b]);
    }
    for (const [h, list] of buckets) {
      const rules: number[] = [];
      for (const b of list) for (let rule = heads[index][b]; rule >= 0; rule = next[rule]) rules.push(rule);
      if (list.length > 1) rules.sort((a, b) => a - b);
      let i = h >>> (32 - bits);
      while (arena.get(slots + 8 * i) !== 0 || arena.get(slots + 8 * i + 4) !== 0) i = (i + 1) & ((1 << bits) - 1);
      arena.put(slots + 8 * i, h);
      // Byte offset of the first record; one byte more, so that no slot in use is 0.
      arena.put(slots + 8 * i + 4, RULE_BYTES * written + 1);
      rules.forEach((rule, k) => {
        record(rule, k === rules.length - 1);
      });
    }
  });
  put("AL_TABLES", tables);
  put("AL_RULES", records - 1);
  candidates(arena, columns, image, room, order, tableOf);
  return { image, end: top, bytes: top - image };
}

/** By class of each address lane, and by protocol: the tables with a rule that takes it. */
function candidates(
  arena: Arena,
  columns: Columns,
  image: number,
  room: (bytes: number) => number,
  order: readonly number[],
  tableOf: Uint8Array,
): void {
  const { ranges, count } = columns;
  const position = new Uint8Array(order.length + MOST_TABLES);
  order.forEach((index, i) => {
    position[index] = i;
  });
  const classes = room(2 * 65536 * 4);
  arena.put(image + ACL.AL_CLASSES, classes);
  const uses = new Int32Array(MOST_TABLES);
  for (const lane of [0, 1, 2, 3, 6]) {
    const size = lane === 6 ? 256 : 65536;
    const sets: [low: number, high: number][] = [];
    const known = new Map<string, number>();
    const of = new Uint16Array(size);
    // Rules by where they begin, and by where they have ended.
    const begins = new Int32Array(size + 1).fill(-1);
    const ends = new Int32Array(size + 1).fill(-1);
    const nextBegin = new Int32Array(count);
    const nextEnd = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      const low = ranges[2 * LANES * i + lane];
      const high = ranges[2 * LANES * i + LANES + lane] + 1;
      nextBegin[i] = begins[low];
      begins[low] = i;
      nextEnd[i] = ends[high];
      ends[high] = i;
    }
    uses.fill(0);
    let now = 0;
    for (let value = 0; value < size; value++) {
      if (value === 0 || begins[value] >= 0 || ends[value] >= 0) {
        for (let i = begins[value]; i >= 0; i = nextBegin[i]) uses[position[tableOf[i]]]++;
        for (let i = ends[value]; i >= 0; i = nextEnd[i]) uses[position[tableOf[i]]]--;
        let low = 0;
        let high = 0;
        for (let t = 0; t < 32; t++) {
          if (uses[t] > 0) low |= 1 << t;
          if (uses[t + 32] > 0) high |= 1 << t;
        }
        const key = `${low},${high}`;
        const had = known.get(key);
        now = had ?? sets.length;
        if (had === undefined) {
          known.set(key, now);
          sets.push([low >>> 0, high >>> 0]);
        }
      }
      of[value] = now;
    }
    // The protocol's sets stand by value.
    const list = lane === 6 ? Array.from(of, (c) => sets[c]) : sets;
    const at = room(8 * list.length);
    arena.words.set(list.flat(), at >>> 2);
    if (lane === 6) arena.put(image + ACL.AL_PROTOCOLS, at);
    else {
      arena.put(image + ACL.AL_CANDIDATES + 4 * lane, at);
      new Uint16Array(arena.words.buffer, classes + 2 * 65536 * lane, size).set(of);
    }
  }
}
