/** Services, pods and nodes by what a rule may hold of them: cookie, address, protocol and port. */
import type { FactBase, K8sServiceFact } from "@plumbline/model";
import { type CookieOwner, cookiesOf } from "./cookie.js";

/** A Service as a rule holds it. */
export interface ServiceHit {
  readonly service: string;
  readonly text: string;
}

export interface Directory {
  readonly byCookie: ReadonlyMap<bigint, readonly CookieOwner[]>;
  /** `address protocol port` and `protocol nodePort`. */
  readonly byPort: ReadonlyMap<string, readonly ServiceHit[]>;
  /** Services by VIP or external address. */
  readonly byVip: ReadonlyMap<string, readonly string[]>;
  /** Address of a pod (not in the host's network) -> `namespace/name`. */
  readonly pods: ReadonlyMap<string, readonly string[]>;
  /** Address of a node -> its name. */
  readonly nodes: ReadonlyMap<string, string>;
}

/** Key of {@link Directory.byPort}; without an address, of a node port. */
export function portKey(address: string, protocol: string, port: number): string {
  return address === "" ? `${protocol.toLowerCase()} ${port}` : `${address} ${protocol.toLowerCase()} ${port}`;
}

function push<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const known = map.get(key);
  if (known) known.push(value);
  else map.set(key, [value]);
}

/** The kind of address it is to its Service, for the reader. */
function addressesOf(s: K8sServiceFact): [address: string, what: string][] {
  return [
    ...s.vips.map((a): [string, string] => [a, "VIP"]),
    ...s.externalIPs.map((a): [string, string] => [a, "external IP"]),
    ...s.clusterIPs.map((a): [string, string] => [a, "cluster IP"]),
  ];
}

export function directory(facts: FactBase): Directory {
  const byCookie = new Map<bigint, CookieOwner[]>();
  const byPort = new Map<string, ServiceHit[]>();
  const byVip = new Map<string, string[]>();
  const seen = new Set<string>();
  for (const { data: s } of facts.all("k8s.service")) {
    const service = `${s.namespace}/${s.name}`;
    // The same Service may stand in several files.
    if (seen.has(service)) continue;
    seen.add(service);
    for (const [cookie, owner] of cookiesOf(s)) push(byCookie, cookie, owner);
    for (const a of new Set([...s.vips, ...s.externalIPs])) push(byVip, a, service);
    for (const p of s.ports) {
      for (const [a, what] of addressesOf(s))
        push(byPort, portKey(a, p.protocol, p.port), { service, text: `${what} ${a} port ${p.port}` });
      if (p.nodePort > 0)
        push(byPort, portKey("", p.protocol, p.nodePort), { service, text: `node port ${p.nodePort}/${p.protocol.toLowerCase()}` });
    }
  }
  const pods = new Map<string, string[]>();
  for (const { data: p } of facts.all("k8s.pod")) {
    if (p.hostNetwork) continue;
    const name = `${p.namespace}/${p.name}`;
    for (const ip of p.ips) if (!pods.get(ip)?.includes(name)) push(pods, ip, name);
  }
  const nodes = new Map(facts.all("k8s.node").flatMap(({ data: n }) => n.addresses.map((a): [string, string] => [a, n.name])));
  return { byCookie, byPort, byVip, pods, nodes };
}
