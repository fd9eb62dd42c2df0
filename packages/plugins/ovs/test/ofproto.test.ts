/** Bridges opened alone and asked as `ofproto/trace` is. What is expected is what Open vSwitch 3.1 prints for it. */
import { Interpreter } from "@plumbline/model";
import { expect, test } from "vitest";
import { type OfprotoSpec, type OfprotoTrace, openOfproto } from "../src/index.js";

function ask(spec: Omit<OfprotoSpec, "patches"> & Partial<OfprotoSpec>, line: string): { answer: OfprotoTrace; text: string } {
  const layer = openOfproto({ patches: [], ...spec });
  const question = layer.ask(line);
  const { row, device, port, options } = question.run;
  const answer = layer.answer(question, new Interpreter(layer.network).run(row, device, port, options));
  return { answer, text: layer.text(answer, question) };
}
function br0(flows: string, more: { groups?: string; ports?: string } = {}) {
  const file = (name: string, text: string) => ({ name, text });
  return {
    name: "br0",
    flows: file("flows", flows),
    ...(more.groups !== undefined && { groups: file("groups", more.groups) }),
    ...(more.ports !== undefined && { ports: file("ports", more.ports) }),
  };
}
const actions = (a: OfprotoTrace) => a.threads.map((t) => t.datapathActions);

test("a trace reads as the switch's own, with the state that is given", () => {
  const bridges = [
    br0(
      "priority=5,cookie=0x7,ip,in_port=1 actions=ct(table=1,zone=5)\ntable=1,ct_state=+new+trk actions=output:2\ntable=1,priority=3,tcp actions=load:5->NXM_OF_IP_SRC[0..7],output:3\n",
    ),
  ];
  const { answer, text } = ask({ bridges }, "in_port=1,tcp,nw_src=192.0.2.1 --ct-next trk,est");
  expect(text).toMatchInlineSnapshot(`
    "Flow: tcp,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,nw_src=192.0.2.1,nw_dst=0.0.0.0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=0,tcp_flags=0

    bridge("br0")
    -------------
     0. ip,in_port=1, priority 5, cookie 0x7  (flows:1)
        ct(table=1,zone=5)
        drop
         -> A clone of the packet is forked to recirculate. The forked pipeline will be resumed at table 1.
         -> Sets the packet to an untracked state, and clears all the conntrack fields.

    Final flow: unchanged
    Megaflow: recirc_id=0,eth,ip,in_port=1,nw_frag=no
    Datapath actions: ct(zone=5),recirc(0x1)

    ===============================================================================
    recirc(0x1) - resume conntrack with ct_state=est|trk
    ===============================================================================

    Flow: recirc_id=0x1,ct_state=est|trk,ct_zone=5,eth,tcp,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,nw_src=192.0.2.1,nw_dst=0.0.0.0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=0,tcp_flags=0

    bridge("br0")
    -------------
        thaw
            Resuming from table 1
     1. tcp, priority 3  (flows:3)
        load:0x5->NXM_OF_IP_SRC[0..7]
        output:3

    Final flow: recirc_id=0x1,ct_state=est|trk,ct_zone=5,eth,tcp,in_port=1,vlan_tci=0x0000,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,nw_src=192.0.2.5,nw_dst=0.0.0.0,nw_tos=0,nw_ecn=0,nw_ttl=0,nw_frag=no,tp_src=0,tp_dst=0,tcp_flags=0
    Megaflow: recirc_id=0x1,ct_state=-new+trk,eth,tcp,in_port=1,nw_src=0.0.0.1/0.0.0.255,nw_frag=no
    Datapath actions: set(ipv4(src=0.0.0.5/0.0.0.255)),3"
  `);
  expect(answer.threads[1].steps).toMatchInlineSnapshot(`
    [
      {
        "actions": "load:0x5->NXM_OF_IP_SRC[0..7],output:3",
        "bridge": "br0",
        "cookie": "0x0",
        "file": "flows",
        "line": 3,
        "match": "tcp",
        "priority": 3,
        "table": 1,
      },
    ]
  `);
});

