/**
 * Tables in memory.
 *
 * Every table becomes a list of entries, one a row of a rule, ranked from best to worst; a look-up wants the matching
 * entry of the lowest rank. So one structure serves two kinds of tables: in a `priority` table rank is priority, then
 * order; in an `lpm` table it is prefix length, then metric, then order, and the prefix is an ordinary masked row.
 *
 * - **Scan**: entries in order of rank, compared one by one. For tables of a few rows, or where nearly every row has a
 *   mask of its own. A `sequence` table is a scan that goes on behind the entry that matched.
 * - **Tuple space** (Srinivasan, Suri, Varghese 1999; lib/classifier.h of Open vSwitch): entries that look at the same
 *   bits form a tuple, a hash table over exactly these words. Tuples are tried in order of their best rank, until no
 *   later one could win. A prefix table is at most 33 (129) tuples.
 *
 * Rules with conjunctions stand in tuples of their own ("soft"), where equal keys are chained, because all matching ones
 * are needed, not the best.
 */
import { addMatch, type Match, type Rule, type Slice, type Table } from "@plumbline/model";
import type { Image } from "./image.js";
import { CODE, CURSOR, ENTRY, ENTRY_BYTES, TABLE, TUPLE, TUPLE_BYTES } from "./layout.js";

/** Up to this many rows a scan is taken; above, when there are more than SCAN_RATIO rows to a mask, tuples. */
const SCAN_ROWS = 8;
const SCAN_RATIO = 4;

interface Ranked {
  readonly rule: Rule;
  readonly row: number;
  readonly match: Match;
}

