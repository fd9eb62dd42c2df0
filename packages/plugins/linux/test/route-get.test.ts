/** `openRoutes`: look-ups in routes as a host prints them; the answers are a kernel's. */
import { Interpreter } from "@plumbline/model";
import { expect, test } from "vitest";
import { openRoutes, type RouteFiles, type RouteSelectors } from "../src/route-get/index.js";

const ROUTES = `default via 192.0.2.1 dev eth0 proto dhcp metric 100
10.0.0.0/8 via 192.0.2.9 dev eth0 tos 0x10
10.0.0.0/8 proto bgp metric 20
	nexthop via 192.0.2.2 dev eth0 weight 1
	nexthop via 198.51.100.2 dev eth1 weight 3
blackhole 10.66.0.0/16
unreachable 10.67.0.0/16
prohibit 10.68.0.0/16
throw 10.69.0.0/16
192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.10
198.51.100.0/24 dev eth1 proto kernel scope link src 198.51.100.10
203.0.113.0/24 via 198.51.100.3 dev eth1 table 7 src 198.51.100.10
default dev eth1 table 8 scope link
local 192.0.2.10 dev eth0 table local proto kernel scope host src 192.0.2.10
broadcast 192.0.2.255 dev eth0 table local proto kernel scope link src 192.0.2.10
local 198.51.100.10 dev eth1 table local proto kernel scope host src 198.51.100.10
broadcast 198.51.100.255 dev eth1 table local proto kernel scope link src 198.51.100.10
local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1
`;
const RULES = `0:	from all lookup local
100:	from all fwmark 0x1/0xff lookup 7
110:	not from 192.0.2.0/24 iif eth0 goto 32766
120:	from all to 203.0.113.0/24 uidrange 1000-1999 prohibit
130:	from all lookup main suppress_prefixlength 0
140:	from all iif eth0 lookup 8
32766:	from all lookup main
32767:	from all lookup default
`;

function asker(files: RouteFiles, selectors: RouteSelectors = {}) {
  const layer = openRoutes(files, selectors);
  const machine = new Interpreter(layer.network);
  const ask = (line: string) => {
    const q = layer.ask(line);
    const { row, device, port, options } = q.run;
    return layer.text(layer.answer(q, machine.run(row, device, port, options)), q);
  };
  return { layer, ask };
}
const file = (name: string, text: string) => ({ file: name, text });

