/**
 * Measures `plumbline ovn trace` on a southbound database of a large cluster: reading and compiling it by parts, traces through it, and
 * opening it again from what was kept.
 *
 *     node --max-old-space-size=6000 tools/dist/bench-ovn.js [FILE] [--nodes 500] [--services 10000] [--flows 1000000] [--traces 200]
 *
 * Without FILE the database is made first (generate-ovn.ts). It is opened again by a process of its own (`--kept DIR`: what was kept is there). Times are of the clock and of the processor: on a busy machine the latter tell.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { diskStore, openLayer } from "@plumbline/engine";
import { openOvn } from "@plumbline/plugin-ovn";
import { podOf, vipOf } from "./scale/addresses.js";
import { clusterRows } from "./scale/ovn-kubernetes.js";
import { writeRows } from "./scale/write.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: { type: "string", default: "500" },
    services: { type: "string", default: "10000" },
    flows: { type: "string", default: "1000000" },
    policies: { type: "string", default: "500" },
    traces: { type: "string", default: "200" },
    kept: { type: "string" },
  },
});
const size = {
  nodes: Number(values.nodes),
  services: Number(values.services),
  flows: Number(values.flows),
  policies: Number(values.policies),
};
if (values.kept !== undefined) await open("opened again, from what was kept", positionals[0], values.kept);
else {
  const directory = mkdtempSync(join(tmpdir(), "plumbline-bench-ovn-"));
  try {
    await bench(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Milliseconds of the processor and of the clock since the last call. */
function stopwatch(): () => { cpu: number; clock: number } {
  let clock = performance.now();
  let used = process.cpuUsage();
  return () => {
    const spent = process.cpuUsage(used);
    const out = { cpu: (spent.user + spent.system) / 1000, clock: performance.now() - clock };
    used = process.cpuUsage();
    clock = performance.now();
    return out;
  };
}

function tell(part: string, { cpu, clock }: { cpu: number; clock: number }): void {
  const s = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  const memory = process.memoryUsage().rss;
  console.log(
    `  ${part.padEnd(24)} ${s(cpu).padStart(9)} processor ${s(clock).padStart(9)} clock, ${Math.round(memory / 2 ** 20)} MiB resident`,
  );
}

async function bench(directory: string): Promise<void> {
  const file = positionals[0] ?? join(directory, "sb.json");
  if (!existsSync(file)) writeRows(file, "dump", clusterRows(size));
  const kept = join(directory, "kept");
  console.log(`${cpus()[0].model}, node ${process.version}: ${file}, ${Math.round(statSync(file).size / 1e6)} MB`);
  await open("opened, read and compiled", file, kept);
  const [, script, ...given] = process.argv;
  const options = given.filter((x) => x !== positionals[0]);
  const again = spawnSync(process.execPath, [...process.execArgv, script, file, ...options, "--kept", kept], { stdio: "inherit" });
  if (again.status !== 0) throw new Error("it could not be opened again");
}

async function open(title: string, file: string, kept: string): Promise<void> {
  console.log(`${title}:`);
  const store = diskStore(kept, (message) => console.log(`  note: ${message}`));
  const all = stopwatch();
  const lap = stopwatch();
  const bytes = readFileSync(file);
  tell("file", lap());
  const layer = openOvn({ sb: { name: file, bytes }, store, timed: (part) => tell(part, lap()) });
  const session = await openLayer(layer);
  tell("core", lap());
  tell("in all", all());
  traces(session);
  console.log(`  ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB at the most`);
}

/** From pods to Services and pods of other nodes. */
function traces(session: Awaited<ReturnType<typeof openLayer>>): void {
  const times: number[] = [];
  const verdicts = new Map<string, number>();
  let first = 0;
  for (let i = 0; i < Number(values.traces); i++) {
    const from = podOf((i * 31) % size.nodes, 0);
    const there = podOf((i * 17 + 5) % size.nodes, 1);
    const { vip, port } = vipOf((i * 101) % size.services);
    const [dst, at] = i % 2 === 0 ? [vip, port] : [there.podIp, "8080"];
    const gateway = podOf((i * 31) % size.nodes, -2).podMac;
    const line = `inport == "${from.pod}" && eth.src == ${from.podMac} && eth.dst == ${gateway} && ip4.src == ${from.podIp} && ip4.dst == ${dst} && ip.ttl == 64 && tcp.src == 40000 && tcp.dst == ${at} --ct new --ct new`;
    const begin = performance.now();
    const asked = session.ask(line);
    asked.text();
    const took = performance.now() - begin;
    if (i === 0) first = took;
    else times.push(took);
    const { verdict } = asked.answer as { verdict: string };
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (times.length - 1))].toFixed(2);
  const what = [...verdicts].map(([v, n]) => `${n} ${v}`).join(", ");
  console.log(
    `  ${times.length + 1} traces (${what}): first ${first.toFixed(2)} ms, then median ${at(0.5)} ms, 99 % ${at(0.99)} ms, longest ${at(1)} ms`,
  );
}
