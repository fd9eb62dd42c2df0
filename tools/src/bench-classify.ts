/**
 * Look-ups a second in a rule set of five ranges.
 *
 *     npm run -s bench:classify -- --rules FILE --trace FILE [--repeat N] [--format text|json] [--against DIR]
 *
 * FILEs are those of ClassBench (`.gz` too). The structure is chosen by itself (core-wasm/src/acl). A part of the results is checked against a search of one
 * rule after the other; then the whole trace is looked up N times (default 20), and the fastest time of one is what `lookupsPerSecond` tells. Rule i (from 0)
 * counts as 1000000 - i in `prioritySum`, over the trace once; no rule counts nothing. `updateMicros`: one rule more or less, which is a compilation.
 *
 * `--against DIR`: the same files through DPDK's rte_acl, by the driver that tools/setup-dpdk.sh has built in DIR; the sums of priorities must be equal. Both are
 * timed in turns, the best pass of each counts.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { Acl, linearSearch, NO_RULE, packPackets, rangesOf } from "@plumbline/core-wasm";
import { readRules, readTrace, textOf } from "./classbench.js";
import { numberOf, tool, UsageError } from "./options.js";

const FIRST = 1_000_000;
/** Packets that are checked. */
const CHECKED = 1000;

interface Asked {
  readonly rules: string;
  readonly trace: string;
  readonly repeat: number;
  readonly json: boolean;
  readonly against: string | undefined;
}

function main({ rules: rulesFile, trace: traceFile, repeat, json, against }: Asked): void {
  const rules = readRules(rulesFile);
  const packets = packPackets(readTrace(traceFile));
  const acl = Acl.compile(rules);
  const run = acl.stage(packets);
  run.run();
  const found = run.rules();
  const ranges = rangesOf(rules);
  for (let i = 0; i < Math.min(CHECKED, run.packets); i++) {
    const packet = Math.floor((i * run.packets) / Math.min(CHECKED, run.packets));
    const want = linearSearch(ranges, packets, packet);
    if (found[packet] !== want >>> 0) throw new Error(`packet ${packet} meets rule ${found[packet] | 0}, not ${want}`);
  }
  const prioritySum = run.sum(FIRST);
  let least = Number.POSITIVE_INFINITY;
  const passes = () => {
    for (let n = 0; n < repeat; n++) {
      const start = performance.now();
      run.run();
      least = Math.min(least, performance.now() - start);
    }
  };
  passes();
  const native = against ? rteAcl(against, rulesFile, traceFile, passes) : undefined;
  if (native && native.prioritySum !== prioritySum)
    throw new Error(`rte_acl's priorities sum up to ${native.prioritySum}, not ${prioritySum}`);
  const { structure, bytes, buildMs, tried } = acl.choice;
  const result = {
    rules: rules.length,
    packets: run.packets,
    lookupsPerSecond: Math.round((1000 * run.packets) / least),
    prioritySum,
    hits: found.reduce((n, r) => n + (r === NO_RULE ? 0 : 1), 0),
    buildMs: Math.round(buildMs),
    bytes,
    structure,
    updateMicros: Math.round(1000 * buildMs),
    ...(native ? { rteAcl: native } : {}),
    tried: tried.map((t) => ({ ...t, buildMs: Math.round(t.buildMs), nanos: Number(t.nanos.toFixed(2)) })),
  };
  if (json) {
    console.log(JSON.stringify(result));
    return;
  }
  console.log(`${cpus()[0]?.model ?? "?"}, ${cpus().length} CPUs, Node ${process.version}`);
  console.log(`${result.rules} rules, ${result.packets} packets, ${result.hits} of them meet a rule; priorities sum up to ${prioritySum}`);
  for (const t of result.tried)
    console.log(
      `${t.structure === structure ? "*" : " "} ${t.structure.padEnd(56)} ${t.nanos.toFixed(2).padStart(9)} ns  ${(t.bytes / 1e6).toFixed(2).padStart(7)} MB  built in ${t.buildMs} ms`,
    );
  if (native)
    for (const [method, rate] of Object.entries(native.methods))
      console.log(
        `  rte_acl ${method.padEnd(10)} ${(rate / 1e6).toFixed(1).padStart(6)} million look-ups a second; times ${(result.lookupsPerSecond / rate).toFixed(2)}`,
      );
  console.log(`${(result.lookupsPerSecond / 1e6).toFixed(1)} million look-ups a second; chosen and built in ${result.buildMs} ms`);
}

interface RteAcl {
  readonly buildMs: number;
  readonly bytes: number;
  readonly prioritySum: number;
  /** Look-ups a second. */
  readonly methods: Record<string, number>;
}

const TURNS = 3;
/** The driver of rte_acl in `dir` on the same files, several times, with `between` after each. */
function rteAcl(dir: string, rulesFile: string, traceFile: string, between: () => void): RteAcl {
  const scratch = mkdtempSync(join(tmpdir(), "plumbline-acl-"));
  try {
    const files = [rulesFile, traceFile].map((file, i) => {
      const plain = join(scratch, String(i));
      writeFileSync(plain, textOf(file));
      return plain;
    });
    let best: RteAcl | undefined;
    for (let n = 0; n < TURNS; n++) {
      const got = JSON.parse(
        execFileSync(join(dir, "bench-acl"), [...files, "0.5"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
      ) as RteAcl;
      const had = best?.methods ?? {};
      best = { ...got, methods: Object.fromEntries(Object.entries(got.methods).map(([m, rate]) => [m, Math.max(rate, had[m] ?? 0)])) };
      between();
    }
    return best!;
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

tool(
  "bench-classify --rules FILE --trace FILE [--repeat N] [--format text|json] [--against DIR]",
  {
    rules: { type: "string" },
    trace: { type: "string" },
    repeat: { type: "string", default: "20" },
    format: { type: "string", default: "text" },
    against: { type: "string" },
  },
  ({ rules, trace, repeat, format, against }) => {
    if (!rules || !trace) throw new UsageError("--rules and --trace are needed");
    if (format !== "text" && format !== "json") throw new UsageError(`--format wants text or json, not "${format}"`);
    main({ rules, trace, repeat: Math.ceil(numberOf("repeat", repeat, 1)), json: format === "json", against });
  },
);
