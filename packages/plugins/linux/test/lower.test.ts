import { expect, test } from "vitest";
import { build as buildFiles, type Cable, frrRoute, walk } from "./walk.js";

const link = (n: number, name: string, mac: string, addresses: readonly string[]) =>
  `${n}: ${name}: <BROADCAST,UP> mtu 1500 state UP
    link/ether ${mac} brd ff:ff:ff:ff:ff:ff
${addresses.map((a) => `    inet ${a} scope global ${name}\n`).join("")}`;
const LO = "1: lo: <LOOPBACK,UP> mtu 65536\n    link/loopback 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n";
const SS = "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port\n";

/** client (192.0.2.2) - router (192.0.2.1, 198.51.100.1) - two servers (198.51.100.11, .12), which both have 203.0.113.80. */
const FILES: Record<string, string> = {
  "client/ip_addr": LO + link(2, "eth0", "52:54:00:00:00:02", ["192.0.2.2/24"]),
  "client/ip_route":
    "default via 192.0.2.1 dev eth0\n192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.2\nunreachable 198.18.0.0/15\n",
  "client/ip_neigh": "192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 STALE\n",
  "router/ip_addr": LO + link(2, "lan", "52:54:00:00:00:01", ["192.0.2.1/24"]) + link(3, "dmz", "52:54:00:00:01:01", ["198.51.100.1/24"]),
  "router/ip_route_show_table_all": `192.0.2.0/24 dev lan proto kernel scope link src 192.0.2.1
198.51.100.0/24 dev dmz proto kernel scope link src 198.51.100.1
203.0.113.80 nhid 9 proto bgp metric 20
	nexthop via 198.51.100.11 dev dmz weight 1
	nexthop via 198.51.100.12 dev dmz weight 1
blackhole 203.0.113.0/28
prohibit 203.0.113.16/28
throw 10.0.0.0/8 table 7
blackhole 10.2.0.0/16 table 8
10.0.0.0/8 via 198.51.100.11 dev dmz
local 192.0.2.1 dev lan table local proto kernel scope host src 192.0.2.1
local 198.51.100.1 dev dmz table local proto kernel scope host src 198.51.100.1
broadcast 192.0.2.255 dev lan table local proto kernel scope link src 192.0.2.1
`,
  "router/ip_rule":
    "0:	from all lookup local\n10:	from all iif lan lookup 7\n20:	not from 192.0.2.0/24 lookup 8\n32766:	from all lookup main\n",
  "router/ip_neigh": "198.51.100.11 dev dmz lladdr 52:54:00:00:01:11 REACHABLE\n192.0.2.2 dev lan FAILED\n",
  "router/sysctl_net.ipv4": "net.ipv4.conf.lan.forwarding = 1\nnet.ipv4.ip_forward = 1\n",
  "router/ss_-tulpn": `${SS}tcp   LISTEN 0      9      0.0.0.0:179       0.0.0.0:*\n`,
  "s1/ip_addr": LO + link(2, "eth0", "52:54:00:00:01:11", ["198.51.100.11/24", "203.0.113.80/32"]),
  "s1/ip_route": "default via 198.51.100.1 dev eth0\n198.51.100.0/24 dev eth0 proto kernel scope link src 198.51.100.11\n",
  "s1/sysctl_net": "net.ipv4.ip_forward = 0\n",
  "s1/ss_-tulpn": `${SS}tcp   LISTEN 0      9      0.0.0.0:80       0.0.0.0:*\nudp   UNCONN 0      0      203.0.113.80:53       0.0.0.0:*\n`,
};
const BGP = [
  frrRoute("bgp 203.0.113.80/32 via 198.51.100.11 dmz, 198.51.100.12 dmz", 9),
  frrRoute("connected 198.51.100.0/24 via - dmz", 11),
];
const build = (files: Record<string, string>, cables: readonly Cable[] = []) =>
  buildFiles(files, cables, () => [], files === FILES ? BGP : []);
const CABLES: readonly Cable[] = [["client:eth0", "router:lan"]];
/** The servers' side as one wire from the router to s1. */
const DMZ: readonly Cable[] = [...CABLES, ["router:dmz", "s1:eth0"]];

