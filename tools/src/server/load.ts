/** Clients that trace at once: throughput, times, errors, memory. */
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ServiceProcess, sleep } from "./child.js";
import { packetOf, snapshotBytes } from "./evidence.js";

export interface LoadFigures {
  readonly clients: number;
  readonly seconds: number;
  readonly answers: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly megabytes: number;
  readonly errors: Readonly<Record<string, number>>;
  /** Resident MiB of the service after each sixth of the time. */
  readonly memory: readonly number[];
  readonly peak: number;
}

/** @param packet the n-th packet */
export async function load(clients: number, seconds: number, warmUp = 5): Promise<LoadFigures> {
  const dir = mkdtempSync(join(tmpdir(), "plumbline-load-"));
  const service = await ServiceProcess.start(join(dir, "data"));
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  try {
    await service.setUp();
    const { id } = (await service.send("POST", "/v1/snapshots?name=cluster.tar.gz", snapshotBytes())).json as { id: string };
    const { hostname, port } = new URL(service.url);
    let asked = 0;
    let bytes = 0;
    let counting = false;
    let over = false;
    const times: number[] = [];
    const errors: Record<string, number> = {};
    const ask = (): Promise<void> =>
      new Promise((resolve) => {
        const body = JSON.stringify({ packet: packetOf(asked++), from: "client" });
        const from = performance.now();
        const fail = (what: string) => {
          errors[what] = (errors[what] ?? 0) + 1;
          resolve();
        };
        const r = request(
          {
            hostname,
            port,
            agent,
            method: "POST",
            path: `/v1/snapshots/${id}/traces`,
            headers: {
              authorization: `Bearer ${service.token}`,
              "content-type": "application/json",
              "content-length": Buffer.byteLength(body),
            },
          },
          (response) => {
            let end = "";
            response.on("data", (d: Buffer) => {
              bytes += d.length;
              end = d.subarray(-2).toString();
            });
            response.on("end", () => {
              if (response.statusCode !== 200) return fail(String(response.statusCode));
              if (!end.endsWith("}")) return fail("cut");
              if (counting) times.push(performance.now() - from);
              resolve();
            });
            response.on("error", (e) => fail(e.message));
          },
        );
        r.on("error", (e) => fail(e.message));
        r.end(body);
      });
    const running = Array.from({ length: clients }, async () => {
      while (!over) await ask();
    });
    await sleep(warmUp * 1000);
    counting = true;
    bytes = 0;
    const memory: number[] = [];
    const begin = performance.now();
    for (let i = 0; i < 6; i++) {
      await sleep((seconds * 1000) / 6);
      memory.push(service.memory().now);
    }
    counting = false;
    const took = (performance.now() - begin) / 1000;
    const answers = times.length;
    const megabytes = Math.round(bytes / 1e6);
    over = true;
    await Promise.all(running);
    times.sort((a, b) => a - b);
    const at = (q: number) => Math.round(times[Math.min(times.length - 1, Math.floor(q * times.length))] ?? 0);
    const { peak } = service.memory();
    return {
      clients,
      seconds,
      answers,
      perSecond: Math.round(answers / took),
      p50: at(0.5),
      p90: at(0.9),
      p99: at(0.99),
      megabytes,
      errors,
      memory,
      peak,
    };
  } finally {
    agent.destroy();
    await service.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
