/**
 * Remembered trajectories change nothing: the same flows, paths, counters and connections with none, with all, and with so few that one is
 * forgotten for nearly every other; and, where connections do not meet each other, the shares of several workers add up to it. On random networks, and on networks where everything is translated and tracked. Set
 * TRAJECTORY_SEED to repeat one, TRAJECTORY_NETWORKS for more of them.
 */
import { type Action, matchField, type Network, NetworkBuilder, slice } from "@plumbline/model";
import { expect, test } from "vitest";
import { Core, type FlowRecord, joinsOf, type ReplayCounters, type ReplayOptions, ReplaySession } from "../src/index.js";
import { pcap } from "./frames.js";
import { randomNetwork, randomPacket, rng } from "./random-network.js";
import { Traffic } from "./traffic.js";

const NETWORKS = Number(process.env.TRAJECTORY_NETWORKS ?? 300);
const FRAMES = 120;

/** A switch that tracks, balances and translates, in front of a host that does the same as netfilter does. */
function trackingNetwork(seed: number, translates: boolean): Network {
  const r = rng(seed);
  const int = (n: number) => Math.floor(r() * n);
  const net = new NetworkBuilder();
  net.tracker("s", "userspace");
  net.tracker("h", "linux");
  const address = () => BigInt((r() < 0.5 ? 0x0a000001 : 0xc0a80001) + int(4));
  const range = () => ({ min: address(), ...(r() < 0.5 ? { portMin: 1000 + int(3), portMax: 1003 + int(3) } : {}) });
  const ct = { op: "ct", tracker: 0, zone: int(3), force: false, exec: [] } as const;
  const sw = net.device({ name: "s", kind: "bridge", host: "s" });
  const [first, tracked, out] = ["first", "tracked", "out"].map((n) => net.table(sw, n, "test", "priority"));
  sw.entry = first.id;
  const commit = (): Action => ({
    ...ct,
    commit: true,
    force: r() < 0.1,
    zone: r() < 0.8 ? ct.zone : int(3),
    nat: !translates || r() < 0.3 ? null : { type: r() < 0.6 ? "dst" : "src", range: range() },
    exec: r() < 0.4 ? [{ op: "set", dst: slice("ct_mark"), value: BigInt(int(3)) }] : [],
    resume: r() < 0.5 ? out.id : null,
  });
  net.rule(first, { program: [{ ...ct, commit: false, nat: r() < 0.7 ? "existing" : null, resume: tracked.id }] });
  for (let i = 2 + int(4); i > 0; i--) {
    const row = matchField([], "ct_state", [1, 2, 0x22, 0x21, 0x10, 0x2a][int(6)], [1, 2, 0x22, 0x21, 0x10, 0x3a][int(6)]);
    const more = r() < 0.3 ? matchField(row, "tp_dst", 1000 + int(4)) : r() < 0.2 ? matchField(row, "tcp_flags", 8, 8) : row;
    const program: Action[] =
      r() < 0.3
        ? [
            { op: "choose", how: "select", weights: [1, 2], options: [[commit()], [commit()]] },
            { op: "output", port: 1 },
          ]
        : r() < 0.6
          ? [commit(), { op: "decTtl", expired: [] }, { op: "output", port: 1 }]
          : r() < 0.5
            ? [{ op: "goto", table: out.id }]
            : [{ op: "drop", reason: "no" }];
    net.rule(tracked, { priority: int(5), rows: [more], program });
  }
  tracked.miss = [{ op: "output", port: 1 }];
  net.rule(out, { priority: 1, rows: [matchField([], "ct_mark", 1)], program: [{ op: "local", note: "marked" }] });
  out.miss = [{ op: "output", port: 1 }];
  const host = net.device({ name: "h", kind: "host", host: "h" });
  const stack = net.table(host, "in", "test", "sequence");
  host.entry = stack.id;
  const track = (commits: boolean): Action => ({
    op: "ct",
    tracker: 1,
    zone: 0,
    commit: commits,
    force: false,
    nat: null,
    exec: [],
    resume: "inplace",
  });
  net.rule(stack, { program: [track(false)] });
  if (translates && r() < 0.7)
    net.rule(stack, { rows: [matchField([], "tp_dst", 1000 + int(4))], program: [{ op: "nat", type: "dst", range: range() }] });
  net.rule(stack, { program: [{ op: "unnat", type: "dst" }] });
  if (r() < 0.5) net.rule(stack, { rows: [matchField([], "nw_tos", 1, 3)], program: [{ op: "drop" }] });
  if (r() < 0.4) net.rule(stack, { program: [{ op: "greater", src: slice("packet_len"), value: 55n, dst: slice("reg0", 0, 1) }] });
  net.rule(stack, { rows: [matchField([], "reg0", 1, 1)], program: [{ op: "local", note: "large" }] });
  net.rule(stack, {
    rows: [matchField([], "ip_dst", Number(address()))],
    program: [
      { op: "emit", kind: "tcp-reset", icmpType: 0, icmpCode: 0, swap: true, then: [{ op: "output", port: 9, allowIn: true }] },
      { op: "drop", rejected: true },
    ],
  });
  if (translates && r() < 0.6) net.rule(stack, { program: [{ op: "nat", type: "src", range: range() }] });
  net.rule(stack, {
    program: [{ op: "unnat", type: "src" }, ...(r() < 0.8 ? [{ op: "confirm" } as const] : []), { op: "local", note: "host" }],
  });
  net.links.push({ device: sw.id, port: 1, toDevice: host.id, toPort: 1, keeps: [], certainty: "proven", why: "test" });
  return net;
}

