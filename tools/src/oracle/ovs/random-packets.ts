/**
 * Random packets for tables: at random first, then bent until they meet flows. A packet drawn blindly meets the catch-all of
 * table 0 and nothing else.
 */
import { CT, field, get, ipv4Number, ipv6Number, macNumber, newRow, type Row, type Rule, set, wordsOf } from "@plumbline/model";
import { frameOf, rowOf } from "../frames.js";
import type { Random } from "../random.js";
import { ADDRESSES, ADDRESSES6, MACS, PORT_NUMBERS } from "./draw.js";
import { headersOf, type Mirror } from "./mirror.js";
import { PORTS } from "./private-switch.js";

/** States that a first `ct` may have left. */
const CT_INPUT = [0x21, 0x22, 0x2a, 0x30, 0x25, 0x62, 0xa2, 0x6a, 0xaa];

/** A random packet; `state`: with registers and connection fields. */
function randomPacket(r: Random, state: boolean): Row {
  const row = newRow();
  set(row, "in_port", r.pick(PORTS));
  set(row, "eth_src", macNumber(r.pick(MACS))!);
  set(row, "eth_dst", macNumber(r.pick(MACS))!);
  if (r.chance(0.25)) set(row, "vlan_tci", 0x1000 | r.pick([1, 10, 100]) | (r.int(8) << 13));
  const type = r.pick([0x0800, 0x0800, 0x0800, 0x86dd, 0x86dd, 0x0806, 0x88cc]);
  set(row, "eth_type", type);
  if (type === 0x0800 || type === 0x86dd) {
    const v6 = type === 0x86dd;
    const address = () => (v6 ? ipv6Number(r.pick(ADDRESSES6))! : ipv4Number(r.pick(ADDRESSES))!);
    set(row, v6 ? "ipv6_src" : "ip_src", address());
    set(row, v6 ? "ipv6_dst" : "ip_dst", address());
    if (v6 && r.chance(0.3)) set(row, "ipv6_label", r.pick([1, 0xfffff]));
    set(row, "ip_ttl", r.pick([0, 1, 2, 64, 64, 64, 255]));
    set(row, "nw_tos", r.chance(0.7) ? 0 : r.pick([4, 184, 252]) | r.int(4));
    const proto = r.pick([6, 6, 17, v6 ? 58 : 1, 132, 47]);
    set(row, "ip_proto", proto);
    set(row, "tp_src", r.pick(PORT_NUMBERS));
    set(row, "tp_dst", r.pick(PORT_NUMBERS));
    set(row, "tcp_flags", r.pick([2, 2, 2, 0x12, 0x10, 4, 0x11, 1]));
    if (r.chance(0.05)) set(row, "ip_frag", r.pick([1, 3]));
    set(row, "icmp_type", v6 ? r.pick([128, 129, 135, 136]) : r.pick([8, 8, 0, 3]));
    set(row, "icmp_id", r.pick([1, 2]));
    set(row, "nd_target", ipv6Number(r.pick(ADDRESSES6))!);
    set(row, "nd_sll", macNumber(r.pick(MACS))!);
    set(row, "nd_tll", macNumber(r.pick(MACS))!);
  } else if (type === 0x0806) {
    set(row, "arp_op", r.between(1, 2));
    for (const f of ["arp_spa", "arp_tpa"]) set(row, f, ipv4Number(r.pick(ADDRESSES))!);
    for (const f of ["arp_sha", "arp_tha"]) set(row, f, macNumber(r.pick(MACS))!);
  }
  if (state) {
    for (let i = 0; i < 6; i++) if (r.chance(0.4)) set(row, `reg${i}`, r.int(4));
    if (r.chance(0.3)) set(row, "metadata", r.int(4));
    if (r.chance(0.2)) set(row, "pkt_mark", r.int(4));
    if (r.chance(0.2)) set(row, "tun_id", r.int(4));
    if ((type === 0x0800 || type === 0x86dd) && r.chance(0.7)) {
      const v6 = type === 0x86dd;
      set(row, "ct_state", r.pick(CT_INPUT));
      set(row, "ct_zone", r.pick([0, 1, 5]));
      set(row, "ct_mark", r.int(4));
      set(row, "ct_label", r.int(4));
      set(row, "ct_nw_proto", r.pick([6, 17]));
      for (const end of ["src", "dst"]) {
        set(row, v6 ? `ct_ipv6_${end}` : `ct_nw_${end}`, v6 ? ipv6Number(r.pick(ADDRESSES6))! : ipv4Number(r.pick(ADDRESSES))!);
        set(row, `ct_tp_${end}`, r.pick(PORT_NUMBERS));
      }
    }
  }
  return row;
}

