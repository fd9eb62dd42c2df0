import type { FactKinds } from "@plumbline/model";
import { readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import frr from "../src/index.js";

function peers(name: string, text: string): string[] {
  const r = readInline(frr, `router/${name}`, text);
  const facts = r.facts.map((f) => {
    if (f.kind !== "frr.bgp-peer") return `${f.origin.line} ${f.kind}`;
    const p = f.data as FactKinds["frr.bgp-peer"];
    return `${f.origin.line} ${p.address} AS ${p.asn}: ${p.state}, ${p.received} received, ${p.sent} sent`;
  });
  return [...facts, ...r.problems.map((p) => `${p.severity} ${p.line}: ${p.message}`)];
}

test("the text: sessions that are up, down, shut, without policy, of a long address, and what is no peer", () => {
  expect(
    peers(
      "vtysh_show_bgp_summary",
      `
IPv4 Unicast Summary (VRF default):
BGP router identifier 192.0.2.12, local AS number 64512 vrf-id 0
BGP table version 5
Peers 3, using 70 KiB of memory

Neighbor        V         AS   MsgRcvd   MsgSent   TblVer  InQ OutQ  Up/Down State/PfxRcd   PfxSnt Desc
192.0.2.23      4      64512        13        15        5    0    0 00:00:19            1        1 node-1
node-2(192.0.2.24) 4   64512        13        15        5    0    0 00:00:19            0        1 N/A
192.0.2.25      4      64512        11        15        0    0    0 00:00:16       Active        0 N/A
192.0.2.26      4      64512         8        10        0    0    0 00:00:19 Idle (Admin)        0 FRRouting/10.3
192.0.2.27      4      65001         8        10        0    0    0 00:00:19     (Policy) (Policy) N/A
2001:db8:0:1::ffff:ffff
                4      64512         0         0        0    0    0    never      Connect        0 N/A
nonsense here

Total number of neighbors 6
`,
    ),
  ).toMatchInlineSnapshot(`
    [
      "8 192.0.2.23 AS 64512: Established, 1 received, 1 sent",
      "9 192.0.2.24 AS 64512: Established, 0 received, 1 sent",
      "10 192.0.2.25 AS 64512: Active, 0 received, 0 sent",
      "11 192.0.2.26 AS 64512: Idle (Admin), 0 received, 0 sent",
      "12 192.0.2.27 AS 65001: Established (Policy), -1 received, -1 sent",
      "14 2001:db8:0:1::ffff:ffff AS 64512: Connect, 0 received, 0 sent",
      "warning 15: not a peer of a BGP summary: 'nonsense here'",
    ]
  `);
});

test("JSON, by address family and without", () => {
  const peer = { remoteAs: 64512, pfxRcd: 2, pfxSnt: 1, state: "Established", peerState: "OK" };
  const down = { remoteAs: 64512, pfxRcd: 0, pfxSnt: 0, state: "Idle (Admin)", peerState: "Admin" };
  const text = (x: unknown) => JSON.stringify(x, null, 1);
  expect([
    ...peers(
      "vtysh_show_bgp_summary_json",
      text({ ipv4Unicast: { routerId: "192.0.2.12", peers: { "192.0.2.23": peer, "192.0.2.25": down } } }),
    ),
    ...peers("vtysh_show_ip_bgp_summary_json", text({ peers: { "192.0.2.23": { ...peer, peerState: "Policy" } } })),
    ...peers("vtysh_show_bgp_summary_json", "{ cut"),
  ]).toMatchInlineSnapshot(`
    [
      "5 192.0.2.23 AS 64512: Established, 2 received, 1 sent",
      "12 192.0.2.25 AS 64512: Idle (Admin), 0 received, 0 sent",
      "3 192.0.2.23 AS 64512: Established (Policy), 2 received, 1 sent",
      "error 0: not JSON: Expected property name or '}' in JSON at position 2",
    ]
  `);
});

test("a BGP table without a path is evidence of none", () => {
  const kinds = (name: string, text: string) => readInline(frr, `node-1/${name}`, text).facts.map((f) => f.kind);
  expect(kinds("vtysh_show_ip_bgp", "No BGP prefixes displayed, 0 exist\n")).toEqual(["frr.bgp-empty"]);
  expect(kinds("vtysh_show_ip_bgp_json", `{"vrfId":0,"routes":{}}`)).toEqual(["frr.bgp-empty"]);
});
