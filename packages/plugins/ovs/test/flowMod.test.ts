/** Flows and groups as `ovs-ofctl` reads and prints them: accepted or refused as there, in its words. Answers are those of OVS 3.1. */
import { expect, test } from "vitest";
import { BadArgument, parseFlowMod, parseGroupMod, printFlowMods, printGroupMod } from "../src/index.js";
import { shared } from "./kit.js";

/** What `ovs-ofctl parse-flow` answers: its output, or its message. */
function flow(text: string): string[] {
  try {
    const m = parseFlowMod(text);
    return printFlowMods([m], m.usable);
  } catch (e) {
    if (!(e instanceof BadArgument)) throw e;
    return [`ovs-ofctl: ${e.message}`];
  }
}
function group(text: string): string[] {
  try {
    return printGroupMod(parseGroupMod(text));
  } catch (e) {
    if (!(e instanceof BadArgument)) throw e;
    return [`ovs-ofctl: ${e.message}`];
  }
}

test("flows are printed in OVS's canonical form, as the first protocol says them that can", () => {
  const texts = [
    "table=1,priority=100,ip,nw_dst=10.0.0.0/8,actions=ct(commit,zone=5,nat(src=10.1.1.1-10.1.1.9:1024-2047,random),exec(set_field:0x1/0x3->ct_mark)),resubmit(,2)",
    "dl_vlan=5,dl_vlan_pcp=3,arp,nw_src=1.2.3.4,actions=mod_vlan_vid:7,strip_vlan,output:IN_PORT",
    "tcp6,ipv6_src=2001:db8::/32,tp_dst=80,tcp_flags=+syn-ack,actions=load:0x1->NXM_NX_REG0[0..3],controller(id=3,reason=no_match)",
    "reg0[3..5]=3,xreg1=0x5/0xff,actions=learn(table=2,idle_timeout=5,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],eth_type=0x800,output:NXM_OF_IN_PORT[])",
    "icmp,icmp_type=8,nw_frag=not_later,actions=note:11.22,conjunction(1,1/2)",
    "cookie=0x5,idle_timeout=9,send_flow_rem,in_port=LOCAL,actions=set_field:1.2.3.4->tun_dst,set_field:00:01:02:03:04:05->eth_src",
  ];
  expect(Object.fromEntries(texts.map((t) => [t, flow(t).slice(1).join(" | ")]))).toMatchInlineSnapshot(`
    {
      "cookie=0x5,idle_timeout=9,send_flow_rem,in_port=LOCAL,actions=set_field:1.2.3.4->tun_dst,set_field:00:01:02:03:04:05->eth_src": "chosen protocol: NXM-table_id | NXT_FLOW_MOD (xid=0x1): ADD in_port=LOCAL cookie:0x5 idle:9 send_flow_rem actions=load:0x1020304->NXM_NX_TUN_IPV4_DST[],mod_dl_src:00:01:02:03:04:05",
      "dl_vlan=5,dl_vlan_pcp=3,arp,nw_src=1.2.3.4,actions=mod_vlan_vid:7,strip_vlan,output:IN_PORT": "chosen protocol: OpenFlow10-table_id | OFPT_FLOW_MOD (xid=0x1): ADD arp,dl_vlan=5,dl_vlan_pcp=3,arp_spa=1.2.3.4 actions=mod_vlan_vid:7,strip_vlan,IN_PORT",
      "icmp,icmp_type=8,nw_frag=not_later,actions=note:11.22,conjunction(1,1/2)": "chosen protocol: NXM-table_id | NXT_FLOW_MOD (xid=0x1): ADD icmp,nw_frag=not_later,icmp_type=8 actions=note:11.22.00.00.00.00,conjunction(1,1/2)",
      "reg0[3..5]=3,xreg1=0x5/0xff,actions=learn(table=2,idle_timeout=5,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],eth_type=0x800,output:NXM_OF_IN_PORT[])": "chosen protocol: NXM-table_id | NXT_FLOW_MOD (xid=0x1): ADD reg0=0x18/0x38,reg3=0x5/0xff actions=learn(table=2,idle_timeout=5,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],eth_type=0x800,output:NXM_OF_IN_PORT[])",
      "table=1,priority=100,ip,nw_dst=10.0.0.0/8,actions=ct(commit,zone=5,nat(src=10.1.1.1-10.1.1.9:1024-2047,random),exec(set_field:0x1/0x3->ct_mark)),resubmit(,2)": "chosen protocol: NXM+table_id | NXT_FLOW_MOD (xid=0x1): ADD table:1 priority=100,ip,nw_dst=10.0.0.0/8 actions=ct(commit,zone=5,nat(src=10.1.1.1-10.1.1.9:1024-2047,random),exec(load:0x1->NXM_NX_CT_MARK[0..1])),resubmit(,2)",
      "tcp6,ipv6_src=2001:db8::/32,tp_dst=80,tcp_flags=+syn-ack,actions=load:0x1->NXM_NX_REG0[0..3],controller(id=3,reason=no_match)": "chosen protocol: NXM-table_id | NXT_FLOW_MOD (xid=0x1): ADD tcp6,ipv6_src=2001:db8::/32,tp_dst=80,tcp_flags=+syn-ack actions=load:0x1->NXM_NX_REG0[0..3],controller(reason=no_match,id=3)",
    }
  `);
});