test("groups: buckets undo what they did; one that leads to itself fails as in the switch", () => {
  const groups = "group_id=1,type=all,bucket=actions=set_field:192.0.2.9->ip_dst,output:2,bucket=actions=output:3\n";
  expect(actions(ask({ bridges: [br0("ip actions=group:1,output:4\n", { groups })] }, "in_port=1,tcp,nw_dst=192.0.2.1").answer)).toEqual([
    "set(ipv4(dst=192.0.2.9)),2,set(ipv4(dst=192.0.2.1)),3,4",
  ]);
  const itself = ask(
    { bridges: [br0("ip actions=output:2,group:1\n", { groups: "group_id=1,type=indirect,bucket=actions=group:1\n" })] },
    "in_port=1,tcp",
  );
  expect([itself.answer.verdict, ...actions(itself.answer), itself.text.split("\n").at(-1)]).toEqual([
    "drop",
    "drop",
    "Translation failed (Recursion too deep), packet is dropped.",
  ]);
});

test("a select group recirculates for its hash, or takes the bucket of a given one", () => {
  const bridges = [
    br0("actions=group:1,output:5\n", {
      groups: "group_id=1,type=select,selection_method=dp_hash,bucket=bucket_id:1,actions=2,bucket=bucket_id:2,actions=3\n",
    }),
  ];
  const first = ask({ bridges }, "in_port=1,tcp").answer;
  expect([first.verdict, actions(first), first.notes]).toEqual([
    "output",
    ["hash(l4(0)),recirc(0x1)"],
    ["group 1: the packet recirculates for its hash, where ofproto/trace ends; a packet with dp_hash=N is followed into its bucket"],
  ]);
  expect(actions(ask({ bridges }, "in_port=1,tcp,dp_hash=5").answer)).toEqual(["3,5"]);
});

test("patch ports: the peer's tables run where the packet is put out, and their rules are steps", () => {
  const bridges = [
    br0("ip actions=load:7->reg0,output:9,output:2\n", { ports: "1 p1\n2 p2\n9 pa\n" }),
    {
      name: "br1",
      flows: { name: "f1", text: "reg0=0,in_port=8 actions=set_field:02:00:00:00:00:01->eth_dst,output:3\n" },
      ports: { name: "p", text: "3 p3 13\n8 pb\n" },
    },
  ];
  const { answer } = ask({ bridges, patches: [{ a: { bridge: "br0", port: "pa" }, b: { bridge: "br1", port: "8" } }] }, "in_port=1,tcp");
  expect(actions(answer)).toEqual(["set(eth(dst=02:00:00:00:00:01)),13,set(eth(dst=00:00:00:00:00:00)),2"]);
  expect(answer.threads[0].steps.map((s) => `${s.bridge} ${s.table} ${s.file}:${s.line}`)).toEqual(["br0 0 flows:1", "br1 0 f1:1"]);
  expect(answer.outputs.map((o) => `${o.bridge} ${o.port}`)).toEqual(["br1 3", "br0 2"]);
});

test("check_pkt_larger goes both ways, the action set runs last, multipath by the switch's hash", () => {
  const flows = "actions=check_pkt_larger(100)->NXM_NX_REG0[0],resubmit(,1)\ntable=1,reg0=1 actions=2\ntable=1 actions=3\n";
  expect(actions(ask({ bridges: [br0(flows)] }, "in_port=1,tcp").answer)).toEqual(["check_pkt_len(size=100,gt(2),le(3))"]);
  const set =
    "ip actions=output:4,write_actions(set_field:192.0.2.7->ip_src,output:3),goto_table:1\ntable=1,actset_output=3 actions=write_actions(output:5)\n";
  expect(actions(ask({ bridges: [br0(set)] }, "in_port=1,tcp").answer)).toEqual(["4,set(ipv4(src=192.0.2.7)),5"]);
  const hash =
    "actions=multipath(symmetric_l4,0,modulo_n,4,0,reg0[]),bundle_load(eth_src,0,hrw,ofport,NXM_NX_REG1[],members:1,2,3),resubmit(,1)\ntable=1,reg0=1,reg1=3 actions=output:6\n";
  expect(actions(ask({ bridges: [br0(hash)] }, "in_port=1,tcp").answer)).toEqual(["6"]);
});

