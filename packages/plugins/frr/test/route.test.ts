import { readInline } from "@plumbline/plugin-sdk";
import { expect, test } from "vitest";
import plugin from "../src/index.js";

const show = (path: string, text: string) => {
  const r = readInline(plugin, path, text);
  return [
    ...r.facts.map((f) => `${f.origin.line} ${JSON.stringify(f.data)}`),
    ...r.problems.map((p) => `${p.line} ${p.severity}: ${p.message}`),
  ].join("\n");
};

const TABLE = `Codes: K - kernel route, C - connected, S - static, R - RIP,
       > - selected route, * - FIB route, q - queued, r - rejected, b - backup
       t - trapped, o - offload failure

IPv4 unicast VRF default:
K>* 0.0.0.0/0 [0/100] via 192.0.2.1, eth0, src 192.0.2.12, weight 1, 00:45:03
C>* 192.0.2.0/24 is directly connected, eth0, weight 1, 00:45:03
L>* 192.0.2.12/32 is directly connected, eth0, weight 1, 00:45:03
K * 192.0.2.0/24 [0/101] is directly connected, eth0, 00:45:03
B>* 203.0.113.100/32 [200/0] via 192.0.2.24, eth0, weight 1, 00:00:08
  *                           via 192.0.2.25, eth0, weight 3, 00:00:08
B>  10.0.0.0/8 [200/0] via 198.18.0.1 (recursive), weight 1, 00:00:10
  *                      via 192.0.2.9, eth0, weight 1, 00:00:10
S>* 10.9.0.0/16 [1/0] unreachable (blackhole), weight 1, 00:00:10
O[1]>* 10.7.0.0/16 [110/20] via 192.0.2.7, eth0 onlink, weight 1, 00:00:10
`;

test("the table", () => {
  expect(
    show(
      "router/vtysh_show_ip_route",
      `${TABLE}
VRF red:
C>* 198.51.100.0/24 is directly connected, eth9, 00:00:01
S>* 10.5.0.0/16 [1/0] by carrier pigeon
what is this
`,
    ),
  ).toMatchInlineSnapshot(`
    "6 {"family":4,"vrf":"default","prefix":"0.0.0.0/0","protocol":"kernel","selected":true,"fib":true,"distance":0,"metric":100,"nexthops":[{"weight":1,"onlink":false,"fib":true,"recursive":false,"blackhole":false,"via":"192.0.2.1","dev":"eth0"}]}
    7 {"family":4,"vrf":"default","prefix":"192.0.2.0/24","protocol":"connected","selected":true,"fib":true,"distance":0,"metric":0,"nexthops":[{"weight":1,"onlink":false,"fib":true,"recursive":false,"blackhole":false,"via":"","dev":"eth0"}]}
    8 {"family":4,"vrf":"default","prefix":"192.0.2.12/32","protocol":"local","selected":true,"fib":true,"distance":0,"metric":0,"nexthops":[{"weight":1,"onlink":false,"fib":true,"recursive":false,"blackhole":false,"via":"","dev":"eth0"}]}
    9 {"family":4,"vrf":"default","prefix":"192.0.2.0/24","protocol":"kernel","selected":false,"fib":true,"distance":0,"metric":101,"nexthops":[{"weight":1,"onlink":false,"fib":true,"recursive":false,"blackhole":false,"via":"","dev":"eth0"}]}
    10 {"family":4,"vrf":"default","prefix":"203.0.113.100/32","protocol":"bgp","selected":true,"fib":true,"distance":200,"metric":0,"nexthops":[{"weight":1,"onlink":false,"fib":true,"recursive":false,"blackhole":false,"via":"192.0.2.24","dev":"eth0"},{"weight":3,"onlink":false,"fib":true,"recursive":false,"blackhole":false,"via":"192.0.2.25","dev":"eth0"}]}
    12 {"family":4,"vrf":"default","prefix":"10.0.0.0/8","protocol":"bgp","selected":true,"fib":true,"distance":200,"metric":0,"nexthops":[{"weight":1,"onlink":false,"fib":true,"recursive":false,"blackhole":false,"via":"192.0.2.9","dev":"eth0"},{"weight":1,"onlink":false,"fib":false,"recursive":true,"blackhole":false,"via":"198.18.0.1","dev":""}]}
    14 {"family":4,"vrf":"default","prefix":"10.9.0.0/16","protocol":"static","selected":true,"fib":true,"distance":1,"metric":0,"nexthops":[{"weight":1,"onlink":false,"fib":true,"recursive":false,"blackhole":true,"via":"","dev":""}]}
    15 {"family":4,"vrf":"default","prefix":"10.7.0.0/16","protocol":"ospf","selected":true,"fib":true,"distance":110,"metric":20,"nexthops":[{"weight":1,"onlink":true,"fib":true,"recursive":false,"blackhole":false,"via":"192.0.2.7","dev":"eth0"}]}
    18 {"family":4,"vrf":"red","prefix":"198.51.100.0/24","protocol":"connected","selected":true,"fib":true,"distance":0,"metric":0,"nexthops":[{"weight":1,"onlink":false,"fib":true,"recursive":false,"blackhole":false,"via":"","dev":"eth9"}]}
    19 warning: a next hop that is not understood: 'S>* 10.5.0.0/16 [1/0] by carrier pigeon'
    20 warning: not a line of a route table: 'what is this'"
  `);
});

