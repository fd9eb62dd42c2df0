import { readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";

const show = (path: string, text: string) => {
  const r = readInline(plugin, path, text);
  return [
    ...r.facts.map((f) => `${f.origin.line} ${f.kind} ${JSON.stringify(f.data)}`),
    ...r.problems.map((p) => `${p.line} ${p.severity}: ${p.message}`),
  ].join("\n");
};

test("ip route show table all: every type, multipath, next hop objects, flags", () => {
  const text = `192.0.2.128/25 via 198.51.100.1 dev mp0 table 7 
default via 192.0.2.1 dev eth0 proto dhcp src 192.0.2.10 metric 48 
203.0.113.0/24 nhid 22 proto bgp metric 20 
	nexthop via 192.0.2.23 dev eth0 weight 1 
	nexthop via 192.0.2.24 dev eth0 weight 3 dead linkdown 
	nexthop via 192.0.2.25 dev eth0 weight 2 onlink 
203.0.113.7 nhid 9 proto static 
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.10 
blackhole 198.51.100.64/26 
unreachable 198.51.100.128/26 metric 4278198272 
prohibit 198.51.100.192/26 
throw 10.0.0.0/8 table 7 
10.9.0.0/16 via inet6 fe80::1 dev eth0 mtu lock 1400 
10.8.0.0/16 encap mpls 100 via 192.0.2.2 dev eth0 
local 192.0.2.10 dev eth0 table local proto kernel scope host src 192.0.2.10 
broadcast 192.0.2.255 dev eth0 table local proto kernel scope link src 192.0.2.10 
default via fe80::1 dev eth0 proto ra metric 1024 pref medium
2001:db8::/64 dev eth0 proto kernel metric 256 pref medium
multicast ff00::/8 dev eth0 table local proto kernel metric 256 pref medium
10.7.0.0/16 dev eth0 frobnicate
not a route
`;
  expect(show("node-1/ip_route_show_table_all", text)).toMatchInlineSnapshot(`
    "1 linux.route {"family":4,"table":"7","type":"unicast","prefix":"192.0.2.128/25","nexthops":[{"via":"198.51.100.1","dev":"mp0","weight":1,"onlink":false}],"src":"","metric":0,"proto":"","scope":"","mtu":0}
    2 linux.route {"family":4,"table":"main","type":"unicast","prefix":"0.0.0.0/0","nexthops":[{"via":"192.0.2.1","dev":"eth0","weight":1,"onlink":false}],"src":"192.0.2.10","metric":48,"proto":"dhcp","scope":"","mtu":0}
    3 linux.route {"family":4,"table":"main","type":"unicast","prefix":"203.0.113.0/24","nexthops":[{"via":"192.0.2.23","dev":"eth0","weight":1,"onlink":false},{"via":"192.0.2.25","dev":"eth0","weight":2,"onlink":true}],"src":"","metric":20,"proto":"bgp","scope":"","mtu":0,"nhid":22}
    7 linux.route-opaque {"family":4,"table":"main","prefix":"203.0.113.7/32","metric":0,"src":"","scope":"","proto":"static","why":"its next hop object 9 is not in evidence","nhid":9}
    8 linux.route {"family":4,"table":"main","type":"unicast","prefix":"192.0.2.0/24","nexthops":[{"via":"","dev":"eth0","weight":1,"onlink":false}],"src":"192.0.2.10","metric":0,"proto":"kernel","scope":"link","mtu":0}
    9 linux.route {"family":4,"table":"main","type":"blackhole","prefix":"198.51.100.64/26","nexthops":[],"src":"","metric":0,"proto":"","scope":"","mtu":0}
    10 linux.route {"family":4,"table":"main","type":"unreachable","prefix":"198.51.100.128/26","nexthops":[],"src":"","metric":4278198272,"proto":"","scope":"","mtu":0}
    11 linux.route {"family":4,"table":"main","type":"prohibit","prefix":"198.51.100.192/26","nexthops":[],"src":"","metric":0,"proto":"","scope":"","mtu":0}
    12 linux.route {"family":4,"table":"7","type":"throw","prefix":"10.0.0.0/8","nexthops":[],"src":"","metric":0,"proto":"","scope":"","mtu":0}
    13 linux.route {"family":4,"table":"main","type":"unicast","prefix":"10.9.0.0/16","nexthops":[{"via":"fe80::1","dev":"eth0","weight":1,"onlink":false}],"src":"","metric":0,"proto":"","scope":"","mtu":1400}
    14 linux.route-opaque {"family":4,"table":"main","prefix":"10.8.0.0/16","metric":0,"src":"","scope":"","proto":"","why":"the route encapsulates","nhid":0}
    15 linux.route {"family":4,"table":"local","type":"local","prefix":"192.0.2.10/32","nexthops":[{"via":"","dev":"eth0","weight":1,"onlink":false}],"src":"192.0.2.10","metric":0,"proto":"kernel","scope":"host","mtu":0}
    16 linux.route {"family":4,"table":"local","type":"broadcast","prefix":"192.0.2.255/32","nexthops":[{"via":"","dev":"eth0","weight":1,"onlink":false}],"src":"192.0.2.10","metric":0,"proto":"kernel","scope":"link","mtu":0}
    17 linux.route {"family":6,"table":"main","type":"unicast","prefix":"::/0","nexthops":[{"via":"fe80::1","dev":"eth0","weight":1,"onlink":false}],"src":"","metric":1024,"proto":"ra","scope":"","mtu":0}
    18 linux.route {"family":6,"table":"main","type":"unicast","prefix":"2001:db8::/64","nexthops":[{"via":"","dev":"eth0","weight":1,"onlink":false}],"src":"","metric":256,"proto":"kernel","scope":"","mtu":0}
    19 linux.route {"family":6,"table":"local","type":"multicast","prefix":"ff00::/8","nexthops":[{"via":"","dev":"eth0","weight":1,"onlink":false}],"src":"","metric":256,"proto":"kernel","scope":"","mtu":0}
    20 linux.route {"family":4,"table":"main","type":"unicast","prefix":"10.7.0.0/16","nexthops":[{"via":"","dev":"eth0","weight":1,"onlink":false}],"src":"","metric":0,"proto":"","scope":"","mtu":0}
    0 linux.routes-read {"family":0,"table":"all"}
    20 warning: 'frobnicate' of a route is not understood; the route is used without it
    21 warning: not a route: 'not a route'"
  `);
});

test("the JSON form tells the same", () => {
  const text = `default via 192.0.2.1 dev eth0 proto dhcp src 192.0.2.10 metric 48 mtu 1400
203.0.113.0/24 nhid 22 proto bgp metric 20
	nexthop via 192.0.2.23 dev eth0 weight 1
	nexthop via 192.0.2.24 dev eth0 weight 3
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.10
blackhole default metric 9
local 192.0.2.10 dev eth0 table local proto kernel scope host src 192.0.2.10
`;
  const json = `[{"dst":"default","gateway":"192.0.2.1","dev":"eth0","protocol":"dhcp","prefsrc":"192.0.2.10","metric":48,"metrics":[{"mtu":1400}],"flags":[]},
{"dst":"203.0.113.0/24","nhid":22,"protocol":"bgp","metric":20,"flags":[],"nexthops":[{"gateway":"192.0.2.23","dev":"eth0","weight":1,"flags":[]},{"gateway":"192.0.2.24","dev":"eth0","weight":3,"flags":[]}]},
{"dst":"192.0.2.0/24","dev":"eth0","protocol":"kernel","scope":"link","prefsrc":"192.0.2.10","flags":[]},
{"type":"blackhole","dst":"default","metric":9,"flags":[]},
{"type":"local","dst":"192.0.2.10","dev":"eth0","table":"local","protocol":"kernel","scope":"host","prefsrc":"192.0.2.10","flags":[]}]`;
  const data = (path: string, t: string) => readInline(plugin, path, t).facts.map((f) => f.data);
  expect(data("node-1/ip_-j_route_show_table_all", json)).toEqual(data("node-1/ip_route_show_table_all", text));
});

test("a single line, as people paste it, is a part of the table", () => {
  expect(show("node-1/ip_route_show.txt", "169.254.0.3 via 10.132.0.1 dev ovn-k8s-mp0\n")).toMatchInlineSnapshot(`
    "1 linux.route {"family":4,"table":"main","type":"unicast","prefix":"169.254.0.3/32","nexthops":[{"via":"10.132.0.1","dev":"ovn-k8s-mp0","weight":1,"onlink":false}],"src":"","metric":0,"proto":"","scope":"","mtu":0}
    1 linux.routes-partial {"family":4}"
  `);
});

test("which file of several wins, and what is evidence of its own", () => {
  const claim = (path: string) => {
    const c = readInline(plugin, path, "").claim;
    return c && `${c.form} ${c.what}`;
  };
  expect(
    [
      "ip_route_show_table_all",
      "ip_-j_-d_route_show_table_all",
      "ip_-j_route_show_table_all",
      "ip_route",
      "ip_-j_route",
      "ip_-6_route_show_table_all",
      "ip_route_show_table_7",
      "ip_route_show_192.0.2.0_24",
      "ip_route_get_192.0.2.1",
      "ip_route_show_cache",
      "ip_-d_link",
      "ip_-j_-d_-s_link",
      "ip_-s_link",
      "ip_-br_addr",
      "ip_netns",
    ].map((f) => `${f}: ${claim(`node-1/${f}`)}`),
  ).toMatchInlineSnapshot(`
    [
      "ip_route_show_table_all: 40 routes (ip route)",
      "ip_-j_-d_route_show_table_all: 32 routes (ip route)",
      "ip_-j_route_show_table_all: 30 routes (ip route)",
      "ip_route: 10 routes (ip route)",
      "ip_-j_route: 0 routes (ip route)",
      "ip_-6_route_show_table_all: 40 routes (ip -6 route)",
      "ip_route_show_table_7: 10 routes (ip route show table 7)",
      "ip_route_show_192.0.2.0_24: 10 routes (ip route show 192.0.2.0 24)",
      "ip_route_get_192.0.2.1: null",
      "ip_route_show_cache: null",
      "ip_-d_link: 30 interfaces (ip link)",
      "ip_-j_-d_-s_link: 19 interfaces (ip link)",
      "ip_-s_link: 9 interfaces (ip link)",
      "ip_-br_addr: -10 addresses (ip addr)",
      "ip_netns: null",
    ]
  `);
});

test("a table that was asked for by number, and a file whose name says nothing", () => {
  expect(show("node-1/ip_route_show_table_100", "default via 192.0.2.1 dev eth0\n")).toMatchInlineSnapshot(`
    "1 linux.route {"family":4,"table":"100","type":"unicast","prefix":"0.0.0.0/0","nexthops":[{"via":"192.0.2.1","dev":"eth0","weight":1,"onlink":false}],"src":"","metric":0,"proto":"","scope":"","mtu":0}
    0 linux.routes-read {"family":4,"table":"100"}"
  `);
  expect(readInline(plugin, "node-1/routes.out", "default via 192.0.2.1 dev eth0\n192.0.2.0/24 dev eth0 scope link\n").claim).toEqual({
    score: 0.4,
    what: "routes (ip route)",
    form: 10,
  });
});
