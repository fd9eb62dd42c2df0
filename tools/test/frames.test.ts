/** Captured frames are held against the ports that a run's packets crossed. */
import { asFirstPacket, Interpreter, matchField, NetworkBuilder, parsePacket } from "@plumbline/model";
import { expect, it } from "vitest";
import { crossings, notCrossed } from "../src/acceptance/frames.js";
import type { Frame, Probe } from "../src/acceptance/probes.js";

function twoHosts() {
  const net = new NetworkBuilder();
  const device = (name: string, mac: string) => {
    const d = net.device({ name, kind: "host", host: name });
    net.port(d, 1, "eth0", { kind: "netdev", host: name, name: "eth0", internal: false, mac });
    return d;
  };
  const a = device("a", "02:00:00:00:00:01");
  const b = device("b", "02:00:00:00:00:02");
  const send = net.table(a, "send", "fib", "priority");
  net.rule(send, {
    rows: [matchField([], "ip_dst", 0xc0000202)],
    program: [
      { op: "set", dst: { field: "eth_dst", ofs: 0, n: 48 }, value: 0x020000000002n },
      { op: "set", dst: { field: "eth_src", ofs: 0, n: 48 }, value: 0x020000000001n },
      { op: "output", port: 1 },
    ],
  });
  a.origin = send.id;
  const take = net.table(b, "take", "fib", "priority");
  take.miss = [{ op: "local" }];
  b.entry = take.id;
  net.join(a, 1, b, 1, "proven", "a wire");
  return { net, a };
}

const frame = (f: Partial<Frame>): Frame => ({
  at: "b",
  if: "eth0",
  us: 10,
  src: "192.0.2.1",
  sport: 4000,
  dst: "192.0.2.2",
  dport: 80,
  ttl: 64,
  eth_src: "02:00:00:00:00:01",
  eth_dst: "02:00:00:00:00:02",
  ...f,
});

it("finds the frames that a run has, and names those that it has not", () => {
  const { net, a } = twoHosts();
  const row = asFirstPacket(parsePacket("udp 192.0.2.1:4000 > 192.0.2.2:80").row);
  const forward = new Interpreter(net).run(row, a.id, null, { script: [], beyond: "first" });
  const told = "02:00:00:00:00:01 > 02:00:00:00:00:02 192.0.2.1:4000 > 192.0.2.2:80 ttl 64";
  expect([...crossings(forward, net)]).toEqual([`a eth0 ${told}`, `b eth0 ${told}`]);
  const hops = [frame({}), frame({ at: "a" }), frame({ ttl: 63 }), frame({ us: 1_000_000, ttl: 62 })];
  const probe = { hops, reply_hops: [frame({ at: "a", src: "192.0.2.2", dst: "192.0.2.1", sport: 80, dport: 4000 })] } as unknown as Probe;
  expect(notCrossed(probe, { start: { row, device: a.id, port: null }, forward, back: null }, net)).toEqual([
    "b eth0 02:00:00:00:00:01 > 02:00:00:00:00:02 192.0.2.1:4000 > 192.0.2.2:80 ttl 63",
    "a eth0 02:00:00:00:00:01 > 02:00:00:00:00:02 192.0.2.2:80 > 192.0.2.1:4000 ttl 64",
  ]);
});
