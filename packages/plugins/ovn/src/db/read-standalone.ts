/**
 * A standalone OVSDB file (`ovsdb-client backup`, ovsdb(5)), its logical flows read in place; see read-store.ts for what is in one.
 */
import { Contents, type Schema } from "../read-store.js";
import { FlowRowReader, identify } from "./flow-rows.js";
import type { FlowTable } from "./flow-table.js";
import { FLOWS, type Intake, TABLES } from "./intake.js";
import { BadJson, JsonCursor } from "./json-cursor.js";

const NEWLINE = 10;

export function readStandalone(bytes: Uint8Array, intake: Intake): void {
  const contents = new Contents(intake);
  const flows = new StoredFlows(intake.flows);
  let at = 0;
  let line = 1;
  let first = true;
  while (at < bytes.length) {
    const eol = bytes.indexOf(NEWLINE, at);
    const header = new TextDecoder().decode(bytes.subarray(at, eol < 0 ? bytes.length : eol));
    const m = /^OVSDB JSON (\d+) [0-9a-f]{40}$/.exec(header);
    if (!m || eol < 0) {
      if (header.trim() !== "")
        intake.problem("error", line, `not a record of an OVSDB file: ${header.slice(0, 60)}`, "The records before it are used.");
      break;
    }
    const end = eol + 1 + Number(m[1]);
    try {
      if (end > bytes.length) throw new BadJson(`${m[1]} bytes announced, ${bytes.length - eol - 1} there`);
      const cursor = new JsonCursor(bytes, eol + 1, end);
      if (first) {
        contents.schema = cursor.value() as Schema;
        for (const table of Object.keys(contents.schema.tables ?? {})) intake.seen(table);
      } else transaction(cursor, line + 1, contents, flows);
    } catch (e) {
      if (!(e instanceof BadJson)) throw e;
      intake.problem("error", line + 1, `record cut short: ${e.message}`, "The records before it are used; collect the file again.");
      break;
    }
    first = false;
    for (let i = eol + 1; i >= 0 && i < end; ) {
      i = bytes.indexOf(NEWLINE, i);
      if (i < 0 || i >= end) break;
      line++;
      i++;
    }
    line++;
    at = end;
  }
  flows.dropDeleted();
  for (const { table, uuid, columns, line: l } of contents.rows()) intake.row(table, uuid, columns, l);
}

function transaction(cursor: JsonCursor, line: number, contents: Contents, flows: StoredFlows): void {
  const rest: Record<string, unknown> = {};
  cursor.object((key) => {
    if (key === FLOWS) flows.apply(cursor, line);
    else if (TABLES.has(key) || key === "_is_diff") rest[key] = cursor.value();
    else cursor.skip();
  });
  contents.apply(rest, line);
}

/** Logical flows while transactions are applied to them. */
class StoredFlows {
  /** By UUID; made when a second transaction comes. */
  private byUuid: Map<string, number> | undefined;
  private readonly deleted = new Set<number>();
  private any = false;

  constructor(private readonly flows: FlowTable) {}

  apply(cursor: JsonCursor, line: number): void {
    const { flows } = this;
    if (this.any && !this.byUuid) {
      this.byUuid = new Map();
      for (let i = 0; i < flows.count; i++) this.byUuid.set(flows.uuid(i), i);
    }
    this.any = true;
    const reader = new FlowRowReader(flows, cursor);
    cursor.object((uuid) => {
      const old = this.byUuid?.get(uuid);
      if (cursor.peek() === 0x6e) {
        cursor.skip();
        if (old !== undefined) this.deleted.add(old);
        return;
      }
      const there = old !== undefined && !this.deleted.has(old);
      reader.begin(line, there ? flows.record(old) : undefined);
      identify(reader.record, uuid);
      cursor.object((column) => reader.column(column));
      const at = old ?? flows.count;
      flows.put(reader.end(), at);
      this.deleted.delete(at);
      this.byUuid?.set(uuid, at);
    });
  }

  dropDeleted(): void {
    for (const at of [...this.deleted].sort((a, b) => b - a)) this.flows.drop(at);
  }
}
