/** Kinds of packets: what a rule's match says of a packet, as far as its conditions and actions depend on it. */

/** What a packet has. `ip` is either family, `ports` TCP, UDP or SCTP. */
export type Has =
  | "ip"
  | "ip4"
  | "ip6"
  | "ports"
  | "tcp"
  | "udp"
  | "sctp"
  | "icmp"
  | "icmp6"
  | "ns"
  | "na"
  | "arp"
  | "mpls"
  | "nsh"
  | "ethernet";

export interface Protocol {
  readonly name: string;
  /** Conditions of a match, and parts of a packet as well. */
  readonly keywords: readonly string[];
  readonly has: readonly Has[];
}
const protocol = (name: string, keywords: string, has: string): Protocol => ({
  name,
  keywords: keywords.split(" ").filter(Boolean),
  has: ["ethernet", ...(has.split(" ").filter(Boolean) as Has[])],
});

export const ANY = protocol("any", "", "");
export const PROTOCOLS: readonly Protocol[] = [
  ANY,
  protocol("arp", "arp", "arp"),
  protocol("rarp", "rarp", "arp"),
  protocol("ip", "ip", "ip ip4"),
  protocol("tcp", "tcp", "ip ip4 ports tcp"),
  protocol("udp", "udp", "ip ip4 ports udp"),
  protocol("sctp", "sctp", "ip ip4 ports sctp"),
  protocol("icmp", "icmp", "ip ip4 icmp"),
  protocol("gre", "ip nw_proto=47", "ip ip4"),
  protocol("ipv6", "ipv6", "ip ip6"),
  protocol("tcp6", "tcp6", "ip ip6 ports tcp"),
  protocol("udp6", "udp6", "ip ip6 ports udp"),
  protocol("sctp6", "sctp6", "ip ip6 ports sctp"),
  protocol("icmp6", "icmp6", "ip ip6 icmp6"),
  protocol("ns", "icmp6 icmp_type=135 icmp_code=0", "ip ip6 icmp6 ns"),
  protocol("na", "icmp6 icmp_type=136 icmp_code=0", "ip ip6 icmp6 na"),
  protocol("mpls", "mpls", "mpls"),
  protocol("mplsm", "mplsm", "mpls"),
  protocol("nsh", "dl_type=0x894f", "nsh"),
  protocol("other", "dl_type=0x1234", ""),
];
const NAMED = new Map(PROTOCOLS.map((p) => [p.name, p]));
export function named(name: string): Protocol {
  return NAMED.get(name)!;
}
