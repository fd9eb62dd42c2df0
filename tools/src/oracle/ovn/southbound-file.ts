/**
 * A southbound database as rows: read from `ovsdb-client -f json dump`, written as that again or as a database file with the same
 * UUIDs. What a kept case holds, and what is made smaller.
 */
import { createHash } from "node:crypto";

/** Columns in OVSDB's JSON (RFC 7047, 5.1). */
export interface SouthboundRow {
  readonly table: string;
  readonly uuid: string;
  readonly columns: Readonly<Record<string, unknown>>;
}
export type Southbound = readonly SouthboundRow[];

/** Tables that ovn-trace reads (read_db of ovn/utilities/ovn-trace.c). */
const READ = new Set([
  "SB_Global",
  "Datapath_Binding",
  "Logical_DP_Group",
  "Port_Binding",
  "Multicast_Group",
  "Address_Set",
  "Port_Group",
  "DHCP_Options",
  "DHCPv6_Options",
  "Load_Balancer",
  "Logical_Flow",
  "MAC_Binding",
  "Static_MAC_Binding",
  "FDB",
  "Chassis_Template_Var",
]);

export function readDump(text: string): Southbound {
  const out: SouthboundRow[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const { caption, headings, data } = JSON.parse(line) as { caption: string; headings: string[]; data: unknown[][] };
    const table = caption.replace(/ table$/, "");
    if (!READ.has(table)) continue;
    for (const row of data) {
      const columns = Object.fromEntries(headings.map((h, i) => [h, row[i]]));
      const [, uuid] = columns["_uuid"] as [string, string];
      delete columns["_uuid"];
      out.push({ table, uuid, columns });
    }
  }
  return out;
}

/** As `ovsdb-client -f json dump` prints it, but with an object a row: rows may lack columns. */
export function dumpText(rows: Southbound): string {
  return rows
    .map(({ table, uuid, columns }) =>
      JSON.stringify({
        caption: `${table} table`,
        headings: ["_uuid", ...Object.keys(columns)],
        data: [[["uuid", uuid], ...Object.values(columns)]],
      }),
    )
    .join("\n");
}

/** As an OVSDB file (ovsdb(5), Database File Format). */
export function fileText(schema: string, rows: Southbound): string {
  const tables: Record<string, Record<string, unknown>> = {};
  for (const { table, uuid, columns } of rows) (tables[table] ??= {})[uuid] = columns;
  return [JSON.parse(schema), tables]
    .map((record) => {
      const json = `${JSON.stringify(record)}\n`;
      return `OVSDB JSON ${Buffer.byteLength(json)} ${createHash("sha1").update(json).digest("hex")}\n${json}`;
    })
    .join("");
}

/** Columns that no trace depends on. */
const IDLE = new Set([
  "tags",
  "flow_desc",
  "controller_meter",
  "nb_cfg",
  "nb_cfg_timestamp",
  "connections",
  "ssl",
  "ipsec",
  "encap",
  "up",
  "gateway_chassis",
]);
/** Defaults, as JSON. */
const EMPTY = new Set(['""', '["set",[]]', '["map",[]]']);

/** Rows without the columns that say nothing. */
export function bare(rows: Southbound): Southbound {
  return rows.map(({ table, uuid, columns }) => ({
    table,
    uuid,
    columns: Object.fromEntries(Object.entries(columns).filter(([name, v]) => !IDLE.has(name) && !EMPTY.has(JSON.stringify(v)))),
  }));
}

/** Whether a value is a reference to a row that is not there. */
function dangling(value: unknown, there: ReadonlySet<string>): boolean {
  return Array.isArray(value) && value[0] === "uuid" && !there.has(value[1] as string);
}

/** Rows without `gone`, nor references to what is not there, nor rows that cannot be without it. */
export function without(rows: Southbound, gone: ReadonlySet<string>): Southbound {
  let kept = rows.filter((r) => !gone.has(r.uuid));
  for (;;) {
    const there = new Set(kept.map((r) => r.uuid));
    const pruned = kept.map((r) => ({ ...r, columns: resolved(r.columns, there) })).filter(whole);
    if (pruned.length === kept.length) return pruned;
    kept = pruned;
  }
}

function resolved(columns: SouthboundRow["columns"], there: ReadonlySet<string>): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(columns)) {
    if (dangling(value, there)) continue;
    const set = Array.isArray(value) && value[0] === "set" ? (value[1] as unknown[]) : undefined;
    out[name] = set ? ["set", set.filter((e) => !dangling(e, there))] : value;
  }
  return out;
}

/** Whether a row has the references that its table's schema wants. */
function whole({ table, columns }: SouthboundRow): boolean {
  const has = (name: string) => columns[name] !== undefined && JSON.stringify(columns[name]) !== '["set",[]]';
  switch (table) {
    case "Port_Binding":
    case "MAC_Binding":
    case "Static_MAC_Binding":
      return has("datapath");
    case "Multicast_Group":
      return has("datapath") && has("ports");
    case "Logical_Flow":
      return has("logical_datapath") || has("logical_dp_group");
    case "Logical_DP_Group":
      return has("datapaths");
    default:
      return true;
  }
}
