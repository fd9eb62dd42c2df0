/**
 * nft's data types: what values a selector takes, and how they are printed. Shared by the text and the JSON form.
 *
 * Sources: nft(8) "DATA TYPES"; nftables 1.1 src/datatype.c, src/meta.c, src/ct.c, src/proto.c.
 */
import { macNumber } from "@plumbline/model";
import type { HookName, Selector, Value } from "../ast.js";
import { PACKET_TYPES } from "./names.js";
import { dscp, exact, icmpCode, icmpType, interfaceName, network, number, portRange, protocol, range, tcpFlags } from "./values.js";

export type Kind =
  | "addr4"
  | "addr6"
  | "proto"
  | "port"
  | "mark"
  | "ifname"
  | "ethertype"
  | "nfproto"
  | "state"
  | "status"
  | "direction"
  | "icmptype"
  | "icmp6type"
  | "icmpcode"
  | "icmp6code"
  | "tcpflags"
  | "dscp"
  | "addrtype"
  | "pkttype"
  | "number"
  | "mac";

const KINDS: Readonly<Record<Selector, Kind>> = {
  "ip saddr": "addr4",
  "ip daddr": "addr4",
  "ip6 saddr": "addr6",
  "ip6 daddr": "addr6",
  "ip protocol": "proto",
  "ip6 nexthdr": "proto",
  "meta l4proto": "proto",
  "meta nfproto": "nfproto",
  "meta protocol": "ethertype",
  "meta iifname": "ifname",
  "meta oifname": "ifname",
  "meta mark": "mark",
  "meta length": "number",
  "meta pkttype": "pkttype",
  "ct mark": "mark",
  "ct state": "state",
  "ct status": "status",
  "ct zone": "number",
  "ct direction": "direction",
  "ct original ip saddr": "addr4",
  "ct original ip daddr": "addr4",
  "ct original ip6 saddr": "addr6",
  "ct original ip6 daddr": "addr6",
  "ct original protocol": "proto",
  "ct original proto-src": "port",
  "ct original proto-dst": "port",
  "ct reply ip saddr": "addr4",
  "ct reply ip daddr": "addr4",
  "ct reply ip6 saddr": "addr6",
  "ct reply ip6 daddr": "addr6",
  "ct reply proto-src": "port",
  "ct reply proto-dst": "port",
  "th sport": "port",
  "th dport": "port",
  "tcp flags": "tcpflags",
  "icmp type": "icmptype",
  "icmp code": "icmpcode",
  "icmp id": "number",
  "icmpv6 type": "icmp6type",
  "icmpv6 code": "icmp6code",
  "icmpv6 id": "number",
  "ip dscp": "dscp",
  "ip ecn": "number",
  "ip6 dscp": "dscp",
  "ip6 ecn": "number",
  "ip tos": "number",
  "ip ttl": "number",
  "ip6 hoplimit": "number",
  "ip6 flowlabel": "number",
  "ip later-fragment": "number",
  "ether saddr": "mac",
  "ether daddr": "mac",
  "fib saddr type": "addrtype",
  "fib daddr type": "addrtype",
};
export const kindOf = (s: Selector): Kind => KINDS[s];

/** Types as a set's declaration names them; null for those that are not known. */
export function kindOfType(type: string): Kind | null {
  return TYPES.get(type) ?? null;
}
const TYPES: ReadonlyMap<string, Kind> = new Map([
  ["ipv4_addr", "addr4"],
  ["ipv6_addr", "addr6"],
  ["inet_proto", "proto"],
  ["inet_service", "port"],
  ["mark", "mark"],
  ["ifname", "ifname"],
  ["iface_index", "ifname"],
  ["ether_addr", "mac"],
  ["ether_type", "ethertype"],
  ["nf_proto", "nfproto"],
  ["ct_state", "state"],
  ["ct_status", "status"],
  ["ct_dir", "direction"],
  ["icmp_type", "icmptype"],
  ["icmpv6_type", "icmp6type"],
  ["icmp_code", "icmpcode"],
  ["icmpv6_code", "icmp6code"],
  ["tcp_flag", "tcpflags"],
  ["dscp", "dscp"],
  ["fib_addrtype", "addrtype"],
  ["pkt_type", "pkttype"],
  ["integer", "number"],
]);

