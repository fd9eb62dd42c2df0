/**
 * Classifiers of range rules, of which one is chosen: several structures are built within a bounded time, each looks up a sample of packets made from
 * the rules, and the fastest is kept. Its results on the sample must be those of a search of one rule after the other.
 */
import { Arena } from "../arena.js";
import { ACL, ACL_BYTES, CODE, RULE_BYTES, RULE_RANGES } from "../layout.js";
import { align } from "../state.js";
import { MODULE_BYTES } from "../wasm.js";
import { type Built, Classes, MOST_RULES_OF_CLASSES } from "./classes.js";
import { buildCuts, GROWTHS } from "./cuts.js";
import { type AclRule, KEY_BYTES, LANES, linearSearch, rangesOf, samplePackets } from "./rules.js";
import { buildTuples, Columns, LAYOUTS } from "./tuples.js";

export { type AclPacket, type AclRule, linearSearch, type Prefix, packPackets, type Range, rangesOf } from "./rules.js";

/** Rules up to which a scan is tried. */
const SCANNED = 64;
/** Above so many rules a structure may take at most so many bytes each. */
const MANY_RULES = 50_000;
const BYTES_A_RULE = 110;
/** No structure may take more. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Packets that candidates are measured with, and those of them that are checked. */
const SAMPLE = 16384;
const CHECKED = 256;
/** No further candidate is begun after so many milliseconds of the processor (not of the clock: the choice shall not depend on who else uses the machine). */
const PATIENCE = { few: 1000, many: 5000 } as const;
/** Prefixes shorter than this stand in the lists of many pairs. */
const WIDE = 16;
/** Nothing else is tried where something takes so few nanoseconds. */
const GOOD_ENOUGH = 12;
const FEW_RULES = 16384;
/** Where building may leave what only it needs: behind the largest image. */
const WORKSPACE = 256 * 1024 * 1024;
/** Packets that are timed together, and for how long a candidate is measured. */
const SLICE = 8192;
const MEASURED_MS = 40;
/** Candidates up to so many times as slow as the best are measured again. */
const RIVALS = 2.5;
/** Packets a call. */
const CHUNK = 4096;

type Way = "classifyByClasses" | "classifyByCuts" | "classifyByLists" | "classifyByParts" | "classifyByTuples" | "classifyByScan";

interface Candidate extends Built {
  readonly name: string;
  readonly way: Way;
  /** Building alone, in milliseconds, and what a look-up of the sample took, in nanoseconds. */
  readonly buildMs: number;
  nanos: number;
  /** Looks a part of the sample up. */
  readonly slice: (from: number, count: number) => void;
}

export interface AclChoice {
  readonly structure: string;
  readonly bytes: number;
  /** All of it: every candidate built, measured, checked. */
  readonly buildMs: number;
  /** What was tried. */
  readonly tried: readonly { readonly structure: string; readonly bytes: number; readonly buildMs: number; readonly nanos: number }[];
}

export class Acl {
  private readonly keys: number;

  private constructor(
    private readonly arena: Arena,
    private readonly chosen: Candidate,
    readonly choice: AclChoice,
    end: number,
  ) {
    this.keys = align(end, 64);
  }

  /** Compiles a rule set, the first rule the best. */
  static compile(rules: readonly AclRule[]): Acl {
    const began = performance.now();
    const cpu = process.cpuUsage();
    const used = () => {
      const { user, system } = process.cpuUsage(cpu);
      return (user + system) / 1000;
    };
    const arena = new Arena();
    const ranges = rangesOf(rules);
    const sample = samplePackets(rules, SAMPLE);
    const keys = MODULE_BYTES;
    const out = keys + KEY_BYTES * SAMPLE;
    let top = out + 4 * SAMPLE;
    arena.reserve(top);
    new Uint16Array(arena.words.buffer, keys, sample.length).set(sample);
    const wanted = Array.from({ length: CHECKED }, (_, i) => linearSearch(ranges, sample, (i * SAMPLE) / CHECKED));
    const limit = rules.length > MANY_RULES ? BYTES_A_RULE * rules.length : Number.POSITIVE_INFINITY;
    const candidates: Candidate[] = [];
    const patience = rules.length <= FEW_RULES ? PATIENCE.few : PATIENCE.many;
    const isGood = () => candidates.some((c) => c.nanos < GOOD_ENOUGH);
    const consider = (name: string, way: Way, build: () => Built | null) => {
      if (isGood() || (candidates.length > 0 && used() > patience)) return;
      const start = performance.now();
      const built = build();
      if (!built) return;
      top = Math.max(top, built.end);
      const buildMs = performance.now() - start;
      const slice = (from: number, count: number) => arena.exports[way](built.image, keys + KEY_BYTES * from, count, out + 4 * from);
      slice(0, SAMPLE);
      for (let i = 0; i < CHECKED; i++) {
        const got = arena.get(out + (4 * i * SAMPLE) / CHECKED);
        if (got !== wanted[i] >>> 0) throw new Error(`${name}: packet ${i} of the sample meets rule ${got | 0}, not ${wanted[i]}`);
      }
      const best = Math.min(...candidates.map((c) => c.nanos));
      candidates.push({ ...built, name, way, buildMs, slice, nanos: measure(slice, RIVALS * best) });
    };
    if (rules.length <= SCANNED) consider("scan", "classifyByScan", () => buildScan(arena, ranges, top));
    if (rules.length <= MOST_RULES_OF_CLASSES) {
      const classes = new Classes(arena, ranges, top, top + WORKSPACE);
      consider("recursive flow classification", "classifyByClasses", () => classes.toTheRule());
      consider("classes of addresses in parts by prefix length", "classifyByParts", () => classes.inParts(parts(rules)));
      consider("classes of addresses, lists of rules", "classifyByLists", () => classes.toLists());
      top = Math.max(top, classes.end);
    }
    const groups = parts(rules);
    for (const g of GROWTHS)
      consider(`cuts (lists of ${g.leaf}, thrift ${g.thrift})`, "classifyByCuts", () =>
        buildCuts(
          arena,
          ranges,
          groups.map((p) => p.rules),
          top,
          Math.min(limit, MOST_BYTES),
          g,
        ),
      );
    const columns = new Columns(ranges);
    for (const l of LAYOUTS)
      consider(`merged tuples (${l.merging} merging, ${l.tables} tables, buckets of ${l.bucket})`, "classifyByTuples", () =>
        buildTuples(arena, columns, top, l),
      );
    // The best ones once more, in turns: what one of them lost to others on this machine, it may have lost alone.
    const finalists = [...candidates].sort((a, b) => a.nanos - b.nanos).filter((c, _, [best]) => c.nanos < RIVALS * best.nanos);
    if (finalists.length > 1)
      for (let n = 0; n < 2; n++) for (const c of finalists) c.nanos = Math.min(c.nanos, measure(c.slice, Number.POSITIVE_INFINITY));
    const fitting = candidates.filter((c) => c.bytes <= limit);
    const chosen = (fitting.length > 0 ? fitting : candidates).reduce((a, b) => (b.nanos < a.nanos ? b : a));
    const choice: AclChoice = {
      structure: chosen.name,
      bytes: chosen.bytes,
      buildMs: performance.now() - began,
      tried: candidates.map(({ name, bytes, buildMs, nanos }) => ({ structure: name, bytes, buildMs, nanos })),
    };
    return new Acl(arena, chosen, choice, top);
  }

