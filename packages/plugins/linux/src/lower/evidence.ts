/**
 * What is known of one host, gathered from its facts: interfaces with their addresses, route tables and how much of them is
 * in evidence, policy rules, neighbours, sockets, settings. The stages of its pipeline are built from this alone, so that a
 * host of which only a router's RIB or a pod's object is known is built the same way.
 */
import type {
  AddressFact,
  Certainty,
  Fact,
  FactBase,
  InterfaceFact,
  NeighbourFact,
  Origin,
  PolicyRuleFact,
  RouteFact,
  SocketFact,
} from "@plumbline/model";
import type { Family } from "../address.js";
import type { NexthopObjectFact, OpaqueRouteFact, OpaqueRuleFact } from "../private-facts.js";

/** Where something stands and how sure it is. */
export interface Sourced {
  readonly origin: Origin | null;
  readonly certainty: Certainty;
  /** Why it is not proven; for proven things what else is to be said. */
  readonly why: string;
}

export type OwnAddress = AddressFact & Sourced;
export interface Interface extends InterfaceFact, Sourced {
  /** Port number on the host's device: the ifindex, where it is known. */
  number: number;
  readonly addresses: OwnAddress[];
}
export type Route = RouteFact & Sourced;
/** A route that leads where the evidence does not say. */
export type OpaqueRoute = OpaqueRouteFact & Sourced;
export type PolicyRule = PolicyRuleFact & Sourced;
export type OpaqueRule = OpaqueRuleFact & Sourced & { readonly opaque: true };
type Neighbour = NeighbourFact & Sourced;
export type Listener = SocketFact & Sourced;

export interface HostEvidence {
  readonly host: string;
  readonly interfaces: Interface[];
  readonly routes: Route[];
  readonly opaqueRoutes: OpaqueRoute[];
  /** Policy rules by family; null where `ip rule` is not in evidence. */
  readonly rules: Record<Family, (PolicyRule | OpaqueRule)[] | null>;
  readonly neighbours: Neighbour[];
  /** True if all entries of that family are in evidence. */
  hasNeighbours(family: Family): boolean;
  /** Null where sockets are not in evidence. */
  readonly sockets: Listener[] | null;
  /** True if all routes of that table are in evidence. */
  covers(family: Family, table: string): boolean;
  sysctl(key: string): { value: string; origin: Origin } | undefined;
}

const proven = (f: Fact): Sourced => ({ origin: f.origin, certainty: "proven", why: "" });
const sourced = <K extends Fact["kind"]>(f: Fact<K>) => ({ ...f.data, ...proven(f) });

/** True for an opaque rule among rules. */
export function isOpaque(rule: PolicyRule | OpaqueRule): rule is OpaqueRule {
  return "opaque" in rule;
}

export function hostEvidence(facts: FactBase, host: string): HostEvidence {
  const rules = (family: Family) => {
    const plain: PolicyRule[] = facts
      .of("linux.rule", host)
      .filter((f) => f.data.family === family)
      .map(sourced);
    const opaque: OpaqueRule[] = facts
      .of("linux.rule-opaque", host)
      .filter((f) => f.data.family === family)
      .map((f) => ({ ...f.data, origin: f.origin, certainty: "proven", opaque: true }));
    const known = [...plain, ...opaque];
    return known.length > 0 ? known.sort((a, b) => a.priority - b.priority) : null;
  };
  const read = facts.of("linux.routes-read", host);
  const neighboursRead = facts.of("linux.neighbours-read", host);
  const settings = new Map(facts.of("linux.sysctl", host).map((f) => [f.data.key, { value: f.data.value, origin: f.origin }]));
  const routes = routesOf(facts, host);
  return {
    host,
    interfaces: interfacesOf(facts, host),
    routes: routes.known,
    opaqueRoutes: routes.opaque,
    rules: { 4: rules(4), 6: rules(6) },
    neighbours: facts.of("linux.neighbour", host).map(sourced),
    hasNeighbours: (family) => neighboursRead.some((f) => f.data.family === 0 || f.data.family === family),
    sockets: facts.of("linux.sockets-read", host).length > 0 ? facts.of("linux.socket", host).map(sourced) : null,
    covers: (family, table) =>
      read.some((f) => (f.data.family === 0 || f.data.family === family) && (f.data.table === "all" || f.data.table === table)),
    sysctl: (key) => settings.get(key),
  };
}

