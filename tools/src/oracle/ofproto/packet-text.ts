/** A packet in the forms that `ofproto/trace` takes: an OpenFlow flow, a datapath flow, or a flow with a frame in hexadecimal behind it. */
import { getBig, newRow, set } from "@plumbline/model";
import { frameOf } from "../frames.js";
import type { Random } from "../random.js";
import { type Format, MATCH_FIELDS, valueText } from "./fields.js";
import type { Has, Protocol } from "./protocols.js";
import { LOCAL } from "./topology.js";

/** What a packet is, by the names under which fields are kept. */
export type Bits = ReadonlyMap<string, bigint>;

/** Stored by name, with the format of the field that is kept there as a whole. */
export const STORES = new Map<string, { format: Format; bits: number; needs: Has | "" }>([
  ["dp_hash", { format: "hex", bits: 32, needs: "" }],
]);
for (const f of MATCH_FIELDS)
  if (f.kept.length === 1 && f.kept[0].at === 0 && !STORES.has(f.kept[0].in))
    STORES.set(f.kept[0].in, { format: f.format, bits: f.bits, needs: f.needs });

/** Kept, and spelled in another way than by its name; or not known to the trace at all. */
const OTHERWISE = new Set(["icmp_type", "icmp_code", "tp_src", "tp_dst", "nw_tos", "tun_flags", "actset_output", "recirc_id"]);
const STATE_NAMES = ["new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"];

export function stateText(bits: number, between: string): string {
  return STATE_NAMES.filter((_, i) => bits & (1 << i)).join(between);
}

/** As an OpenFlow flow. */
export function flowText(r: Random, p: Protocol, bits: Bits): string {
  const port = Number(bits.get("in_port"));
  const out = [`in_port=${port === LOCAL && r.chance(0.5) ? "LOCAL" : port}`];
  const type = Number(bits.get("icmp_type") ?? 0n);
  const tagged = ((bits.get("vlan_tci") ?? 0n) & 0x1000n) !== 0n;
  const frag = Number(bits.get("nw_frag") ?? 0n);
  out.push(...p.keywords.filter((k) => !/^icmp_/.test(k)));
  if (p.name === "ip" || p.name === "ipv6") out.push(`nw_proto=${r.pick([47, 50, 89, 2])}`);
  // They have the type for a condition.
  const options: string[] = [];
  // A later fragment has neither ports nor types.
  const upper = frag < 2;
  const family = p.name.replace("6", "");
  // Others have these for a condition.
  const rank = (name: string) => (name === "ct_state" ? 0 : name === "ct_nw_proto" ? 1 : 2);
  for (const [name, v] of [...bits].sort(([a], [b]) => rank(a) - rank(b))) {
    const s = STORES.get(name);
    if (!s || name === "in_port") continue;
    if (s.needs !== "" && !p.has.includes(s.needs) && name !== "tp_src" && name !== "tp_dst") continue;
    if (/^(tcp_flags|nd_)/.test(name) && !upper) continue;
    if (v === 0n && !/^(nw|ipv6|dl)_/.test(name)) continue;
    if (name === "ct_state") out.push(`ct_state=${stateText(Number(v), "|")}`);
    else if (name === "vlan_tci") {
      if (tagged) out.push(r.chance(0.5) ? `vlan_tci=0x${v.toString(16)}` : `dl_vlan=${v & 0xfffn},dl_vlan_pcp=${v >> 13n}`);
    } else if (name === "nw_tos") {
      if (v >> 2n) out.push(`ip_dscp=${v >> 2n}`);
      if (v & 3n) out.push(`nw_ecn=${v & 3n}`);
    } else if ((name === "tp_src" || name === "tp_dst") && p.has.includes("ports") && upper) out.push(`${family}_${name.slice(3)}=${v}`);
    else if (/^nd_(sll|target)/.test(name) && !(p.has.includes("icmp6") && type === 135)) continue;
    else if (/^nd_(tll|reserved|options)/.test(name) && !(p.has.includes("icmp6") && type === 136)) continue;
    else if (!OTHERWISE.has(name))
      (name.startsWith("nd_") ? options : out).push(`${name}=${valueText(s.format === "flags" ? "hex" : s.format, v)}`);
  }
  if (upper && p.has.includes("icmp")) out.push(`icmp_type=${type}`, `icmp_code=${bits.get("icmp_code") ?? 0}`);
  if (upper && p.has.includes("icmp6")) out.push(`icmpv6_type=${type}`, `icmpv6_code=${bits.get("icmp_code") ?? 0}`, ...options);
  if (((bits.get("tun_flags") ?? 0n) & 1n) !== 0n) out.push("tun_flags=oam");
  return out.join(",");
}