test("devices and ports", () => {
  const { net, problems } = build(FILES, DMZ);
  expect(problems).toEqual([]);
  expect(net.devices.map((d) => `${d.kind} ${d.name}: ${d.ports.map((p) => `${p.number} ${p.name}`).join(", ")}`)).toMatchInlineSnapshot(`
    [
      "host client: 1 lo, 2 eth0",
      "router router: 1 lo, 2 lan, 3 dmz",
      "host s1: 1 lo, 2 eth0",
    ]
  `);
  expect(net.findDevice("s1")!.ports[1].attachment).toMatchInlineSnapshot(`
    {
      "addresses": [
        {
          "address": "198.51.100.11",
          "prefixLen": 24,
        },
        {
          "address": "203.0.113.80",
          "prefixLen": 32,
        },
      ],
      "host": "s1",
      "ifindex": 2,
      "internal": false,
      "kind": "netdev",
      "linkNetns": "",
      "mac": "52:54:00:00:01:11",
      "master": "",
      "name": "eth0",
      "peerIndex": 0,
      "up": true,
    }
  `);
});

test("through the router by FRR's route to a listener; the neighbour entry where there is one", () => {
  expect(walk(build(FILES, DMZ), "client", "tcp > 203.0.113.80:80")).toMatchInlineSnapshot(`
    "client: from a socket, tcp 0.0.0.0:4000 > 203.0.113.80:80 flags 2 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: default via 192.0.2.1 dev eth0
      neighbours: 192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 STALE
    [1] router: in lan, tcp 192.0.2.2:4000 > 203.0.113.80:80 flags 2 ttl 64
    [1]   ip rule: 0: from all lookup local
    [1]   ip rule: 10: from all iif lan lookup 7
    [1]   ip rule: 20: not from 192.0.2.0/24 lookup 8
    [1]   ip rule: 32766: from all lookup main
    [1]   main: bgp 203.0.113.80/32 via 198.51.100.11 dmz, 198.51.100.12 dmz
    [1]   takes option 1 of 2
    [1]   forwarding: net.ipv4.conf.lan.forwarding = 1
    [1]   neighbours: 198.51.100.11 dev dmz lladdr 52:54:00:00:01:11 REACHABLE
    [2] s1: in eth0, tcp 192.0.2.2:4000 > 203.0.113.80:80 flags 2 ttl 63
    [2]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [2]   local: inet 203.0.113.80/32 scope global eth0 (inferred: follows from the address; the local route table is not in evidence)
    [2]   sockets: tcp LISTEN 0 9 0.0.0.0:80 0.0.0.0:*
    [2]   local: tcp socket"
  `);
});

test("the other next hop: nobody on a wire that is wholly known has its address", () => {
  expect(walk(build(FILES, DMZ), "client", "tcp > 203.0.113.80:80", [1])).toMatchInlineSnapshot(`
    "client: from a socket, tcp 0.0.0.0:4000 > 203.0.113.80:80 flags 2 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: default via 192.0.2.1 dev eth0
      neighbours: 192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 STALE
    [1] router: in lan, tcp 192.0.2.2:4000 > 203.0.113.80:80 flags 2 ttl 64
    [1]   ip rule: 0: from all lookup local
    [1]   ip rule: 10: from all iif lan lookup 7
    [1]   ip rule: 20: not from 192.0.2.0/24 lookup 8
    [1]   ip rule: 32766: from all lookup main
    [1]   main: bgp 203.0.113.80/32 via 198.51.100.11 dmz, 198.51.100.12 dmz
    [1]   takes option 2 of 2
    [1]   forwarding: net.ipv4.conf.lan.forwarding = 1
    [1]   neighbours: - (inferred: every device on the wire of dmz is in evidence, and none has the address)
    [1]   dropped, the sender is told: nobody answers for the next hop
    [2]   ip rule: 0: from all lookup local
    [2]   ip rule: 20: not from 192.0.2.0/24 lookup 8
    [2]   ip rule: 32766: from all lookup main
    [2]   main: 192.0.2.0/24 dev lan proto kernel scope link src 192.0.2.1
    [2]   neighbours: - (inferred: no neighbour entry, but client has the address on eth0: ARP would find it)
    [3] client: in eth0, icmp 192.0.2.1 type 3/1 > 192.0.2.2 ttl 64
    [3]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [3]   local: inet 192.0.2.2/24 scope global eth0 (inferred: follows from the address; the local route table is not in evidence)
    [3]   local: a known connection"
  `);
});

