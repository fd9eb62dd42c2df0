import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  type FactKind,
  type FactKinds,
  Interpreter,
  ipv4Number,
  type LowerContext,
  matchField,
  numbering,
  type Origin,
  type Plugin,
  slice,
} from "@plumbline/model";
import { definePlugin, FactStore } from "@plumbline/plugin-sdk";
import { afterAll, expect, test } from "vitest";
import { buildNetwork } from "../src/network/build.js";
import { loadSnapshot } from "../src/snapshot/index.js";
import { trace } from "../src/trace/trace.js";

const root = mkdtempSync(join(tmpdir(), "plumbline-partial-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const at = (file: string, line: number, text: string): Origin => ({ file, line, text });
const dst = (address: string, len = 32) =>
  matchField([], "ip_dst", ipv4Number(address)!, len === 32 ? 0xffffffff : (0xffffffff << (32 - len)) >>> 0);

/** A router with one route over two next hops; of its wire nothing is known but what `entries` says. */
function router(ctx: LowerContext, entries: readonly { address: string; mac: bigint }[] = []): void {
  const { net } = ctx;
  const d = net.device({ name: "router", kind: "router", host: "router" });
  net.port(d, 1, "eth0", {
    kind: "netdev",
    host: "router",
    name: "eth0",
    internal: false,
    mac: "",
    addresses: [{ address: "192.0.2.1", prefixLen: 24 }],
  });
  const fib = net.table(d, "main", "fib", "priority");
  const neighbours = net.table(d, "neighbours", "neighbour", "priority");
  const via = (address: string) => [
    { op: "set", dst: slice("out_port"), value: 1n } as const,
    { op: "set", dst: slice("nexthop"), value: BigInt(ipv4Number(address)!) } as const,
  ];
  net.rule(fib, {
    rows: [dst("203.0.113.9")],
    program: [
      { op: "choose", how: "ecmp", weights: [1, 1], options: [via("192.0.2.11"), via("192.0.2.12")] },
      { op: "goto", table: neighbours.id },
    ],
    origin: at("router/routes", 4, "203.0.113.9 by 192.0.2.11 and 192.0.2.12"),
  });
  neighbours.miss = [{ op: "unknown", why: "no neighbour entry", command: "ip neigh", on: "router" }];
  for (const { address, mac } of entries)
    net.rule(neighbours, {
      priority: 20,
      rows: [matchField([], "nexthop", ipv4Number(address)!)],
      program: [
        { op: "set", dst: slice("eth_dst"), value: mac },
        { op: "output", port: 1 },
      ],
      origin: at("router/neigh", 2, `${address} lladdr`),
    });
  d.entry = fib.id;
  d.origin = fib.id;
}

/** A chain, a logical flow and a flow of host `n`, that each translate or name the destination of the one before. */
function fragments(ctx: LowerContext, n: string): void {
  ctx.hooks.push({
    host: n,
    hook: "prerouting",
    priority: -100,
    type: "nat",
    build(device, next) {
      const chain = ctx.net.table(device, "nat SERVICES", "netfilter", "sequence");
      const min = BigInt(ipv4Number("172.30.0.7")!);
      ctx.net.rule(chain, {
        rows: [matchField(dst("203.0.113.9"), "tp_dst", 80)],
        program: [{ op: "nat", type: "dst", range: { min, max: min, portMin: 80, portMax: 80 } }],
        origin: at(`${n}/nat`, 1, "-A SERVICES … -j DNAT --to-destination 172.30.0.7:80"),
      });
      chain.miss = [{ op: "goto", table: next, unwind: true }];
      return chain.id;
    },
  });
  const bridge = ctx.net.device({ name: `${n}/br-int`, kind: "bridge", host: n });
  const [entry, balance] = ["0", "21"].map((t) => ctx.net.table(bridge, t, "openflow", "priority"));
  bridge.entry = entry.id;
  const backend = BigInt(ipv4Number("198.51.100.4")!);
  ctx.net.rule(balance, {
    rows: [matchField(matchField(dst("172.30.0.7"), "tp_dst", 80), "reg9", 5)],
    program: [{ op: "nat", type: "dst", range: { min: backend, max: backend } }],
    origin: at(`${n}/flows`, 7, "table=21,nw_dst=172.30.0.7 actions=…"),
  });
  // Another destination: not part of the story.
  ctx.net.rule(balance, { rows: [dst("172.30.0.8")], program: [], origin: at(`${n}/flows`, 8, "table=21,nw_dst=172.30.0.8") });
}

const plugin = (lower: Plugin["lower"]) => definePlugin({ id: "toy", title: "toy", claims: () => null, parse() {}, lower });

function factsOf(list: readonly { [K in FactKind]: [kind: K, host: string, data: FactKinds[K]] }[FactKind][]): FactStore {
  const facts = new FactStore();
  for (const [i, [kind, host, data]] of list.entries()) facts.add({ kind, host, data, origin: at(`${host}/${kind}`, i + 1, "") });
  return facts;
}

/** Branches of a trace from the router: verdict, reason, hops and what else speaks of the destination, one line each. */
function told(facts: FactStore, toy: Plugin): string[] {
  const { net, problems } = buildNetwork(facts, [toy]);
  const session = { net, machine: new Interpreter(net), num: numbering(net), annotators: [] };
  const r = trace(session, "tcp 192.0.2.200:40000 > 203.0.113.9:80", { from: "router" });
  return [
    ...r.branches.flatMap((b) => [
      `${b.verdict} at ${b.node || "no node"}: ${b.reason}`,
      ...b.hops.map((h) => `  ${h.certainty} ${h.device} ${h.stage} | ${h.rule.text} | ${h.why}`),
      ...(b.further ?? []).map(
        (h) => `  further ${h.device} ${h.stage} | ${h.rule.file}:${h.rule.line} | ${h.changes.map((c) => c.after).join()}`,
      ),
      ...b.needs.map((n) => `  ${n.on}: ${n.command} (${n.why})`),
    ]),
    ...problems.map((p) => `${p.severity} ${p.file}:${p.line} ${p.message}`),
  ];
}

const two = plugin({
  hooks: (ctx) => fragments(ctx, "n1"),
  devices: (ctx) => router(ctx),
});

test("a next hop that a host of fragments claims leads there; the other asks whose it is", () => {
  expect(
    told(factsOf([["host.address-claim", "n1", { address: "192.0.2.11", why: "its gateway router translates to it" }]]), two),
  ).toMatchInlineSnapshot(`
    [
      "unknown at n1: only fragments of n1 are in evidence: what br-ex and the host's stack do with the packet is not",
      "  proven router fib main | 203.0.113.9 by 192.0.2.11 and 192.0.2.12 | ",
      "  inferred router neighbour neighbours |  | n1 has 192.0.2.11: its gateway router translates to it (n1/host.address-claim:1)",
      "  proven n1 host entry | no rule matches | from router: n1 has 192.0.2.11: its gateway router translates to it (n1/host.address-claim:1)",
      "  further n1 netfilter nat SERVICES | n1/nat:1 | 172.30.0.7:80",
      "  further n1/br-int openflow 21 | n1/flows:7 | 198.51.100.4",
      "  n1: ovs-ofctl -O OpenFlow15 dump-flows br-ex; ovs-vsctl show; ip addr; ip route show table all; iptables-save -c (only fragments of n1 are in evidence: what br-ex and the host's stack do with the packet is not)",
      "unknown at no node: which host has the next hop 192.0.2.12 is not in evidence",
      "  proven router fib main | 203.0.113.9 by 192.0.2.11 and 192.0.2.12 | ",
      "  inferred router neighbour neighbours |  | the route names the next hop; who answers for it is not in evidence",
      "  router: ip neigh (no neighbour entry for 192.0.2.12 on eth0)",
      "  cluster: oc get nodes -o wide (which host has the next hop 192.0.2.12 is not in evidence)",
    ]
  `);
});

test("Node objects tell whose a next hop is, with evidence of the node and without", () => {
  const node = (name: string, ...addresses: string[]) => ({ name, addresses, annotations: {}, labels: {} });
  expect(
    told(
      factsOf([
        ["k8s.node", "", node("n1", "192.0.2.11", "n1")],
        ["k8s.node", "", node("n2", "192.0.2.12")],
        ["linux.sysctl", "n1", { key: "a", value: "1" }],
      ]),
      two,
    ),
  ).toMatchInlineSnapshot(`
    [
      "unknown at n1: only fragments of n1 are in evidence: what br-ex and the host's stack do with the packet is not",
      "  proven router fib main | 203.0.113.9 by 192.0.2.11 and 192.0.2.12 | ",
      "  inferred router neighbour neighbours |  | n1 has 192.0.2.11: an address of Node n1 (/k8s.node:1)",
      "  proven n1 host entry | no rule matches | from router: n1 has 192.0.2.11: an address of Node n1 (/k8s.node:1)",
      "  further n1 netfilter nat SERVICES | n1/nat:1 | 172.30.0.7:80",
      "  further n1/br-int openflow 21 | n1/flows:7 | 198.51.100.4",
      "  n1: ovs-ofctl -O OpenFlow15 dump-flows br-ex; ovs-vsctl show; ip addr; ip route show table all; iptables-save -c (only fragments of n1 are in evidence: what br-ex and the host's stack do with the packet is not)",
      "unknown at no node: the next hop 192.0.2.12 is Node n2, of which nothing is in evidence",
      "  proven router fib main | 203.0.113.9 by 192.0.2.11 and 192.0.2.12 | ",
      "  inferred router neighbour neighbours |  | the route names the next hop; who answers for it is not in evidence",
      "  router: ip neigh (no neighbour entry for 192.0.2.12 on eth0)",
      "  n2: ovs-ofctl -O OpenFlow15 dump-flows br-ex; ovs-vsctl show; ip addr; ip route show table all; iptables-save -c (the next hop 192.0.2.12 is Node n2, of which nothing is in evidence)",
    ]
  `);
});

test("a neighbour entry shows that a next hop answers, not who it is", () => {
  const toy = plugin({
    devices: (ctx) =>
      router(ctx, [
        { address: "192.0.2.11", mac: 1n },
        { address: "192.0.2.12", mac: 2n },
      ]),
  });
  const lines = told(factsOf([["host.address-claim", "n1", { address: "192.0.2.11", why: "it says so" }]]), toy);
  expect(lines.filter((l) => /neigh|unknown/.test(l))).toMatchInlineSnapshot(`
    [
      "unknown at n1: only fragments of n1 are in evidence: what br-ex and the host's stack do with the packet is not",
      "  inferred router neighbour neighbours | 192.0.2.11 lladdr | n1 has 192.0.2.11: it says so (n1/host.address-claim:1)",
      "unknown at no node: which host has the next hop 192.0.2.12 is not in evidence",
      "  proven router neighbour neighbours | 192.0.2.12 lladdr | ",
    ]
  `);
});

test("two hosts that claim one address are reported", () => {
  const toy = plugin({ devices: (ctx) => router(ctx) });
  const claim = { address: "192.0.2.11", why: "it says so" };
  const lines = told(
    factsOf([
      ["host.address-claim", "n1", claim],
      ["host.address-claim", "n2", claim],
    ]),
    toy,
  );
  expect(lines.at(-1)).toBe(
    "warning n2/host.address-claim:2 192.0.2.11 is n2's (it says so), but also n1's at n1/host.address-claim:1 (it says so), which is used",
  );
});

test("a host's bridge of which only the interface is in evidence stands between its wire and its stack", () => {
  const toy = plugin({
    devices(ctx) {
      const d = ctx.net.device({ name: "n1", kind: "host", host: "n1" });
      ctx.net.port(d, 5, "br-ex", {
        kind: "netdev",
        host: "n1",
        name: "br-ex",
        internal: false,
        mac: "02:00:00:00:00:0b",
        addresses: [{ address: "192.0.2.11", prefixLen: 24 }],
      });
      d.entry = ctx.net.table(d, "in", "hook", "priority").id;
      router(ctx, [{ address: "192.0.2.11", mac: 0x02000000000bn }]);
    },
  });
  const link = { name: "br-ex", ifindex: 5, mac: "", peerIndex: 0, linkNetns: "", up: true, mtu: 1500, type: "openvswitch", master: "" };
  const lines = told(factsOf([["linux.interface", "n1", link]]), toy);
  expect(lines.filter((l) => !l.startsWith("  "))).toMatchInlineSnapshot(`
    [
      "unknown at no node: br-ex of n1 is an Open vSwitch bridge, and its flows are not in evidence",
      "unknown at no node: no neighbour entry",
      "warning :0 br-ex of n1 is an Open vSwitch bridge, and its flows are not in evidence: packets on its wire are 'unknown'",
    ]
  `);
});

test("folders of states side by side are no hosts; a host in several of them is reported", async () => {
  const folder = (name: string, files: readonly string[]) => {
    for (const f of files) {
      mkdirSync(dirname(join(root, name, f)), { recursive: true });
      writeFileSync(join(root, name, f), "x\n");
    }
    return join(root, name);
  };
  const reader = definePlugin({
    id: "toy",
    title: "toy",
    claims: (f) => ({ score: 0.5, what: f.path, form: 0 }),
    parse: (f, ctx) => ctx.fact("linux.sysctl", { key: f.path, value: "" }, 1, ""),
  });
  const hosts = async (name: string, files: readonly string[]) => {
    const s = await loadSnapshot(folder(name, files), { plugins: [reader] });
    return {
      hosts: s.files.map((f) => `${f.file.host}: ${f.file.path}`),
      problems: s.problems.map((p) => `${p.severity} ${p.file}: ${p.message} ${p.hint}`),
    };
  };
  expect(
    await hosts("states", ["before/router/a", "before/n1/a", "after/router/b", "after/n2/a", "kubernetes/objects.yaml"]),
  ).toMatchInlineSnapshot(`
    {
      "hosts": [
        "n2: after/n2/a",
        "router: after/router/b",
        "n1: before/n1/a",
        "router: before/router/a",
        ": kubernetes/objects.yaml",
      ],
      "problems": [
        "warning after/router: evidence of router lies in after/router and before/router: it is taken together, though it may be of different states If they are different states, give one alone: after or before.",
      ],
    }
  `);
  expect((await hosts("one", ["lab/router/a", "lab/n1/a", "kubernetes/objects.yaml"])).hosts).toEqual([
    ": kubernetes/objects.yaml",
    "n1: lab/n1/a",
    "router: lab/router/a",
  ]);
  // Folders of one host that are no layers are still that host's.
  expect((await hosts("plain", ["n1/host/a", "n1/notes/a", "n2/notes/a", "n2/more/b"])).hosts).toEqual([
    "n1: n1/host/a",
    "n1: n1/notes/a",
    "n2: n2/more/b",
    "n2: n2/notes/a",
  ]);
});
