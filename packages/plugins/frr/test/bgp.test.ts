import { readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";

const HEAD =
  "BGP table version is 3, local router ID is 192.0.2.12, vrf id 0\nDefault local pref 100, local AS 64512\nStatus codes:  s suppressed, d damped\n\n";
const show = (text: string, path = "router/vtysh_show_ip_bgp") => {
  const r = readInline(plugin, path, text);
  return [
    ...r.facts.map((f) => {
      if (f.kind !== "frr.bgp-path") return `${f.origin.line} ${f.kind} ${JSON.stringify(f.data)}`;
      const d = f.data as { [k: string]: unknown };
      const flags = ["valid", "best", "multipath", "internal"].filter((k) => d[k]).join(" ");
      return `${f.origin.line} ${d.prefix} by ${d.nexthop}: ${flags}, pref ${d.localPref}, weight ${d.weight}, path '${d.asPath}'`;
    }),
    ...r.problems.map((p) => `${p.line} ${p.severity}: ${p.message}`),
  ].join("\n");
};

test("FRR up to 8.4: status in 3 columns, a long prefix on a line of its own, paths without a prefix", () => {
  expect(
    show(`${HEAD}   Network          Next Hop            Metric LocPrf Weight Path
*> 198.51.100.0/24  0.0.0.0                  0         32768 i
*=i203.0.113.100/32
                    192.0.2.25               0    100      0 i
*=i                 192.0.2.24               0    100      0 i
*>i                 192.0.2.23               0    100      0 i
   10.1.0.0/16      192.0.2.9              120             0 65001 65002 ?
*d 10.2.0.0/16      192.0.2.9                             0 65001 e

Displayed  4 routes and 6 total paths
`),
  ).toMatchInlineSnapshot(`
    "1 host.address-claim {"address":"192.0.2.12","why":"its BGP router ID"}
    6 198.51.100.0/24 by 0.0.0.0: valid best, pref 100, weight 32768, path ''
    7 203.0.113.100/32 by 192.0.2.25: valid multipath internal, pref 100, weight 0, path ''
    9 203.0.113.100/32 by 192.0.2.24: valid multipath internal, pref 100, weight 0, path ''
    10 203.0.113.100/32 by 192.0.2.23: valid best internal, pref 100, weight 0, path ''
    11 10.1.0.0/16 by 192.0.2.9: , pref 100, weight 0, path '65001 65002'
    12 10.2.0.0/16 by 192.0.2.9: valid, pref 100, weight 0, path '65001'"
  `);
});

test("FRR 8.5 to 10.0: a column of RPKI before the status", () => {
  expect(
    show(`${HEAD}    Network          Next Hop            Metric LocPrf Weight Path
 *> 198.51.100.0/24  0.0.0.0                  0         32768 i
V*>i203.0.113.0/24   192.0.2.23               0    100      0 i
 *=i                 192.0.2.24               0    100      0 i
   i10.0.0.0/8       192.0.2.77               0    200      0 i
`),
  ).toMatchInlineSnapshot(`
    "1 host.address-claim {"address":"192.0.2.12","why":"its BGP router ID"}
    6 198.51.100.0/24 by 0.0.0.0: valid best, pref 100, weight 32768, path ''
    7 203.0.113.0/24 by 192.0.2.23: valid best internal, pref 100, weight 0, path ''
    8 203.0.113.0/24 by 192.0.2.24: valid multipath internal, pref 100, weight 0, path ''
    9 10.0.0.0/8 by 192.0.2.77: internal, pref 200, weight 0, path ''"
  `);
});

test("FRR 10.1 and later: one more blank behind the status", () => {
  expect(
    show(`${HEAD}     Network          Next Hop            Metric LocPrf Weight Path
 *>  198.51.100.0/24  0.0.0.0                  0         32768 i
 *>i 203.0.113.100/32
                    192.0.2.23               0    100      0 i
 *=i                  192.0.2.24               0    100      0 i
 u   10.3.0.0/16      192.0.2.9                0             0 65001 i
  u  10.4.0.0/16      0.0.0.0                  0         32768 i

Displayed 2 routes and 4 total paths
`),
  ).toMatchInlineSnapshot(`
    "1 host.address-claim {"address":"192.0.2.12","why":"its BGP router ID"}
    6 198.51.100.0/24 by 0.0.0.0: valid best, pref 100, weight 32768, path ''
    7 203.0.113.100/32 by 192.0.2.23: valid best internal, pref 100, weight 0, path ''
    9 203.0.113.100/32 by 192.0.2.24: valid multipath internal, pref 100, weight 0, path ''
    10 10.3.0.0/16 by 192.0.2.9: , pref 100, weight 0, path '65001'
    11 10.4.0.0/16 by 0.0.0.0: , pref 100, weight 32768, path ''"
  `);
});

test("as people paste it: the heading shifted, no end", () => {
  expect(
    show(`${HEAD}    Network          Next Hop            Metric LocPrf Weight Path
*> 198.51.100.0/24  0.0.0.0                  0         32768 i
*=i203.0.113.100/32
                    192.0.2.25               0    100      0 i
*>i                 192.0.2.23               0    100      0 i`),
  ).toMatchInlineSnapshot(`
    "1 host.address-claim {"address":"192.0.2.12","why":"its BGP router ID"}
    6 198.51.100.0/24 by 0.0.0.0: valid best, pref 100, weight 32768, path ''
    7 203.0.113.100/32 by 192.0.2.25: valid multipath internal, pref 100, weight 0, path ''
    9 203.0.113.100/32 by 192.0.2.23: valid best internal, pref 100, weight 0, path ''"
  `);
});

test("IPv6 next hops push the numbers down; a host name in place of a next hop; a table that ends in the middle", () => {
  expect(
    show(
      `${HEAD}   Network          Next Hop            Metric LocPrf Weight Path
*>i2001:db8::/32    2001:db8:ffff::1
                                             0    100      0 65001 i
*>i2001:db8:1::/48  node-1                   0    100      0 i
*>i2001:db8:2::/48
`,
      "router/vtysh_show_bgp_ipv6_unicast",
    ),
  ).toMatchInlineSnapshot(`
    "1 host.address-claim {"address":"192.0.2.12","why":"its BGP router ID"}
    6 2001:db8::/32 by 2001:db8:ffff::1: valid best internal, pref 100, weight 0, path '65001'
    8 warning: a next hop that is not an address: 'node-1'
    0 warning: the BGP table ends in the middle of a path"
  `);
});

test("JSON tells the same as text", () => {
  const text = `${HEAD}     Network          Next Hop            Metric LocPrf Weight Path
 *>  198.51.100.0/24  0.0.0.0                  0         32768 i
 *>i 203.0.113.0/24   192.0.2.23               0    100      0 65001 i
 *=i                  192.0.2.24               0    100      0 65001 i
`;
  const json = `{"vrfId":0,"routerId":"192.0.2.12","defaultLocPrf":100,"localAS":64512,"routes":{
 "198.51.100.0/24":[{"valid":true,"bestpath":true,"pathFrom":"external","metric":0,"weight":32768,"path":"","origin":"IGP","nexthops":[{"ip":"0.0.0.0","afi":"ipv4","used":true}]}],
 "203.0.113.0/24":[{"valid":true,"bestpath":true,"multipath":true,"pathFrom":"internal","locPrf":100,"weight":0,"path":"65001","nexthops":[{"ip":"192.0.2.23","used":true}]},
  {"valid":true,"multipath":true,"pathFrom":"internal","locPrf":100,"weight":0,"path":"65001","nexthops":[{"ip":"192.0.2.24","used":true}]}]}}`;
  const data = (path: string, t: string) => readInline(plugin, path, t).facts.map((f) => f.data);
  expect(data("router/vtysh_show_ip_bgp_json", json)).toEqual(data("router/vtysh_show_ip_bgp", text));
  expect(show('{"routes": {', "router/vtysh_show_ip_bgp_json")).toContain("not JSON");
});