test("rules, tables, several next hops, types of routes", () => {
  const { layer, ask } = asker({ routes: [file("routes", ROUTES)], rules: [file("rules", RULES)] });
  expect(layer.problems).toEqual([]);
  const lines = [
    "10.1.1.1",
    "10.1.1.1 tos 0x10",
    "10.66.0.1",
    "10.67.0.1",
    "10.68.0.1",
    "10.69.0.1",
    "198.51.100.10",
    "198.51.100.255",
    "203.0.113.9 mark 0x101",
    "203.0.113.9 uid 1500",
    "203.0.113.9 from 192.0.2.77 iif eth0",
    "203.0.113.9 from 10.3.3.3 iif eth0",
    "203.0.113.9 from 198.51.100.10 iif eth0",
    "203.0.113.9 from 10.9.9.9",
    "8.8.8.8 oif eth1",
  ];
  expect(lines.map((l) => `> ${l}\n${ask(l)}`).join("\n")).toMatchInlineSnapshot(`
    "> 10.1.1.1
    10.1.1.1 via 192.0.2.2 dev eth0 src 192.0.2.10 uid 0 (weight 1, one of 2)
    10.1.1.1 via 198.51.100.2 dev eth1 src 198.51.100.10 uid 0 (weight 3, one of 2)
        rule 32766: from all lookup main
        routes:3: 10.0.0.0/8 proto bgp metric 20 nexthop via 192.0.2.2 dev eth0 weight 1 nexthop via 198.51.100.2 dev eth1 weight 3
    > 10.1.1.1 tos 0x10
    10.1.1.1 via 192.0.2.9 dev eth0 src 192.0.2.10 uid 0
        rule 32766: from all lookup main
        routes:2: 10.0.0.0/8 via 192.0.2.9 dev eth0 tos 0x10
    > 10.66.0.1
    RTNETLINK answers: Invalid argument
        blackhole
        rule 32766: from all lookup main
        routes:6: blackhole 10.66.0.0/16
    > 10.67.0.1
    RTNETLINK answers: No route to host
        unreachable
        rule 32766: from all lookup main
        routes:7: unreachable 10.67.0.0/16
    > 10.68.0.1
    RTNETLINK answers: Permission denied
        prohibit
        rule 32766: from all lookup main
        routes:8: prohibit 10.68.0.0/16
    > 10.69.0.1
    RTNETLINK answers: Network is unreachable
        no route to the destination
    > 198.51.100.10
    local 198.51.100.10 dev lo table local src 198.51.100.10 uid 0
        rule 0: from all lookup local
        routes:16: local 198.51.100.10 dev eth1 table local proto kernel scope host src 198.51.100.10
    > 198.51.100.255
    broadcast 198.51.100.255 dev eth1 table local src 198.51.100.10 uid 0
        rule 0: from all lookup local
        routes:17: broadcast 198.51.100.255 dev eth1 table local proto kernel scope link src 198.51.100.10
    > 203.0.113.9 mark 0x101
    203.0.113.9 via 198.51.100.3 dev eth1 table 7 src 198.51.100.10 mark 0x101 uid 0
        rule 100: from all fwmark 0x1/0xff lookup 7
        routes:12: 203.0.113.0/24 via 198.51.100.3 dev eth1 table 7 src 198.51.100.10
    > 203.0.113.9 uid 1500
    203.0.113.9 via 192.0.2.1 dev eth0 src 192.0.2.10 uid 1500
        rule 32766: from all lookup main
        routes:1: default via 192.0.2.1 dev eth0 proto dhcp metric 100
    > 203.0.113.9 from 192.0.2.77 iif eth0
    203.0.113.9 from 192.0.2.77 dev eth1 table 8 iif eth0
        rule 140: from all iif eth0 lookup 8
        routes:13: default dev eth1 table 8 scope link
    > 203.0.113.9 from 10.3.3.3 iif eth0
    203.0.113.9 from 10.3.3.3 via 192.0.2.1 dev eth0 iif eth0
        rule 32766: from all lookup main
        routes:1: default via 192.0.2.1 dev eth0 proto dhcp metric 100
    > 203.0.113.9 from 198.51.100.10 iif eth0
    RTNETLINK answers: Invalid argument
        martian source: an address of this host itself
        rule 32766: from all lookup main
        routes:1: default via 192.0.2.1 dev eth0 proto dhcp metric 100
    > 203.0.113.9 from 10.9.9.9
    RTNETLINK answers: Network is unreachable
        the source is no address of this host
    > 8.8.8.8 oif eth1
    8.8.8.8 dev eth1 src 198.51.100.10 uid 0
        no route by this interface: taken to be on its link"
  `);
});

test("where nobody added a rule, local and main are one: the longer prefix of main goes first", () => {
  const routes = `${ROUTES}local 10.70.0.0/16 dev lo table local proto static scope host\n10.70.1.0/24 via 192.0.2.5 dev eth0\n`;
  const plain = asker({ routes: [file("routes", routes)] });
  expect(plain.ask("10.70.1.1").split("\n")[0]).toBe("10.70.1.1 via 192.0.2.5 dev eth0 src 192.0.2.10 uid 0");
  expect(plain.ask("10.70.2.1").split("\n")[0]).toBe("local 10.70.2.1 dev lo src 10.70.2.1 uid 0");
  const split = asker({ routes: [file("routes", routes)], rules: [file("rules", RULES)] });
  expect(split.ask("10.70.1.1").split("\n")[0]).toBe("local 10.70.1.1 dev lo table local src 10.70.1.1 uid 0");
});

