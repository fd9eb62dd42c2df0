/**
 * A match as OVS prints it (lib/match.c, match_format): in its own order, with protocols by their names.
 */
import { macText } from "@plumbline/model";
import type { MatchTerm } from "../ast.js";
import { bytesMask, CT_STATE, TCP_FLAGS, TUN_FLAGS } from "../parse/fieldValue.js";
import { type Bits, ETH, type FlowMatch, PROTO } from "../parse/flowMatch.js";
import { matchOf } from "../parse/terms.js";
import {
  flagsMasked,
  flagsText,
  hex,
  hexDigits,
  ipv4Masked,
  ipv6Masked,
  macMasked,
  packetTypeText,
  portText,
  prefixLength,
} from "./value.js";

const DEFAULT_PRIORITY = 32768;

/** The conditions as `ofproto/trace` and dumps print them; `priority` first where it is not the default. */
export function printMatch(terms: readonly MatchTerm[], priority = DEFAULT_PRIORITY): string {
  return formatMatch(matchOf(terms), priority);
}

/** How a place is written; the text behind `name=`. */
type Writer = (b: Bits) => string;

const exact = (bits: number) => (1n << BigInt(bits)) - 1n;
const decimal: Writer = (b) => String(b.value);
/** %#x, and behind it the mask unless all bits of it count. */
const hexMasked = (bits: number): Writer => {
  const all = exact(bits);
  return ({ value, mask }) => (mask === all ? hex(value) : `${hex(value)}/${hex(mask)}`);
};
/** Decimal; with a mask both in hexadecimal, filled to `digits`. */
const decimalOrHex =
  (bits: number, digits = 1): Writer =>
  ({ value, mask }) =>
    mask === exact(bits) ? String(value) : `${hexDigits(value, digits)}/${hexDigits(mask, digits)}`;
/** 0x…, with and without a mask. */
const hexAlways =
  (bits: number): Writer =>
  ({ value, mask }) =>
    mask === exact(bits) ? hexDigits(value, 1) : `${hexDigits(value, 1)}/${hexDigits(mask, 1)}`;
const address4: Writer = (b) => ipv4Masked(b.value, b.mask);
const address6: Writer = (b) => ipv6Masked(b.value, b.mask);
const mac: Writer = (b) => (prefixLength(b.mask, 48) === 48 ? macText(b.value) : macMasked(b.value, b.mask));
const hex32 = hexMasked(32);
const hex64 = hexMasked(64);
const hex128 = hexMasked(128);
const REGISTERS = Array.from({ length: 32 }, (_, i) => `reg${i}`);
const u8 = decimalOrHex(8, 2);
const be16 = decimalOrHex(16);

/** Protocols with a name of their own: by Ethernet type and IP protocol. */
const IP_NAMES: Readonly<Record<number, string>> = { [PROTO.icmp]: "icmp", [PROTO.tcp]: "tcp", [PROTO.udp]: "udp", [PROTO.sctp]: "sctp" };
const IPV6_NAMES: Readonly<Record<number, string>> = {
  [PROTO.icmp6]: "icmp6",
  [PROTO.tcp]: "tcp6",
  [PROTO.udp]: "udp6",
  [PROTO.sctp]: "sctp6",
};
const TYPE_NAMES: Readonly<Record<number, string>> = {
  [ETH.arp]: "arp",
  [ETH.rarp]: "rarp",
  [ETH.mpls]: "mpls",
  [ETH.mplsMulticast]: "mplsm",
};

