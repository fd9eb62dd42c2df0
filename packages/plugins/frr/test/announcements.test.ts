/** How far a node's announcement gets, by its configuration, its session and the peer's tables. */
import { parsePrefix, readFiles } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import { announcements } from "../src/announcements.js";
import frr from "../src/index.js";
import { applyPrefixList, applyRouteMap } from "../src/policy.js";

const CONFIG = (more: string, networks: string) => `router bgp 65000
 no bgp ebgp-requires-policy
 neighbor 192.0.2.12 remote-as 65000
${more} !
 address-family ipv4 unicast
${networks}  neighbor 192.0.2.12 route-map OUT out
 exit-address-family
exit
ip prefix-list P seq 5 permit 203.0.113.0/24 le 32
route-map OUT permit 10
 match ip address prefix-list P
exit
`;
const TABLE = (rows: string, id: string) =>
  `BGP table version is 1, local router ID is ${id}, vrf id 0\nDefault local pref 100, local AS 65000\n\n   Network          Next Hop            Metric LocPrf Weight Path\n${rows}`;
const SUMMARY = (peer: string, state: string) =>
  `Neighbor        V         AS   MsgRcvd   MsgSent   TblVer  InQ OutQ  Up/Down State/PfxRcd   PfxSnt Desc\n${peer.padEnd(15)} 4      65000        13        15        5    0    0 00:00:19 ${state.padStart(12)}        1 N/A\n`;
const OWN = "*> 203.0.113.7/32   0.0.0.0                  0         32768 i\n";

const FILES = {
  "n1/vtysh_show_running-config": CONFIG("", "  network 203.0.113.7/32\n"),
  "n1/vtysh_show_ip_bgp": TABLE(OWN, "192.0.2.1"),
  "n1/vtysh_show_bgp_summary": SUMMARY("192.0.2.12", "0"),
  "n2/vtysh_show_running-config": CONFIG(" neighbor 192.0.2.12 shutdown\n", "  network 203.0.113.7/32\n"),
  "n2/vtysh_show_ip_bgp": TABLE(OWN, "192.0.2.2"),
  "n2/vtysh_show_bgp_summary": SUMMARY("192.0.2.12", "Idle (Admin)"),
  "n3/vtysh_show_running-config": CONFIG("", ""),
  "n3/vtysh_show_ip_bgp": "No BGP prefixes displayed, 0 exist\n",
  "n3/vtysh_show_bgp_summary": SUMMARY("192.0.2.12", "0"),
  "router/vtysh_show_ip_bgp": TABLE("*>i203.0.113.7/32   192.0.2.1                0    100      0 i\n", "192.0.2.12"),
  "router/vtysh_show_ip_route":
    "Codes: K - kernel route, C - connected, B - BGP,\n\nB>* 203.0.113.7/32 [200/0] via 192.0.2.1, eth0, weight 1, 00:00:20\n",
};

function evidence() {
  const { facts } = readFiles([frr], FILES);
  for (const n of [1, 2, 3])
    facts.add({
      kind: "k8s.node",
      host: "",
      origin: { file: "nodes.yaml", line: n, text: `Node n${n}` },
      data: { name: `n${n}`, addresses: [`192.0.2.${n}`], annotations: {}, labels: {} },
    });
  return facts;
}

test("announced and used; shut down; not configured", () => {
  const steps = announcements(evidence(), parsePrefix("203.0.113.7")!);
  expect(steps.map((s) => `${s.node} to ${s.peer}: ${s.stage} ${s.is}: ${s.text} (${s.file}:${s.line})`)).toMatchInlineSnapshot(`
    [
      "n1 to 192.0.2.12: running true: network 203.0.113.7/32 (n1/vtysh_show_running-config:6)",
      "n1 to 192.0.2.12: session true: session with 192.0.2.12: Established (n1/vtysh_show_bgp_summary:2)",
      "n1 to 192.0.2.12: announced true: its best path, and nothing keeps it from 192.0.2.12 (n1/vtysh_show_ip_bgp:5)",
      "n1 to 192.0.2.12: received true: *>i203.0.113.7/32 192.0.2.1 0 100 0 i (router/vtysh_show_ip_bgp:5)",
      "n1 to 192.0.2.12: selected true: the best path (router/vtysh_show_ip_bgp:5)",
      "n1 to 192.0.2.12: installed true: in the FIB by 192.0.2.1 (router/vtysh_show_ip_route:3)",
      "n2 to 192.0.2.12: running true: network 203.0.113.7/32 (n2/vtysh_show_running-config:7)",
      "n2 to 192.0.2.12: session false: neighbor 192.0.2.12 shutdown: the session is Idle (Admin) (n2/vtysh_show_running-config:4)",
      "n2 to 192.0.2.12: announced false: follows from the above (n2/vtysh_show_running-config:4)",
      "n2 to 192.0.2.12: received false: its BGP table has no path to it by n2 (router/vtysh_show_ip_bgp:5)",
      "n2 to 192.0.2.12: selected false: no path, none selected (router/vtysh_show_ip_bgp:5)",
      "n2 to 192.0.2.12: installed false: its route does not lead to n2 (router/vtysh_show_ip_route:3)",
      "n3 to 192.0.2.12: running false: its configuration does not announce it (no network statement) (n3/vtysh_show_running-config:1)",
      "n3 to 192.0.2.12: session true: session with 192.0.2.12: Established (n3/vtysh_show_bgp_summary:2)",
      "n3 to 192.0.2.12: announced false: follows from the above (n3/vtysh_show_running-config:1)",
      "n3 to 192.0.2.12: received false: its BGP table has no path to it by n3 (router/vtysh_show_ip_bgp:5)",
      "n3 to 192.0.2.12: selected false: no path, none selected (router/vtysh_show_ip_bgp:5)",
      "n3 to 192.0.2.12: installed false: its route does not lead to n3 (router/vtysh_show_ip_route:3)",
    ]
  `);
});

test("policies: the first entry that fits, the lengths it allows, sequences in their order", () => {
  const facts = evidence();
  const list = (prefix: string) => applyPrefixList(facts, "n1", 4, "P", prefix).permit;
  expect([list("203.0.113.0/24"), list("203.0.113.7/32"), list("203.0.112.0/23"), list("198.51.100.0/24")]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(applyRouteMap(facts, "n1", "OUT", "198.51.100.0/24")).toMatchObject({
    permit: false,
    why: "no sequence of route map OUT takes 198.51.100.0/24",
  });
  expect(applyRouteMap(facts, "n1", "GONE", "198.51.100.0/24")).toMatchObject({ permit: false, why: "route map GONE is not there" });
});
