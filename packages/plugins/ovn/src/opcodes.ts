/**
 * What OVN's `controller(userdata=…)` says: the first four bytes are an opcode (include/ovn/actions.h, ACTION_OPCODES),
 * four bytes of padding follow, then arguments or, for actions with braces, nested OpenFlow actions.
 */

/** What becomes of the packet. */
type Meaning =
  /** ovn-controller notes something; the packet goes on. */
  | { readonly kind: "aside"; readonly text: string }
  /** A packet is made in answer, and the nested actions run on it. */
  | { readonly kind: "answer"; readonly how: "reject" | "tcp_reset" | "icmp" | "sctp_abort"; readonly text: string }
  /** The packet waits until a neighbour answers. */
  | { readonly kind: "wait"; readonly text: string }
  /** The packet is a question that ovn-controller answers itself with a packet that is not followed. */
  | { readonly kind: "answered"; readonly text: string }
  /** What comes back depends on what only the controller knows. */
  | { readonly kind: "outcome"; readonly text: string };

export interface Opcode {
  /** As enum action_opcode names it. */
  readonly name: string;
  /** As a logical flow writes it. */
  readonly action: string;
  readonly meaning: Meaning;
}

const aside = (text: string): Meaning => ({ kind: "aside", text });
const outcome = (text: string): Meaning => ({ kind: "outcome", text });

/** By number. The order is OVN's and never changes: each release only appends. */
export const OPCODES: readonly Opcode[] = [
  { name: "ARP", action: "arp", meaning: { kind: "wait", text: "sends an ARP request" } },
  { name: "PUT_ARP", action: "put_arp", meaning: aside("learns the sender's MAC from this ARP packet (MAC_Binding)") },
  { name: "PUT_DHCP_OPTS", action: "put_dhcp_opts", meaning: outcome("answers a DHCP request") },
  { name: "ND_NA", action: "nd_na", meaning: { kind: "answered", text: "answers the neighbour solicitation" } },
  { name: "PUT_ND", action: "put_nd", meaning: aside("learns the sender's MAC from this neighbour discovery packet (MAC_Binding)") },
  { name: "PUT_DHCPV6_OPTS", action: "put_dhcpv6_opts", meaning: outcome("answers a DHCPv6 request") },
  { name: "DNS_LOOKUP", action: "dns_lookup", meaning: outcome("looks the name up in its DNS table") },
  { name: "LOG", action: "log", meaning: aside("logs the packet") },
  { name: "PUT_ND_RA_OPTS", action: "put_nd_ra_opts", meaning: outcome("answers a router solicitation") },
  { name: "ND_NS", action: "nd_ns", meaning: { kind: "wait", text: "sends a neighbour solicitation" } },
  { name: "ICMP", action: "icmp4/icmp6", meaning: { kind: "answer", how: "icmp", text: "answers with an ICMP error" } },
  { name: "TCP_RESET", action: "tcp_reset", meaning: { kind: "answer", how: "tcp_reset", text: "answers with a TCP reset" } },
  { name: "ND_NA_ROUTER", action: "nd_na_router", meaning: { kind: "answered", text: "answers the neighbour solicitation as a router" } },
  { name: "PUT_ICMP4_FRAG_MTU", action: "icmp4.frag_mtu", meaning: aside("writes the next hop's MTU into the ICMP error") },
  { name: "ICMP4_ERROR", action: "icmp4_error", meaning: { kind: "answer", how: "icmp", text: "answers with an ICMP error" } },
  { name: "EVENT", action: "trigger_event", meaning: aside("reports an event to the southbound database") },
  { name: "IGMP", action: "igmp", meaning: aside("learns multicast membership from this packet") },
  { name: "BIND_VPORT", action: "bind_vport", meaning: aside("binds a virtual port to this chassis") },
  { name: "HANDLE_SVC_CHECK", action: "handle_svc_check", meaning: aside("takes the packet as the answer to a health check of a backend") },
  {
    name: "DHCP6_SERVER",
    action: "handle_dhcpv6_reply",
    meaning: aside("takes the packet as a DHCPv6 answer to itself (prefix delegation)"),
  },
  { name: "ICMP6_ERROR", action: "icmp6_error", meaning: { kind: "answer", how: "icmp", text: "answers with an ICMPv6 error" } },
  { name: "PUT_ICMP6_FRAG_MTU", action: "icmp6.frag_mtu", meaning: aside("writes the next hop's MTU into the ICMPv6 error") },
  { name: "REJECT", action: "reject", meaning: { kind: "answer", how: "reject", text: "rejects the packet" } },
  { name: "BFD_MSG", action: "handle_bfd_msg", meaning: aside("takes the packet as a BFD message to itself") },
  { name: "SCTP_ABORT", action: "sctp_abort", meaning: { kind: "answer", how: "sctp_abort", text: "answers with an SCTP ABORT" } },
  { name: "PUT_FDB", action: "put_fdb", meaning: aside("learns the port of the sender's MAC (FDB)") },
  {
    name: "ACTIVATION_STRATEGY_RARP",
    action: "activation_strategy_rarp",
    meaning: aside("takes the RARP packet as the sign that a migrated port is active"),
  },
  {
    name: "SPLIT_BUF_ACTION",
    action: "split_buf_action",
    meaning: outcome("goes on with the next part of a multicast group too large for one flow"),
  },
  { name: "DHCP_RELAY_REQ_CHK", action: "dhcp_relay_req_chk", meaning: outcome("checks a DHCP request that it relays") },
  { name: "DHCP_RELAY_RESP_CHK", action: "dhcp_relay_resp_chk", meaning: outcome("checks a DHCP answer that it relays") },
  {
    name: "PUT_ICMP4_INNER_IP4_SRC",
    action: "icmp4.inner_ip4.src",
    meaning: aside("writes the source into the packet that the ICMP error quotes"),
  },
];
