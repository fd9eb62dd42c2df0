/**
 * The Open_vSwitch database: as ovsdb-server keeps it (`conf.db`, `ovsdb-client backup`; ovsdb(5)), as `ovsdb-client -f json dump`
 * prints it, and as `ovsdb-client dump` does, in columns. Bridges, ports and interfaces become the facts that `ovs-vsctl` gives.
 */
import type { EvidenceFile, ReadContext } from "@plumbline/model";
import type { OvsPortFact } from "../facts.js";
import { unquote } from "../ports.js";
import { splitList } from "./vsctl.js";

type Atom = string | number | boolean;
type Datum = Atom | readonly Atom[] | { readonly [key: string]: Atom };
interface StoredRow {
  readonly columns: { [column: string]: Datum };
  readonly line: number;
}
/** Rows by table and UUID. */
type Database = Map<string, Map<string, StoredRow>>;

const TABLES = new Set(["Open_vSwitch", "Bridge", "Port", "Interface"]);

/** Whether a file holds this database, by its beginning and its end. */
export function holdsOpenVSwitch(text: string): boolean {
  const head = text.slice(0, 4096);
  if (head.startsWith("OVSDB JSON")) return /"name":"Open_vSwitch"/.test(head);
  if (/^\{"caption":"/.test(head)) return /\{"caption":"Open_vSwitch table"/.test(text);
  return /^(?:AutoAttach|Bridge) table\r?\n/.test(head) && /^Open_vSwitch table\r?$/m.test(text);
}

export function readDatabase(file: EvidenceFile, ctx: ReadContext): void {
  const text = file.text();
  const db: Database = text.startsWith("OVSDB")
    ? fromStore(file.bytes(), ctx)
    : text.startsWith("{")
      ? fromJsonDump(text, ctx)
      : fromColumns(text, ctx);
  tell(db, ctx);
}

function put(db: Database, table: string, uuid: string, row: StoredRow): void {
  let rows = db.get(table);
  if (!rows) db.set(table, (rows = new Map()));
  rows.set(uuid, row);
}

/** `["uuid", …]`, `["set", […]]`, `["map", [[k, v], …]]`, or an atom. */
function datum(value: unknown): Datum {
  if (!Array.isArray(value)) return value as Atom;
  const [kind, content] = value as [string, unknown];
  if (kind === "set") return (content as unknown[]).map((v) => datum(v) as Atom);
  if (kind === "map") return Object.fromEntries((content as [Atom, unknown][]).map(([k, v]) => [String(k), datum(v) as Atom]));
  return content as Atom;
}

// -- The three forms -----------------------------------------------------------------------------------------------------------

const NEWLINE = 10;

/** Records `OVSDB JSON <bytes> <sha1>` and that many bytes: the schema, then transactions {table: {uuid: {column: datum} | null}}. */
function fromStore(bytes: Uint8Array, ctx: ReadContext): Database {
  const db: Database = new Map();
  const decoder = new TextDecoder();
  const composite = new Map<string, "set" | "map">();
  let line = 1;
  let first = true;
  for (let at = 0; at < bytes.length; ) {
    // A record's length counts the line end behind it, or does not.
    if (bytes[at] === NEWLINE) {
      at++;
      line++;
      continue;
    }
    const end = bytes.indexOf(NEWLINE, at);
    const head = /^OVSDB JSON (\d+) /.exec(decoder.decode(bytes.subarray(at, end < 0 ? bytes.length : end)));
    if (!head) {
      ctx.problem("warning", line, "the database ends in something that is no record: what stands before it is used");
      break;
    }
    const from = end + 1;
    const to = from + Number(head[1]);
    let json: unknown;
    try {
      json = JSON.parse(decoder.decode(bytes.subarray(from, to)));
    } catch {
      ctx.problem("warning", line + 1, "the last record of the database is cut off: what stands before it is used");
      break;
    }
    if (first) shapes(json, composite);
    else transaction(db, json as Record<string, unknown>, line + 1, composite);
    first = false;
    for (let i = at; i < to && i < bytes.length; i++) if (bytes[i] === NEWLINE) line++;
    at = to;
  }
  return db;
}

/** Which columns hold several elements: a change of these is told by its difference. */
function shapes(schema: unknown, out: Map<string, "set" | "map">): void {
  const tables = (schema as { tables?: Record<string, { columns?: Record<string, { type: unknown }> }> }).tables ?? {};
  for (const [table, { columns = {} }] of Object.entries(tables))
    for (const [column, { type }] of Object.entries(columns)) {
      const t = (typeof type === "object" && type !== null ? type : {}) as { value?: unknown; max?: number | "unlimited" };
      if ((t.max ?? 1) !== 1) out.set(`${table}.${column}`, t.value === undefined ? "set" : "map");
    }
}

function transaction(db: Database, json: Record<string, unknown>, line: number, composite: ReadonlyMap<string, "set" | "map">): void {
  const isDiff = json._is_diff === true;
  for (const [table, rows] of Object.entries(json)) {
    if (!TABLES.has(table)) continue;
    for (const [uuid, columns] of Object.entries(rows as Record<string, Record<string, unknown> | null>)) {
      if (columns === null) {
        db.get(table)?.delete(uuid);
        continue;
      }
      const old = db.get(table)?.get(uuid);
      const now: { [column: string]: Datum } = { ...old?.columns };
      for (const [column, value] of Object.entries(columns)) {
        const shape = isDiff && old ? composite.get(`${table}.${column}`) : undefined;
        now[column] = shape ? changed(now[column], datum(value), shape) : datum(value);
      }
      put(db, table, uuid, { columns: now, line: old?.line ?? line });
    }
  }
}

/** ovsdb/file.c: elements that came or went, pairs that came, went or changed. */
function changed(old: Datum | undefined, diff: Datum, shape: "set" | "map"): Datum {
  if (shape === "set") {
    const set = new Set(elements(old));
    for (const a of elements(diff)) if (!set.delete(a)) set.add(a);
    return [...set];
  }
  const map = { ...pairs(old) };
  for (const [k, v] of Object.entries(pairs(diff))) {
    if (map[k] === v) delete map[k];
    else map[k] = v;
  }
  return map;
}

/** One object a table a line: caption, headings, data. */
function fromJsonDump(text: string, ctx: ReadContext): Database {
  const db: Database = new Map();
  text.split("\n").forEach((l, i) => {
    if (l.trim() === "") return;
    let table: { caption?: string; headings?: string[]; data?: unknown[][] };
    try {
      table = JSON.parse(l);
    } catch {
      ctx.problem("error", i + 1, "the table is cut off here");
      return;
    }
    const name = (table.caption ?? "").replace(/ table$/, "");
    if (!TABLES.has(name)) return;
    const headings = table.headings ?? [];
    for (const row of table.data ?? []) {
      const columns = Object.fromEntries(headings.map((h, c) => [h, datum(row[c])]));
      put(db, name, String(columns._uuid), { columns, line: i + 1 });
    }
  });
  return db;
}

/** `NAME table`, a line of headings, a line of dashes that say where columns begin, rows. */
function fromColumns(text: string, ctx: ReadContext): Database {
  const db: Database = new Map();
  const lines = text.split("\n");
  let name = "";
  for (let i = 0; i < lines.length; i++) {
    const caption = /^(\w+) table\s*$/.exec(lines[i]);
    if (caption) {
      name = caption[1];
      continue;
    }
    if (!/^-[- ]*$/.test(lines[i]) || !TABLES.has(name)) continue;
    const starts = [...lines[i].matchAll(/-+/g)].map((m) => m.index);
    const cell = (l: string, c: number) => l.slice(starts[c], starts[c + 1]).trim();
    const headings = starts.map((_, c) => cell(lines[i - 1], c));
    for (i++; i < lines.length && lines[i].trim() !== ""; i++) {
      if (lines[i].length < (starts.at(-1) ?? 0)) ctx.problem("warning", i + 1, "the row is cut off here");
      const columns = Object.fromEntries(headings.map((h, c) => [h, textDatum(cell(lines[i], c))]));
      put(db, name, String(columns._uuid), { columns, line: i + 1 });
    }
  }
  return db;
}

/** `{key=value, …}`, `[a, b]`, `"text"`, `5`. */
function textDatum(text: string): Datum {
  if (text.startsWith("{"))
    return Object.fromEntries(
      splitList(text.slice(1, -1)).map((item) => {
        const m = /^("(?:[^"\\]|\\.)*"|[^=]*)=(.*)$/s.exec(item);
        return m ? [unquote(m[1].trim()), unquote(m[2].trim())] : [item, ""];
      }),
    );
  if (text.startsWith("[")) return splitList(text.slice(1, -1)).map(unquote);
  return /^-?\d+$/.test(text) ? Number(text) : unquote(text);
}

// -- What it says --------------------------------------------------------------------------------------------------------------

function elements(d: Datum | undefined): readonly Atom[] {
  if (d === undefined) return [];
  return Array.isArray(d) ? d : typeof d === "object" ? [] : [d as Atom];
}
function pairs(d: Datum | undefined): { readonly [key: string]: Atom } {
  return typeof d === "object" && !Array.isArray(d) ? (d as { readonly [key: string]: Atom }) : {};
}
function words(d: Datum | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(pairs(d)).map(([k, v]) => [k, String(v)]));
}
function scalar(d: Datum | undefined): string {
  const [first] = elements(d);
  return first === undefined ? "" : String(first);
}

