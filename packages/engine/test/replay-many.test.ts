import { expect, test } from "vitest";
import { captureOf, type Flow, flowText, type ReplayOptions, type ReplayResult, replay } from "../src/replay/index.js";
import { type Packet, pcap } from "./captures.js";
import { answers, CLIENT, enters, network, ROUTER, subject } from "./toy-network.js";

const NODE = (n: number) => `02:00:00:00:01:0${n}`;

/** The same packet where it enters a node. */
const atNode = (n: number, p: Packet): Packet => ({ ...p, fromMac: "02:00:00:00:00:ab", toMac: NODE(n) });
/** Its answer, where it leaves the node. */
const fromNode = (n: number, p: Packet): Packet =>
  answers(p, { fromMac: NODE(n), toMac: "02:00:00:00:00:ab", ...(p.ms === undefined ? {} : { ms: p.ms }) });

async function run(
  captures: Readonly<Record<string, readonly Packet[]>>,
  options: Omit<ReplayOptions, "flows"> & { second?: "drops" } = {},
) {
  const flows: Flow[] = [];
  const inputs = await Promise.all(
    Object.entries(captures).map(async ([name, packets]) => ({
      source: await captureOf(
        `${name}.pcap`,
        (async function* () {
          yield pcap(packets);
        })(),
      ),
    })),
  );
  const result: ReplayResult = await replay(subject(network(options.second)), inputs, {
    ...options,
    flows: { write: (f) => flows.push(f), close() {} },
  });
  return { result, flows };
}

const line = (f: Flow) =>
  `${flowText(f)} ${f.packets}p ${f.start} ${f.at}: ${f.verdict} ${f.node} ${f.chosen} ${f.probability} seen ${f.sightings} reply ${f.reply} ${f.answer} ${f.contradiction}`.trim();

/** Keeps the captures of all points running from before the first packet to after the last. */
const noise = (toMac: string): Packet[] =>
  [0, 999].map((ms) => enters({ from: 250, to: 251, sport: 1, dport: 2, proto: "udp", fromMac: "02:00:00:00:00:ee", toMac, ms }));
const running = { "node-1.eth0": noise("02:00:00:00:00:ef"), "node-2.eth0": noise("02:00:00:00:00:ef") };

test("a connection is followed once, and later sightings prove its branch", async () => {
  const packets = [1, 2, 3, 4].map((i) => enters({ sport: 40000 + i, ms: 10 * i }));
  const { flows, result } = await run({
    "router.eth0": packets.flatMap((p) => [p, answers(p)]),
    "node-1.eth0": [packets[0], packets[2]].flatMap((p) => [atNode(1, p), fromNode(1, p)]),
    "node-2.eth0": [packets[1], packets[3]].flatMap((p) => [atNode(2, p), fromNode(2, p)]),
  });
  expect(flows.map(line)).toMatchInlineSnapshot(`
    [
      "tcp 192.0.2.1:40001 > 192.0.2.100:80 1p port router:eth0: delivered node-1 proven 1 seen 2 reply delivered answered",
      "tcp 192.0.2.1:40002 > 192.0.2.100:80 1p port router:eth0: delivered node-2 proven 1 seen 2 reply delivered answered",
      "tcp 192.0.2.1:40003 > 192.0.2.100:80 1p port router:eth0: delivered node-1 proven 1 seen 2 reply delivered answered",
      "tcp 192.0.2.1:40004 > 192.0.2.100:80 1p port router:eth0: delivered node-2 proven 1 seen 2 reply delivered answered",
    ]
  `);
  expect(result.notes).toEqual([]);
});

test("clocks that differ change nothing", async () => {
  const p = enters({ ms: 500 });
  const { flows } = await run({ "router.eth0": [p, answers(p)], "node-1.eth0": [atNode(1, { ...p, ms: 100 })] });
  expect(flows.map(line)).toMatchInlineSnapshot(`
    [
      "tcp 192.0.2.1:40000 > 192.0.2.100:80 1p port router:eth0: delivered node-1 proven 1 seen 2 reply delivered answered",
    ]
  `);
});

