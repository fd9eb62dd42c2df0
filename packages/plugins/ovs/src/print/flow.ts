/**
 * A packet as OVS prints it behind `Flow:` and `Final flow:` (lib/flow.c, flow_format): all fields that such a packet has, and of
 * what comes with it only what is not zero.
 */
import { field, type Row, TUNNEL_FIELDS } from "@plumbline/model";
import { bytesMask } from "../parse/fieldValue.js";
import { ETH, FlowMatch, PROTO } from "../parse/flowMatch.js";
import { hasField, readField } from "../rowField.js";
import { formatMatch } from "./match.js";

/** Fields that are printed where they are not zero. */
const CONTEXT: readonly (readonly [place: string, bits: number])[] = [
  ["in_port", 16],
  ["skb_priority", 32],
  ["pkt_mark", 32],
  ["recirc_id", 32],
  ["dp_hash", 32],
  ["ct_state", 8],
  ["ct_zone", 16],
  ["ct_mark", 32],
  ["ct_label", 128],
  ["metadata", 64],
  ...Array.from({ length: 16 }, (_, i) => [`reg${i}`, 32] as const),
];
/** Flags of a tunnel that there are. */
const TUNNEL_FLAG_BITS = 4;
const TUNNEL: readonly (readonly [place: string, bits: number])[] = TUNNEL_FIELDS.filter((f) => !f.startsWith("tun_metadata")).map((f) => [
  f,
  f === "tun_flags" ? TUNNEL_FLAG_BITS : field(f).bits,
]);

/** Flag of a tunnel that has a key. */
const TUNNEL_KEY = 8;

/** All bits of a width, for the widths that there are. */
const ALL: readonly bigint[] = Array.from({ length: 129 }, (_, bits) => (1n << BigInt(bits)) - 1n);
const all = (bits: number) => ALL[bits];

/**
 * @param options geneve options that are there even if their value is 0, one bit each
 * @param ofFrame of what came as a frame OVS does not print options: it has nothing to name them by
 */
export function printFlow(row: Row, options = 0, ofFrame = false): string {
  const flow = flowOf(row, options);
  if (ofFrame) flow.options.clear();
  return formatMatch(flow);
}

function flowOf(row: Row, options: number): FlowMatch {
  const m = new FlowMatch();
  const put = (place: string, bits: number, name = place) => m.put(place, readField(row, name) & all(bits), all(bits));
  const is = (name: string) => hasField(row, name);
  for (const [place, bits] of CONTEXT) if (is(place)) put(place, bits);
  if (is("tun_dst") || is("tun_ipv6_dst")) {
    const hasKey = (Number(readField(row, "tun_flags")) & TUNNEL_KEY) !== 0;
    for (const [place, bits] of TUNNEL) if (place !== "tun_id" || hasKey) put(place, bits);
    for (let i = 0; i < 16; i++) {
      const value = readField(row, `tun_metadata${i}`);
      const bytes = 4 * Math.ceil(value.toString(16).length / 8);
      if (value !== 0n || options & (1 << i)) m.options.set(i, { value, mask: bytesMask(bytes), bytes, masked: false, present: true });
    }
  } else if (is("tun_id")) put("tun_id", 64);
  put("packet_type", 32);
  const packetType = Number(readField(row, "packet_type"));
  let type = packetType & 0xffff;
  if (packetType === 0) {
    put("eth_dst", 48);
    put("eth_src", 48);
    put("eth_type", 16);
    put("vlan_tci", 16);
    // The first tag that is not there is shown.
    if (is("vlan_tci")) put("vlan_tci1", 16, "vlan_tci2");
    type = Number(readField(row, "eth_type"));
  }
  network(row, m, type, put);
  return m;
}

function network(row: Row, m: FlowMatch, type: number, put: (place: string, bits: number, name?: string) => void): void {
  const n = (name: string) => Number(readField(row, name));
  const ct = n("ct_nw_proto") !== 0 && (n("ct_state") & 0xcf) !== 0;
  if (type === ETH.arp || type === ETH.rarp) {
    put("nw_src", 32, "arp_spa");
    put("nw_dst", 32, "arp_tpa");
    put("nw_proto", 8, "arp_op");
    put("arp_sha", 48);
    put("arp_tha", 48);
    return;
  }
  if (type === ETH.mpls || type === ETH.mplsMulticast) {
    for (const place of ["mpls_lse", "mpls_lse1", "mpls_lse2"]) {
      put(place, 32);
      if ((n(place) & 0x100) !== 0) break;
    }
    return;
  }
  // A label may stand in front of what is no Ethernet frame any more: then the header is not seen.
  if (type === ETH.nsh && n("eth_type") !== ETH.nsh) return;
  if (type === ETH.nsh) {
    for (const place of ["nsh_flags", "nsh_ttl", "nsh_mdtype", "nsh_np", "nsh_si"]) put(place, 8);
    put("nsh_spi", 24);
    for (let i = 1; i <= 4; i++) put(`nsh_c${i}`, 32);
  } else if (type === ETH.ip) {
    put("nw_src", 32, "ip_src");
    put("nw_dst", 32, "ip_dst");
    if (ct) for (const place of ["ct_nw_src", "ct_nw_dst"]) put(place, 32);
  } else if (type === ETH.ipv6) {
    put("ipv6_src", 128);
    put("ipv6_dst", 128);
    put("ipv6_label", 20);
  } else return;
  const proto = n("ip_proto");
  put("nw_frag", 2, "ip_frag");
  put("nw_tos", 8);
  put("nw_ttl", 8, "ip_ttl");
  put("nw_proto", 8, "ip_proto");
  if (ct) {
    put("ct_nw_proto", 8);
    put("ct_tp_src", 16);
    put("ct_tp_dst", 16);
  }
  const icmp = proto === PROTO.icmp || proto === PROTO.icmp6;
  const as = (place: string, name: string) => m.put(place, readField(row, name), 0xffffn);
  const connection6 = () => {
    if (ct) for (const place of ["ct_ipv6_src", "ct_ipv6_dst"]) put(place, 128);
  };
  if (type === ETH.ipv6) {
    // Whether a packet is of neighbour discovery is looked up in fragments too.
    if (proto === PROTO.icmp6) {
      as("tp_dst", "icmp_code");
      if (n("icmp_code") === 0) as("tp_src", "icmp_type");
    }
    if (proto === PROTO.icmp6 && n("icmp_code") === 0 && (n("icmp_type") === 135 || n("icmp_type") === 136)) {
      put("nd_target", 128);
      put("arp_sha", 48, "nd_sll");
      put("arp_tha", 48, "nd_tll");
    } else connection6();
  }
  const named = icmp || proto === PROTO.tcp || proto === PROTO.udp || proto === PROTO.sctp || proto === 2;
  if (n("ip_frag") & 2 || !named) return;
  as("tp_src", icmp ? "icmp_type" : "tp_src");
  as("tp_dst", icmp ? "icmp_code" : "tp_dst");
  if (proto === PROTO.tcp) m.put("tcp_flags", readField(row, "tcp_flags"), 0xffffn);
}
