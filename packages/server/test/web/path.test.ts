import { describe, expect, test } from "vitest";
import type { Branch, Hop } from "../../web/src/api/types.js";
import type { Devices } from "../../web/src/path/lanes.js";
import { segmentsOf, titleOf } from "../../web/src/path/segments.js";
import { treeOf } from "../../web/src/path/tree.js";

const DEVICES: Devices = new Map([
  ["client", { kind: "host", node: "" }],
  ["edge", { kind: "router", node: "" }],
  ["n1", { kind: "host", node: "n1" }],
  ["n1/br-ex", { kind: "bridge", node: "n1" }],
  ["n1/br-int", { kind: "bridge", node: "n1" }],
  ["demo/web-1", { kind: "pod", node: "n1" }],
  ["segment 192.0.2.0/24", { kind: "segment", node: "" }],
]);

function hop(device: string, part: Partial<Hop> & { datapath?: string; lflow?: string } = {}): Hop {
  const { datapath, lflow, ...rest } = part;
  const links = lflow ? [{ kind: "lflow", stage: lflow, datapath }] : datapath ? [{ kind: "port_binding", datapath }] : [];
  return {
    device,
    node: DEVICES.get(device)?.node ?? "",
    stage: "openflow 0",
    rule: { text: "", file: "", line: 0 },
    certainty: "proven",
    why: "",
    before: "",
    after: "",
    changes: [],
    links,
    ...rest,
  };
}

const WAY = [
  hop("client"),
  hop("edge", { choice: "1 of 2 by ecmp, 50 %" }),
  hop("segment 192.0.2.0/24", { certainty: "inferred" }),
  hop("n1/br-ex"),
  hop("n1/br-int", { datapath: "ext_n1" }),
  hop("n1/br-int", { datapath: "ext_n1", lflow: "ls_in_l2_lkup" }),
  hop("n1/br-int", { datapath: "GR_n1", lflow: "lr_in_dnat", changes: [{ field: "ip_dst", before: "198.51.100.1", after: "10.128.0.5" }] }),
  hop("n1/br-int"),
  hop("n1/br-int", { datapath: "join", lflow: "ls_in_l2_lkup" }),
  hop("n1/br-int", { datapath: "ovn_cluster_router", lflow: "lr_in_ip_routing" }),
  hop("n1/br-int", { datapath: "n1", lflow: "ls_in_l2_lkup" }),
  hop("demo/web-1"),
];

describe("the way as the picture shows it", () => {
  const segments = segmentsOf(WAY, DEVICES);
  test("runs of hops by device and logical datapath, each in its lane", () => {
    expect(segments.map((s) => [titleOf(s), s.lane, s.first, s.end])).toEqual([
      ["client", "outside", 0, 1],
      ["edge", "router", 1, 2],
      ["192.0.2.0/24", "segment", 2, 3],
      ["br-ex", "br-ex", 3, 4],
      ["ext_n1", "switch", 4, 6],
      ["GR_n1", "gateway router", 6, 8],
      ["join", "join", 8, 9],
      ["ovn_cluster_router", "cluster router", 9, 10],
      ["n1", "switch", 10, 11],
      ["demo/web-1", "pod", 11, 12],
    ]);
  });
  test("choices, rewritten addresses and the least sure hop are told", () => {
    expect([segments[1].choices, segments[5].rewrites, segments[2].certainty]).toEqual([
      ["1 of 2 by ecmp, 50 %"],
      ["dst 198.51.100.1 → 10.128.0.5"],
      "inferred",
    ]);
  });
});

describe("all branches in one graph", () => {
  const branch = (probability: number, hops: readonly Hop[], name: string): Branch => ({
    probability,
    verdict: "delivered",
    to: { kind: "pod", name },
    node: "n1",
    final: { src: "", srcPort: 0, dst: "", dstPort: 0 },
    hops,
    needs: [],
  });
  test("what they share is one node, receivers too", () => {
    const tree = treeOf(
      [
        branch(0.5, [hop("client"), hop("edge"), hop("n1/br-ex"), hop("n1/br-int"), hop("demo/web-1")], "demo/web-1"),
        branch(0.5, [hop("client"), hop("edge"), hop("n2", { node: "n2" }), hop("demo/web-1")], "demo/web-1"),
      ],
      DEVICES,
    );
    expect(tree.nodes.map((n) => [n.title, n.share, n.branches])).toEqual([
      ["client", 1, [0, 1]],
      ["edge", 1, [0, 1]],
      ["n1", 0.5, [0]],
      ["demo/web-1", 1, [0, 1]],
      ["n2", 0.5, [1]],
    ]);
    expect(tree.edges.map((e) => e.share)).toEqual([1, 0.5, 0.5, 0.5, 0.5]);
  });
});