const CACHE = ["hits", "remembered", "dropped", "evicted"] as const;
/** Counters but for those of the cache itself. */
function plain(c: ReplayCounters): Record<string, number> {
  return Object.fromEntries(Object.entries(c).filter(([k]) => !CACHE.includes(k as (typeof CACHE)[number])));
}

interface Ran {
  readonly flows: unknown;
  readonly paths: unknown;
  readonly counters: unknown;
  readonly connections: unknown;
  readonly after: unknown;
  readonly hits: number;
}

function ran(core: Core, net: Network, chunks: readonly Uint8Array[], options: ReplayOptions, seed: number): Ran {
  core.load(net);
  const s = new ReplaySession(core, options);
  for (const chunk of chunks) s.feed(chunk);
  const { counters } = s;
  const result = {
    flows: [...s.flows()],
    paths: s.paths(),
    counters: plain(counters),
    connections: core.connectionCounts,
    hits: counters.hits,
  };
  // What the connection tables hold is seen by what packets meet there.
  const r = rng(seed ^ 0xaf7e);
  const after = Array.from({ length: 12 }, () => {
    const events = core.run(randomPacket(r), 0, 1, { script: [], beyond: "hash" });
    return events.map((e) => [e.kind, e.a, e.b, e.c, ...e.row.slice(0, 112)].join());
  });
  return { ...result, after };
}

/** What the shares of several workers add up to, with paths by their hashes. */
function added(sessions: readonly ReplaySession[]) {
  const hash = (s: ReplaySession, path: number) => s.paths().find((p) => p.path === path)?.hash ?? null;
  const paths = new Map<bigint, { packets: number; bytes: number; order: number }>();
  const sums: Record<string, number> = {};
  for (const s of sessions) {
    for (const p of s.paths()) {
      const had = paths.get(p.hash) ?? { packets: 0, bytes: 0, order: Number.POSITIVE_INFINITY };
      paths.set(p.hash, {
        packets: had.packets + p.packets,
        bytes: had.bytes + p.bytes,
        order: Math.min(had.order, p.order),
      });
    }
    for (const [k, n] of Object.entries(plain(s.counters))) sums[k] = (sums[k] ?? 0) + n;
  }
  // Errors about several connections may lie in several shares: who puts these together joins them.
  const isError = (f: FlowRecord) => (f.proto === (f.v6 ? 58 : 1) ? ![0, 8, 128, 129].includes(f.icmp >> 8) : false);
  const flows = sessions.flatMap((s) => [...s.flows()].filter((f) => !isError(f)).map((f) => ({ ...f, path: hash(s, f.path) })));
  return {
    flows: flows.sort((a, b) => a.order - b.order),
    paths: [...paths].sort((a, b) => a[1].order - b[1].order),
    counters: sums,
  };
}

