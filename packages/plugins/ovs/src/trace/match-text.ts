/**
 * A masked set of headers in the words in which Open vSwitch prints it (lib/match.c, match_format): a megaflow.
 */
import { CT, field, getBig, ipv4Text, ipv6Text, macText, type Row, TCP, TUN_METADATA } from "@plumbline/model";
import { reservedName } from "../ports.js";
import { CFI, ETH, type Headers, PROTO, PT } from "./headers.js";

const TYPE_NAME: Record<number, string> = {
  [ETH.ip]: "ip",
  [ETH.ipv6]: "ipv6",
  [ETH.arp]: "arp",
  [ETH.rarp]: "rarp",
  [ETH.mpls]: "mpls",
  [ETH.mplsm]: "mplsm",
};
const IP_NAME: Record<number, string> = {
  [PROTO.icmp]: "icmp",
  [PROTO.igmp]: "igmp",
  [PROTO.tcp]: "tcp",
  [PROTO.udp]: "udp",
  [PROTO.sctp]: "sctp",
};
const IP6_NAME: Record<number, string> = { [PROTO.icmp6]: "icmp6", [PROTO.tcp]: "tcp6", [PROTO.udp]: "udp6", [PROTO.sctp]: "sctp6" };
const DSCP = 0xfc;
const ECN = 3;
const TUNNEL_FLAGS: readonly [number, string][] = [
  [1, "oam"],
  [2, "df"],
  [4, "csum"],
  [8, "key"],
];
/** Flags of a tunnel that OpenFlow sees. */
const TUNNEL_FLAGS_SEEN = 1;

/** Writes ports; a name where one is to be printed. */
export type PortText = (port: number) => string;
export const portNumberText: PortText = (port) => {
  const name = reservedName(port);
  return name === "NONE" ? "ANY" : (name ?? String(port));
};

const hex = (v: bigint | number) => (v === 0 || v === 0n ? "0" : `0x${v.toString(16)}`);
const hex0 = (v: number, digits: number) => `0x${v.toString(16).padStart(digits, "0")}`;

/** Appends one condition after another. */
class Words {
  readonly parts: string[] = [];
  constructor(
    private readonly value: Row,
    private readonly mask: Row,
  ) {}
  v(name: string): bigint {
    return getBig(this.value, name);
  }
  m(name: string): bigint {
    return getBig(this.mask, name);
  }
  put(text: string): void {
    this.parts.push(text);
  }
  /** `name=value` or `name=value/mask`, if any bit counts. */
  private masked(label: string, name: string, one: (v: bigint) => string, maskText: (m: bigint) => string = one): void {
    const m = this.m(name);
    if (m === 0n) return;
    const full = (1n << BigInt(field(name).bits)) - 1n;
    this.put(m === full ? `${label}=${one(this.v(name))}` : `${label}=${one(this.v(name))}/${maskText(m)}`);
  }
  hex(label: string, name = label): void {
    this.masked(
      label,
      name,
      (v) => hex(v),
      (m) => hex(m),
    );
  }
  dec(label: string, name = label): void {
    const m = this.m(name);
    if (m === 0n) return;
    const full = (1n << BigInt(field(name).bits)) - 1n;
    // A masked number is easier to read in hexadecimal.
    this.put(m === full ? `${label}=${this.v(name)}` : `${label}=0x${this.v(name).toString(16)}/0x${m.toString(16)}`);
  }
  ip(label: string, name = label): void {
    this.masked(label, name, ipv4Text, (m) => prefix(m, 32) ?? ipv4Text(m));
  }
  ip6(label: string, name = label): void {
    this.masked(label, name, ipv6Text, (m) => prefix(m, 128) ?? ipv6Text(m));
  }
  mac(label: string, name = label): void {
    this.masked(label, name, macText);
  }
}

/** Length of a prefix mask, null if it is none. */
function prefix(mask: bigint, bits: number): string | null {
  const full = (1n << BigInt(bits)) - 1n;
  const rest = ~mask & full;
  return (rest & (rest + 1n)) === 0n ? String(bits - rest.toString(2).length + (rest === 0n ? 1 : 0)) : null;
}

function flags(v: number, names: Readonly<Record<string, number>>): string {
  const words = Object.entries(names)
    .filter(([, bit]) => v & bit)
    .map(([name]) => name);
  return words.join("|") || "0";
}
function maskedFlags(v: number, m: number, names: Readonly<Record<string, number>>): string {
  return Object.entries(names)
    .filter(([, bit]) => m & bit)
    .map(([name, bit]) => `${v & bit ? "+" : "-"}${name}`)
    .join("");
}

/**
 * @param flow values; bits that do not count must be zero
 * @param mask bits that count
 */
