/**
 * Cookies of br-int: the first 32 bits of a southbound row's UUID, printed without leading zeros.
 *
 * Many rows can begin with the same 32 bits and rows of several tables leave flows, so a cookie has candidates. The
 * OpenFlow table tells logical flows apart, and the flow's `metadata` the datapath. Flows that a logical flow causes
 * outside its own table (learned by commit_lb_aff, put beside a check) carry its cookie too.
 */
import type { FactBase } from "@plumbline/model";
import { type Lflow, type Row, type Zone, zonesFor } from "./database.js";
import { cookiePrefix, type TableOffsets, tableOffsets } from "./offsets.js";

export interface CookieCandidates {
  /** The zone they were found in; undefined if none has any. */
  readonly zone: Zone | undefined;
  readonly lflows: readonly Lflow[];
  /** Rows of other southbound tables, the usual owners of flows first. */
  readonly rows: readonly Row[];
}

const NONE: CookieCandidates = { zone: undefined, lflows: [], rows: [] };

/** Tables whose rows leave flows with their UUID (ovn-controller: physical.c, lflow.c, mac-learn, vif-plug); in this order they are offered. */
const OWNERS = [
  "Port_Binding",
  "MAC_Binding",
  "Static_MAC_Binding",
  "Multicast_Group",
  "Chassis",
  "Load_Balancer",
  "FDB",
  "Encap",
  "DNS",
  "Service_Monitor",
  "ECMP_Nexthop",
  "Datapath_Binding",
];

/** All that a cookie can stand for, seen from a host: its own zone first, then the cluster's, then the others'. */
export function cookieCandidates(facts: FactBase, cookie: bigint, host = ""): CookieCandidates {
  const prefix = cookiePrefix(cookie);
  if (prefix === undefined) return NONE;
  for (const zone of zonesFor(facts, host)) {
    const lflows = zone.lflowsByPrefix.get(prefix) ?? [];
    const rows = (zone.rowsByPrefix.get(prefix) ?? []).filter((r) => r.database === "southbound");
    if (lflows.length + rows.length > 0) return { zone, lflows, rows: [...rows].sort((a, b) => rank(a) - rank(b)) };
  }
  return NONE;
}

function rank(r: Row): number {
  const i = OWNERS.indexOf(r.table);
  return i < 0 ? OWNERS.length : i;
}

/** Candidates that fit the OpenFlow table a flow stands in. */
export interface Fitting {
  readonly zone: Zone;
  readonly lflows: readonly Lflow[];
  readonly rows: readonly Row[];
}

/** The OpenFlow table a logical flow's own flows stand in. */
export function openflowTable(l: Lflow, offsets: TableOffsets): number {
  return l.table + (l.pipeline === "egress" ? offsets.egress : offsets.ingress);
}

/**
 * Narrows candidates to a flow's table: logical flows of that table; else rows; else, in a table behind both pipelines,
 * the logical flows that caused it there. Undefined if nothing fits, which a cookie of another bridge hardly ever does.
 */
export function fitting(facts: FactBase, host: string, cookie: bigint, table: number): Fitting | undefined {
  const { zone, lflows, rows } = cookieCandidates(facts, cookie, host);
  if (!zone) return undefined;
  const offsets = tableOffsets(facts, host);
  const exact = lflows.filter((l) => openflowTable(l, offsets) === table);
  if (exact.length > 0) return { zone, lflows: exact, rows: [] };
  if (rows.length > 0) return { zone, lflows: [], rows };
  const lastEgress = offsets.egress + zone.lflows.reduce((m, l) => (l.pipeline === "egress" ? Math.max(m, l.table) : m), 0);
  return table > lastEgress && lflows.length > 0 ? { zone, lflows, rows: [] } : undefined;
}
