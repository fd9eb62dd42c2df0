/**
 * OVSDB files: what `ovsdb-client backup` writes, a standalone database as ovsdb-server keeps it (ovsdb(5)), and a member's
 * file of a clustered one (Documentation/ref/ovsdb.5.rst, "Clustered Service Model"; ovsdb/raft.c).
 *
 * The file is a run of records, each a header line `OVSDB JSON|CLUSTER <bytes> <sha1>` and that many bytes of JSON. Standalone:
 * the schema, then transactions {table: {uuid: {column: datum} | null}}. Clustered: a header with the snapshot
 * (`prev_data`: schema and contents), then the log; an entry's `data` holds a schema (or null) and a transaction, and an entry
 * that repeats an index stands in place of it and of all behind it. With `_is_diff` a column holds what changed: the elements
 * of a set that came or went, the pairs of a map that came, went or changed (ovsdb/file.c, ovsdb_datum_apply_diff).
 *
 * The SHA-1 is not checked: a torn last record shows as bad JSON or a short record, and the records before it are used,
 * as ovsdb-server does. Entries of a log count whether or not the file says that they are committed (as for
 * `ovsdb-tool cluster-to-standalone`): the note of it comes late.
 */
import type { ReadContext } from "@plumbline/model";
import type { DatabaseName } from "./facts.js";
import { type Atom, asMap, asSet, type Columns, fromJson, type Value } from "./values.js";

export interface Schema {
  name: string;
  tables: { [table: string]: { columns: { [column: string]: { type: unknown } } } };
}
interface StoredRow {
  columns: { [column: string]: Value };
  line: number;
}

export type Shape = "scalar" | "set" | "map";

/** How a column of this type (RFC 7047, 3.2) is changed by a diff. */
export function shapeOf(type: unknown): Shape {
  if (typeof type !== "object" || type === null) return "scalar";
  const t = type as { value?: unknown; min?: number; max?: number | "unlimited" };
  // A diff of a column that holds one element at most is its new value, map or not (ovsdb_type_is_composite).
  if ((t.max ?? 1) === 1) return "scalar";
  return t.value !== undefined ? "map" : "set";
}

/** Applies a diff to a datum. A column of one element at most holds its new value. */
export function applyDiff(old: Value | undefined, diff: Value, shape: Shape): Value {
  if (shape === "map") {
    const out: { [key: string]: Atom } = { ...asMap(old) };
    for (const [k, v] of Object.entries(asMap(diff))) {
      if (out[k] === v) delete out[k];
      else out[k] = v;
    }
    return out;
  }
  if (shape === "set") {
    const now = new Set(asSet(old));
    for (const a of asSet(diff)) if (!now.delete(a)) now.add(a);
    return [...now];
  }
  return diff;
}

const NEWLINE = 10;

/** Name of the database a stored file holds, by its first kilobytes: "OVN_Northbound", …; undefined if it is no such file. */
export function storedName(head: string): string | undefined {
  if (!/^OVSDB (JSON|CLUSTER) /.test(head)) return undefined;
  return /"name":"(OVN_\w+|Open_vSwitch)"/.exec(head)?.[1] ?? "";
}

export function readStore(bytes: Uint8Array, database: DatabaseName, ctx: ReadContext): void {
  const contents = new Contents(ctx);
  let log: LogEntry[] = [];
  let first = true;
  for (const { clustered, json, line } of records(bytes, ctx)) {
    const record = json as { prev_data?: unknown; data?: unknown; index?: unknown };
    if (!clustered) {
      if (first) contents.schema = json as Schema;
      else contents.apply(json as Record<string, unknown>, line);
    } else if (first) {
      if (Array.isArray(record.prev_data)) contents.entry(record.prev_data, line);
      else
        ctx.problem(
          "error",
          line,
          "this member of the cluster had not joined yet: its file holds no data",
          "Take the file of another member, or: ovsdb-client backup",
        );
    } else if (Array.isArray(record.data) && typeof record.index === "number") {
      const index = record.index;
      if (log.length > 0 && log[log.length - 1].index >= index) log = log.filter((e) => e.index < index);
      log.push({ index, data: record.data, line });
    }
    first = false;
  }
  for (const e of log) contents.entry(e.data, e.line);
  for (const { table, uuid, columns, line } of contents.rows())
    ctx.fact("ovn.row", { database, table, uuid, columns, ownLine: false }, line, `${table} ${uuid} ${JSON.stringify(columns)}`);
}

