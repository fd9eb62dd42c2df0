/**
 * What is left of a match when it has travelled in a message to a switch (lib/nx-match.c, lib/ofp-match.c): a condition on a field
 * that the packet need not have is not sent, or is taken back on arrival.
 */
import { ETH, FlowMatch, PROTO, TCI } from "./flowMatch.js";

/**
 * What is left of the match when it has travelled in a message (nx-match.c, nx_put_raw): conditions on fields that the packet
 * need not have are not sent. `oxm`: OpenFlow 1.2 and later, which split a VLAN tag.
 */
export function sent(m: FlowMatch, oxm: boolean): FlowMatch {
  const c = m.copy();
  const drop = (...places: string[]) => c.drop(...places);
  const proto = m.value("nw_proto");
  drop("skb_priority", "tun_ttl", "tun_tos", "vlan_tci1", "mpls_lse1", "mpls_lse2");
  if (!m.isMpls()) drop("mpls_lse");
  if (m.isIp()) {
    if (m.ethType() === ETH.ip) drop("ipv6_src", "ipv6_dst");
    else drop("nw_src", "nw_dst");
    drop("arp_sha", "arp_tha", ...(m.isNeighbourDiscovery() ? [] : ["nd_target", "igmp"]));
    const icmp6 = m.ethType() === ETH.ipv6 && proto === PROTO.icmp6;
    const icmp = m.ethType() === ETH.ip && proto === PROTO.icmp;
    const ports = proto === PROTO.tcp || proto === PROTO.udp || proto === PROTO.sctp;
    if (!m.has("nw_proto") || !(icmp || icmp6 || ports)) drop("tp_src", "tp_dst");
    if (m.isNeighbourDiscovery()) {
      const sll = m.get("arp_sha");
      const tll = m.get("arp_tha");
      if (m.value("tp_src") === 135) c.put("arp_sha", sll.value, sll.mask);
      else c.put("arp_tha", tll.value, tll.mask);
    } else if (!(m.has("nw_proto") && proto === PROTO.tcp)) drop("tcp_flags");
    if (icmp || icmp6)
      for (const p of ["tp_src", "tp_dst"]) {
        const b = m.get(p);
        c.put(p, b.value & 0xffn, b.mask === 0n ? 0n : 0xffffn);
      }
    const nd = m.get("nw_tos");
    c.put("nw_tos", nd.value, ((nd.mask & 0xfcn) !== 0n ? 0xfcn : 0n) | ((nd.mask & 3n) !== 0n ? 3n : 0n));
  } else {
    drop("ipv6_src", "ipv6_dst", "ipv6_label", "nw_frag", "nw_tos", "nw_ttl", "tp_src", "tp_dst", "tcp_flags", "nd_target", "igmp");
    if (!m.isArp()) drop("nw_src", "nw_dst", "nw_proto", "arp_sha", "arp_tha");
  }
  if (m.isMpls()) {
    // Whole parts of a label are sent.
    const lse = m.get("mpls_lse");
    let mask = 0n;
    for (const part of [0xfffff000n, 0xe00n, 0x100n, 0xffn]) if ((lse.mask & part) !== 0n) mask |= part;
    c.put("mpls_lse", lse.value, mask);
  }
  if (m.value("ct_nw_proto") === 0) drop("ct_nw_proto", "ct_tp_src", "ct_tp_dst");
  if (oxm) {
    const tci = m.get("vlan_tci");
    const vid = tci.value & TCI.vidCfi;
    const pcp = vid !== 0n && (tci.mask & TCI.pcp) !== 0n;
    c.put("vlan_tci", tci.value, (tci.mask & TCI.vidCfi) | (pcp ? TCI.pcp | TCI.cfi : 0n));
  }
  return c;
}

/** What is left of it in a message of OpenFlow 1.0 (ofp-match.c: ofputil_match_to_ofp10_match and back, ofputil_normalize_match). */
export function sentBy10(m: FlowMatch): FlowMatch {
  const c = new FlowMatch();
  const keep = (place: string, all: bigint, min = all) => {
    const b = m.get(place);
    if ((b.mask & min) !== 0n) c.put(place, b.value, all);
  };
  keep("in_port", 0xffffn);
  keep("eth_type", 0xffffn);
  keep("eth_src", 0xffffffffffffn);
  keep("eth_dst", 0xffffffffffffn);
  keep("nw_proto", 0xffn);
  keep("nw_tos", 0xfcn);
  keep("tp_src", 0xffffn);
  keep("tp_dst", 0xffffn);
  for (const p of ["nw_src", "nw_dst"]) {
    const b = m.get(p);
    c.put(p, b.value, b.mask);
  }
  const tci = m.get("vlan_tci");
  if (tci.mask !== 0n) {
    if ((tci.mask & TCI.cfi) !== 0n && (tci.value & TCI.cfi) === 0n) c.put("vlan_tci", 0n, 0xffffn);
    else {
      const mask = ((tci.mask & TCI.vid) !== 0n ? TCI.vidCfi : 0n) | ((tci.mask & TCI.pcp) !== 0n ? TCI.pcp | TCI.cfi : 0n);
      c.put("vlan_tci", tci.value | TCI.cfi, mask);
    }
  }
  return normalised(c);
}

/** ofputil_normalize_match: conditions that the rest of the match makes meaningless are dropped. */
function normalised(m: FlowMatch): FlowMatch {
  const c = m.copy();
  const drop = (...places: string[]) => c.drop(...places);
  const ethernet = !m.has("packet_type") || m.hasDefaultPacketType();
  const type = m.ethType();
  const proto = m.value("nw_proto");
  const ports = proto === PROTO.tcp || proto === PROTO.udp || proto === PROTO.sctp;
  if (!ethernet) drop("eth_src", "eth_dst");
  if (type !== ETH.ip && !m.isArp()) drop("nw_src", "nw_dst");
  if (!m.isIp() || !(ports || proto === (type === ETH.ip ? PROTO.icmp : PROTO.icmp6))) drop("tp_src", "tp_dst");
  if (!m.isIp() && !m.isArp()) drop("nw_proto");
  if (!m.isIp()) drop("nw_tos", "nw_ttl");
  const icmp6 = type === ETH.ipv6 && proto === PROTO.icmp6;
  const kind = m.value("tp_src");
  if (!m.isArp() && !(icmp6 && kind === 135)) drop("arp_sha");
  if (!m.isArp() && !(icmp6 && kind === 136)) drop("arp_tha");
  if (type !== ETH.ipv6) drop("ipv6_src", "ipv6_dst", "ipv6_label");
  if (!(icmp6 && (kind === 135 || kind === 136))) drop("nd_target");
  if (!m.isMpls()) drop("mpls_lse", "mpls_lse1", "mpls_lse2");
  return c;
}