test("the other next hop, on a wire that is not known", () => {
  expect(walk(build(FILES, CABLES), "client", "tcp > 203.0.113.80:80", [1])).toMatchInlineSnapshot(`
    "client: from a socket, tcp 0.0.0.0:4000 > 203.0.113.80:80 flags 2 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: default via 192.0.2.1 dev eth0
      neighbours: 192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 STALE
    [1] router: in lan, tcp 192.0.2.2:4000 > 203.0.113.80:80 flags 2 ttl 64
    [1]   ip rule: 0: from all lookup local
    [1]   ip rule: 10: from all iif lan lookup 7
    [1]   ip rule: 20: not from 192.0.2.0/24 lookup 8
    [1]   ip rule: 32766: from all lookup main
    [1]   main: bgp 203.0.113.80/32 via 198.51.100.11 dmz, 198.51.100.12 dmz
    [1]   takes option 2 of 2
    [1]   forwarding: net.ipv4.conf.lan.forwarding = 1
    [1]   unknown: no neighbour entry for the next hop on dmz"
  `);
});

test("the other next hop, where the neighbours are not in evidence: there may be an entry that nobody else tells of", () => {
  const { "router/ip_neigh": _, ...rest } = FILES;
  const built = buildFiles(rest, DMZ, () => [], BGP);
  expect(walk(built, "client", "tcp > 203.0.113.80:80", [1]).split("\n").at(-1)).toBe(
    "[1]   unknown: no neighbour entry for the next hop on dmz",
  );
});

test("refused: no TCP listener, no UDP socket on that address; the answers walk back and are known there", () => {
  const b = build(FILES, DMZ);
  expect(walk(b, "client", "tcp > 198.51.100.11:81")).toMatchInlineSnapshot(`
    "client: from a socket, tcp 0.0.0.0:4000 > 198.51.100.11:81 flags 2 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: default via 192.0.2.1 dev eth0
      neighbours: 192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 STALE
    [1] router: in lan, tcp 192.0.2.2:4000 > 198.51.100.11:81 flags 2 ttl 64
    [1]   ip rule: 0: from all lookup local
    [1]   ip rule: 10: from all iif lan lookup 7
    [1]   ip rule: 20: not from 192.0.2.0/24 lookup 8
    [1]   ip rule: 32766: from all lookup main
    [1]   main: 198.51.100.0/24 dev dmz proto kernel scope link src 198.51.100.1
    [1]   forwarding: net.ipv4.conf.lan.forwarding = 1
    [1]   neighbours: 198.51.100.11 dev dmz lladdr 52:54:00:00:01:11 REACHABLE
    [2] s1: in eth0, tcp 192.0.2.2:4000 > 198.51.100.11:81 flags 2 ttl 63
    [2]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [2]   local: inet 198.51.100.11/24 scope global eth0 (inferred: follows from the address; the local route table is not in evidence)
    [2]   dropped, the sender is told: no listener
    [3]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [3]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [3]   main: default via 198.51.100.1 dev eth0
    [3]   neighbours: - (inferred: no neighbour entry, but router has the address on dmz: ARP would find it)
    [4] router: in dmz, tcp 198.51.100.11:81 > 192.0.2.2:4000 flags 20 ttl 64
    [4]   ip rule: 0: from all lookup local
    [4]   ip rule: 20: not from 192.0.2.0/24 lookup 8
    [4]   ip rule: 32766: from all lookup main
    [4]   main: 192.0.2.0/24 dev lan proto kernel scope link src 192.0.2.1
    [4]   forwarding: net.ipv4.ip_forward = 1
    [4]   neighbours: - (inferred: no neighbour entry, but client has the address on eth0: ARP would find it)
    [5] client: in eth0, tcp 198.51.100.11:81 > 192.0.2.2:4000 flags 20 ttl 63
    [5]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [5]   local: inet 192.0.2.2/24 scope global eth0 (inferred: follows from the address; the local route table is not in evidence)
    [5]   local: a known connection"
  `);
  expect(walk(b, "client", "udp > 198.51.100.11:53")).toMatchInlineSnapshot(`
    "client: from a socket, udp 0.0.0.0:4000 > 198.51.100.11:53 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: default via 192.0.2.1 dev eth0
      neighbours: 192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 STALE
    [1] router: in lan, udp 192.0.2.2:4000 > 198.51.100.11:53 ttl 64
    [1]   ip rule: 0: from all lookup local
    [1]   ip rule: 10: from all iif lan lookup 7
    [1]   ip rule: 20: not from 192.0.2.0/24 lookup 8
    [1]   ip rule: 32766: from all lookup main
    [1]   main: 198.51.100.0/24 dev dmz proto kernel scope link src 198.51.100.1
    [1]   forwarding: net.ipv4.conf.lan.forwarding = 1
    [1]   neighbours: 198.51.100.11 dev dmz lladdr 52:54:00:00:01:11 REACHABLE
    [2] s1: in eth0, udp 192.0.2.2:4000 > 198.51.100.11:53 ttl 63
    [2]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [2]   local: inet 198.51.100.11/24 scope global eth0 (inferred: follows from the address; the local route table is not in evidence)
    [2]   dropped, the sender is told: no listener
    [3]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [3]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [3]   main: default via 198.51.100.1 dev eth0
    [3]   neighbours: - (inferred: no neighbour entry, but router has the address on dmz: ARP would find it)
    [4] router: in dmz, icmp 198.51.100.11 type 3/3 > 192.0.2.2 ttl 64
    [4]   ip rule: 0: from all lookup local
    [4]   ip rule: 20: not from 192.0.2.0/24 lookup 8
    [4]   ip rule: 32766: from all lookup main
    [4]   main: 192.0.2.0/24 dev lan proto kernel scope link src 192.0.2.1
    [4]   forwarding: net.ipv4.ip_forward = 1
    [4]   neighbours: - (inferred: no neighbour entry, but client has the address on eth0: ARP would find it)
    [5] client: in eth0, icmp 198.51.100.11 type 3/3 > 192.0.2.2 ttl 63
    [5]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [5]   local: inet 192.0.2.2/24 scope global eth0 (inferred: follows from the address; the local route table is not in evidence)
    [5]   local: a known connection"
  `);
});

