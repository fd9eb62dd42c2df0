/**
 * OVSDB files: what `ovsdb-client backup` writes, and a standalone database as ovsdb-server keeps it (ovsdb(5)).
 *
 * The file is a run of records, each a header line `OVSDB JSON <bytes> <sha1>` and that many bytes of JSON: the schema,
 * then transactions {table: {uuid: {column: datum} | null}}. With `_is_diff` a column holds what changed: the elements
 * of a set that came or went, the pairs of a map that came, went or changed (ovsdb/file.c, ovsdb_datum_apply_diff).
 *
 * The SHA-1 is not checked: a torn last record shows as bad JSON or a short record, and the records before it are used,
 * as ovsdb-server does. Clustered (RAFT) files are refused with the command that converts them.
 */
import type { ReadContext } from "@plumbline/model";
import type { DatabaseName } from "./facts.js";
import { type Atom, asMap, asSet, fromJson, type Value } from "./values.js";

interface Schema {
  name: string;
  tables: { [table: string]: { columns: { [column: string]: { type: unknown } } } };
}
interface StoredRow {
  columns: { [column: string]: Value };
  line: number;
}

type Shape = "scalar" | "set" | "map";

function shapeOf(type: unknown): Shape {
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
  const decoder = new TextDecoder();
  const tables = new Map<string, Map<string, StoredRow>>();
  let schema: Schema | undefined;
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
      break;
    }
    if (m[1] === "CLUSTER") {
      ctx.problem("error", line, "a clustered database file", "Convert it: ovsdb-tool cluster-to-standalone NEW OLD");
      return;
    }
    const size = Number(m[2]);
    const body = bytes.subarray(eol + 1, eol + 1 + size);
    let record: unknown;
    try {
      if (body.length < size) throw new Error(`${size} bytes announced, ${body.length} there`);
      record = JSON.parse(decoder.decode(body));
    } catch (e) {
      ctx.problem(
        "error",
        line + 1,
        `record cut short: ${(e as Error).message}`,
        "The records before it are used; collect the file again.",
      );
      break;
    }
    if (!schema) schema = record as Schema;
    else apply(record as Record<string, unknown>, schema, tables, line + 1, ctx);
    for (const b of body) if (b === NEWLINE) line++;
    line++;
    at = eol + 1 + size;
  }
  for (const [table, rows] of tables) {
    for (const [uuid, row] of rows) {
      const fact = { database, table, uuid, columns: row.columns, ownLine: false };
      ctx.fact("ovn.row", fact, row.line, `${table} ${uuid} ${JSON.stringify(row.columns)}`);
    }
  }
}

function apply(
  transaction: Record<string, unknown>,
  schema: Schema,
  tables: Map<string, Map<string, StoredRow>>,
  line: number,
  ctx: ReadContext,
): void {
  const isDiff = transaction["_is_diff"] === true;
  for (const [table, changes] of Object.entries(transaction)) {
    if (table.startsWith("_")) continue;
    const rows = tables.get(table) ?? new Map<string, StoredRow>();
    tables.set(table, rows);
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
          const shape = shapeOf(schema.tables[table]?.columns[column]?.type);
          row.columns[column] = known ? applyDiff(row.columns[column], value, shape) : value;
        } catch (e) {
          ctx.problem("warning", line, `${table} ${uuid} ${column}: ${(e as Error).message}`);
        }
      }
      rows.set(uuid, row);
    }
  }
}
