import { EV, type Event, Interpreter, LEAF, newRow, set } from "@plumbline/model";
import { expect, test } from "vitest";
import { bridge, lower } from "./kit.js";

const HEAD = "OFPST_FLOW reply (OF1.5) (xid=0x2):\n";

test("a bridge: ports, tables in reference, cookies, conjunctions, NORMAL", () => {
  const r = bridge(
    `${HEAD} cookie=0x1, table=0, priority=100,conj_id=7,in_port=1 actions=resubmit(,4)
 cookie=0x1, table=0, priority=100,in_port=1 actions=conjunction(7,1/2)
 cookie=0x2, table=0, priority=100,ip actions=conjunction(7,2/2)
 cookie=0x3, table=0, priority=0 actions=NORMAL
`,
    undefined,
    { "node/ovs/ovs-appctl_fdb_show_br0": " port  VLAN  MAC                Age\n    1     0  02:00:00:00:00:0a    6\n" },
  );
  expect(r.problems).toEqual([]);
  expect(r.text).toMatchInlineSnapshot(`
    "tracker 0 node/ovs userspace
    device 0 node/br0 bridge entry 0 origin -1
      port 65534 br0
      port 1 eth0
      port 2 eth1
      table 0 "0" openflow priority
        0: priority 100 in_port=1,conj_id=7 -> {call 1}
        1: priority 100 in_port=1 conjunction 7 1/2 -> {}
        2: priority 100 eth_type=0x800 conjunction 7 2/2 -> {}
        6: priority 0 any -> {call 2}
      table 1 "4" openflow priority
      table 2 "NORMAL" fdb priority
        3: priority 2 eth_dst=0x180c2000000/0xfffffffffff0 -> {drop "reserved multicast address"}
        4: priority 1 eth_dst=02:00:00:00:00:0a -> {output 1}
        5: priority 0 eth_dst=02:00:00:00:00:ff -> {output 65534}
        miss -> {output 65534; output 1; output 2}
    "
  `);
  expect(
    r.net.rules.map((x) => `${x.cookie ?? "-"} ${x.certainty} ${x.why} ${x.origin?.line ?? "-"} ${x.origin?.text ?? ""}`),
  ).toMatchInlineSnapshot(`
    [
      "1 proven  2 cookie=0x1, table=0, priority=100,conj_id=7,in_port=1 actions=resubmit(,4)",
      "1 proven  3 cookie=0x1, table=0, priority=100,in_port=1 actions=conjunction(7,1/2)",
      "2 proven  4 cookie=0x2, table=0, priority=100,ip actions=conjunction(7,2/2)",
      "- inferred NORMAL does not forward frames to 01:80:c2:00:00:0x - ",
      "- inferred the bridge had learned this address there, 6 s ago 2 1     0  02:00:00:00:00:0a    6",
      "- inferred the bridge's own address 5 Interface br0",
      "3 proven  5 cookie=0x3, table=0, priority=0 actions=NORMAL",
    ]
  `);
});

