import { conformanceTests } from "@plumbline/plugin-sdk/conformance";
import { test } from "vitest";
import plugin from "../src/index.js";

const at = (name: string, content: string) => ({ path: `node-1/ovs/${name}`, content });

conformanceTests(test, plugin, {
  truncations: 25,
  mutations: 80,
  fixtures: [
    at(
      "ovs-ofctl_-O_OpenFlow15_dump-flows_br0",
      "OFPST_FLOW reply (OF1.5) (xid=0x2):\n cookie=0x1, duration=1.0s, table=0, n_packets=0, n_bytes=0, priority=100,ip,in_port=1,nw_dst=10.0.0.0/8 actions=ct(table=1,zone=1,nat)\n" +
        " cookie=0x2, duration=1.0s, table=1, n_packets=0, n_bytes=0, priority=10,ct_state=+est+trk,tcp,tp_dst=80 actions=set_field:02:00:00:00:00:01->eth_dst,group:1\n" +
        " cookie=0x0, duration=1.0s, table=1, n_packets=0, n_bytes=0, priority=0 actions=NORMAL\n",
    ),
    at(
      "ovs-ofctl_-O_OpenFlow15_dump-groups_br0",
      "OFPST_GROUP_DESC reply (OF1.5) (xid=0x2):\n group_id=1,type=select,selection_method=dp_hash,bucket=bucket_id:0,weight:100,actions=output:2,bucket=bucket_id:1,weight:100,actions=output:3\n",
    ),
    at("ovs-appctl_fdb_show_br0", " port  VLAN  MAC                Age\n    1     0  02:00:00:00:00:02   12\n"),
  ],
});
