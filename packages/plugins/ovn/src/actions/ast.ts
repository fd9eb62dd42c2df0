/**
 * Logical actions as trees: what `actions` of a logical flow say (ovn-sb(5), Logical_Flow, "actions"; include/ovn/actions.h of OVN).
 *
 * Actions of one shape share a type; `name` is then the action's own name.
 */
import type { FieldRef } from "../expr/fields.js";
import type { ConstantSet } from "../expr/parse.js";
import type { IntegerConstant } from "../expr/token.js";

export type Pipeline = "ingress" | "egress";
/** Which of a router's two connection zones. */
export type Zone = "dnat" | "snat";

/** An address in its own width: IPv4 in the low 32 bits. */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** Actions that are a word. */
export type PlainName =
  /** To the egress pipeline, or out of the port. */
  | "output"
  | "ip.ttl--"
  /** Forgets the connection state. */
  | "ct_clear"
  /** To ovn-controller, which learns of multicast groups. */
  | "igmp"
  /** To ovn-controller, whose prefix delegation asked. */
  | "handle_dhcpv6_reply"
  | "handle_bfd_msg"
  /** Translates hairpin traffic's source to the load balancer's address. */
  | "ct_snat_to_vip"
  /** Counts the use of a MAC binding. */
  | "mac_cache_use"
  /** To every remote chassis of the datapath. */
  | "flood_remote";

/** Nested actions: what is done with a packet made of this one; `clone` with a copy of it. */
export type NestName =
  | "clone"
  /** An ARP request for the next hop (reg0); the packet waits for the answer. */
  | "arp"
  /** A neighbour solicitation for the next hop (xxreg0); the packet waits. */
  | "nd_ns"
  /** The answer to the neighbour solicitation that the packet is. */
  | "nd_na"
  | "nd_na_router"
  | "icmp4"
  | "icmp4_error"
  | "icmp6"
  | "icmp6_error"
  | "tcp_reset"
  | "sctp_abort"
  /** A TCP reset, SCTP abort or ICMP error, as the protocol has it, back to the sender. */
  | "reject";

/** Actions that put a finding in a field. */
export type ResultName =
  /** 1 if the packet is load-balanced traffic that comes back to its sender's own address. */
  | "chk_lb_hairpin"
  | "chk_lb_hairpin_reply"
  /** 1 if ovn-controller could answer the DNS query that the packet is; it then is the answer. */
  | "dns_lookup"
  /** 1 if port security forbids what comes from the port. */
  | "check_in_port_sec"
  | "check_out_port_sec"
  /** 1 if the connection came in by a next hop of an ECMP route with symmetric reply (and by its MAC). */
  | "chk_ecmp_nh_mac"
  | "chk_ecmp_nh"
  /** 1 if the client has a backend already; that is put in reg4/xxreg1 and reg2. */
  | "chk_lb_aff"
  /** Destination address, port and protocol of the connection's original direction, and its state. */
  | "ct_nw_dst"
  | "ct_ip6_dst"
  | "ct_tp_dst"
  | "ct_proto"
  | "ct_state_save";

export interface OptionValue {
  readonly name: string;
  readonly code: number;
  readonly kind: string;
  readonly value: ConstantSet;
}

export interface Backend {
  /** The logical port that has the address (`ct_lb_mark_local`). */
  readonly logicalPort?: string;
  readonly address: Address;
  /** 0: the packet's own port stays. */
  readonly port: number;
}

