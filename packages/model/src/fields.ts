/**
 * The field registry: every name that a packet's header vector has, and where its bits live.
 *
 * A packet is one row of {@link ROW_WORDS} unsigned 32-bit words (host numbers, not network byte order). A field of up
 * to 32 bits owns the low bits of one word; a wider field owns consecutive words, most significant first, and its
 * excess high bits are the low bits of the first word (a MAC is [16 bits, 32 bits]). Overlays share words: `xreg0` is
 * reg0:reg1, `xxreg0` is reg0:reg1:reg2:reg3, as in Open vSwitch (ovs-fields(7), "Registers").
 *
 * This table is the single source: the AssemblyScript constants (`fieldConstants`) and `docs/fields.md` are generated
 * from it. Names are OVS names where OVS has one, so that a match prints as an engineer would type it.
 */

/** Words in a packet row. A power of two, so that a row's address is a shift. The rarest fields have the last words: a machine
 * that knows which words a network and its packets can use need not move the others. */
export const ROW_WORDS = 256;

/** Where a field comes from and when it must be wiped. */
export type FieldClass =
  /** Part of the frame: survives every link. */
  | "header"
  /** Meaning private to a device (ports, registers, connection state): cleared when a packet enters a device. */
  | "device"
  /** The tuple inside an ICMP error: part of the frame, but only of such frames. */
  | "inner"
  /** Tunnel key and options: carried by the outer header through the underlay, visible after decap. */
  | "tunnel";

export interface Field {
  readonly name: string;
  /** Other names: NXM/OXM spellings and older OVS spellings. */
  readonly aliases: readonly string[];
  /** Width in bits. */
  readonly bits: number;
  /** Index of the first (most significant) word. */
  readonly word: number;
  /** Number of words. */
  readonly words: number;
  readonly cls: FieldClass;
  /** How values print and parse. */
  readonly format: "dec" | "hex" | "ipv4" | "ipv6" | "mac" | "ct_state" | "tcp_flags" | "frag" | "port";
  /** Field assignments that must hold for this field to mean anything, e.g. `ip_src` needs eth_type=0x0800. */
  readonly needs: string;
  readonly doc: string;
}

type Spec = [name: string, bits: number, cls: FieldClass, format: Field["format"], aliases: string, needs: string, doc: string];

