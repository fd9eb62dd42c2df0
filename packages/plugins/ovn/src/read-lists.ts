/**
 * `ovn-nbctl list|find TABLE`, `ovn-sbctl list|find TABLE` and `ovsdb-client -f list dump`: records of `column : value` lines.
 *
 * Also reads what people paste: a record without `_uuid`, a map laid out over several lines with `:` between key and value.
 */
import type { ReadContext } from "@plumbline/model";
import type { DatabaseName } from "./facts.js";
import { fromText, openBrackets, type Value } from "./values.js";

const COLUMN = /^([A-Za-z_]\w*)\s*: ?(.*)$/;
const CAPTION = /^(\w+) table$/;

/**
 * Reads the records of a list. `table` is the table they belong to; in a dump of a whole database captions ("ACL table")
 * change it, and it may be "" at first.
 */
export function readLists(text: string, database: DatabaseName, table: string, ctx: ReadContext): void {
  const lines = text.split("\n");
  let current = table;
  let columns: { [column: string]: Value } = {};
  let uuid = "";
  let start = 0;
  /** Ends the record before the line with this index. */
  const finish = (end: number) => {
    if (start > 0) {
      const printed = lines
        .slice(start - 1, end)
        .join(" ")
        .replace(/\s+/g, " ")
        .trim();
      ctx.fact("ovn.row", { database, table: current, uuid, columns, ownLine: true }, start, printed);
    }
    columns = {};
    uuid = "";
    start = 0;
  };
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!.trimEnd();
    if (line === "") {
      finish(i);
      continue;
    }
    const caption = CAPTION.exec(line);
    if (caption) {
      finish(i);
      current = caption[1]!;
      continue;
    }
    const m = COLUMN.exec(line);
    if (!m) {
      ctx.problem("warning", i + 1, `not a 'column : value' line: ${line.slice(0, 80)}`);
      continue;
    }
    const column = m[1]!;
    let value = m[2]!;
    const at = i + 1;
    while (openBrackets(value) > 0 && i + 1 < lines.length && continues(lines[i + 1]!)) value += ` ${lines[++i]!.trim()}`;
    if (column in columns || (column === "_uuid" && start > 0)) finish(at - 1);
    if (start === 0) start = at;
    try {
      if (column === "_uuid") uuid = value.trim();
      else columns[column] = fromText(value);
    } catch (e) {
      ctx.problem("warning", at, `column ${column}: ${(e as Error).message}`, "The file may have been cut; collect it again.");
    }
  }
  finish(lines.length);
}

/** Whether a line can go on with an open set or map. */
function continues(line: string): boolean {
  return line.trim() !== "" && !CAPTION.test(line.trimEnd()) && !COLUMN.test(line);
}

/** `ovsdb-client dump`, the table form: a caption, headings, a rule of dashes that gives the widths, rows. */
export function readTables(text: string, database: DatabaseName, ctx: ReadContext): void {
  const lines = text.split("\n");
  let table = "";
  let headings: string[] = [];
  let spans: [number, number][] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!;
    const caption = CAPTION.exec(line);
    if (caption) {
      table = caption[1]!;
      spans = [];
      continue;
    }
    if (line.trim() === "") continue;
    if (/^-+( -+)*\s*$/.test(line) && i > 0) {
      spans = [...line.matchAll(/-+/g)].map((m) => [m.index, m.index + m[0].length]);
      headings = spans.map(([a, b]) => lines[i - 1]!.slice(a, b).trim());
      continue;
    }
    if (spans.length === 0) continue; // the headings themselves; their names come with the rule of dashes
    const columns: { [column: string]: Value } = {};
    let uuid = "";
    try {
      spans.forEach(([a, b], n) => {
        // The last column may run past its rule.
        const cell = (n === spans.length - 1 ? line.slice(a) : line.slice(a, b)).trim();
        if (headings[n] === "_uuid") uuid = cell;
        else columns[headings[n]!] = fromText(cell);
      });
      ctx.fact("ovn.row", { database, table, uuid, columns, ownLine: true }, i + 1, line.replace(/\s+/g, " ").trim());
    } catch (e) {
      ctx.problem("warning", i + 1, `row of ${table}: ${(e as Error).message}`);
    }
  }
}
