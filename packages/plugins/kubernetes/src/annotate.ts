/**
 * Names the Kubernetes objects behind rules: Services by cookie (br-ex), by address and port (netfilter) and by VIP
 * (routes); pods and nodes by address (routes, neighbours).
 *
 * What a rule is about is read in its rows and its program, which every plugin lowers alike; its text is looked at only
 * for routes, whose next hops the program may hold in other ways.
 */
import {
  type Action,
  type Annotator,
  type Device,
  type EvidenceLink,
  type FactBase,
  ipv4Text,
  ipv6Text,
  type Match,
  type Rule,
  walk,
} from "@plumbline/model";
import { exactly } from "./exact.js";
import { type Directory, directory, portKey, type ServiceHit } from "./services.js";

const PROTOCOLS = new Map([
  [6n, "tcp"],
  [17n, "udp"],
  [132n, "sctp"],
]);

export function annotator(facts: FactBase): Annotator {
  const known = directory(facts);
  return (rule, device) => {
    switch (device.kind) {
      case "bridge":
        return byCookie(known, rule);
      case "host":
      case "router":
      case "pod":
      case "outside":
        return unique([...byPort(known, rule), ...byRoute(known, rule, device)]);
      default:
        return [];
    }
  };
}

function unique(links: readonly EvidenceLink[]): EvidenceLink[] {
  const seen = new Map(links.map((l) => [`${l.kind} ${l.name} ${l.kind === "service" ? l.text : ""}`, l]));
  return [...seen.values()];
}

function byCookie(known: Directory, rule: Rule): EvidenceLink[] {
  const owners = rule.cookie === undefined ? undefined : known.byCookie.get(rule.cookie);
  return (owners ?? []).map((o) => ({ kind: "service", name: o.service, text: o.text }));
}

/** The addresses and ports that a rule asks for and translates to. */
function byPort(known: Directory, rule: Rule): EvidenceLink[] {
  const hits: ServiceHit[] = [];
  const look = (address: string, protocol: string, port: number) =>
    hits.push(...(known.byPort.get(portKey(address, protocol, port)) ?? []));
  for (const match of rule.rows) {
    const protocol = PROTOCOLS.get(exactly(match, "ip_proto") ?? 0n);
    if (protocol === undefined) continue;
    const port = exactly(match, "tp_dst");
    const address = addressIn(match, "dst");
    // A node port is asked for without an address, or with the node's own.
    if (port !== undefined && address !== undefined) look(address, protocol, Number(port));
    if (port !== undefined && (address === undefined || known.nodes.has(address))) look("", protocol, Number(port));
    walk(rule.program, (a) => {
      const to = destinationOf(a);
      // Under policy Local the target is a masquerade address with the node port.
      if (to) {
        const before = hits.length;
        look(to.address, protocol, to.port);
        if (hits.length === before) look("", protocol, to.port);
      }
    });
  }
  return hits.map((h) => ({ kind: "service", name: h.service, text: h.text }));
}

function destinationOf(a: Action): { address: string; port: number } | undefined {
  if (a.op !== "nat" || a.type !== "dst" || a.range.min === undefined || a.range.portMin === undefined) return undefined;
  return { address: addressText(a.range.min), port: a.range.portMin };
}

function addressText(n: bigint): string {
  return n < 1n << 32n ? ipv4Text(n) : ipv6Text(n);
}

function addressIn(match: Match, side: "src" | "dst"): string | undefined {
  const v4 = exactly(match, `ip_${side}`);
  if (v4 !== undefined) return ipv4Text(v4);
  const v6 = exactly(match, `ipv6_${side}`);
  return v6 === undefined ? undefined : ipv6Text(v6);
}

/** Routes and neighbours: who has the destination or the next hop, and which Services a VIP's route serves. */
function byRoute(known: Directory, rule: Rule, device: Device): EvidenceLink[] {
  const addresses = new Set<string>();
  const links: EvidenceLink[] = [];
  if (rule.prefix) {
    const { value, len } = rule.prefix;
    const text = rule.origin?.text ?? "";
    // The key is an address of 32 or 128 bits; a /32 above 32 bits is a prefix of IPv6.
    const address = len === 128 ? ipv6Text(value) : len === 32 && value < 1n << 32n ? ipv4Text(value) : undefined;
    if (address !== undefined) {
      addresses.add(address);
      for (const service of known.byVip.get(address) ?? []) links.push({ kind: "service", name: service, text: `VIP ${address}` });
    }
    for (const m of text.matchAll(/\bvia (?:inet6 )?([\d.]+|[0-9a-fA-F:]+)(?=[\s,]|$)/g)) addresses.add(m[1]!);
    walk(rule.program, (a) => {
      if (a.op === "set" && a.dst.field === "nexthop" && a.dst.ofs === 0 && a.value !== 0n) addresses.add(addressText(a.value));
    });
  } else {
    for (const match of rule.rows) {
      const next = exactly(match, "nexthop");
      if (next !== undefined && next !== 0n) addresses.add(addressText(next));
    }
  }
  for (const a of addresses) links.push(...ownersOf(known, a, device));
  return links;
}

/** The node or pods that have an address; the device itself is not worth naming. */
function ownersOf(known: Directory, address: string, device: Device): EvidenceLink[] {
  const node = known.nodes.get(address);
  if (node !== undefined) return node === device.node && device.pod === "" ? [] : [{ kind: "node", name: node, text: address }];
  return (known.pods.get(address) ?? []).filter((p) => p !== device.pod).map((p) => ({ kind: "pod", name: p, text: address }));
}
