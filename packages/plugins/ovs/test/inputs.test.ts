/** Inputs beside flows and groups: the database in its forms, statistics, flows of the datapath, lists of ports; and lines cut anywhere. */
import { readFiles } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin, { fdbOfText, groupsOfText, parseFlowLine, parseGroupLine, portsOfText, printGroup, tlvMapOfText } from "../src/index.js";
import { said, shared } from "./kit.js";

/** Facts of one file, as lines; and what was said. */
function read(name: string, text: string): string[] {
  const { facts, problems } = readFiles([plugin], { [`node/ovs/${name}`]: text });
  const kinds = ["ovs.config", "ovs.bridge", "ovs.port", "ovs.fdb", "ovs.group-statistics", "ovs.meter", "ovs.datapath-flow"] as const;
  return [...kinds.flatMap((k) => facts.all(k).map((f) => `${k} ${f.origin.line} ${JSON.stringify(f.data)}`)), ...said(problems)];
}

const PORT = { name: "eth0", interfaces: ["uuid", "i1"], tag: 7, trunks: ["set", []] };
const INTERFACE = {
  name: "eth0",
  type: "",
  ofport: 3,
  options: ["map", [["n_rxq", "2"]]],
  external_ids: ["map", [["iface-id", "ns_pod"]]],
  mac_in_use: "02:00:00:00:00:0A",
  link_state: "up",
  admin_state: "up",
  ifindex: 5,
};
const ROWS = {
  Open_vSwitch: { o1: { ovs_version: "3.1.0", external_ids: ["map", [["hostname", "n1"]]] } },
  Bridge: { b1: { name: "br0", datapath_type: "netdev", fail_mode: ["set", []], ports: ["uuid", "p1"] } },
  Port: { p1: PORT },
  Interface: { i1: INTERFACE },
};
const FACTS = [
  'ovs.config {"externalIds":{"hostname":"n1"},"version":"3.1.0"}',
  'ovs.bridge {"name":"br0","datapathType":"netdev","failMode":""}',
  'ovs.port {"bridge":"br0","name":"eth0","cut":false,"type":"","options":{"n_rxq":"2"},"externalIds":{"iface-id":"ns_pod"},"ofport":3,"mac":"02:00:00:00:00:0a","ifindex":5,"up":true,"tag":7}',
];
const withoutLines = (facts: string[]) => facts.map((f) => f.replace(/^(\S+) \d+ /, "$1 "));

test("the Open_vSwitch database: as a file, as JSON, in columns", () => {
  const record = (json: unknown) => {
    const text = JSON.stringify(json);
    return `OVSDB JSON ${text.length} 0000000000000000000000000000000000000000\n${text}`;
  };
  const schema = {
    name: "Open_vSwitch",
    version: "8.3.0",
    tables: { Bridge: { columns: { ports: { type: { key: "uuid", min: 0, max: "unlimited" } } } } },
  };
  // The bridge gets its port by a later transaction, which tells the difference.
  const first = { ...ROWS, Bridge: { b1: { ...ROWS.Bridge.b1, ports: ["uuid", "p0"] } } };
  const second = {
    _is_diff: true,
    Bridge: {
      b1: {
        ports: [
          "set",
          [
            ["uuid", "p0"],
            ["uuid", "p1"],
          ],
        ],
      },
    },
  };
  const store = [schema, first, second].map(record).join("\n");
  expect(withoutLines(read("conf.db", store))).toEqual(FACTS);
  expect(read("conf.db", store.slice(0, -40))).toContain(
    "warning node/ovs/conf.db:6: the last record of the database is cut off: what stands before it is used",
  );

  const tables = Object.entries(ROWS).map(([name, rows]) => {
    const [[uuid, row]] = Object.entries(rows);
    return JSON.stringify({
      caption: `${name} table`,
      headings: ["_uuid", ...Object.keys(row)],
      data: [[["uuid", uuid], ...Object.values(row)]],
    });
  });
  expect(withoutLines(read("ovsdb-client_-f_json_dump", `${tables.sort().join("\n")}\n`)).sort()).toEqual([...FACTS].sort());

  const columns = `Bridge table
_uuid datapath_type fail_mode name ports
----- ------------- --------- ---- -----
b1    netdev        []        br0  [p1]

Interface table
_uuid admin_state external_ids        ifindex link_state mac_in_use          name ofport options     type
----- ----------- ------------------- ------- ---------- ------------------- ---- ------ ----------- ----
i1    up          {iface-id="ns_pod"} 5       up         "02:00:00:00:00:0a" eth0 3      {n_rxq="2"} ""

Open_vSwitch table
_uuid external_ids  ovs_version
----- ------------- -----------
o1    {hostname=n1} "3.1.0"

Port table
_uuid interfaces name tag trunks
----- ---------- ---- --- ------
p1    [i1]       eth0 7   []
`;
  expect(withoutLines(read("ovsdb-client_dump", columns))).toEqual(FACTS);
});

