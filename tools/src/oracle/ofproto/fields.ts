/**
 * Match fields of ovs-fields(7) as random tables use them: spellings, widths, what a packet must be to have them, and small pools
 * of values, so that packets meet rules and masks part what is near.
 */

import { ADDRESSES, ADDRESSES6, MACS, PORT_NUMBERS } from "../ovs/draw.js";
import type { Random } from "../random.js";
import type { Has } from "./protocols.js";
import { LOCAL, OPTIONS } from "./topology.js";

/** How values are written. */
export type Format = "dec" | "hex" | "ipv4" | "ipv6" | "mac" | "flags" | "frag" | "plain";

export interface MatchField {
  /** As a rule spells it. */
  readonly name: string;
  readonly bits: number;
  readonly format: Format;
  /** The packet must have it; "" for any packet. */
  readonly needs: Has | "";
  /** Values to draw from; numbers of the width where there are none. */
  readonly pool: readonly bigint[];
  /** Masks to draw from; none: it is matched as a whole. */
  readonly masks: readonly bigint[];
  /** Masks that OVS matches and does not print: a dump has lost them. */
  readonly unprinted: readonly bigint[];
  /**
   * Where a packet keeps it: names of {@link PACKET_FIELDS} with the field's bits there, the most significant first. `at`
   * is the lowest bit.
   */
  readonly kept: readonly { readonly in: string; readonly at: number; readonly bits: number }[];
  /** May be written by actions, by this name. */
  readonly written: string;
  readonly subject: Subject;
}
/** Subjects of rules: a set of tables is about some of them. */
export type Subject = "packet" | "registers" | "vlan" | "mpls" | "tunnel" | "connection" | "neighbours" | "fragments" | "nsh" | "actset";

const all = (bits: number) => (1n << BigInt(bits)) - 1n;
const numbers = (...n: number[]) => n.map(BigInt);
const mac = (text: string) => BigInt(`0x${text.replaceAll(":", "")}`);
const ip = (text: string) => text.split(".").reduce((v, b) => (v << 8n) | BigInt(b), 0n);
const ip6 = (text: string) => {
  const [head, tail] = text.split("::").map((p) => p.split(":").filter(Boolean));
  const words = tail === undefined ? head : [...head, ...new Array(8 - head.length - tail.length).fill("0"), ...tail];
  return words.reduce((v, w) => (v << 16n) | BigInt(`0x${w}`), 0n);
};
const prefixes = (bits: number, ...lengths: number[]) => lengths.map((l) => all(bits) & ~(all(bits) >> BigInt(l)));

const MAC_POOL = [...MACS.map(mac), 0n];
const MAC_MASKS = ["01:00:00:00:00:00", "ff:ff:ff:00:00:00", "00:00:00:00:00:ff", "fe:ff:ff:ff:ff:ff"].map(mac);
const IP_POOL = [...ADDRESSES.map(ip), ip("255.255.255.255"), ip("224.0.0.5")];
const IP_MASKS = [...prefixes(32, 1, 7, 8, 9, 15, 16, 23, 24, 30, 31), ip("255.0.0.255"), 1n, ip("0.255.0.0")];
const IP6_POOL = [...ADDRESSES6.map(ip6), ip6("ff02::1"), ip6("::1")];
const IP6_MASKS = [...prefixes(128, 10, 32, 47, 48, 64, 127), ip6("ffff::ffff"), 1n];
const PORT_POOL = numbers(0, ...PORT_NUMBERS);
const PORT_MASKS = numbers(0xff00, 0xfffe, 0xfc00, 1, 0x8000);
const SMALL = numbers(0, 1, 2, 3);
const SMALL_MASKS = numbers(1, 2, 3, 0xff);