test("echo requests are answered by any host; the TTL ends; the sender's own errors", () => {
  const b = build(FILES, DMZ);
  expect(walk(b, "client", "icmp > 198.51.100.1")).toMatchInlineSnapshot(`
    "client: from a socket, icmp 0.0.0.0 type 8/0 > 198.51.100.1 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: default via 192.0.2.1 dev eth0
      neighbours: 192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 STALE
    [1] router: in lan, icmp 192.0.2.2 type 8/0 > 198.51.100.1 ttl 64
    [1]   ip rule: 0: from all lookup local
    [1]   local: local 198.51.100.1 dev dmz table local proto kernel scope host src 198.51.100.1
    [1]   local: answers echo requests"
  `);
  expect(walk(b, "client", "udp > 198.51.100.11:53 ip_ttl=1")).toMatchInlineSnapshot(`
    "client: from a socket, udp 0.0.0.0:4000 > 198.51.100.11:53 ttl 1
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: default via 192.0.2.1 dev eth0
      neighbours: 192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 STALE
    [1] router: in lan, udp 192.0.2.2:4000 > 198.51.100.11:53 ttl 1
    [1]   ip rule: 0: from all lookup local
    [1]   ip rule: 10: from all iif lan lookup 7
    [1]   ip rule: 20: not from 192.0.2.0/24 lookup 8
    [1]   ip rule: 32766: from all lookup main
    [1]   main: 198.51.100.0/24 dev dmz proto kernel scope link src 198.51.100.1
    [1]   forwarding: net.ipv4.conf.lan.forwarding = 1
    [1]   dropped, the sender is told: TTL expired
    [2]   ip rule: 0: from all lookup local
    [2]   ip rule: 20: not from 192.0.2.0/24 lookup 8
    [2]   ip rule: 32766: from all lookup main
    [2]   main: 192.0.2.0/24 dev lan proto kernel scope link src 192.0.2.1
    [2]   neighbours: - (inferred: no neighbour entry, but client has the address on eth0: ARP would find it)
    [3] client: in eth0, icmp 192.0.2.1 type 11/0 > 192.0.2.2 ttl 64
    [3]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [3]   local: inet 192.0.2.2/24 scope global eth0 (inferred: follows from the address; the local route table is not in evidence)
    [3]   local: a known connection"
  `);
  expect(walk(b, "client", "tcp > 198.18.0.1:80")).toMatchInlineSnapshot(`
    "client: from a socket, tcp 0.0.0.0:4000 > 198.18.0.1:80 flags 2 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: unreachable 198.18.0.0/15
      dropped, the sender is told: unreachable route
    [1]   local: the sender's own error"
  `);
});