test("ports are put together from all files", () => {
  const r = lower({
    "node/ovs/ovs-vsctl_show":
      '0000\n    Bridge br-int\n        Port patch-br-int-to-br-ex_node\n            Interface patch-br-int-to-br-ex_node\n                type: patch\n                options: {peer=patch-br-ex_node-to-br-int}\n        Port ovn-1\n            Interface ovn-1\n                type: geneve\n                options: {key=flow, remote_ip="192.0.2.23"}\n        Port "1b8042c618fe390"\n            Interface "1b8042c618fe390"\n        Port ovn-k8s-mp0\n            Interface ovn-k8s-mp0\n                type: internal\n        Port lost0\n            Interface lost0\n',
    "node/ovs/ovs-ofctl_-O_OpenFlow15_dump-ports-desc_br-int":
      "OFPST_PORT_DESC reply (OF1.5) (xid=0x2):\n 1(ovn-k8s-mp0): addr:02:00:00:00:00:01\n     config:     0\n     state:      LIVE\n 3(patch-br-int-to): addr:02:00:00:00:00:03\n     config:     0\n     state:      LIVE\n 5(1b8042c618fe390): addr:02:00:00:00:00:05\n     config:     0\n     state:      LIVE\n LOCAL(br-int): addr:02:00:00:00:00:ff\n     config:     0\n     state:      LIVE\n",
    "node/ovs/ovs-vsctl_list_interface":
      'name                : ovn-1\nofport              : 2\noptions             : {key=flow, remote_ip="192.0.2.23"}\ntype                : geneve\n\nname                : "1b8042c618fe390"\nexternal_ids        : {iface-id=shop_web-1}\nifindex             : 7\nlink_state          : up\nofport              : 5\ntype                : ""\n\nname                : elsewhere0\nofport              : 1\ntype                : ""\n',
    "node/ovs/ovs-ofctl_-O_OpenFlow15_--names_dump-flows_br-int":
      ' table=0, priority=5,in_port="patch-br-int-to" actions=output:"1b8042c618fe390"\n',
  });
  expect(r.problems).toMatchInlineSnapshot(`
    [
      "info node/ovs/ovs-vsctl_show:4: node: which bridge these interfaces belong to is not in evidence: elsewhere0",
      "info node/ovs/ovs-ofctl_-O_OpenFlow15_--names_dump-flows_br-int:0: node/br-int: the OpenFlow number of port lost0 is not in evidence",
    ]
  `);
  expect(
    r.net.devices.map((d) => [d.name, d.kind, d.ports.map((p) => `${p.number} ${p.name} ${JSON.stringify(p.attachment)}`)]),
  ).toMatchInlineSnapshot(`
    [
      [
        "node/br-int",
        "bridge",
        [
          "3 patch-br-int-to-br-ex_node {"kind":"patch","host":"node","name":"patch-br-int-to-br-ex_node","peer":"patch-br-ex_node-to-br-int"}",
          "2 ovn-1 {"kind":"tunnel","host":"node","name":"ovn-1","localIp":"","remoteIp":"192.0.2.23","udpPort":6081,"datapath":"system"}",
          "5 1b8042c618fe390 {"kind":"netdev","host":"node","name":"1b8042c618fe390","internal":false,"mac":"02:00:00:00:00:05","ifaceId":"shop_web-1","ifindex":7,"up":true}",
          "1 ovn-k8s-mp0 {"kind":"netdev","host":"node","name":"ovn-k8s-mp0","internal":true,"mac":"02:00:00:00:00:01"}",
          "65534 br-int {"kind":"netdev","host":"node","name":"br-int","internal":true,"mac":"02:00:00:00:00:ff"}",
        ],
      ],
    ]
  `);
  expect(r.net.rules.map((x) => x.program)).toMatchInlineSnapshot(`
    [
      [
        {
          "op": "output",
          "port": 5,
        },
      ],
    ]
  `);
});

test("flows that cannot be known are unknown, and only they", () => {
  const cut = bridge(
    `${HEAD} table=0, priority=5,ip actions=resubmit(,1)\n table=1, priority=5,ip actions=output:1\n table=1, priority=4,ip act`,
  );
  expect(cut.text).toMatchInlineSnapshot(`
    "tracker 0 node/ovs userspace
    device 0 node/br0 bridge entry 0 origin -1
      port 65534 br0
      port 1 eth0
      port 2 eth1
      table 0 "0" openflow priority
        0: priority 5 eth_type=0x800 -> {call 1}
      table 1 "1" openflow priority
        1: priority 5 eth_type=0x800 -> {output 1}
        miss -> {unknown "no flow of table 1 matches, but the dump of br0 is cut off" by "ovs-ofctl -O OpenFlow15 dump-flows br0" on "node"}
    "
  `);
  expect(cut.net.rules.map((x) => `${x.certainty} ${x.why}`)).toMatchInlineSnapshot(`
    [
      "proven ",
      "assumed the dump is cut off; a flow of higher priority may be lacking",
    ]
  `);
  const none = lower({
    "node/ovs/ovs-vsctl_show": "0000\n    Bridge br0\n        Port br0\n            Interface br0\n                type: internal\n",
  });
  expect(none.text).toMatchInlineSnapshot(`
    "tracker 0 node/linux linux
    device 0 node/br0 bridge entry 0 origin -1
      port 65534 br0
      table 0 "0" openflow priority
        miss -> {unknown "the flows of br0 are not in evidence" by "ovs-ofctl -O OpenFlow15 dump-flows br0" on "node"}
    "
  `);
  const names = bridge(`${HEAD} table=first, priority=5,ip actions=goto_table:second\n table=second, priority=5,ip actions=output:1\n`);
  expect(names.problems).toMatchInlineSnapshot(`
    [
      "error node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br0:0: br0: the dump prints tables by name (second, first); which is table 0 is not in evidence",
    ]
  `);
});

