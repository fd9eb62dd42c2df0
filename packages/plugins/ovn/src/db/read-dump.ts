/** `ovsdb-client -f json dump`: an object a table a line, read in place. */
import { fromJson, type Value } from "../values.js";
import { FlowRowReader } from "./flow-rows.js";
import { FLOWS, type Intake, TABLES } from "./intake.js";
import { BadJson, JsonCursor } from "./json-cursor.js";

const NEWLINE = 10;
const HEADINGS = '"headings":';

export function readDump(bytes: Uint8Array, intake: Intake): void {
  let line = 0;
  for (let at = 0; at < bytes.length; ) {
    const eol = bytes.indexOf(NEWLINE, at);
    const end = eol < 0 ? bytes.length : eol;
    line++;
    const cursor = new JsonCursor(bytes, at, end);
    at = end + 1;
    if (cursor.peek() < 0) continue;
    try {
      readTable(cursor, line, intake);
    } catch (e) {
      if (!(e instanceof BadJson)) throw e;
      intake.problem(
        "error",
        line,
        `not a table of a database dump: ${e.message}`,
        "The dump was cut or the command failed; collect it again. The rows before it are used.",
      );
    }
  }
  // A dump is of the whole database, unless it was asked for some tables alone.
  if (intake.has("Datapath_Binding")) for (const table of TABLES) intake.seen(table);
}

function readTable(cursor: JsonCursor, line: number, intake: Intake): void {
  let table = "";
  let headings: string[] = [];
  let data = -1;
  const wanted = () => TABLES.has(table) || table === FLOWS;
  cursor.object((key) => {
    if (key === "caption") table = cursor.key().replace(/ table$/, "");
    else if (key === "headings") headings = cursor.value() as string[];
    else if (key === "data") {
      cursor.peek();
      data = cursor.at;
      // Headings come behind the rows, which are long; a quote within a string would be escaped.
      const behind = cursor.last(HEADINGS);
      if (behind < 0) cursor.skip();
      else {
        cursor.at = behind + HEADINGS.length;
        headings = cursor.value() as string[];
      }
    } else cursor.skip();
  });
  if (data < 0 || headings.length === 0) throw new BadJson("an object without headings and data");
  intake.seen(table);
  if (!wanted()) return;
  cursor.at = data;
  if (table === FLOWS) readFlows(cursor, headings, line, intake);
  else
    cursor.array(() => {
      const row = cursor.value() as unknown[];
      const columns: { [column: string]: Value } = {};
      let uuid = "";
      try {
        headings.forEach((h, i) => {
          if (h === "_uuid") uuid = String(fromJson(row[i]));
          else columns[h] = fromJson(row[i]);
        });
        intake.row(table, uuid, columns, line);
      } catch (e) {
        intake.problem("warning", line, `row of ${table}: ${(e as Error).message}`);
      }
    });
}

function readFlows(cursor: JsonCursor, headings: readonly string[], line: number, intake: Intake): void {
  const reader = new FlowRowReader(intake.flows, cursor);
  cursor.array(() => {
    reader.begin(line);
    cursor.array((i) => {
      const h = headings[i];
      if (h === undefined) cursor.skip();
      else reader.column(h);
    });
    intake.flows.put(reader.end());
  });
}
