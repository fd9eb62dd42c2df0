/**
 * Header changes as datapath actions (lib/odp-util.c, commit_odp_actions): what differs between the packet as the datapath has it and as
 * the translation has it becomes `set(…)`, `push_vlan(…)`, … in OVS's order.
 *
 * A set is masked: of a field that differs, those bits are written that the translation has read or written so far.
 */
import { field, ipv4Text, macText, TUNNEL_FIELDS } from "@plumbline/model";
import { ipv6Printed as ipv6Text } from "../print/value.js";
import { type DatapathActions, hex } from "./datapath.js";
import { CFI, ETH, type Headers, PROTO, PT } from "./headers.js";

/** How a field is written in an attribute: its name there, its name in rows, its text, the bytes it takes. */
interface Part {
  readonly label: string;
  readonly name: string;
  readonly text: (v: bigint) => string;
  readonly maskText?: (m: bigint) => string;
  /** Of a value that is masked, where it is another. */
  readonly maskedText?: (v: bigint) => string;
  readonly bytes: number;
  /** All bits that there are, where the field has more. */
  readonly full?: bigint;
}
const dec = (v: bigint) => v.toString();
const hexText = (v: bigint) => hex(v);
const part = (label: string, name: string, text: Part["text"], bytes: number, maskText: Part["maskText"] = text): Part => ({
  label,
  name,
  text,
  bytes,
  maskText,
});
const number = (label: string, name: string, bytes: number) => part(label, name, dec, bytes, hexText);

const hex0 = (v: bigint) => `0x${v.toString(16)}`;
const wideMask = (m: bigint) => `0x${m.toString(16).padStart(8, "0")}`;
/** A byte that is masked, and its mask. */
const byte = (v: bigint) => `0x${v.toString(16).padStart(2, "0")}`;

const ETHERNET = [part("src", "eth_src", macText, 6), part("dst", "eth_dst", macText, 6)];
const IPV4 = [
  part("src", "ip_src", ipv4Text, 4),
  part("dst", "ip_dst", ipv4Text, 4),
  part("tos", "nw_tos", hexText, 1),
  number("ttl", "ip_ttl", 1),
];
const IPV6 = [
  part("src", "ipv6_src", ipv6Text, 16),
  part("dst", "ipv6_dst", ipv6Text, 16),
  part("label", "ipv6_label", hexText, 4),
  part("tclass", "nw_tos", hexText, 1),
  number("hlimit", "ip_ttl", 1),
];
const ARP = [
  part("sip", "arp_spa", ipv4Text, 4),
  part("tip", "arp_tpa", ipv4Text, 4),
  // OVS holds it in a byte, whose highest value stands for all of both (lib/odp-util.c, get_arp_key).
  { ...part("op", "arp_op", (v) => (v === 0xffn ? "65535" : dec(v)), 2, hexText), full: 0xffn },
  part("sha", "arp_sha", macText, 6),
  part("tha", "arp_tha", macText, 6),
];
const PORTS = [number("src", "tp_src", 2), number("dst", "tp_dst", 2)];
const ICMP = [number("type", "icmp_type", 1), number("code", "icmp_code", 1)];
const ND_EXTENSIONS = [number("nd_reserved", "nd_reserved", 4), number("nd_options_type", "nd_options", 1)];
const ND = [part("target", "nd_target", ipv6Text, 16), part("sll", "nd_sll", macText, 6), part("tll", "nd_tll", macText, 6)];
const nshByte = (label: string, name: string): Part => ({ label, name, text: dec, maskText: byte, maskedText: byte, bytes: 1 });
const NSH = [nshByte("flags", "nsh_flags"), nshByte("ttl", "nsh_ttl"), part("spi", "nsh_spi", hex0, 3, wideMask), nshByte("si", "nsh_si")];
const NSH_CONTEXTS = ["c1", "c2", "c3", "c4"].map((c) => part(c, `nsh_${c}`, hex0, 4, wideMask));
const PORT_KEY: Record<number, string> = { [PROTO.tcp]: "tcp", [PROTO.udp]: "udp", [PROTO.sctp]: "sctp" };

