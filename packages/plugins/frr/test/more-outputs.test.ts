/** Paths in detail, routes of one neighbour, neighbours, BFD, configurations and dump_frr, as FRR 8.4 and 10.3 print them. */
import { readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import frr from "../src/index.js";

const read = (command: string, text: string) => {
  const r = readInline(frr, `router/${command.replace(/[ /]/g, "_")}`, text, { host: "router", command });
  return [
    ...r.facts.map((f) => `${f.origin.line} ${f.kind} ${JSON.stringify(f.data)}`),
    ...r.problems.map((p) => `${p.line} ${p.severity}: ${p.message}`),
  ].join("\n");
};

test("one prefix in detail: to whom it is sent, what is usable, communities", () => {
  const text = `BGP routing table entry for 203.0.113.1/32, version 4
Paths: (2 available, best #1, table default)
  Advertised to non peer-group peers:
  C(198.51.100.3) 192.0.2.9
  65001 65001
    192.0.2.2 from 192.0.2.2 (192.0.2.2)
      Origin IGP, metric 77, localpref 100, valid, external, multipath, best (Neighbor IP)
      Community: 65001:7 no-export
      Last update: Sun Nov 22 16:22:05 2026
  Local
    192.0.2.77 (inaccessible) from 192.0.2.2 (192.0.2.2)
      Origin incomplete, metric 0, localpref 100, invalid, internal
      Last update: Sun Nov 22 16:22:05 2026
`;
  expect(read("vtysh show bgp ipv4 unicast 203.0.113.1/32", text)).toMatchInlineSnapshot(
    `"1 frr.bgp-detail {"prefix":"203.0.113.1/32","advertisedTo":["198.51.100.3","192.0.2.9"],"paths":[{"nexthop":"192.0.2.2","from":"192.0.2.2","valid":true,"best":true,"multipath":true,"internal":false,"localPref":100,"metric":77,"weight":0,"asPath":"65001 65001","origin":"IGP","communities":["65001:7","no-export"],"why":""},{"nexthop":"192.0.2.77","from":"192.0.2.2","valid":false,"best":false,"multipath":false,"internal":true,"localPref":100,"metric":0,"weight":0,"asPath":"","origin":"incomplete","communities":[],"why":"inaccessible"}]}"`,
  );
  expect(
    read(
      "vtysh show ip bgp detail",
      "   Network          Next Hop            Metric LocPrf Weight Path\n  Local\n    192.0.2.2 from 0.0.0.0 (192.0.2.1)\n",
    ),
  ).toMatchInlineSnapshot(`"3 warning: the paths of this output do not tell their prefix"`);
});

test("routes of one neighbour, wide, and a neighbour that is not there", () => {
  const text = `BGP table version is 5, local router ID is 192.0.2.1, vrf id 0
Default local pref 100, local AS 65000

   Network                                      Next Hop                                  Metric LocPrf Weight Path
*> 10.7.0.0/16                                  192.0.2.2                                      0    100  32768 ?
*> 2001:db8:bbbb:cccc:dddd:eeee:ffff:1111/128   2001:db8:1::2                                  0             0 65001 i

Total number of prefixes 2
`;
  expect(read("vtysh show bgp ipv4 unicast neighbors 192.0.2.2 advertised-routes", text)).toMatchInlineSnapshot(`
    "5 frr.neighbour-route {"neighbour":"192.0.2.2","direction":"advertised","prefix":"10.7.0.0/16","nexthop":"192.0.2.2","localPref":100,"weight":32768,"asPath":""}
    6 frr.neighbour-route {"neighbour":"192.0.2.2","direction":"advertised","prefix":"2001:db8:bbbb:cccc:dddd:eeee:ffff:1111/128","nexthop":"2001:db8:1::2","localPref":100,"weight":0,"asPath":"65001"}
    1 frr.neighbour-routes-read {"neighbour":"192.0.2.2","direction":"advertised","family":4}"
  `);
  expect(read("vtysh show bgp ipv4 unicast neighbors 192.0.2.9 received-routes", "No such neighbor in this view/vrf\n")).toBe(
    "1 info: the list was not given: No such neighbor in this view/vrf",
  );
});

test("a number line of its own, as FRR 10 indents it", () => {
  const text = `BGP table version is 6, local router ID is 10.0.0.1, vrf id 0
Default local pref 100, local AS 65000

     Network          Next Hop            Metric LocPrf Weight Path
 *>  fd00::/8         fe80::5496:e7ff:fe13:7fa1
                                             0             0 65001 i
`;
  expect(read("vtysh show bgp ipv6 unicast", text).split("\n").at(-1)).toBe(
    '5 frr.bgp-path {"prefix":"fd00::/8","nexthop":"fe80::5496:e7ff:fe13:7fa1","valid":true,"best":true,"multipath":false,"internal":false,"localPref":100,"weight":0,"asPath":"65001"}',
  );
});

test("neighbours and BFD, long and brief", () => {
  const text = `BGP neighbor is 192.0.2.2, remote AS 65000, local AS 65000, internal link
 Description: the other
Hostname: B
  BGP version 4, remote router ID 192.0.2.2, local router ID 192.0.2.1
  BGP state = Active

 For address family: IPv4 Unicast
  Route map for outgoing advertisements is *OUT
  Incoming update prefix filter list is *IN
  2 accepted prefixes

  Connections established 1; dropped 1
  Last reset 00:00:17,  Notification received (Cease/Administrative Shutdown) (FRRouting/10.3)
Local host: 192.0.2.1, Local port: 179

  BFD: Type: single hop
  Status: Down, Last update: 0:00:00:14
`;
  expect(read("vtysh show bgp neighbors", text)).toMatchInlineSnapshot(
    `"1 frr.neighbour {"address":"192.0.2.2","remoteAs":65000,"localAs":65000,"internal":true,"description":"the other","hostname":"B","state":"Active","remoteId":"192.0.2.2","localAddress":"192.0.2.1","lastReset":"Notification received (Cease/Administrative Shutdown)","bfd":"Down","families":[{"name":"IPv4 Unicast","accepted":2,"routeMapIn":"","routeMapOut":"OUT","prefixListIn":"IN","prefixListOut":""}]}"`,
  );
  const bfd =
    "BFD Peers:\n\tpeer 198.51.100.3 local-address 198.51.100.1 vrf default interface ac\n\t\tStatus: down\n\t\tDiagnostics: control detection time expired\n\t\tRemote diagnostics: ok\n";
  const brief =
    "Session count: 1\nSessionId  LocalAddress  PeerAddress  Status\n=========  ====  ====  ====\n3857940736 198.51.100.1                             198.51.100.3                            up             \n";
  expect([read("vtysh show bfd peers", bfd), read("vtysh show bfd peers brief", brief)].join("\n")).toMatchInlineSnapshot(`
    "2 frr.bfd-peer {"peer":"198.51.100.3","local":"198.51.100.1","vrf":"default","interface":"ac","multihop":false,"status":"down","diagnostic":"control detection time expired","remoteDiagnostic":"ok"}
    4 frr.bfd-peer {"peer":"198.51.100.3","local":"198.51.100.1","vrf":"default","interface":"","multihop":false,"status":"up","diagnostic":"","remoteDiagnostic":""}"
  `);
});

const CONFIG = `frr version 8.4.4
ip prefix-list P seq 5 permit 203.0.113.0/24 le 32
ip prefix-list P seq 10 deny any
route-map OUT permit 10
 match ip address prefix-list P
 set community 65000:1 no-export
exit
route-map OUT deny 20
exit
router bgp 65000
 bgp router-id 192.0.2.1
 no bgp ebgp-requires-policy
 neighbor nodes peer-group
 neighbor nodes remote-as 65000
 neighbor 192.0.2.2 peer-group nodes
 neighbor 192.0.2.2 shutdown
 !
 address-family ipv4 unicast
  network 203.0.113.7/32
  neighbor nodes activate
  neighbor nodes route-map OUT out
  maximum-paths ibgp 4
 exit-address-family
exit
`;

test("a configuration", () => {
  expect(read("vtysh show running-config", CONFIG)).toMatchInlineSnapshot(`
    "4 frr.route-map {"name":"OUT","seq":10,"permit":true,"match":["ip address prefix-list P"],"set":["community 65000:1 no-export"],"call":"","onMatch":""}
    8 frr.route-map {"name":"OUT","seq":20,"permit":false,"match":[],"set":[],"call":"","onMatch":""}
    10 frr.config-router {"asn":"65000","vrf":"default","routerId":"192.0.2.1","ebgpRequiresPolicy":false,"importCheck":true,"defaultIpv4":true,"neighbours":[{"name":"nodes","remoteAs":"65000","peerGroup":"","description":"","shutdown":false,"bfd":false,"ebgpMultihop":false,"families":{"ipv4 unicast":{"activate":true,"routeMapIn":"","routeMapOut":"OUT","prefixListIn":"","prefixListOut":"","maximumPrefix":0}},"line":13,"text":"neighbor nodes peer-group"},{"name":"192.0.2.2","remoteAs":"","peerGroup":"nodes","description":"","shutdown":true,"bfd":false,"ebgpMultihop":false,"families":{},"line":15,"text":"neighbor 192.0.2.2 peer-group nodes","shutdownLine":16}],"families":{"ipv4 unicast":{"networks":[{"prefix":"203.0.113.7/32","routeMap":"","line":19,"text":"network 203.0.113.7/32"}],"redistribute":[],"aggregates":[],"maximumPaths":0,"maximumPathsIbgp":4}}}
    2 frr.prefix-list {"family":4,"name":"P","entries":[{"seq":5,"permit":true,"prefix":"203.0.113.0/24","ge":0,"le":32,"line":2,"text":"ip prefix-list P seq 5 permit 203.0.113.0/24 le 32"},{"seq":10,"permit":false,"prefix":"0.0.0.0/0","ge":0,"le":32,"line":3,"text":"ip prefix-list P seq 10 deny any"}]}
    0 frr.config-read {}"
  `);
});

test("dump_frr: sections, with the lines of the whole file", () => {
  const dump = `###### show running-config
${CONFIG}
###### show bgp ipv4
BGP table version is 1, local router ID is 192.0.2.1, vrf id 0
Default local pref 100, local AS 65000

   Network          Next Hop            Metric LocPrf Weight Path
*> 203.0.113.7/32   0.0.0.0                  0         32768 i

###### show bgp neighbor
BGP neighbor is 192.0.2.2, remote AS 65000, local AS 65000, internal link
  BGP state = Idle (Admin)
###### show bfd peer
BFD Peers:
###### show wonders
`;
  const r = readInline(frr, "namespaces/openshift-frr-k8s/pods/frr-k8s-1/frr/frr/logs/dump_frr", dump);
  const lines = r.facts.map((f) => `${f.origin.line} ${f.kind}`);
  expect([...lines, ...r.problems.map((p) => `${p.line} ${p.message}`)]).toMatchInlineSnapshot(`
    [
      "5 frr.route-map",
      "9 frr.route-map",
      "11 frr.config-router",
      "3 frr.prefix-list",
      "1 frr.config-read",
      "28 host.address-claim",
      "32 frr.bgp-path",
      "35 frr.neighbour",
      "39 the section 'show wonders' is not read",
    ]
  `);
  const router = r.facts.find((f) => f.kind === "frr.config-router")!.data as { neighbours: { shutdownLine?: number }[] };
  expect(dump.split("\n")[router.neighbours[1]!.shutdownLine! - 1]).toBe(" neighbor 192.0.2.2 shutdown");
});
