/**
 * The shape of a rule set, and sets of other sizes of the same shape, by the model of ClassBench (Taylor and Turner, "ClassBench: A Packet Classification Benchmark",
 * 2005): protocols and kinds of port ranges, lengths of prefixes by kind, and how addresses branch at each level of the two prefix trees. The program of the
 * authors reads these statistics from files made of filter sets that are not public; here they are taken from any set of rules.
 */
import type { AclPacket, AclRule, Prefix, Range } from "@plumbline/core-wasm";
import { Random } from "./oracle/random.js";

const LEVELS = 33;

/** How one of the two prefix trees branches, by level. */
interface Branching {
  /** Of nodes with more than one rule below: the share that has a single child. */
  readonly single: readonly number[];
  /** Of those with two: 1 - lighter/heavier, the mean. */
  readonly skew: readonly number[];
  /** The most prefixes within one another. */
  readonly nesting: number;
}

interface Shape {
  /** Rules that it was taken from: what is alike in two of them is drawn together, the rest apart. */
  readonly rules: readonly AclRule[];
  readonly kinds: ReadonlyMap<string, readonly AclRule[]>;
  readonly src: Branching;
  readonly dst: Branching;
}

interface Variation {
  /** Lengths of prefixes are spread by up to so many bits. */
  readonly smoothness: number;
  /** Above 0 shorter prefixes are drawn more often, below 0 longer ones. */
  readonly scope: number;
  /** Whether more rules make more branches (`-b` of the authors' program): the trees of larger sets are as balanced as a set so many times as large can be. */
  readonly branching: boolean;
}

const kindOf = ([low, high]: Range): string =>
  low === 0 && high === 65535
    ? "any"
    : low === 1024 && high === 65535
      ? "high"
      : low === 0 && high === 1023
        ? "low"
        : low === high
          ? "one"
          : "range";
const portsOf = (r: AclRule): string => `${kindOf(r.srcPort)} ${kindOf(r.dstPort)}`;

export function shapeOf(rules: readonly AclRule[]): Shape {
  const kinds = new Map<string, AclRule[]>();
  for (const r of rules) {
    const kind = portsOf(r);
    const list = kinds.get(kind);
    if (list) list.push(r);
    else kinds.set(kind, [r]);
  }
  for (const list of kinds.values()) list.sort((a, b) => a.src.length + a.dst.length - (b.src.length + b.dst.length));
  return { rules, kinds, src: branchingOf(rules.map((r) => r.src)), dst: branchingOf(rules.map((r) => r.dst)) };
}

function branchingOf(prefixes: readonly Prefix[]): Branching {
  const nodes = new Array<number>(LEVELS).fill(0);
  const single = new Array<number>(LEVELS).fill(0);
  const skews = new Array<number>(LEVELS).fill(0);
  let nesting = 0;
  const walk = (list: readonly Prefix[], level: number, depth: number): void => {
    const below = list.filter((p) => p.length > level);
    const here = depth + (below.length < list.length ? 1 : 0);
    nesting = Math.max(nesting, here);
    if (below.length === 0) return;
    const ones = below.filter((p) => ((p.value >>> (31 - level)) & 1) === 1);
    const zeros = below.filter((p) => ((p.value >>> (31 - level)) & 1) === 0);
    const [light, heavy] = ones.length < zeros.length ? [ones, zeros] : [zeros, ones];
    if (below.length > 1) {
      nodes[level]++;
      if (light.length === 0) single[level]++;
      else skews[level] += 1 - light.length / heavy.length;
    }
    if (light.length > 0) walk(light, level + 1, here);
    walk(heavy, level + 1, here);
  };
  walk(prefixes, 0, 0);
  return {
    single: single.map((n, i) => (nodes[i] > 0 ? n / nodes[i] : 1)),
    skew: skews.map((s, i) => (nodes[i] > single[i] ? s / (nodes[i] - single[i]) : 0)),
    nesting,
  };
}

/** `branching` for `factor` times as many rules: levels from the first on become balanced until their branches have paid for the factor. */
function branchingFor(branching: Branching, factor: number): Branching {
  const single = [...branching.single];
  const skew = [...branching.skew];
  let left = factor;
  for (let i = 0; i < 32 && left > 0; i++) {
    left -= 2 * (single[i] + skew[i] * (1 - single[i]));
    single[i] = skew[i] = 0;
  }
  return { ...branching, single, skew };
}

/** Spreads by a binomial distribution of `most` bits at most to each side. */
function spread(r: Random, most: number): number {
  let sum = -most;
  for (let i = 0; i < 2 * most; i++) sum += r.int(2);
  return sum;
}