/** match_format. */
export function formatMatch(m: FlowMatch, priority = DEFAULT_PRIORITY): string {
  const out: string[] = [];
  const add = (name: string, place: string, write: Writer) => {
    if (m.has(place)) out.push(`${name}=${write(m.get(place))}`);
  };
  const port = (place: string) => portText(m.portNames.get(place) ?? Number(m.get(place).value));
  const proto = m.value("nw_proto");
  const hasProto = m.has("nw_proto");
  let type = m.value("eth_type");

  if (priority !== DEFAULT_PRIORITY) out.push(`priority=${priority}`);
  add("pkt_mark", "pkt_mark", hex32);
  add("recirc_id", "recirc_id", hex32);
  add("dp_hash", "dp_hash", hex32);
  add("conj_id", "conj_id", decimal);
  add("skb_priority", "skb_priority", (b) => hex(b.value));
  add("actset_output", "actset_output", () => port("actset_output"));
  add("ct_state", "ct_state", ({ value, mask }) =>
    mask === 0xffn ? flagsText(Number(value), CT_STATE) : flagsMasked(Number(value), Number(mask), CT_STATE, 0xff),
  );
  add("ct_zone", "ct_zone", be16);
  add("ct_mark", "ct_mark", hex32);
  add("ct_label", "ct_label", hex128);
  add("ct_nw_src", "ct_nw_src", address4);
  add("ct_ipv6_src", "ct_ipv6_src", address6);
  add("ct_nw_dst", "ct_nw_dst", address4);
  add("ct_ipv6_dst", "ct_ipv6_dst", address6);
  if (m.has("ct_nw_proto")) {
    add("ct_nw_proto", "ct_nw_proto", decimal);
    add("ct_tp_src", "ct_tp_src", be16);
    add("ct_tp_dst", "ct_tp_dst", be16);
  }
  const packetType = m.get("packet_type");
  if (packetType.mask !== 0n && (!m.hasDefaultPacketType() || m.has("recirc_id"))) {
    out.push(packetTypeText(packetType.value, packetType.mask));
    if (packetType.value >> 16n === 1n) type = Number(packetType.value & 0xffffn);
  }

  const hasType = m.has("eth_type");
  let typeSaid = false;
  let protoSaid = false;
  if (hasType && (type === ETH.ip || type === ETH.ipv6)) {
    const named = hasProto ? (type === ETH.ip ? IP_NAMES : IPV6_NAMES)[proto] : undefined;
    out.push(named ?? (type === ETH.ip ? "ip" : "ipv6"));
    protoSaid = named !== undefined;
    typeSaid = true;
  } else if (hasType && TYPE_NAMES[type] !== undefined) {
    out.push(TYPE_NAMES[type]);
    typeSaid = true;
  }
  for (const r of REGISTERS) add(r, r, hex32);
  tunnel(m, add, out);
  add("metadata", "metadata", hex64);
  add("in_port", "in_port", () => port("in_port"));
  vlans(m, out);
  add("dl_src", "eth_src", mac);
  add("dl_dst", "eth_dst", mac);
  if (hasType && !typeSaid) out.push(`dl_type=${hexDigits(type, 4)}`);
  const arp = type === ETH.arp || type === ETH.rarp;
  if (type === ETH.ipv6) {
    add("ipv6_src", "ipv6_src", address6);
    add("ipv6_dst", "ipv6_dst", address6);
    add("ipv6_label", "ipv6_label", ({ value, mask }) =>
      mask === 0xfffffn ? hexDigits(value, 5) : `${hexDigits(value, 5)}/${hexDigits(mask, 5)}`,
    );
  } else if (arp) {
    add("arp_spa", "nw_src", address4);
    add("arp_tpa", "nw_dst", address4);
  } else if (type === ETH.nsh) nsh(m, add);
  else {
    add("nw_src", "nw_src", address4);
    add("nw_dst", "nw_dst", address4);
  }
  if (!protoSaid) add(arp ? "arp_op" : "nw_proto", "nw_proto", decimal);
  if (arp) {
    add("arp_sha", "arp_sha", mac);
    add("arp_tha", "arp_tha", mac);
  }
  const tos = m.get("nw_tos");
  if ((tos.mask & 0xfcn) !== 0n) out.push(`nw_tos=${tos.value & 0xfcn}`);
  if ((tos.mask & 3n) !== 0n) out.push(`nw_ecn=${tos.value & 3n}`);
  add("nw_ttl", "nw_ttl", decimal);
  labels(m, add, out);
  fragment(m, out);
  ports(add, type, proto);
  if (type === ETH.ip || type === ETH.ipv6)
    if (proto === PROTO.tcp) add("tcp_flags", "tcp_flags", (b) => flagsMasked(Number(b.value), Number(b.mask & 0xfffn), TCP_FLAGS, 0xfff));
  return out.join(",");
}

type Add = (name: string, place: string, write: Writer) => void;

function tunnel(m: FlowMatch, add: Add, out: string[]): void {
  add("tun_id", "tun_id", hex64);
  add("tun_src", "tun_src", address4);
  add("tun_dst", "tun_dst", address4);
  add("tun_ipv6_src", "tun_ipv6_src", address6);
  add("tun_ipv6_dst", "tun_ipv6_dst", address6);
  add("tun_gbp_id", "tun_gbp_id", be16);
  add("tun_gbp_flags", "tun_gbp_flags", (b) => hex(b.value));
  // Hexadecimal without a sign of it.
  add("tun_tos", "tun_tos", (b) => b.value.toString(16));
  add("tun_ttl", "tun_ttl", decimal);
  add("tun_erspan_ver", "tun_erspan_ver", decimal);
  const version = m.value("tun_erspan_ver");
  if (version === 1) add("tun_erspan_idx", "tun_erspan_idx", (b) => hex(b.value));
  if (version === 2) {
    add("tun_erspan_dir", "tun_erspan_dir", decimal);
    add("tun_erspan_hwid", "tun_erspan_hwid", (b) => hex(b.value));
  }
  add("gtpu_flags", "tun_gtpu_flags", (b) => hex(b.value));
  add("gtpu_msgtype", "tun_gtpu_msgtype", decimal);
  add("tun_flags", "tun_flags", (b) => flagsMasked(Number(b.value), Number(b.mask & 0xfn), TUN_FLAGS, 0xf));
  for (const [i, o] of [...m.options].sort((a, b) => a[0] - b[0])) {
    if (!o.present) out.push(`tun_metadata${i}=NP`);
    else if (o.masked && o.mask === 0n) out.push(`tun_metadata${i}`);
    else out.push(`tun_metadata${i}=${hex(o.value)}${o.mask === bytesMask(o.bytes) ? "" : `/${hex(o.mask)}`}`);
  }
}

