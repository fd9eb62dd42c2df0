import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { NetworkBuilder } from "@plumbline/model";
import { asyncBufferFromFile, parquetReadObjects } from "hyparquet";
import { afterAll, describe, expect, test } from "vitest";
import { type Flow, flowFile, flowText, openCapture, type ReplayOptions, replay } from "../src/replay/index.js";
import { pointInName, pointOf } from "../src/replay/point.js";
import { nameIn } from "../src/replay/source.js";
import { type Packet, pcap } from "./captures.js";
import { answers, enters, netdev, network, subject } from "./toy-network.js";

const root = mkdtempSync(join(tmpdir(), "plumbline-replay-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function run(net: NetworkBuilder, packets: readonly Packet[], options: Omit<ReplayOptions, "flows"> = {}) {
  const flows: Flow[] = [];
  const path = join(root, "router.eth0.pcap");
  writeFileSync(path, pcap(packets));
  const result = await replay(subject(net), [{ source: await openCapture(path) }], {
    ...options,
    flows: { write: (f) => flows.push(f), close() {} },
  });
  return { result, flows };
}

const line = (f: Flow) =>
  `${flowText(f)} ${f.packets}p ${f.bytes}B ${f.verdict} ${f.node} ${f.to} > ${f.finalDst}:${f.finalDstPort} ${f.path} ${f.probability} ${f.chosen} ${f.because ? `${f.because.device} ${f.because.file}:${f.because.line} ${f.because.rule}` : "-"} ${f.reason} ${f.answer} ${f.contradiction}`.trim();

test("flows of one capture: delivered by either node, dropped, refused, answers as evidence", async () => {
  const first = enters({});
  const refused = enters({ to: 102 });
  const { result, flows } = await run(network(), [
    first,
    answers(first),
    enters({ flags: "A" }),
    enters({ sport: 40001 }),
    enters({ sport: 40002 }),
    enters({ to: 101, proto: "udp" }),
    refused,
    answers(refused, { flags: "RA" }),
    { ...first, fromMac: "02:00:00:00:00:07", toMac: "02:00:00:00:00:08" },
  ]);
  expect(flows.map(line)).toMatchInlineSnapshot(`
    [
      "tcp 192.0.2.1:40000 > 192.0.2.100:80 2p 108B delivered node-2 node-2 > 192.0.2.100:8080 p0 0.5 hash node-2 node-2/iptables-save:9 -A INPUT -j ACCEPT  answered",
      "tcp 192.0.2.1:40001 > 192.0.2.100:80 1p 54B delivered node-2 node-2 > 192.0.2.100:8080 p0 0.5 hash node-2 node-2/iptables-save:9 -A INPUT -j ACCEPT  none",
      "tcp 192.0.2.1:40002 > 192.0.2.100:80 1p 54B delivered node-2 node-2 > 192.0.2.100:8080 p0 0.5 hash node-2 node-2/iptables-save:9 -A INPUT -j ACCEPT  none",
      "udp 192.0.2.1:40000 > 192.0.2.101:80 1p 42B dropped  null > 192.0.2.101:80 p1 1 only router router/ip_route:2 blackhole 192.0.2.101 blackhole route none",
      "tcp 192.0.2.1:40000 > 192.0.2.102:80 1p 54B refused  null > 192.0.2.102:80 p2 1 only router router/ip_route:3 prohibit 192.0.2.102 no listener reset",
    ]
  `);
  const { stats, captures, paths, ...rest } = result;
  expect(stats.packetsPerSecond).toBeGreaterThan(0);
  expect(
    captures.map(({ counters: c, name, ...x }) => ({ ...x, in: c.entering, out: c.leaving, run: c.run, foreign: c.foreign })),
  ).toMatchInlineSnapshot(`
    [
      {
        "at": "router:eth0",
        "direction": "frames to 02:00:00:00:00:aa enter",
        "foreign": 1,
        "in": 6,
        "out": 2,
        "problem": "",
        "run": 6,
      },
    ]
  `);
  expect(rest).toMatchInlineSnapshot(`
    {
      "backends": [
        {
          "bytes": 216,
          "flows": 3,
          "kind": "node",
          "node": "node-2",
          "packets": 4,
          "to": "node-2",
        },
      ],
      "contradictions": [],
      "failures": [
        {
          "because": {
            "device": "router",
            "file": "router/ip_route",
            "line": 3,
            "rule": "prohibit 192.0.2.102",
          },
          "bytes": 54,
          "example": "tcp 192.0.2.1:40000 > 192.0.2.102:80",
          "flows": 1,
          "packets": 1,
          "reason": "no listener",
          "verdict": "refused",
        },
        {
          "because": {
            "device": "router",
            "file": "router/ip_route",
            "line": 2,
            "rule": "blackhole 192.0.2.101",
          },
          "bytes": 42,
          "example": "udp 192.0.2.1:40000 > 192.0.2.101:80",
          "flows": 1,
          "packets": 1,
          "reason": "blackhole route",
          "verdict": "dropped",
        },
      ],
      "nodes": [
        {
          "bytes": 216,
          "flows": 3,
          "node": "node-2",
          "packets": 4,
        },
      ],
      "notes": [
        "1 packet neither entering nor leaving: from and for others",
      ],
      "schema": "plumbline.replay/1",
      "total": {
        "bytes": 312,
        "flows": 5,
        "packets": 6,
      },
      "unanswered": {
        "bytes": 108,
        "flows": 2,
        "packets": 2,
      },
      "verdicts": [
        {
          "bytes": 216,
          "flows": 3,
          "packets": 4,
          "verdict": "delivered",
        },
        {
          "bytes": 54,
          "flows": 1,
          "packets": 1,
          "verdict": "refused",
        },
        {
          "bytes": 42,
          "flows": 1,
          "packets": 1,
          "verdict": "dropped",
        },
      ],
      "ways": [
        {
          "bytes": 216,
          "devices": [
            "router",
            "node-2",
          ],
          "flows": 3,
          "packets": 4,
          "verdict": "delivered",
          "way": "router > node-2",
        },
        {
          "bytes": 42,
          "devices": [
            "router",
          ],
          "flows": 1,
          "packets": 1,
          "verdict": "dropped",
          "way": "router",
        },
        {
          "bytes": 54,
          "devices": [
            "router",
          ],
          "flows": 1,
          "packets": 1,
          "verdict": "refused",
          "way": "router",
        },
      ],
      "workers": 1,
    }
  `);
  expect(paths.reduce((n, p) => n + p.flows, 0)).toBe(flows.length);
  expect(flows[0]).toMatchObject({ first: "2023-11-14T22:13:20.000000000Z", last: "2023-11-14T22:13:20.002000000Z", at: "router:eth0" });
});

test("evidence chooses the branch: what was answered was not dropped", async () => {
  const packets = Array.from({ length: 8 }, (_, i) => enters({ sport: 40000 + i }));
  const alone = await run(network("drops"), packets);
  expect(new Set(alone.flows.map((f) => `${f.verdict} ${f.chosen} ${f.probability}`))).toEqual(
    new Set(["delivered hash 0.5", "dropped hash 0.5"]),
  );
  const { flows, result } = await run(
    network("drops"),
    packets.flatMap((p) => [p, answers(p)]),
  );
  expect(new Set(flows.map((f) => `${f.verdict} ${f.node} ${f.contradiction}`))).toEqual(new Set(["delivered node-1 "]));
  expect(new Set(flows.map((f) => `${f.chosen} ${f.probability}`))).toEqual(new Set(["hash 0.5", "proven 1"]));
  expect(result.contradictions).toEqual([]);
});

describe("contradicted by the capture", () => {
  const dropped = enters({ to: 101 });
  const udp = enters({ proto: "udp" });
  test.each([
    ["dropped, but answered", [dropped, answers(dropped)], "dropped", "predicted dropped, but an answer left at router:eth0"],
    ["dropped, but reset", [dropped, answers(dropped, { flags: "R" })], "dropped", "predicted dropped, but a reset left at router:eth0"],
    [
      "delivered, but reset",
      [enters({}), answers(enters({}), { flags: "RA" })],
      "delivered",
      "predicted delivered, but a reset left at router:eth0",
    ],
    ["a reset after the capture began says nothing", [enters({ flags: "A" }), answers(enters({}), { flags: "R" })], "delivered", ""],
    [
      "a port unreachable",
      [udp, answers(udp, { error: [3, 3] })],
      "delivered",
      "predicted delivered, but an ICMP port unreachable left at router:eth0",
    ],
    [
      "a host unreachable",
      [udp, answers(udp, { error: [3, 1] })],
      "delivered",
      "predicted delivered, but an ICMP unreachable left at router:eth0",
    ],
    ["too large is no fate", [udp, answers(udp, { error: [3, 4] })], "delivered", ""],
    ["expired", [udp, answers(udp, { error: [11, 0] })], "delivered", "predicted delivered, but an ICMP time exceeded left at router:eth0"],
  ] as const)("%s", async (_, packets, verdict, contradiction) => {
    const { flows, result } = await run(network(), packets);
    expect(flows.map((f) => [f.verdict, f.contradiction])).toEqual([[verdict, contradiction]]);
    expect(result.verdicts.map((v) => v.verdict)).toEqual([contradiction === "" ? verdict : "contradicted by the capture"]);
    expect(result.contradictions.length).toBe(contradiction === "" ? 0 : 1);
  });
});

test("an entering answer to what left here is not run, and unknown", async () => {
  const opened = answers(enters({}), { flags: "S" });
  const { flows, result } = await run(network(), [opened, enters({ flags: "SA" }), enters({ flags: "A" })]);
  expect(flows.map((f) => [f.verdict, f.path, f.packets, f.reason.slice(0, 41)])).toEqual([
    ["unknown", null, 2, "it answers a connection that left here, a"],
  ]);
  expect(result.captures[0].counters).toMatchObject({ run: 0, replies: 2, entering: 2, leaving: 1 });
  expect(result.notes).toEqual(["2 packets not run: they answer connections that left here"]);
});

test("enumerate: every branch with its share", async () => {
  const { flows, result } = await run(network("drops"), [enters({}), enters({ to: 101 })], { choose: "enumerate" });
  expect(flows.map((f) => `${flowText(f)} ${f.verdict} ${f.node} ${f.path} ${f.probability} ${f.chosen}`)).toMatchInlineSnapshot(`
    [
      "tcp 192.0.2.1:40000 > 192.0.2.100:80 delivered node-1 p2 0.5 enumerated",
      "tcp 192.0.2.1:40000 > 192.0.2.100:80 dropped node-2 p0 0.5 enumerated",
      "tcp 192.0.2.1:40000 > 192.0.2.101:80 dropped  p1 1 only",
    ]
  `);
  expect(result.verdicts).toMatchInlineSnapshot(`
    [
      {
        "bytes": 27,
        "flows": 0.5,
        "packets": 0.5,
        "verdict": "delivered",
      },
      {
        "bytes": 81,
        "flows": 1.5,
        "packets": 1.5,
        "verdict": "dropped",
      },
    ]
  `);
});

test("more flows than are held are written out on the way", async () => {
  const packets = Array.from({ length: 40 }, (_, i) => enters({ sport: 40000 + (i % 20) }));
  const { flows, result } = await run(network(), packets, { maxFlows: 16 });
  expect(flows.reduce((n, f) => n + f.packets, 0)).toBe(40);
  expect(result.notes).toEqual(["flows were written out 3 times to make room: a connection may have several records"]);
});

describe("captures that are packed, cut or none", () => {
  const bytes = pcap([enters({}), enters({ sport: 40001 })]);
  /** As `gzip -N` writes it. */
  const named = (name: string) => {
    const plain = gzipSync(bytes);
    plain[3] = 8;
    return Buffer.concat([plain.subarray(0, 10), Buffer.from(`${name}\0`), plain.subarray(10)]);
  };
  const file = (name: string, content: Uint8Array) => {
    writeFileSync(join(root, name), content);
    return openCapture(join(root, name));
  };

  test("gzip, by its own name or the name inside", async () => {
    for (const source of [await file("a.router.eth0.pcap.gz", gzipSync(bytes)), await file("x.gz", named("router.eth0.pcap"))])
      expect((await replay(subject(network()), [{ source }])).captures[0].counters.frames).toBe(2);
    expect(nameIn(named("router.eth0.pcap"))).toBe("router.eth0.pcap");
    expect(nameIn(gzipSync(bytes))).toBe("");
  });

  test("cut in a record: what stands before it is used", async () => {
    const { captures } = await replay(subject(network()), [{ source: await file("router.eth0.pcap", bytes.subarray(0, -9)) }]);
    expect(captures[0].counters.frames).toBe(1);
    expect(captures[0].problem).toBe(
      "the file ends in the middle of a record (61 bytes of it are there), at byte 94, behind packet 1; what stands before it is used",
    );
  });

  test("gzip that ends early", async () => {
    const long = gzipSync(pcap(Array.from({ length: 500 }, (_, i) => enters({ sport: 1024 + ((i * 7919) % 60000) }))));
    const { captures } = await replay(subject(network()), [{ source: await file("router.eth0.pcap.gz", long.subarray(0, -1000)) }]);
    expect(captures[0].problem).toMatch(
      /^its gzip form ends early or is damaged \(unexpected end of file\); .*what stands before it is used$/,
    );
  });

  test.each([
    ["empty", new Uint8Array(0), /router\.eth0\.pcap: the file is empty\./],
    ["a header only, cut", bytes.subarray(0, 30), /ends in the middle of a record .* it holds no whole packet/],
    ["less than a header", bytes.subarray(0, 4), /shorter than a pcap header/],
    ["text", Buffer.from("x".repeat(100)), /this is neither a pcap nor a pcapng file/],
  ])("%s", async (_, content, message) => {
    await expect(replay(subject(network()), [{ source: await file("router.eth0.pcap", content) }])).rejects.toThrow(message);
  });

  test("a folder, a name that tells no capture point", async () => {
    await expect(openCapture(root)).rejects.toThrow("it is a folder");
    await expect(replay(subject(network()), [{ source: await file("x.pcap", bytes) }])).rejects.toThrow("where it was taken is not known");
  });
});

describe("capture points", () => {
  const net = network();
  const bridge = net.device({ name: "node-1/br-ex", kind: "bridge", host: "node-1", node: "node-1" });
  netdev(net, bridge, 1, "eth0", "02:00:00:00:01:01");
  netdev(net, bridge, 2, "br-ex", "02:00:00:00:01:01", true);
  netdev(net, bridge, 3, "veth7", "02:00:00:00:01:0c");
  netdev(net, net.findDevice("node-1")!, 2, "br-ex", "02:00:00:00:01:01");
  const pod = net.device({ name: "ns/web-0", kind: "pod", host: "pods/web-0", node: "node-1", pod: "ns/web-0", aliases: ["web-0"] });
  pod.origin = 0;
  netdev(net, pod, 2, "eth0", "0a:58:00:00:00:07");
  net.join(bridge, 3, pod, 2, "proven", "veth");

  test.each([
    ["router.eth0.pcap", "router:eth0", "to"],
    ["monday.local.router.eth0.pcap.gz", "router:eth0", "to"],
    ["/tmp/x/router.eth1.7.pcap3", "router:eth1.7", "to"],
    ["node-1.eth0.pcap", "node-1/br-ex:eth0", "from"],
    ["node-1.br-ex.cap", "node-1:br-ex", "to"],
    ["node-1.veth7.pcap", "node-1/br-ex:veth7", "by"],
    ["web-0.eth0.pcap", "ns/web-0:eth0", "to"],
    ["router.eth9.pcap", undefined, undefined],
    ["router.pcap", undefined, undefined],
  ])("%s", (name, text, kind) => {
    const point = pointInName(net, name, name);
    expect([point?.text, point?.direction.kind]).toEqual([text, kind]);
  });

  test.each([
    ["ns/web-0:eth0", "ns/web-0:eth0"],
    ["node-1/br-ex:eth0", "node-1/br-ex:eth0"],
    ["router:eth1.7", "router:eth1.7"],
  ])("said: %s", (said, text) => {
    expect(pointOf(net, said, "x.pcap").text).toBe(text);
  });

  test.each([
    ["router", "x.pcap: 'router' is not DEVICE:PORT."],
    ["router:eth9", "x.pcap: router has no port 'eth9' (eth0, eth1.7, eth2)."],
    ["nobody:eth0", "x.pcap: 'nobody' is not a device of this snapshot (router, client, node-1, node-2, node-1/br-ex, ns/web-0)."],
  ])("said wrongly: %s", (said, message) => {
    expect(() => pointOf(net, said, "x.pcap")).toThrow(message);
  });
});

test("flows as lines and as Parquet say the same", async () => {
  const path = join(root, "router.eth0.pcap");
  writeFileSync(path, pcap([enters({}), enters({ to: 101 }), answers(enters({ to: 101 }))]));
  const names = ["f.ndjson", "f.parquet"].map((n) => join(root, n));
  for (const name of names) await replay(subject(network()), [{ source: await openCapture(path) }], { flows: flowFile(name) });
  const lines = readFileSync(names[0], "utf8")
    .trim()
    .split("\n")
    .map((l) => JSON.parse(l) as Flow);
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(names[1]) });
  const flat = lines.map(({ because, ...f }) => ({
    ...f,
    becauseDevice: because?.device,
    becauseRule: because?.rule,
    becauseFile: because?.file,
    becauseLine: because?.line,
  }));
  expect(rows.map((r) => ({ ...r, packets: Number(r.packets), bytes: Number(r.bytes), otherPath: Number(r.otherPath) }))).toEqual(flat);
  expect(() => flowFile(join(root, "f.csv"))).toThrow("neither .ndjson nor .parquet");
});