/** An entry of a cluster's log. */
interface LogEntry {
  readonly index: number;
  readonly data: readonly unknown[];
  readonly line: number;
}

/** The records of a file, in order; ends with a problem at the first that is none. `line` is that of the JSON. */
function* records(bytes: Uint8Array, ctx: ReadContext): Generator<{ clustered: boolean; json: unknown; line: number }> {
  const decoder = new TextDecoder();
  let at = 0;
  let line = 1;
  while (at < bytes.length) {
    const eol = bytes.indexOf(NEWLINE, at);
    const header = decoder.decode(bytes.subarray(at, eol < 0 ? bytes.length : eol));
    if (header.trim() === "") {
      at = eol < 0 ? bytes.length : eol + 1;
      line++;
      continue;
    }
    const m = /^OVSDB (JSON|CLUSTER) (\d+) [0-9a-f]{40}$/.exec(header);
    if (!m || eol < 0) {
      ctx.problem("error", line, `not a record of an OVSDB file: ${header.slice(0, 60)}`, "The records before it are used.");
      return;
    }
    const size = Number(m[2]);
    const body = bytes.subarray(eol + 1, eol + 1 + size);
    let json: unknown;
    try {
      if (body.length < size) throw new Error(`${size} bytes announced, ${body.length} there`);
      json = JSON.parse(decoder.decode(body));
      if (typeof json !== "object" || json === null) throw new Error("it is no JSON object");
    } catch (e) {
      ctx.problem(
        "error",
        line + 1,
        `record cut short: ${(e as Error).message}`,
        "The records before it are used; collect the file again.",
      );
      return;
    }
    yield { clustered: m[1] === "CLUSTER", json, line: line + 1 };
    for (const b of body) if (b === NEWLINE) line++;
    line++;
    at = eol + 1 + size;
  }
}

/** A database while its transactions are applied. */
export class Contents {
  schema: Schema = { name: "", tables: {} };
  private readonly tables = new Map<string, Map<string, StoredRow>>();

  constructor(private readonly ctx: Pick<ReadContext, "problem">) {}

  /** [schema or null, transaction]: a schema comes with the whole contents. */
  entry(data: readonly unknown[], line: number): void {
    const [schema, transaction] = data;
    if (typeof schema === "object" && schema !== null) {
      this.schema = schema as Schema;
      this.tables.clear();
    }
    if (typeof transaction === "object" && transaction !== null) this.apply(transaction as Record<string, unknown>, line);
  }

  apply(transaction: Record<string, unknown>, line: number): void {
    const isDiff = transaction["_is_diff"] === true;
    for (const [table, changes] of Object.entries(transaction)) {
      if (table.startsWith("_") || typeof changes !== "object" || changes === null) continue;
      const rows = this.tables.get(table) ?? new Map<string, StoredRow>();
      this.tables.set(table, rows);
      for (const [uuid, change] of Object.entries(changes as Record<string, Record<string, unknown> | null>)) {
        if (change === null) {
          rows.delete(uuid);
          continue;
        }
        const row: StoredRow = { columns: { ...(rows.get(uuid)?.columns ?? {}) }, line };
        for (const [column, datum] of Object.entries(change)) {
          try {
            const value = fromJson(datum);
            const known = isDiff && rows.has(uuid);
            const shape = shapeOf(this.schema.tables[table]?.columns[column]?.type);
            row.columns[column] = known ? applyDiff(row.columns[column], value, shape) : value;
          } catch (e) {
            this.ctx.problem("warning", line, `${table} ${uuid} ${column}: ${(e as Error).message}`);
          }
        }
        rows.set(uuid, row);
      }
    }
  }

  /** What is there now. */
  *rows(): Generator<{ readonly table: string; readonly uuid: string; readonly columns: Columns; readonly line: number }> {
    for (const [table, rows] of this.tables) for (const [uuid, { columns, line }] of rows) yield { table, uuid, columns, line };
  }
}
