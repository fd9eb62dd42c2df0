import { expect, test } from "vitest";
import { complement, ones, outsideOf, prefixes, type Ternary } from "../src/lower/ternary.js";

const BITS = 6;
const holds = (set: readonly Ternary[], v: bigint) => set.some((t) => (v & t.mask) === t.value);
const all = Array.from({ length: 1 << BITS }, (_, i) => BigInt(i));

test("every range of six bits is covered by its prefixes, and by no two of them", () => {
  for (const lo of all)
    for (const hi of all) {
      if (lo > hi) continue;
      const set = prefixes(lo, hi, BITS);
      expect(all.filter((v) => set.filter((t) => (v & t.mask) === t.value).length === 1)).toEqual(all.filter((v) => v >= lo && v <= hi));
      expect(set.length).toBeLessThanOrEqual(2 * BITS - 2);
    }
});

test("the complement of random masked values holds what they do not", () => {
  const seed = Number(process.env["SEED"] ?? Date.now() % 100000);
  let state = seed;
  const random = (n: number) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % n;
  };
  for (let i = 0; i < 300; i++) {
    const set = Array.from({ length: random(4) }, (): Ternary => {
      const mask = BigInt(random(1 << BITS));
      return { value: BigInt(random(1 << BITS)) & mask, mask };
    });
    const not = complement(set, BITS, 10000);
    expect(
      all.filter((v) => holds(not!, v)),
      `seed ${seed}`,
    ).toEqual(all.filter((v) => !holds(set, v)));
  }
});

test("what lies outside of intervals that overlap and touch", () => {
  expect(
    outsideOf(
      [
        { lo: 4n, hi: 9n },
        { lo: 8n, hi: 11n },
        { lo: 12n, hi: 12n },
        { lo: 63n, hi: ones(BITS) },
      ],
      BITS,
    ),
  ).toEqual([
    { lo: 0n, hi: 3n },
    { lo: 13n, hi: 62n },
  ]);
});
