import { type Event, Interpreter, ipv4Text, matchField, NetworkBuilder, newRow, set } from "@plumbline/model";
import { describe, expect, test } from "vitest";
import { Core, type FlowRecord, type ReplayOptions, ReplaySession } from "../src/index.js";
import { type Frame, hex, ipFrame, pcap, pcapng } from "./frames.js";
import { rng } from "./random-network.js";

const ARP = hex("ffffffffffff 0200000000bb 0806 0001 0800 06 04 0001 0200000000bb c0000201 000000000000 c0000202");
const MAC = 0x0200000000aan;

/** A router that balances 192.0.2.100:80 over two back ends by NAT, answers included, and refuses the rest. */
function balancer(): NetworkBuilder {
  const net = new NetworkBuilder();
  const d = net.device({ name: "lb", kind: "router", host: "lb" });
  const t = net.table(d, "in", "test", "priority");
  const est = net.table(d, "tracked", "test", "priority");
  d.entry = t.id;
  const tracker = net.tracker("lb", "userspace");
  const ct = { op: "ct", tracker, zone: 1, force: false, exec: [] } as const;
  net.rule(t, {
    priority: 10,
    rows: [matchField([], "eth_type", 0x0800)],
    program: [{ ...ct, commit: false, nat: "existing", resume: est.id }],
  });
  net.rule(est, { priority: 20, rows: [matchField([], "ct_state", 2, 2)], program: [{ op: "local", note: "known" }] });
  const backend = (n: number) =>
    [
      { ...ct, commit: true, nat: { type: "dst", range: { min: BigInt(0xc0000200 + n), portMin: 8080, portMax: 8080 } }, resume: null },
      { op: "local", note: `backend ${n}` },
    ] as const;
  net.rule(est, {
    priority: 10,
    rows: [matchField(matchField([], "ip_dst", 0xc0000264), "tp_dst", 80)],
    program: [{ op: "choose", how: "select", weights: [1, 1], options: [backend(11), backend(12)] }],
  });
  net.rule(est, {
    priority: 1,
    program: [
      { op: "emit", kind: "tcp-reset", icmpType: 0, icmpCode: 0, swap: true, then: [{ op: "local" }] },
      { op: "drop", reason: "closed", rejected: true },
    ],
  });
  return net;
}

const base: ReplayOptions = { name: "test.pcap", device: 0, port: 1, direction: { kind: "to", mac: MAC } };
const client = (i: number, more: Partial<Parameters<typeof ipFrame>[0]> = {}) =>
  ipFrame({ from: 1, to: 100, sport: 40000 + i, dport: 80, ...more });

function text(f: FlowRecord): string {
  const end = (a: bigint, p: number) => `${ipv4Text(a)}:${p}`;
  const at =
    f.fate &&
    `leaf ${f.fate.leaf} text ${f.fate.text}${f.fate.rejected ? " rejected" : ""} ${end(f.fate.final.src, f.fate.final.srcPort)} > ${end(f.fate.final.dst, f.fate.final.dstPort)}`;
  return `${f.entering ? "in" : "out"} ${f.proto} ${end(f.src, f.srcPort)} > ${end(f.dst, f.dstPort)} ${f.packets}p ${f.bytes}B ${f.first}..${f.last} flags ${f.tcpFlags} path ${f.path} other ${f.otherPath}: ${at ?? "-"}`;
}

/** A handshake and more with a back end, a refused connection, an answer, ARP, and a cut frame. */
const FRAMES: Frame[] = [
  { bytes: ARP, time: 1_000_000_000_000_000_000n },
  { bytes: client(1), time: 1_700_000_000_000_001_000n },
  {
    bytes: ipFrame({ from: 100, to: 1, sport: 80, dport: 40001, flags: 0x12, toMac: "0200000000bb", fromMac: "0200000000aa" }),
    time: 1_700_000_000_000_002_000n,
  },
  { bytes: client(1, { flags: 0x10 }), time: 1_700_000_000_000_003_000n },
  { bytes: client(2, { dport: 81 }), time: 1_700_000_000_000_004_000n },
  { bytes: client(3, { proto: 17 }), time: 1_700_000_000_000_005_000n, length: 1000 },
  { bytes: client(4).subarray(0, 40), time: 1_700_000_000_000_006_000n, length: 54 },
];