const IP = "eth_type=0x0800|0x86dd";
const SPEC: Spec[] = [
  ["in_port", 32, "device", "port", "NXM_OF_IN_PORT OXM_OF_IN_PORT in_port_oxm", "", "Port on which the packet entered the device"],
  ["out_port", 32, "device", "port", "", "", "Port chosen by routing on a host (netfilter's -o)"],
  ["packet_len", 32, "header", "dec", "", "", "Frame length in bytes, Ethernet header included"],
  ["eth_dst", 48, "header", "mac", "dl_dst NXM_OF_ETH_DST OXM_OF_ETH_DST", "", "Destination MAC"],
  ["eth_src", 48, "header", "mac", "dl_src NXM_OF_ETH_SRC OXM_OF_ETH_SRC", "", "Source MAC"],
  ["eth_type", 16, "header", "hex", "dl_type NXM_OF_ETH_TYPE OXM_OF_ETH_TYPE", "", "EtherType behind any VLAN tags"],
  ["vlan_tci", 16, "header", "hex", "NXM_OF_VLAN_TCI", "", "Outer 802.1Q tag; bit 0x1000 is set where a tag is present (OVS meaning)"],
  ["vlan_tci2", 16, "header", "hex", "", "", "Second 802.1Q tag, same form"],
  ["mpls_lse", 32, "header", "hex", "", "eth_type=0x8847|0x8848", "Top MPLS label stack entry"],
  ["ip_proto", 8, "header", "dec", "nw_proto NXM_OF_IP_PROTO OXM_OF_IP_PROTO", IP, "IP protocol or last IPv6 next header"],
  ["nw_tos", 8, "header", "hex", "ip_tos NXM_OF_IP_TOS", IP, "DSCP in bits 7..2, ECN in bits 1..0"],
  ["ip_ttl", 8, "header", "dec", "nw_ttl NXM_NX_IP_TTL OXM_OF_IP_TTL", IP, "TTL or hop limit"],
  ["ip_frag", 2, "header", "frag", "nw_frag NXM_NX_IP_FRAG", IP, "Bit 0: any fragment; bit 1: not the first"],
  ["ip_src", 32, "header", "ipv4", "nw_src NXM_OF_IP_SRC OXM_OF_IPV4_SRC ipv4_src", "eth_type=0x0800", "IPv4 source"],
  ["ip_dst", 32, "header", "ipv4", "nw_dst NXM_OF_IP_DST OXM_OF_IPV4_DST ipv4_dst", "eth_type=0x0800", "IPv4 destination"],
  ["ipv6_src", 128, "header", "ipv6", "NXM_NX_IPV6_SRC OXM_OF_IPV6_SRC", "eth_type=0x86dd", "IPv6 source"],
  ["ipv6_dst", 128, "header", "ipv6", "NXM_NX_IPV6_DST OXM_OF_IPV6_DST", "eth_type=0x86dd", "IPv6 destination"],
  ["ipv6_label", 20, "header", "hex", "NXM_NX_IPV6_LABEL OXM_OF_IPV6_FLABEL", "eth_type=0x86dd", "IPv6 flow label"],
  [
    "tp_src",
    16,
    "header",
    "dec",
    "NXM_OF_TCP_SRC NXM_OF_UDP_SRC OXM_OF_TCP_SRC OXM_OF_UDP_SRC OXM_OF_SCTP_SRC tcp_src udp_src sctp_src",
    "ip_proto=6|17|132",
    "TCP, UDP or SCTP source port",
  ],
  [
    "tp_dst",
    16,
    "header",
    "dec",
    "NXM_OF_TCP_DST NXM_OF_UDP_DST OXM_OF_TCP_DST OXM_OF_UDP_DST OXM_OF_SCTP_DST tcp_dst udp_dst sctp_dst",
    "ip_proto=6|17|132",
    "TCP, UDP or SCTP destination port",
  ],
  [
    "tcp_flags",
    12,
    "header",
    "tcp_flags",
    "NXM_NX_TCP_FLAGS OXM_OF_TCP_FLAGS ONFOXM_ET_TCP_FLAGS",
    "ip_proto=6",
    "TCP flags, FIN is bit 0",
  ],
  [
    "icmp_type",
    8,
    "header",
    "dec",
    "icmpv6_type NXM_OF_ICMP_TYPE NXM_NX_ICMPV6_TYPE OXM_OF_ICMPV4_TYPE OXM_OF_ICMPV6_TYPE",
    "ip_proto=1|58",
    "ICMP or ICMPv6 type",
  ],
  [
    "icmp_code",
    8,
    "header",
    "dec",
    "icmpv6_code NXM_OF_ICMP_CODE NXM_NX_ICMPV6_CODE OXM_OF_ICMPV4_CODE OXM_OF_ICMPV6_CODE",
    "ip_proto=1|58",
    "ICMP or ICMPv6 code",
  ],
  ["icmp_id", 16, "header", "dec", "", "ip_proto=1|58", "Echo identifier (what connection tracking keys on)"],
  ["arp_op", 16, "header", "dec", "NXM_OF_ARP_OP OXM_OF_ARP_OP", "eth_type=0x0806|0x8035", "ARP opcode"],
  ["arp_spa", 32, "header", "ipv4", "NXM_OF_ARP_SPA OXM_OF_ARP_SPA", "eth_type=0x0806|0x8035", "ARP sender address"],
  ["arp_tpa", 32, "header", "ipv4", "NXM_OF_ARP_TPA OXM_OF_ARP_TPA", "eth_type=0x0806|0x8035", "ARP target address"],
  ["arp_sha", 48, "header", "mac", "NXM_NX_ARP_SHA OXM_OF_ARP_SHA", "eth_type=0x0806|0x8035", "ARP sender MAC"],
  ["arp_tha", 48, "header", "mac", "NXM_NX_ARP_THA OXM_OF_ARP_THA", "eth_type=0x0806|0x8035", "ARP target MAC"],
  ["nd_target", 128, "header", "ipv6", "NXM_NX_ND_TARGET OXM_OF_IPV6_ND_TARGET", "icmp_type=135|136", "Neighbour discovery target"],
  ["nd_sll", 48, "header", "mac", "NXM_NX_ND_SLL OXM_OF_IPV6_ND_SLL", "icmp_type=135", "Neighbour discovery source link layer address"],
  ["nd_tll", 48, "header", "mac", "NXM_NX_ND_TLL OXM_OF_IPV6_ND_TLL", "icmp_type=136", "Neighbour discovery target link layer address"],
  [
    "nd_options",
    8,
    "header",
    "dec",
    "nd_options_type NXM_NX_ND_OPTIONS_TYPE ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE",
    "icmp_type=135|136",
    "Neighbour discovery option type",
  ],
  [
    "nd_reserved",
    32,
    "header",
    "hex",
    "NXM_NX_ND_RESERVED ERICOXM_OF_ICMPV6_ND_RESERVED",
    "icmp_type=135|136",
    "Neighbour discovery reserved bits",
  ],
  ["inner_proto", 8, "inner", "dec", "", "", "ICMP error: protocol of the quoted packet"],
  ["inner_src", 128, "inner", "ipv6", "", "", "ICMP error: source of the quoted packet (an IPv4 address in the low 32 bits)"],
  ["inner_dst", 128, "inner", "ipv6", "", "", "ICMP error: destination of the quoted packet"],
  ["inner_tp_src", 16, "inner", "dec", "", "", "ICMP error: source port (or echo id) of the quoted packet"],
  ["inner_tp_dst", 16, "inner", "dec", "", "", "ICMP error: destination port (or echo id) of the quoted packet"],
  ["tun_id", 64, "tunnel", "hex", "tunnel_id NXM_NX_TUN_ID OXM_OF_TUNNEL_ID", "", "Tunnel key (geneve VNI)"],
  ["tun_src", 32, "tunnel", "ipv4", "NXM_NX_TUN_IPV4_SRC", "", "Outer IPv4 source"],
  ["tun_dst", 32, "tunnel", "ipv4", "NXM_NX_TUN_IPV4_DST", "", "Outer IPv4 destination"],
  ["tun_flags", 16, "tunnel", "hex", "NXM_NX_TUN_FLAGS", "", "Tunnel flags"],
  ["metadata", 64, "device", "hex", "OXM_OF_METADATA", "", "OpenFlow metadata; OVN's datapath key"],
  ["pkt_mark", 32, "device", "hex", "NXM_NX_PKT_MARK mark", "", "skb mark (kept over a link where the link says so)"],
  [
    "ct_state",
    32,
    "device",
    "ct_state",
    "NXM_NX_CT_STATE",
    "",
    "Connection state: new 1, est 2, rel 4, rpl 8, inv 0x10, trk 0x20, snat 0x40, dnat 0x80",
  ],
  ["ct_zone", 16, "device", "dec", "NXM_NX_CT_ZONE", "", "Zone of the last ct()"],
  ["ct_mark", 32, "device", "hex", "NXM_NX_CT_MARK", "", "Connection mark"],
  ["ct_label", 128, "device", "hex", "NXM_NX_CT_LABEL", "", "Connection label"],
  ["ct_nw_proto", 8, "device", "dec", "NXM_NX_CT_NW_PROTO", "", "Original direction: protocol"],
  ["ct_nw_src", 32, "device", "ipv4", "NXM_NX_CT_NW_SRC", "", "Original direction: IPv4 source"],
  ["ct_nw_dst", 32, "device", "ipv4", "NXM_NX_CT_NW_DST", "", "Original direction: IPv4 destination"],
  ["ct_ipv6_src", 128, "device", "ipv6", "NXM_NX_CT_IPV6_SRC", "", "Original direction: IPv6 source"],
  ["ct_ipv6_dst", 128, "device", "ipv6", "NXM_NX_CT_IPV6_DST", "", "Original direction: IPv6 destination"],
  ["ct_tp_src", 16, "device", "dec", "NXM_NX_CT_TP_SRC", "", "Original direction: source port"],
  ["ct_tp_dst", 16, "device", "dec", "NXM_NX_CT_TP_DST", "", "Original direction: destination port"],
  ["dp_hash", 32, "device", "hex", "NXM_NX_DP_HASH", "", "Datapath hash"],
  ["recirc_id", 32, "device", "hex", "NXM_NX_RECIRC_ID", "", "Recirculation id"],
  ["conj_id", 32, "device", "dec", "NXM_NX_CONJ_ID", "", "Set by a complete conjunctive match while the table is searched again"],
  ["nexthop", 128, "device", "ipv6", "", "", "Next hop chosen by routing on a host (IPv4 in the low 32 bits)"],
  ["uid", 32, "device", "dec", "", "", "Socket owner of a locally sent packet, 0xffffffff when unknown"],
];
for (let i = 0; i < 16; i++) SPEC.push([`reg${i}`, 32, "device", "hex", `NXM_NX_REG${i}`, "", `Register ${i}`]);

