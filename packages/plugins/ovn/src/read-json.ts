/** `ovsdb-client -f json dump` (one object a table a line) and `ovn-nbctl --format=json list TABLE` (one object). */
import type { ReadContext } from "@plumbline/model";
import type { DatabaseName } from "./facts.js";
import { fromJson, type Value } from "./values.js";

interface JsonTable {
  caption?: string;
  headings: string[];
  data: unknown[][];
}

function isTable(x: unknown): x is JsonTable {
  const t = x as JsonTable;
  return typeof x === "object" && x !== null && Array.isArray(t.headings) && Array.isArray(t.data);
}

/** Reads every table; `table` names the rows of an object without a caption. */
export function readJsonTables(text: string, database: DatabaseName, table: string, ctx: ReadContext): void {
  let number = 0;
  for (const line of text.split("\n")) {
    number++;
    if (line.trim() === "") continue;
    let parsed: unknown;
    try {
      parsed = JSON.parse(line);
    } catch {
      ctx.problem(
        "error",
        number,
        `not a JSON object: ${line.slice(0, 60)}…`,
        "The dump was cut or the command failed; collect it again. The tables before it are used.",
      );
      continue;
    }
    if (!isTable(parsed)) {
      ctx.problem("warning", number, "a JSON object without headings and data: not a table of a database dump");
      continue;
    }
    readTable(parsed, database, parsed.caption?.replace(/ table$/, "") ?? table, number, ctx);
  }
}

function readTable(t: JsonTable, database: DatabaseName, table: string, line: number, ctx: ReadContext): void {
  const uuidAt = t.headings.indexOf("_uuid");
  for (const row of t.data) {
    const columns: { [column: string]: Value } = {};
    try {
      t.headings.forEach((h, i) => {
        if (i !== uuidAt) columns[h] = fromJson(row[i]);
      });
      const uuid = uuidAt < 0 ? "" : String(fromJson(row[uuidAt]));
      ctx.fact("ovn.row", { database, table, uuid, columns, ownLine: false }, line, JSON.stringify(row));
    } catch (e) {
      ctx.problem("warning", line, `row of ${table}: ${(e as Error).message}`);
    }
  }
}
