/** Chains of one rule each, made by hand: the order of a hook point, NAT, and routing again. */
import { type Action, type HookChain, type LowerContext, matchField } from "@plumbline/model";
import { expect, test } from "vitest";
import { build, type Cable, walk } from "./walk.js";

const FILES = {
  "fw/ip_addr": `1: lo: <LOOPBACK,UP> mtu 65536
    link/loopback 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
2: lan: <BROADCAST,UP> mtu 1500
    link/ether 52:54:00:00:00:01
    inet 192.0.2.1/24 scope global lan
3: dmz: <BROADCAST,UP> mtu 1500
    link/ether 52:54:00:00:01:01
    inet 198.51.100.1/24 scope global dmz
`,
  "fw/ip_route": `192.0.2.0/24 dev lan proto kernel scope link src 192.0.2.1
198.51.100.0/24 dev dmz proto kernel scope link src 198.51.100.1
203.0.113.0/24 via 192.0.2.2 dev lan
`,
  "fw/ip_route_show_table_7": "203.0.113.0/24 via 198.51.100.2 dev dmz\n",
  "fw/ip_rule": "0:	from all lookup local\n30:	from all fwmark 0x7 lookup 7\n32766:	from all lookup main\n",
  "fw/ip_neigh": "192.0.2.2 dev lan lladdr 52:54:00:00:00:02 REACHABLE\n198.51.100.2 dev dmz lladdr 52:54:00:00:01:02 REACHABLE\n",
  "fw/sysctl_net": "net.ipv4.ip_forward = 1\n",
  "fw/ss_-tulpn":
    "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port\ntcp   LISTEN 0      9      0.0.0.0:22       0.0.0.0:*\n",
  "server/ip_addr": "2: eth0: <BROADCAST,UP> mtu 1500\n    link/ether 52:54:00:00:01:02\n    inet 198.51.100.2/24 scope global eth0\n",
  "server/ip_route": "default via 198.51.100.1 dev eth0\n198.51.100.0/24 dev eth0 proto kernel scope link\n",
  "server/ip_neigh": "198.51.100.1 dev eth0 lladdr 52:54:00:00:01:01 REACHABLE\n",
  "server/sysctl_net": "net.ipv4.ip_forward = 0\n",
  "server/ss_-tulpn":
    "Netid State  Recv-Q Send-Q Local Address:Port Peer Address:Port\ntcp   LISTEN 0      9      0.0.0.0:8080       0.0.0.0:*\n",
};
const CABLES: readonly Cable[] = [["fw:dmz", "server:eth0"]];

/** A chain that notes its name and runs `program` for packets to `dst`. */
function chain(
  ctx: LowerContext,
  hook: HookChain["hook"],
  type: HookChain["type"],
  priority: number,
  dst: number | null,
  program: readonly Action[],
): HookChain {
  return {
    host: "fw",
    hook,
    type,
    priority,
    build(device, next) {
      const t = ctx.net.table(device, `${hook} ${priority}`, "netfilter", "sequence");
      ctx.net.rule(t, {
        rows: [dst === null ? [] : matchField([], "ip_dst", dst)],
        program: [{ op: "note", text: `${type} ${hook} ${priority}` }, ...program],
      });
      t.miss = [{ op: "goto", table: next, unwind: true }];
      return t.id;
    },
  };
}

const VIP = 0xcb007150; // 203.0.113.80
const SERVER = 0xc6336402n; // 198.51.100.2