export type LogicalAction =
  | { readonly type: "plain"; readonly name: PlainName }
  /** Goes on in another table; `from` is where the action stands. */
  | {
      readonly type: "next";
      readonly pipeline: Pipeline;
      readonly table: number;
      readonly from: { readonly pipeline: Pipeline; readonly table: number };
    }
  | { readonly type: "load"; readonly dst: FieldRef; readonly value: IntegerConstant | string }
  /** Of a field that only ovn-controller can set: `icmp4.frag_mtu`. */
  | { readonly type: "controller load"; readonly dst: FieldRef; readonly value: IntegerConstant }
  | { readonly type: "move"; readonly dst: FieldRef; readonly src: FieldRef }
  | { readonly type: "exchange"; readonly a: FieldRef; readonly b: FieldRef }
  | { readonly type: "push"; readonly field: FieldRef }
  | { readonly type: "pop"; readonly field: FieldRef }
  | { readonly type: "nest"; readonly name: NestName; readonly actions: readonly LogicalAction[] }
  /** Through the connection tracker; goes on in the next table, tracked. Without zone (releases up to 23.x) it is the router's DNAT zone. */
  | { readonly type: "ct_next"; readonly zone: Zone | undefined; readonly table: number }
  /** Makes the connection known, and sets its mark and label. */
  | { readonly type: "ct_commit"; readonly actions: readonly LogicalAction[] }
  /** The old form: `ct_commit(ct_mark=1/1, ct_label=2)`. */
  | { readonly type: "ct_commit old"; readonly mark: IntegerConstant | undefined; readonly label: IntegerConstant | undefined }
  | { readonly type: "ct_commit_to_zone"; readonly zone: Zone; readonly table: number }
  | { readonly type: "ct_commit_nat"; readonly zone: Zone | undefined; readonly table: number }
  /** Translates as the connection says, or begins to translate to `address`. */
  | {
      readonly type: "ct_nat";
      readonly name: "ct_dnat" | "ct_snat" | "ct_dnat_in_czone" | "ct_snat_in_czone";
      readonly address: Address | undefined;
      /** `high` 0: the one port `low`. */
      readonly ports: { readonly low: number; readonly high: number } | undefined;
      readonly table: number;
    }
  /** One of the backends takes the connection; without any the packet is translated as its connection says. */
  | {
      readonly type: "ct_lb";
      readonly name: "ct_lb" | "ct_lb_mark" | "ct_lb_mark_local";
      readonly backends: readonly Backend[];
      /** Fields that choose, `eth_src,ip_dst`; "" for the datapath's hash. */
      readonly hashFields: string;
      readonly flag: "skip_snat" | "force_snat" | undefined;
      readonly table: number;
    }
  | {
      readonly type: "select";
      readonly dst: FieldRef;
      readonly members: readonly { readonly id: number; readonly weight: number }[];
      readonly hashFields: string;
      /** Written `select(values=(…); hash_fields=…)`. */
      readonly table: number;
    }
  /** eth.dst = the MAC address of `ip` at `port`, or 0. */
  | { readonly type: "get_mac"; readonly name: "get_arp" | "get_nd"; readonly port: FieldRef; readonly ip: FieldRef }
  /** Has ovn-controller note the MAC address. */
  | {
      readonly type: "put_mac";
      readonly name: "put_arp" | "put_nd";
      readonly port: FieldRef;
      readonly ip: FieldRef;
      readonly mac: FieldRef;
    }
  /** dst = whether the MAC binding is known (with this address, if `mac`). */
  | {
      readonly type: "lookup_mac";
      readonly name: "lookup_arp" | "lookup_nd" | "lookup_arp_ip" | "lookup_nd_ip";
      readonly dst: FieldRef;
      readonly port: FieldRef;
      readonly ip: FieldRef;
      readonly mac: FieldRef | undefined;
    }
  | { readonly type: "put_fdb"; readonly port: FieldRef; readonly mac: FieldRef }
  /** dst = key of the port where the MAC address was learned, or 0. */
  | { readonly type: "get_fdb"; readonly name: "get_fdb" | "get_remote_fdb"; readonly dst: FieldRef; readonly mac: FieldRef }
  | { readonly type: "lookup_fdb"; readonly dst: FieldRef; readonly port: FieldRef; readonly mac: FieldRef }
  | { readonly type: "chk_evpn_arp"; readonly dst: FieldRef; readonly ip: FieldRef }
  | { readonly type: "result"; readonly name: ResultName; readonly dst: FieldRef }
  /** dst = 1 if the frame is longer than `length` bytes. */
  | { readonly type: "check_pkt_larger"; readonly dst: FieldRef; readonly length: number }
  /** ovn-controller makes the packet an answer with these options; dst = whether it could. */
  | {
      readonly type: "put_opts";
      readonly name: "put_dhcp_opts" | "put_dhcpv6_opts" | "put_nd_ra_opts";
      readonly dst: FieldRef;
      readonly options: readonly OptionValue[];
    }
  | {
      readonly type: "dhcp_relay";
      readonly name: "dhcp_relay_req_chk" | "dhcp_relay_resp_chk";
      readonly dst: FieldRef;
      readonly relay: bigint;
      readonly server: bigint;
    }
  | { readonly type: "set_queue"; readonly queue: number }
  /** kbit/s; burst 0: none. */
  | { readonly type: "set_meter"; readonly rate: bigint; readonly burst: bigint }
  | {
      readonly type: "log";
      readonly name: string | undefined;
      readonly verdict: "allow" | "drop" | "reject" | "pass";
      readonly severity: Severity;
      readonly meter: string | undefined;
    }
  | { readonly type: "trigger_event"; readonly event: string; readonly meter: string | undefined; readonly options: readonly OptionValue[] }
  | { readonly type: "bind_vport"; readonly vport: string; readonly parent: FieldRef }
  | { readonly type: "handle_svc_check"; readonly port: FieldRef }
  | { readonly type: "fwd_group"; readonly liveness: boolean; readonly ports: readonly string[]; readonly table: number }
  /** Learns by which next hop the connection came. */
  | { readonly type: "commit_ecmp_nh"; readonly ipv6: boolean; readonly proto: L4 }
  /** Learns which backend the client has; seconds. */
  | {
      readonly type: "commit_lb_aff";
      readonly vip: Endpoint;
      readonly backend: Endpoint;
      readonly proto: L4 | undefined;
      readonly timeout: number;
    }
  | {
      readonly type: "sample";
      /** Of 65535. */
      readonly probability: number;
      readonly collectorSet: number;
      readonly domain: number;
      /** A number, the flow's cookie, or a field. */
      readonly point: number | "$cookie" | FieldRef;
    }
  /** A copy to a port. */
  | { readonly type: "mirror"; readonly port: string };

export type L4 = "tcp" | "udp" | "sctp";
/** An address and a port; 0: any. */
export interface Endpoint {
  readonly address: Address;
  readonly port: number;
}
export type Severity = "alert" | "warning" | "notice" | "info" | "debug";
/** syslog's numbers (lib/acl-log.h). */
export const SEVERITY: Record<Severity, number> = { alert: 1, warning: 4, notice: 5, info: 6, debug: 7 };
export const VERDICTS = ["allow", "drop", "reject", "pass"] as const;
export const PROTOCOL_NUMBER: Record<L4, number> = { tcp: 6, udp: 17, sctp: 132 };
