/** Broken and hostile input for `ofproto trace`: lines cut anywhere, mutated, or made to run for ever. */
import type { Random } from "../random.js";

/** Lines as switches print them, of many kinds. */
export const FLOW_LINES: readonly string[] = [
  " cookie=0x5a1f, duration=12.3s, table=0, n_packets=17, n_bytes=1234, idle_age=3, priority=100,ip,in_port=1,nw_dst=10.0.0.0/8 actions=resubmit(,1)",
  " cookie=0x0, duration=1.0s, table=1, n_packets=0, n_bytes=0, priority=50,tcp,tp_dst=80,tcp_flags=+syn-ack actions=ct(commit,zone=NXM_NX_REG0[0..15],nat(dst=10.0.0.5:8080),exec(load:0x1->NXM_NX_CT_LABEL[0]),table=2)",
  " table=2, priority=7,ct_state=+est-new+trk,ct_mark=0x1/0x3,ipv6,ipv6_src=2001:db8::/32 actions=set_field:2001:db8::1->ipv6_dst,dec_ttl,output:2",
  " table=3, priority=1,dl_vlan=10,dl_vlan_pcp=3,dl_src=00:00:00:00:00:01/01:00:00:00:00:00 actions=strip_vlan,push_vlan:0x8100,set_field:4106->vlan_vid,NORMAL",
  " table=4, priority=32768,conj_id=7,ip actions=group:1",
  " table=4, priority=3,ip,nw_src=10.0.0.1 actions=conjunction(7,1/2),conjunction(8,2/3)",
  " table=5, arp,arp_op=1,arp_tpa=10.0.0.1 actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],load:0x2->NXM_OF_ARP_OP[],push:NXM_OF_ARP_TPA[],pop:NXM_OF_ARP_SPA[],in_port",
  ' table=6, priority=9,in_port="eth0",vlan_tci=0x1000/0x1000 actions=output:"patch-x",clone(set_queue:3,pop_queue,output:3),controller(reason=action,max_len=64,userdata=00.00.00.09)',
  " table=7, priority=9,metadata=0x3,reg0=0x1/0xff,xxreg1=0x5,tun_id=0x7,tun_metadata0=0x1 actions=learn(table=9,hard_timeout=300,priority=1,NXM_OF_VLAN_TCI[0..11],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])",
  " table=8, mpls,mpls_label=16,mpls_bos=1 actions=pop_mpls:0x0800,multipath(symmetric_l4,0,hrw,4,0,NXM_NX_REG2[0..1]),bundle(eth_src,50,active_backup,ofport,members:1,2)",
  " table=9, icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=00:00:00:00:00:01 actions=write_actions(set_field:1->reg0,output:1),write_metadata:0x1/0xf,meter:1,goto_table:10",
  " table=10, priority=1,nsh,nsh_spi=0x5 actions=decap(),encap(nsh(md_type=1)),encap(ethernet),check_pkt_larger(1400)->NXM_NX_REG0[3],sample(probability=1,collector_set_id=1,obs_domain_id=2,obs_point_id=3),note:01.02,exit",
];
export const GROUP_LINES: readonly string[] = [
  " group_id=1,type=select,selection_method=dp_hash,bucket=bucket_id:0,weight:100,actions=output:1,bucket=bucket_id:1,weight:50,actions=ct(commit,table=3,nat(dst=10.0.0.7))",
  " group_id=2,type=select,selection_method=hash,selection_method_param=7,fields(ip_dst=255.255.0.0,tcp_dst),bucket=bucket_id:3,actions=output:2",
  " group_id=3,type=fast_failover,bucket=bucket_id:0,watch_port:1,actions=output:1,bucket=bucket_id:1,watch_group:2,actions=group:2",
  " group_id=4,type=indirect,bucket=bucket_id:0,actions=resubmit(,5)",
];
export const PORT_LINES: readonly string[] = [
  " 1(eth0): addr:02:00:00:00:00:01",
  "     config:     PORT_DOWN",
  "     state:      LINK_DOWN",
  " LOCAL(br0): addr:02:00:00:00:00:02",
  "2 eth1 7 down",
  "10 patch-x",
  "netdev@ovs-netdev: hit:10935 missed:822",
  "  br0:",
  "    gnv 20/6081: (geneve: key=flow, remote_ip=flow, dst_port=6082)",
  "    vxl 21/4789: (vxlan: key=0x7, remote_ip=fe80::1, local_ip=1.1.2.9, ttl=9, tos=inherit)",
  "    to-br1 10/none: (patch: peer=br1-to-br0)",
];
export const PACKETS: readonly string[] = [
  "in_port=1,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tcp_src=1000,tcp_dst=80,tcp_flags=syn --ct-next trk,est",
  "in_port=2,icmp6,ipv6_src=fe80::1,ipv6_dst=fe80::2,icmpv6_type=135,nd_target=fe80::3",
  "in_port(1),eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07),eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,proto=6,tos=0,ttl=64,frag=no),tcp(src=8,dst=80)",
  "in_port=1 5054000000075054000000050800450000280000000040060000c0a80001c0a8000200080050000000000000000050020000000000000000",
  "br0 in_port=1,arp,arp_op=1,arp_spa=10.0.0.1,dl_vlan=5,reg0=0x3,ct_state=est|trk",
];

