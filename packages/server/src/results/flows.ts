/**
 * Flows of a replay: which are asked for, and how they are put together. SQL over the Parquet file that the replay has written, whose
 * columns are those of plumbline.flow/1, flattened.
 */
import type { Sql, SqlRow, SqlValue } from "./store.js";

/** Columns that may be asked for and grouped by; a null counts as "". */
export const COLUMNS = [
  "verdict",
  "node",
  "to",
  "toKind",
  "toNode",
  "proto",
  "src",
  "dst",
  "srcPort",
  "dstPort",
  "finalDst",
  "finalDstPort",
  "path",
  "chosen",
  "certainty",
  "answer",
  "contradiction",
  "reply",
  "reason",
  "becauseDevice",
  "becauseRule",
  "at",
] as const;
export type Column = (typeof COLUMNS)[number];

const NUMBERS = new Set<Column>(["srcPort", "dstPort", "finalDstPort"]);

/** Per column the values of which one must be it. */
export type Filter = Partial<Record<Column, readonly (string | number)[]>> & {
  /** Whether the capture contradicts the prediction. */
  readonly contradicted?: boolean;
};

/** A column as a value that is never null. */
const columnOf = (c: Column) => (NUMBERS.has(c) ? `"${c}"` : `coalesce("${c}", '')`);

/** Of an enumerated flow each branch is a row with its share. */
const SHARE = "(CASE WHEN chosen = 'enumerated' THEN probability ELSE 1 END)";
const SUMS = `sum(${SHARE}) AS "flows", sum(${SHARE} * packets) AS "packets", sum(${SHARE} * bytes) AS "bytes"`;

function where(filter: Filter): { readonly text: string; readonly values: SqlValue[] } {
  const parts: string[] = [];
  const values: SqlValue[] = [];
  for (const c of COLUMNS) {
    const wanted = filter[c];
    if (!wanted || wanted.length === 0) continue;
    parts.push(`${columnOf(c)} IN (${wanted.map(() => "?").join(", ")})`);
    values.push(...wanted);
  }
  if (filter.contradicted !== undefined) parts.push(`(contradiction <> '') = ${filter.contradicted}`);
  return { text: parts.length === 0 ? "true" : parts.join(" AND "), values };
}

/** A page of flows in the order of the file, those behind row `after`. The row's number is in `_row`. */
export function flowPage(file: string, filter: Filter, after: number, limit: number): Sql {
  const { text, values } = where(filter);
  return {
    text: `SELECT * EXCLUDE (file_row_number), file_row_number AS _row FROM read_parquet(?, file_row_number = true) WHERE file_row_number > ? AND ${text} ORDER BY file_row_number LIMIT ?`,
    values: [file, after, ...values, limit],
  };
}

/** All that match. */
export function allFlows(file: string, filter: Filter): Sql {
  const { text, values } = where(filter);
  return { text: `SELECT * FROM read_parquet(?) WHERE ${text}`, values: [file, ...values] };
}

export function groups(file: string, filter: Filter, by: readonly Column[], limit: number): Sql {
  const { text, values } = where(filter);
  const columns = by.map((c) => `${columnOf(c)} AS "${c}"`).join(", ");
  const names = by.map((_, i) => i + 1).join(", ");
  return {
    text: `SELECT ${columns}, ${SUMS} FROM read_parquet(?) WHERE ${text} GROUP BY ${names} ORDER BY "flows" DESC, ${names} LIMIT ?`,
    values: [file, ...values, limit],
  };
}

/** First and last begin of a flow, in microseconds since 1970; null where there is no flow. */
export function span(file: string, filter: Filter): Sql {
  const { text, values } = where(filter);
  return {
    text: `SELECT min(epoch_us(first::TIMESTAMP)) AS "from", max(epoch_us(first::TIMESTAMP)) AS "to" FROM read_parquet(?) WHERE ${text}`,
    values: [file, ...values],
  };
}

/** Sums by value and bucket of time, a flow counting where it begins. */
export function buckets(file: string, filter: Filter, by: Column, from: number, width: number, count: number): Sql {
  const { text, values } = where(filter);
  return {
    text: `SELECT ${columnOf(by)} AS "value", least(?, greatest(0, floor((epoch_us(first::TIMESTAMP) - ?) / ?)))::INTEGER AS "bucket",
             ${SUMS} FROM read_parquet(?) WHERE ${text} GROUP BY 1, 2`,
    values: [count - 1, BigInt(from), width, file, ...values],
  };
}

export function pathHops(file: string, path: string): Sql {
  return { text: "SELECT hops FROM read_parquet(?) WHERE path = ?", values: [file, path] };
}

/** A row as the record that `replay --flows x.ndjson` writes. */
export function flowRecord(row: SqlRow): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) {
    if (name === "_row") continue;
    if (name === "becauseDevice")
      out.because = value === null ? null : { device: value, rule: row.becauseRule, file: row.becauseFile, line: row.becauseLine };
    else if (!name.startsWith("because")) out[name] = value;
  }
  return out;
}