const HEADER_WORDS = [...wordsOf("header"), ...wordsOf("inner")];
const IN_PORT = field("in_port").word;

/** The packet bent until it meets the rule, and then made one that a wire can carry; `state`: it keeps what no wire carries. */
function bend(row: Row, rule: Rule | undefined, state: boolean): Row {
  const bent = row.slice();
  for (const m of rule?.rows[0] ?? []) bent[m.w] = ((bent[m.w] & ~m.m) | m.v) >>> 0;
  settleHeaders(bent);
  const wire = rowOf(frameOf(headersOf(bent)));
  const out = state ? bent.slice() : newRow();
  for (const w of HEADER_WORDS) out[w] = wire[w];
  // No packet brings these along.
  for (const f of ["conj_id", "recirc_id", "dp_hash"]) set(out, f, 0);
  if (state) settleConnection(out);
  out[IN_PORT] = PORTS.includes(bent[IN_PORT]) ? bent[IN_PORT] : row[IN_PORT];
  return out;
}

/**
 * Takes off what no sender would send. To a packet without protocol (or ARP operation) the switch writes nothing at all; a
 * fragment has no ports for it, which is a limitation of ours (docs/limitations.md).
 */
function settleHeaders(row: Row): void {
  if (get(row, "arp_op") === 0) set(row, "arp_op", 1);
  if (get(row, "ip_proto") === 0) set(row, "ip_proto", 47);
  if (get(row, "ip_frag") !== 0) for (const f of ["tp_src", "tp_dst", "icmp_type", "icmp_code"]) set(row, f, 0);
}

/** Takes off what the switch would not believe: an original tuple of another family, or of a packet without a connection. */
function settleConnection(row: Row): void {
  const type = get(row, "eth_type");
  const clear = (names: readonly string[]) => {
    for (const f of names) set(row, f, 0);
  };
  const v4 = ["ct_nw_src", "ct_nw_dst"];
  const v6 = ["ct_ipv6_src", "ct_ipv6_dst"];
  if (type !== 0x0800 && type !== 0x86dd) clear(["ct_state", "ct_zone", "ct_mark", "ct_label"]);
  const state = get(row, "ct_state");
  const valid = (state & (CT.new | CT.est | CT.rpl)) !== 0 && (state & CT.inv) === 0;
  if (state !== 0) set(row, "ct_state", valid ? state | CT.trk : CT.trk | CT.inv);
  if (!valid) clear([...v4, ...v6, "ct_nw_proto", "ct_tp_src", "ct_tp_dst"]);
  else {
    clear(type === 0x0800 ? v6 : v4);
    if (get(row, "ct_nw_proto") === 0) set(row, "ct_nw_proto", 6);
  }
}

/** Packets for tables that are lowered: most of them meet some flow of the first tables. */
export function packetsFor(r: Random, mirror: Mirror, state: boolean, count: number): Row[] {
  const rules = mirror.network.rules.filter((x) => /^[0-3]$/.test(mirror.network.tables[x.table]?.name ?? ""));
  const entry = rules.filter((x) => mirror.network.tables[x.table].name === "0");
  return Array.from({ length: count }, () => {
    let row = randomPacket(r, state);
    if (r.chance(0.4)) row = bend(row, r.pick(rules), state);
    return bend(row, entry.length > 0 && r.chance(0.8) ? r.pick(entry) : undefined, state);
  });
}
