/** Matches and actions in OVS's own text, and the bytes of actions. */
import { expect, test } from "vitest";
import { decodeActions, flowsOfText, type OpenFlowVersion, parseActions, parseMatch, printActions, printMatch } from "../src/index.js";
import { shared } from "./kit.js";

test("a match is printed in OVS's order, with protocols by name", () => {
  const texts = [
    "tp_dst=80,nw_dst=192.0.2.0/24,tcp,in_port=1",
    "dl_type=0x0800,nw_proto=132,sctp_src=7",
    "arp,nw_src=192.0.2.1,nw_proto=2",
    "ipv6,nw_proto=58,icmpv6_type=135,icmpv6_code=0,nd_target=2001:db8::1,nd_sll=00:00:00:00:00:01",
    "xxreg0=0x1/0xff,xreg2=0x500000006",
    "vlan_tci=0x1005/0x1fff",
    "vlan_tci=0",
    "dl_vlan=7,dl_vlan_pcp=1",
    "ct_state=+trk-new,ct_mark=0x2/0x3,ct_label=0x1,ct_zone=5",
    "tun_id=0x7,tun_metadata0=0x10002,tun_metadata3,tun_metadata40=0x5/0xf",
    "mpls,mpls_label=16,mpls_bos=1",
    "dl_type=0x894f,nsh_mdtype=1,nsh_spi=0x5,nsh_c1=7",
    "packet_type=(1,0x800),nw_dst=192.0.2.1",
    "ip,nw_tos=48,nw_ecn=2,nw_ttl=64,nw_frag=first",
    "reg20=5,metadata=0x3",
    'in_port="eth0.5",ip',
  ];
  expect(Object.fromEntries(texts.map((t) => [t, printMatch(parseMatch(t).terms, 100)]))).toMatchInlineSnapshot(`
    {
      "arp,nw_src=192.0.2.1,nw_proto=2": "priority=100,arp,arp_spa=192.0.2.1,arp_op=2",
      "ct_state=+trk-new,ct_mark=0x2/0x3,ct_label=0x1,ct_zone=5": "priority=100,ct_state=-new+trk,ct_zone=5,ct_mark=0x2/0x3,ct_label=0x1",
      "dl_type=0x0800,nw_proto=132,sctp_src=7": "priority=100,sctp,tp_src=7",
      "dl_type=0x894f,nsh_mdtype=1,nsh_spi=0x5,nsh_c1=7": "priority=100,dl_type=0x894f,nsh_mdtype=1,nsh_spi=0x5,nsh_c1=0x7",
      "dl_vlan=7,dl_vlan_pcp=1": "priority=100,dl_vlan=7,dl_vlan_pcp=1",
      "in_port="eth0.5",ip": "priority=100,ip,in_port="eth0.5"",
      "ip,nw_tos=48,nw_ecn=2,nw_ttl=64,nw_frag=first": "priority=100,ip,nw_tos=48,nw_ecn=2,nw_ttl=64,nw_frag=first",
      "ipv6,nw_proto=58,icmpv6_type=135,icmpv6_code=0,nd_target=2001:db8::1,nd_sll=00:00:00:00:00:01": "priority=100,icmp6,icmp_type=135,icmp_code=0,nd_target=2001:db8::1,nd_sll=00:00:00:00:00:01",
      "mpls,mpls_label=16,mpls_bos=1": "priority=100,mpls,mpls_label=16,mpls_bos=1",
      "packet_type=(1,0x800),nw_dst=192.0.2.1": "priority=100,packet_type=(1,0x800),nw_dst=192.0.2.1",
      "reg20=5,metadata=0x3": "priority=100,reg20=0x5,metadata=0x3",
      "tp_dst=80,nw_dst=192.0.2.0/24,tcp,in_port=1": "priority=100,tcp,in_port=1,nw_dst=192.0.2.0/24,tp_dst=80",
      "tun_id=0x7,tun_metadata0=0x10002,tun_metadata3,tun_metadata40=0x5/0xf": "priority=100,tun_id=0x7,tun_metadata0=0x10002,tun_metadata3,tun_metadata40=0x5/0xf",
      "vlan_tci=0": "priority=100,vlan_tci=0x0000",
      "vlan_tci=0x1005/0x1fff": "priority=100,dl_vlan=5",
      "xxreg0=0x1/0xff,xreg2=0x500000006": "priority=100,reg3=0x1/0xff,reg4=0x5,reg5=0x6",
    }
  `);
});

