/**
 * Where a selector's bits lie in a packet's row, and what must hold for it to mean anything.
 *
 * nft's own dependencies are kept: `ip saddr` in an inet table is asked of IPv4 packets only. A negated match keeps them
 * ("not that source" is said of IPv4 packets, not of all others).
 */
import { CT, type Match, matchField, type Slice, slice } from "@plumbline/model";
import type { Selector } from "../ast.js";

export const ETH_IPV4 = 0x0800;
export const ETH_IPV6 = 0x86dd;

/** A fragment behind the first has no transport header. */
const WHOLE = matchField([], "ip_frag", 0, 2);
const V4 = matchField([], "eth_type", ETH_IPV4);
const V6 = matchField([], "eth_type", ETH_IPV6);
/** The packet has a connection: it is tracked and not invalid. What is asked of the connection fails for all others. */
export const HAS_CONNECTION = matchField([], "ct_state", CT.trk, CT.trk | CT.inv);
/** The opposite. */
export const NO_CONNECTION: readonly Match[] = [matchField([], "ct_state", 0, CT.trk), matchField([], "ct_state", CT.inv, CT.inv)];

const ofConnection = (family: Match) => matchField(family, "ct_state", CT.trk, CT.trk | CT.inv);
const proto = (family: Match, p: number) => matchField(matchField(family, "ip_proto", p), "ip_frag", 0, 2);

interface Place {
  readonly slice: Slice;
  /** What the packet must be for this selector to apply. */
  readonly needs: Match;
  /** The row holds the value plus this (frame length against IP length). */
  readonly add: bigint;
}

const at = (s: Slice, needs: Match = [], add = 0n): Place => ({ slice: s, needs, add });

/** Selectors that are one run of bits. Interfaces, states, address and packet types are words, see values.ts. */
const PLACES: Partial<Record<Selector, Place>> = {
  "ip saddr": at(slice("ip_src"), V4),
  "ip daddr": at(slice("ip_dst"), V4),
  "ip6 saddr": at(slice("ipv6_src"), V6),
  "ip6 daddr": at(slice("ipv6_dst"), V6),
  "ip protocol": at(slice("ip_proto"), V4),
  // Extension headers are not modelled: the row has the last header's protocol.
  "ip6 nexthdr": at(slice("ip_proto"), V6),
  "meta l4proto": at(slice("ip_proto")),
  "meta protocol": at(slice("eth_type")),
  "meta mark": at(slice("pkt_mark")),
  // skb->len at these hooks counts from the IP header on.
  "meta length": at(slice("packet_len"), [], 14n),
  "ct mark": at(slice("ct_mark"), HAS_CONNECTION),
  "ct zone": at(slice("ct_zone"), HAS_CONNECTION),
  "ct direction": at(slice("ct_state", 3, 1), HAS_CONNECTION),
  "ct original ip saddr": at(slice("ct_nw_src"), ofConnection(V4)),
  "ct original ip daddr": at(slice("ct_nw_dst"), ofConnection(V4)),
  "ct original ip6 saddr": at(slice("ct_ipv6_src"), ofConnection(V6)),
  "ct original ip6 daddr": at(slice("ct_ipv6_dst"), ofConnection(V6)),
  "ct original protocol": at(slice("ct_nw_proto"), HAS_CONNECTION),
  "ct original proto-src": at(slice("ct_tp_src"), HAS_CONNECTION),
  "ct original proto-dst": at(slice("ct_tp_dst"), HAS_CONNECTION),
  "th sport": at(slice("tp_src"), WHOLE),
  "th dport": at(slice("tp_dst"), WHOLE),
  "tcp flags": at(slice("tcp_flags", 0, 8), proto([], 6)),
  "icmp type": at(slice("icmp_type"), proto(V4, 1)),
  "icmp code": at(slice("icmp_code"), proto(V4, 1)),
  "icmp id": at(slice("icmp_id"), proto(V4, 1)),
  "icmpv6 type": at(slice("icmp_type"), proto(V6, 58)),
  "icmpv6 code": at(slice("icmp_code"), proto(V6, 58)),
  "icmpv6 id": at(slice("icmp_id"), proto(V6, 58)),
  "ip dscp": at(slice("nw_tos", 2, 6), V4),
  "ip ecn": at(slice("nw_tos", 0, 2), V4),
  "ip6 dscp": at(slice("nw_tos", 2, 6), V6),
  "ip6 ecn": at(slice("nw_tos", 0, 2), V6),
  "ip tos": at(slice("nw_tos")),
  "ip ttl": at(slice("ip_ttl"), V4),
  "ip6 hoplimit": at(slice("ip_ttl"), V6),
  "ip6 flowlabel": at(slice("ipv6_label"), V6),
  "ip later-fragment": at(slice("ip_frag", 1, 1)),
  // What comes round by `lo` has no Ethernet header to these matches (xt_mac.c, nft's `meta iiftype ether`).
  "ether saddr": at(slice("eth_src"), matchField([], "reg15", 0)),
  "ether daddr": at(slice("eth_dst"), matchField([], "reg15", 0)),
};

export function placeOf(s: Selector): Place | undefined {
  return PLACES[s];
}

/** Rows for a connection state by name. Linux has exactly one of the first five at a time (xt_conntrack.c, nft_ct.c). */
export const STATES: ReadonlyMap<string, { readonly value: number; readonly mask: number }> = new Map([
  ["new", { value: CT.trk | CT.new, mask: CT.trk | CT.new | CT.rel }],
  ["established", { value: CT.trk | CT.est, mask: CT.trk | CT.est | CT.rel }],
  ["related", { value: CT.trk | CT.rel, mask: CT.trk | CT.rel }],
  ["invalid", { value: CT.trk | CT.inv, mask: CT.trk | CT.inv }],
  ["untracked", { value: 0, mask: CT.trk }],
  ["snat", { value: CT.trk | CT.snat, mask: CT.trk | CT.snat }],
  ["dnat", { value: CT.trk | CT.dnat, mask: CT.trk | CT.dnat }],
  ["seen-reply", { value: CT.trk | CT.est, mask: CT.trk | CT.est }],
]);

/**
 * The connection is in its table: the stack writes the row's label to the connection when it confirms it, and gives it back with
 * every later packet. nft's and iptables' own labels use the low bits, if any.
 */
export const CONFIRMED: Slice = slice("ct_label", 127, 1);
export const IS_CONFIRMED: Match = matchField([], "ct_label", 1n << 127n, 1n << 127n);

/** Marks a packet that a rule took out of connection tracking; the host's stack does not track it. */
export const NOTRACK: Slice = slice("reg13", 0, 1);
/** Marks a packet that a rule gave a template (a zone, a helper) before it is tracked: it counts as new, and later rules for it do nothing. */
export const TEMPLATE: Slice = slice("reg13", 1, 1);