/** Geneve options that rows hold, and the bits held of each; Open vSwitch has 64 of up to 992 bits. */
export const TUN_METADATA = { fields: 16, bits: 128 } as const;
const option = (i: number): Spec => [
  `tun_metadata${i}`,
  TUN_METADATA.bits,
  "tunnel",
  "hex",
  `NXM_NX_TUN_METADATA${i}`,
  "",
  `Geneve option mapped to tun_metadata${i}, right aligned`,
];
const MPLS = "eth_type=0x8847|0x8848";
const NSH = "eth_type=0x894f";
// The rare ones, rarer towards the end. tun_metadata0 is the one of them that OVN uses.
SPEC.push(
  option(0),
  ["skb_priority", 32, "device", "dec", "", "", "skb priority: what `set_queue` and tc look at"],
  ["actset_output", 32, "device", "port", "OXM_OF_ACTSET_OUTPUT ONFOXM_ET_ACTSET_OUTPUT", "", "Output port of the action set"],
  ["packet_type", 32, "header", "hex", "OXM_OF_PACKET_TYPE", "", "Namespace << 16 | type of a packet; 0 is Ethernet"],
  ["tun_tos", 8, "tunnel", "hex", "", "", "TOS or traffic class of the outer packet"],
  ["tun_ttl", 8, "tunnel", "dec", "", "", "TTL or hop limit of the outer packet"],
  ["tun_ipv6_src", 128, "tunnel", "ipv6", "NXM_NX_TUN_IPV6_SRC", "", "Outer IPv6 source"],
  ["tun_ipv6_dst", 128, "tunnel", "ipv6", "NXM_NX_TUN_IPV6_DST", "", "Outer IPv6 destination"],
  ["mpls_lse1", 32, "header", "hex", "", MPLS, "Second MPLS label stack entry"],
  ["mpls_lse2", 32, "header", "hex", "", MPLS, "Third MPLS label stack entry"],
  ["nsh_flags", 8, "header", "dec", "NXOXM_NSH_FLAGS", NSH, "NSH flags (RFC 8300)"],
  ["nsh_ttl", 8, "header", "dec", "NXOXM_NSH_TTL", NSH, "NSH TTL"],
  ["nsh_mdtype", 8, "header", "dec", "NXOXM_NSH_MDTYPE", NSH, "NSH metadata type"],
  ["nsh_np", 8, "header", "dec", "NXOXM_NSH_NP", NSH, "NSH next protocol"],
  ["nsh_spi", 24, "header", "hex", "NXOXM_NSH_SPI nsp", NSH, "NSH service path identifier"],
  ["nsh_si", 8, "header", "dec", "NXOXM_NSH_SI nsi", NSH, "NSH service index"],
  ["nsh_c1", 32, "header", "hex", "NXOXM_NSH_C1 nshc1", "nsh_mdtype=1", "NSH context 1"],
  ["nsh_c2", 32, "header", "hex", "NXOXM_NSH_C2 nshc2", "nsh_mdtype=1", "NSH context 2"],
  ["nsh_c3", 32, "header", "hex", "NXOXM_NSH_C3 nshc3", "nsh_mdtype=1", "NSH context 3"],
  ["nsh_c4", 32, "header", "hex", "NXOXM_NSH_C4 nshc4", "nsh_mdtype=1", "NSH context 4"],
  ["tun_gbp_id", 16, "tunnel", "dec", "NXM_NX_TUN_GBP_ID", "", "VXLAN group policy id"],
  ["tun_gbp_flags", 8, "tunnel", "hex", "NXM_NX_TUN_GBP_FLAGS", "", "VXLAN group policy flags"],
  ["tun_erspan_idx", 20, "tunnel", "hex", "NXOXM_ET_ERSPAN_IDX", "", "ERSPAN index (version 1)"],
  ["tun_erspan_ver", 4, "tunnel", "dec", "NXOXM_ET_ERSPAN_VER", "", "ERSPAN version"],
  ["tun_erspan_dir", 1, "tunnel", "dec", "NXOXM_ET_ERSPAN_DIR", "", "ERSPAN direction of the mirrored traffic (version 2)"],
  ["tun_erspan_hwid", 6, "tunnel", "hex", "NXOXM_ET_ERSPAN_HWID", "", "ERSPAN engine id (version 2)"],
  ["tun_gtpu_flags", 8, "tunnel", "hex", "NXOXM_ET_GTPU_FLAGS", "", "GTP-U flags"],
  ["tun_gtpu_msgtype", 8, "tunnel", "dec", "NXOXM_ET_GTPU_MSGTYPE", "", "GTP-U message type"],
);
for (let i = 1; i < TUN_METADATA.fields; i++) SPEC.push(option(i));