test("a hairpin flow that would be learned stands in its table beforehand", () => {
  const learn =
    "learn(table=69,delete_learned,cookie=0x7,OXM_OF_METADATA[],eth_type=0x800,NXM_OF_IP_SRC[],ip_dst=192.0.2.5,nw_proto=6,NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[],load:0x1->NXM_NX_REG10[7])";
  const r = bridge(
    `${HEAD} table=0, priority=0 actions=drop\n table=68, priority=100,tcp,nw_src=192.0.2.39,nw_dst=192.0.2.39,tp_dst=8080 actions=${learn}\n table=68, priority=9,tcp actions=${learn}\n`,
  );
  expect(r.net.rules.slice(1).map((x) => [r.net.tables[x.table].name, x.certainty, x.why, x.rows, x.program])).toMatchInlineSnapshot(`
    [
      [
        "68",
        "proven",
        "",
        [
          [
            {
              "m": 65535,
              "v": 2048,
              "w": 7,
            },
            {
              "m": 255,
              "v": 6,
              "w": 11,
            },
            {
              "m": 4294967295,
              "v": 3221226023,
              "w": 15,
            },
            {
              "m": 4294967295,
              "v": 3221226023,
              "w": 16,
            },
            {
              "m": 65535,
              "v": 8080,
              "w": 27,
            },
          ],
        ],
        [
          {
            "op": "note",
            "text": "learns a flow in table 69",
          },
        ],
      ],
      [
        "68",
        "proven",
        "",
        [
          [
            {
              "m": 65535,
              "v": 2048,
              "w": 7,
            },
            {
              "m": 255,
              "v": 6,
              "w": 11,
            },
          ],
        ],
        [
          {
            "op": "note",
            "text": "learns a flow in table 69",
          },
        ],
      ],
      [
        "69",
        "assumed",
        "learned from this flow once a packet has hit it",
        [
          [
            {
              "m": 65535,
              "v": 2048,
              "w": 7,
            },
            {
              "m": 255,
              "v": 6,
              "w": 11,
            },
            {
              "m": 4294967295,
              "v": 3221226023,
              "w": 15,
            },
            {
              "m": 4294967295,
              "v": 3221225989,
              "w": 16,
            },
            {
              "m": 65535,
              "v": 8080,
              "w": 26,
            },
          ],
        ],
        [
          {
            "dst": {
              "field": "reg10",
              "n": 1,
              "ofs": 7,
            },
            "op": "set",
            "value": 1n,
          },
        ],
      ],
    ]
  `);
});

/** Runs one packet and tells what happened in words. */
function walk(r: ReturnType<typeof bridge>, inPort: number, fields: Record<string, number | bigint>): string[] {
  const row = newRow();
  for (const [k, v] of Object.entries(fields)) set(row, k, v);
  const word = (e: Event) => {
    if (e.kind === EV.hit)
      return `${r.net.tables[e.a].name}: ${r.net.rules[e.b].origin?.text.replace(/^.*?priority/, "priority") ?? "(made)"}`;
    if (e.kind === EV.miss) return `${r.net.tables[e.a].name}: no match`;
    if (e.kind === EV.leaf) return Object.entries(LEAF).find(([, n]) => n === e.a)?.[0] + (e.a === LEAF.unlinked ? ` port ${e.b}` : "");
    return null;
  };
  return new Interpreter(r.net)
    .run(row, 0, inPort, { script: [], beyond: "first" })
    .map(word)
    .filter((w) => w !== null);
}
const TCP = { eth_type: 0x0800, ip_proto: 6, ip_ttl: 64, ip_src: 0xc0000201, ip_dst: 0xc0000202, tp_src: 4000, tp_dst: 80, tcp_flags: 2 };