interface More {
  needs?: Has | "";
  pool?: readonly bigint[];
  masks?: readonly bigint[];
  unprinted?: readonly bigint[];
  kept?: MatchField["kept"];
  written?: string;
  subject?: Subject;
}
function field(name: string, bits: number, format: Format, more: More = {}): MatchField {
  const { needs = "", pool = [], masks = [], unprinted = [], kept = [{ in: name, at: 0, bits }], written = "", subject = "packet" } = more;
  return { name, bits, format, needs, pool, masks, unprinted, kept, written, subject };
}
const part = (store: string, at: number, bits: number): MatchField["kept"] => [{ in: store, at, bits }];
/** Another spelling of a field. */
const like = (f: MatchField, name: string, more: Partial<MatchField> = {}): MatchField => ({ ...f, name, ...more });
/** Registers, most significant first. */
const registers = (from: number, count: number) => Array.from({ length: count }, (_, i) => ({ in: `reg${from + i}`, at: 0, bits: 32 }));

const dlSrc = field("dl_src", 48, "mac", { pool: MAC_POOL, masks: MAC_MASKS, written: "NXM_OF_ETH_SRC" });
const dlDst = like(dlSrc, "dl_dst", { kept: part("dl_dst", 0, 48), written: "NXM_OF_ETH_DST" });
const nwSrc = field("nw_src", 32, "ipv4", { needs: "ip4", pool: IP_POOL, masks: IP_MASKS, written: "NXM_OF_IP_SRC" });
const nwDst = like(nwSrc, "nw_dst", { kept: part("nw_dst", 0, 32), written: "NXM_OF_IP_DST" });
const six = { needs: "ip6", pool: IP6_POOL, masks: IP6_MASKS } as const;
const inPort = field("in_port", 32, "plain", { pool: numbers(1, 2, 3, 4, 5, 6, LOCAL) });
const port = (name: string, needs: Has, written = "") =>
  field(name, 16, "dec", { needs, pool: PORT_POOL, masks: PORT_MASKS, kept: part(/src/.test(name) ? "tp_src" : "tp_dst", 0, 16), written });
const tun = { subject: "tunnel" } as const;
const ct = { subject: "connection" } as const;
const nd = { subject: "neighbours" } as const;
const nsh = { subject: "nsh", needs: "nsh" } as const;