test("routes that lead nowhere, a throw, and a rule with not", () => {
  const b = build(FILES, DMZ);
  const last = (s: string) => s.split("\n").slice(-3).join("\n");
  expect(last(walk(b, "router:lan", "tcp 192.0.2.2:4000 > 203.0.113.1:80 eth_dst=0x525400000001"))).toMatchInlineSnapshot(`
    "  main: blackhole 203.0.113.0/28
      forwarding: net.ipv4.conf.lan.forwarding = 1
      dropped: blackhole route"
  `);
  expect(walk(b, "client", "tcp > 203.0.113.17:80")).toMatchInlineSnapshot(`
    "client: from a socket, tcp 0.0.0.0:4000 > 203.0.113.17:80 flags 2 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: default via 192.0.2.1 dev eth0
      neighbours: 192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 STALE
    [1] router: in lan, tcp 192.0.2.2:4000 > 203.0.113.17:80 flags 2 ttl 64
    [1]   ip rule: 0: from all lookup local
    [1]   ip rule: 10: from all iif lan lookup 7
    [1]   ip rule: 20: not from 192.0.2.0/24 lookup 8
    [1]   ip rule: 32766: from all lookup main
    [1]   main: prohibit 203.0.113.16/28
    [1]   forwarding: net.ipv4.conf.lan.forwarding = 1
    [1]   dropped, the sender is told: prohibit route
    [2]   ip rule: 0: from all lookup local
    [2]   ip rule: 20: not from 192.0.2.0/24 lookup 8
    [2]   ip rule: 32766: from all lookup main
    [2]   main: 192.0.2.0/24 dev lan proto kernel scope link src 192.0.2.1
    [2]   neighbours: - (inferred: no neighbour entry, but client has the address on eth0: ARP would find it)
    [3] client: in eth0, icmp 192.0.2.1 type 3/13 > 192.0.2.2 ttl 64
    [3]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [3]   local: inet 192.0.2.2/24 scope global eth0 (inferred: follows from the address; the local route table is not in evidence)
    [3]   local: a known connection"
  `);
  expect(walk(b, "client", "tcp > 10.1.1.1:80")).toMatchInlineSnapshot(`
    "client: from a socket, tcp 0.0.0.0:4000 > 10.1.1.1:80 flags 2 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: default via 192.0.2.1 dev eth0
      neighbours: 192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 STALE
    [1] router: in lan, tcp 192.0.2.2:4000 > 10.1.1.1:80 flags 2 ttl 64
    [1]   ip rule: 0: from all lookup local
    [1]   ip rule: 10: from all iif lan lookup 7
    [1]   7: throw 10.0.0.0/8 table 7
    [1]   throw: as if the table had no route
    [1]   ip rule: 20: not from 192.0.2.0/24 lookup 8
    [1]   ip rule: 32766: from all lookup main
    [1]   main: 10.0.0.0/8 via 198.51.100.11 dev dmz
    [1]   forwarding: net.ipv4.conf.lan.forwarding = 1
    [1]   neighbours: 198.51.100.11 dev dmz lladdr 52:54:00:00:01:11 REACHABLE
    [2] s1: in eth0, tcp 192.0.2.2:4000 > 10.1.1.1:80 flags 2 ttl 63
    [2]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [2]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [2]   main: default via 198.51.100.1 dev eth0
    [2]   forwarding: net.ipv4.ip_forward = 0
    [2]   dropped: forwarding is off on eth0"
  `);
  expect(last(walk(b, "router:lan", "tcp 198.51.100.77:4000 > 10.2.1.1:80 eth_dst=0x525400000001"))).toMatchInlineSnapshot(`
    "  8: blackhole 10.2.0.0/16 table 8
      forwarding: net.ipv4.conf.lan.forwarding = 1
      dropped: blackhole route"
  `);
});