test("statistics, meters, flows of the datapath, tables as JSON", () => {
  expect([
    ...read(
      "ovs-ofctl_-O_OpenFlow15_dump-group-stats_br0",
      "OFPST_GROUP reply (OF1.5) (xid=0x6):\n group_id=5,duration=33.4s,ref_count=1,packet_count=17,byte_count=1258,bucket0:packet_count=5,byte_count=370,bucket1:packet_count=12,byte_count=888\n",
    ),
    ...read(
      "ovs-ofctl_-O_OpenFlow15_dump-meters_br0",
      "OFPST_METER_CONFIG reply (OF1.5) (xid=0x2):\nmeter=1 pktps burst stats bands=\ntype=drop rate=1 burst_size=2\n",
    ),
    ...read(
      "ovs-appctl_dpctl_dump-flows_-m",
      "flow-dump from the main thread:\nufid:b673c3e1-e81a-4b39-bf54-ec8a319f0c4b, recirc_id(0),in_port(2),eth_type(0x0800),ipv4(frag=no), packets:3, bytes:318, used:0.5s, actions:ct(commit),recirc(0x1)\n",
    ),
    ...read("ovs-appctl_-f_json_fdb_show", '{"br0": [{"port": 2, "vlan": 0, "mac": "50:54:00:00:00:06", "static": true}]}'),
    ...read("ovs-appctl_fdb_show", " Bridge  Port  VLAN  MAC                Age\n br0        2     0  50:54:00:00:00:05    ?\n br1\n"),
    ...read(
      "ovs-appctl_-f_json_dpif_show",
      '{"netdev@ovs-netdev": {"bridges": {"br0": {"p1": {"config": {"peer": "p2"}, "ofport": "1", "port_no": "4", "type": "patch"}}}, "hit": "0"}}',
    ),
  ]).toMatchInlineSnapshot(`
    [
      "ovs.group-statistics 2 {"bridge":"br0","id":5,"packets":17,"bytes":1258,"buckets":[{"packets":5,"bytes":370},{"packets":12,"bytes":888}]}",
      "ovs.meter 2 {"bridge":"br0","id":"1","flags":["pktps","burst","stats"],"bands":[{"type":"drop","rate":1,"burst":2}]}",
      "ovs.datapath-flow 2 {"ufid":"b673c3e1-e81a-4b39-bf54-ec8a319f0c4b","match":"recirc_id(0),in_port(2),eth_type(0x0800),ipv4(frag=no)","packets":3,"bytes":318,"used":"0.5s","actions":"ct(commit),recirc(0x1)"}",
      "ovs.fdb 1 {"bridge":"br0","port":2,"vlan":0,"mac":"50:54:00:00:00:06","age":"static"}",
      "ovs.fdb 2 {"bridge":"br0","port":2,"vlan":0,"mac":"50:54:00:00:00:05","age":"?"}",
      "ovs.bridge 1 {"name":"br0","datapathType":"netdev"}",
      "ovs.port 1 {"bridge":"br0","name":"p1","cut":false,"type":"patch","options":{"peer":"p2"},"ofport":1,"datapathPort":4}",
    ]
  `);
});

test("single texts: ports, groups, learned addresses, options", () => {
  const plain = (x: { found: readonly object[]; problems: readonly object[] }) => JSON.stringify([x.found, x.problems]);
  expect([
    plain(portsOfText("1 eth0\n2 eth1 7\nLOCAL br0 0 up\n5 eth5 9 down # off\n", "br0")),
    plain(
      portsOfText(
        "OFPST_PORT_DESC reply (OF1.5) (xid=0x2):\n 1(eth0): addr:02:00:00:00:00:01\n     config:     0\n     state:      LIVE\n",
      ),
    ),
    plain(fdbOfText(" port  VLAN  MAC                Age\n    1     0  50:54:00:00:00:01    3\n", "br0")),
    plain(
      tlvMapOfText(
        "mapping table:\n class\ttype\tlength\tmatch field\n------\t----\t------\t--------------\n0x102\t0x80\t4\ttun_metadata0\n",
        "br0",
      ),
    ),
    groupsOfText(
      "# two\ngroup_id=1,type=all,bucket=output:1\nadd group_id=2,type=select,bucket=weight=5,actions=output:2,set_field:1->reg0,bucket=3\ndelete group_id=1\n",
    )
      .found.map(printGroup)
      .join("; "),
  ]).toMatchInlineSnapshot(`
    [
      "[[{"bridge":"br0","name":"eth0","cut":false,"ofport":1,"datapathPort":1,"up":true,"config":[],"state":["LIVE"],"line":1,"text":"1 eth0"},{"bridge":"br0","name":"eth1","cut":false,"ofport":2,"datapathPort":7,"up":true,"config":[],"state":["LIVE"],"line":2,"text":"2 eth1 7"},{"bridge":"br0","name":"br0","cut":false,"ofport":65534,"datapathPort":0,"up":true,"config":[],"state":["LIVE"],"line":3,"text":"LOCAL br0 0 up"},{"bridge":"br0","name":"eth5","cut":false,"ofport":5,"datapathPort":9,"up":false,"config":[],"state":["LINK_DOWN"],"line":4,"text":"5 eth5 9 down"}],[]]",
      "[[{"bridge":"","name":"eth0","cut":false,"ofport":1,"mac":"02:00:00:00:00:01","config":[],"state":["LIVE"],"line":2,"text":"1(eth0): addr:02:00:00:00:00:01"}],[]]",
      "[[{"bridge":"br0","port":1,"vlan":0,"mac":"50:54:00:00:00:01","age":"3","line":2,"text":"1     0  50:54:00:00:00:01    3"}],[]]",
      "[[{"bridge":"br0","class":258,"type":128,"size":4,"field":"tun_metadata0","line":4,"text":"0x102\\t0x80\\t4\\ttun_metadata0"}],[]]",
      "group_id=2,type=select,bucket=weight:5,actions=output:2,set_field:0x1->reg0,bucket=actions=output:3",
    ]
  `);
});

