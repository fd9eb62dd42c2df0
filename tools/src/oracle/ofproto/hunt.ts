/** The hunt for differences: random tables, questions that meet their rules, both sides asked, what differs made small. A seed repeats it. */

import { SwitchGone } from "../ovs/unixctl.js";
import { Random } from "../random.js";
import {
  difference,
  evidence,
  isTie,
  type Kind,
  load,
  NotLoaded,
  openFor,
  openOurs,
  ourLines,
  ownersOf,
  type Pair,
  realLines,
} from "./ask.js";
import { caseText } from "./cases.js";
import { Coverage, countHits } from "./coverage.js";
import { drawQuestions, drawTables } from "./draw-tables.js";
import { reduce } from "./reduce.js";
import { TraceSwitch } from "./switch.js";
import type { TableSet } from "./tables.js";

/** Questions on one set, in turns: each aims at rules that those before did not meet. */
const TURNS = 8;
const QUESTIONS_A_TURN = 30;
/** Switches that are asked at a time: while one loads or answers, what another has answered is compared. */
const LANES = 3;
/** Larger texts are of tables that multiply; our side's bounds are others. */
const LONGEST = 200_000;
const TIE = "which of two flows of one priority was there first, a dump does not tell";

interface Difference {
  readonly seed: number;
  readonly kind: Kind;
  readonly text: string;
}
export interface Findings {
  sets: number;
  /** Answers compared, and of them such as the switch refused. */
  compared: number;
  refused: number;
  /** Of those compared, such as ours ends early, by the declared reason. */
  readonly open: Map<string, number>;
  /** Sets not loaded, or at which the switch ended (an assertion of its own, or its memory). */
  lost: string[];
  flows: number;
  refusedFlows: number;
  /** Milliseconds, all in all. */
  elapsed: number;
  /** Milliseconds: the switch's answers, our opening, our answers. */
  realTime: number;
  openTime: number;
  ourTime: number;
  readonly coverage: Coverage;
  /** How many answers differ, by kind, and small ones. */
  readonly kinds: Map<Kind, number>;
  readonly differences: Difference[];
  /** Problems that our side has with the files, with how often. */
  readonly problems: Map<string, number>;
}

/** What a hunt does beside counting. */
export interface HuntOptions {
  /** How many differences of one kind are made small. */
  readonly small: number;
  /** Our side is left out: what random tables reach is looked at alone. */
  readonly realOnly?: boolean;
  /** Stop when this many milliseconds have passed. */
  readonly time?: number;
  /** Asked between sets: whether to stop. */
  readonly stopped?: () => boolean;
  /** Told of each difference when it is small. */
  readonly found?: (d: Difference) => void;
}

/** Compares at least `traces` answers on sets from `seed` on. */
export async function hunt(seed: number, traces: number, options: HuntOptions): Promise<Findings> {
  const f: Findings = {
    ...{ sets: 0, compared: 0, refused: 0, lost: [], flows: 0, refusedFlows: 0, realTime: 0, openTime: 0, ourTime: 0 },
    ...{ elapsed: 0, open: new Map(), coverage: new Coverage(), kinds: new Map(), differences: [], problems: new Map() },
  };
  const begin = performance.now();
  const until = Date.now() + (options.time ?? Number.POSITIVE_INFINITY);
  let next = seed;
  const lane = async (): Promise<void> => {
    let sw = await TraceSwitch.start();
    try {
      while (f.compared < traces && Date.now() < until && !options.stopped?.()) {
        const s = next++;
        // Tables that multiply keep a switch at work until its memory ends.
        const late = setTimeout(() => void sw.stop(), PATIENCE);
        try {
          await look(sw, s, f, options);
        } catch (e) {
          if (!(e instanceof NotLoaded || e instanceof SwitchGone)) throw e;
          f.lost.push(`seed ${s}: ${e.message.replace(/\s+/g, " ").slice(0, 300)}`);
          if (f.lost.length > 10 + f.sets) throw new Error(`the switch answers nothing: ${f.lost[0]}`);
        } finally {
          clearTimeout(late);
        }
        if (!sw.isAlive) {
          await sw.stop();
          sw = await TraceSwitch.start();
        }
        f.sets++;
      }
    } finally {
      await sw.stop();
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: traces < FEW ? 1 : LANES }, lane));
  f.elapsed = performance.now() - begin;
  for (const e of ended) if (e.status === "rejected") throw e.reason;
  return f;
}
/** Milliseconds for one set of tables, with all that is made small of it. */
const PATIENCE = 180_000;
/** Of fewer traces one switch is soon done. */
const FEW = 2000;

