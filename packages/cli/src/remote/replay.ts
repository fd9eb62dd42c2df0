/** `plumbline replay --server`: captures are brought there, replayed there, and the results fetched. */
import { createWriteStream } from "node:fs";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import { PlumblineError, type ReplayResult } from "@plumbline/engine";
import type { ServiceClient } from "@plumbline/server/client";
import { progress, progressDone } from "../output.js";

export interface RemoteReplayQuestion {
  readonly snapshot: string;
  readonly captures: readonly { readonly path: string; readonly at?: string }[];
  readonly choose: string;
  readonly conntrack: string;
  /** File for the flows' records. */
  readonly flows?: string;
}

/** How often the job is looked at. */
const POLL_MS = 250;

export async function replayRemote(service: ServiceClient, q: RemoteReplayQuestion): Promise<ReplayResult> {
  const format = q.flows === undefined ? undefined : formatOf(q.flows);
  try {
    const captures: { id: string; at?: string }[] = [];
    for (const { path, at } of q.captures) {
      progress(`sending ${path}`);
      const { id } = await service.uploadCapture(
        path === "-" ? "stdin.pcap" : basename(path),
        path === "-" ? { stream: process.stdin } : { path },
      );
      captures.push({ id, ...(at === undefined ? {} : { at }) });
    }
    let job = await service.startReplay({ snapshot: q.snapshot, captures, choose: q.choose, conntrack: q.conntrack });
    while (job.status === "queued" || job.status === "running") {
      const { packets, bytes, bytesTotal } = job.progress;
      progress(
        job.status === "queued" ? "waiting for its turn" : `${packets} packets, ${Math.round((100 * bytes) / Math.max(1, bytesTotal))} %`,
      );
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      job = await service.replay(job.id);
    }
    if (job.status !== "done")
      throw new PlumblineError("USAGE", [job.error?.message ?? `the replay was ${job.status}.`, job.error?.hint ?? "Begin it again."]);
    if (q.flows !== undefined && format) await pipeline(await service.flows(job.id, format), createWriteStream(q.flows));
    const result = await service.summary(job.id);
    // Captures are told in the order in which they were given.
    return { ...result, captures: result.captures.map((c, i) => ({ ...c, name: q.captures[i]?.path ?? c.name })) };
  } finally {
    progressDone();
  }
}

function formatOf(path: string): "ndjson" | "parquet" {
  if (/\.(ndjson|jsonl)$/i.test(path)) return "ndjson";
  if (/\.parquet$/i.test(path)) return "parquet";
  throw new PlumblineError("USAGE", [
    `${path}: the flows' format is told by the name's end, and this is neither .ndjson nor .parquet.`,
    "Give --flows FILE.ndjson or FILE.parquet.",
  ]);
}