/** What a commit is about: the headers wanted and as the datapath has them, and the bits read or written so far. */
export interface Commit {
  readonly flow: Headers;
  readonly base: Headers;
  readonly masks: Headers;
  readonly out: DatapathActions;
  /** A header is to be pushed, or taken off, that is told by `packet_type`. */
  readonly encap: boolean;
  readonly decap: boolean;
  /** Options of an NSH header to be pushed, in hexadecimal. */
  readonly nshOptions: string;
}

/** Returns true if the datapath cannot do it by itself: packets go through userspace. */
export function commitHeaders(c: Commit): boolean {
  const { flow, base } = c;
  encapsulate(c);
  if (flow.get("packet_type") === PT.eth) setMasked(c, "eth", ETHERNET);
  const out = base.isMpls && !flow.isMpls;
  if (out) mpls(c);
  if (flow.ethType === ETH.nsh) setNsh(c);
  let slow = false;
  if (flow.isArp ? flow.get("arp_op") !== 0 : flow.get("ip_proto") !== 0) {
    if (base.ethType === ETH.ip) setMasked(c, "ipv4", IPV4);
    else if (base.ethType === ETH.ipv6) {
      setMasked(c, "ipv6", IPV6);
      if (base.get("ip_proto") === PROTO.icmp6) {
        slow = setNdExtensions(c) || slow;
        slow = setMasked(c, "nd", ND) || slow;
      }
    } else if (base.ethType === ETH.arp) slow = setMasked(c, "arp", ARP);
    const key = PORT_KEY[flow.get("ip_proto")];
    if (base.isIp && key !== undefined) setMasked(c, key, PORTS);
  }
  if (flow.isIcmp4 || flow.isIcmp6) slow = setWhole(c, flow.isIcmp4 ? "icmp" : "icmpv6", ICMP) || slow;
  if (!out) mpls(c);
  tags(c);
  setNumber(c, "skb_priority", "skb_priority");
  setNumber(c, "skb_mark", "pkt_mark");
  return slow;
}

const BESIDE = [...TUNNEL_FIELDS, "skb_priority", "pkt_mark"];

function encapsulate(c: Commit): void {
  const { flow, base, out } = c;
  const type = flow.get("packet_type");
  if (c.encap) {
    if (type === PT.eth) {
      out.put(`push_eth(src=${macText(flow.big("eth_src"))},dst=${macText(flow.big("eth_dst"))})`, 16);
      for (const f of ["packet_type", "eth_src", "eth_dst"]) base.set(f, flow.big(f));
    } else if (type === PT.nsh) {
      out.put(`push_nsh(${nshText(flow, c.nshOptions)})`, 32);
      const before = base.copy();
      base.become(flow);
      // What comes with a packet and is no header stays as the datapath has it.
      for (const f of BESIDE) base.set(f, before.big(f));
      base.options = before.options;
    }
  } else if (c.decap || type !== base.get("packet_type")) {
    if (type >>> 16 === 1 && base.get("packet_type") === PT.eth) {
      out.put("pop_eth", 4);
      base.set("packet_type", type);
      base.set("eth_src", 0);
      base.set("eth_dst", 0);
    } else if (base.get("packet_type") === PT.nsh) out.put("pop_nsh()", 4);
  }
  c.masks.set("packet_type", 0xffffffff);
}

function nshText(flow: Headers, options: string): string {
  const n = (f: string) => flow.get(`nsh_${f}`);
  const md1 =
    n("mdtype") === 1 ? [1, 2, 3, 4].map((i) => `,c${i}=0x${n(`c${i}`).toString(16)}`).join("") : options === "" ? "" : `,md2=0x${options}`;
  return `flags=${n("flags")},ttl=${n("ttl")},mdtype=${n("mdtype")},np=${n("np")},spi=0x${n("spi").toString(16)},si=${n("si")}${md1}`;
}

