/**
 * Packets of a rule trace: as the question has them, and as text.
 *
 * A packet is taken where it is inside the host (RunOptions.keep): its mark, the interface by which it is about to leave and the state that it
 * is said to have stand in its row.
 */
import {
  CT,
  type Field,
  findField,
  formatValue,
  get,
  getBig,
  PlumblineError,
  parsePacket,
  type Row,
  set,
  TCP,
  wordsOf,
} from "@plumbline/model";

/** The register in which a packet has the state that is said of it until it has been tracked: bits 0 to 7, and whether there is one. */
export const GIVEN = { register: "reg0", stated: 0x100 } as const;

/** Clears what a packet has inside a device alone, but for its mark. */
export function enterHost(row: Row): void {
  const mark = get(row, "pkt_mark");
  for (const w of INSIDE) row[w] = 0;
  set(row, "pkt_mark", mark);
}
const INSIDE = [...wordsOf("device"), ...wordsOf("tunnel")];

const says = (name: string) => new RegExp(`(^|[,\\s])(${name})=`);
const LENGTHS: Readonly<Record<number, number>> = { 1: 98, 6: 74, 17: 98, 58: 118 };

/** The packet as its sender makes it: what the text leaves open gets the usual value, what it states stays, zeros too. */
export function packetRow(text: string): { row: Row; inPort: string } {
  const { row, inPort } = parsePacket(text);
  const type = get(row, "eth_type");
  if (type !== 0x0800 && type !== 0x86dd)
    throw new PlumblineError("PACKET_BAD", [text, "netfilter's rules are asked about IPv4 and IPv6 packets"]);
  const open = (names: string) => !says(names).test(text);
  if (get(row, "ip_ttl") === 0 && open("nw_ttl|ip_ttl|ttl")) set(row, "ip_ttl", 64);
  const proto = get(row, "ip_proto");
  if (proto === 6 && open("tcp_flags")) set(row, "tcp_flags", TCP.syn);
  if (get(row, "packet_len") === 0) set(row, "packet_len", LENGTHS[proto] ?? 98);
  if ((proto === 1 || proto === 58) && open("icmp_type|icmpv6_type") && get(row, "inner_proto") === 0)
    set(row, "icmp_type", proto === 1 ? 8 : 128);
  return { row, inPort: inPort ?? "" };
}

const NAMES: readonly (readonly [name: string, field: string])[] = [
  ["nw_tos", "nw_tos"],
  ["nw_ttl", "ip_ttl"],
  ["pkt_mark", "pkt_mark"],
];
const PROTOCOLS: Readonly<Record<string, string>> = {
  "4.1": "icmp",
  "4.6": "tcp",
  "4.17": "udp",
  "4.132": "sctp",
  "6.6": "tcp6",
  "6.17": "udp6",
  "6.58": "icmp6",
  "6.132": "sctp6",
};

/** A packet in the syntax of ofproto/trace, so that it can be given again. */
export function packetFlow(row: Row): string {
  const v6 = get(row, "eth_type") === 0x86dd;
  const proto = get(row, "ip_proto");
  const known = PROTOCOLS[`${v6 ? 6 : 4}.${proto}`];
  const out: string[] = known ? [known] : [v6 ? "ipv6" : "ip", `nw_proto=${proto}`];
  const put = (name: string, from: string) => out.push(`${name}=${text(findField(from)!, row)}`);
  put(v6 ? "ipv6_src" : "nw_src", v6 ? "ipv6_src" : "ip_src");
  put(v6 ? "ipv6_dst" : "nw_dst", v6 ? "ipv6_dst" : "ip_dst");
  for (const [name, from] of NAMES) if (getBig(row, from) !== 0n || name === "nw_ttl") put(name, from);
  if (get(row, "ip_frag")) put("nw_frag", "ip_frag");
  else if (proto === 6 || proto === 17 || proto === 132) {
    put("tp_src", "tp_src");
    put("tp_dst", "tp_dst");
    if (proto === 6) put("tcp_flags", "tcp_flags");
  } else if (proto === 1 || proto === 58) {
    put("icmp_type", "icmp_type");
    put("icmp_code", "icmp_code");
    if (get(row, "icmp_id")) put("icmp_id", "icmp_id");
    if (get(row, "inner_proto")) for (const f of ["inner_proto", "inner_src", "inner_dst", "inner_tp_src", "inner_tp_dst"]) put(f, f);
  }
  return out.join(",");
}

const text = (f: Field, row: Row) => formatValue(f, getBig(row, f.name));

const STATES: Readonly<Record<string, number>> = {
  new: CT.trk | CT.new,
  established: CT.trk | CT.est,
  related: CT.trk | CT.rel,
  invalid: CT.trk | CT.inv,
  untracked: 0,
  reply: CT.rpl,
  snat: CT.snat,
  dnat: CT.dnat,
};

/** `established`, `established,reply,dnat`: bits of ct_state. */
export function stateBits(names: string): number {
  let bits = 0;
  for (const name of names.toLowerCase().split(/[,|+]/)) {
    if (!Object.hasOwn(STATES, name))
      throw new PlumblineError("USAGE", [
        `'${name}' is not a connection state.`,
        `States: ${Object.keys(STATES).join(", ")}; several joined by ','.`,
      ]);
    bits |= STATES[name];
  }
  return bits;
}