test("a capture in all four forms, whole or byte by byte, gives the same flows", () => {
  const core = Core.createSync(balancer());
  const results = [{}, { big: true }, { nanoseconds: true }, { big: true, nanoseconds: true }].flatMap((form) =>
    [1, 7, 4096].map((size) => {
      core.reset();
      const s = new ReplaySession(core, base);
      const bytes = pcap(FRAMES, form);
      for (let i = 0; i < bytes.length; i += size) s.feed(bytes.subarray(i, i + size));
      expect(s.finish()).toBeUndefined();
      return {
        flows: [...s.flows()].map((f) => text(f)),
        counters: s.counters,
        paths: s.paths().map((p) => ({ ...p, hash: typeof p.hash })),
      };
    }),
  );
  for (const x of results) expect(x).toEqual(results[0]);
  expect(results[0]).toMatchInlineSnapshot(`
    {
      "counters": {
        "arp": 1,
        "badIp": 0,
        "bytes": 1312,
        "dropped": 0,
        "entering": 4,
        "evicted": 0,
        "flowless": 0,
        "foreign": 0,
        "fragments": 0,
        "frames": 7,
        "hits": 0,
        "ipv4": 5,
        "ipv6": 0,
        "leaving": 1,
        "other": 0,
        "otherLinks": 0,
        "pathless": 0,
        "remembered": 2,
        "replies": 0,
        "run": 4,
        "sent": 0,
        "shortEthernet": 0,
        "shortNetwork": 0,
        "shortTransport": 1,
        "tunnelled": 0,
        "unquoted": 0,
      },
      "flows": [
        "in 6 192.0.2.1:40001 > 192.0.2.100:80 2p 108B 1700000000000001000..1700000000000003000 flags 18 path 0 other 1: leaf 1 text 2 192.0.2.1:40001 > 192.0.2.12:8080",
        "out 6 192.0.2.100:80 > 192.0.2.1:40001 1p 54B 1700000000000002000..1700000000000002000 flags 18 path -1 other 0: -",
        "in 6 192.0.2.1:40002 > 192.0.2.100:81 1p 54B 1700000000000004000..1700000000000004000 flags 2 path 2 other 0: leaf 2 text 3 rejected 192.0.2.1:40002 > 192.0.2.100:81",
        "in 17 192.0.2.1:40003 > 192.0.2.100:80 1p 1000B 1700000000000005000..1700000000000005000 flags 0 path 3 other 0: leaf 1 text 1 192.0.2.1:40003 > 192.0.2.11:8080",
      ],
      "paths": [
        {
          "bytes": 54,
          "flows": 1,
          "hash": "bigint",
          "order": 2,
          "packets": 1,
          "path": 0,
        },
        {
          "bytes": 54,
          "flows": 0,
          "hash": "bigint",
          "order": 4,
          "packets": 1,
          "path": 1,
        },
        {
          "bytes": 54,
          "flows": 1,
          "hash": "bigint",
          "order": 5,
          "packets": 1,
          "path": 2,
        },
        {
          "bytes": 1000,
          "flows": 1,
          "hash": "bigint",
          "order": 6,
          "packets": 1,
          "path": 3,
        },
      ],
    }
  `);
});

