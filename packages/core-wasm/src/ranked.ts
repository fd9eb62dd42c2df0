/** The rows of a table in order of rank, best first; see classifier.ts for what rank is. */
import { addMatch, type Match, type Rule, type Slice, type Table } from "@plumbline/model";
import { CURSOR } from "./layout.js";

export interface Ranked {
  readonly rule: Rule;
  /** Index in its rule. */
  readonly row: number;
  readonly match: Match;
}

/** A priority (a signed 32-bit number) times this, plus a smaller number, is exact. */
const ORDER = 2 ** 21;

/** Where a sequence goes on behind each row's rule. */
export function behind(all: readonly Ranked[]): Uint32Array {
  const after = new Uint32Array(all.length);
  let next: number = CURSOR.CURSOR_AT_END;
  for (let i = all.length - 1; i >= 0; i--) {
    if (i + 1 < all.length && all[i + 1].rule !== all[i].rule) next = CURSOR.CURSOR_RANK + i + 1;
    after[i] = next;
  }
  return after;
}

/** The last rank of each row's priority. */
export function lastOfPriority(all: readonly Ranked[]): Uint32Array {
  const last = new Uint32Array(all.length);
  for (let i = all.length - 1; i >= 0; i--)
    last[i] = i + 1 < all.length && all[i + 1].rule.priority === all[i].rule.priority ? last[i + 1] : i;
  return last;
}

/** All rows of a table, best first. */
export function ranked(table: Table): Ranked[] {
  if (table.kind === "lpm") {
    const key = table.key;
    if (!key) throw new Error(`lpm table ${table.id} (${table.name}) has no key`);
    return table.rules
      .filter((r) => prefixOf(r, table).value >> BigInt(key.n) === 0n)
      .map((rule, order) => ({ rule, order, len: prefixOf(rule, table).len, metric: rule.metric ?? 0 }))
      .sort((a, b) => b.len - a.len || a.metric - b.metric || a.order - b.order)
      .map(({ rule }) => ({ rule, row: 0, match: prefixMatch(key, prefixOf(rule, table)) }));
  }
  const rows: Ranked[] = [];
  for (const rule of table.rules) for (let row = 0; row < rule.rows.length; row++) rows.push({ rule, row, match: rule.rows[row] });
  if (table.kind !== "priority") return rows;
  // By priority; rules of one priority stay in their order, rows of a rule in theirs. Numbers sort much faster than rows.
  if (rows.length > ORDER) return rows.sort((a, b) => b.rule.priority - a.rule.priority);
  const order = Float64Array.from(rows, (r, i) => i - r.rule.priority * ORDER).sort();
  return Array.from(order, (x) => rows[x - Math.floor(x / ORDER) * ORDER]);
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
