/**
 * The core and the reference interpreter leave the same events for the same packets: random networks, several packets each
 * on the same connections. Set AGREE_SEED to repeat one network, AGREE_NETWORKS for more of them (CI runs 10,000).
 */
import { changedFields, type Event, Interpreter } from "@plumbline/model";
import { expect, test } from "vitest";
import { Core, digestOf, pack } from "../src/index.js";
import { aim, randomConnections, randomNetwork, randomPacket, rng } from "./random-network.js";

const NETWORKS = Number(process.env.AGREE_NETWORKS ?? 1000);
const PACKETS = 6;

function show(e: Event): string {
  return `${e.kind} thread ${e.thread} ${e.a} ${e.b} ${e.c}`;
}

function firstDifference(a: readonly Event[], b: readonly Event[]): string | null {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if (!a[i] || !b[i]) return `event ${i}: ${a[i] ? show(a[i]) : "none"} | ${b[i] ? show(b[i]) : "none"}`;
    if (show(a[i]) !== show(b[i])) return `event ${i}: ${show(a[i])} | ${show(b[i])}`;
    const other = b[i].row;
    if (a[i].row.every((w, j) => w === other[j])) continue;
    const d = changedFields(a[i].row, other);
    return `event ${i} (${show(a[i])}): ${d.length === 0 ? "words of no field" : d.map((x) => `${x.field.name} ${x.before} | ${x.after}`).join(", ")}`;
  }
  return null;
}

test(`reference and core agree on ${NETWORKS} random networks`, { timeout: 600_000 }, () => {
  const only = process.env.AGREE_SEED;
  const seeds = only ? [Number(only)] : Array.from({ length: NETWORKS }, (_, i) => i + 1);
  const coverage = new Map<string, number>();
  let events = 0;
  let packets = 0;
  let overfull = 0;
  const core = Core.createSync(randomNetwork(0).net, { connections: 16384 });
  // Runs the same packets without recording.
  const fast = Core.createSync(randomNetwork(0).net, { connections: 16384 });
  for (const seed of seeds) {
    const sample = randomNetwork(seed);
    for (const [k, n] of sample.coverage) coverage.set(k, (coverage.get(k) ?? 0) + n);
    const reference = new Interpreter(sample.net);
    core.load(sample.net);
    fast.load(sample.net);
    const r = rng(seed ^ 0x5eed);
    const others = rng(seed ^ 0xba7c);
    // Some begin with connections in their tables, and come back to them at a reset.
    const known = r() < 0.3 ? randomConnections(r, sample.net.trackers.length) : [];
    if (known.length > 0) {
      reference.know(known);
      core.know(known);
      fast.know(known);
      coverage.set("known connections", (coverage.get("known connections") ?? 0) + known.length);
    }
    const resetAt = r() < 0.3 ? 1 + Math.floor(r() * (PACKETS - 1)) : -1;
    for (let i = 0; i < PACKETS; i++) {
      if (i === resetAt) {
        reference.reset();
        core.reset();
        fast.reset();
      }
      const row = randomPacket(r);
      if (known.length > 0 && r() < 0.6) aim(row, known, r);
      const device = Math.floor(r() * sample.net.devices.length);
      const port = r() < 0.7 ? Math.floor(r() * 4) : null;
      const options = {
        script: Array.from({ length: Math.floor(r() * 3) }, () => 0),
        beyond: r() < 0.5 ? ("hash" as const) : ("first" as const),
        ...(r() < 0.2 ? { keep: true } : {}),
        ...(r() < 0.2 ? { ctStates: Array.from({ length: Math.floor(r() * 4) }, () => Math.floor(r() * 256)) } : {}),
      };
      if (options.keep) coverage.set("kept fields", (coverage.get("kept fields") ?? 0) + 1);
      if (options.ctStates) coverage.set("ct states", (coverage.get("ct states") ?? 0) + 1);
      const want = reference.run(row, device, port, options);
      const got = core.run(row, device, port, options);
      // The reference never forgets a connection; the core's table is bounded.
      if (core.connectionCounts.forgotten + core.connectionCounts.refused > 0) {
        overfull++;
        break;
      }
      const d = firstDifference(want, got);
      if (d) expect.fail(`seed ${seed}, packet ${i}: reference | core: ${d}`);
      const digest = digestOf(want, row);
      for (const fresh of [true, false]) {
        // Of a fresh one nothing is left for the next.
        const rows = fresh ? [randomPacket(others), row] : [row];
        const { leaf: _, ...kept } = fast.batch(pack(rows), { device, port, options, fresh }).digest(rows.length - 1);
        expect({ seed, i, fresh, ...kept }).toEqual({ seed, i, fresh, ...digest });
      }
      events += want.length;
      packets++;
    }
  }
  const covered = [...coverage].sort().map(([k, n]) => `${k} ${n}`);
  console.log(
    `agreement: ${seeds.length} networks (seeds ${seeds[0]} to ${seeds.at(-1)}), ${packets} packets, ${events} events, ${overfull} networks left early for a full connection table; generated: ${covered.join(", ")}`,
  );
  if (!only)
    for (const k of [
      "set",
      "move",
      "swap",
      "push",
      "pop",
      "decTtl",
      "greater",
      "call",
      "goto",
      "return",
      "output",
      "local",
      "drop",
      "emit",
      "encap",
      "decap",
      "ct",
      "nat",
      "unnat",
      "ctClear",
      "confirm",
      "choose",
      "choose by map",
      "choose by fields",
      "ct states",
      "inline link",
      "clone",
      "note",
      "punt",
      "unknown",
      "conjunction",
      "known connections",
      "table priority",
      "table sequence",
      "table lpm",
    ])
      expect(coverage.get(k) ?? 0, k).toBeGreaterThan(0);
});