test("the details of one prefix", () => {
  expect(
    show(
      "router/vtysh_show_ip_route_203.0.113.100_32.txt",
      `Routing entry for 203.0.113.100/32
  Known via "static", distance 1, metric 0, best
  Last update 00:00:03 ago
  * 192.0.2.23, via eth0, weight 1

Routing entry for 203.0.113.100/32
  Known via "bgp", distance 200, metric 0
  Last update 00:10:03 ago
    198.18.0.1 (recursive), weight 1
  *   192.0.2.24, via eth0, weight 1

Routing entry for 192.0.2.0/24
  Known via "connected", distance 0, metric 0, best
  Last update 00:10:03 ago
  * directly connected, eth0
`,
    ),
  ).toMatchInlineSnapshot(`
    "1 {"family":4,"vrf":"default","prefix":"203.0.113.100/32","protocol":"static","selected":true,"fib":true,"distance":1,"metric":0,"nexthops":[{"via":"192.0.2.23","dev":"eth0","weight":1,"onlink":false,"fib":true,"recursive":false,"blackhole":false}]}
    6 {"family":4,"vrf":"default","prefix":"203.0.113.100/32","protocol":"bgp","selected":false,"fib":true,"distance":200,"metric":0,"nexthops":[{"via":"192.0.2.24","dev":"eth0","weight":1,"onlink":false,"fib":true,"recursive":false,"blackhole":false},{"via":"198.18.0.1","dev":"","weight":1,"onlink":false,"fib":false,"recursive":true,"blackhole":false}]}
    12 {"family":4,"vrf":"default","prefix":"192.0.2.0/24","protocol":"connected","selected":true,"fib":true,"distance":0,"metric":0,"nexthops":[{"via":"","dev":"eth0","weight":1,"onlink":false,"fib":true,"recursive":false,"blackhole":false}]}"
  `);
  expect(show("router/vtysh_show_ip_route_203.0.113.7_32", "% Network not in table\n")).toBe("");
});

test("JSON tells the same as text", () => {
  const text = TABLE.split("\n").slice(0, 11).join("\n");
  const hop = (ip: string, more = {}) => ({ fib: true, ip, interfaceName: "eth0", active: true, weight: 1, ...more });
  const connected = { fib: true, directlyConnected: true, interfaceName: "eth0", active: true, weight: 1 };
  const route = (protocol: string, distance: number, metric: number, nexthops: object[], selected = true) => ({
    protocol,
    vrfName: "default",
    selected,
    installed: true,
    distance,
    metric,
    nexthops,
  });
  const json = JSON.stringify({
    "0.0.0.0/0": [route("kernel", 0, 100, [hop("192.0.2.1")])],
    "192.0.2.0/24": [route("connected", 0, 0, [connected]), route("kernel", 0, 101, [connected], false)],
    "192.0.2.12/32": [route("local", 0, 0, [connected])],
    "203.0.113.100/32": [route("bgp", 200, 0, [hop("192.0.2.24"), hop("192.0.2.25", { weight: 3 })])],
  });
  // Order of routes and of keys aside.
  const data = (path: string, t: string) =>
    readInline(plugin, path, t)
      .facts.map((f) => f.data as { prefix: string; protocol: string })
      .sort((a, b) => `${a.prefix}${a.protocol}`.localeCompare(`${b.prefix}${b.protocol}`));
  expect(data("router/vtysh_show_ip_route_json", json)).toEqual(data("router/vtysh_show_ip_route", `${text}\n`));
});

test("what is claimed, and as what", () => {
  const claim = (path: string, text = "") => readInline(plugin, path, text).claim;
  expect(
    [
      "vtysh_show_ip_bgp",
      "vtysh_show_ip_bgp_json",
      "vtysh_-c_show_bgp_ipv4_unicast",
      "vtysh_show_ip_route",
      "vtysh_show_ip_route_json",
      "vtysh_show_ip_route_vrf_red",
      "vtysh_show_ipv6_route",
      "vtysh_show_ip_route_192.0.2.0_24.txt",
      "vtysh_show_ip_bgp_192.0.2.0_24",
      "vtysh_show_bgp_summary",
      "vtysh_show_running-config",
    ].map((f) => `${f}: ${JSON.stringify(claim(`router/${f}`))}`),
  ).toMatchInlineSnapshot(`
    [
      "vtysh_show_ip_bgp: {"score":0.9,"what":"FRR BGP table","form":10}",
      "vtysh_show_ip_bgp_json: {"score":0.9,"what":"FRR BGP table","form":0}",
      "vtysh_-c_show_bgp_ipv4_unicast: {"score":0.9,"what":"FRR BGP table","form":10}",
      "vtysh_show_ip_route: {"score":0.9,"what":"FRR routes","form":10}",
      "vtysh_show_ip_route_json: {"score":0.9,"what":"FRR routes","form":0}",
      "vtysh_show_ip_route_vrf_red: {"score":0.9,"what":"FRR routes of VRF red","form":10}",
      "vtysh_show_ipv6_route: {"score":0.9,"what":"FRR routes IPv6","form":10}",
      "vtysh_show_ip_route_192.0.2.0_24.txt: {"score":0.9,"what":"FRR route to 192.0.2.0/24","form":10}",
      "vtysh_show_ip_bgp_192.0.2.0_24: {"score":0.9,"what":"FRR BGP paths to 192.0.2.0/24","form":10}",
      "vtysh_show_bgp_summary: {"score":0.9,"what":"FRR BGP peers","form":10}",
      "vtysh_show_running-config: {"score":0.9,"what":"FRR configuration","form":20}",
    ]
  `);
  expect(claim("router/table.txt", TABLE)).toEqual({ score: 0.5, what: "FRR routes", form: 10 });
});