describe("pcapng", () => {
  const told = (bytes: Uint8Array, size = bytes.length) => {
    const s = new ReplaySession(Core.createSync(balancer()), base);
    for (let i = 0; i < bytes.length; i += size) s.feed(bytes.subarray(i, i + size));
    const problem = s.finish();
    return { problem, flows: [...s.flows()].map((f) => text(f)), counters: s.counters };
  };
  const plain = () => told(pcap(FRAMES));

  test("gives what the pcap gives, in both byte orders, whole or byte by byte, several sections", () => {
    for (const big of [false, true]) for (const size of [1, 7, 4096]) expect(told(pcapng(FRAMES, [{}], big), size)).toEqual(plain());
    const two = Buffer.concat([pcapng(FRAMES.slice(0, 3)), pcapng(FRAMES.slice(3), [{}, {}], true)]);
    expect(told(two)).toEqual(plain());
  });

  test("resolutions and origins of time are those of the interface; what is not Ethernet is counted", () => {
    const interfaces = [
      { resolution: 9, offset: -5n },
      { resolution: 0x80 | 30, offset: 1_600_000_000n },
      { resolution: 12, offset: 1_699_999_000n },
      { link: 113 },
      { resolution: 3 },
    ];
    const time = 1_700_000_000_123_000_000n;
    const frames = [0, 1, 2, 3, 4].map((on) => ({ on, time, bytes: client(on) }));
    const { flows, counters } = told(pcapng(frames, interfaces));
    const times = flows.map((f) => /B (\d+)\.\./.exec(f)?.[1]);
    // 2^-30 s are not quite a nanosecond.
    expect(times).toEqual(["1700000000123000000", "1700000000122999999", "1700000000123000000", "1700000000123000000"]);
    expect(counters).toMatchObject({ frames: 4, otherLinks: 1 });
    expect(() => told(pcapng(frames.slice(3, 4), interfaces))).toThrow("its link type is 113, only Ethernet (1) is understood");
  });

  test("simple packets, long blocks that are passed over, a cut and a block that cannot be", () => {
    const whole = pcapng(FRAMES.slice(1, 2));
    const frame = client(5);
    const simple = new Uint8Array(16 + 56);
    const view = new DataView(simple.buffer);
    for (const [at, value] of [
      [0, 3],
      [4, simple.length],
      [8, 54],
      [simple.length - 4, simple.length],
    ])
      view.setUint32(at, value, true);
    simple.set(frame, 12);
    const long = new Uint8Array(3 << 20);
    new DataView(long.buffer).setUint32(0, 4, true);
    new DataView(long.buffer).setUint32(4, long.length, true);
    const { flows, problem } = told(Buffer.concat([whole, long, simple]), 1 << 16);
    expect(problem).toBeUndefined();
    expect(flows.map((f) => f.slice(0, 43))).toEqual([
      "in 6 192.0.2.1:40001 > 192.0.2.100:80 1p 54",
      "in 6 192.0.2.1:40005 > 192.0.2.100:80 1p 54",
    ]);
    const cut = told(whole.subarray(0, -5));
    expect(cut.problem).toEqual({ kind: "cut", offset: whole.length - 88, text: "the file ends in the middle of a block" });
    const bad = whole.slice();
    bad[whole.length - 88 + 20] = 0xff;
    expect(told(bad)).toMatchObject({ flows: [], problem: { kind: "damaged", offset: whole.length - 88 } });
  });
});

test("direction by local MACs, and nothing run", () => {
  const s = new ReplaySession(Core.createSync(balancer()), { ...base, direction: { kind: "from", macs: [MAC, 5n] }, run: false });
  s.feed(pcap(FRAMES));
  const { entering, leaving, run } = s.counters;
  expect({ entering, leaving, run, fates: [...s.flows()].filter((f) => f.fate).length }).toEqual({
    entering: 4,
    leaving: 1,
    run: 0,
    fates: 0,
  });
});

test("a new path is shown with the very events of its packet, and showing it changes nothing", () => {
  const r = rng(3);
  const net = balancer();
  const packets = Array.from({ length: 400 }, () => {
    const port = 40000 + Math.floor(r() * 30);
    const answer = r() < 0.3;
    return {
      from: answer ? 11 + Math.floor(r() * 2) : 1,
      to: answer ? 1 : 100,
      sport: answer ? 8080 : port,
      dport: answer ? port : r() < 0.1 ? 81 : 80,
      proto: r() < 0.3 ? (17 as const) : (6 as const),
      flags: [2, 0x10, 4][Math.floor(r() * 3)],
    };
  });
  const bytes = pcap(packets.map((p) => ({ bytes: ipFrame(p) })));
  // The reference runs every packet, in the same order, on its own connections.
  const reference = new Interpreter(net);
  const runs = packets.map((p) => {
    const row = newRow();
    const fields = {
      eth_dst: MAC,
      eth_src: 0x0200000000bbn,
      eth_type: 0x0800,
      ip_proto: p.proto,
      ip_ttl: 64,
      ip_src: 0xc0000200 + p.from,
      ip_dst: 0xc0000200 + p.to,
      tp_src: p.sport,
      tp_dst: p.dport,
    };
    for (const [k, v] of Object.entries(fields)) set(row, k, v);
    set(row, "packet_len", p.proto === 6 ? 54 : 42);
    if (p.proto === 6) set(row, "tcp_flags", p.flags);
    return reference.run(row, 0, 1, { script: [], beyond: "hash" });
  });
  const samples: { path: number; events: Event[] | null }[] = [];
  const watched = new ReplaySession(Core.createSync(net), { ...base, onPath: (x) => samples.push(x) });
  watched.feed(bytes);
  expect(samples.map((x) => x.path)).toEqual(samples.map((_, i) => i));
  expect(samples.length).toBeGreaterThan(4);
  for (const x of samples) expect(runs).toContainEqual(x.events);
  const plain = new ReplaySession(Core.createSync(net), base);
  plain.feed(bytes);
  expect([...watched.flows()]).toEqual([...plain.flows()]);
  expect(watched.paths()).toEqual(plain.paths());
  const outcome = (events: Event[]) =>
    JSON.stringify(events.filter((e) => e.kind !== 5 && e.kind !== 10).map((e) => [e.kind, e.thread, e.a, e.b, e.c]));
  expect(plain.paths().length).toBe(new Set(runs.map(outcome)).size);
});

