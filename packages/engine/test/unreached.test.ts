/** Rules that speak of a packet's destination and are not on its path, and `--why-not`. */
import { type Device, Interpreter, matchField, NetworkBuilder, numbering, slice } from "@plumbline/model";
import { expect, test } from "vitest";
import { trace } from "../src/trace/trace.js";

const at = (file: string, line: number, text: string) => ({ file, line, text });
const VIP = 0xcb007164;
const POD = 0x0a800005;
const to = (address: number) => matchField([], "ip_dst", address);

/**
 * A router sends 203.0.113.100:80 to node n1 or n2. On n1 the switch ex has a flow for it that leads to the switch int, where it is
 * translated and delivered to a pod; whatever else comes to ex goes to the host, whose DNAT rule for the same address is never asked.
 */
function network(straight = true): NetworkBuilder {
  const net = new NetworkBuilder();
  const port = (d: Device, n: number) => net.port(d, n, `p${n}`, { kind: "none" });
  const router = net.device({ name: "router", kind: "router", host: "router" });
  for (const n of [1, 2, 3]) port(router, n);
  const fib = net.table(router, "main", "fib", "priority");
  router.entry = fib.id;
  router.origin = fib.id;
  net.rule(fib, {
    rows: [to(VIP)],
    program: [{ op: "choose", how: "ecmp", weights: [1, 1], options: [[{ op: "output", port: 1 }], [{ op: "output", port: 2 }]] }],
    origin: at("router/routes", 3, "203.0.113.100 by n1 and n2"),
  });
  const ex = net.device({ name: "n1/ex", kind: "bridge", host: "n1", node: "n1" });
  const int = net.device({ name: "n1/int", kind: "bridge", host: "n1", node: "n1" });
  const host = net.device({ name: "n1", kind: "host", host: "n1", node: "n1" });
  const pod = net.device({ name: "demo/web", kind: "pod", host: "n1", node: "n1", pod: "demo/web" });
  const second = net.device({ name: "n2", kind: "host", host: "n2", node: "n2" });
  for (const d of [ex, int]) for (const n of [1, 2, 3]) port(d, n);
  for (const d of [host, pod, second]) port(d, 1);
  net.join(router, 1, ex, 1, "proven", "cable");
  net.join(router, 2, second, 1, "proven", "cable");
  net.join(ex, 2, int, 1, "proven", "patch ports", [], true);
  net.join(ex, 3, host, 1, "proven", "internal port");
  net.join(int, 2, pod, 1, "proven", "veth");
  const exFlows = net.table(ex, "0", "openflow", "priority");
  ex.entry = exFlows.id;
  if (straight)
    net.rule(exFlows, {
      priority: 110,
      rows: [to(VIP)],
      program: [{ op: "output", port: 2 }],
      origin: at("n1/ex", 20, "nw_dst=203.0.113.100 actions=output:2"),
    });
  net.rule(exFlows, { priority: 10, program: [{ op: "output", port: 3 }], origin: at("n1/ex", 34, "actions=LOCAL") });
  const intFlows = net.table(int, "0", "openflow", "priority");
  int.entry = intFlows.id;
  net.rule(intFlows, {
    priority: 120,
    rows: [to(VIP)],
    program: [
      { op: "set", dst: slice("ip_dst"), value: BigInt(POD) },
      { op: "output", port: 2 },
    ],
    origin: at("n1/int", 7, "nw_dst=203.0.113.100 actions=set_field:10.128.0.5"),
    cookie: 0x93f7000bn,
  });
  net.rule(intFlows, {
    priority: 100,
    rows: [to(VIP)],
    program: [],
    origin: at("n1/int", 8, "priority=100,nw_dst=203.0.113.100 actions=drop"),
  });
  const nat = net.table(host, "nat EXTERNAL", "netfilter", "sequence");
  const prerouting = net.table(host, "nat PREROUTING", "netfilter", "sequence");
  host.entry = prerouting.id;
  net.rule(prerouting, {
    rows: [matchField([], "ip_src", 0x0a000001)],
    program: [{ op: "drop" }],
    origin: at("n1/rules", 1, "-A PREROUTING -s 10.0.0.1 -j DROP"),
    number: 1,
  });
  net.rule(prerouting, {
    rows: [matchField([], "pkt_mark", 7)],
    program: [{ op: "call", table: nat.id }],
    origin: at("n1/rules", 2, "-A PREROUTING -m mark --mark 7 -j EXTERNAL"),
    number: 2,
  });
  prerouting.miss = [{ op: "local" }];
  net.rule(nat, {
    rows: [to(VIP)],
    program: [{ op: "nat", type: "dst", range: { min: 0xac1e0007n, max: 0xac1e0007n, portMin: 80, portMax: 80 } }],
    origin: at("n1/rules", 5, "-A EXTERNAL -d 203.0.113.100 -j DNAT --to-destination 172.30.0.7:80"),
    number: 1,
  });
  const podInput = net.table(pod, "input", "socket", "priority");
  pod.entry = podInput.id;
  podInput.miss = [{ op: "local" }];
  const input = net.table(second, "filter INPUT", "netfilter", "sequence");
  second.entry = input.id;
  net.rule(input, {
    rows: [to(VIP)],
    program: [{ op: "drop" }],
    origin: at("n2/rules", 4, "-A INPUT -d 203.0.113.100 -j DROP"),
    number: 1,
  });
  return net;
}