/** `ip addr` and `ip link` both tell of interfaces; what one leaves out the other has. */
function interfacesOf(facts: FactBase, host: string): Interface[] {
  const byName = new Map<string, Interface>();
  for (const f of facts.of("linux.interface", host)) {
    const known = byName.get(f.data.name);
    if (!known) byName.set(f.data.name, { ...sourced(f), number: f.data.ifindex, addresses: [] });
    else {
      known.mac ||= f.data.mac;
      known.peerIndex ||= f.data.peerIndex;
      known.linkNetns ||= f.data.linkNetns;
      known.type ||= f.data.type;
      known.master ||= f.data.master;
    }
  }
  const seen = new Set<string>();
  for (const f of facts.of("linux.address", host)) {
    const key = `${f.data.ifname} ${f.data.address}`;
    if (seen.has(key)) continue;
    seen.add(key);
    interfaceNamed(
      [...byName.values()],
      f.data.ifname,
      (i) => byName.set(i.name, i),
      "its addresses are in evidence, its link is not",
      f.origin,
    ).addresses.push(sourced(f));
  }
  return [...byName.values()];
}

/** Stands for an interface of which not even the name is in evidence: a BGP table names next hops alone. */
export const UNNAMED = "?";

/** The interface of that name, made if it is not there. A made one takes a port number above any ifindex in evidence. */
export function interfaceNamed(
  all: readonly Interface[],
  name: string,
  add: (i: Interface) => void,
  why: string,
  origin: Origin | null,
): Interface {
  const known = all.find((i) => i.name === name);
  if (known) return known;
  const number = name === "lo" && !all.some((i) => i.number === 1) ? 1 : Math.max(1, ...all.map((i) => i.number)) + 1;
  const made: Interface = {
    name,
    ifindex: 0,
    number,
    mac: "",
    peerIndex: 0,
    linkNetns: "",
    up: true,
    mtu: 0,
    type: name === "lo" ? "loopback" : "",
    master: "",
    addresses: [],
    origin,
    certainty: "inferred",
    why,
  };
  add(made);
  return made;
}

/** Routes, each once (`ip -6 route` repeats what `ip route show table all` has), with next hop objects resolved. */
function routesOf(facts: FactBase, host: string): { known: Route[]; opaque: OpaqueRoute[] } {
  const objects = new Map(facts.of("linux.nexthop", host).map((f) => [f.data.id, f.data]));
  const known: Route[] = [];
  const opaque: OpaqueRoute[] = [];
  const seen = new Set<string>();
  for (const f of facts.of("linux.route", host)) {
    const { family, table, prefix, type, metric, nexthops, tos, from } = f.data;
    const key = JSON.stringify([family, table, prefix, type, metric, nexthops, tos ?? 0, from ?? ""]);
    if (seen.has(key)) continue;
    seen.add(key);
    known.push(sourced(f));
  }
  for (const f of facts.of("linux.route-opaque", host)) {
    const { family, table, prefix, metric, src, scope, proto, nhid } = f.data;
    const key = JSON.stringify([family, table, prefix, "opaque", metric, nhid]);
    if (seen.has(key)) continue;
    seen.add(key);
    const object = objects.get(nhid);
    const nexthops = object ? hopsOf(object, objects) : null;
    if (object?.blackhole)
      known.push({ family, table, type: "blackhole", prefix, nexthops: [], src, metric, proto, scope, mtu: 0, ...proven(f) });
    else if (nexthops && nexthops.length > 0)
      known.push({ family, table, type: "unicast", prefix, nexthops, src, metric, proto, scope, mtu: 0, nhid, ...proven(f) });
    else opaque.push({ ...f.data, origin: f.origin, certainty: "proven" });
  }
  return { known, opaque };
}

function hopsOf(object: NexthopObjectFact, objects: ReadonlyMap<number, NexthopObjectFact>): RouteFact["nexthops"] | null {
  if (object.hop) return [object.hop];
  const hops = object.group.map((m) => {
    const hop = objects.get(m.id)?.hop;
    return hop ? { ...hop, weight: m.weight } : null;
  });
  return hops.every((h) => h !== null) ? hops : null;
}
