/**
 * Load balancers: from a virtual address to the northbound row, and from the row to the Kubernetes Service it serves.
 *
 * A Service has several rows (cluster-wide, per node's switch and router, templates); which one a datapath uses is told
 * by the row or group of rows that its logical switch or router names. Keys of `vips` are compared as they are printed,
 * so that a template's `^NODEIP_IPv4_0:32736` matches the logical flow that holds the same words.
 */
import type { EvidenceLink, FactBase } from "@plumbline/model";
import { type Lflow, type Row, row, rows, type Zone, zones } from "./database.js";
import { asMap, asSet, asText } from "./values.js";

/** A virtual address as a key of `vips`: "192.0.2.1:80", "[2001:db8::1]:80", "^NODEIP_IPv4_0:31000". Port 0: any. */
export function splitVip(key: string): { readonly address: string; readonly port: number } {
  const m = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(key);
  return m ? { address: m[1] ?? m[2]!, port: Number(m[3]) } : { address: key.replace(/^\[(.*)\]$/, "$1"), port: 0 };
}

/** "namespace/name" of the Service a load balancer serves, by its owner or, where a paste has only the name, by that; "" if none. */
export function serviceOf(lb: Row): string {
  const ids = asMap(lb.columns["external_ids"]);
  const owner = ids["k8s.ovn.org/owner"];
  if (owner !== undefined && (ids["k8s.ovn.org/kind"] ?? "Service") === "Service") return String(owner);
  // OVN-Kubernetes names them Service_NAMESPACE/NAME_PROTOCOL_…; neither part of a Kubernetes name has an underscore.
  return /^Service_([^/_]+\/[^/_]+)_(?:TCP|UDP|SCTP)(?:_|$)/.exec(asText(lb.columns["name"]))?.[1] ?? "";
}

/** "tcp", "udp" or "sctp": as the row says, or where a paste has only the name, as OVN-Kubernetes put it there; "" if nothing tells. */
export function protocolOf(lb: Row): string {
  return (
    asText(lb.columns["protocol"]) ||
    (/^Service_[^/_]+\/[^/_]+_(TCP|UDP|SCTP)(?:_|$)/.exec(asText(lb.columns["name"]))?.[1] ?? "").toLowerCase()
  );
}

/** Load balancers by the Service they serve, over all zones of a snapshot. */
export function servicesOfLoadBalancers(facts: FactBase): ReadonlyMap<string, readonly Row[]> {
  const out = new Map<string, Row[]>();
  for (const zone of zones(facts).values()) {
    for (const lb of rows(zone, "northbound", "Load_Balancer")) {
      const service = serviceOf(lb);
      if (service !== "") out.set(service, [...(out.get(service) ?? []), lb]);
    }
  }
  return out;
}

const attached = new WeakMap<Zone, Map<string, ReadonlySet<string>>>();

/** UUIDs of the load balancers that a logical switch or router uses, its own and its groups'; undefined if the datapath is not in evidence. */
function loadBalancersOf(zone: Zone, datapath: string): ReadonlySet<string> | undefined {
  let byName = attached.get(zone);
  if (!byName) {
    byName = new Map();
    for (const table of ["Logical_Switch", "Logical_Router"]) {
      for (const d of rows(zone, "northbound", table)) {
        const groups = asSet(d.columns["load_balancer_group"]).map((g) => row(zone, "northbound", "Load_Balancer_Group", String(g)));
        const all = [...asSet(d.columns["load_balancer"]), ...groups.flatMap((g) => asSet(g?.columns["load_balancer"]))];
        byName.set(asText(d.columns["name"]), new Set(all.map(String)));
      }
    }
    attached.set(zone, byName);
  }
  return byName.get(datapath);
}

/** What a logical flow's match asks of the destination. */
export interface Destination {
  /** As written: an address, or a template variable. */
  readonly address: string;
  /** 0 if it asks for none. */
  readonly port: number;
  /** "" if it asks for none. */
  readonly protocol: string;
}

