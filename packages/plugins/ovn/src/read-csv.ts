/**
 * `ovn-nbctl --format=csv list TABLE` and `ovn-sbctl` likewise: headings, then a record a row, cells quoted as RFC 4180 has it
 * (table_print_csv_line(), lib/table.c).
 */
import type { ReadContext } from "@plumbline/model";
import type { DatabaseName } from "./facts.js";
import { fromText, type Value } from "./values.js";

/** Reads the records of one table. Rows that cannot be read are told, and cost only themselves. */
export function readCsv(text: string, database: DatabaseName, table: string, ctx: ReadContext): void {
  let headings: readonly string[] | undefined;
  for (const { cells, line, printed, open } of rowsOf(text)) {
    if (open) {
      ctx.problem("warning", line, `row of ${table}: a quote is not closed`, "The file may have been cut; collect it again.");
      continue;
    }
    // Listings of several tables may stand one behind the other.
    if (cells.includes("_uuid")) {
      headings = cells;
      continue;
    }
    if (!headings) {
      ctx.problem("warning", line, `${table}: the columns have no headings with _uuid`, "Collect it without --no-headings and --columns.");
      return;
    }
    if (cells.length !== headings.length) {
      ctx.problem("warning", line, `row of ${table}: ${cells.length} cells for ${headings.length} columns`);
      continue;
    }
    const columns: { [column: string]: Value } = {};
    try {
      for (const [i, name] of headings.entries()) if (name !== "_uuid") columns[name] = fromText(cells[i]);
      ctx.fact("ovn.row", { database, table, uuid: cells[headings.indexOf("_uuid")], columns, ownLine: true }, line, printed);
    } catch (e) {
      ctx.problem("warning", line, `row of ${table}: ${(e as Error).message}`);
    }
  }
}

interface CsvRow {
  readonly cells: readonly string[];
  /** Where it begins; a quoted cell may hold line breaks. */
  readonly line: number;
  readonly printed: string;
  /** The text ended within a quoted cell. */
  readonly open: boolean;
}

function* rowsOf(text: string): Generator<CsvRow> {
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const start = at;
    const first = line;
    const cells: string[] = [];
    let cell = "";
    let quoted = false;
    for (; at < text.length; at++) {
      const c = text[at];
      if (c === "\n") line++;
      if (quoted) {
        if (c !== '"') cell += c;
        else if (text[at + 1] === '"') cell += text[++at];
        else quoted = false;
      } else if (c === '"') quoted = true;
      else if (c === ",") {
        cells.push(cell);
        cell = "";
      } else if (c === "\n") break;
      else if (c !== "\r") cell += c;
    }
    const printed = text.slice(start, at).replace(/\s+/g, " ").trim();
    at++;
    if (printed !== "") yield { cells: [...cells, cell], line: first, printed, open: quoted };
  }
}