  /** Stages packets (packPackets) for {@link run}. */
  stage(packets: Uint16Array): AclRun {
    const { arena, chosen, keys } = this;
    const n = packets.length / LANES;
    const out = align(keys + KEY_BYTES * n, 64);
    arena.reserve(out + 4 * n);
    new Uint16Array(arena.words.buffer, keys, packets.length).set(packets);
    return {
      packets: n,
      run: () => {
        for (let i = 0; i < n; i += CHUNK)
          arena.exports[chosen.way](chosen.image, keys + KEY_BYTES * i, Math.min(CHUNK, n - i), out + 4 * i);
      },
      rules: () => arena.words.slice(out >>> 2, (out >>> 2) + n),
      sum: (from) => arena.exports.sumOfRules(out, n, from),
    };
  }
}

/** Packets in memory. */
export interface AclRun {
  readonly packets: number;
  /** Looks all of them up. */
  run(): void;
  /** The rules found by the last run, 0xffffffff where none matches. */
  rules(): Uint32Array;
  /** The sum of `from` less the rule over the packets that met one. */
  sum(from: number): number;
}

/** Rules by whether their prefixes are short: those with a long and a short one have few classes of the short one. */
function parts(rules: readonly AclRule[]): { rules: Uint32Array; lists: boolean }[] {
  const groups: number[][] = [[], [], [], []];
  rules.forEach((r, i) => {
    groups[(r.src.length < WIDE ? 1 : 0) + (r.dst.length < WIDE ? 2 : 0)].push(i);
  });
  // Lists of long prefixes are short, and there are many: too many for classes.
  return groups.flatMap((g, i) => (g.length > 0 ? [{ rules: Uint32Array.from(g), lists: i === 0 }] : []));
}

/**
 * What a look-up of the sample takes, in nanoseconds: the sum of the least times of its slices, each of which is short enough to be had without being
 * interrupted, on a machine that is not too busy, and long enough that no branch is known by heart. What took more than `hopeless` twice is not measured further.
 */
function measure(slice: (from: number, count: number) => void, hopeless: number): number {
  const least = new Float64Array(SAMPLE / SLICE).fill(Number.POSITIVE_INFINITY);
  const nanos = () => (1e6 * least.reduce((a, b) => a + b)) / SAMPLE;
  for (let n = 0, end = performance.now() + MEASURED_MS; n < 6 || (performance.now() < end && n < 60); n++) {
    for (let i = 0; i < least.length; i++) {
      const start = performance.now();
      slice(i * SLICE, SLICE);
      least[i] = Math.min(least[i], performance.now() - start);
    }
    if (n === 1 && nanos() > hopeless) break;
  }
  return nanos();
}

function buildScan(arena: Arena, ranges: Uint16Array, from: number): Built {
  const n = ranges.length / (2 * LANES);
  const image = align(from, 64);
  const rules = image + ACL_BYTES;
  const end = rules + RULE_BYTES * n;
  arena.reserve(end);
  arena.put(image + ACL.AL_RULES, rules);
  arena.put(image + ACL.AL_COUNT, n);
  for (let i = 0; i < n; i++) {
    const at = rules + RULE_BYTES * i;
    new Uint16Array(arena.words.buffer, at, 2 * LANES).set(ranges.subarray(2 * LANES * i, 2 * LANES * (i + 1)));
    arena.put(at + RULE_RANGES.RU_RANK, i);
  }
  return { image, end, bytes: end - image };
}

/** What a packet without a rule meets. */
export const NO_RULE = CODE.NONE;