test("a field that the packet need not have is not sent", () => {
  expect(flow("tcp_dst=80,actions=drop")[2]).toBe("OFPT_FLOW_MOD (xid=0x1): ADD actions=drop");
  expect(flow("nd_target=::1,actions=drop")[2]).toBe("NXT_FLOW_MOD (xid=0x1): ADD actions=drop");
});

test("what OVS refuses, in its words", () => {
  const texts = [
    "ip,actions=push_vlan:0x8100,set_field:5->vlan_vid",
    "ip,actions=output:p9",
    "in_port=1,actions=set_field:1->eth_type",
    "priority=70000,actions=drop",
    "actions=set_tunnel64:7,drop",
    "ip,actions=ct(force)",
    "actions=resubmit()",
    "cookie=0x5/-1,actions=drop",
    "actions=goto_table:5,output:1",
    "ip,nw_dst=192.0.2,actions=drop",
    "tcp,tcp_flags=+syn+syn,actions=drop",
    "actions=ct(commit)",
    "reg16=1,actions=drop",
    "nw_dstt=192.0.2.1,actions=drop",
    "ip",
  ];
  expect(Object.fromEntries(texts.map((t) => [t, flow(t).at(-1)]))).toMatchInlineSnapshot(`
    {
      "actions=ct(commit)": "ovs-ofctl: actions are invalid with specified match (OFPBAC_MATCH_INCONSISTENT)",
      "actions=goto_table:5,output:1": "ovs-ofctl: invalid instruction ordering: apply_actions must appear before goto_table, for OpenFlow 1.1+ compatibility",
      "actions=resubmit()": "ovs-ofctl: at least one "in_port" or "table" must be specified on resubmit",
      "actions=set_tunnel64:7,drop": "ovs-ofctl: "drop" must not be accompanied by any other action or instruction",
      "cookie=0x5/-1,actions=drop": "ovs-ofctl: flow additions cannot use a cookie mask",
      "in_port=1,actions=set_field:1->eth_type": "ovs-ofctl: eth_type is read-only",
      "ip": "ovs-ofctl: must specify an action",
      "ip,actions=ct(force)": "ovs-ofctl: "force" flag requires "commit" flag.",
      "ip,actions=output:p9": "ovs-ofctl: p9: output to unknown port",
      "ip,actions=push_vlan:0x8100,set_field:5->vlan_vid": "ovs-ofctl: no usable protocol",
      "ip,nw_dst=192.0.2,actions=drop": "ovs-ofctl: 192.0.2: invalid IP address",
      "nw_dstt=192.0.2.1,actions=drop": "ovs-ofctl: unknown keyword nw_dstt",
      "priority=70000,actions=drop": "ovs-ofctl: invalid priority "70000"",
      "reg16=1,actions=drop": "ovs-ofctl: unknown keyword reg16",
      "tcp,tcp_flags=+syn+syn,actions=drop": "ovs-ofctl: syn: Each TCP flag can be specified only once",
    }
  `);
});