/** As a datapath flow that enters at a datapath port, for the commoner protocols; null for others. Registers have no place in it. */
export function datapathText(p: Protocol, bits: Bits, port: number): string | null {
  const v = (name: string) => bits.get(name) ?? 0n;
  const text = (name: string) => valueText(STORES.get(name)!.format, v(name));
  const frag = Number(v("nw_frag"));
  const frags = ["no", "first", "later", "later"][frag];
  const out: string[] = [];
  if (v("pkt_mark")) out.push(`skb_mark(0x${v("pkt_mark").toString(16)})`);
  if (v("dp_hash")) out.push(`dp_hash(0x${v("dp_hash").toString(16)})`);
  if (v("ct_state"))
    out.push(`ct_state(0x${v("ct_state").toString(16)})`, `ct_zone(${v("ct_zone")})`, `ct_mark(0x${v("ct_mark").toString(16)})`);
  out.push(`in_port(${port})`, `eth(src=${text("dl_src")},dst=${text("dl_dst")})`);
  const inner: string[] = [];
  const proto = p.has.includes("tcp")
    ? 6
    : p.has.includes("udp")
      ? 17
      : p.has.includes("sctp")
        ? 132
        : p.has.includes("icmp")
          ? 1
          : p.has.includes("icmp6")
            ? 58
            : 47;
  if (p.has.includes("ip4"))
    inner.push(
      "eth_type(0x0800)",
      `ipv4(src=${text("nw_src")},dst=${text("nw_dst")},proto=${proto},tos=0x${v("nw_tos").toString(16)},ttl=${v("nw_ttl")},frag=${frags})`,
    );
  else if (p.has.includes("ip6"))
    inner.push(
      "eth_type(0x86dd)",
      `ipv6(src=${text("ipv6_src")},dst=${text("ipv6_dst")},label=0x${v("ipv6_label").toString(16)},proto=${proto},tclass=0x${v("nw_tos").toString(16)},hlimit=${v("nw_ttl")},frag=${frags})`,
    );
  else if (p.name === "arp")
    inner.push(
      "eth_type(0x0806)",
      `arp(sip=${text("arp_spa")},tip=${text("arp_tpa")},op=${v("arp_op")},sha=${text("arp_sha")},tha=${text("arp_tha")})`,
    );
  else return null;
  if (frag < 2 && p.has.includes("ports")) inner.push(`${p.name.replace("6", "")}(src=${v("tp_src")},dst=${v("tp_dst")})`);
  if (frag < 2 && p.has.includes("tcp")) inner.push(`tcp_flags(0x${v("tcp_flags").toString(16)})`);
  if (frag < 2 && p.has.includes("icmp")) inner.push(`icmp(type=${v("icmp_type")},code=${v("icmp_code")})`);
  if (frag < 2 && p.has.includes("icmp6")) {
    inner.push(`icmpv6(type=${v("icmp_type")},code=${v("icmp_code")})`);
    if (v("icmp_type") === 135n && v("icmp_code") === 0n)
      inner.push(`nd(target=${text("nd_target")},sll=${text("nd_sll")},tll=00:00:00:00:00:00)`);
    if (v("icmp_type") === 136n && v("icmp_code") === 0n)
      inner.push(`nd(target=${text("nd_target")},sll=00:00:00:00:00:00,tll=${text("nd_tll")})`);
  }
  const tci = v("vlan_tci");
  if ((tci & 0x1000n) === 0n) return [...out, ...inner].join(",");
  return [...out, "eth_type(0x8100)", `vlan(vid=${tci & 0xfffn},pcp=${tci >> 13n})`, `encap(${inner.join(",")})`].join(",");
}

/** Our registry's names, where they are others. */
const ROW_NAMES: Record<string, string> = {
  dl_src: "eth_src",
  dl_dst: "eth_dst",
  nw_src: "ip_src",
  nw_dst: "ip_dst",
  nw_ttl: "ip_ttl",
  nw_frag: "ip_frag",
};
const ETHER_TYPES: Partial<Record<Has, number>> = { ip4: 0x0800, ip6: 0x86dd };
const IP_PROTOCOLS: Partial<Record<Has, number>> = { tcp: 6, udp: 17, sctp: 132, icmp: 1, icmp6: 58 };

/** As a port with a frame behind it, for the commoner protocols; null for others. */
export function frameText(p: Protocol, bits: Bits): string | null {
  const type = p.name === "arp" ? 0x0806 : p.has.map((h) => ETHER_TYPES[h]).find(Boolean);
  const proto = p.has.map((h) => IP_PROTOCOLS[h]).find(Boolean);
  if (type === undefined || (type !== 0x0806 && proto === undefined)) return null;
  const row = newRow();
  for (const name of [
    "dl_src",
    "dl_dst",
    "vlan_tci",
    "nw_src",
    "nw_dst",
    "ipv6_src",
    "ipv6_dst",
    "ipv6_label",
    "nw_tos",
    "nw_ttl",
    "nw_frag",
    "tp_src",
    "tp_dst",
  ])
    set(row, ROW_NAMES[name] ?? name, bits.get(name) ?? 0n);
  for (const name of [
    "tcp_flags",
    "icmp_type",
    "icmp_code",
    "arp_op",
    "arp_spa",
    "arp_tpa",
    "arp_sha",
    "arp_tha",
    "nd_target",
    "nd_sll",
    "nd_tll",
  ])
    set(row, name, bits.get(name) ?? 0n);
  set(row, "eth_type", type);
  set(row, "ip_proto", proto ?? 0);
  if ((getBig(row, "vlan_tci") & 0x1000n) === 0n) set(row, "vlan_tci", 0);
  return `in_port=${bits.get("in_port")} ${Buffer.from(frameOf(row)).toString("hex")}`;
}