export const MATCH_FIELDS: readonly MatchField[] = [
  inPort,
  dlSrc,
  dlDst,
  like(dlSrc, "eth_src", { written: "eth_src" }),
  like(dlDst, "eth_dst", { written: "eth_dst" }),
  // VLAN in all spellings.
  field("dl_vlan", 12, "dec", { pool: numbers(1, 10, 100), kept: part("vlan_tci", 0, 12), subject: "vlan", written: "vlan_vid" }),
  field("dl_vlan_pcp", 3, "dec", { kept: part("vlan_tci", 13, 3), subject: "vlan" }),
  field("vlan_vid", 13, "hex", {
    ...{ pool: numbers(0x1001, 0x100a, 0x1000), masks: numbers(0x1000, 0x1fff, 0x1001), kept: part("vlan_tci", 0, 13) },
    ...{ written: "vlan_vid", subject: "vlan" },
  }),
  field("vlan_pcp", 3, "dec", { kept: part("vlan_tci", 13, 3), subject: "vlan", written: "" }),
  field("vlan_tci", 16, "hex", {
    ...{ pool: numbers(0x1001, 0x100a, 0x7064), masks: numbers(0x1000, 0x1fff, 0xf000, 0x0fff, 0x1001) },
    ...{ subject: "vlan", written: "NXM_OF_VLAN_TCI" },
  }),
  nwSrc,
  nwDst,
  like(nwSrc, "ip_src", { written: "ip_src" }),
  like(nwDst, "ip_dst", { written: "ip_dst" }),
  field("ipv6_src", 128, "ipv6", { ...six, written: "ipv6_src" }),
  field("ipv6_dst", 128, "ipv6", { ...six, written: "NXM_NX_IPV6_DST" }),
  field("ipv6_label", 20, "hex", { needs: "ip6", pool: numbers(0, 1, 0xfffff), masks: numbers(1, 0xff, 0xf0000), written: "ipv6_label" }),
  field("nw_tos", 8, "dec", { needs: "ip", pool: numbers(0, 4, 184, 252), kept: part("nw_tos", 0, 8), written: "" }),
  field("ip_dscp", 6, "dec", { needs: "ip", pool: numbers(0, 1, 46), kept: part("nw_tos", 2, 6), written: "ip_dscp" }),
  field("nw_ecn", 2, "dec", { needs: "ip", kept: part("nw_tos", 0, 2), written: "" }),
  field("ip_ecn", 2, "dec", { needs: "ip", kept: part("nw_tos", 0, 2), written: "nw_ecn" }),
  field("nw_ttl", 8, "dec", { needs: "ip", pool: numbers(0, 1, 2, 64, 255), written: "nw_ttl" }),
  field("nw_frag", 2, "frag", { needs: "ip", pool: numbers(0, 1, 3), subject: "fragments" }),
  field("tcp_flags", 12, "flags", { needs: "tcp", pool: numbers(2, 0x12, 0x10, 4, 0x11), masks: numbers(2, 0x12, 4, 0x17), written: "" }),
  ...(["tcp", "udp", "sctp"] as const).flatMap((p) => [
    port(`${p}_src`, p, p === "sctp" ? "sctp_src" : `NXM_OF_${p.toUpperCase()}_SRC`),
    port(`${p}_dst`, p, `${p}_dst`),
  ]),
  port("tp_src", "ports"),
  port("tp_dst", "ports"),
  field("icmp_type", 8, "dec", { needs: "icmp", pool: numbers(0, 8, 3), written: "icmp_type" }),
  field("icmp_code", 8, "dec", { needs: "icmp", pool: numbers(0, 1), written: "icmp_code" }),
  field("icmpv6_type", 8, "dec", { needs: "icmp6", pool: numbers(128, 129, 1), kept: part("icmp_type", 0, 8) }),
  field("icmpv6_code", 8, "dec", { needs: "icmp6", pool: numbers(0, 1), kept: part("icmp_code", 0, 8), written: "" }),
  field("arp_op", 16, "dec", { needs: "arp", pool: numbers(1, 2), written: "NXM_OF_ARP_OP" }),
  field("arp_spa", 32, "ipv4", { needs: "arp", pool: IP_POOL, masks: IP_MASKS, written: "NXM_OF_ARP_SPA" }),
  field("arp_tpa", 32, "ipv4", { needs: "arp", pool: IP_POOL, masks: IP_MASKS, written: "arp_tpa" }),
  field("arp_sha", 48, "mac", { needs: "arp", pool: MAC_POOL, masks: MAC_MASKS, written: "NXM_NX_ARP_SHA" }),
  field("arp_tha", 48, "mac", { needs: "arp", pool: MAC_POOL, masks: MAC_MASKS, written: "arp_tha" }),
  field("nd_target", 128, "ipv6", { ...nd, pool: IP6_POOL, masks: IP6_MASKS, needs: "ns", written: "nd_target" }),
  field("nd_sll", 48, "mac", { ...nd, pool: MAC_POOL, masks: MAC_MASKS, needs: "ns", written: "nd_sll" }),
  field("nd_tll", 48, "mac", { ...nd, pool: MAC_POOL, masks: MAC_MASKS, needs: "na", written: "NXM_NX_ND_TLL" }),
  field("nd_reserved", 32, "hex", { ...nd, pool: SMALL, masks: SMALL_MASKS, needs: "na", written: "nd_reserved" }),
  field("nd_options_type", 8, "dec", {
    ...nd,
    pool: numbers(0, 1, 2),
    needs: "na",
    kept: part("nd_options_type", 0, 8),
    written: "nd_options_type",
  }),
  field("mpls_label", 20, "dec", { needs: "mpls", pool: numbers(0, 16, 17, 0xfffff), subject: "mpls", written: "mpls_label" }),
  field("mpls_tc", 3, "dec", { needs: "mpls", subject: "mpls", written: "mpls_tc" }),
  field("mpls_bos", 1, "dec", { needs: "mpls", subject: "mpls" }),
  field("mpls_ttl", 8, "dec", { needs: "mpls", pool: numbers(1, 2, 64), subject: "mpls", written: "mpls_ttl" }),
  // Registers and their overlays.
  ...Array.from({ length: 16 }, (_, i) =>
    field(`reg${i}`, 32, "hex", {
      pool: [...SMALL, 0x12345678n],
      masks: [...SMALL_MASKS, 0xffff0000n],
      subject: "registers",
      written: i % 2 ? `reg${i}` : `NXM_NX_REG${i}`,
    }),
  ),
  ...Array.from({ length: 8 }, (_, i) =>
    field(`xreg${i}`, 64, "hex", {
      ...{ pool: SMALL, masks: [...SMALL_MASKS, 3n << 32n] },
      subject: "registers",
      kept: registers(2 * i, 2),
      written: `xreg${i}`,
    }),
  ),
  ...Array.from({ length: 4 }, (_, i) =>
    field(`xxreg${i}`, 128, "hex", {
      ...{ pool: SMALL, masks: [...SMALL_MASKS, 1n << 96n, 1n << 40n] },
      subject: "registers",
      kept: registers(4 * i, 4),
      written: `xxreg${i}`,
    }),
  ),
  field("metadata", 64, "hex", { pool: SMALL, masks: SMALL_MASKS, subject: "registers", written: "OXM_OF_METADATA" }),
  field("pkt_mark", 32, "hex", { pool: SMALL, masks: SMALL_MASKS, subject: "registers", written: "pkt_mark" }),
  // Tunnels.
  field("tun_id", 64, "hex", { ...tun, pool: SMALL, masks: SMALL_MASKS, written: "tun_id" }),
  field("tunnel_id", 64, "hex", { ...tun, pool: SMALL, masks: SMALL_MASKS, kept: part("tun_id", 0, 64), written: "NXM_NX_TUN_ID" }),
  field("tun_src", 32, "ipv4", { ...tun, pool: IP_POOL, masks: IP_MASKS, written: "tun_src" }),
  field("tun_dst", 32, "ipv4", { ...tun, pool: IP_POOL, masks: IP_MASKS, written: "NXM_NX_TUN_IPV4_DST" }),
  field("tun_ipv6_src", 128, "ipv6", { ...tun, pool: IP6_POOL, masks: IP6_MASKS, written: "tun_ipv6_src" }),
  field("tun_ipv6_dst", 128, "ipv6", { ...tun, pool: IP6_POOL, masks: IP6_MASKS, written: "tun_ipv6_dst" }),
  field("tun_gbp_id", 16, "dec", { ...tun, pool: SMALL, masks: SMALL_MASKS, written: "tun_gbp_id" }),
  field("tun_gbp_flags", 8, "hex", { ...tun, pool: SMALL, unprinted: SMALL_MASKS, written: "tun_gbp_flags" }),
  field("tun_erspan_ver", 4, "dec", { ...tun, pool: numbers(1, 2), written: "tun_erspan_ver" }),
  field("tun_erspan_idx", 20, "hex", { ...tun, pool: SMALL, unprinted: SMALL_MASKS, written: "tun_erspan_idx" }),
  field("tun_erspan_dir", 1, "dec", { ...tun, pool: numbers(1, 1, 0), written: "tun_erspan_dir" }),
  field("tun_erspan_hwid", 6, "hex", { ...tun, pool: numbers(1, 3, 0), unprinted: numbers(1, 3), written: "tun_erspan_hwid" }),
  field("tun_flags", 1, "flags", { ...tun, pool: numbers(0, 1), written: "" }),
  // No masks of whole bytes: a dump loses them. Never zero: rows do not tell an option of zeros from one that is not there.
  ...OPTIONS.map((o) => field(o.field, 8 * o.length, "hex", { ...tun, pool: numbers(1, 2, 3), masks: numbers(3), written: o.field })),
  // What connection tracking knows.
  field("ct_state", 8, "flags", ct),
  field("ct_zone", 16, "dec", { ...ct, pool: numbers(0, 1, 5) }),
  field("ct_mark", 32, "hex", { ...ct, pool: SMALL, masks: SMALL_MASKS }),
  field("ct_label", 128, "hex", { ...ct, pool: SMALL, masks: [...SMALL_MASKS, 1n << 96n] }),
  field("ct_nw_proto", 8, "dec", { ...ct, pool: numbers(6, 17), needs: "ip4" }),
  field("ct_nw_src", 32, "ipv4", { ...ct, pool: IP_POOL, masks: IP_MASKS, needs: "ip4" }),
  field("ct_nw_dst", 32, "ipv4", { ...ct, pool: IP_POOL, masks: IP_MASKS, needs: "ip4" }),
  field("ct_ipv6_src", 128, "ipv6", { ...ct, pool: IP6_POOL, masks: IP6_MASKS, needs: "ip6" }),
  field("ct_ipv6_dst", 128, "ipv6", { ...ct, pool: IP6_POOL, masks: IP6_MASKS, needs: "ip6" }),
  field("ct_tp_src", 16, "dec", { ...ct, pool: PORT_POOL, masks: PORT_MASKS, needs: "ports" }),
  field("ct_tp_dst", 16, "dec", { ...ct, pool: PORT_POOL, masks: PORT_MASKS, needs: "ports" }),
  field("actset_output", 32, "plain", { pool: numbers(1, 2, 3), subject: "actset" }),
  field("nsh_flags", 8, "dec", { ...nsh, pool: SMALL, masks: SMALL_MASKS, written: "nsh_flags" }),
  field("nsh_ttl", 8, "dec", { ...nsh, pool: numbers(0, 1, 2, 63), masks: SMALL_MASKS, written: "nsh_ttl" }),
  field("nsh_mdtype", 8, "dec", { ...nsh, pool: numbers(1) }),
  field("nsh_np", 8, "dec", { ...nsh, pool: numbers(1, 3) }),
  field("nsh_spi", 24, "hex", { ...nsh, pool: SMALL, masks: SMALL_MASKS, written: "nsh_spi" }),
  field("nsh_si", 8, "dec", { ...nsh, pool: numbers(255, 254, 3), written: "nsh_si" }),
  ...[1, 2, 3, 4].map((n) => field(`nsh_c${n}`, 32, "hex", { ...nsh, pool: SMALL, masks: SMALL_MASKS, written: `nsh_c${n}` })),
];

