/**
 * Values that random flows and packets share: small pools, so that packets meet flows, connections meet each other and masks
 * part what is near.
 */
import type { Random } from "../random.js";

export const MACS = [
  "50:54:00:00:00:01",
  "50:54:00:00:00:02",
  "50:54:00:00:01:01",
  "02:00:00:00:00:05",
  "ff:ff:ff:ff:ff:ff",
  "01:00:5e:00:00:05",
];
export const ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.1.0.1", "192.168.0.1", "192.168.1.254", "172.16.5.9", "10.128.0.3"];
export const ADDRESSES6 = ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "fd00:10:244::3", "fe80::1"];
export const PORT_NUMBERS = [1, 20, 53, 80, 443, 1023, 1024, 8080, 32768, 65535];
const LENGTHS = [0, 1, 7, 8, 9, 15, 16, 23, 24, 30, 31, 32];
const LENGTHS6 = [0, 10, 32, 47, 48, 64, 127, 128];
const MAC_MASKS = ["01:00:00:00:00:00", "ff:ff:ff:00:00:00", "00:00:00:00:00:ff", "fe:ff:ff:ff:ff:ff"];

/** What a flow's match says the packet is, as far as its conditions and actions depend on it. */
export interface Protocol {
  /** Keyword of a match. */
  readonly name: string;
  readonly family: 0 | 4 | 6;
  /** Has ports. */
  readonly ports: boolean;
}
const protocol = (name: string, family: 0 | 4 | 6, ports = false): Protocol => ({ name, family, ports });
export const PROTOCOLS: readonly Protocol[] = [
  protocol("", 0),
  protocol("arp", 0),
  protocol("ip", 4),
  protocol("tcp", 4, true),
  protocol("udp", 4, true),
  protocol("icmp", 4),
  protocol("sctp", 4, true),
  protocol("ipv6", 6),
  protocol("tcp6", 6, true),
  protocol("udp6", 6, true),
  protocol("icmp6", 6),
];

const hex = (v: bigint | number) => `0x${v.toString(16)}`;

/** A number of `bits` bits or `value`, with a mask now and then. */
export function masked(r: Random, value: number | bigint, bits: number, share = 0.3): string {
  if (!r.chance(share)) return hex(value);
  const mask = r.bits(bits);
  return `${hex(BigInt(value) & mask)}/${hex(mask)}`;
}
function address(r: Random): string {
  const a = r.pick(ADDRESSES);
  const kind = r.fraction();
  if (kind < 0.5) return a;
  return kind < 0.85 ? `${a}/${r.pick(LENGTHS)}` : `${a}/${r.pick(["255.0.0.255", "0.0.0.1", "255.255.0.1", "0.255.0.0"])}`;
}
function address6(r: Random): string {
  const a = r.pick(ADDRESSES6);
  const kind = r.fraction();
  if (kind < 0.5) return a;
  return kind < 0.85 ? `${a}/${r.pick(LENGTHS6)}` : `${a}/${r.pick(["ffff::ffff", "::1", "ffff:ffff:ffff:ffff::"])}`;
}
function mac(r: Random): string {
  return r.chance(0.7) ? r.pick(MACS) : `${r.pick(MACS)}/${r.pick(MAC_MASKS)}`;
}
function portNumber(r: Random): string {
  const n = r.pick(PORT_NUMBERS);
  return r.chance(0.7) ? String(n) : `${hex(n)}/${r.pick(["0xff00", "0xfffe", "0xfc00", "0x1", "0x8000"])}`;
}

/** Which kinds of fields a match may ask for. */
export interface MatchKinds {
  /** Registers, metadata, tunnel key, mark. */
  readonly registers: boolean;
  readonly vlan: boolean;
  readonly fragments: boolean;
  /** ct_state and ct_zone. */
  readonly ct: boolean;
  /** ct_mark, ct_label, the original tuple. */
  readonly connection: boolean;
  readonly inPorts: readonly number[];
}

const CT_STATES = [
  "+trk",
  "-trk",
  "+trk+new",
  "+trk+est",
  "-new+est-rel+rpl+trk",
  "+inv+trk",
  "-inv+trk",
  "+trk+snat",
  "+dnat",
  "-rpl+trk",
  "+rel",
];

/** With one of these Open vSwitch lets a match ask for the original tuple, and an action look up by it. */
const VALID = ["+trk-inv", "+trk+est", "+trk+new", "+rpl+trk"];