function session(net: NetworkBuilder) {
  return { net, machine: new Interpreter(net), num: numbering(net), annotators: [] };
}
const PACKET = "tcp 192.0.2.1:40000 > 203.0.113.100:80";

test("present, never reached: each with the rule that took the packet elsewhere", () => {
  const { branches } = trace(session(network()), PACKET, { from: "router:p3" });
  expect(branches.map((b) => b.verdict)).toEqual(["delivered", "dropped"]);
  const told = branches.map((b) =>
    b.unreached?.rules.map((r) => `${r.rule.file}:${r.rule.line} ${r.reason}: ${r.why} [${r.by?.rule.file}:${r.by?.rule.line}]`),
  );
  expect(told).toEqual([
    [
      "n1/rules:5 not-there: the packet never came to the host n1: n1/ex sent it straight to n1/int [n1/ex:20]",
      "n1/int:8 preferred: it matches, but a higher priority wins (120 before 100) [n1/int:7]",
      "n2/rules:4 other-node: n2 is not on this path: router sent it to n1/ex (1 of 2 by ecmp) [router/routes:3]",
    ],
    [
      "n1/rules:5 other-node: n1 is not on this path: router sent it to n2 (2 of 2 by ecmp) [router/routes:3]",
      "n1/ex:20 other-node: n1 is not on this path: router sent it to n2 (2 of 2 by ecmp) [router/routes:3]",
      "n1/int:7 other-node: n1 is not on this path: router sent it to n2 (2 of 2 by ecmp) [router/routes:3]",
      "n1/int:8 other-node: n1 is not on this path: router sent it to n2 (2 of 2 by ecmp) [router/routes:3]",
    ],
  ]);
  expect(branches[0].unreached?.rules[0].to).toEqual(["172.30.0.7:80"]);
});

/** The answers of the first branch. */
function why(rule: string, net = network()): string[] {
  const { whyNot } = trace(session(net), PACKET, { from: "router:p3", whyNot: rule });
  return (whyNot ?? []).flatMap((w) =>
    w.answers.filter((a) => a.branches.includes(0)).map((a) => `${w.rule.file}:${w.rule.line} ${a.reason}: ${a.why}`),
  );
}

test("why not: a rule by its place, its cookie, its UUID and its text", () => {
  expect(why("n1/rules:5")).toEqual(["n1/rules:5 not-there: the packet never came to the host n1: n1/ex sent it straight to n1/int"]);
  expect(why("0x93f7000b")).toEqual(["n1/int:7 hit: it was hit"]);
  expect(why("93f7000b-c19e-4616-8619-1aa0ce759b0f")).toEqual(["n1/int:7 hit: it was hit"]);
  expect(why("priority=100,nw_dst=203.0.113.100")).toEqual(["n1/int:8 preferred: it matches, but a higher priority wins (120 before 100)"]);
  expect(() => why("no such rule")).toThrow("no rule of this snapshot is that");
});

test("why not: a condition that fails, and a table that nothing led to", () => {
  const net = network(false);
  expect(why("n1/rules:1", net)).toEqual(["n1/rules:1 no-match: looked at, and it does not match: source is 192.0.2.1, it wants 10.0.0.1"]);
  expect(why("n1/rules:5", net)).toEqual([
    "n1/rules:5 not-asked: netfilter nat EXTERNAL was not asked: of nat PREROUTING rule 2, which leads there: looked at, and it does not match: packet mark is 0, it wants 0x7",
  ]);
});
