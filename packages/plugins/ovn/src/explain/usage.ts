/** Which logical switches and routers use a load balancer, and which node these are of. */
import type { FactBase } from "@plumbline/model";
import { type Row, row, rows, type Zone, zonesFor } from "../database.js";
import { asSet, asText } from "../values.js";

/** A logical switch or router that uses a load balancer. */
export interface User {
  readonly name: string;
  readonly kind: "switch" | "router";
  /** Name of the group it has it by, "" if it names it itself. */
  readonly group: string;
}

const known = new WeakMap<Zone, Map<string, readonly User[]>>();

/** Users of each load balancer of a zone, by the load balancer's UUID. Made once a zone. */
export function usersOf(zone: Zone): ReadonlyMap<string, readonly User[]> {
  const made = known.get(zone);
  if (made) return made;
  const users = new Map<string, User[]>();
  const add = (lb: string, user: User) => {
    const list = users.get(lb);
    if (list) list.push(user);
    else users.set(lb, [user]);
  };
  for (const [table, kind] of [
    ["Logical_Switch", "switch"],
    ["Logical_Router", "router"],
  ] as const)
    for (const d of rows(zone, "northbound", table)) {
      const name = asText(d.columns["name"]);
      for (const lb of asSet(d.columns["load_balancer"])) add(String(lb), { name, kind, group: "" });
      for (const g of asSet(d.columns["load_balancer_group"])) {
        const group = row(zone, "northbound", "Load_Balancer_Group", String(g));
        for (const lb of asSet(group?.columns["load_balancer"])) add(String(lb), { name, kind, group: asText(group?.columns["name"]) });
      }
    }
  known.set(zone, users);
  return users;
}

/**
 * The node whose part of the logical network a datapath is, "" for one that all share. OVN-Kubernetes names a node's switch after the
 * node, its gateway router GR_NODE and the switch before that ext_NODE.
 */
export function nodeOfDatapath(facts: FactBase, datapath: string): string {
  const name = datapath.replace(/^(?:GR|ext)_/, "");
  if (facts.all("k8s.node").some((n) => n.data.name === name)) return name;
  return facts.all("k8s.node").length === 0 && (name !== datapath || facts.hosts().includes(name)) ? name : "";
}

/** What a datapath is on every node: "gateway router", "switch", … */
export function roleOf(datapath: string): string {
  return datapath.startsWith("GR_") ? "gateway router" : datapath.startsWith("ext_") ? "external switch" : "switch";
}

/** Nodes of which a zone has the logical network. */
export function nodesOf(facts: FactBase, zone: Zone): string[] {
  const names = [...rows(zone, "northbound", "Logical_Router"), ...rows(zone, "northbound", "Logical_Switch")].map((d) =>
    asText(d.columns["name"]),
  );
  const listed = zone.lflows.flatMap((l) => [...l.at.keys()]);
  return [...new Set([...names, ...listed].filter((n) => n !== "").map((n) => nodeOfDatapath(facts, n)))].filter((n) => n !== "").sort();
}

/** Hosts whose br-int is made of this zone. */
export function hostsOf(facts: FactBase, zone: Zone): string[] {
  return facts.hosts().filter((h) => facts.of("ovs.flow" as never, h).length > 0 && zonesFor(facts, h)[0] === zone);
}

/** A row's name and the beginning of its UUID. */
export function rowName(r: Row): string {
  return `${r.table} ${r.uuid === "" ? "(no UUID printed)" : r.uuid}`;
}
