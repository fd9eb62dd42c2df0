import type { ExplainSection, Question } from "@plumbline/model";
import { type FactStore, readFiles } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import frr from "../src/index.js";

const HEAD = "BGP table version is 4, local router ID is 192.0.2.12, vrf id 0\nDefault local pref 100, local AS 64512\n\n";
const COLUMNS = "   Network          Next Hop            Metric LocPrf Weight Path\n";
const SUMMARY = (peer: string, state: string) =>
  `Neighbor        V         AS   MsgRcvd   MsgSent   TblVer  InQ OutQ  Up/Down State/PfxRcd   PfxSnt Desc\n${peer.padEnd(15)} 4      64512        13        15        5    0    0 00:00:19 ${state.padStart(12)}        1 N/A\n`;
const FILES = {
  "router/vtysh_show_ip_bgp": `${HEAD}${COLUMNS}*>i203.0.113.100/32 192.0.2.1                0    100      0 i
*> 203.0.0.0/16     192.0.2.9                0             0 65001 i
*> 0.0.0.0/0        192.0.2.9                0             0 65001 i
`,
  "router/vtysh_show_ip_route": `Codes: K - kernel route, C - connected, B - BGP,

B>* 203.0.113.100/32 [200/0] via 192.0.2.1, eth0, weight 1, 00:00:20
B>* 203.0.0.0/16 [20/0] via 192.0.2.9, eth0, weight 1, 00:00:20
S   203.0.113.100/32 [250/0] via 192.0.2.7, eth0, weight 1, 00:00:20
`,
  "router/vtysh_show_bgp_summary": SUMMARY("192.0.2.1", "1"),
  "node-1/vtysh_show_ip_bgp": `${HEAD}${COLUMNS}*> 203.0.113.100/32  0.0.0.0                  0         32768 i\n`,
  "node-2/vtysh_show_ip_bgp": "No BGP prefixes displayed, 0 exist\n",
  "node-2/vtysh_show_bgp_summary": SUMMARY("192.0.2.12", "Idle (Admin)"),
};

function evidence(): FactStore {
  const { facts } = readFiles([frr], FILES);
  for (const [i, name] of ["node-1", "node-2"].entries())
    facts.add({
      kind: "k8s.node",
      host: "",
      origin: { file: "nodes", line: 1, text: "" },
      data: { name, addresses: [`192.0.2.${i + 1}`], annotations: {}, labels: {} },
    });
  return facts;
}

function ask(question: Question): string {
  const line = (s: ExplainSection) => [
    `${s.layer}, ${s.title}, ${s.host}${s.nodes ? ` for ${s.nodes.join(" ")}` : ""}`,
    ...s.items.map(
      (i) =>
        `  ${i.text}  ${i.file}:${i.line}${i.key === undefined ? "" : `  [${i.nodes?.join(" ") ?? s.host}: ${i.key} ${i.value ?? ""}]`}`,
    ),
  ];
  return frr.explain!(evidence(), question).flatMap(line).join("\n");
}

test("a Service: who announces its address, who has a path to it, and the sessions", () => {
  const frontends = [
    { what: "VIP", address: "203.0.113.100", protocol: "tcp", port: 80 },
    { what: "cluster IP", address: "172.30.0.9", protocol: "tcp", port: 80 },
  ];
  expect(ask({ kind: "service", service: { name: "shop/web", frontends, endpoints: [], exceptions: [] } })).toMatchInlineSnapshot(`
    "bgp, BGP paths to 203.0.113.100, node-1
      203.0.113.100/32 announced here (best), local preference 100  node-1/vtysh_show_ip_bgp:5  [node-1: its FRR announces 203.0.113.100 ]
    bgp, BGP paths to 203.0.113.100, node-2
    bgp, BGP paths to 203.0.113.100, router for node-1 node-2
      203.0.113.100/32 by 192.0.2.1 (best, internal), local preference 100  router/vtysh_show_ip_bgp:5  [node-1: router has a path to 203.0.113.100 by it ]
      203.0.0.0/16 by 192.0.2.9 (best), local preference 100, AS path 65001  router/vtysh_show_ip_bgp:6
    sessions, BGP sessions, node-2
      session with 192.0.2.12 AS 64512: Idle (Admin)  node-2/vtysh_show_bgp_summary:2  [node-2: BGP session with 192.0.2.12 Idle (Admin)]
    sessions, BGP sessions, router for node-1 node-2
      session with 192.0.2.1 (node-1) AS 64512: Established, 1 prefix received, 1 sent  router/vtysh_show_bgp_summary:2  [node-1: BGP session of router with it Established]"
  `);
});

test("routes for a prefix: the longest that cover it, those inside it, and those that are not in the kernel", () => {
  expect(ask({ kind: "route", family: 4, value: 0xcb007164n, len: 32 })).toMatchInlineSnapshot(`
    "bgp, BGP paths, node-1
      203.0.113.100/32 announced here (best), local preference 100  node-1/vtysh_show_ip_bgp:5
    frr, FRR's routes, router
      B>* 203.0.113.100/32 [200/0] via 192.0.2.1, eth0, weight 1, 00:00:20  router/vtysh_show_ip_route:3
      S 203.0.113.100/32 [250/0] via 192.0.2.7, eth0, weight 1, 00:00:20 (not selected)  router/vtysh_show_ip_route:5
    bgp, BGP paths, router
      203.0.113.100/32 by 192.0.2.1 (best, internal), local preference 100  router/vtysh_show_ip_bgp:5"
  `);
  expect(ask({ kind: "route", family: 4, value: 0xcb000000n, len: 15 })).toMatchInlineSnapshot(`
    "bgp, BGP paths, node-1
      203.0.113.100/32 announced here (best), local preference 100  node-1/vtysh_show_ip_bgp:5
    frr, FRR's routes, router
      B>* 203.0.113.100/32 [200/0] via 192.0.2.1, eth0, weight 1, 00:00:20  router/vtysh_show_ip_route:3
      B>* 203.0.0.0/16 [20/0] via 192.0.2.9, eth0, weight 1, 00:00:20  router/vtysh_show_ip_route:4
      S 203.0.113.100/32 [250/0] via 192.0.2.7, eth0, weight 1, 00:00:20 (not selected)  router/vtysh_show_ip_route:5
    bgp, BGP paths, router
      203.0.113.100/32 by 192.0.2.1 (best, internal), local preference 100  router/vtysh_show_ip_bgp:5
      203.0.0.0/16 by 192.0.2.9 (best), local preference 100, AS path 65001  router/vtysh_show_ip_bgp:6
      0.0.0.0/0 by 192.0.2.9 (best), local preference 100, AS path 65001  router/vtysh_show_ip_bgp:7"
  `);
});

test("a line", () => {
  expect(ask({ kind: "line", file: "router/vtysh_show_ip_bgp", line: 5 })).toMatchInlineSnapshot(`
    "bgp, FRR, router
      BGP path: 203.0.113.100/32 by 192.0.2.1 (best, internal), local preference 100  router/vtysh_show_ip_bgp:5"
  `);
  expect(ask({ kind: "line", file: "node-2/vtysh_show_bgp_summary", line: 2 })).toMatchInlineSnapshot(`
    "bgp, FRR, node-2
      BGP peer 192.0.2.12 AS 64512: Idle (Admin)  node-2/vtysh_show_bgp_summary:2"
  `);
  expect(ask({ kind: "line", file: "router/vtysh_show_ip_bgp", line: 1 })).toBe("");
});