test("frames that are not for this host, and sources that cannot be", () => {
  const b = build(FILES, DMZ);
  const last = (s: string) => s.split("\n").at(-1);
  expect([
    last(walk(b, "router:lan", "tcp 192.0.2.2:4000 > 198.51.100.11:80 eth_dst=0x525400000099")),
    last(walk(b, "router:lan", "tcp 192.0.2.2:4000 > 198.51.100.11:80 eth_dst=0xffffffffffff")),
    last(walk(b, "router:lan", "tcp 192.0.2.1:4000 > 198.51.100.11:80 eth_dst=0x525400000001")),
    last(walk(b, "router:lan", "tcp 127.0.0.1:4000 > 198.51.100.11:80 eth_dst=0x525400000001")),
    last(walk(b, "router", "tcp 127.0.0.1:4000 > 198.51.100.11:80")),
    last(walk(b, "router:lan", "udp 192.0.2.2:4000 > 224.0.0.5:80 eth_dst=0x01005e000005")),
    last(walk(b, "router:lan", "udp 192.0.2.2:4000 > 192.0.2.255:80 eth_dst=0xffffffffffff")),
    last(walk(b, "router:lan", "udp 192.0.2.2:4000 > 192.0.2.255:80 eth_dst=0x525400000001 vlan_tci=0x1005")),
    last(walk(b, "router:lan", "udp 192.0.2.2:4000 > 192.0.2.255:80 eth_dst=0xffffffffffff eth_type=0x0806")),
  ]).toMatchInlineSnapshot(`
    [
      "  dropped: not this host's MAC",
      "  dropped: a frame for many is not forwarded",
      "  dropped: martian source: an address of this host itself",
      "  dropped: martian: a loopback address on the wire",
      "  dropped: invalid argument: a loopback address as source of what leaves by a wire",
      "  dropped: multicast is not followed",
      "  dropped: broadcast, and nothing listens",
      "  unknown: the frame is tagged, and which VLAN interface takes it is not followed",
      "  dropped: not an address of this host: it does not answer",
    ]
  `);
});

test("to an own address through the loopback interface", () => {
  expect(walk(build(FILES, DMZ), "router", "tcp > 198.51.100.1:179")).toMatchInlineSnapshot(`
    "router: from a socket, tcp 0.0.0.0:4000 > 198.51.100.1:179 flags 2 ttl 64
      ip rule: 0: from all lookup local
      local: local 198.51.100.1 dev dmz table local proto kernel scope host src 198.51.100.1
      sockets: tcp LISTEN 0 9 0.0.0.0:179 0.0.0.0:*
      local: tcp socket"
  `);
});

test("what is not in evidence: rules, sockets, forwarding, routes", () => {
  const files = {
    "a/ip_addr": FILES["router/ip_addr"],
    "b/ip_addr": FILES["client/ip_addr"],
    "b/ip_route": "198.51.100.7 via 192.0.2.9 dev eth0\n",
  };
  const b = build(files);
  expect(walk(b, "a:lan", "tcp 192.0.2.2:4000 > 192.0.2.1:22 eth_dst=0x525400000001")).toMatchInlineSnapshot(`
    "a: in lan, tcp 192.0.2.2:4000 > 192.0.2.1:22 flags 2 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      local: inet 192.0.2.1/24 scope global lan (inferred: follows from the address; the local route table is not in evidence)
      sockets: - (assumed: sockets (ss) are not in evidence)
      whether something listens on a
      local: taken to be listening"
  `);
  expect(walk(b, "a:lan", "tcp 192.0.2.2:4000 > 198.51.100.9:22 eth_dst=0x525400000001")).toMatchInlineSnapshot(`
    "a: in lan, tcp 192.0.2.2:4000 > 198.51.100.9:22 flags 2 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: inet 198.51.100.1/24 scope global dmz (inferred: follows from the address; the main route table is not (wholly) in evidence)
      forwarding: - (assumed: forwarding is not in evidence)
      whether a forwards packets from lan
      unknown: no neighbour entry for the next hop on dmz"
  `);
  expect(walk(b, "b", "tcp > 198.51.100.7:22")).toMatchInlineSnapshot(`
    "b: from a socket, tcp 0.0.0.0:4000 > 198.51.100.7:22 flags 2 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: 198.51.100.7 via 192.0.2.9 dev eth0
      unknown: no neighbour entry for the next hop on eth0"
  `);
  expect(walk(b, "b", "tcp > 198.51.100.8:22")).toMatchInlineSnapshot(`
    "b: from a socket, tcp 0.0.0.0:4000 > 198.51.100.8:22 flags 2 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      unknown: only a part of route table main is in evidence"
  `);
});