/** Several cores, for a session each. */
const cores = [0, 1, 2, 3].map(() => Core.createSync(new NetworkBuilder(), { connections: 4096 }));

function shared(net: Network, bytes: Uint8Array, options: ReplayOptions, parts: number) {
  const sessions = Array.from({ length: parts }, (_, part) => {
    cores[part].load(net);
    const s = new ReplaySession(cores[part], { ...options, share: { part, parts } });
    s.feed(bytes);
    return s;
  });
  return added(sessions);
}

function options(r: () => number): ReplayOptions {
  return {
    name: "test.pcap",
    device: 0,
    port: 1,
    direction: r() < 0.4 ? { kind: "all" } : { kind: "to", mac: 0x0200000000aan },
    own: r() < 0.3 ? [0x0a000001n] : [],
    ...(r() < 0.3 ? { tunnels: { port: 1001, addresses: [0x0a000001, 0x0a000002], option: 0 } } : {}),
    ...(r() < 0.2 ? { onPath: () => {} } : {}),
  };
}

test(`trajectories remembered or not: the same on ${NETWORKS} networks`, { timeout: 600_000 }, () => {
  const only = process.env.TRAJECTORY_SEED;
  const seeds = only ? [Number(only)] : Array.from({ length: NETWORKS }, (_, i) => i + 1);
  const core = Core.createSync(randomNetwork(0).net, { connections: 16384 });
  let hits = 0;
  let frames = 0;
  let sharings = 0;
  for (const seed of seeds) {
    const net = seed % 3 === 0 ? randomNetwork(seed).net : trackingNetwork(seed, seed % 3 === 1);
    const r = rng(seed ^ 0x77);
    const base = options(r);
    const traffic = new Traffic(r, seed % 2 === 1);
    const bytes = pcap(
      Array.from({ length: FRAMES }, (_, i) => ({ bytes: traffic.frame(), time: BigInt(1_000_000 + 1000 * (i - (r() < 0.1 ? 7 : 0))) })),
      { nanoseconds: r() < 0.3, big: r() < 0.1 },
    );
    const size = [bytes.length, 100, 1000][Math.floor(r() * 3)];
    const chunks: Uint8Array[] = [];
    for (let i = 0; i < bytes.length; i += size) chunks.push(bytes.subarray(i, i + size));
    const off = ran(core, net, chunks, { ...base, maxTrajectories: 0 }, seed);
    expect(off.hits).toBe(0);
    for (const more of [{}, { maxTrajectories: 1 }, { maxTrajectories: 3 }]) {
      const on = ran(core, net, chunks, { ...base, ...more }, seed);
      hits += on.hits;
      frames += FRAMES;
      expect({ seed, ...more, ...on, hits: 0 }).toEqual({ seed, ...more, ...off });
    }
    if (joinsOf(net, []) !== "") continue;
    const one = shared(net, bytes, { ...base, maxTrajectories: 0 }, 1);
    for (const parts of [2, 3]) {
      sharings++;
      expect({ seed, parts, ...shared(net, bytes, base, parts) }).toEqual({ seed, parts, ...one });
    }
  }
  console.log(
    `trajectories: ${seeds.length} networks (seeds ${seeds[0]} to ${seeds.at(-1)}), ${hits} of ${frames} packets followed one; ${sharings} times shared by workers`,
  );
  if (!only) {
    expect(hits).toBeGreaterThan(frames / 10);
    expect(sharings).toBeGreaterThan(seeds.length / 3);
  }
});
