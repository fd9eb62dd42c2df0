/** The northbound rows that logical flows were made from, by the first digits of their UUIDs (`stage-hint`). */
import type { ReadContext } from "@plumbline/model";
import type { OvnFile } from "../db/southbound.js";
import { readCsv } from "../read-csv.js";
import { readJsonTables } from "../read-json.js";
import { readLists, readTables } from "../read-lists.js";
import { readShow } from "../read-show.js";
import { readStore } from "../read-store.js";
import { asText, type Columns } from "../values.js";
import type { OvnOrigin } from "./answer.js";

/** Columns that name a row, the first that has something. */
const NAMES = ["name", "logical_port", "ip_prefix", "external_ip", "match"];

/** Looks up rows of a northbound database in any form; without one there are none. */
export function northboundRows(file: OvnFile | undefined): (hint: string) => OvnOrigin | undefined {
  if (!file) return () => undefined;
  const rows = new Map<string, OvnOrigin>();
  const ctx: ReadContext = {
    problem: () => undefined,
    fact: (kind, data) => {
      if (kind !== "ovn.row") return;
      const { table, uuid, columns } = data as { table: string; uuid: string; columns: Columns };
      if (uuid === "") return;
      const name = NAMES.map((n) => asText(columns[n])).find((x) => x !== "");
      rows.set(uuid.slice(0, 8), { table, uuid, ...(name !== undefined && { name }) });
    },
  };
  const head = new TextDecoder().decode(file.bytes.subarray(0, 4096)).trimStart();
  if (head.startsWith("OVSDB ")) readStore(file.bytes, "northbound", ctx);
  else {
    const text = new TextDecoder().decode(file.bytes);
    if (head.startsWith("{")) readJsonTables(text, "northbound", "", ctx);
    else if (/^(switch|router) /.test(head)) readShow(text, "northbound", ctx);
    else if (/^\w+ table\n(?![A-Za-z_]\w*\s*: )/.test(head)) readTables(text, "northbound", ctx);
    else if (/^_uuid,/.test(head)) readCsv(text, "northbound", "", ctx);
    else readLists(text, "northbound", "", ctx);
  }
  return (hint) => (hint === "" ? undefined : rows.get(hint));
}