test("groups", () => {
  const texts = [
    "group_id=1,type=select,selection_method=hash,fields(ip_dst=255.255.0.0,nw_proto),bucket=weight:2,output:1",
    "group_id=1,type=select,selection_method=hash,fields=ip_dst,selection_method_param=0x10,bucket=bucket_id=3,output:1,bucket=output:2",
    "group_id=5,type=ff,bucket=watch_port:1,watch_group:3,output:1,set_field:1->reg0",
    "group_id=5,type=ff,bucket=output:1",
    "group_id=5,type=all,bucket=weight=3,output:1",
    "group_id=5,type=indirect,bucket=output:1,bucket=output:2",
    "group_id=5,bucket=1",
    "group_id=1,type=select,fields=ip_dst,bucket=output:1",
    "group_id=1,type=all,bucket=goto_table:3",
  ];
  expect(Object.fromEntries(texts.map((t) => [t, group(t).at(-1)]))).toMatchInlineSnapshot(`
    {
      "group_id=1,type=all,bucket=goto_table:3": "ovs-ofctl: goto_table instruction not allowed here",
      "group_id=1,type=select,fields=ip_dst,bucket=output:1": "ovs-ofctl: fields may only be specified with "selection_method=hash"",
      "group_id=1,type=select,selection_method=hash,fields(ip_dst=255.255.0.0,nw_proto),bucket=weight:2,output:1": " ADD group_id=1,type=select,selection_method=hash,fields(ip_dst=255.255.0.0,nw_proto),bucket=bucket_id:0,weight:2,actions=output:1",
      "group_id=1,type=select,selection_method=hash,fields=ip_dst,selection_method_param=0x10,bucket=bucket_id=3,output:1,bucket=output:2": " ADD group_id=1,type=select,selection_method=hash,selection_method_param=16,fields=ip_dst,bucket=bucket_id:3,actions=output:1,bucket=bucket_id:0,actions=output:2",
      "group_id=5,bucket=1": "ovs-ofctl: must specify a type",
      "group_id=5,type=all,bucket=weight=3,output:1": "ovs-ofctl: Only select groups can have bucket weights.",
      "group_id=5,type=ff,bucket=output:1": "ovs-ofctl: fast failover bucket requires watch_port or watch_group",
      "group_id=5,type=ff,bucket=watch_port:1,watch_group:3,output:1,set_field:1->reg0": " ADD group_id=5,type=ff,bucket=bucket_id:0,watch_port:1,watch_group:3,actions=output:1,load:0x1->NXM_NX_REG0[]",
      "group_id=5,type=indirect,bucket=output:1,bucket=output:2": "ovs-ofctl: Indirect groups can have at most one bucket.",
    }
  `);
});

const TEXTS = shared<{ in: string; out: string[]; rc: number; err: string }>("cases/openflow/flow-texts.jsonl");
test.skipIf(TEXTS.length === 0)("recorded flow texts are accepted, refused and printed as by ovs-ofctl", () => {
  // Of a message that OVS itself cannot read again, it prints the bytes behind the third line.
  const differences = TEXTS.filter((c) => {
    const mine = flow(c.in);
    if (c.rc !== 0) return !mine.at(-1)!.startsWith("ovs-ofctl: ");
    return mine.join("\n") !== c.out.slice(0, 3).join("\n");
  });
  expect(differences.map((c) => [c.in, c.out, flow(c.in)])).toEqual([]);
});

const GROUPS = shared<{ in: string }>("cases/openflow/group-texts.jsonl");
test.skipIf(GROUPS.length === 0)("recorded group texts are read, or refused with a message", () => {
  const refused = GROUPS.filter((c) => group(c.in).at(-1)!.startsWith("ovs-ofctl: "));
  // Flows and names among them, which no group can be.
  expect(refused.every((c) => !/^group_id=\d+,type=(all|select|indirect),bucket=output:\d+$/.test(c.in))).toBe(true);
  expect(GROUPS.length - refused.length).toBeGreaterThan(60);
});