test("chains by priority, NAT for new connections alone, the reply translated back", () => {
  const b = build(FILES, CABLES, (ctx) => [
    chain(ctx, "forward", "filter", 0, null, []),
    chain(ctx, "prerouting", "nat", -100, VIP, [
      { op: "nat", type: "dst", range: { min: SERVER, max: SERVER, portMin: 8080, portMax: 8080 } },
    ]),
    chain(ctx, "prerouting", "filter", -150, null, []),
    chain(ctx, "prerouting", "filter", -300, null, []),
    chain(ctx, "postrouting", "nat", 100, null, []),
  ]);
  expect(walk(b, "fw:lan", "tcp 192.0.2.2:4000 > 203.0.113.80:80 eth_dst=0x525400000001")).toMatchInlineSnapshot(`
    "fw: in lan, tcp 192.0.2.2:4000 > 203.0.113.80:80 flags 2 ttl 64
      filter prerouting -300
      filter prerouting -150
      nat prerouting -100
      translated: tcp 192.0.2.2:4000 > 198.51.100.2:8080 flags 2 ttl 64
      ip rule: 0: from all lookup local
      ip rule: 32766: from all lookup main
      main: 198.51.100.0/24 dev dmz proto kernel scope link src 198.51.100.1
      forwarding: net.ipv4.ip_forward = 1
      filter forward 0
      nat postrouting 100
      neighbours: 198.51.100.2 dev dmz lladdr 52:54:00:00:01:02 REACHABLE
    [1] server: in eth0, tcp 192.0.2.2:4000 > 198.51.100.2:8080 flags 2 ttl 63
    [1]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [1]   local: inet 198.51.100.2/24 scope global eth0 (inferred: follows from the address; the local route table is not in evidence)
    [1]   sockets: tcp LISTEN 0 9 0.0.0.0:8080 0.0.0.0:*
    [1]   local: tcp socket"
  `);
  // The answer: SYN and ACK.
  expect(walk(b, "server", "tcp 198.51.100.2:8080 > 192.0.2.2:4000 tcp_flags=18", [], true)).toMatchInlineSnapshot(`
    "server: from a socket, tcp 198.51.100.2:8080 > 192.0.2.2:4000 flags 18 ttl 64
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
      main: default via 198.51.100.1 dev eth0
      neighbours: 198.51.100.1 dev eth0 lladdr 52:54:00:00:01:01 REACHABLE
    [1] fw: in dmz, tcp 198.51.100.2:8080 > 192.0.2.2:4000 flags 18 ttl 64
    [1]   filter prerouting -300
    [1]   filter prerouting -150
    [1]   ip rule: 0: from all lookup local
    [1]   ip rule: 32766: from all lookup main
    [1]   main: 192.0.2.0/24 dev lan proto kernel scope link src 192.0.2.1
    [1]   forwarding: net.ipv4.ip_forward = 1
    [1]   filter forward 0
    [1]   translated: tcp 203.0.113.80:80 > 192.0.2.2:4000 flags 18 ttl 63
    [1]   neighbours: 192.0.2.2 dev lan lladdr 52:54:00:00:00:02 REACHABLE
    [1]   unlinked: "
  `);
});

test("a packet of the host itself that is translated at OUTPUT is routed again", () => {
  const b = build(FILES, CABLES, (ctx) => [
    chain(ctx, "output", "nat", -100, VIP, [{ op: "nat", type: "dst", range: { min: SERVER, max: SERVER, portMin: 8080, portMax: 8080 } }]),
  ]);
  expect(walk(b, "fw", "tcp > 203.0.113.80:80")).toMatchInlineSnapshot(`
    "fw: from a socket, tcp 0.0.0.0:4000 > 203.0.113.80:80 flags 2 ttl 64
      ip rule: 0: from all lookup local
      ip rule: 32766: from all lookup main
      main: 203.0.113.0/24 via 192.0.2.2 dev lan
      nat output -100
      translated: tcp 192.0.2.1:4000 > 198.51.100.2:8080 flags 2 ttl 64
      ip rule: 0: from all lookup local
      ip rule: 32766: from all lookup main
      main: 198.51.100.0/24 dev dmz proto kernel scope link src 198.51.100.1
      neighbours: 198.51.100.2 dev dmz lladdr 52:54:00:00:01:02 REACHABLE
    [1] server: in eth0, tcp 192.0.2.1:4000 > 198.51.100.2:8080 flags 2 ttl 64
    [1]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [1]   local: inet 198.51.100.2/24 scope global eth0 (inferred: follows from the address; the local route table is not in evidence)
    [1]   sockets: tcp LISTEN 0 9 0.0.0.0:8080 0.0.0.0:*
    [1]   local: tcp socket"
  `);
});

