/**
 * NXM and OXM headers: the numbers by which OpenFlow messages name fields (include/openvswitch/meta-flow.h; nicira-ext.h).
 *
 *     31             16 15       9  8  7        0
 *     +---------------+----------+---+----------+
 *     |     class     |  field   | M |  length  |     M: a mask as long as the value follows it
 *     +---------------+----------+---+----------+
 *
 * Class 0xffff is followed by the number of the organisation that defines the field.
 */
import { type OvsField, ovsField } from "../fields.js";

/** Names by field number; a blank where OVS has none. */
function list(text: string): string[] {
  return text.split(/\s+/).map((t) => (t === "-" ? "" : t));
}

const NXM_OF = list(
  "NXM_OF_IN_PORT eth_dst eth_src eth_type vlan_tci nw_tos ip_proto ip_src ip_dst tp_src tp_dst tp_src tp_dst icmp_type icmp_code arp_op arp_spa arp_tpa",
);
const NXM_NX: string[] = [
  ...Array.from({ length: 16 }, (_, i) => `reg${i}`),
  ...list(
    "tun_id arp_sha arp_tha ipv6_src ipv6_dst icmp_type icmp_code nd_target nd_sll nd_tll ip_frag ipv6_label nw_ecn ip_ttl mpls_ttl tun_src tun_dst",
  ),
  ...list("pkt_mark tcp_flags dp_hash recirc_id conj_id tun_gbp_id tun_gbp_flags"),
  ...Array.from({ length: 64 }, (_, i) => `tun_metadata${i}`),
  ...list("tun_flags ct_state ct_zone ct_mark ct_label tun_ipv6_src tun_ipv6_dst xxreg0 xxreg1 xxreg2 xxreg3 - - - -"),
  ...list("ct_nw_proto ct_nw_src ct_nw_dst ct_ipv6_src ct_ipv6_dst ct_tp_src ct_tp_dst"),
];
const OXM = list(
  "in_port - metadata eth_dst eth_src eth_type vlan_vid vlan_pcp ip_dscp nw_ecn ip_proto ip_src ip_dst tp_src tp_dst tp_src tp_dst tp_src tp_dst icmp_type icmp_code " +
    "arp_op arp_spa arp_tpa arp_sha arp_tha ipv6_src ipv6_dst ipv6_label icmp_type icmp_code nd_target nd_sll nd_tll mpls_label mpls_tc mpls_bos - tun_id - - - tcp_flags actset_output packet_type",
);

/** Experimenter fields: organisation → field number → name. */
const EXPERIMENTER: Record<number, Record<number, string>> = {
  // Nicira
  8992: {
    0: "dp_hash",
    11: "tun_erspan_idx",
    12: "tun_erspan_ver",
    13: "tun_erspan_dir",
    14: "tun_erspan_hwid",
    15: "tun_gtpu_flags",
    16: "tun_gtpu_msgtype",
  },
  // Open Networking Foundation
  1330529792: { 42: "tcp_flags", 43: "actset_output" },
  // Ericsson
  54517: { 1: "nd_reserved", 2: "nd_options_type" },
  // Nicira, network service header
  5953104: {
    1: "nsh_flags",
    2: "nsh_mdtype",
    3: "nsh_np",
    4: "nsh_spi",
    5: "nsh_si",
    6: "nsh_c1",
    7: "nsh_c2",
    8: "nsh_c3",
    9: "nsh_c4",
    10: "nsh_ttl",
  },
};

export interface OxmHeader {
  /** Null if the numbers name no field known here. */
  readonly field: OvsField | null;
  readonly name: string;
  readonly hasMask: boolean;
  /** Bytes of the value. */
  readonly valueSize: number;
  /** Bytes of the header itself: 4, or 8 for experimenter classes. */
  readonly size: number;
}

/** The header at `at`; null if the bytes end within it. */
export function readOxmHeader(view: DataView, at: number): OxmHeader | null {
  if (at + 4 > view.byteLength) return null;
  const cls = view.getUint16(at);
  const number = view.getUint8(at + 2) >> 1;
  const hasMask = (view.getUint8(at + 2) & 1) === 1;
  const length = view.getUint8(at + 3);
  let name: string | undefined;
  let size = 4;
  if (cls === 0x0000) name = NXM_OF[number];
  else if (cls === 0x0001) name = NXM_NX[number];
  else if (cls === 0x8000) name = OXM[number];
  else if (cls === 0x8001) name = number < 8 ? `xreg${number}` : undefined;
  else if (cls === 0xffff && at + 8 <= view.byteLength) {
    size = 8;
    name = EXPERIMENTER[view.getUint32(at + 4)]?.[number];
  }
  const field = name ? ovsField(name) : null;
  const body = length - (size - 4);
  return { field, name: name || `field ${number} of class 0x${cls.toString(16)}`, hasMask, valueSize: hasMask ? body >> 1 : body, size };
}

/** `size` bytes at `at` as a number, first byte highest. */
export function readBig(view: DataView, at: number, size: number): bigint {
  let v = 0n;
  for (let i = 0; i < size; i++) v = (v << 8n) | BigInt(view.getUint8(at + i));
  return v;
}
