import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NetworkBuilder } from "@plumbline/model";
import { afterAll, expect, test } from "vitest";
import { type Flow, openCapture, type ReplayOptions, replay } from "../src/replay/index.js";
import { type Packet, pcap } from "./captures.js";
import { answers, enters, network, subject } from "./toy-network.js";

const root = mkdtempSync(join(tmpdir(), "plumbline-workers-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Connections to everything that the network knows, some answered, reset or told off, interleaved, in small pieces of time. */
function packets(): Packet[] {
  let x = 7;
  const int = (n: number) => {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    return (x >>> 8) % n;
  };
  return Array.from({ length: 3000 }, (_, i): Packet => {
    const there = enters({
      sport: 40000 + int(60),
      to: 100 + int(4),
      proto: int(5) === 0 ? "udp" : "tcp",
      flags: ["S", "A", "PA", "FA"][int(4)],
      ms: i,
    });
    const kind = int(20);
    if (kind < 5) return { ...answers(there, { flags: kind === 0 ? "RA" : "A" }), ms: i };
    if (kind === 5) return { ...answers(there), error: [3, int(4)], ms: i };
    if (kind === 6) return { ...there, fromMac: "02:00:00:00:00:07", toMac: "02:00:00:00:00:08" };
    return there;
  });
}

async function run(net: NetworkBuilder, options: Omit<ReplayOptions, "flows">) {
  const flows: Flow[] = [];
  const source = await openCapture(join(root, "router.eth0.pcap"));
  const of = (more: Partial<ReplayOptions>) => replay(subject(net), [{ source }], { ...options, ...more });
  const { stats: _, workers, captures, ...result } = await of({ flows: { write: (f) => flows.push(f), close() {} } });
  const { hits, remembered, dropped, evicted, ...counters } = captures[0].counters;
  return { flows, workers, result, counters };
}

test("any number of workers, with trajectories remembered or not, comes to the same", { timeout: 120_000 }, async () => {
  writeFileSync(join(root, "router.eth0.pcap"), pcap(packets()));
  for (const second of ["delivers", "drops"] as const) {
    const { workers: one, ...wanted } = await run(network(second), { maxTrajectories: 0 });
    expect(one).toBe(1);
    expect(wanted.flows.length).toBeGreaterThan(300);
    expect(new Set(wanted.flows.map((f) => f.path)).size).toBeGreaterThan(3);
    for (const workers of [1, 2, 3])
      for (const more of [{}, { maxTrajectories: 2 }]) {
        const { workers: had, ...got } = await run(network(second), { workers, ...more });
        expect(had).toBe(workers);
        expect({ workers, ...more, ...got }).toEqual({ workers, ...more, ...wanted });
      }
  }
});

test("where addresses are translated one worker works, and the result says so", async () => {
  writeFileSync(join(root, "router.eth0.pcap"), pcap([enters({})]));
  const net = network();
  net.rules[0] = { ...net.rules[0], program: [{ op: "nat", type: "src", range: {} }, ...net.rules[0].program] };
  net.tables[net.rules[0].table].rules[0] = net.rules[0];
  const { workers, result } = await run(net, { workers: 2 });
  expect(workers).toBe(1);
  expect(result.notes).toEqual([
    "one worker: what becomes of one connection may depend on others (addresses are translated, to ports that no other connection has)",
  ]);
});

test("a capture that cannot be used is refused by workers, too", async () => {
  writeFileSync(join(root, "router.eth0.pcap"), Buffer.from("x".repeat(100)));
  await expect(run(network(), { workers: 2 })).rejects.toThrow("this is neither a pcap nor a pcapng file");
});