/** A value of a field, masked now and then, as a match has it; `lost` masks too, which a dump would not tell of. */
export function drawValue(r: Random, f: MatchField, share = 0.3, lost = false): { value: bigint; mask: bigint } {
  const whole = all(f.bits);
  const value = f.pool.length > 0 ? r.pick(f.pool) : r.bits(f.bits);
  const masks = lost ? [...f.masks, ...f.unprinted] : f.masks;
  if (masks.length === 0 || !r.chance(share)) return { value: value & whole, mask: whole };
  const mask = r.pick(masks) & whole;
  return { value: value & mask, mask };
}

const hex = (v: bigint) => `0x${v.toString(16)}`;
export function valueText(format: Format, v: bigint): string {
  switch (format) {
    case "ipv4":
      return [24n, 16n, 8n, 0n].map((s) => (v >> s) & 255n).join(".");
    case "ipv6":
      return Array.from({ length: 8 }, (_, i) => ((v >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))
        .join(":")
        .replace(/(^|:)0(:0)+(?=:|$)/, ":")
        .replace(/^:$|^:(?=[^:])|:$/, "::");
    case "mac":
      return Array.from({ length: 6 }, (_, i) => ((v >> BigInt(40 - 8 * i)) & 255n).toString(16).padStart(2, "0")).join(":");
    case "frag":
      return ["no", "first", "later", "later"][Number(v)];
    case "dec":
      return v.toString();
    case "plain":
      return v === BigInt(LOCAL) ? "LOCAL" : v.toString();
    case "hex":
    case "flags":
      return hex(v);
  }
}
/** A condition's value with its mask. */
export function maskedText(f: MatchField, value: bigint, mask: bigint): string {
  const text = valueText(f.format === "dec" && mask !== all(f.bits) ? "hex" : f.format, value);
  return mask === all(f.bits) && f.name !== "tcp_flags" ? text : `${text}/${valueText(f.format === "dec" ? "hex" : f.format, mask)}`;
}