test("the device that sends it: from its socket", async () => {
  const sent = { ...enters({ ms: 5 }), fromMac: CLIENT, toMac: ROUTER };
  const { flows, result } = await run({
    "client.eth0": [sent, answers(sent)],
    "router.eth0": [sent, answers(sent)],
    "node-2.eth0": [atNode(2, sent)],
  });
  expect(flows.map(line)).toMatchInlineSnapshot(`
    [
      "tcp 192.0.2.1:40000 > 192.0.2.100:80 1p socket client:eth0: delivered node-2 proven 1 seen 3 reply delivered answered",
    ]
  `);
  expect(result.notes).toEqual(["1 connection started at the socket of the device that sent them"]);
});

test("contradictions: not seen where it must pass, seen where it does not pass, answered though it is dropped", async () => {
  const p = enters({ ms: 5 });
  const dropped = enters({ to: 101, sport: 40001, ms: 6 });
  const { flows, result } = await run({
    "router.eth0": [p, dropped],
    "node-1.eth0": [...running["node-1.eth0"], atNode(1, dropped)],
    "node-2.eth0": running["node-2.eth0"],
  });
  expect(flows.filter((f) => f.proto === "tcp").map(line)).toMatchInlineSnapshot(`
    [
      "tcp 192.0.2.1:40000 > 192.0.2.100:80 1p port router:eth0: delivered node-2 hash 0.5 seen 1 reply delivered none predicted delivered, but not seen entering node-2:eth0 as tcp 192.0.2.1:40000 > 192.0.2.100:80 to 02:00:00:00:01:02",
      "tcp 192.0.2.1:40001 > 192.0.2.101:80 1p port router:eth0: dropped  only 1 seen 1 reply null none predicted dropped, but seen entering node-1:eth0, where it does not pass",
    ]
  `);
  expect(result.verdicts[0]).toMatchObject({ verdict: "contradicted by the capture", flows: 2 });
});

test("a packet that a capture lost is no contradiction where it was answered", async () => {
  const p = enters({ ms: 5 });
  const { flows } = await run({ ...running, "router.eth0": [p, answers(p)] });
  const [f] = flows.filter((x) => x.proto === "tcp");
  expect([f.verdict, f.contradiction, f.unseen.replace(/node-\d/g, "node-N").replace(/\d$/, "N")]).toEqual([
    "delivered",
    "",
    "entering node-N:eth0 as tcp 192.0.2.1:40000 > 192.0.2.100:80 to 02:00:00:00:01:0N",
  ]);
});

test("where nothing decides: the flow's hash, or every branch", async () => {
  const p = enters({ ms: 5 });
  const captures = { "router.eth0": [p], "router.eth2": noise("02:00:00:00:00:ef").map((x) => ({ ...x, ms: 0 })) };
  const hash = await run(captures);
  expect(hash.flows.map((f) => `${f.verdict} ${f.chosen} ${f.probability}`)).toEqual(["delivered hash 0.5"]);
  const all = await run(captures, { choose: "enumerate", second: "drops" });
  expect(all.flows.map((f) => `${f.verdict} ${f.node} ${f.chosen} ${f.probability}`).sort()).toEqual([
    "delivered node-1 enumerated 0.5",
    "dropped node-2 enumerated 0.5",
  ]);
});

test("captures of one point are one; answers to what nobody saw begin are unknown", async () => {
  const p = enters({ ms: 5 });
  const { flows } = await run({
    "router.eth0": [p],
    "x.router.eth0": [
      { ...p, flags: "A", ms: 9 },
      { ...answers(enters({ sport: 7 })), ms: 10 },
      { ...enters({ sport: 7, flags: "A" }), ms: 11 },
    ],
  });
  expect(flows.map((f) => `${flowText(f)} ${f.packets}p ${f.verdict} ${f.start}`)).toEqual([
    "tcp 192.0.2.1:40000 > 192.0.2.100:80 2p delivered port",
    "tcp 192.0.2.1:7 > 192.0.2.100:80 1p unknown none",
  ]);
});