test("flows: the table grows, is handed out when it is full, or further flows are only counted", () => {
  const core = Core.createSync(balancer());
  const bytes = pcap(
    Array.from({ length: 3000 }, (_, i) => ({ bytes: ipFrame({ from: 1, to: 2, sport: 1 + (i % 1500), dport: 9, proto: 17 }) })),
  );
  const count = (options: Partial<ReplayOptions>) => {
    const s = new ReplaySession(core, { ...base, run: false, ...options });
    s.feed(bytes);
    return { held: s.flowCount, flowless: s.counters.flowless, packets: [...s.flows()].reduce((n, f) => n + f.packets, 0) };
  };
  expect(count({})).toEqual({ held: 1500, flowless: 0, packets: 3000 });
  expect(count({ maxFlows: 1000 })).toEqual({ held: 1000, flowless: 1000, packets: 2000 });
  let handed = 0;
  const rest = count({ maxFlows: 1000, onFull: (flows) => (handed += [...flows].reduce((n, f) => n + f.packets, 0)) });
  expect(handed + rest.packets).toBe(3000);
  expect(rest.flowless).toBe(0);
});

test("more flows than the table begins with", { timeout: 30_000 }, () => {
  const bytes = pcap(
    Array.from({ length: 40_000 }, (_, i) => ({ bytes: ipFrame({ from: 1 + (i >> 16), to: 2, sport: i & 0xffff, dport: 9, proto: 17 }) })),
  );
  const s = new ReplaySession(Core.createSync(balancer()), { ...base, run: false });
  s.feed(bytes);
  expect({ held: s.flowCount, last: [...s.flows()].at(-1)?.srcPort }).toEqual({ held: 40_000, last: 39_999 & 0xffff });
});

test.each([
  [
    "cut in a record",
    pcap(FRAMES).subarray(0, -5),
    { kind: "cut", offset: 420, text: "the file ends in the middle of a record (51 bytes of it are there)" },
  ],
  ["empty", new Uint8Array(0), { kind: "empty", offset: 0, text: "the file is empty" }],
])("a capture that is %s", (_, bytes, problem) => {
  const s = new ReplaySession(Core.createSync(balancer()), base);
  s.feed(bytes);
  expect(s.finish()).toEqual(problem);
});

test("a damaged record ends the replay, what stands before it is used", () => {
  const bytes = pcap(FRAMES);
  const second = 24 + 16 + FRAMES[0].bytes.length;
  bytes.fill(0xff, second + 8, second + 12);
  const s = new ReplaySession(Core.createSync(balancer()), base);
  s.feed(bytes);
  expect(s.finish()).toEqual({
    kind: "damaged",
    offset: second,
    text: `the record at byte ${second} claims more than 262144 captured bytes`,
  });
  expect(s.counters.frames).toBe(1);
});

test.each([
  ["text", new TextEncoder().encode("this is no capture at all"), "test.pcap: this is neither a pcap nor a pcapng file."],
  [
    "a cooked capture",
    pcap([], { link: 113 }),
    "test.pcap: its link type is 113, only Ethernet (1) is understood; capture on an Ethernet port, not on 'any'.",
  ],
])("%s is refused", (_, bytes, message) => {
  expect(() => new ReplaySession(Core.createSync(balancer()), base).feed(bytes)).toThrow(message);
});

test("connections are forgotten by last use when the table is full, and it is counted", () => {
  const core = Core.createSync(balancer(), { connections: 16 });
  const s = new ReplaySession(core, base);
  s.feed(pcap(Array.from({ length: 100 }, (_, i) => ({ bytes: client(i) }))));
  // One record of the sixteen is for the look-up that comes before each connection is entered.
  expect(core.connectionCounts).toEqual({ known: 15, forgotten: 85, refused: 0 });
  core.reset();
  expect(core.connectionCounts).toEqual({ known: 0, forgotten: 0, refused: 0 });
});