test("reverse path filters: strict, loose; own addresses; forwarding off", () => {
  const sysctl = "net.ipv4.ip_forward = 1\nnet.ipv4.conf.eth1.rp_filter = 1\nnet.ipv4.conf.eth0.rp_filter = 2\n";
  const { ask } = asker({ routes: [file("routes", ROUTES)], sysctl: [file("sysctl", sysctl)] });
  const said = (l: string) => ask(l).split("\n").slice(0, 2).join(" ").replace(/\s+/g, " ");
  expect([
    said("192.0.2.5 from 198.51.100.7 iif eth1"),
    said("192.0.2.5 from 192.0.2.7 iif eth1"),
    said("198.51.100.5 from 198.51.100.7 iif eth0"),
    said("198.51.100.5 from 10.66.0.1 iif eth0"),
    said("198.51.100.5 from 198.51.100.10 iif eth0"),
  ]).toMatchInlineSnapshot(`
    [
      "192.0.2.5 from 198.51.100.7 dev eth0 iif eth1 rule 32766: from all lookup main",
      "RTNETLINK answers: Invalid argument martian source: the way back to it is by another interface (rp_filter of eth1 is 1)",
      "198.51.100.5 from 198.51.100.7 dev eth1 iif eth0 rule 32766: from all lookup main",
      "RTNETLINK answers: Invalid argument martian source: no way back to it (rp_filter of eth0 is 2)",
      "RTNETLINK answers: Invalid argument martian source: an address of this host itself",
    ]
  `);
  const off = asker({ routes: [file("routes", ROUTES)], sysctl: [file("sysctl", "net.ipv4.conf.eth1.forwarding = 0\n")] });
  expect(off.ask("192.0.2.5 from 198.51.100.7 iif eth1").split("\n").slice(0, 2)).toEqual([
    "RTNETLINK answers: No route to host",
    "    forwarding is off on eth1",
  ]);
});

test("IPv6: preference, routes for certain sources, the source address by its scope", () => {
  const routes = `2001:db8:1::/64 dev eth0 proto kernel metric 256 pref medium
2001:db8:2::/64 dev eth1 proto kernel metric 256 pref medium
fe80::/64 dev eth0 proto kernel metric 256 pref medium
fe80::/64 dev eth1 proto kernel metric 256 pref medium
2001:db8:9::/48 via 2001:db8:1::9 dev eth0 metric 1024 pref low
2001:db8:9::/48 via 2001:db8:2::9 dev eth1 metric 1024 pref high
2001:db8:8::/48 from 2001:db8:2::/64 via 2001:db8:2::8 dev eth1 metric 1024 pref medium
default via fe80::1 dev eth0 metric 1024 pref medium
local 2001:db8:1::10 dev eth0 table local proto kernel metric 0 pref medium
local 2001:db8:2::10 dev eth1 table local proto kernel metric 0 pref medium
local fe80::10 dev eth0 table local proto kernel metric 0 pref medium
`;
  const { ask } = asker({ routes: [file("routes", routes)] });
  expect(
    ["2001:db8:9::1", "2001:db8:8::1", "2001:db8:8::1 from 2001:db8:2::10", "fe80::77 oif eth0", "2001:db8:1::10"].map(ask).join("\n"),
  ).toMatchInlineSnapshot(`
    "2001:db8:9::1 via 2001:db8:2::9 dev eth1 src 2001:db8:2::10 uid 0
        rule 32766: from all lookup main
        routes:6: 2001:db8:9::/48 via 2001:db8:2::9 dev eth1 metric 1024 pref high
    2001:db8:8::1 via fe80::1 dev eth0 src 2001:db8:1::10 uid 0
        rule 32766: from all lookup main
        routes:8: default via fe80::1 dev eth0 metric 1024 pref medium
    2001:db8:8::1 from 2001:db8:2::10 via 2001:db8:2::8 dev eth1 src 2001:db8:2::10 uid 0
        rule 32766: from all lookup main
        routes:7: 2001:db8:8::/48 from 2001:db8:2::/64 via 2001:db8:2::8 dev eth1 metric 1024 pref medium
    fe80::77 dev eth0 src fe80::10 uid 0
        rule 32766: from all lookup main
        routes:3: fe80::/64 dev eth0 proto kernel metric 256 pref medium
    local 2001:db8:1::10 dev lo table local src 2001:db8:1::10 uid 0
        rule 0: from all lookup local
        routes:9: local 2001:db8:1::10 dev eth0 table local proto kernel metric 0 pref medium"
  `);
});

