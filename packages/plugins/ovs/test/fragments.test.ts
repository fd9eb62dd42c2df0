import { lowerFacts, readFiles } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/plugin.js";

/** What table 0 does with a packet that meets no flow. */
function entryMiss(flows: string): unknown {
  const { facts, problems } = readFiles([plugin], { "n1/ovs-ofctl_dump-flows_br-int": flows });
  const { net } = lowerFacts([plugin], facts);
  return { miss: net.tables[net.findDevice("n1/br-int")!.entry].miss, said: problems.map((p) => p.message) };
}

test("a dump of one table, heading and all, is no whole dump: packets that enter are unknown, not dropped", () => {
  const heading = "NXST_FLOW reply (xid=0x4):\n";
  const flow = (table: number) => ` cookie=0x0, duration=1.0s, table=${table}, n_packets=0, n_bytes=0, priority=1,ip actions=drop\n`;
  expect(entryMiss(heading + flow(21))).toMatchInlineSnapshot(`
    {
      "miss": [
        {
          "command": "ovs-ofctl -O OpenFlow15 dump-flows br-int",
          "on": "n1",
          "op": "unknown",
          "why": "no flow of table 0 matches, but the dump of br-int is an excerpt",
        },
      ],
      "said": [
        "these flows of br-int begin at table 21: taken as an excerpt, so packets that meet none of them are 'unknown'",
      ],
    }
  `);
  expect(entryMiss(heading + flow(0) + flow(21))).toEqual({ miss: [], said: [] });
});

test("a flow's group is named as the dump of groups prints it", () => {
  const group =
    "group_id=133,type=select,selection_method=dp_hash,bucket=bucket_id:0,weight:100,actions=ct(commit,table=22,zone=NXM_NX_REG13[0..15],nat(dst=192.0.2.4:80))";
  const { facts } = readFiles([plugin], {
    "n1/ovs-ofctl_dump-flows_br-int":
      "cookie=0x1, table=21, priority=1,tcp actions=group:133\ncookie=0x1, table=21, priority=0 actions=group:134\n",
    "n1/ovs-ofctl_dump-groups_br-int": group,
  });
  const { net, annotators } = lowerFacts([plugin], facts);
  const bridge = net.findDevice("n1/br-int")!;
  expect(net.rules.map((r) => annotators.flatMap((a) => a(r, bridge)))).toEqual([
    [{ kind: "group", name: "133", text: group, file: "n1/ovs-ofctl_dump-groups_br-int", line: 1 }],
    [],
  ]);
});
