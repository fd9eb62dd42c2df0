/** Every structure of range rules, on random rule sets, against a search of one rule after the other. A failure prints its seed. */
import { expect, test } from "vitest";
import { Classes } from "../src/acl/classes.js";
import { buildCuts, GROWTHS } from "../src/acl/cuts.js";
import { Acl, type AclPacket, type AclRule, linearSearch, NO_RULE, packPackets, type Range, rangesOf } from "../src/acl/index.js";
import { buildTuples, Columns, LAYOUTS } from "../src/acl/tuples.js";
import { Arena } from "../src/arena.js";
import { MODULE_BYTES } from "../src/wasm.js";
import { rng } from "./random-network.js";

const PACKETS = 1500;

function randomRules(r: () => number, count: number): AclRule[] {
  const int = (n: number) => Math.floor(r() * n);
  const pick = <T>(list: readonly T[]): T => list[int(list.length)];
  const prefix = (long: boolean) => {
    const length = long ? pick([16, 20, 24, 24, 28, 32]) : pick([0, 0, 1, 8, 15]);
    return { value: (pick([0x0a000000, 0x0a010000, 0xc0a80000, 0x80000000]) + int(4096) * pick([1, 16, 256])) >>> 0, length };
  };
  const ports = (): Range => {
    const low = pick([0, 22, 80, 1024, int(65536)]);
    return pick([
      [0, 65535],
      [low, low],
      [low, Math.min(65535, low + int(2000))],
      [1024, 65535],
    ] as const);
  };
  return Array.from({ length: count }, () => ({
    src: prefix(r() < 0.7),
    dst: prefix(r() < 0.7),
    srcPort: r() < 0.7 ? ([0, 65535] as const) : ports(),
    dstPort: ports(),
    protocol: pick([
      [0, 255],
      [6, 6],
      [17, 17],
      [1, 1],
      [6, 17],
    ] as const),
  }));
}

/** Packets at and beside the ends of rules. */
function randomPackets(r: () => number, rules: readonly AclRule[]): AclPacket[] {
  const int = (n: number) => Math.floor(r() * n);
  const end = (p: AclRule["src"]) => {
    const host = p.length === 0 ? 0xffffffff : 2 ** (32 - p.length) - 1;
    const low = (p.value & ~host) >>> 0;
    return (low + [0, host, int(host + 1), -1, host + 1][int(5)]) >>> 0;
  };
  const within = ([low, high]: Range, most: number) => Math.min(most, Math.max(0, [low, high, low - 1, high + 1][int(4)]));
  return Array.from({ length: PACKETS }, () => {
    const rule = rules[int(rules.length)];
    return {
      src: end(rule.src),
      dst: end(rule.dst),
      srcPort: within(rule.srcPort, 65535),
      dstPort: within(rule.dstPort, 65535),
      protocol: within(rule.protocol, 255),
    };
  });
}

/** What has been built for one of the seeds: not every structure fits every rule set. */
const fitted = new Set<string>();

test.each([1, 2, 3, 4, 5, 6])("all structures find the first rule that matches, seed %i", (seed) => {
  const r = rng(seed);
  const rules = randomRules(r, 1 + Math.floor(r() * 400));
  const packets = packPackets(randomPackets(r, rules));
  const ranges = rangesOf(rules);
  const wanted = Uint32Array.from({ length: PACKETS }, (_, i) => linearSearch(ranges, packets, i));
  const arena = new Arena();
  const keys = MODULE_BYTES;
  const out = keys + packets.byteLength;
  const top = out + 4 * PACKETS;
  arena.reserve(top);
  new Uint16Array(arena.words.buffer, keys, packets.length).set(packets);
  const check = (
    what: string,
    way: "classifyByClasses" | "classifyByCuts" | "classifyByParts" | "classifyByLists" | "classifyByTuples",
    built: { readonly image: number } | null,
  ) => {
    if (!built) return;
    fitted.add(what);
    const { image } = built;
    arena.words.fill(0xdddddddd, out >>> 2, (out >>> 2) + PACKETS);
    arena.exports[way](image, keys, PACKETS, out);
    expect({ seed, what, found: arena.words.slice(out >>> 2, (out >>> 2) + PACKETS) }).toEqual({ seed, what, found: wanted });
  };
  const classes = new Classes(arena, ranges, top, top + (64 << 20));
  const half = [0, 1].map((k) => ({ rules: Uint32Array.from(rules.keys()).filter((i) => i % 2 === k), lists: k === 0 }));
  check("classes", "classifyByClasses", classes.toTheRule());
  check("parts", "classifyByParts", classes.inParts(half));
  check("lists", "classifyByLists", classes.toLists());
  for (const [i, layout] of LAYOUTS.entries())
    check(`tuples ${i}`, "classifyByTuples", buildTuples(arena, new Columns(ranges), classes.end, layout));
  for (const [i, growth] of [...GROWTHS, { leaf: 1, thrift: 0 }].entries())
    check(
      `cuts ${i}`,
      "classifyByCuts",
      buildCuts(
        arena,
        ranges,
        half.map((h) => h.rules),
        classes.end,
        64 << 20,
        growth,
      ),
    );
  const run = Acl.compile(rules).stage(packets);
  run.run();
  expect(run.rules()).toEqual(wanted);
  const sum = wanted.reduce((n, rule) => (rule === NO_RULE ? n : n + 1000 - rule), 0);
  expect(run.sum(1000)).toBe(sum);
});

test("each structure was among them", () => {
  expect([...fitted].sort()).toEqual([
    "classes",
    ...[...GROWTHS, null].map((_, i) => `cuts ${i}`),
    "lists",
    "parts",
    ...LAYOUTS.map((_, i) => `tuples ${i}`),
  ]);
});

test("a rule set without rules, and one that is scanned", () => {
  const one: AclPacket = { src: 1, dst: 2, srcPort: 3, dstPort: 4, protocol: 6 };
  for (const rules of [[], randomRules(rng(9), 1)]) {
    const run = Acl.compile(rules).stage(packPackets([one]));
    run.run();
    expect([...run.rules()]).toEqual([linearSearch(rangesOf(rules), packPackets([one]), 0) >>> 0]);
  }
});
