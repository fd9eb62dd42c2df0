/**
 * What a 32-bit cookie of br-int can stand for: every logical flow and every row of the southbound database whose UUID begins with it, in
 * each zone, with the northbound row and the Kubernetes object behind it.
 */
import type { EvidenceLink, ExplainItem, ExplainSection, FactBase } from "@plumbline/model";
import { lflowLinks, rowLinks } from "../annotate.js";
import { cookieCandidates, openflowTable } from "../cookies.js";
import { type Lflow, type Row, type Zone, zones } from "../database.js";
import { cookiePrefix, type TableOffsets, tableOffsets } from "../offsets.js";
import { hostsOf, rowName } from "./usage.js";

/** Datapaths whose links are looked up, of a flow that stands on many: their load balancers are mostly the same. */
const DATAPATHS = 16;

export function explainCookie(facts: FactBase, cookie: bigint, table: number | undefined): ExplainSection[] {
  const prefix = cookiePrefix(cookie);
  if (prefix === undefined) return [];
  return [...zones(facts).values()].flatMap((zone) => ofZone(facts, zone, prefix, cookie, table));
}

function ofZone(facts: FactBase, zone: Zone, prefix: string, cookie: bigint, table: number | undefined): ExplainSection[] {
  const lflows = zone.lflowsByPrefix.get(prefix) ?? [];
  // In the order in which rows usually leave flows.
  const rows =
    zone.host === "" || zones(facts).size === 1
      ? cookieCandidates(facts, cookie).rows
      : (zone.rowsByPrefix.get(prefix) ?? []).filter((r) => r.database === "southbound");
  if (lflows.length + rows.length === 0) return [];
  const offsets = tableOffsets(facts, hostsOf(facts, zone)[0] ?? zone.host);
  const fits = chosen(lflows, rows, offsets, table, zone);
  const items = [
    ...fits.lflows.map((l) => lflowItem(facts, zone, l, offsets)),
    ...fits.rows.map((r) => rowItem(facts, zone, r)),
    ...fits.left.map((text): ExplainItem => ({ text, file: "", line: 0, links: [] })),
  ];
  return [{ layer: "logical", title: "southbound rows whose UUID begins with it", host: zone.host, items }];
}

interface Chosen {
  readonly lflows: readonly Lflow[];
  readonly rows: readonly Row[];
  /** What does not fit the table, in words. */
  readonly left: readonly string[];
}

/** Candidates that fit a flow's table; all of them where none is given. */
function chosen(lflows: readonly Lflow[], rows: readonly Row[], offsets: TableOffsets, table: number | undefined, zone: Zone): Chosen {
  if (table === undefined) return { lflows, rows, left: [] };
  const exact = lflows.filter((l) => openflowTable(l, offsets) === table);
  const others = lflows.filter((l) => !exact.includes(l));
  const elsewhere = (list: readonly Lflow[]) =>
    list.map((l) => `not in table ${table}: logical flow ${l.uuid} of ${l.stage} stands in OpenFlow table ${openflowTable(l, offsets)}`);
  if (exact.length > 0)
    return { lflows: exact, rows: [], left: [...elsewhere(others), ...rows.map((r) => `not in table ${table}: ${rowName(r)}`)] };
  if (rows.length > 0) return { lflows: [], rows, left: elsewhere(others) };
  // Behind both pipelines stand flows that a logical flow caused outside its own table.
  const lastEgress = offsets.egress + zone.lflows.reduce((m, l) => (l.pipeline === "egress" ? Math.max(m, l.table) : m), 0);
  return table > lastEgress ? { lflows, rows: [], left: [] } : { lflows: [], rows: [], left: elsewhere(lflows) };
}

function unique(links: readonly EvidenceLink[]): EvidenceLink[] {
  return [...new Map(links.map((l) => [JSON.stringify([l.kind, l.name, l.uuid, l.text]), l])).values()];
}

export function lflowText(l: Lflow, offsets: TableOffsets): string {
  return `logical flow ${l.uuid === "" ? "(no UUID printed)" : l.uuid}: ${lflowBody(l, offsets)}`;
}

/** Without its UUID. */
export function lflowBody(l: Lflow, offsets: TableOffsets): string {
  const on = [...l.at.keys()].filter((d) => d !== "");
  return `${l.stage} (${l.pipeline} ${l.table}, OpenFlow table ${openflowTable(l, offsets)}${offsets.how === "assumed" ? "?" : ""}), priority ${l.priority}${on.length > 0 ? `, on ${on.join(", ")}` : ""}: ${l.match} -> ${l.actions}`;
}

function lflowItem(facts: FactBase, zone: Zone, l: Lflow, offsets: TableOffsets): ExplainItem {
  const origin = l.at.values().next().value;
  const datapaths = [...l.at.keys()].slice(0, DATAPATHS);
  const links = datapaths.flatMap((d) => lflowLinks(facts, zone, l, d).filter((x) => x.kind !== "lflow"));
  const own: EvidenceLink = { kind: "lflow", uuid: l.uuid, stage: l.stage, datapath: datapaths[0] ?? "" };
  return { text: lflowText(l, offsets), file: origin?.file ?? "", line: origin?.line ?? 0, links: unique([own, ...links]) };
}

function rowItem(facts: FactBase, zone: Zone, r: Row): ExplainItem {
  const links = rowLinks(facts, zone, r);
  const what = links.map((l) => [l.name, l.text, l.datapath === undefined ? "" : `on ${l.datapath}`].filter(Boolean).join(" "))[0] ?? "";
  return { text: `${rowName(r)}${what === "" ? "" : `: ${what}`}`, file: r.origin.file, line: r.origin.line, links };
}
