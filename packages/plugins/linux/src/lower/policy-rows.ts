/**
 * The conditions of a policy rule as rows of a match (fib_rule_match(), net/core/fib_rules.c; fib4_rule_match(), net/ipv4/fib_rules.c;
 * fib6_rule_match(), net/ipv6/fib6_rules.c).
 */
import { intersect, type Match, matchField, slice } from "@plumbline/model";
import { type Family, maskOf, parsePrefix } from "../address.js";
import type { HostEvidence, PolicyRule } from "./evidence.js";
import { interfaceOf, match } from "./stack.js";

/** IPv4 routing looks at these bits of the type of service alone (IPTOS_RT_MASK, include/net/route.h). */
export const TOS_BITS = 0x1c;
/** The DSCP's bits of the byte. */
const DSCP_BITS = 0xfc;

const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  "ipv6-icmp": 58,
  icmpv6: 58,
  ospf: 89,
  sctp: 132,
  udplite: 136,
};

/** The number of an IP protocol by name or number, or null. */
export function protocolNumber(text: string): number | null {
  const n = PROTOCOLS[text] ?? (/^\d{1,3}$/.test(text) ? Number(text) : Number.NaN);
  return Number.isNaN(n) || n > 255 ? null : n;
}

/** Whose packet: what of a rule's conditions is not in the packet's row. */
export interface Sender {
  /** Name of the interface that the socket is bound to, "" for none and for packets that came in. */
  readonly oif: string;
}

/** The rows in which a packet meets the rule; none where no packet can. `not` is not looked at. */
export function rowsOf(r: PolicyRule, evidence: HostEvidence, sender: Sender): Match[] {
  let rows: Match[] = [[]];
  const and = (more: readonly Match[]) => {
    rows = rows.flatMap((a) => more.map((b) => intersect(a, b)).filter((m) => m !== null));
  };
  const vrf = (name: string) => evidence.interfaces.find((i) => i.name === name && i.vrfTable !== undefined);
  if (r.oif !== "") {
    // A rule for a VRF is for all packets of that VRF.
    const master = vrf(r.oif);
    if (master) and([match({ reg5: master.number })]);
    else if (r.oif !== sender.oif) return [];
  }
  const names = r.family === 4 ? ["ip_src", "ip_dst"] : ["ipv6_src", "ipv6_dst"];
  for (const [text, name] of [
    [r.from, names[0]],
    [r.to, names[1]],
  ]) {
    if (text === "") continue;
    const p = parsePrefix(text);
    if (!p) return [];
    if (p.len > 0) and([matchField([], name, p.value, maskOf(p.family, p.len))]);
  }
  if (r.iif === "lo") and([match({ reg15: 1 })]);
  else if (r.iif !== "") {
    const i = interfaceOf(evidence, r.iif);
    if (!i) return [];
    and([i.vrfTable !== undefined ? match({ reg5: i.number }) : match({ in_port: i.number, reg15: 0 })]);
  }
  if (r.l3mdev) and(evidence.interfaces.filter((i) => i.vrfTable !== undefined).map((i) => match({ reg5: i.number })));
  if (r.fwmark) and([match({ pkt_mark: [(r.fwmark.value & r.fwmark.mask) >>> 0, r.fwmark.mask] })]);
  if (r.tos !== undefined) {
    const bits = r.family === 4 ? TOS_BITS : DSCP_BITS;
    // A value with other bits is never met.
    if ((r.tos & DSCP_BITS & ~bits) !== 0) return [];
    and([match({ nw_tos: [r.tos & bits, bits] })]);
  }
  if (r.dscp !== undefined) and([match({ nw_tos: [r.dscp << 2, DSCP_BITS] })]);
  if (r.uidrange) and(rangeRows("uid", r.uidrange.from, r.uidrange.to));
  if (r.ipproto !== "") {
    const proto = protocolNumber(r.ipproto);
    if (proto === null) return [];
    and([match({ ip_proto: proto })]);
  }
  for (const [text, name] of [
    [r.sport, "tp_src"],
    [r.dport, "tp_dst"],
  ]) {
    if (text === "") continue;
    const [from, to] = text.split("-").map(Number);
    and(rangeRows(name, from, to ?? from));
  }
  return rows;
}

/** A range of values as masked matches: the fewest aligned blocks that make it up. */
function rangeRows(field: string, from: number, to: number): Match[] {
  const bits = slice(field).n;
  const out: Match[] = [];
  for (let at = from; at <= to; ) {
    let size = 1;
    while (at % (size * 2) === 0 && at + size * 2 - 1 <= to && size * 2 <= 2 ** bits) size *= 2;
    out.push(matchField([], field, BigInt(at), (1n << BigInt(bits)) - BigInt(size)));
    at += size;
  }
  return out;
}

/** Rules that a kernel has to which nobody added any (fib_default_rules_init). */
export function isDefaultRule(r: PolicyRule, family: Family): boolean {
  const plain =
    !r.not &&
    r.from === "" &&
    r.to === "" &&
    r.iif === "" &&
    r.oif === "" &&
    r.ipproto === "" &&
    r.sport === "" &&
    r.dport === "" &&
    !r.fwmark &&
    !r.uidrange &&
    r.tos === undefined &&
    r.dscp === undefined &&
    !r.l3mdev &&
    r.suppressPrefixlen === undefined &&
    r.suppressIfgroup === undefined &&
    r.action === "lookup";
  const at = DEFAULT_RULES.find((d) => d.priority === r.priority && d.table === r.table);
  return plain && at !== undefined && (family === 4 || at.table !== "default");
}

/** The rules of a host where `ip rule` is not in evidence. */
export const DEFAULT_RULES: readonly { priority: number; table: string }[] = [
  { priority: 0, table: "local" },
  { priority: 32766, table: "main" },
  { priority: 32767, table: "default" },
];