async function look(sw: TraceSwitch, seed: number, f: Findings, options: HuntOptions): Promise<void> {
  const r = new Random(seed);
  const drawn = drawTables(r, seed);
  const { set, refused } = await load(sw, drawn.set);
  f.flows += set.bridges.reduce((n, b) => n + b.flows.length, 0);
  f.refusedFlows += refused;
  const files = options.realOnly ? [] : await evidence(sw, set);
  const begin = performance.now();
  const ours = options.realOnly ? null : openOurs(files);
  f.openTime += performance.now() - begin;
  for (const p of ours?.problems ?? []) {
    const what = p.replace(/\S+:\d+: /, "");
    f.problems.set(what, (f.problems.get(what) ?? 0) + 1);
  }
  const owners = ownersOf(set);
  const hits = new Map<number, number>();
  const differing: { pair: Pair; kind: Kind; hit: Set<number> }[] = [];
  const missed = new Set(set.bridges.flatMap((b) => b.flows.map((x) => x.cookie)));
  try {
    for (let turn = 0; turn < TURNS; turn++) {
      const questions = drawQuestions(r, { ...drawn, set }, QUESTIONS_A_TURN, missed);
      const asked = performance.now();
      const told = await sw.trace(questions);
      f.realTime += performance.now() - asked;
      for (const [i, question] of questions.entries()) {
        const t = told[i];
        if ("text" in t && t.text.length > LONGEST) continue;
        const real = realLines(t, owners);
        const hit = new Map<number, number>();
        countHits(real.text?.threads ?? [], hit);
        for (const [c, n] of hit) {
          hits.set(c, (hits.get(c) ?? 0) + n);
          missed.delete(c);
        }
        f.compared++;
        if (!real.text) f.refused++;
        if (!ours) continue;
        const before = performance.now();
        const lines = ourLines(ours, question, real.flooded, real.lines);
        f.ourTime += performance.now() - before;
        const found = difference(real.lines, lines);
        const pair = { question, real: real.lines, ours: lines };
        const tie = found !== null && isTie(pair, set);
        const kind = tie ? null : found;
        const why = tie ? TIE : openFor(lines);
        if (why !== null) f.open.set(why, (f.open.get(why) ?? 0) + 1);
        if (!kind) continue;
        f.kinds.set(kind, (f.kinds.get(kind) ?? 0) + 1);
        differing.push({ pair, kind, hit: new Set(hit.keys()) });
      }
    }
  } finally {
    f.coverage.add(set, hits);
    ours?.close();
  }
  // One of a kind and set: the others are mostly the same.
  for (const d of differing.filter((x, i) => differing.findIndex((y) => y.kind === x.kind) === i))
    if (f.differences.filter((x) => x.kind === d.kind).length < options.small) {
      const difference = { seed, kind: d.kind, text: await small(sw, set, d.pair, d.kind, d.hit, seed) };
      f.differences.push(difference);
      options.found?.(difference);
    }
}

/** The smallest form, as a case with the switch's answer, ours as a comment. */
async function small(sw: TraceSwitch, set: TableSet, seen: Pair, kind: Kind, hit: ReadonlySet<number>, seed: number): Promise<string> {
  const least = await reduce(sw, set, seen.question, kind, hit);
  await load(sw, least.set);
  const dumps = new Map((await evidence(sw, least.set)).map((e) => [e.bridge, e.flows]));
  const real = realLines((await sw.trace([least.pair.question]))[0], ownersOf(least.set));
  const again = difference(least.pair.real, least.pair.ours) !== null;
  return caseText({
    about: again
      ? [`Seed ${seed}, ${kind}. Ours:`, ...least.pair.ours]
      : [`Seed ${seed}, ${kind}, not seen again. The switch had:`, ...seen.real, "Ours:", ...seen.ours],
    set: least.set,
    dumps,
    asked: [{ question: least.pair.question, flooded: real.flooded, answer: real.lines }],
  });
}

/** The findings in a few lines. */
export function summary(f: Findings): string {
  const rate = (n: number, ms: number) => (ms > 0 ? `${Math.round(n / (ms / 1000))}/s` : "-");
  return [
    `${f.sets} sets of tables, ${f.flows} flows (${f.refusedFlows} more refused by the switch), ${f.compared} traces compared (${f.refused} refused by both or one), ${f.lost.length} sets lost`,
    `  ${(f.elapsed / 1000).toFixed(1)} s, ${rate(f.compared, f.elapsed)}, ${Math.round((20_000 * f.sets) / Math.max(1, f.compared))} sets in 20,000 traces`,
    `  rules met: ${f.coverage.met} of ${f.coverage.rules}; ofproto/trace ${rate(f.compared, f.realTime)}, ours ${rate(f.compared, f.ourTime)}, ${Math.round(f.openTime)} ms to open`,
    `  differences: ${f.kinds.size === 0 ? "none" : [...f.kinds].map(([k, n]) => `${k} ${n}`).join(", ")}`,
    ...[...f.open].map(([why, n]) => `  open (${n}): ${why}`),
    ...[...f.problems]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 20)
      .map(([p, n]) => `  problem (${n}): ${p}`),
    ...f.lost.map((l) => `  lost: ${l}`),
  ].join("\n");
}
