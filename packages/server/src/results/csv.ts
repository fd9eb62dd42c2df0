/** Rows as CSV (RFC 4180), with a heading. */
import type { SqlRow } from "./store.js";

export async function* csvOf(rows: AsyncIterable<SqlRow>): AsyncGenerator<string> {
  let names: readonly string[] | undefined;
  for await (const row of rows) {
    if (!names) {
      names = Object.keys(row);
      yield line(names);
    }
    yield line(names.map((n) => row[n]));
  }
}

function line(values: readonly unknown[]): string {
  return `${values.map(cell).join(",")}\r\n`;
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
