/** A thread for one task: taking an archive in, inspecting a snapshot, replaying captures. It ends with the task. */
import { createHash } from "node:crypto";
import { createReadStream, writeFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { type CaptureInput, captureOf, compileSession, flowFile, inspect, PlumblineError, replay } from "@plumbline/engine";
import { type ErrorBody, errorBody } from "../errors.js";
import { type Ingested, ingest } from "../packs/ingest.js";
import { PathFile } from "../results/path-file.js";
import { spoolSource } from "../spool/spool.js";
import { loadEvidence, loadPlugins } from "./evidence.js";
import { taskFault } from "./fault.js";
import { namesOf } from "./names.js";
import type { IngestTask, ReplayTask, Task } from "./protocol.js";

/** What a snapshot is, in numbers, and the keys of the files that were written. */
export interface Inspected {
  readonly hosts: number;
  readonly problems: { readonly error: number; readonly warning: number; readonly info: number };
  readonly inspection: string;
  readonly names: string;
}

export interface TakenInByThread {
  readonly packed: Ingested;
  /** A fault: the archive is sound, and nothing can be made of its evidence. */
  readonly found: Inspected | { readonly fault: ErrorBody };
}

export interface Replayed {
  readonly flows: string;
  readonly paths: string;
  readonly summary: string;
  readonly packets: number;
}

async function run(task: Task): Promise<unknown> {
  switch (task.task) {
    case "ingest":
      return takeIn(task);
    case "replay":
      return replayAll(task);
  }
}

async function takeIn(task: IngestTask): Promise<TakenInByThread> {
  const packed = await ingest(spoolSource(task.spool, task.name), task.pack, task.limits);
  try {
    return { packed, found: await inspectAll(task) };
  } catch (e) {
    if (!(e instanceof PlumblineError) || e.code === "INTERNAL") throw e;
    return { packed, found: { fault: errorBody(e) } };
  }
}

async function inspectAll(task: IngestTask): Promise<Inspected> {
  const layers = [...task.below, { name: task.name, path: task.pack }];
  const { snapshot, built } = await loadEvidence({ id: "", name: layers[0].name, layers }, await loadPlugins(task.plugins));
  const result = inspect(snapshot, built);
  const problems = { error: 0, warning: 0, info: 0 };
  for (const p of result.problems) problems[p.severity]++;
  return {
    hosts: result.hosts.filter((h) => h.host !== "" && h.sources.length > 0).length,
    problems,
    inspection: writeText(task.inspection, JSON.stringify(result)),
    names: writeText(task.names, JSON.stringify({ items: namesOf(snapshot, built) })),
  };
}

async function replayAll(task: ReplayTask): Promise<Replayed> {
  const loaded = await loadEvidence(task.evidence, await loadPlugins(task.plugins));
  const session = await compileSession(loaded.snapshot, loaded.built);
  const inputs: CaptureInput[] = [];
  // Bytes as they lie there: of a packed capture it is not known how many will come out of it.
  let read = 0;
  const counted = async function* (path: string) {
    for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      read += piece.length;
      yield piece;
    }
  };
  for (const { name, path, at } of task.captures)
    inputs.push({ source: await captureOf(name, counted(path)), ...(at === undefined ? {} : { at }) });
  const paths = new PathFile(task.paths);
  let told = 0;
  let packets = 0;
  const result = await replay(session, inputs, {
    ...task.question,
    flows: flowFile(task.flows),
    paths: (path) => paths.write(path),
    progress: (p) => {
      packets = p.packets;
      if (p.seconds - told < 0.2) return;
      told = p.seconds;
      parentPort!.postMessage({ progress: { packets, bytes: read } });
    },
  });
  paths.close();
  return {
    flows: await hashOf(task.flows),
    paths: await hashOf(task.paths),
    summary: writeText(task.summary, JSON.stringify(result)),
    packets,
  };
}

function writeText(path: string, text: string): string {
  writeFileSync(path, text, { flag: "wx", mode: 0o600 });
  return createHash("sha256").update(text).digest("hex");
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

run(workerData as Task).then(
  (result) => parentPort!.postMessage({ result }),
  (e) => parentPort!.postMessage(taskFault(e)),
);
