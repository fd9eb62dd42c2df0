/** A small network for tests of replay, and packets in it. */
import { Core } from "@plumbline/core-wasm";
import { type Action, type Device, matchField, NetworkBuilder, numbering } from "@plumbline/model";
import type { ReplaySubject } from "../src/replay/index.js";
import type { Packet } from "./captures.js";

export const CLIENT = "02:00:00:00:00:01";
export const ROUTER = "02:00:00:00:00:aa";

export function netdev(net: NetworkBuilder, d: Device, number: number, name: string, mac: string, internal = false, address = ""): void {
  const addresses = address === "" ? [] : [{ address, prefixLen: 24 }];
  net.port(d, number, name, { kind: "netdev", host: d.host, name, internal, mac, addresses });
}

/**
 * A router with a client at eth0 and two nodes behind. 192.0.2.100:80 goes to either node: node-1 delivers, node-2 delivers
 * or drops. 192.0.2.101 is dropped, 192.0.2.102 refused by a reset.
 */
export function network(second: "delivers" | "drops" = "delivers"): NetworkBuilder {
  const net = new NetworkBuilder();
  const router = net.device({ name: "router", kind: "router", host: "router" });
  netdev(net, router, 1, "eth0", ROUTER);
  netdev(net, router, 2, "eth1.7", "02:00:00:00:00:ab");
  netdev(net, router, 3, "eth2", "02:00:00:00:00:ac");
  const at = (line: number, text: string) => ({ file: "router/ip_route", line, text });
  const t = net.table(router, "main", "fib", "priority");
  router.entry = t.id;
  router.origin = t.id;
  const to = (address: number) => [matchField([], "ip_dst", 0xc0000200 + address)];
  const out = (port: number): readonly Action[] => [{ op: "output", port }];
  const toNode = (n: number): readonly Action[] => [
    { op: "set", dst: { field: "eth_dst", ofs: 0, n: 48 }, value: 0x020000000100n + BigInt(n) },
    ...out(n + 1),
  ];
  net.rule(t, {
    priority: 2,
    rows: to(100),
    program: [{ op: "choose", how: "ecmp", weights: [1, 1], options: [toNode(1), toNode(2)] }],
    origin: at(1, "192.0.2.100 nexthop via 198.51.100.1 nexthop via 198.51.100.2"),
  });
  net.rule(t, { priority: 2, rows: to(1), program: out(1) });
  net.rule(t, { priority: 2, rows: to(101), program: [{ op: "drop", reason: "blackhole route" }], origin: at(2, "blackhole 192.0.2.101") });
  net.rule(t, {
    priority: 2,
    rows: to(102),
    program: [
      {
        op: "emit",
        kind: "tcp-reset",
        icmpType: 0,
        icmpCode: 0,
        swap: true,
        then: [{ op: "set", dst: { field: "in_port", ofs: 0, n: 32 }, value: 0n }, ...out(1)],
      },
      { op: "drop", reason: "no listener", rejected: true },
    ],
    origin: at(3, "prohibit 192.0.2.102"),
  });
  t.miss = [{ op: "drop", reason: "no route" }];
  const client = net.device({ name: "client", kind: "host", host: "client" });
  netdev(net, client, 1, "eth0", CLIENT, false, "192.0.2.1");
  const socket = net.table(client, "socket", "socket", "priority");
  client.entry = socket.id;
  socket.miss = [{ op: "local", note: "socket" }];
  const sends = net.table(client, "sends", "socket", "priority");
  client.origin = sends.id;
  sends.miss = [
    { op: "set", dst: { field: "eth_dst", ofs: 0, n: 48 }, value: BigInt(`0x${ROUTER.replaceAll(":", "")}`) },
    { op: "output", port: 1 },
  ];
  net.join(router, 1, client, 1, "proven", "cable");
  for (const n of [1, 2]) {
    const node = net.device({ name: `node-${n}`, kind: "host", host: `node-${n}`, node: `node-${n}` });
    netdev(net, node, 1, "eth0", `02:00:00:00:01:0${n}`);
    const input = net.table(node, "input", "netfilter", "priority");
    node.entry = input.id;
    const answering = net.table(node, "output", "netfilter", "priority");
    node.origin = answering.id;
    answering.miss = [{ op: "set", dst: { field: "tp_src", ofs: 0, n: 16 }, value: 80n }, ...out(1)];
    const drops = n === 2 && second === "drops";
    net.rule(input, {
      program: drops
        ? [{ op: "drop", reason: "dropped by INPUT" }]
        : [
            { op: "set", dst: { field: "tp_dst", ofs: 0, n: 16 }, value: 8080n },
            { op: "local", note: "socket" },
          ],
      origin: { file: `node-${n}/iptables-save`, line: 9, text: drops ? "-A INPUT -j DROP" : "-A INPUT -j ACCEPT" },
    });
    net.join(router, n + 1, node, 1, "proven", "cable");
  }
  return net;
}

export function subject(net: NetworkBuilder): ReplaySubject {
  return { net, num: numbering(net), annotators: [], core: Core.createSync(net) };
}

export const enters = (p: Partial<Packet>): Packet => ({ from: 1, to: 100, sport: 40000, dport: 80, fromMac: CLIENT, toMac: ROUTER, ...p });
/** Its answer, as it leaves. */
export const answers = (p: Packet, more: Partial<Packet> = {}): Packet => ({
  ...p,
  from: p.to,
  to: p.from,
  sport: p.dport,
  dport: p.sport,
  fromMac: ROUTER,
  toMac: CLIENT,
  flags: "SA",
  ...more,
});
