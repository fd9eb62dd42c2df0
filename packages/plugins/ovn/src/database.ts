/**
 * The databases of a snapshot, joined: rows by UUID over all forms they were printed in, logical flows with their rows.
 *
 * A zone is one pair of databases: the whole cluster's (evidence host "") or, with interconnect, one a node. What a
 * node's br-int holds comes from its own zone; where a node has no databases of its own it is looked up in the others.
 *
 * Rows that were printed twice (a list and a dump) are one: the columns of both, the origin of the text form, because
 * its line points at the row and not at the whole table.
 */
import type { Fact, FactBase, Origin } from "@plumbline/model";
import type { DatabaseName, LflowFact, Pipeline } from "./facts.js";
import { asMap, asNumber, asSet, asText, type Columns } from "./values.js";

export interface Row {
  readonly database: DatabaseName;
  readonly table: string;
  readonly uuid: string;
  readonly columns: Columns;
  readonly origin: Origin;
}

/** A logical flow with all datapaths it stands under. */
export interface Lflow {
  /** Full where a row of Logical_Flow told it, else 8 digits or "". */
  readonly uuid: string;
  readonly pipeline: Pipeline;
  readonly table: number;
  readonly stage: string;
  readonly priority: number;
  readonly match: string;
  readonly actions: string;
  /** By datapath name, where it stands. */
  readonly at: ReadonlyMap<string, Origin>;
  /** UUID prefixes of the northbound rows it was made from. */
  readonly hints: readonly string[];
}

export interface Zone {
  /** Evidence host, "" for the cluster's databases. */
  readonly host: string;
  /** `database.table` -> rows by UUID. */
  readonly tables: ReadonlyMap<string, ReadonlyMap<string, Row>>;
  readonly lflows: readonly Lflow[];
  /** First 8 digits of the UUID -> what carries it. */
  readonly lflowsByPrefix: ReadonlyMap<string, readonly Lflow[]>;
  readonly rowsByPrefix: ReadonlyMap<string, readonly Row[]>;
  /** Tunnel key -> name of the logical datapath. */
  readonly datapathByKey: ReadonlyMap<number, string>;
}

/** Rows of a table. */
export function rows(zone: Zone, database: DatabaseName, table: string): readonly Row[] {
  return [...(zone.tables.get(`${database}.${table}`)?.values() ?? [])];
}

/** A row by its UUID. */
export function row(zone: Zone, database: DatabaseName, table: string, uuid: string): Row | undefined {
  return zone.tables.get(`${database}.${table}`)?.get(uuid);
}

const zonesOf = new WeakMap<FactBase, ReadonlyMap<string, Zone>>();

/** The zones of a snapshot by evidence host. Made once a fact base. */
export function zones(facts: FactBase): ReadonlyMap<string, Zone> {
  let all = zonesOf.get(facts);
  if (!all) {
    const hosts = new Set([...facts.all("ovn.row"), ...facts.all("ovn.lflow")].map((f) => f.host));
    all = new Map([...hosts].sort().map((h) => [h, makeZone(facts, h)]));
    zonesOf.set(facts, all);
  }
  return all;
}

/** Zones in the order in which a node's cookies are looked up: its own, the cluster's, the others'. */
export function zonesFor(facts: FactBase, host: string): readonly Zone[] {
  const all = zones(facts);
  const first = [all.get(host), host === "" ? undefined : all.get("")].filter((z) => z !== undefined);
  return [...first, ...[...all.values()].filter((z) => !first.includes(z))];
}

