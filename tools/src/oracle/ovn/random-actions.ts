/** Random logical actions, right and wrong ones, for OVN's own parser to judge. */
import type { Random } from "../random.js";
import { broken } from "./random-expressions.js";

/** Statements of OVN 23.03, with a place that varies marked `%x` (see {@link fill}). */
const STATEMENTS = [
  "next",
  "next(%d)",
  "next(table=%d)",
  "next(pipeline=%p, table=%d)",
  "output",
  "ct_next",
  "ct_clear",
  "ct_commit",
  "ct_commit { }",
  "ct_commit { ct_mark = %n; }",
  "ct_commit { ct_mark.blocked = 1; ct_label.label = %n; }",
  "ct_commit { ct_label[0..47] = %m; }",
  "ct_commit(ct_mark=%n, ct_label=%n/%n)",
  "ct_commit_nat",
  "ct_dnat",
  "ct_snat",
  "ct_dnat(%a)",
  "ct_snat(%a, %n-%n)",
  "ct_dnat_in_czone(%a,%n)",
  "ct_snat_in_czone(%6)",
  "ct_lb(backends=%a:%n,%a)",
  "ct_lb_mark",
  "ct_lb_mark(backends=%a:%n,%a:%n)",
  'ct_lb_mark(backends=[%6]:%n; hash_fields="ip_src,ip_dst")',
  "ct_lb_mark(backends=%a:%n; skip_snat)",
  'ct_lb_mark(backends=%6,%6; hash_fields="eth_src"; force_snat)',
  "%f = %n",
  "%f = %f",
  "%f <-> %f",
  "%f[%d] = %n",
  "%f[%d..%d] = %f[%d..%d]",
  "inport = %s",
  "outport = %s",
  "inport <-> outport",
  "outport = inport",
  "push(%f)",
  "pop(%f)",
  "ip.ttl--",
  "clone { %S; }",
  "arp { %S; %S; }",
  "nd_na { %S; }",
  "nd_na_router { %S; }",
  "nd_ns { %S; }",
  "icmp4 { %S; }",
  "icmp4_error { icmp4.frag_mtu = %n; %S; }",
  "icmp6 { %S; }",
  "icmp6_error { icmp6.frag_mtu = %n; %S; }",
  "tcp_reset { %S; }",
  "sctp_abort { }",
  "reject { %S; %S; }",
  "igmp",
  "get_arp(%q, %f)",
  "put_arp(%q, arp.spa, arp.sha)",
  "get_nd(%q, %f)",
  "put_nd(%q, nd.target, nd.sll)",
  "%b = lookup_arp(%q, arp.spa, %f)",
  "%b = lookup_nd(%q, ip6.src, eth.src)",
  "%b = lookup_arp_ip(%q, %f)",
  "%b = lookup_nd_ip(%q, %f)",
  "%b = put_dhcp_opts(offerip = %a, router = %a, mtu = %n, domain_name = %s, lease_time = %n)",
  "%b = put_dhcp_opts(dns_server = {%a, %a})",
  "%b = put_dhcpv6_opts(ia_addr = %6, server_id = %m, dns_server = {%6, %6})",
  '%b = put_nd_ra_opts(addr_mode = "slaac", mtu = %n, prefix = %6/64, slla = %m)',
  '%b = put_nd_ra_opts(addr_mode = "dhcpv6_stateful", slla = %m, mtu = %n)',
  "%b = dns_lookup()",
  "%b = check_pkt_larger(%n)",
  "%b = chk_lb_hairpin()",
  "%b = chk_lb_hairpin_reply()",
  "%b = check_in_port_sec()",
  "%b = check_out_port_sec()",
  "%b = chk_ecmp_nh()",
  "%b = chk_ecmp_nh_mac()",
  "%b = chk_lb_aff()",
  "%b = lookup_fdb(%q, eth.src)",
  "%f = get_fdb(eth.dst)",
  "outport = get_fdb(%f)",
  "put_fdb(%q, eth.src)",
  "%f = select(%n=%n, %n)",
  "reg0[16..31] = select(%d, %d, %d=%n)",
  "set_queue(%n)",
  "set_meter(%n)",
  "set_meter(%n, %n)",
  "log(verdict=%v, severity=%l)",
  'log(name="acl", meter="m", severity=%l, verdict=%v)',
  'trigger_event(event = "empty_lb_backends", vip = "%a:80", protocol = "tcp", load_balancer = "12345678-abcd-9876-fedc-11119f8e7d6c")',
  'bind_vport("vip", %q)',
  "handle_svc_check(%q)",
  'fwd_group(liveness="true", childports="a", "b")',
  'fwd_group(childports="a")',
  "handle_dhcpv6_reply",
  "handle_bfd_msg()",
  "ct_snat_to_vip",
  "commit_ecmp_nh(ipv6 = %t, proto = %L)",
  'commit_lb_aff(vip = "%a:%d", backend = "%a:%d", proto = %L, timeout = %n)',
  'commit_lb_aff(vip = "[%6]:80", backend = "[%6]:80", proto = %L, timeout = %n)',
  "sample(probability=%n,collector_set=%n,obs_domain=%d,obs_point=%n)",
  "sample(probability=%n,obs_point=$cookie)",
  "drop",
] as const;