test("actions of all kinds are printed as OVS prints them, and read again as the same", () => {
  const texts = [
    "output:1,IN_PORT,LOCAL,NORMAL,CONTROLLER:64,output:NXM_NX_REG0[0..15],output(port=3,max_len=100),enqueue:4:7",
    "controller(reason=no_match,max_len=128,id=7,userdata=01.02.ff,pause,meter_id=5)",
    "set_queue:4,pop_queue,group:9,bundle(eth_src,0,hrw,ofport,members:4,8),bundle_load(symmetric_l4,60,active_backup,ofport,NXM_NX_REG0[],members:1)",
    "multipath(symmetric_l3,50,iter_hash,12,3,NXM_NX_REG1[0..15]),set_field:192.0.2.1->ip_src,set_field:0x2/0x3->ct_mark,load:0x5->NXM_NX_REG1[4..7]",
    "mod_vlan_vid:5,mod_vlan_pcp:3,set_vlan_vid:6,strip_vlan,pop_vlan,push_vlan:0x8100,push_mpls:0x8847,pop_mpls:0x0800,set_mpls_label(7),set_mpls_tc(1),set_mpls_ttl(9),dec_mpls_ttl",
    "mod_dl_src:00:00:00:00:00:01,mod_nw_dst:192.0.2.1,mod_nw_tos:48,mod_nw_ecn:1,mod_nw_ttl:9,mod_tp_src:80,dec_ttl,dec_ttl(1,2),set_tunnel:0x5,set_tunnel64:0x6",
    "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],push:NXM_NX_REG2[0..7],pop:NXM_NX_REG3[0..7],delete_field:tun_metadata4,write_metadata:0x5/0xff",
    "resubmit:3,resubmit(,4),resubmit(1,5),resubmit(,6,ct),exit,note:11.e9.00,conjunction(4,1/2),check_pkt_larger(1500)->NXM_NX_REG0[3]",
    "ct(commit,force,table=3,zone=NXM_NX_REG4[0..15],nat(dst=192.0.2.1-192.0.2.9:80-90,persistent,hash),exec(move:NXM_NX_REG0[]->NXM_NX_CT_MARK[]),alg=ftp),ct(nat),ct_clear",
    "ct(commit,nat(src=[2001:db8::1]-[2001:db8::9]:80)),ct(commit,nat(src=2001:db8::1)),ct(commit,nat(src,random))",
    "learn(table=5,idle_timeout=1,hard_timeout=2,fin_idle_timeout=3,fin_hard_timeout=4,priority=9,send_flow_rem,delete_learned,cookie=0x7,limit=5,result_dst=NXM_NX_REG0[0],NXM_OF_VLAN_TCI[0..11],eth_dst=00:00:00:00:00:01,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0x5->NXM_NX_REG1[0..3],load:NXM_NX_REG2[]->NXM_NX_REG3[],output:NXM_OF_IN_PORT[])",
    "encap(nsh(md_type=1,tlv(0x1000,10,0x12345678))),encap(ethernet),decap(),decap(packet_type(ns=1,type=0x800)),dec_nsh_ttl",
    "sample(probability=12345,collector_set_id=5,obs_domain_id=1,obs_point_id=2,sampling_port=7,egress),fin_timeout(idle_timeout=5,hard_timeout=6)",
    "clone(set_field:0x5->reg0,output:1),debug_recirc,debug_slow",
    "meter:5,output:1,clear_actions,write_actions(output:2,set_queue:1),write_metadata:0x1,goto_table:7",
  ];
  for (const t of texts) expect(printActions(parseActions(t))).toBe(t);
});

test("add-flows files: a later flow takes the place of an earlier one, commands change what is there", () => {
  const { flows, problems } = flowsOfText(`# two tables
table=0,priority=5,tcp,tp_dst=80 actions=output:1
table=0,priority=5,tp_dst=80,tcp actions=output:2   # again
add table=1,ip,nw_dst=192.0.2.1 actions=output:3
table=1,ip,nw_dst=192.0.2.2 cookie=0x5 actions=output:4
modify table=1,ip actions=drop
delete_strict table=0,priority=6,tcp,tp_dst=80
delete cookie=0x5/-1
`);
  expect(problems).toEqual([]);
  expect(
    flows.map((f) => `${f.line}: ${f.flow.table} ${printMatch(f.flow.match, f.flow.priority)} ${printActions(f.flow.actions)}`),
  ).toEqual(["3: 0 priority=5,tcp,tp_dst=80 output:2", "6: 1 ip,nw_dst=192.0.2.1 drop"]);
});

const ENCODED = shared<{ of: OpenFlowVersion; hex: string; text: string }>("cases/openflow/action-encodings.jsonl");
test.skipIf(ENCODED.length === 0)("recorded bytes of actions are those of their text", () => {
  // Instructions are not lists of actions; what OVS refuses for its place in a message has no text.
  const actions = ENCODED.filter((c) => c.text.startsWith("actions=") && !/goto_table|write_metadata|write_actions/.test(c.text));
  const decoded = actions.map(({ of, hex }) => {
    const bytes = Uint8Array.from(hex.replace(/\s/g, "").match(/../g) ?? [], (b) => Number.parseInt(b, 16));
    return `actions=${printActions(decodeActions(bytes, of).actions)}`;
  });
  expect(decoded).toEqual(actions.map((c) => c.text));
  expect(actions.length).toBeGreaterThan(70);
});