/** Every beginning of a line, the line itself not among them. */
export function* truncations(line: string): Generator<string> {
  for (let n = 1; n < line.length; n++) yield line.slice(0, n);
}

const TOKENS = [
  "(",
  ")",
  ",",
  "=",
  "->",
  "[",
  "]",
  "[0..0]",
  "/",
  ":",
  "..",
  "0x",
  "-1",
  "99999999999999999999",
  "actions=",
  "resubmit(,",
  "clone(",
  "ct(",
  "\u0000",
  "\u00e9",
  "\t",
  " ",
  "{",
  "}",
  "%s",
  "group:1",
  "ffff::",
  "/0",
  "[70..3]",
];

/** A text with some of it dropped, doubled, overwritten or put elsewhere. */
export function mutate(r: Random, text: string): string {
  let t = text;
  for (let i = r.between(1, 4); i > 0; i--) {
    const at = r.int(t.length + 1);
    const length = r.between(1, 12);
    const change = r.int(5);
    if (change === 0) t = t.slice(0, at) + t.slice(at + length);
    else if (change === 1) t = t.slice(0, at) + t.slice(at, at + length) + t.slice(at);
    else if (change === 2) t = t.slice(0, at) + r.pick(TOKENS) + t.slice(at);
    else if (change === 3) t = t.slice(0, at) + String.fromCharCode(32 + r.int(95)) + t.slice(at + 1);
    else {
      const from = r.int(t.length + 1);
      t = t.slice(0, at) + t.slice(from, from + length) + t.slice(at);
    }
  }
  return t;
}

/** Tables that would run for ever, or very long, if nothing bounded them: what they are, with flows and groups. */
export const ENDLESS: readonly { readonly what: string; readonly flows: string; readonly groups?: string }[] = [
  { what: "a table that resubmits to itself", flows: "table=0,actions=resubmit(,0)\n" },
  {
    what: "a million resubmits",
    flows: Array.from({ length: 20 }, (_, t) => `table=${t},actions=resubmit(,${t + 1}),resubmit(,${t + 1})\n`).join(""),
  },
  {
    what: "a million clones",
    flows: Array.from({ length: 20 }, (_, t) => `table=${t},actions=clone(resubmit(,${t + 1})),clone(resubmit(,${t + 1}))\n`).join(""),
  },
  { what: "connection tracking of what was tracked", flows: "table=0,ip,actions=ct(table=0)\n" },
  { what: "connection tracking of what was tracked, twice each time", flows: "table=0,ip,actions=ct(table=0),ct(table=0,zone=2)\n" },
  {
    what: "a group that contains itself",
    flows: "table=0,actions=group:1\n",
    groups: "group_id=1,type=all,bucket=actions=group:1,bucket=actions=group:1\n",
  },
  {
    what: "groups that contain each other",
    flows: "table=0,actions=group:1\n",
    groups: "group_id=1,type=indirect,bucket=actions=group:2\ngroup_id=2,type=select,bucket=actions=group:1,bucket=actions=output:1\n",
  },
  {
    what: "groups watching each other",
    flows: "table=0,actions=group:1\n",
    groups: "group_id=1,type=ff,bucket=watch_group:2,actions=output:1\ngroup_id=2,type=ff,bucket=watch_group:1,actions=output:1\n",
  },
  { what: "values pushed without end", flows: "table=0,actions=push:NXM_NX_REG0[],resubmit(,0)\n" },
  { what: "clones in clones", flows: `table=0,actions=${"clone(".repeat(5000)}output:1${")".repeat(5000)}\n` },
  { what: "a hundred thousand brackets", flows: `table=0,actions=ct(${"(".repeat(100_000)}\n` },
  { what: "a line of two megabytes", flows: `table=0,actions=${"output:1,".repeat(220_000)}output:2\n` },
  {
    what: "a conjunction of sixty-four clauses",
    flows: Array.from({ length: 64 }, (_, i) => `table=0,priority=5,ip,nw_src=10.0.0.${i},actions=conjunction(1,${i + 1}/64)\n`).join(""),
  },
];