const FIELDS = [
  "reg0 reg1 reg9 xreg1 xxreg0 xxreg1 eth.src eth.dst eth.type ip.proto ip.ttl ip.dscp ip.frag ip4.src ip4.dst ip6.src ip6.dst",
  "tcp.src tcp.dst tcp.flags udp.dst icmp4.type icmp6.code arp.op arp.spa arp.tha nd.target nd.sll vlan.tci vlan.vid vlan.present",
  "inport flags flags.loopback ct_mark ct_label ct_state ct.new pkt.mark icmp4.frag_mtu ct_mark.natted",
].flatMap((l) => l.split(" "));
const BITS = ["reg0[0]", "reg0[15]", "reg9[31]", "xxreg1[64]", "flags.loopback", "reg0[1..2]", "reg8", "ip.frag[0]", "ct_mark[0]"];
const PICKS: Readonly<Record<string, readonly string[]>> = {
  a: ["10.0.0.1", "192.168.1.2", "255.255.255.255"],
  6: ["fd00::1", "::1", "2001:db8::10"],
  m: ["00:00:00:00:00:01", "0a:58:0a:00:00:01"],
  p: ["ingress", "egress"],
  f: FIELDS,
  b: BITS,
  q: ["inport", "inport", "outport", "reg0", "eth.src"],
  s: ['"p1"', '""', '"a b"', '"x\\"y"'],
  v: ["allow", "drop", "reject", "maybe"],
  l: ["info", "alert", "debug", "notice", "warning", "loud"],
  L: ["tcp", "udp", "sctp", "icmp"],
  t: ["true", "false", '"true"', "maybe"],
};

function fill(r: Random, text: string, depth: number): string {
  return text.replaceAll(/%(\w)/g, (_, kind: string) => {
    if (kind === "S") return depth < 3 ? statement(r, depth + 1) : "output";
    if (kind === "d") return String(r.pick([0, 1, 5, 11, 23, 30, r.int(70)]));
    if (kind === "n") return r.pick(["0", "1", "80", "1500", "65535", "65536", "0x10", "4294967295", "1/1", String(r.int(100_000))]);
    return r.pick(PICKS[kind]);
  });
}

function statement(r: Random, depth: number): string {
  return fill(r, r.pick(STATEMENTS), depth);
}

/** A list of actions; now and then one that is broken on purpose. */
export function randomActions(r: Random): string {
  const list = Array.from({ length: r.chance(0.7) ? 1 : r.between(2, 4) }, () => `${statement(r, 0)};`).join(" ");
  return r.chance(0.3) ? broken(r, list) : list;
}
