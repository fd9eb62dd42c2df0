/**
 * Cookies of br-ex: OVN-Kubernetes marks the flows of a Service with FNV-1a-64 of namespace, name, token and port, written
 * one behind the other (go-controller/pkg/node/gateway_shared_intf.go, svcToCookie). The token is the protocol for a
 * node port ("tcp", with IPv6 "tcp6") and the address for an external one.
 *
 * Nothing separates the parts, so two Services can share a cookie ("ab"+"c" and "a"+"bc"): a cookie has a list of owners.
 */
import type { K8sServiceFact } from "@plumbline/model";

const OFFSET_BASIS = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;
const MASK = (1n << 64n) - 1n;

/** FNV-1a, 64 bits, over UTF-8. */
export function fnv1a64(text: string): bigint {
  let h = OFFSET_BASIS;
  for (const byte of new TextEncoder().encode(text)) h = ((h ^ BigInt(byte)) * PRIME) & MASK;
  return h;
}

export function serviceCookie(namespace: string, name: string, token: string, port: number): bigint {
  return fnv1a64(`${namespace}${name}${token}${port}`);
}

/** What a cookie was made of. */
export interface CookieOwner {
  /** `namespace/name`. */
  readonly service: string;
  /** "VIP 192.0.2.1 port 80", "node port 30080/tcp". */
  readonly text: string;
}

/** All cookies that a Service's flows can have. */
export function cookiesOf(s: K8sServiceFact): [cookie: bigint, owner: CookieOwner][] {
  const service = `${s.namespace}/${s.name}`;
  const out: [bigint, CookieOwner][] = [];
  const add = (token: string, port: number, text: string) => out.push([serviceCookie(s.namespace, s.name, token, port), { service, text }]);
  for (const p of s.ports) {
    const protocol = p.protocol.toLowerCase();
    if (p.nodePort > 0) {
      add(protocol, p.nodePort, `node port ${p.nodePort}/${protocol}`);
      add(`${protocol}6`, p.nodePort, `node port ${p.nodePort}/${protocol} (IPv6)`);
    }
    for (const a of s.vips) add(a, p.port, `VIP ${a} port ${p.port}`);
    for (const a of s.externalIPs) add(a, p.port, `external IP ${a} port ${p.port}`);
  }
  return out;
}