/** Fields that differ, with the bits of them that count; null if none does. */
function differing(c: Commit, parts: readonly Part[]): { part: Part; value: bigint; mask: bigint }[] | null {
  const out = parts
    .filter((p) => c.flow.big(p.name) !== c.base.big(p.name))
    .map((p) => ({ part: p, value: c.flow.big(p.name), mask: c.masks.big(p.name) }));
  return out.length > 0 ? out : null;
}

/** Bits of the TOS byte that are not written: of congestion, where a tunnel has read them and they stay. */
function keptOfTos({ flow, base }: Commit): bigint {
  const tunnelled = base.big("tun_dst") !== 0n || base.big("tun_ipv6_dst") !== 0n;
  return tunnelled && ((flow.get("nw_tos") ^ base.get("nw_tos")) & ECN) === 0 ? BigInt(ECN) : 0n;
}
const ECN = 3;

function setMasked(c: Commit, key: string, parts: readonly Part[]): boolean {
  const sets = differing(c, parts);
  if (!sets) return false;
  const words = sets.flatMap(({ part: p, value, mask: read }) => {
    const full = p.full ?? (1n << BigInt(field(p.name).bits)) - 1n;
    const mask = read & full & ~(p.name === "nw_tos" ? keptOfTos(c) : 0n);
    // What differs and was never read (what another bridge has put on the packet) is set to nothing.
    if (mask === 0n) return [];
    return mask === full ? `${p.label}=${p.text(value)}` : `${p.label}=${p.text(value & mask)}/${(p.maskText ?? p.text)(mask)}`;
  });
  c.out.put(`set(${key}(${words.join(",")}))`, 8 + 2 * bytesOf(parts));
  for (const p of parts) c.base.set(p.name, c.flow.big(p.name));
  return true;
}

/** Reserved bits are told always and without a mask, the type of an option where any of it was read. */
function setNdExtensions(c: Commit): boolean {
  const [reserved, type] = ND_EXTENSIONS.map((p) => ({ value: c.flow.big(p.name), base: c.base.big(p.name), mask: c.masks.big(p.name) }));
  if (reserved.value === reserved.base && type.value === type.base) return false;
  // Of what does not change no bit is written.
  const bits = reserved.value === reserved.base ? 0n : reserved.value & reserved.mask;
  const words = [`nd_reserved=0x${bits.toString(16)}`];
  const mask = type.value === type.base ? 0n : type.mask;
  if (mask !== 0n) words.push(`nd_options_type=${type.value & mask}${mask === 0xffn ? "" : `/${hex(mask)}`}`);
  c.out.put(`set(nd_ext(${words.join(",")}))`, 8 + 2 * bytesOf(ND_EXTENSIONS));
  for (const p of ND_EXTENSIONS) c.base.set(p.name, c.flow.big(p.name));
  return true;
}

/** commit_nsh: all that was read or written of the header is written anew; contexts of an unknown kind are said to be whole. */
function setNsh(c: Commit): void {
  const all = [...NSH, ...NSH_CONTEXTS];
  const known = c.flow.get("nsh_mdtype") === 1;
  if ((known ? all : NSH).every((p) => c.flow.big(p.name) === c.base.big(p.name))) return;
  const words = all.flatMap((p) => {
    const full = (1n << BigInt(field(p.name).bits)) - 1n;
    const context = NSH_CONTEXTS.includes(p);
    const mask = context && !known ? full : c.masks.big(p.name);
    const value = context && !known ? 0n : c.flow.big(p.name) & mask;
    if (mask === 0n) return [];
    return [
      mask === full ? `${p.label}=${p.text(value)}` : `${p.label}=${(p.maskedText ?? p.text)(value)}/${(p.maskText ?? p.text)(mask)}`,
    ];
  });
  c.out.put(`set(nsh(${words.join(",")}))`, 64);
  for (const p of all) c.base.set(p.name, c.flow.big(p.name));
}

