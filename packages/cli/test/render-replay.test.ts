import type { Flow, ReplayResult } from "@plumbline/engine";
import { expect, test } from "vitest";
import { renderReplay } from "../src/render/replay.js";

const LOOK = { colour: false, width: 160 };
const because = { device: "node-1", rule: "-A FORWARD -i br-ex -j DROP", file: "node-1/host/iptables-save", line: 27 };
const count = (flows: number) => ({ flows, packets: 4 * flows, bytes: 300 * flows });

const contradicted: Flow = {
  schema: "plumbline.flow/1",
  proto: "tcp",
  src: "192.0.2.1",
  srcPort: 40000,
  dst: "203.0.113.100",
  dstPort: 80,
  packets: 4,
  bytes: 300,
  first: "2026-11-22T12:16:53.000000000Z",
  last: "2026-11-22T12:16:54.000000000Z",
  verdict: "dropped",
  node: "node-1",
  to: null,
  toKind: null,
  toNode: null,
  finalSrc: "192.0.2.1",
  finalSrcPort: 40000,
  finalDst: "203.0.113.100",
  finalDstPort: 80,
  path: "p3",
  probability: 1,
  chosen: "only",
  because,
  reason: "",
  certainty: "proven",
  answer: "answered",
  contradiction: "predicted dropped, but an answer left at router:eth0",
  reply: null,
  start: "port",
  sightings: 1,
  unseen: "",
  otherPath: 0,
  at: "router:eth0",
};

const counters: ReplayResult["captures"][number]["counters"] = {
  ipv4: 90,
  ipv6: 0,
  arp: 2,
  other: 0,
  shortEthernet: 0,
  shortNetwork: 0,
  shortTransport: 0,
  badIp: 0,
  frames: 92,
  bytes: 6000,
  entering: 48,
  leaving: 42,
  run: 48,
  fragments: 0,
  unquoted: 0,
  flowless: 0,
  pathless: 0,
  foreign: 0,
  replies: 0,
  tunnelled: 0,
  sent: 0,
  hits: 30,
  remembered: 12,
  dropped: 3,
  evicted: 0,
  otherLinks: 0,
};

const RESULT: ReplayResult = {
  schema: "plumbline.replay/1",
  captures: [{ name: "router.eth0.pcap", at: "router:eth0", direction: "frames to 02:00:00:00:00:aa enter", counters, problem: "" }],
  total: count(12),
  verdicts: [
    { verdict: "contradicted by the capture", ...count(1) },
    { verdict: "delivered", ...count(10) },
    { verdict: "dropped", ...count(1) },
  ],
  ways: [
    { way: "router > node-1 (br-ex, br-int) > shop/web-0", devices: [], verdict: "delivered", ...count(10) },
    { way: "router > node-1 (br-ex, stack)", devices: [], verdict: "dropped", ...count(1) },
  ],
  nodes: [{ node: "node-1", ...count(12) }],
  backends: [{ kind: "pod", to: "shop/web-0", node: "node-1", ...count(10) }],
  failures: [
    { verdict: "dropped", reason: "dropped by filter FORWARD rule 9", because, example: "tcp 192.0.2.1:4 > 203.0.113.100:81", ...count(1) },
  ],
  contradictions: [contradicted],
  unanswered: count(2),
  paths: [],
  notes: ["2 ARP frames not run"],
  workers: 1,
  stats: {
    seconds: 2,
    packetsPerSecond: 46,
    peakRssBytes: 200 * 1024 ** 2,
    time: { compile: 0, read: 0.5, decode: 0.1, run: 1, fold: 0.1, hit: 0, tell: 0.1, follow: 0, records: 0.2 },
  },
};

test("a summary: contradictions first, counts aligned, the rule behind what failed", () => {
  expect(renderReplay(RESULT, LOOK, { all: false, stats: true })).toMatchInlineSnapshot(`
    "router.eth0.pcap  at router:eth0: 92 packets, 48 entering, 42 leaving, 48 run  (frames to 02:00:00:00:00:aa enter)

    contradicted by the capture: 1 flow
      tcp 192.0.2.1:40000 > 203.0.113.100:80: predicted dropped, but an answer left at router:eth0; node-1: -A FORWARD -i br-ex -j DROP  node-1/host/iptables-save:27

      flows  packets  bytes  verdict
          1        4    300  contradicted by the capture
         10       40   3000  delivered
          1        4    300  dropped

      flows  packets  bytes  node
         12       48   3600  node-1

      flows  packets  bytes  backend
         10       40   3000  pod shop/web-0  on node-1

      flows  packets  bytes  path
         10       40   3000  delivered  router > node-1 (br-ex, br-int) > shop/web-0
          1        4    300  dropped    router > node-1 (br-ex, stack)

    why not delivered
      dropped: 1 flow, 4 packets, such as tcp 192.0.2.1:4 > 203.0.113.100:81
        dropped by filter FORWARD rule 9
        node-1: -A FORWARD -i br-ex -j DROP  node-1/host/iptables-save:27

    note: 2 ARP frames not run

    time: 2.00 s, 46 packets a second; peak memory 200 MiB
      compile 0.00 s (0 %), read 0.50 s (25 %), decode 0.10 s (5 %), run 1.00 s (50 %), fold 0.10 s (5 %), hit 0.00 s (0 %), tell 0.10 s (5 %), follow 0.00 s (0 %), records 0.20 s (10 %)
      30 packets followed a remembered trajectory: 12 remembered, 3 dropped, 0 evicted

    12 flows: 1 contradicted by the capture, 10 delivered, 1 dropped; 2 of the delivered got no answer that the capture shows"
  `);
});

test("many rows are cut unless all are asked for; shares of branches are fractions", () => {
  const nodes = Array.from({ length: 14 }, (_, i) => ({ node: `node-${i}`, flows: 0.5, packets: 1.5, bytes: 100 }));
  const x: ReplayResult = {
    ...RESULT,
    total: { flows: 7, packets: 21, bytes: 1400 },
    verdicts: [{ verdict: "delivered", flows: 7, packets: 21, bytes: 1400 }],
    contradictions: [],
    failures: [],
    ways: [],
    backends: [],
    notes: [],
    unanswered: { flows: 0, packets: 0, bytes: 0 },
    nodes,
  };
  const cut = renderReplay(x, LOOK, { all: false, stats: false });
  expect(cut).toContain("    0.5      1.5    100  node-11\n  and 2 more (--all lists them)");
  expect(renderReplay(x, LOOK, { all: true, stats: false })).toContain("node-13");
  expect(cut.split("\n").at(-1)).toBe("7 flows: 7 delivered");
});