/** Tags as `dl_vlan` and `dl_vlan_pcp` where just these are asked for, else as the tag's 16 bits. */
function vlans(m: FlowMatch, out: string[]): void {
  for (const [i, place] of ["vlan_tci", "vlan_tci1"].entries()) {
    const { value, mask } = m.get(place);
    if (mask === 0n) break;
    const n = i === 0 ? "" : String(i);
    const vid = mask & 0xfffn;
    const pcp = mask & 0xe000n;
    const parts = (vid === 0n || vid === 0xfffn) && (pcp === 0n || pcp === 0xe000n) && (vid | pcp) !== 0n;
    if ((mask & 0x1000n) !== 0n && (value & 0x1000n) !== 0n && parts) {
      if (vid !== 0n) out.push(`dl_vlan${n}=${value & 0xfffn}`);
      if (pcp !== 0n) out.push(`dl_vlan_pcp${n}=${value >> 13n}`);
    } else if (mask === 0xffffn) out.push(`vlan_tci${n}=${hexDigits(value, 4)}`);
    else out.push(`vlan_tci${n}=${hexDigits(value, 4)}/${hexDigits(mask, 4)}`);
  }
}

function nsh(m: FlowMatch, add: Add): void {
  add("nsh_flags", "nsh_flags", u8);
  add("nsh_ttl", "nsh_ttl", u8);
  add("nsh_mdtype", "nsh_mdtype", u8);
  add("nsh_np", "nsh_np", u8);
  add("nsh_spi", "nsh_spi", hexAlways(24));
  add("nsh_si", "nsh_si", u8);
  const type = m.get("nsh_mdtype");
  if (type.mask === 0xffn && type.value === 1n) for (let i = 1; i <= 4; i++) add(`nsh_c${i}`, `nsh_c${i}`, hexAlways(32));
}

function labels(m: FlowMatch, add: Add, out: string[]): void {
  const { value, mask } = m.get("mpls_lse");
  if ((mask & 0xfffff000n) !== 0n) out.push(`mpls_label=${value >> 12n}`);
  if ((mask & 0xe00n) !== 0n) out.push(`mpls_tc=${(value >> 9n) & 7n}`);
  if ((mask & 0xffn) !== 0n) out.push(`mpls_ttl=${value & 0xffn}`);
  if ((mask & 0x100n) !== 0n) out.push(`mpls_bos=${(value >> 8n) & 1n}`);
  add("mpls_lse1", "mpls_lse1", decimalOrHex(32, 8));
  add("mpls_lse2", "mpls_lse2", decimalOrHex(32, 8));
}

function fragment(m: FlowMatch, out: string[]): void {
  const b = m.get("nw_frag");
  const value = Number(b.value);
  switch (Number(b.mask & 3n)) {
    case 3:
      out.push(`nw_frag=${["no", "first", "<error>", "later"][value & 3]}`);
      break;
    case 1:
      out.push(`nw_frag=${value & 1 ? "yes" : "no"}`);
      break;
    case 2:
      out.push(`nw_frag=${value & 2 ? "later" : "not_later"}`);
  }
}

function ports(add: Add, type: number, proto: number): void {
  if (type === ETH.ip && proto === PROTO.icmp) {
    add("icmp_type", "tp_src", be16);
    add("icmp_code", "tp_dst", be16);
  } else if (type === ETH.ipv6 && proto === PROTO.icmp6) {
    add("icmp_type", "tp_src", be16);
    add("icmp_code", "tp_dst", be16);
    add("nd_target", "nd_target", address6);
    add("nd_sll", "arp_sha", mac);
    add("nd_tll", "arp_tha", mac);
    add("nd_reserved", "igmp", decimalOrHex(32, 8));
    add("nd_options_type", "tcp_flags", be16);
  } else {
    add("tp_src", "tp_src", be16);
    add("tp_dst", "tp_dst", be16);
  }
}