test("ports without a number are told of, and what follows them is nobody's", () => {
  const { found, problems } = portsOfText(
    " 1(eth0): addr:02:00:00:00:00:01\n     state:      LIVE\n k(eth1): addr:02:00:00:00:00:02\n     state:      LINK_DOWN\n 65281(eth2): addr:02:00:00:00:00:03\n3 eth3\n",
  );
  expect(found.map((p) => [p.ofport, p.state])).toEqual([[1, ["LIVE"]]]);
  expect(problems.map((p) => `${p.line}: ${p.message}`)).toEqual([
    "3: 'k' is not the number of a port",
    "5: '65281' is not the number of a port",
    "6: '3 eth3' is not understood in a description of ports",
  ]);
  expect(portsOfText("7 eth0\n99999999999 eth1\n").problems.map((p) => `${p.line}: ${p.message}`)).toEqual([
    "2: '99999999999' is not the number of a port",
  ]);
});

test("a line cut at any byte gives a flow or a message, never a crash", () => {
  const lines = [
    ' cookie=0x5, duration=1.5s, table=3, n_packets=1, n_bytes=2, idle_timeout=5, priority=7,ct_state=+est+trk,tcp6,reg0=0x1/0xff,in_port="eth0",dl_vlan=5,dl_vlan_pcp=1,ipv6_dst=2001:db8::/32,tp_dst=80,tun_metadata0=0x5 actions=set_field:0x5/0xff->reg1,ct(commit,zone=NXM_NX_REG4[0..15],nat(src=[2001:db8::1]:80-90),exec(move:NXM_NX_REG0[]->NXM_NX_CT_MARK[])),learn(table=5,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:0x1->NXM_NX_REG0[0]),check_pkt_larger(1500)->NXM_NX_REG0[0],encap(nsh(md_type=1)),controller(userdata=00.01,pause)',
    "group_id=1,type=select,selection_method=hash,fields(ip_src,ip_dst=255.0.0.0),bucket=bucket_id:0,weight:3,watch_port:1,actions=ct(nat),output:1,bucket=actions=drop",
  ];
  for (const line of lines)
    for (let n = 0; n <= line.length; n++) {
      const cut = line.slice(0, n);
      const flow = parseFlowLine(cut);
      expect(flow.flow !== null || flow.problems.length > 0).toBe(true);
      const group = parseGroupLine(cut);
      expect(group.group !== null || group.problems.length > 0).toBe(true);
    }
});

/** Files in which a kind of line stands. */
const FILES: Readonly<Record<string, string>> = {
  "dump-flows": "ovs-ofctl_-O_OpenFlow15_dump-flows_br0",
  "dump-groups": "ovs-ofctl_dump-groups_br0",
  "fdb/show": "ovs-appctl_fdb_show",
  "dpif/show": "ovs-appctl_dpif_show",
  "dpctl/dump-conntrack": "ovs-appctl_dpctl_dump-conntrack",
  "dpctl/dump-flows": "ovs-appctl_dpctl_dump-flows",
  "dump-tables": "ovs-ofctl_dump-tables_br0",
};
const LINES = shared<{ kind: string; line: string }>("cases/openflow/dump-lines.jsonl");
test.skipIf(LINES.length === 0)("recorded lines of dumps of many versions are read", () => {
  // Parts of lines, of JSON documents and of other outputs stand among them.
  const whole = LINES.filter(({ kind, line }) => {
    if (kind === "dpctl/dump-flows") return /^(ufid|recirc_id|recirc\(|in_port|tunnel)/.test(line);
    if (kind === "dpctl/dump-conntrack") return line.includes("reply=");
    return kind in FILES && !/^\s*["{}]/.test(line);
  });
  const refused = whole.flatMap(({ kind, line }) => {
    const text = kind === "dpif/show" && line.startsWith("    ") ? `netdev@ovs-netdev:\n  br0:\n${line}\n` : `${line}\n`;
    const { problems } = readFiles([plugin], { [`node/ovs/${FILES[kind]}`]: text });
    return problems.filter((p) => p.severity !== "info").map((p) => `${kind}: ${line} => ${p.message}`);
  });
  expect(refused).toEqual([]);
  expect(whole.length).toBeGreaterThan(600);
});
