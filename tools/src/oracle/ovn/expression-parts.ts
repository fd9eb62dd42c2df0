/** What random expressions and packets are made of: names, constants, sets. */
import { ipv4Text, ipv6Number, ipv6Text, macText } from "@plumbline/model";
import type { Random } from "../random.js";

export const ADDRESS_SETS: Readonly<Record<string, readonly string[]>> = {
  as1: ["10.0.0.1", "10.0.0.0/30", "192.168.0.0/16"],
  as2: ["2001:db8::/32", "::1"],
  as3: [],
  "as.macs": ["00:00:00:00:00:01", "01:00:00:00:00:00/01:00:00:00:00:00"],
};
export const PORT_GROUPS: Readonly<Record<string, readonly string[]>> = { pg1: ["p1", "p2"], none: [], pg2: ["p3", "elsewhere"] };
/** Of the first datapath; logical ports have one database-wide name. */
export const PORTS: Readonly<Record<string, number>> = { p1: 1, p2: 2, p3: 3 };

const IPV4 = ["10.0.0.1", "10.0.0.2", "10.0.0.5", "192.168.1.1", "172.16.0.9", "224.0.0.5", "255.255.255.255", "0.0.0.0"];
const IPV6 = ["2001:db8::1", "fe80::1", "ff02::1", "ff02::1:ff00:1", "ff02::16", "::1", "::ffff:192.0.2.128"];
const MAC = ["00:00:00:00:00:01", "00:00:00:00:00:02", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:05", "33:33:00:00:00:01"];

type ValueKind = "ipv4" | "ipv6" | "mac" | "port" | "number";
export interface FieldName {
  readonly name: string;
  readonly bits: number;
  readonly kind: ValueKind;
  /** Only equality makes sense to OVN. */
  readonly nominal?: boolean;
}
const f = (name: string, bits: number, kind: ValueKind = "number", nominal = false): FieldName => ({ name, bits, kind, nominal });

/** Fields that OVN 23.03 has. */
export const FIELDS: readonly FieldName[] = [
  f("eth.src", 48, "mac"),
  f("eth.dst", 48, "mac"),
  f("eth.type", 16, "number", true),
  f("vlan.tci", 16),
  f("vlan.vid", 12),
  f("vlan.pcp", 3),
  f("ip.proto", 8, "number", true),
  f("ip.dscp", 6, "number", true),
  f("ip.ecn", 2, "number", true),
  f("ip.ttl", 8, "number", true),
  f("ip.frag", 2),
  f("ip4.src", 32, "ipv4"),
  f("ip4.dst", 32, "ipv4"),
  f("ip6.src", 128, "ipv6"),
  f("ip6.dst", 128, "ipv6"),
  f("ip6.label", 20),
  f("tcp.src", 16),
  f("tcp.dst", 16),
  f("tcp.flags", 12),
  f("udp.src", 16),
  f("udp.dst", 16),
  f("sctp.src", 16),
  f("sctp.dst", 16),
  f("icmp4.type", 8, "number", true),
  f("icmp4.code", 8, "number", true),
  f("icmp6.type", 8, "number", true),
  f("icmp6.code", 8, "number", true),
  f("arp.op", 16, "number", true),
  f("arp.spa", 32, "ipv4"),
  f("arp.tpa", 32, "ipv4"),
  f("arp.sha", 48, "mac"),
  f("arp.tha", 48, "mac"),
  f("nd.target", 128, "ipv6"),
  f("nd.sll", 48, "mac"),
  f("nd.tll", 48, "mac"),
  f("inport", 0, "port", true),
  f("outport", 0, "port", true),
  f("reg0", 32),
  f("reg1", 32),
  f("reg9", 32),
  f("xreg0", 64),
  f("xreg4", 64),
  f("xxreg0", 128),
  f("xxreg1", 128),
  f("flags", 32),
  f("ct_mark", 32),
  f("ct_mark.ecmp_reply_port", 16),
  f("ct_label", 128),
  f("ct_label.ecmp_reply_eth", 48),
  f("ct_state", 32),
  f("pkt.mark", 32),
];
/** Predicates and single bits of OVN 23.03; nominal ones are not to be negated. */
export const PREDICATES: readonly { readonly name: string; readonly nominal: boolean }[] = [
  ...words("ip ip4 ip6 tcp udp sctp icmp icmp4 icmp6 igmp arp rarp nd nd_ns nd_na nd_rs nd_ra mldv1 mldv2", true),
  ...words("eth.bcast eth.mcast eth.mcastv6 vlan.present ip.is_frag ip.first_frag ip.later_frag ip4.mcast ip4.src_mcast", false),
  ...words("ip6.mcast ip6.mcast_flood ip6.mcast_rsvd ip6.mcast_all_nodes ip6.mcast_all_rtrs ip6.mcast_sol_node", false),
  ...words("ct.new ct.est ct.rel ct.rpl ct.inv ct.trk ct.snat ct.dnat ct_mark.blocked ct_mark.natted ct_label.blocked", false),
  ...words("flags.loopback flags.force_snat_for_dnat flags.skip_snat_for_lb reg0[0] reg9[31] reg8[7] xxreg1[127]", false),
];
function words(names: string, nominal: boolean): { name: string; nominal: boolean }[] {
  return names.split(" ").map((name) => ({ name, nominal }));
}

function prefix(r: Random, address: string, bits: number): string {
  return `${address}/${r.int(bits + 1)}`;
}

/** One constant for a field, as someone may write it. */
export function constant(r: Random, field: FieldName): string {
  switch (field.kind) {
    case "ipv4":
      if (r.chance(0.25)) return prefix(r, r.pick(IPV4), 32);
      if (r.chance(0.1)) return `${r.pick(IPV4)}/${ipv4Text(r.bits(32))}`;
      if (r.chance(0.1)) return r.pick(["$as1", "$as3"]);
      return r.chance(0.05) ? number(r, 32) : r.pick(IPV4);
    case "ipv6":
      if (r.chance(0.25)) return prefix(r, r.pick(IPV6), 128);
      if (r.chance(0.1)) return `${r.pick(IPV6)}/${ipv6Text(r.bits(128))}`;
      return r.chance(0.1) ? "$as2" : r.pick(IPV6);
    case "mac":
      if (r.chance(0.15)) return `${macText(r.bits(48))}/${macText(r.bits(48))}`;
      return r.chance(0.1) ? "$as.macs" : r.pick(MAC);
    case "port":
      if (r.chance(0.15)) return r.pick(["@pg1", "@none", "@pg2"]);
      return r.pick(['"p1"', '"p2"', '"p3"', '""', '"nowhere"', '"a\\"b\\u0041"']);
    case "number":
      return number(r, field.bits);
  }
}

function number(r: Random, bits: number): string {
  const top = (1n << BigInt(bits)) - 1n;
  const some = [0n, 1n, 2n, 3n, 6n, 17n, 58n, 64n, 80n, 135n, 255n, 443n, 0x800n, 0x806n, 0x86ddn, top, top - 1n, r.bits(bits)];
  const v = r.pick(some) & top;
  if (r.chance(0.12))
    return `0x${v.toString(16)}/0x${(r.chance(0.5) ? r.bits(bits) : top ^ ((1n << BigInt(r.int(bits + 1))) - 1n)).toString(16)}`;
  if (r.chance(0.04)) return `${v % 0x10000n}/${r.int(0x10000)}`;
  return r.chance(0.5) && v >> 64n === 0n ? v.toString() : `0x${v.toString(16)}`;
}

/** A value for a packet's field. */
export function packetValue(r: Random, field: FieldName): string {
  switch (field.kind) {
    case "ipv4":
      return r.pick(IPV4);
    case "ipv6":
      return ipv6Text(ipv6Number(r.pick(IPV6))!);
    case "mac":
      return r.pick(MAC);
    case "port":
      return r.pick(['"p1"', '"p2"', '"p3"']);
    case "number": {
      const top = (1n << BigInt(field.bits)) - 1n;
      return `0x${(r.pick([0n, 1n, 3n, 64n, 80n, 443n, top, r.bits(field.bits)]) & top).toString(16)}`;
    }
  }
}