/** Up to three conditions on a packet of a protocol, the keyword first. No field twice. */
export function matchOf(r: Random, p: Protocol, k: MatchKinds, most = 3): string[] {
  const fields: (() => string)[] = [() => `in_port=${r.pick(k.inPorts)}`, () => `dl_src=${mac(r)}`, () => `dl_dst=${mac(r)}`];
  const twice = (f: () => string) => void fields.push(f, f);
  if (k.vlan)
    fields.push(() =>
      r.pick([
        `dl_vlan=${r.pick([1, 10, 100])}`,
        `dl_vlan_pcp=${r.int(8)}`,
        "vlan_tci=0x0000",
        "vlan_tci=0x1000/0x1000",
        "vlan_tci=0x0000/0x1fff",
        `vlan_tci=${hex(0x1000 | r.int(128))}/${r.pick(["0x1fff", "0x1001", "0xf00f"])}`,
        `vlan_vid=${hex(0x1000 | r.pick([1, 10, 100]))}`,
      ]),
    );
  if (k.registers) {
    const reg = () => `reg${r.int(6)}=${masked(r, r.int(4), 3, 0.5)}`;
    fields.push(reg, reg, reg);
    fields.push(() =>
      r.pick([
        `metadata=${masked(r, r.int(4), 4)}`,
        `xreg${r.between(1, 2)}=${masked(r, r.int(4), 64)}`,
        `xxreg0=${masked(r, r.bits(4), 128, 0.8)}`,
        `tun_id=${masked(r, r.int(4), 3)}`,
        `pkt_mark=${masked(r, r.int(4), 3)}`,
        `reg${r.int(6)}=0/${hex(r.pick([1, 0xff, 0xffff0000]))}`,
      ]),
    );
  }
  if (p.family === 4) twice(() => `${r.pick(["nw_src", "nw_dst"])}=${address(r)}`);
  if (p.family === 6) {
    twice(() => `${r.pick(["ipv6_src", "ipv6_dst"])}=${address6(r)}`);
    fields.push(() => `ipv6_label=${masked(r, r.pick([0, 1, 0xfffff]), 20)}`);
  }
  if (p.family !== 0) {
    const parts = [() => `nw_tos=${r.pick([0, 4, 184, 252])}`, () => `nw_ecn=${r.int(4)}`, () => `nw_ttl=${r.pick([0, 1, 2, 64, 255])}`];
    if (k.fragments) parts.push(() => `nw_frag=${r.pick(["no", "first", "later", "not_later", "yes"])}`);
    if (p.name === "ip" || p.name === "ipv6") parts.push(() => `nw_proto=${r.pick([47, 50, 89, 6, 17])}`);
    fields.push(() => r.pick(parts)());
    if (k.ct) twice(() => `ct_state=${r.pick(CT_STATES)}`);
    if (k.ct) fields.push(() => `ct_zone=${r.pick([0, 1, 5])}`);
    if (k.connection) {
      const tuple =
        p.family === 4 ? () => `ct_nw_${r.pick(["src", "dst"])}=${address(r)}` : () => `ct_ipv6_${r.pick(["src", "dst"])}=${address6(r)}`;
      twice(() =>
        r.pick([
          () => `ct_mark=${masked(r, r.int(4), 2)}`,
          () => `ct_label=${masked(r, r.int(4), 128, 0.7)}`,
          () => `ct_state=${r.pick(VALID)},${tuple()}`,
          () => `ct_state=${r.pick(VALID)},ct_nw_proto=${r.pick([6, 17])},ct_tp_${r.pick(["src", "dst"])}=${portNumber(r)}`,
        ])(),
      );
    }
  }
  if (p.ports) twice(() => `${r.pick(["tp_src", "tp_dst"])}=${portNumber(r)}`);
  if (/^tcp/.test(p.name))
    fields.push(() => `tcp_flags=${r.pick(["+syn-ack", "+ack", "-rst", "+syn+ack", "0x002/0x002", "+fin-syn", "syn"])}`);
  if (p.name === "icmp")
    fields.push(
      () => `icmp_type=${r.pick([0, 8, 3, 11])}`,
      () => `icmp_code=${r.int(2)}`,
    );
  if (p.name === "icmp6") {
    fields.push(() => `icmpv6_type=${r.pick([128, 129, 135, 136])}`);
    fields.push(() =>
      r.pick([`icmpv6_type=135,nd_target=${address6(r)}`, `icmpv6_type=135,nd_sll=${mac(r)}`, `icmpv6_type=136,nd_tll=${mac(r)}`]),
    );
  }
  if (p.name === "arp")
    twice(() =>
      r.pick([`arp_op=${r.between(1, 2)}`, `arp_spa=${address(r)}`, `arp_tpa=${address(r)}`, `arp_sha=${mac(r)}`, `arp_tha=${mac(r)}`]),
    );
  const out = p.name === "" ? [] : [p.name];
  const seen = new Set<string>();
  for (const make of r.sample(fields, Math.min(most, r.pick([0, 1, 1, 1, 2, 2, 3])))) {
    const condition = make();
    const keys = condition.split(",").map((c) => family(c.split("=")[0]));
    if (keys.some((x) => seen.has(x))) continue;
    for (const x of keys) seen.add(x);
    out.push(condition);
  }
  return out;
}

/** Fields that overlap are one. */
function family(key: string): string {
  if (/^(dl_vlan|vlan_)/.test(key)) return "vlan";
  if (/^x*reg/.test(key)) return "reg";
  return key;
}
