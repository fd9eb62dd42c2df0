import { linearSearch, packPackets, rangesOf } from "@plumbline/core-wasm";
import { expect, test } from "vitest";
import { packetsFor, rulesLike, shapeOf } from "../src/classbench-shape.js";

const ANY = [0, 65535] as const;
const SMALL = Array.from({ length: 40 }, (_, i) => ({
  src: { value: (0x0a000000 + 256 * i) >>> 0, length: i % 2 === 0 ? 24 : 32 },
  dst: { value: i % 3 === 0 ? 0 : (0xc0a80000 + i) >>> 0, length: i % 3 === 0 ? 0 : 32 },
  srcPort: ANY,
  dstPort: i % 4 === 0 ? ANY : ([80 + i, 80 + i] as const),
  protocol: [6, 6] as const,
}));
const VARIATION = { smoothness: 0, scope: 0, branching: false };

test("a set of the shape of another: its lengths and kinds of ports, no rule twice, none behind one that holds it", () => {
  const rules = rulesLike(shapeOf(SMALL), 300, 1, VARIATION);
  expect(new Set(rules.map((r) => JSON.stringify(r))).size).toBe(rules.length);
  expect(rules.length).toBeGreaterThan(200);
  expect([...new Set(rules.map((r) => r.src.length))].sort()).toEqual([24, 32]);
  expect([...new Set(rules.map((r) => r.dst.length))].sort()).toEqual([0, 32]);
  const width = (r: (typeof rules)[number]) => 64 - r.src.length - r.dst.length + (r.dstPort[1] > r.dstPort[0] ? 16 : 0);
  expect(rules.map(width)).toEqual(rules.map(width).sort((a, b) => a - b));
  // The same seed, the same set.
  expect(rulesLike(shapeOf(SMALL), 300, 1, VARIATION)).toEqual(rules);
});

test("packets at corners of rules meet a rule", () => {
  const rules = rulesLike(shapeOf(SMALL), 100, 2, { smoothness: 2, scope: 0.5, branching: true });
  const packets = packPackets(packetsFor(rules, 200, 3, 0));
  const ranges = rangesOf(rules);
  for (let i = 0; i < 200; i++) expect(linearSearch(ranges, packets, i)).toBeGreaterThanOrEqual(0);
  const repeated = packetsFor(rules, 200, 3, 1);
  expect(new Set(repeated.map((p) => JSON.stringify(p))).size).toBeLessThan(200);
});