test("a frame neither for nor from the port's MAC is foreign; by MACs beyond the port", () => {
  const others = { bytes: ipFrame({ from: 1, to: 100, sport: 1, dport: 80, toMac: "0200000000cc", fromMac: "0200000000dd" }) };
  const counts = (direction: ReplayOptions["direction"]) => {
    const s = new ReplaySession(Core.createSync(balancer()), { ...base, direction, run: false });
    s.feed(pcap([...FRAMES, others]));
    const { entering, leaving, foreign } = s.counters;
    return { entering, leaving, foreign };
  };
  expect(counts(base.direction)).toEqual({ entering: 4, leaving: 1, foreign: 1 });
  expect(counts({ kind: "by", macs: [0x0200000000bbn] })).toEqual({ entering: 4, leaving: 2, foreign: 0 });
});

test("what the other direction shows of a flow", () => {
  const there = (flags = 2) => ({ bytes: client(1, { flags }) });
  const back = (flags: number) => ({
    bytes: ipFrame({ from: 100, to: 1, sport: 80, dport: 40001, flags, toMac: "0200000000bb", fromMac: "0200000000aa" }),
  });
  const seen = (frames: Frame[]) => {
    const s = new ReplaySession(Core.createSync(balancer()), { ...base, own: [] });
    s.feed(pcap(frames));
    return [...s.flows()].map(
      (f) => `${f.entering ? "in" : "out"} ${JSON.stringify(Object.entries(f.seen).flatMap(([k, v]) => (v ? [k] : [])))}`,
    );
  };
  expect(seen([there(), back(0x12), there(0x10)])).toEqual(['in ["opening","answer"]', 'out ["asReply"]']);
  expect(seen([there(), back(0x14)])).toEqual(['in ["opening","reset"]', 'out ["asReply"]']);
  expect(seen([there(0x10), back(0x10)])).toEqual(['in ["answer"]', 'out ["asReply"]']);
  // The connection was opened from the other side, before or while the capture ran.
  expect(seen([back(2), there(0x12)])).toEqual(['out ["opening","answer"]', 'in ["asReply"]']);
  expect(seen([there(0x12)])).toEqual(['in ["asReply"]']);
});

test("what the device sends runs from its socket; its answers are evidence", () => {
  const net = balancer();
  const d = net.devices[0];
  const socket = net.table(d, "socket", "test", "priority");
  d.origin = socket.id;
  net.rule(socket, { rows: [matchField([], "ip_dst", 0xc0000201)], program: [{ op: "local", note: "sent" }] });
  const samples: string[] = [];
  const s = new ReplaySession(Core.createSync(net), {
    ...base,
    own: [0xc0000264n],
    onPath: (x) => samples.push(`${x.sent} ${x.row[3]} ${x.events?.[0].c}`),
  });
  const out = { from: 100, to: 1, sport: 5000, dport: 53, proto: 17, toMac: "0200000000bb", fromMac: "0200000000aa" } as const;
  s.feed(
    pcap([
      { bytes: ipFrame(out) },
      { bytes: ipFrame({ from: 1, to: 100, sport: 53, dport: 5000, proto: 17 }) },
      { bytes: ipFrame({ ...out, from: 7 }) },
    ]),
  );
  expect([...s.flows()].map((f) => `${f.entering ? "in" : "out"} leaf ${f.fate?.leaf} ${f.seen.toSender ? "to its sender" : ""}`)).toEqual([
    "out leaf 1 ",
    "in leaf undefined to its sender",
    "out leaf undefined ",
  ]);
  expect(samples).toEqual(["true 0 1"]);
  expect(s.counters).toMatchObject({ run: 1, sent: 1, replies: 1 });
});