function makeZone(facts: FactBase, host: string): Zone {
  const tables = joinRows(facts.of("ovn.row", host));
  const rowsByPrefix = new Map<string, Row[]>();
  for (const [key, byUuid] of tables) {
    if (key === "southbound.Logical_Flow") continue;
    for (const r of byUuid.values()) if (r.uuid !== "") push(rowsByPrefix, r.uuid.slice(0, 8), r);
  }
  const datapathByKey = new Map<number, string>();
  const datapathByUuid = new Map<string, string>();
  for (const d of tables.get("southbound.Datapath_Binding")?.values() ?? []) {
    const name = asText(asMap(d.columns["external_ids"])["name"]);
    const key = asNumber(d.columns["tunnel_key"]);
    if (key !== undefined) datapathByKey.set(key, name);
    datapathByUuid.set(d.uuid, name);
  }
  const lflows = joinLflows(facts.of("ovn.lflow", host), tables, datapathByUuid);
  const lflowsByPrefix = new Map<string, Lflow[]>();
  for (const l of lflows) if (l.uuid !== "") push(lflowsByPrefix, l.uuid.slice(0, 8), l);
  return { host, tables, lflows, lflowsByPrefix, rowsByPrefix, datapathByKey };
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function joinRows(facts: readonly Fact<"ovn.row">[]): Map<string, Map<string, Row>> {
  const tables = new Map<string, Map<string, Row>>();
  let unnamed = 0;
  for (const f of facts) {
    const key = `${f.data.database}.${f.data.table}`;
    const byUuid = tables.get(key) ?? new Map<string, Row>();
    tables.set(key, byUuid);
    const id = f.data.uuid === "" ? `#${++unnamed}` : f.data.uuid;
    const old = byUuid.get(id);
    const { database, table, uuid } = f.data;
    byUuid.set(id, {
      database,
      table,
      uuid,
      columns: old ? { ...f.data.columns, ...old.columns } : f.data.columns,
      origin: old && !f.data.ownLine ? old.origin : f.origin,
    });
  }
  return tables;
}

interface Draft {
  uuid: string;
  readonly fact: LflowFact;
  readonly at: Map<string, Origin>;
  readonly hints: string[];
}

/** What makes a flow, but for UUID and datapath. */
function contentOf(f: LflowFact): string {
  return `${f.pipeline} ${f.table} ${f.priority} ${f.match} ${f.actions}`;
}

/**
 * Joins listed flows with each other (one flow under several datapaths) and with the rows of Logical_Flow, which know the
 * full UUID, the northbound row it was made from, and flows that were not listed.
 */
function joinLflows(facts: readonly Fact<"ovn.lflow">[], tables: Map<string, Map<string, Row>>, datapaths: Map<string, string>): Lflow[] {
  const byContent = new Map<string, Draft[]>();
  for (const f of facts) {
    const same = byContent.get(contentOf(f.data))?.find((d) => d.uuid !== "" && d.uuid === f.data.uuid);
    if (same) same.at.set(f.data.datapath, f.origin);
    else push(byContent, contentOf(f.data), { uuid: f.data.uuid, fact: f.data, at: new Map([[f.data.datapath, f.origin]]), hints: [] });
  }
  const groups = tables.get("southbound.Logical_DP_Group");
  for (const r of tables.get("southbound.Logical_Flow")?.values() ?? []) {
    const ids = asMap(r.columns["external_ids"]);
    const fact = lflowOfRow(r);
    const members = [
      ...asSet(r.columns["logical_datapath"]),
      ...asSet(groups?.get(asText(r.columns["logical_dp_group"]))?.columns["datapaths"]),
    ];
    const names = new Set(members.map((m) => datapaths.get(String(m)) ?? String(m)));
    const alike = byContent.get(contentOf(fact)) ?? [];
    // Listed with its UUID, or without it under one of the row's datapaths.
    const listed = alike.filter((d) =>
      d.uuid === "" ? [...d.at.keys()].some((n) => names.has(n)) : d.uuid.slice(0, 8) === r.uuid.slice(0, 8),
    );
    const draft: Draft = { uuid: r.uuid, fact, at: new Map(listed.flatMap((d) => [...d.at])), hints: [] };
    for (const n of names.size > 0 ? names : [""]) if (!draft.at.has(n)) draft.at.set(n, r.origin);
    const hint = ids["stage-hint"];
    if (hint !== undefined) draft.hints.push(String(hint).slice(0, 8));
    byContent.set(contentOf(fact), [...alike.filter((d) => !listed.includes(d)), draft]);
  }
  return [...byContent.values()].flat().map(({ uuid, fact, at, hints }) => ({
    uuid,
    pipeline: fact.pipeline,
    table: fact.table,
    stage: fact.stage,
    priority: fact.priority,
    match: fact.match,
    actions: fact.actions,
    at,
    hints,
  }));
}

function lflowOfRow(r: Row): LflowFact {
  return {
    uuid: r.uuid,
    datapath: "",
    pipeline: asText(r.columns["pipeline"]) === "egress" ? "egress" : "ingress",
    table: asNumber(r.columns["table_id"]) ?? 0,
    stage: asText(asMap(r.columns["external_ids"])["stage-name"]),
    priority: asNumber(r.columns["priority"]) ?? 0,
    match: asText(r.columns["match"]),
    actions: asText(r.columns["actions"]),
  };
}