function tell(db: Database, ctx: ReadContext): void {
  const rows = (table: string): ReadonlyMap<string, StoredRow> => db.get(table) ?? new Map();
  for (const { columns, line } of rows("Open_vSwitch").values())
    ctx.fact("ovs.config", { externalIds: words(columns.external_ids), version: scalar(columns.ovs_version) }, line, "");
  const told = new Set<string>();
  for (const { columns, line } of rows("Bridge").values()) {
    const bridge = scalar(columns.name);
    const datapathType = scalar(columns.datapath_type) || "system";
    ctx.fact("ovs.bridge", { name: bridge, datapathType, failMode: scalar(columns.fail_mode) }, line, `Bridge ${bridge}`);
    for (const p of elements(columns.ports)) {
      const port = rows("Port").get(String(p));
      if (!port) continue;
      const [tag] = elements(port.columns.tag);
      const trunks = elements(port.columns.trunks).map(Number);
      for (const id of elements(port.columns.interfaces)) {
        const i = rows("Interface").get(String(id));
        if (!i) continue;
        told.add(String(id));
        const vlan = { ...(tag === undefined ? {} : { tag: Number(tag) }), ...(trunks.length > 0 ? { trunks } : {}) };
        ctx.fact("ovs.port", { ...portOf(bridge, i.columns), ...vlan }, i.line, `Interface ${scalar(i.columns.name)}`);
      }
    }
  }
  for (const [id, { columns, line }] of rows("Interface"))
    if (!told.has(id)) ctx.problem("info", line, `interface ${scalar(columns.name)} is in no port of a bridge`);
}

function portOf(bridge: string, c: { readonly [column: string]: Datum }): OvsPortFact {
  const port: OvsPortFact = {
    bridge,
    name: scalar(c.name),
    cut: false,
    type: scalar(c.type),
    options: words(c.options),
    externalIds: words(c.external_ids),
  };
  const ofport = scalar(c.ofport);
  // -1: the switch could not open it.
  if (/^\d+$/.test(ofport)) port.ofport = Number(ofport);
  const mac = scalar(c.mac_in_use);
  if (mac !== "") port.mac = mac.toLowerCase();
  const ifindex = Number(scalar(c.ifindex));
  if (ifindex > 0) port.ifindex = ifindex;
  const link = scalar(c.link_state);
  if (link !== "") port.up = link === "up" && scalar(c.admin_state) !== "down";
  return port;
}