describe("a tunnel that ends at the capture point", () => {
  const inner = ipFrame({ from: 1, to: 100, sport: 40009, dport: 80, toMac: "0a5800000001", fromMac: "0a5800000002" });
  const geneve = (what: Uint8Array, protocol = "6558") => {
    const bytes = what.length + 16 + 8;
    const h = (n: number) => n.toString(16).padStart(4, "0");
    // Two options: class 0x0105 type 1 with 8 bytes, and class 0x0102 type 0x80 with 4.
    const options = "0105 01 02 1111111122222222 0102 80 01 00030007";
    const udp = `c123 17c1 ${h(8 + 8 + 20 + what.length)} 0000`;
    const text = `0200000000aa 0200000000bb 0800 4500 ${h(20 + 8 + bytes + 4)} 0000 0000 40 11 0000 c6336401 c6336402 ${udp} 05 00 ${protocol} 00000b 00 ${options}`;
    return new Uint8Array([...hex(text), ...what]);
  };
  /** Takes the packet out and looks at key and option. */
  function endpoint(): NetworkBuilder {
    const net = new NetworkBuilder();
    const d = net.device({ name: "node", kind: "bridge", host: "node" });
    const t = net.table(d, "in", "test", "priority");
    const inside = net.table(d, "inside", "test", "priority");
    d.entry = t.id;
    net.rule(t, { rows: [matchField([], "tp_dst", 6081)], program: [{ op: "decap" }, { op: "goto", table: inside.id }] });
    const m = matchField(matchField(matchField([], "tun_id", 11), "tun_metadata0", 0x00030007), "tp_dst", 80);
    net.rule(inside, { rows: [m], program: [{ op: "local", note: "pod" }] });
    return net;
  }
  const run = (frame: Uint8Array, option = 0) => {
    const options = { ...base, tunnels: { port: 6081, addresses: [0xc6336402], option }, keepFirst: true };
    const s = new ReplaySession(Core.createSync(endpoint()), options);
    s.feed(pcap([{ bytes: frame }, { bytes: frame }]));
    return { flows: [...s.flows()], counters: s.counters };
  };

  test("its packet counts, and runs within the tunnel", () => {
    const { flows, counters } = run(geneve(inner));
    expect(flows.map((f) => `${text(f)} ${f.tunnelled}`)).toMatchInlineSnapshot(`
      [
        "in 6 192.0.2.1:40009 > 192.0.2.100:80 2p 248B 0..0 flags 2 path 0 other 0: leaf 1 text 0 192.0.2.1:40009 > 192.0.2.100:80 true",
      ]
    `);
    expect(flows[0].begin).toMatchInlineSnapshot(`
      {
        "ethDst": 11373073399809n,
        "ethSrc": 11373073399810n,
        "length": 54,
        "tcpFlags": 2,
        "tos": 0,
        "ttl": 64,
        "tunnel": {
          "dst": 3325256706,
          "ethDst": 2199023255722n,
          "ethSrc": 2199023255739n,
          "key": 11,
          "option": 196615,
          "src": 3325256705,
          "srcPort": 49443,
        },
        "vlanTci": 0,
      }
    `);
    expect(counters).toMatchObject({ tunnelled: 2, run: 2, ipv4: 2 });
    expect(run(geneve(inner), 0x010280).flows[0].fate?.leaf).toBe(1);
    expect(run(geneve(inner), 0x010281).flows[0].fate?.leaf).toBe(2);
  });

  test("what is inside and no IP packet is no flow; elsewhere the tunnel is a flow like any", () => {
    expect(run(geneve(ARP)).counters).toMatchObject({ arp: 2, tunnelled: 0, run: 0 });
    expect(run(geneve(inner, "0800")).counters).toMatchObject({ other: 2, tunnelled: 0, run: 0 });
    expect(run(geneve(inner).subarray(0, 70)).counters).toMatchObject({ shortEthernet: 2 });
    const s = new ReplaySession(Core.createSync(endpoint()), { ...base, tunnels: { port: 6081, addresses: [0xc6336403], option: 0 } });
    s.feed(pcap([{ bytes: geneve(inner) }]));
    expect([...s.flows()].map((f) => `${f.proto} ${f.dstPort} ${f.fate?.leaf} ${f.tunnelled}`)).toEqual(["17 6081 4 false"]);
  });

  test("a run with the packet inside is the same on the reference", () => {
    const [outer, packet] = [newRow(), newRow()];
    for (const [k, v] of Object.entries({ eth_type: 0x800, ip_proto: 17, tp_dst: 6081 })) set(outer, k, v);
    for (const [k, v] of Object.entries({ eth_type: 0x800, ip_proto: 6, tp_dst: 80, tun_id: 11, tun_metadata0: 0x30007 }))
      set(packet, k, v);
    const options = { script: [], beyond: "first", inner: packet } as const;
    const net = endpoint();
    const core = Core.createSync(net).run(outer, 0, 1, options);
    expect(core.at(-1)?.a).toBe(1);
    expect(core).toEqual(new Interpreter(net).run(outer, 0, 1, options));
  });
});
