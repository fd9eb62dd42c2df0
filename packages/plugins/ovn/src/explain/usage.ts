/** Which logical switches and routers use a load balancer, and which node these are of. */
import type { FactBase } from "@plumbline/model";
import { type Row, row, rows, type Zone, zones, zonesFor } from "../database.js";
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

const nodeNames = new WeakMap<FactBase, ReadonlySet<string>>();

/** Names of nodes; without their objects, those of the hosts in evidence. */
function namesOfNodes(facts: FactBase): { readonly names: ReadonlySet<string>; readonly sure: boolean } {
  let names = nodeNames.get(facts);
  const told = facts.all("k8s.node");
  if (!names) nodeNames.set(facts, (names = new Set(told.length > 0 ? told.map((n) => n.data.name) : facts.hosts())));
  return { names, sure: told.length > 0 };
}

/**
 * The node whose part of the logical network a datapath is, "" for one that all share. OVN-Kubernetes names a node's switch after the
 * node, its gateway router GR_NODE and the switch before that ext_NODE.
 */
export function nodeOfDatapath(facts: FactBase, datapath: string): string {
  const name = datapath.replace(/^(?:GR|ext)_/, "");
  const { names, sure } = namesOfNodes(facts);
  return names.has(name) || (!sure && name !== datapath) ? name : "";
}

const ownAddresses = new WeakMap<FactBase, ReadonlySet<string>>();

/** Addresses of nodes: those of their objects, and those that their gateway routers have on the outside, which are the nodes' own. */
export function nodeAddresses(facts: FactBase): ReadonlySet<string> {
  let addresses = ownAddresses.get(facts);
  if (!addresses) {
    const outside = [...zones(facts).values()].flatMap((zone) =>
      rows(zone, "northbound", "Logical_Router_Port")
        .filter((p) => asText(p.columns["name"]).startsWith("rtoe-GR_"))
        .flatMap((p) => asSet(p.columns["networks"]).map((n) => String(n).replace(/\/\d+$/, ""))),
    );
    addresses = new Set([...facts.all("k8s.node").flatMap((n) => n.data.addresses), ...outside]);
    ownAddresses.set(facts, addresses);
  }
  return addresses;
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
  // Without the northbound database the logical flows name the datapaths.
  const datapaths = new Set(names.length > 0 ? names : zone.lflows.flatMap((l) => [...l.at.keys()]));
  return [...new Set([...datapaths].filter((n) => n !== "").map((n) => nodeOfDatapath(facts, n)))].filter((n) => n !== "").sort();
}

/** Hosts whose br-int is made of this zone. */
export function hostsOf(facts: FactBase, zone: Zone): string[] {
  return facts.hosts().filter((h) => facts.of("ovs.flow" as never, h).length > 0 && zonesFor(facts, h)[0] === zone);
}

/** A row's name and the beginning of its UUID. */
export function rowName(r: Row): string {
  return `${r.table} ${r.uuid === "" ? "(no UUID printed)" : r.uuid}`;
}
