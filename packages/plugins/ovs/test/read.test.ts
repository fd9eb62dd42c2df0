import { readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";
import { said, simplify } from "./kit.js";

const read = (path: string, text: string) => {
  const r = readInline(plugin, path, text);
  return {
    claim: r.claim && `${r.claim.what} (form ${r.claim.form})`,
    facts: r.facts.map(
      (f) =>
        `${f.kind} ${f.origin.line} ${JSON.stringify(simplify(f.kind === "ovs.flow" || f.kind === "ovs.group" ? f.origin.text : f.data))}`,
    ),
    problems: said(r.problems),
  };
};

test("files are known by their command, and ranked by what their form keeps", () => {
  const names = [
    "ovs-ofctl_dump-flows_br-int",
    "ovs-ofctl_-O_OpenFlow13_dump-flows_br-int",
    "ovs-ofctl_-O_OpenFlow15_dump-flows_br-int",
    "ovs-ofctl_-O_OpenFlow15_--names_--no-stats_dump-flows_br-int",
    "ovs-appctl_bridge.dump-flows_--offload-stats_br-int",
    "ovs-ofctl_dump-groups_br-int",
    "ovs-ofctl_-O_OpenFlow13_dump-groups_br-int",
    "ovs-ofctl_-O_OpenFlow15_dump-ports-desc_br-int",
    "ovs-ofctl_show_br-int",
    "ovs-ofctl_-O_OpenFlow15_dump-tlv-map_br-int",
    "ovs-appctl_fdb.show_br-ex",
    "ovs-appctl_dpif_show",
    "ovs-appctl_tnl_neigh_show",
    "ovs-appctl_ovs_route_show",
    "ovs-appctl_tnl_ports_show",
    "ovs-appctl_ofproto_list-tunnels",
    "ovs-vsctl_-t_5_show",
    "ovs-vsctl_list_interface",
    "ovs-vsctl_list_Open_vSwitch",
    "ovs-vsctl_-t_5_list_bridge",
    "ovs-ofctl_dump-flows_br_int",
    "ovs-ofctl_dump-flows_br-int_table=0",
    "ovs-ofctl_dump-ports_br-int",
    "ovs-appctl_dpctl_dump-flows",
    "ovs-vsctl_list_qos",
  ];
  expect(Object.fromEntries(names.map((n) => [n, read(`node/${n}`, "").claim]))).toMatchInlineSnapshot(`
    {
      "ovs-appctl_bridge.dump-flows_--offload-stats_br-int": "OpenFlow flows of br-int (form 5)",
      "ovs-appctl_dpctl_dump-flows": "flows of the OVS datapath (form 1)",
      "ovs-appctl_dpif_show": "OVS datapath ports (form 1)",
      "ovs-appctl_fdb.show_br-ex": "learned MACs of br-ex (form 1)",
      "ovs-appctl_ofproto_list-tunnels": "tunnels (form 1)",
      "ovs-appctl_ovs_route_show": "tunnel routes (form 1)",
      "ovs-appctl_tnl_neigh_show": "tunnel neighbours (form 1)",
      "ovs-appctl_tnl_ports_show": "tunnel ports (form 1)",
      "ovs-ofctl_-O_OpenFlow13_dump-flows_br-int": "OpenFlow flows of br-int (form 13)",
      "ovs-ofctl_-O_OpenFlow13_dump-groups_br-int": "OpenFlow groups of br-int (form 13)",
      "ovs-ofctl_-O_OpenFlow15_--names_--no-stats_dump-flows_br-int": "OpenFlow flows of br-int (form 10)",
      "ovs-ofctl_-O_OpenFlow15_dump-flows_br-int": "OpenFlow flows of br-int (form 15)",
      "ovs-ofctl_-O_OpenFlow15_dump-ports-desc_br-int": "OpenFlow ports of br-int (form 15.5)",
      "ovs-ofctl_-O_OpenFlow15_dump-tlv-map_br-int": "tunnel options of br-int (form 15)",
      "ovs-ofctl_dump-flows_br-int": "OpenFlow flows of br-int (form 10)",
      "ovs-ofctl_dump-flows_br-int_table=0": null,
      "ovs-ofctl_dump-flows_br_int": "OpenFlow flows of br_int (form 10)",
      "ovs-ofctl_dump-groups_br-int": "OpenFlow groups of br-int (form 14.5)",
      "ovs-ofctl_dump-ports_br-int": "counters (dump-ports) of br-int (form 10)",
      "ovs-ofctl_show_br-int": "OpenFlow ports of br-int (form 10)",
      "ovs-vsctl_-t_5_list_bridge": "OVS bridge settings (form 1)",
      "ovs-vsctl_-t_5_show": "OVS bridges and ports (form 1)",
      "ovs-vsctl_list_Open_vSwitch": "OVS settings (form 1)",
      "ovs-vsctl_list_interface": "OVS interfaces (form 1)",
      "ovs-vsctl_list_qos": null,
    }
  `);
});

const FLOWS = "node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-int";

test("a dump of flows: unknown action and field, and a whole rest", () => {
  expect(
    read(
      FLOWS,
      `OFPST_FLOW reply (OF1.5) (xid=0x2):
 cookie=0x1, duration=1.0s, table=0, n_packets=0, n_bytes=0, priority=5,ip actions=resubmit(,8)
 cookie=0x2, duration=1.0s, table=0, n_packets=0, n_bytes=0, priority=4,ip,nw_dstt=192.0.2.1 actions=output:1
 cookie=0x3, duration=1.0s, table=8, n_packets=0, n_bytes=0, priority=3 actions=output:1,frobnicate(1)
`,
    ),
  ).toMatchInlineSnapshot(`
    {
      "claim": "OpenFlow flows of br-int (form 15)",
      "facts": [
        "ovs.flow 2 "cookie=0x1, duration=1.0s, table=0, n_packets=0, n_bytes=0, priority=5,ip actions=resubmit(,8)"",
        "ovs.flow 3 "cookie=0x2, duration=1.0s, table=0, n_packets=0, n_bytes=0, priority=4,ip,nw_dstt=192.0.2.1 actions=output:1"",
        "ovs.flow 4 "cookie=0x3, duration=1.0s, table=8, n_packets=0, n_bytes=0, priority=3 actions=output:1,frobnicate(1)"",
        "ovs.flow-dump 0 {"bridge":"br-int","extent":"whole","from":0}",
      ],
      "problems": [
        "warning node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-int:3: 'nw_dstt' is not a match field",
        "warning node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-int:4: 'frobnicate' is not an action",
      ],
    }
  `);
});

test("a dump that is cut off", () => {
  const head = " cookie=0x1, table=0, priority=5,ip actions=resubmit(,8)\n cookie=0x2, table=8, priority=5,ip actions=drop\n";
  expect(read(FLOWS, `OFPST_FLOW reply (OF1.5) (xid=0x2):\n${head} cookie=0x3, table=9, n_pack`)).toMatchInlineSnapshot(`
    {
      "claim": "OpenFlow flows of br-int (form 15)",
      "facts": [
        "ovs.flow 2 "cookie=0x1, table=0, priority=5,ip actions=resubmit(,8)"",
        "ovs.flow 3 "cookie=0x2, table=8, priority=5,ip actions=drop"",
        "ovs.flow-dump 4 {"bridge":"br-int","extent":"cut","from":8}",
      ],
      "problems": [
        "error node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-int:4: the line has no actions: it is cut off, or it is no flow",
        "error node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-int:4: the dump of br-int is cut off here: flows of table 8 and later may be lacking, and packets that meet no other flow there are 'unknown'",
      ],
    }
  `);
  expect(read(FLOWS, `OFPST_FLOW reply (OF1.5) (xid=0x2):\n${head} cookie=0x3, table=9, actions=ct(commit,table=1`)).toMatchInlineSnapshot(`
    {
      "claim": "OpenFlow flows of br-int (form 15)",
      "facts": [
        "ovs.flow 2 "cookie=0x1, table=0, priority=5,ip actions=resubmit(,8)"",
        "ovs.flow 3 "cookie=0x2, table=8, priority=5,ip actions=drop"",
        "ovs.flow 4 "cookie=0x3, table=9, actions=ct(commit,table=1"",
        "ovs.flow-dump 4 {"bridge":"br-int","extent":"cut","from":9}",
      ],
      "problems": [
        "warning node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-int:4: the text is cut off within 'ct(commit,table=1'",
        "error node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-int:4: the dump of br-int is cut off here: flows of table 9 and later may be lacking, and packets that meet no other flow there are 'unknown'",
      ],
    }
  `);
});

test("an excerpt, an empty file, a failed command, log lines", () => {
  expect(read(FLOWS, "cookie=0x2, table=8, priority=5,ip actions=drop\n")).toMatchInlineSnapshot(`
    {
      "claim": "OpenFlow flows of br-int (form 15)",
      "facts": [
        "ovs.flow 1 "cookie=0x2, table=8, priority=5,ip actions=drop"",
        "ovs.flow-dump 0 {"bridge":"br-int","extent":"excerpt","from":0}",
      ],
      "problems": [
        "info node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-int:0: these flows of br-int have no heading: taken as an excerpt, so packets that meet none of them are 'unknown'",
      ],
    }
  `);
  expect(read(FLOWS, "")).toMatchInlineSnapshot(`
    {
      "claim": "OpenFlow flows of br-int (form 15)",
      "facts": [],
      "problems": [
        "warning node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-int:0: the file is empty: the command printed nothing, not even its heading",
      ],
    }
  `);
  expect(read(FLOWS, "ovs-ofctl: br-int is not a bridge or a socket\n")).toMatchInlineSnapshot(`
    {
      "claim": "OpenFlow flows of br-int (form 15)",
      "facts": [],
      "problems": [
        "error node/ovs/ovs-ofctl_-O_OpenFlow15_dump-flows_br-int:1: the command failed: ovs-ofctl: br-int is not a bridge or a socket",
      ],
    }
  `);
  expect(read(FLOWS, "2026-01-01T00:00:00Z|00001|vconn|WARN|slow\nNXST_FLOW reply (xid=0x4):\n")).toMatchInlineSnapshot(`
    {
      "claim": "OpenFlow flows of br-int (form 15)",
      "facts": [
        "ovs.flow-dump 0 {"bridge":"br-int","extent":"whole","from":0}",
      ],
      "problems": [],
    }
  `);
});

test("groups", () => {
  expect(
    read(
      "node/ovs/ovs-ofctl_dump-groups_br-int",
      "NXST_GROUP_DESC reply (xid=0x2):\n group_id=1,type=select,bucket=weight:5,actions=output:1\n group_id=2,type=odd,bucket=output:1\n",
    ),
  ).toMatchInlineSnapshot(`
    {
      "claim": "OpenFlow groups of br-int (form 14.5)",
      "facts": [
        "ovs.group 2 "group_id=1,type=select,bucket=weight:5,actions=output:1"",
        "ovs.read 0 {"bridge":"br-int","what":"groups"}",
      ],
      "problems": [
        "error node/ovs/ovs-ofctl_dump-groups_br-int:3: 'odd' is not a type of group",
        "error node/ovs/ovs-ofctl_dump-groups_br-int:3: the group has no type",
      ],
    }
  `);
});

test("ports, from each of the commands that list them", () => {
  expect(
    read(
      "node/ovs/ovs-ofctl_show_br-int",
      `OFPT_FEATURES_REPLY (OF1.3) (xid=0x2): dpid:0000020000000001
n_tables:254, n_buffers:0
capabilities: FLOW_STATS TABLE_STATS
OFPST_PORT_DESC reply (OF1.3) (xid=0x3):
 2(patch-br-ex_mas): addr:92:c4:41:69:59:63
     config:     NO_FLOOD
     state:      LIVE
     speed: 0 Mbps now, 0 Mbps max
 LOCAL(br-int): addr:02:00:00:00:00:FF
     config:     PORT_DOWN
     state:      LINK_DOWN
OFPT_GET_CONFIG_REPLY (OF1.3) (xid=0x5): frags=normal miss_send_len=0
`,
    ),
  ).toMatchInlineSnapshot(`
    {
      "claim": "OpenFlow ports of br-int (form 10)",
      "facts": [
        "ovs.port 5 {"bridge":"br-int","name":"patch-br-ex_mas","cut":true,"ofport":2,"mac":"92:c4:41:69:59:63","config":["NO_FLOOD"],"state":["LIVE"]}",
        "ovs.port 9 {"bridge":"br-int","name":"br-int","cut":false,"ofport":65534,"mac":"02:00:00:00:00:ff","config":["PORT_DOWN"],"state":["LINK_DOWN"]}",
        "ovs.bridge 0 {"name":"br-int"}",
      ],
      "problems": [],
    }
  `);
  expect(
    read(
      "node/ovs/ovs-appctl_dpif_show",
      `netdev@ovs-netdev: hit:10935 missed:822
  br-int:
    br-int 65534/3: (tap)
    ovn-1 2/5: (geneve: csum=true, key=flow, local_ip=192.0.2.24, remote_ip=192.0.2.23)
    patch-br-int 3/none: (patch: peer=patch-br-ex)
`,
    ),
  ).toMatchInlineSnapshot(`
    {
      "claim": "OVS datapath ports (form 1)",
      "facts": [
        "ovs.bridge 2 {"name":"br-int","datapathType":"netdev"}",
        "ovs.port 3 {"bridge":"br-int","name":"br-int","cut":false,"ofport":65534,"datapathPort":3,"type":"tap","options":{}}",
        "ovs.port 4 {"bridge":"br-int","name":"ovn-1","cut":false,"ofport":2,"datapathPort":5,"type":"geneve","options":{"csum":"true","key":"flow","local_ip":"192.0.2.24","remote_ip":"192.0.2.23"}}",
        "ovs.port 5 {"bridge":"br-int","name":"patch-br-int","cut":false,"ofport":3,"type":"patch","options":{"peer":"patch-br-ex"}}",
      ],
      "problems": [],
    }
  `);
  expect(
    read(
      "node/ovs/ovs-vsctl_show",
      `786d70aa-981d-4d90-a237-25a40640c1f6
    Bridge br-int
        fail_mode: secure
        datapath_type: netdev
        Port "1b8042c618fe390"
            tag: 5
            Interface "1b8042c618fe390"
        Port ovn-1
            Interface ovn-1
                type: geneve
                options: {csum="true", key=flow, remote_ip="192.0.2.23"}
                error: "could not add network device ovn-1 to ofproto"
    Bridge br-ex
        Port br-ex
            Interface br-ex
                type: internal
    ovs_version: "3.1.0"
`,
    ),
  ).toMatchInlineSnapshot(`
    {
      "claim": "OVS bridges and ports (form 1)",
      "facts": [
        "ovs.port 7 {"bridge":"br-int","name":"1b8042c618fe390","cut":false,"type":"","tag":5}",
        "ovs.port 9 {"bridge":"br-int","name":"ovn-1","cut":false,"type":"geneve","options":{"csum":"true","key":"flow","remote_ip":"192.0.2.23"}}",
        "ovs.bridge 2 {"name":"br-int","failMode":"secure","datapathType":"netdev"}",
        "ovs.port 15 {"bridge":"br-ex","name":"br-ex","cut":false,"type":"internal"}",
        "ovs.bridge 13 {"name":"br-ex","datapathType":"system"}",
      ],
      "problems": [
        "warning node/ovs/ovs-vsctl_show:12: interface ovn-1: could not add network device ovn-1 to ofproto",
      ],
    }
  `);
  expect(
    read(
      "node/ovs/ovs-vsctl_list_interface",
      `_uuid               : f9784538-9bb4-4e22-99ec-b46642024faa
admin_state         : up
external_ids        : {attached_mac="0a:58:0a:84:00:27", iface-id=shop_web-1, "k8s.ovn.org/nad"=default}
ifindex             : 7
link_state          : up
mac_in_use          : "22:50:93:62:89:11"
name                : "1b8042c618fe390"
ofport              : 5
options             : {}
type                : ""

_uuid               : 9631f760-6d65-4afa-b5d2-6a0ca2a37e3b
error               : "could not open network device gone0 (No such device)"
name                : gone0
ofport              : -1
type                : ""
`,
    ),
  ).toMatchInlineSnapshot(`
    {
      "claim": "OVS interfaces (form 1)",
      "facts": [
        "ovs.port 7 {"bridge":"","name":"1b8042c618fe390","cut":false,"type":"","options":{},"externalIds":{"attached_mac":"0a:58:0a:84:00:27","iface-id":"shop_web-1","k8s.ovn.org/nad":"default"},"ofport":5,"mac":"22:50:93:62:89:11","ifindex":7,"up":true}",
        "ovs.port 14 {"bridge":"","name":"gone0","cut":false,"type":"","options":{},"externalIds":{}}",
      ],
      "problems": [
        "warning node/ovs/ovs-vsctl_list_interface:13: interface gone0: could not open network device gone0 (No such device)",
      ],
    }
  `);
});

test("settings, learned addresses, tunnels", () => {
  expect([
    read(
      "node/ovs/ovs-vsctl_list_bridge",
      "_uuid               : 902fadc9\ndatapath_type       : netdev\nfail_mode           : standalone\nname                : br-ex\n",
    ),
    read(
      "node/ovs/ovs-vsctl_list_Open_vSwitch",
      '_uuid               : 786d\nexternal_ids        : {hostname=node-1, ovn-encap-ip="192.0.2.24"}\novs_version         : "3.1.0"\n',
    ),
    read(
      "node/ovs/ovs-appctl_fdb_show_br-ex",
      " port  VLAN  MAC                Age\n    1     0  52:54:00:99:00:01    6\nLOCAL     5  52:54:00:99:00:24  static\n odd\n",
    ),
    read(
      "node/ovs/ovs-appctl_tnl_neigh_show",
      "IP                                            MAC                 Bridge\n==========================================================================\n192.0.2.23                                 52:54:00:99:00:23   br-ex\n",
    ),
    read(
      "node/ovs/ovs-appctl_ovs_route_show",
      "Route Table:\nCached: 192.0.2.24/32 dev br-ex SRC 192.0.2.24 local\nCached: 0.0.0.0/0 dev br-ex GW 192.0.2.1 SRC 192.0.2.24\n",
    ),
    read(
      "node/ovs/ovs-appctl_tnl_ports_show",
      "Listening ports:\ngenev_sys_6081 (5) : eth(dst=52:54:00:99:00:24),eth_type(0x0800),ipv4(dst=192.0.2.24,proto=17,frag=no),udp(dst=6081)\n",
    ),
    read(
      "node/ovs/ovs-appctl_ofproto_list-tunnels",
      "port 5: ovn-1 (geneve: 192.0.2.24->192.0.2.23, key=flow, legacy_l2, dp port=5, ttl=64, csum=true)\n",
    ),
    read(
      "node/ovs/ovs-ofctl_dump-tlv-map_br-int",
      "NXT_TLV_TABLE_REPLY (xid=0x2):\n max option space=256 max fields=64\n allocated option space=4\n\n mapping table:\n  class   type  length  match field\n ------  -----  ------  --------------\n  0x102   0x80       4  tun_metadata0\n",
    ),
  ]).toMatchInlineSnapshot(`
    [
      {
        "claim": "OVS bridge settings (form 1)",
        "facts": [
          "ovs.bridge 4 {"name":"br-ex","datapathType":"netdev","failMode":"standalone"}",
        ],
        "problems": [],
      },
      {
        "claim": "OVS settings (form 1)",
        "facts": [
          "ovs.config 2 {"externalIds":{"hostname":"node-1","ovn-encap-ip":"192.0.2.24"},"version":"3.1.0"}",
        ],
        "problems": [],
      },
      {
        "claim": "learned MACs of br-ex (form 1)",
        "facts": [
          "ovs.fdb 2 {"bridge":"br-ex","port":1,"vlan":0,"mac":"52:54:00:99:00:01","age":"6"}",
          "ovs.fdb 3 {"bridge":"br-ex","port":65534,"vlan":5,"mac":"52:54:00:99:00:24","age":"static"}",
          "ovs.read 0 {"bridge":"br-ex","what":"fdb"}",
        ],
        "problems": [
          "warning node/ovs/ovs-appctl_fdb_show_br-ex:4: 'odd' is not understood in fdb/show",
        ],
      },
      {
        "claim": "tunnel neighbours (form 1)",
        "facts": [
          "ovs.tunnel-neighbour 3 {"address":"192.0.2.23","mac":"52:54:00:99:00:23","bridge":"br-ex"}",
        ],
        "problems": [],
      },
      {
        "claim": "tunnel routes (form 1)",
        "facts": [
          "ovs.tunnel-route 2 {"prefix":"192.0.2.24/32","dev":"br-ex","via":"","src":"192.0.2.24","local":true,"source":"Cached"}",
          "ovs.tunnel-route 3 {"prefix":"0.0.0.0/0","dev":"br-ex","via":"192.0.2.1","src":"192.0.2.24","local":false,"source":"Cached"}",
        ],
        "problems": [],
      },
      {
        "claim": "tunnel ports (form 1)",
        "facts": [
          "ovs.tunnel-port 2 {"name":"genev_sys_6081","datapathPort":5,"udpPort":6081,"address":"192.0.2.24","mac":"52:54:00:99:00:24"}",
        ],
        "problems": [],
      },
      {
        "claim": "tunnels (form 1)",
        "facts": [
          "ovs.tunnel 1 {"datapathPort":5,"name":"ovn-1","type":"geneve","localIp":"192.0.2.24","remoteIp":"192.0.2.23"}",
        ],
        "problems": [],
      },
      {
        "claim": "tunnel options of br-int (form 10)",
        "facts": [
          "ovs.tlv 8 {"bridge":"br-int","class":258,"type":128,"size":4,"field":"tun_metadata0"}",
          "ovs.read 0 {"bridge":"br-int","what":"tlv-map"}",
        ],
        "problems": [],
      },
    ]
  `);
});
