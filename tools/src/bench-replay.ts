/**
 * Measures a replay: a generated capture of many connections to a service of an example, as it would be taken at the router.
 *
 *     node tools/dist/bench-replay.js [--packets 1000000] [--flows 100000] [--order turns|uniform|zipf] [--frame 60] [--repeat 1] [--workers 1] [--trajectories N]
 *         [--records FILE] [--snapshot examples/cluster.tar.gz] [--at router:enp7s0] [--keep FILE | --file FILE]
 *
 * Addresses and MACs come from the snapshot. The capture is written first, so that it is read from memory. Prints packets a second, memory and where the
 * time goes of the fastest of the repeats; nothing is asserted. `--packets N --flows N`: every packet is of a new flow. `--file`: a capture that was
 * kept. `--trajectories 0`: every packet walks. `--records`: writes the flows' records, too.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { flowFile, openCapture, openSession, type ReplayResult, replay, type Session } from "@plumbline/engine";
import { PLUGINS } from "./plugins.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values } = parseArgs({
  options: {
    packets: { type: "string", default: "1000000" },
    flows: { type: "string", default: "100000" },
    snapshot: { type: "string", default: join(root, "examples/cluster.tar.gz") },
    at: { type: "string", default: "router:enp7s0" },
    order: { type: "string", default: "turns" },
    frame: { type: "string", default: "60" },
    repeat: { type: "string", default: "1" },
    trajectories: { type: "string" },
    workers: { type: "string", default: "1" },
    records: { type: "string" },
    keep: { type: "string" },
    file: { type: "string" },
  },
});

const MIB = 1024 ** 2;

/** What a client behind the port would send to the first service that is announced. */
function traffic(session: Session): string[] {
  const [device, name] = values.at.split(":");
  const port = session.net.devices.find((d) => d.name === device)?.ports.find((p) => p.name === name)?.attachment;
  const subnet = port?.kind === "netdev" ? port.addresses?.find((a) => !a.address.includes(":")) : undefined;
  const service = session.snapshot.facts.all("k8s.service").find((s) => s.data.vips.length > 0 && s.data.ports.length > 0)?.data;
  if (port?.kind !== "netdev" || !subnet || !service) throw new Error(`${values.at} has no address, or no service is announced`);
  // Sources above the port's own address: /25 of the subnet's upper half.
  const sources = subnet.address.replace(/\.\d+$/, ".128/25");
  const dst = `${service.vips[0]}:${service.ports[0].port}`;
  return ["--sources", sources, "--dst", dst, "--eth-dst", port.mac];
}

function print(result: ReplayResult, bytes: number): void {
  const s = result.stats;
  const { counters } = result.captures[0];
  console.log(`${cpus()[0]?.model ?? "?"}, ${cpus().length} CPUs, Node ${process.version}`);
  console.log(
    `${counters.frames} packets (${(bytes / MIB).toFixed(0)} MiB) of ${result.total.flows} flows on ${result.paths.length} paths: ${s.seconds.toFixed(2)} s, ${Math.round(s.packetsPerSecond)} packets a second, peak RSS ${Math.round(s.peakRssBytes / MIB)} MiB`,
  );
  console.log(
    `${counters.run} run, of which ${counters.hits} by a remembered trajectory (${counters.remembered} remembered, ${counters.dropped} dropped, ${counters.evicted} evicted)`,
  );
  for (const [what, seconds] of Object.entries(s.time))
    console.log(`  ${what.padEnd(8)} ${seconds.toFixed(2).padStart(7)} s  ${((100 * seconds) / s.seconds).toFixed(1).padStart(5)} %`);
  console.log(result.verdicts.map((v) => `${v.flows} ${v.verdict}`).join(", "));
  for (const note of result.notes) console.log(`note: ${note}`);
}

function generate(file: string, session: Session): void {
  const program = fileURLToPath(new URL("./generate-pcap.js", import.meta.url));
  const { packets, flows, order, frame } = values;
  const what = ["--packets", packets, "--flows", flows, "--order", order, "--frame", frame];
  const made = spawnSync(process.execPath, [program, "--out", file, ...what, ...traffic(session)], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(made.stderr);
}

async function once(session: Session, file: string): Promise<ReplayResult> {
  let shown = 0;
  return replay(session, [{ source: await openCapture(file), at: values.at }], {
    workers: Number(values.workers),
    ...(values.trajectories === undefined ? {} : { maxTrajectories: Number(values.trajectories) }),
    ...(values.records === undefined ? {} : { flows: flowFile(values.records) }),
    progress: ({ packets, seconds }) => {
      if (seconds - shown < 5) return;
      shown = seconds;
      console.error(`${packets} packets, ${Math.round(packets / seconds)} a second`);
    },
  });
}

async function main(): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "plumbline-bench-"));
  const file = values.file ?? values.keep ?? join(scratch, "bench.pcap");
  try {
    const session = await openSession(values.snapshot, { plugins: PLUGINS });
    if (values.file === undefined) generate(file, session);
    const results: ReplayResult[] = [];
    for (let i = 0; i < Number(values.repeat); i++) results.push(await once(session, file));
    results.sort((a, b) => a.stats.seconds - b.stats.seconds);
    print(results[0], statSync(file).size);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

await main();