/** `count` rules of a shape, fewer if some are equal; a rule stands before those that hold it. */
export function rulesLike(shape: Shape, count: number, seed: number, { smoothness, scope, branching }: Variation): AclRule[] {
  const r = new Random(seed);
  const part = (): number => r.fraction();
  const made = Array.from({ length: count }, () => {
    const of = r.pick(shape.rules);
    const kind = shape.kinds.get(portsOf(of))!;
    // The kind's rules stand in order of the sum of both lengths.
    const p = part();
    const like = kind[Math.min(kind.length - 1, Math.floor(kind.length * p * (scope * p - scope + 1)))];
    const within = (length: number) => Math.max(0, Math.min(32, length));
    const total = spread(r, smoothness);
    const src = within(like.src.length + spread(r, smoothness));
    const dst = within(like.src.length + like.dst.length + total - src);
    return { srcLength: src, dstLength: dst, srcPort: of.srcPort, dstPort: r.pick(kind).dstPort, protocol: of.protocol, src: 0, dst: 0 };
  });
  const factor = count / shape.rules.length;
  const of = (b: Branching) => (branching && factor > 1 ? branchingFor(b, factor) : b);
  type Made = (typeof made)[number];
  const addresses = (b: Branching, lengthOf: (m: Made) => number, put: (m: Made, value: number) => void): void => {
    const place = (list: readonly Made[], level: number, value: number, depth: number): void => {
      const below: Made[] = [];
      let next = 0;
      for (const m of list) {
        if (lengthOf(m) === level) put(m, value);
        else {
          below.push(m);
          if (lengthOf(m) === level + 1) next++;
        }
      }
      if (below.length === 0) return;
      const here = depth + (below.length < list.length ? 1 : 0);
      const bit = level === 31 ? 1 : 2 ** (31 - level);
      const [one, other] = r.int(2) === 0 ? [value, value + bit] : [value + bit, value];
      if (below.length > 1 && here >= b.nesting - 1 && next > 0 && level < 31) {
        // As deep as may be: what ends at the next level goes one way, the rest the other.
        place(
          below.filter((m) => lengthOf(m) === level + 1),
          level + 1,
          one,
          here,
        );
        const rest = below.filter((m) => lengthOf(m) !== level + 1);
        if (rest.length > 0) place(rest, level + 1, other, here);
      } else if (below.length === 1 || part() < b.single[level]) place(below, level + 1, one, here);
      else {
        const heavy = Math.floor(below.length / (2 - b.skew[level]));
        const light = below.length - heavy;
        if (light > 0) place(below.slice(0, light), level + 1, other, here);
        if (heavy > 0) place(below.slice(light), level + 1, one, here);
      }
    };
    place(made, 0, 0, 0);
  };
  addresses(
    of(shape.src),
    (m) => m.srcLength,
    (m, v) => {
      m.src = v;
    },
  );
  addresses(
    of(shape.dst),
    (m) => m.dstLength,
    (m, v) => {
      m.dst = v;
    },
  );
  const wide = ([low, high]: Range): number => Math.log2(high - low + 1);
  const seen = new Set<string>();
  return made
    .map((m) => ({
      rule: {
        src: { value: m.src, length: m.srcLength },
        dst: { value: m.dst, length: m.dstLength },
        srcPort: m.srcPort,
        dstPort: m.dstPort,
        protocol: m.protocol,
      },
      width: 64 - m.srcLength - m.dstLength + wide(m.srcPort) + wide(m.dstPort) + wide(m.protocol),
    }))
    .filter(({ rule }) => {
      const key = JSON.stringify(rule);
      return !seen.has(key) && seen.add(key);
    })
    .sort((a, b) => a.width - b.width)
    .map(({ rule }) => rule);
}

/** Packets at corners of rules, each corner as often as a Pareto distribution of shape 1 says (`locality` 0: once). */
export function packetsFor(rules: readonly AclRule[], count: number, seed: number, locality: number): AclPacket[] {
  const r = new Random(seed);
  const end = ([low, high]: Range): number => (r.int(2) === 0 ? low : high);
  const address = ({ value, length }: Prefix): number =>
    r.int(2) === 0 ? value : (value | (length === 32 ? 0 : 0xffffffff >>> length)) >>> 0;
  const out: AclPacket[] = [];
  while (out.length < count) {
    const rule = r.pick(rules);
    const packet = {
      src: address(rule.src),
      dst: address(rule.dst),
      srcPort: end(rule.srcPort),
      dstPort: end(rule.dstPort),
      protocol: end(rule.protocol),
    };
    const copies = locality === 0 ? 1 : Math.ceil(locality / (1 - r.fraction()));
    for (let i = 0; i < copies && out.length < count; i++) out.push(packet);
  }
  return out;
}