function build(): { fields: Field[]; used: number } {
  const fields: Field[] = [];
  let word = 0;
  for (const [name, bits, cls, format, aliases, needs, doc] of SPEC) {
    const words = Math.ceil(bits / 32);
    fields.push({ name, aliases: aliases ? aliases.split(" ") : [], bits, word, words, cls, format, needs, doc });
    word += words;
  }
  const reg0 = fields.find((f) => f.name === "reg0")!.word;
  for (let i = 0; i < 8; i++)
    fields.push({
      name: `xreg${i}`,
      aliases: [`OXM_OF_PKT_REG${i}`],
      bits: 64,
      word: reg0 + 2 * i,
      words: 2,
      cls: "device",
      format: "hex",
      needs: "",
      doc: `Overlay of reg${2 * i} and reg${2 * i + 1}`,
    });
  for (let i = 0; i < 4; i++)
    fields.push({
      name: `xxreg${i}`,
      aliases: [`NXM_NX_XXREG${i}`],
      bits: 128,
      word: reg0 + 4 * i,
      words: 4,
      cls: "device",
      format: "hex",
      needs: "",
      doc: `Overlay of reg${4 * i} to reg${4 * i + 3}`,
    });
  return { fields, used: word };
}

const built = build();
if (built.used > ROW_WORDS) throw new Error(`field registry needs ${built.used} words, a row has ${ROW_WORDS}`);