test("dpif/show tells tunnels and joins patch ports, dump-ports-desc before it what is up", () => {
  const ports = ` 2(p2): addr:02:00:00:00:00:02
     config:     0
     state:      LINK_DOWN
netdev@ovs-netdev: hit:0 missed:0
  br0:
    br0 65534/100: (internal)
    p2 2/7: (system)
    gnv 20/6081: (geneve: key=flow, remote_ip=flow)
    to-br1 10/none: (patch: peer=to-br0)
  br1:
    to-br0 11/none: (patch: peer=to-br1)
    p3 3/8: (system)
`;
  const of = (flows: string) => br0(flows, { ports, groups: "group_id=1,type=ff,bucket=watch_port:2,output:2\n" });
  const bridges = [
    of("ip actions=set_field:5->tun_id,set_field:192.0.2.9->tun_dst,output:20,group:1,output:10\n"),
    { ...of("ip actions=output:3\n"), name: "br1" },
  ];
  const { answer } = ask({ bridges }, "in_port=1,udp,nw_ecn=1");
  expect(actions(answer)).toEqual(["set(tunnel(tun_id=0x5,dst=192.0.2.9,tos=0x1,ttl=64,tp_dst=6081,flags(df|key))),6081,8"]);
  expect(answer.threads[0].steps.map((s) => s.bridge)).toEqual(["br0", "br1"]);
});

test("what is not known is not called a drop", () => {
  const { answer } = ask({ bridges: [br0("actions=output:2,group:7\n")] }, "in_port=1,ip");
  expect([answer.verdict, answer.threads[0].datapathActions, answer.threads[0].finalFlow]).toEqual([
    "unknown",
    "2, then not known",
    "not known",
  ]);
});

test("of two flows of one priority the switch's own order decides", () => {
  const tied = (first: string, second: string) =>
    ask({ bridges: [br0(`priority=5,${first} actions=output:1\npriority=5,${second} actions=output:2\n`)] }, "in_port=3,tcp,tcp_dst=80");
  expect(actions(tied("tcp", "tcp,tcp_dst=80").answer)).toEqual(["1"]);
  expect(actions(tied("tcp,tcp_dst=80", "tcp").answer)).toEqual(["1"]);
  const raised = ask(
    {
      bridges: [
        br0("priority=5,tcp actions=output:1\npriority=5,tcp,tcp_dst=80 actions=output:2\npriority=9,tcp,tcp_dst=81 actions=output:3\n"),
      ],
    },
    "in_port=3,tcp,tcp_dst=80",
  );
  expect(actions(raised.answer)).toEqual(["2"]);
});

test("what cannot be told is said, and a question that is none refused", () => {
  const unknown = ask({ bridges: [br0("actions=output:2,FLOOD\n")] }, "in_port=1,tcp").answer;
  expect([unknown.verdict, unknown.notes]).toEqual(["unknown", ["not known from here on: which ports br0 has is not in evidence"]]);
  const loop = ask({ bridges: [br0("ip actions=ct(table=0)\n")] }, "in_port=1,tcp").answer;
  expect([loop.verdict, loop.threads.length, loop.notes]).toEqual([
    "unknown",
    65,
    ["not known from here on: the packet goes through more than is followed here"],
  ]);
  expect(() => ask({ bridges: [br0("actions=drop\n")] }, "in_port=1,tcp,nw_dst=")).toThrow("bad value for nw_dst");
  expect(() => ask({ bridges: [br0("actions=drop\n")] }, "in_port=1 --ct-next new")).toThrow("trk is missing");
});

test("why a rule was not hit", () => {
  const bridges = [
    br0("priority=9,tcp,nw_dst=192.0.2.0/24,tp_dst=80 actions=output:2\npriority=5,ip actions=output:3\npriority=1 actions=output:4\n"),
  ];
  const why = (whyNot: string) => ask({ bridges, whyNot }, "in_port=1,tcp,nw_dst=198.51.100.1,tp_dst=443").answer.notes;
  expect([why("flows:1"), why("3"), why("priority=5,ip")]).toMatchInlineSnapshot(`
    [
      [
        "why not flows:1: ip_dst is 198.51.100.1, it wants 192.0.2.0/0xffffff00; tp_dst is 443, it wants 80",
      ],
      [
        "why not flows:3: it matches, but flows:2 (priority 5) is preferred to its priority 1",
      ],
      [
        "why not flows:2: it was hit",
      ],
    ]
  `);
});