export function matchText(flow: Headers, mask: Headers, port: PortText = portNumberText): string {
  const w = new Words(flow.row, mask.row);
  const n = (name: string) => Number(w.v(name));
  const mk = (name: string) => Number(w.m(name));
  const type = mk("eth_type") === 0xffff ? flow.ethType : 0;
  w.hex("pkt_mark");
  const megaflow = w.m("recirc_id") !== 0n;
  if (megaflow) w.put(`recirc_id=${hex(w.v("recirc_id"))}`);
  w.hex("dp_hash");
  w.dec("conj_id");
  if (w.m("skb_priority") !== 0n) w.put(`skb_priority=${hex(w.v("skb_priority"))}`);
  if (w.m("actset_output") !== 0n) w.put(`actset_output=${port(n("actset_output"))}`);
  if (mk("ct_state") !== 0)
    w.put(`ct_state=${(mk("ct_state") & 0xff) === 0xff ? flags(n("ct_state"), CT) : maskedFlags(n("ct_state"), mk("ct_state"), CT)}`);
  w.dec("ct_zone");
  w.hex("ct_mark");
  w.hex("ct_label");
  w.ip("ct_nw_src");
  w.ip6("ct_ipv6_src");
  w.ip("ct_nw_dst");
  w.ip6("ct_ipv6_dst");
  if (mk("ct_nw_proto") !== 0) {
    w.dec("ct_nw_proto");
    w.dec("ct_tp_src");
    w.dec("ct_tp_dst");
  }
  if (mk("packet_type") !== 0 && (megaflow || n("packet_type") !== PT.eth)) {
    const pt = n("packet_type");
    w.put(pt === PT.eth ? "eth" : `packet_type=(${pt >>> 16},${hex(pt & 0xffff)})`);
  }
  const { typed, protoNamed } = shorthand(w, type, n("ip_proto"), mk("ip_proto"), n("packet_type"));
  for (let i = 0; i < 16; i++) w.hex(`reg${i}`);
  tunnel(w);
  w.hex("metadata");
  if (mk("in_port") !== 0) w.put(`in_port=${port(n("in_port"))}`);
  vlan(w, n, mk, mask.tpid);
  w.mac("dl_src", "eth_src");
  w.mac("dl_dst", "eth_dst");
  if (!typed && mk("eth_type") !== 0)
    w.put(mk("eth_type") === 0xffff ? `dl_type=${hex0(flow.ethType, 4)}` : `dl_type=${hex0(n("eth_type"), 4)}/${hex0(mk("eth_type"), 4)}`);
  network(w, type, n, mk, protoNamed);
  return w.parts.join(",");
}

/** `tcp`, `ip`, `dl_type=…`: what says most in one word. */
function shorthand(w: Words, type: number, proto: number, protoMask: number, packetType: number): { typed: boolean; protoNamed: boolean } {
  const name = TYPE_NAME[type];
  if (name === undefined || (packetType !== PT.eth && packetType >>> 16 === 1))
    return { typed: packetType !== PT.eth && packetType >>> 16 === 1, protoNamed: false };
  const l4 = type === ETH.ip ? IP_NAME[proto] : type === ETH.ipv6 ? IP6_NAME[proto] : undefined;
  if (l4 !== undefined && protoMask === 0xff) {
    w.put(l4);
    return { typed: true, protoNamed: true };
  }
  w.put(name);
  return { typed: true, protoNamed: false };
}

function tunnel(w: Words): void {
  w.hex("tun_id");
  w.ip("tun_src");
  w.ip("tun_dst");
  w.ip6("tun_ipv6_src");
  w.ip6("tun_ipv6_dst");
  w.dec("tun_gbp_id");
  if (w.m("tun_gbp_flags") !== 0n) w.put(`tun_gbp_flags=${hex(w.v("tun_gbp_flags"))}`);
  if (w.m("tun_tos") !== 0n) w.put(`tun_tos=${w.v("tun_tos").toString(16)}`);
  if (w.m("tun_ttl") !== 0n) w.put(`tun_ttl=${w.v("tun_ttl")}`);
  if (w.m("tun_erspan_ver") !== 0n) w.put(`tun_erspan_ver=${w.v("tun_erspan_ver")}`);
  for (const f of ["tun_erspan_idx", "tun_erspan_dir", "tun_erspan_hwid"]) if (w.m(f) !== 0n) w.put(`${f}=${hex(w.v(f))}`);
  if (w.m("tun_gtpu_flags") !== 0n) w.put(`gtpu_flags=${hex(w.v("tun_gtpu_flags"))}`);
  if (w.m("tun_gtpu_msgtype") !== 0n) w.put(`gtpu_msgtype=${w.v("tun_gtpu_msgtype")}`);
  const m = Number(w.m("tun_flags"));
  if (m !== 0) {
    const v = Number(w.v("tun_flags"));
    const names = Object.fromEntries(TUNNEL_FLAGS.map(([bit, name]) => [name, bit]));
    w.put(`tun_flags=${(m & TUNNEL_FLAGS_SEEN) === TUNNEL_FLAGS_SEEN && m === 0xffff ? flags(v, names) : maskedFlags(v, m, names)}`);
  }
  for (let i = 0; i < TUN_METADATA.fields; i++) w.hex(`tun_metadata${i}`);
}