test("a table of a VRF, from what -d tells of the interfaces; a question that cannot be used", () => {
  const addresses = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default
    inet 127.0.0.1/8 scope host lo
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master red state UP group default
    link/ether 52:54:00:00:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 0
    vrf_slave table 10 addrgenmode eui64
    inet 192.0.2.10/24 scope global eth0
3: red: <NOARP,MASTER,UP,LOWER_UP> mtu 65575 qdisc noqueue state UP group default
    link/ether 52:54:00:00:00:03 brd ff:ff:ff:ff:ff:ff promiscuity 0
    vrf table 10 addrgenmode eui64
4: eth1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default
    inet 198.51.100.10/24 scope global eth1
`;
  const routes = `default via 198.51.100.1 dev eth1
198.51.100.0/24 dev eth1 proto kernel scope link src 198.51.100.10
default via 192.0.2.1 dev eth0 table 10
192.0.2.0/24 dev eth0 table 10 proto kernel scope link src 192.0.2.10
local 192.0.2.10 dev eth0 table 10 proto kernel scope host src 192.0.2.10
local 198.51.100.10 dev eth1 table local proto kernel scope host src 198.51.100.10
`;
  const rules =
    "0:\tfrom all lookup local\n1000:\tfrom all lookup [l3mdev-table]\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n";
  const { ask, layer } = asker({ routes: [file("routes", routes)], rules: [file("rules", rules)], addresses: [file("addr", addresses)] });
  expect(
    ["10.1.1.1", "10.1.1.1 vrf red", "10.1.1.1 from 192.0.2.7 iif eth0", "192.0.2.10 vrf red"].map((l) => ask(l).split("\n")[0]),
  ).toMatchInlineSnapshot(`
    [
      "10.1.1.1 via 198.51.100.1 dev eth1 src 198.51.100.10 uid 0",
      "10.1.1.1 via 192.0.2.1 dev eth0 table 10 src 192.0.2.10 uid 0",
      "10.1.1.1 from 192.0.2.7 via 192.0.2.1 dev eth0 table 10 iif eth0",
      "local 192.0.2.10 dev red table 10 src 192.0.2.10 uid 0",
    ]
  `);
  expect(() => layer.ask("10.1.1.1 iif eth7")).toThrow("there is no interface 'eth7'");
  expect(() => layer.ask("10.1.1.1 colour red")).toThrow("'colour' is not understood");
  expect(() => layer.ask("example.com")).toThrow("is not an address");
});

test("the source of what came in is checked as each of several next hops", () => {
  const { layer, ask } = asker({
    routes: [
      file(
        "routes",
        `20.0.0.0/24
	nexthop via 10.1.0.9 dev e1 weight 1
	nexthop via 10.2.0.9 dev e2 weight 1
10.0.0.0/24 dev e0 proto kernel scope link src 10.0.0.1
10.1.0.0/24 dev e1 proto kernel scope link src 10.1.0.1
10.2.0.0/24 dev e2 proto kernel scope link src 10.2.0.1
local 10.0.0.0/24 dev lo table 100 scope host
`,
      ),
    ],
    rules: [
      file(
        "rules",
        `0:	from all lookup local
100:	from all iif e2 lookup 100
32766:	from all lookup main
32767:	from all lookup default
`,
      ),
    ],
  });
  expect(layer.problems).toEqual([]);
  expect(ask("20.0.0.1 from 10.0.0.7 iif e0")).toMatchInlineSnapshot(`
    "20.0.0.1 from 10.0.0.7 via 10.1.0.9 dev e1 iif e0 (weight 1, one of 2)
    20.0.0.1 from 10.0.0.7 via 10.2.0.9 dev e2 iif e0 (weight 1, one of 2: Invalid argument where it is taken)
        rule 32766: from all lookup main
        routes:1: 20.0.0.0/24 nexthop via 10.1.0.9 dev e1 weight 1 nexthop via 10.2.0.9 dev e2 weight 1"
  `);
});