const ETHERTYPES: ReadonlyMap<string, number> = new Map([
  ["ip", 0x0800],
  ["ip6", 0x86dd],
  ["arp", 0x0806],
  ["vlan", 0x8100],
]);
const STATES = new Set(["new", "established", "related", "invalid", "untracked"]);
/** Status bits that a row tells; the others (assured, confirmed, …) it does not. */
const STATUSES: ReadonlyMap<string, string> = new Map([
  ["snat", "snat"],
  ["dnat", "dnat"],
  ["seen-reply", "seen-reply"],
  ["confirmed", "confirmed"],
  ["expected", "expected"],
]);
const ADDRESS_TYPES = new Set(["unspec", "unicast", "local", "broadcast", "anycast", "multicast", "blackhole", "unreachable", "prohibit"]);

const one = (n: number | null | undefined): Value | null => (n === null || n === undefined ? null : exact(n));

/** One value as printed, or null. */
export function typedValue(kind: Kind, text: string): Value | null {
  switch (kind) {
    case "addr4":
    case "addr6": {
      const n = network(text);
      return n && n.family === (kind === "addr4" ? 4 : 6) ? n.value : null;
    }
    case "proto":
      return one(protocol(text)) ?? span(text, protocol);
    case "port": {
      const r = portRange(text, "-");
      return r && range(r.lo, r.hi);
    }
    case "mark":
    case "number":
      return one(number(text)) ?? span(text, number);
    case "ifname":
      return interfaceName(text, "*");
    case "ethertype":
      return one(ETHERTYPES.get(text) ?? number(text));
    case "nfproto":
      return one(text === "ipv4" ? 2 : text === "ipv6" ? 10 : null);
    case "state":
      return STATES.has(text) ? { k: "state", name: text } : null;
    case "status": {
      const name = STATUSES.get(text);
      return name === undefined ? null : { k: "state", name };
    }
    case "direction":
      return one(text === "original" ? 0 : text === "reply" ? 1 : null);
    case "icmptype":
    case "icmp6type":
      return one(number(text) ?? icmpType(text, kind === "icmptype" ? 4 : 6)?.type) ?? span(text, number);
    case "icmpcode":
    case "icmp6code":
      return one(icmpCode(text, kind === "icmpcode" ? 4 : 6)) ?? span(text, number);
    case "tcpflags":
      return one(tcpFlags(text.replace(/\s*\|\s*/g, ",")));
    case "dscp":
      return one(dscp(text)) ?? span(text, dscp);
    case "addrtype":
      return ADDRESS_TYPES.has(text) ? { k: "addrtype", name: text } : null;
    case "pkttype":
      return one(PACKET_TYPES.get(text));
    case "mac": {
      const m = macNumber(text);
      return m === null ? null : exact(m);
    }
  }
}

/** `1-5` of things that are numbers. */
function span(text: string, of: (t: string) => number | null): Value | null {
  const at = text.indexOf("-");
  if (at <= 0) return null;
  const lo = of(text.slice(0, at));
  const hi = of(text.slice(at + 1));
  return lo === null || hi === null || lo > hi ? null : range(lo, hi);
}

/** The mask of a prefix or number, for `& MASK`. */
export function maskOf(kind: Kind, text: string): bigint | null {
  const v = kind === "tcpflags" ? one(tcpFlags(text)) : (typedValue(kind, text) ?? one(number(text)));
  return v?.k === "range" && v.lo === v.hi ? v.lo : null;
}

const PRIORITIES: ReadonlyMap<string, number> = new Map([
  ["raw", -300],
  ["mangle", -150],
  ["dstnat", -100],
  ["filter", 0],
  ["security", 50],
  ["srcnat", 100],
  ["out", 100],
]);

/** `filter`, `dstnat + 10`, `srcnat-5`, `-150`. */
export function priority(text: string): number | null {
  const m = /^([a-z]+)?\s*(?:([+-]?)\s*(\d+))?$/.exec(text.trim());
  if (!m || (m[1] === undefined && m[3] === undefined)) return null;
  const base = m[1] === undefined ? 0 : PRIORITIES.get(m[1]);
  if (base === undefined) return null;
  return base + (m[3] === undefined ? 0 : m[2] === "-" ? -Number(m[3]) : Number(m[3]));
}

export const HOOK_NAMES: ReadonlySet<string> = new Set<HookName>([
  "prerouting",
  "input",
  "forward",
  "output",
  "postrouting",
  "ingress",
  "egress",
]);