function vlan(w: Words, n: (f: string) => number, mk: (f: string) => number, _tpidMask: readonly number[]): void {
  for (const [i, name] of ["vlan_tci", "vlan_tci2"].entries()) {
    const m = mk(name);
    if (m === 0) return;
    const v = n(name);
    const suffix = i === 0 ? "" : String(i);
    const vid = m & 0xfff;
    const pcp = m & 0xe000;
    if (m & CFI && v & CFI && (vid === 0 || vid === 0xfff) && (pcp === 0 || pcp === 0xe000) && (vid || pcp)) {
      if (vid) w.put(`dl_vlan${suffix}=${v & 0xfff}`);
      if (pcp) w.put(`dl_vlan_pcp${suffix}=${v >> 13}`);
    } else w.put(m === 0xffff ? `vlan_tci${suffix}=${hex0(v, 4)}` : `vlan_tci${suffix}=${hex0(v, 4)}/${hex0(m, 4)}`);
  }
}

function network(w: Words, type: number, n: (f: string) => number, mk: (f: string) => number, protoNamed: boolean): void {
  const arp = type === ETH.arp || type === ETH.rarp;
  if (type === ETH.ipv6) {
    w.ip6("ipv6_src");
    w.ip6("ipv6_dst");
    const m = mk("ipv6_label");
    if (m !== 0) w.put(m === 0xfffff ? `ipv6_label=${hex0(n("ipv6_label"), 5)}` : `ipv6_label=${hex0(n("ipv6_label"), 5)}/${hex0(m, 5)}`);
  } else if (arp) {
    w.ip("arp_spa");
    w.ip("arp_tpa");
  } else if (type === ETH.nsh) nsh(w);
  else {
    w.ip("nw_src", "ip_src");
    w.ip("nw_dst", "ip_dst");
  }
  if (arp) w.dec("arp_op");
  else if (!protoNamed) w.dec("nw_proto", "ip_proto");
  if (arp) {
    w.mac("arp_sha");
    w.mac("arp_tha");
  }
  if (mk("nw_tos") & DSCP) w.put(`nw_tos=${n("nw_tos") & DSCP}`);
  if (mk("nw_tos") & ECN) w.put(`nw_ecn=${n("nw_tos") & ECN}`);
  if (mk("ip_ttl") !== 0) w.put(`nw_ttl=${n("ip_ttl")}`);
  const lse = mk("mpls_lse");
  if (lse & 0xfffff000) w.put(`mpls_label=${n("mpls_lse") >>> 12}`);
  if (lse & 0xe00) w.put(`mpls_tc=${(n("mpls_lse") >> 9) & 7}`);
  if (lse & 0xff) w.put(`mpls_ttl=${n("mpls_lse") & 0xff}`);
  if (lse & 0x100) w.put(`mpls_bos=${(n("mpls_lse") >> 8) & 1}`);
  for (const f of ["mpls_lse1", "mpls_lse2"]) {
    const m = mk(f);
    if (m !== 0) w.put(m === 0xffffffff ? `${f}=${hex0(n(f), 8)}` : `${f}=${hex0(n(f), 8)}/${hex0(m, 8)}`);
  }
  fragments(w, n("ip_frag"), mk("ip_frag"));
  transport(w, type, n, mk);
}

function fragments(w: Words, v: number, m: number): void {
  if (m === 3) w.put(`nw_frag=${v & 1 ? (v & 2 ? "later" : "first") : v & 2 ? "<error>" : "no"}`);
  else if (m === 1) w.put(`nw_frag=${v & 1 ? "yes" : "no"}`);
  else if (m === 2) w.put(`nw_frag=${v & 2 ? "later" : "not_later"}`);
}

function transport(w: Words, type: number, n: (f: string) => number, mk: (f: string) => number): void {
  const proto = mk("ip_proto") === 0xff ? n("ip_proto") : 0;
  if (type === ETH.ip && proto === PROTO.icmp) {
    w.dec("icmp_type");
    w.dec("icmp_code");
  } else if (type === ETH.ipv6 && proto === PROTO.icmp6) {
    w.dec("icmp_type");
    w.dec("icmp_code");
    w.ip6("nd_target");
    w.mac("nd_sll");
    w.mac("nd_tll");
    w.hex("nd_reserved");
    if (mk("nd_options") !== 0) w.put(`nd_options_type=${n("nd_options")}`);
  } else {
    w.dec("tp_src");
    w.dec("tp_dst");
    if (proto === PROTO.tcp && (type === ETH.ip || type === ETH.ipv6) && mk("tcp_flags") !== 0) {
      const m = mk("tcp_flags");
      w.put(`tcp_flags=${m === 0xfff ? flags(n("tcp_flags"), TCP) : maskedFlags(n("tcp_flags"), m, TCP)}`);
    }
  }
}

function nsh(w: Words): void {
  w.dec("nsh_flags");
  w.dec("nsh_ttl");
  w.dec("nsh_mdtype");
  w.dec("nsh_np");
  if (w.m("nsh_spi") !== 0n) w.put(`nsh_spi=0x${w.v("nsh_spi").toString(16)}`);
  w.dec("nsh_si");
  for (const f of ["nsh_c1", "nsh_c2", "nsh_c3", "nsh_c4"]) if (w.m(f) !== 0n) w.put(`${f}=0x${w.v(f).toString(16)}`);
}