test("so is one that a route chain marks", () => {
  const mark: Action = { op: "set", dst: { field: "pkt_mark", ofs: 0, n: 32 }, value: 7n };
  const b = build(FILES, CABLES, (ctx) => [chain(ctx, "output", "route", -150, VIP, [mark])]);
  expect(walk(b, "fw", "tcp > 203.0.113.80:8080")).toMatchInlineSnapshot(`
    "fw: from a socket, tcp 0.0.0.0:4000 > 203.0.113.80:8080 flags 2 ttl 64
      ip rule: 0: from all lookup local
      ip rule: 32766: from all lookup main
      main: 203.0.113.0/24 via 192.0.2.2 dev lan
      route output -150
      ip rule: 0: from all lookup local
      ip rule: 30: from all fwmark 0x7 lookup 7
      7: 203.0.113.0/24 via 198.51.100.2 dev dmz
      neighbours: 198.51.100.2 dev dmz lladdr 52:54:00:00:01:02 REACHABLE
    [1] server: in eth0, tcp 192.0.2.1:4000 > 203.0.113.80:8080 flags 2 ttl 64
    [1]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [1]   ip rule: - (inferred: ip rule is not in evidence; the kernel's own rules are taken)
    [1]   main: default via 198.51.100.1 dev eth0
    [1]   forwarding: net.ipv4.ip_forward = 0
    [1]   dropped: forwarding is off on eth0"
  `);
});

test("to the host itself: OUTPUT and POSTROUTING, then PREROUTING without NAT, and INPUT", () => {
  const b = build(FILES, CABLES, (ctx) =>
    (["prerouting", "input", "output", "postrouting"] as const).flatMap((hook) => [
      chain(ctx, hook, "nat", hook === "prerouting" || hook === "output" ? -100 : 100, null, []),
      chain(ctx, hook, "filter", 0, null, []),
    ]),
  );
  expect(walk(b, "fw", "tcp > 192.0.2.1:22")).toMatchInlineSnapshot(`
    "fw: from a socket, tcp 0.0.0.0:4000 > 192.0.2.1:22 flags 2 ttl 64
      ip rule: 0: from all lookup local
      local: inet 192.0.2.1/24 scope global lan (inferred: follows from the address; the local route table is not in evidence)
      nat output -100
      filter output 0
      filter postrouting 0
      nat postrouting 100
      filter prerouting 0
      filter input 0
      nat input 100
      sockets: tcp LISTEN 0 9 0.0.0.0:22 0.0.0.0:*
      local: tcp socket"
  `);
});

test("untracked by a raw chain: no NAT, nothing remembered", () => {
  const notrack: Action = { op: "set", dst: { field: "reg13", ofs: 0, n: 1 }, value: 1n };
  const b = build(FILES, CABLES, (ctx) => [
    chain(ctx, "prerouting", "filter", -300, null, [notrack]),
    chain(ctx, "prerouting", "nat", -100, null, []),
  ]);
  expect(walk(b, "fw:lan", "tcp 192.0.2.2:4000 > 192.0.2.1:22 eth_dst=0x525400000001")).toMatchInlineSnapshot(`
    "fw: in lan, tcp 192.0.2.2:4000 > 192.0.2.1:22 flags 2 ttl 64
      filter prerouting -300
      ip rule: 0: from all lookup local
      local: inet 192.0.2.1/24 scope global lan (inferred: follows from the address; the local route table is not in evidence)
      sockets: tcp LISTEN 0 9 0.0.0.0:22 0.0.0.0:*
      local: tcp socket"
  `);
});