test("packets walk as in the switch", () => {
  const r = bridge(`${HEAD} table=0, priority=100,ip,in_port=1,ct_state=-trk actions=ct(table=1,zone=5),resubmit(,2)
 table=0, priority=50,arp actions=output:2,IN_PORT
 table=1, priority=100,ct_state=+new+trk,ip actions=ct(commit,zone=5),output:2
 table=2, priority=100,ct_state=+trk,ip actions=output:2
 table=2, priority=90,ip actions=resubmit(2,3),output:1
 table=3, priority=10,in_port=2 actions=set_field:9->reg0,IN_PORT
 table=3, priority=5 actions=drop
`);
  expect(r.problems).toEqual([]);
  expect(walk(r, 1, TCP)).toMatchInlineSnapshot(`
    [
      "0: priority=100,ip,in_port=1,ct_state=-trk actions=ct(table=1,zone=5),resubmit(,2)",
      "2: priority=90,ip actions=resubmit(2,3),output:1",
      "3 as port 2: priority=10,in_port=2 actions=set_field:9->reg0,IN_PORT",
      "unlinked port 1",
      "1: priority=100,ct_state=+new+trk,ip actions=ct(commit,zone=5),output:2",
      "unlinked port 2",
    ]
  `);
  expect(walk(r, 1, { eth_type: 0x0806, arp_op: 1 })).toMatchInlineSnapshot(`
    [
      "0: priority=50,arp actions=output:2,IN_PORT",
      "unlinked port 2",
      "unlinked port 1",
    ]
  `);
});

test("dec_ttl ends a list of actions, not the packet", () => {
  const r = bridge(
    `${HEAD} table=0, priority=9,in_port=1 actions=resubmit(,1),output:2\n table=1, priority=9,ip actions=dec_ttl,output:1\n`,
  );
  expect(walk(r, 1, { ...TCP, ip_ttl: 1 })).toMatchInlineSnapshot(`
    [
      "0: priority=9,in_port=1 actions=resubmit(,1),output:2",
      "1: priority=9,ip actions=dec_ttl,output:1",
      "dropped",
      "unlinked port 2",
    ]
  `);
});

test("dec_ttl ends what is spent; a tag is not written where there is none", () => {
  const ttl = bridge(`${HEAD} table=0, priority=9,in_port=1 actions=dec_ttl,output:2\n`);
  expect([walk(ttl, 1, TCP), walk(ttl, 1, { ...TCP, ip_ttl: 1 }), walk(ttl, 1, { eth_type: 0x0806 })]).toMatchInlineSnapshot(`
    [
      [
        "0: priority=9,in_port=1 actions=dec_ttl,output:2",
        "no IP packet: a TTL to decrement: (made)",
        "no IP packet: no TTL: (made)",
        "unlinked port 2",
      ],
      [
        "0: priority=9,in_port=1 actions=dec_ttl,output:2",
        "no IP packet: a TTL to decrement: (made)",
        "dropped",
      ],
      [
        "0: priority=9,in_port=1 actions=dec_ttl,output:2",
        "no IP packet: a TTL to decrement: no match",
        "no IP packet: no TTL: no match",
        "unlinked port 2",
      ],
    ]
  `);
  const vlan = bridge(
    `${HEAD} table=0, priority=9,in_port=1 actions=set_field:4101->vlan_vid,resubmit(,1)\n table=1, priority=9,dl_vlan=5 actions=output:2\n`,
  );
  expect([walk(vlan, 1, TCP), walk(vlan, 1, { ...TCP, vlan_tci: 0x1009 })]).toMatchInlineSnapshot(`
    [
      [
        "0: priority=9,in_port=1 actions=set_field:4101->vlan_vid,resubmit(,1)",
        "1: priority=9,dl_vlan=5 actions=output:2",
        "unlinked port 2",
      ],
      [
        "0: priority=9,in_port=1 actions=set_field:4101->vlan_vid,resubmit(,1)",
        "1: priority=9,dl_vlan=5 actions=output:2",
        "unlinked port 2",
      ],
    ]
  `);
});