/** The hash of a tuple's masked words; the assembly computes the same. */
function tupleHash(values: readonly number[]): number {
  let h = 0x9e3779b9;
  for (const v of values) {
    h = Math.imul(h ^ v, 0x85ebca6b);
    h ^= h >>> 15;
  }
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Writes the structure of `table` into its record at `address`. Returns the number of soft entries. */
export function writeTable(image: Image, address: number, table: Table, codeOf: (program: Rule["program"]) => number): number {
  image.put(address + TABLE.T_ID, table.id);
  image.put(address + TABLE.T_MISS, codeOf(table.miss));
  const entry = (r: Ranked, rank: number, words: readonly number[], count: number): number => {
    const at = image.alloc(ENTRY_BYTES / 4 + words.length);
    image.put(at + ENTRY.E_RULE, r.rule.id);
    image.put(at + ENTRY.E_RANK, rank);
    image.put(at + ENTRY.E_ROW, r.row);
    image.put(at + ENTRY.E_CODE, codeOf(r.rule.program));
    image.put(at + ENTRY.E_PRIORITY, r.rule.priority);
    image.put(at + ENTRY.E_WORDS, count);
    words.forEach((w, i) => {
      image.put(at + ENTRY_BYTES + 4 * i, w);
    });
    return at;
  };
  const scan = (list: readonly Ranked[]): number => {
    const at = list.map((r, rank) =>
      entry(
        r,
        rank,
        r.match.flatMap((x) => [4 * x.w, x.m, x.v]),
        r.match.length,
      ),
    );
    let after: number = CURSOR.CURSOR_AT_END;
    for (let i = list.length - 1; i >= 0; i--) {
      const next = i + 1 < list.length ? at[i + 1] : 0;
      if (next !== 0 && list[i + 1].rule !== list[i].rule) after = next;
      image.put(at[i] + ENTRY.E_NEXT, next);
      image.put(at[i] + ENTRY.E_AFTER, after);
    }
    return at[0] ?? 0;
  };
  const tuples = (groups: Ranked[][], rankOf: Map<Ranked, number>, keepAll: boolean): number => {
    const addresses = groups.map((group) => {
      const mask = group[0].match;
      const t = image.alloc(TUPLE_BYTES / 4 + 2 * mask.length);
      mask.forEach((x, i) => {
        image.put(t + TUPLE_BYTES + 8 * i, 4 * x.w);
        image.put(t + TUPLE_BYTES + 8 * i + 4, x.m);
      });
      let size = 4;
      while (size < 2 * group.length) size *= 2;
      const slots = image.alloc(2 * size);
      image.put(t + TUPLE.U_RANK, rankOf.get(group[0])!);
      image.put(t + TUPLE.U_SLOTS, slots);
      image.put(t + TUPLE.U_SLOT_MASK, size - 1);
      image.put(t + TUPLE.U_WORDS, mask.length);
      const last = new Map<string, number>();
      for (const r of group) {
        const values = r.match.map((x) => x.v);
        const key = values.join();
        const before = last.get(key);
        // Among equal keys the first is the best; later ones can never win.
        if (before !== undefined && !keepAll) continue;
        const e = entry(r, rankOf.get(r)!, values, values.length);
        if (keepAll) image.put(e + ENTRY.E_CONJ, conjunctions(image, r.rule));
        last.set(key, e);
        if (before !== undefined) {
          image.put(before + ENTRY.E_NEXT, e);
          continue;
        }
        const h = tupleHash(values);
        let i = h & (size - 1);
        while (image.get(slots + 8 * i + 4) !== 0) i = (i + 1) & (size - 1);
        image.put(slots + 8 * i, h);
        image.put(slots + 8 * i + 4, e);
      }
      return t;
    });
    return image.append(addresses);
  };

  const all = ranked(table);
  const hard = table.kind === "priority" ? all.filter((r) => !r.rule.conj) : all;
  const groups = byMask(hard);
  if (table.kind === "sequence") {
    image.put(address + TABLE.T_KIND, CODE.TABLE_SEQUENCE);
    image.put(address + TABLE.T_FIRST, scan(hard));
  } else if (hard.length <= SCAN_ROWS || hard.length < SCAN_RATIO * groups.length) {
    image.put(address + TABLE.T_KIND, CODE.TABLE_SCAN);
    image.put(address + TABLE.T_FIRST, scan(hard));
  } else {
    image.put(address + TABLE.T_KIND, CODE.TABLE_TUPLES);
    image.put(address + TABLE.T_FIRST, tuples(groups, new Map(hard.map((r, i) => [r, i])), false));
    image.put(address + TABLE.T_COUNT, groups.length);
  }
  const soft = table.kind === "priority" ? all.filter((r) => r.rule.conj) : [];
  if (soft.length > 0) {
    const softGroups = byMask(soft);
    image.put(address + TABLE.T_SOFT, tuples(softGroups, new Map(soft.map((r, i) => [r, i])), true));
    image.put(address + TABLE.T_SOFT_COUNT, softGroups.length);
  }
  return soft.length;
}

/** All rows of a table, best first. */
function ranked(table: Table): Ranked[] {
  if (table.kind === "lpm") {
    const key = table.key;
    if (!key) throw new Error(`lpm table ${table.id} (${table.name}) has no key`);
    return table.rules
      .filter((r) => prefixOf(r, table).value >> BigInt(key.n) === 0n)
      .map((rule, order) => ({ rule, order, len: prefixOf(rule, table).len, metric: rule.metric ?? 0 }))
      .sort((a, b) => b.len - a.len || a.metric - b.metric || a.order - b.order)
      .map(({ rule }) => ({ rule, row: 0, match: prefixMatch(key, prefixOf(rule, table)) }));
  }
  const rows = table.rules.flatMap((rule) => rule.rows.map((match, row) => ({ rule, row, match })));
  // Array.sort is stable: rules of one priority stay in their order, rows of a rule in theirs.
  return table.kind === "priority" ? rows.sort((a, b) => b.rule.priority - a.rule.priority) : rows;
}

function prefixOf(rule: Rule, table: Table): { readonly value: bigint; readonly len: number } {
  if (!rule.prefix) throw new Error(`rule ${rule.id} of lpm table ${table.id} (${table.name}) has no prefix`);
  return rule.prefix;
}

/** The first `len` bits of `key` as a masked row. */
function prefixMatch(key: Slice, prefix: { readonly value: bigint; readonly len: number }): Match {
  if (prefix.len === 0) return [];
  const rest = key.n - prefix.len;
  return addMatch([], { field: key.field, ofs: key.ofs + rest, n: prefix.len }, prefix.value >> BigInt(rest))!;
}

/** Groups of equal masks; groups in order of their best, rows within a group in order of rank. */
function byMask(list: readonly Ranked[]): Ranked[][] {
  const groups = new Map<string, Ranked[]>();
  for (const r of list) {
    const mask = r.match.map((x) => `${x.w}/${x.m}`).join();
    const g = groups.get(mask);
    if (g) g.push(r);
    else groups.set(mask, [r]);
  }
  return [...groups.values()];
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