/** All fields, in word order, overlays last. */
export const FIELDS: readonly Field[] = built.fields;
/** Words of a row that some field owns; the rest is zero. */
export const USED_WORDS = built.used;

const BY_NAME = new Map<string, Field>();
for (const f of FIELDS) for (const n of [f.name, ...f.aliases]) BY_NAME.set(n, f);

/** The field of that name or alias, or undefined. */
export function findField(name: string): Field | undefined {
  return BY_NAME.get(name);
}

/** The field of that name; an unknown name is a bug of the caller (parsers use {@link findField}). */
export function field(name: string): Field {
  const f = BY_NAME.get(name);
  if (!f) throw new Error(`no field '${name}' in the registry`);
  return f;
}

/** Word indexes of all fields of class `cls`, ascending, overlays not repeated. */
export function wordsOf(cls: FieldClass): number[] {
  const out: number[] = [];
  for (const f of FIELDS) {
    if (f.cls !== cls || f.name.startsWith("xreg") || f.name.startsWith("xxreg")) continue;
    for (let i = 0; i < f.words; i++) out.push(f.word + i);
  }
  return out.sort((a, b) => a - b);
}

/** ct_state bits, as in OVS (include/openvswitch/packets.h, CS_*). */
export const CT = { new: 0x01, est: 0x02, rel: 0x04, rpl: 0x08, inv: 0x10, trk: 0x20, snat: 0x40, dnat: 0x80 } as const;

/** TCP flag bits. */
export const TCP = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 0x10, urg: 0x20, ece: 0x40, cwr: 0x80, ns: 0x100 } as const;

/** The AssemblyScript constants generated from the registry (`packages/core-wasm/assembly/fields.ts`). */
export function fieldConstants(): string {
  const up = (s: string) => s.toUpperCase();
  const lines = [
    "// Generated from packages/model/src/fields.ts by `npm run gen`. Do not edit.",
    `export const ROW_WORDS: u32 = ${ROW_WORDS};`,
    `export const USED_WORDS: u32 = ${USED_WORDS};`,
  ];
  for (const f of FIELDS) lines.push(`export const F_${up(f.name)}: u32 = ${f.word};`);
  for (const [k, v] of Object.entries(CT)) lines.push(`export const CT_${up(k)}: u32 = ${v};`);
  for (const [k, v] of Object.entries(TCP)) lines.push(`export const TCP_${up(k)}: u32 = ${v};`);
  for (const cls of ["device", "inner", "tunnel"] as const) lines.push(`// words of class ${cls}: ${wordsOf(cls).join(" ")}`);
  return `${lines.join("\n")}\n`;
}
