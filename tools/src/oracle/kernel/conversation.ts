/**
 * Packets for a rule set: first packets built from its rules, then what answers them, then what follows, so that connections
 * are known, translations are undone, and errors are related.
 */
import { get, getBig, newRow, type Row, set } from "@plumbline/model";
import { address, type Draft, type Draw, firstPacket, PROTO, setAddress } from "./draw.js";
import type { DrawnRule } from "./random-iptables.js";

/** First packets; each flow has a source port (or echo identifier) of its own, so that translations do not clash by accident. */
export function firstPackets(d: Draw, rules: readonly DrawnRule[], count: number): Draft[] {
  const { random: r } = d;
  const out: Draft[] = [];
  for (let i = 0; i < count; i++) {
    const p = firstPacket(d, 20000 + i);
    if (rules.length > 0 && r.chance(0.85)) {
      // Mostly a rule and some that may lead to it: what one asks another may contradict, and then the later wins.
      for (const rule of r.sample(rules, r.between(1, 3))) for (const hint of rule.hints) hint(p);
    }
    // The host sends from its own addresses.
    if (p.in === null) setAddress(p.row, "src", address(d, "own"));
    out.push(p);
  }
  return out;
}

/** Swaps the ends of a packet. */
function back(row: Row): Row {
  const out = newRow();
  const v6 = get(row, "eth_type") === 0x86dd;
  for (const f of ["eth_type", "ip_proto"]) set(out, f, get(row, f));
  const [src, dst] = v6 ? ["ipv6_src", "ipv6_dst"] : ["ip_src", "ip_dst"];
  set(out, src, getBig(row, dst));
  set(out, dst, getBig(row, src));
  set(out, "tp_src", get(row, "tp_dst"));
  set(out, "tp_dst", get(row, "tp_src"));
  set(out, "ip_ttl", 64);
  return out;
}

/** The answer of whoever got this packet: SYN and ACK, the same ports, an echo reply. */
export function replyTo(row: Row): Row {
  const out = back(row);
  const flags = get(row, "tcp_flags");
  if (get(row, "ip_proto") === PROTO.tcp) set(out, "tcp_flags", (flags & 0x17) === 0x02 ? 0x12 : 0x10);
  const type = get(row, "icmp_type");
  set(out, "icmp_type", type === 8 ? 0 : type === 128 ? 129 : type);
  set(out, "icmp_id", get(row, "icmp_id"));
  return out;
}

/** An error about this packet, from the one that it was sent to. */
export function errorAbout(row: Row, unreachable = true): Row {
  const out = back(row);
  const v6 = get(row, "eth_type") === 0x86dd;
  const proto = get(row, "ip_proto");
  set(out, "ip_proto", v6 ? PROTO.icmp6 : PROTO.icmp);
  set(out, "tp_src", 0);
  set(out, "tp_dst", 0);
  set(out, "icmp_type", v6 ? (unreachable ? 1 : 3) : unreachable ? 3 : 11);
  set(out, "icmp_code", unreachable ? (v6 ? 4 : 3) : 0);
  set(out, "inner_proto", proto);
  set(out, "inner_src", getBig(row, v6 ? "ipv6_src" : "ip_src"));
  set(out, "inner_dst", getBig(row, v6 ? "ipv6_dst" : "ip_dst"));
  const echo = proto === PROTO.icmp || proto === PROTO.icmp6;
  set(out, "inner_tp_src", get(row, echo ? "icmp_id" : "tp_src"));
  set(out, "inner_tp_dst", get(row, echo ? "icmp_id" : "tp_dst"));
  return out;
}

/** The next packet of the same sender: TCP sends its SYN again until it is answered. */
export function following(row: Row, answered: boolean): Row {
  const out = row.slice();
  if (answered && get(out, "ip_proto") === PROTO.tcp) set(out, "tcp_flags", 0x10);
  return out;
}

/** True if an error may be sent about it: not about errors, and with a header that can be quoted. */
export function mayFail(row: Row): boolean {
  const proto = get(row, "ip_proto");
  return (
    get(row, "inner_proto") === 0 &&
    (proto === PROTO.tcp || proto === PROTO.udp || get(row, "icmp_type") === 8 || get(row, "icmp_type") === 128)
  );
}