/** Where the datapath has no masked form. */
function setWhole(c: Commit, key: string, parts: readonly Part[]): boolean {
  if (!differing(c, parts)) return false;
  c.out.put(`set(${key}(${parts.map((p) => `${p.label}=${p.text(c.flow.big(p.name))}`).join(",")}))`, 8 + bytesOf(parts));
  for (const p of parts) {
    c.base.set(p.name, c.flow.big(p.name));
    c.masks.set(p.name, (1n << BigInt(field(p.name).bits)) - 1n);
  }
  return true;
}

function bytesOf(parts: readonly Part[]): number {
  return Math.ceil(parts.reduce((n, p) => n + p.bytes, 0) / 4) * 4;
}

function setNumber(c: Commit, key: string, name: string): void {
  const value = c.flow.get(name);
  if (value === c.base.get(name)) return;
  const mask = c.masks.get(name);
  c.out.put(`set(${key}(${mask === 0xffffffff ? hex(value) : `${hex((value & mask) >>> 0)}/${hex(mask)}`}))`, 16);
  c.base.set(name, value);
}

/** commit_vlan_action: tags that both have in common, from the innermost, stay. */
function tags(c: Commit): void {
  const { flow, base, out, masks } = c;
  const has = base.tags;
  const wants = flow.tags;
  let h = has.length - 1;
  let w = wants.length - 1;
  while (h >= 0 && w >= 0 && has[h].tpid === wants[w].tpid && has[h].tci === wants[w].tci) {
    h--;
    w--;
  }
  for (; h >= 0; h--) {
    out.put("pop_vlan", 4);
    masks.set(h === 0 ? "vlan_tci" : "vlan_tci2", 0xffff);
  }
  for (; w >= 0; w--) {
    const { tpid, tci } = wants[w];
    const type = tpid === ETH.vlan ? "" : `tpid=0x${tpid.toString(16).padStart(4, "0")},`;
    out.put(`push_vlan(${type}vid=${tci & 0xfff},pcp=${tci >> 13}${tci & CFI ? "" : ",cfi=0"})`);
  }
  base.set("vlan_tci", flow.get("vlan_tci"));
  base.set("vlan_tci2", flow.get("vlan_tci2"));
  base.tpid[0] = flow.tpid[0];
  base.tpid[1] = flow.tpid[1];
}

function lseText(lse: number): string {
  return `label=${lse >>> 12},tc=${(lse >> 9) & 7},ttl=${lse & 0xff},bos=${(lse >> 8) & 1}`;
}

/** commit_mpls_action. */
function mpls(c: Commit): void {
  const { flow, base, out } = c;
  let has = base.mplsDepth;
  const wants = flow.mplsDepth;
  let common = 0;
  while (common < has && common < wants && base.lse(has - 1 - common) === flow.lse(wants - 1 - common)) common++;
  while (has > common) {
    if (has - 1 === common && wants > common) {
      const lse = flow.lse(wants - has);
      out.put(`set(mpls(${lseText(lse)}))`, 12);
      base.setLse(0, lse);
      common++;
    } else {
      const type = !flow.isMpls && has > 1 ? ETH.mpls : flow.ethType;
      out.put(`pop_mpls(eth_type=0x${type.toString(16)})`);
      base.popMpls(has > 1 ? ETH.mpls : flow.ethType);
      has--;
    }
  }
  while (has < wants) {
    const lse = flow.lse(wants - has - 1);
    out.put(`push_mpls(${lseText(lse)},eth_type=0x${flow.ethType.toString(16)})`, 12);
    base.pushMpls(flow.ethType, false);
    base.setLse(0, lse);
    has++;
  }
}