/** The virtual address a logical flow's match names, if it names one destination address. */
export function destinationOf(match: string): Destination | undefined {
  const address =
    /\bip[46]\.dst == ([^\s{}&|()]+)/.exec(match)?.[1] ?? /\b(?:xx)?reg[04] == ([\d.]+|[0-9a-f:]*::?[0-9a-f:]+)(?=\s|$)/.exec(match)?.[1];
  if (address === undefined || address.includes("/")) return undefined;
  const port = /\b(tcp|udp|sctp)\.dst == (\d+)/.exec(match);
  // Routers before 22.12 keep the port in a register once the packet was defragmented.
  const stored = port ? undefined : /\breg9\[16\.\.31\] == (\d+)/.exec(match)?.[1];
  const protocol = port?.[1] ?? /(?:^|[\s(])(tcp|udp|sctp)(?=\s|$|\))/.exec(match)?.[1] ?? "";
  return { address, port: Number(port?.[2] ?? stored ?? 0), protocol };
}

/** A load balancer and the key of its `vips` that was asked for. */
export interface VipHit {
  readonly lb: Row;
  readonly key: string;
  /** "10.0.0.1:80,10.0.0.2:80"; "" is an empty virtual address, which rejects. */
  readonly backends: string;
}

/**
 * Load balancers with this virtual address. Those that the datapath uses, where that is known; else those hinted at;
 * else all. Without a port every key with that address is a hit.
 */
export function balancersFor(zone: Zone, to: Destination, datapath: string, hints: readonly string[]): VipHit[] {
  const hits: VipHit[] = [];
  for (const lb of rows(zone, "northbound", "Load_Balancer")) {
    const protocol = asText(lb.columns["protocol"]);
    if (to.protocol !== "" && protocol !== "" && protocol !== to.protocol) continue;
    for (const [key, backends] of Object.entries(asMap(lb.columns["vips"]))) {
      const vip = splitVip(key);
      if (vip.address === to.address && (to.port === 0 || vip.port === to.port)) hits.push({ lb, key, backends: String(backends) });
    }
  }
  const used = datapath === "" ? undefined : loadBalancersOf(zone, datapath);
  const here = used ? hits.filter((h) => used.has(h.lb.uuid)) : [];
  if (here.length > 0) return here;
  const hinted = hits.filter((h) => hints.includes(h.lb.uuid.slice(0, 8)));
  return hinted.length > 0 ? hinted : hits;
}

/** The Services of the cluster's objects that have an address and port, for evidence without the load balancer's row. */
function servicesAt(facts: FactBase, to: Destination): string[] {
  const fits = facts.all("k8s.service").filter(({ data: s }) => {
    const port = s.ports.some((p) => p.port === to.port && (to.protocol === "" || p.protocol.toLowerCase() === to.protocol));
    return port && [...s.clusterIPs, ...s.vips, ...s.externalIPs].includes(to.address);
  });
  return [...new Set(fits.map(({ data: s }) => `${s.namespace}/${s.name}`))];
}

/**
 * Links of a logical flow to what it balances: the rows that hold its virtual address; without any (a partial paste), what
 * the flow itself says of its backends.
 */
export function lflowBalancerLinks(facts: FactBase, zone: Zone, l: Lflow, datapath: string): EvidenceLink[] {
  const to = destinationOf(l.match);
  if (!to) return [];
  const hits = balancersFor(zone, to, datapath, l.hints);
  if (hits.length > 0) return balancerLinks(hits);
  const backends = /\bct_lb(?:_mark)?\(backends=([^;)]*)/.exec(l.actions)?.[1];
  if (backends === undefined) return [];
  const vip = `${to.address.includes(":") ? `[${to.address}]` : to.address}:${to.port}`;
  const services = servicesAt(facts, to).map((name) => ({ kind: "service", name, text: `${vip}/${to.protocol}` }));
  return [{ kind: "load_balancer", name: vip, text: `${vip} -> ${backends}` }, ...services];
}

/** Links to load balancers and, behind them, to their Services (each once). */
export function balancerLinks(hits: readonly VipHit[]): EvidenceLink[] {
  const links: EvidenceLink[] = hits.map((h) => ({
    kind: "load_balancer",
    name: asText(h.lb.columns["name"]),
    uuid: h.lb.uuid,
    text: `${h.key} -> ${h.backends === "" ? "no backend: rejects" : h.backends}`,
    file: h.lb.origin.file,
    line: h.lb.origin.line,
  }));
  const services = new Map<string, string>();
  for (const h of hits) {
    const protocol = asText(h.lb.columns["protocol"]);
    const service = serviceOf(h.lb);
    if (service !== "") services.set(service, `${h.key}${protocol === "" ? "" : `/${protocol}`}`);
  }
  return [...links, ...[...services].map(([name, text]) => ({ kind: "service", name, text }))];
}
