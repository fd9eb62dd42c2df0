/**
 * Runs replays: takes jobs from the queue, one thread each, and makes their results the current ones.
 *
 * What makes it safe to die at any moment: a job is a row that stays until its results are referred to by the same commit that ends it;
 * results are files named by their content, written before that; a lease that was lost can change nothing. So an attempt that is cut
 * short leaves drafts, and the next attempt starts from the same inputs, which never change: its results are the same.
 */
import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import type { Logger } from "pino";
import type { Blobs } from "../blobs/blobs.js";
import type { ErrorBody } from "../errors.js";
import type { Lease, Metadata } from "../metadata/metadata.js";
import type { ReplayProgress, ReplayRecord } from "../metadata/records.js";
import { evidenceOf } from "../service/snapshots.js";
import { WorkerFault } from "../workers/fault.js";
import type { PluginSource } from "../workers/protocol.js";
import type { Replayed } from "../workers/task-thread.js";
import { type RunningTask, runTask, TaskLost, TaskStopped } from "../workers/tasks.js";

export interface RunnerOptions {
  readonly metadata: Metadata;
  readonly blobs: Blobs;
  readonly plugins: PluginSource;
  /** Replays at a time. */
  readonly concurrency: number;
  readonly log: Logger;
}

const LEASE_MS = 60_000;
const RENEW_MS = 2_000;
/** Attempts of which the thread died (out of memory, mostly): the next would, too. */
const MOST_LOST_THREADS = 3;
/** Attempts during which the whole process died. */
const MOST_LOST = 50;
/** A full disk is waited out. */
const FULL_MS = 5_000;

/** Emits `id` of a replay whenever something about it changed. */
export class ReplayRunner extends EventEmitter {
  private readonly owner = randomUUID();
  private readonly running = new Map<string, { task: RunningTask<Replayed> | null; progress: ReplayProgress; done: Promise<void> }>();
  private readonly lostThreads = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private looking = false;
  private again = false;
  private stopping = false;

  constructor(private readonly options: RunnerOptions) {
    super();
    this.setMaxListeners(0);
  }

  get active(): number {
    return this.running.size;
  }

  /** Takes up what an earlier process has left behind. The folder is ours alone, so whoever held a lease is dead. */
  async start(): Promise<void> {
    const n = await this.options.metadata.jobs.reclaim(Date.now(), true);
    if (n > 0) this.options.log.info({ jobs: n }, "jobs of an earlier process are taken up again");
    this.look();
  }

  /** There may be something to do. */
  look(): void {
    if (this.stopping) return;
    if (this.looking) {
      this.again = true;
      return;
    }
    this.looking = true;
    this.takeJobs()
      .catch((e) => {
        this.options.log.error({ err: e }, "the queue could not be looked at");
        this.later(FULL_MS);
      })
      .finally(() => {
        this.looking = false;
        if (this.again) {
          this.again = false;
          this.look();
        }
      });
  }

  /** How far it is, where it runs here. */
  progressOf(id: string): ReplayProgress | undefined {
    return this.running.get(id)?.progress;
  }

  /** Ends a job's thread; its row has been changed already. */
  cancelled(id: string): void {
    this.running.get(id)?.task?.stop();
    this.emit(id);
  }

  /** Puts back what runs, uncounted, and waits for the threads to end. */
  async stop(): Promise<void> {
    this.stopping = true;
    clearTimeout(this.timer);
    for (const r of this.running.values()) r.task?.stop();
    await Promise.all([...this.running.values()].map((r) => r.done));
  }

  private later(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), ms);
    this.timer.unref();
  }

  private async takeJobs(): Promise<void> {
    const { jobs } = this.options.metadata;
    while (!this.stopping && this.running.size < this.options.concurrency) {
      const lease = await jobs.lease(this.owner, Date.now(), LEASE_MS);
      if (!lease) {
        const at = await jobs.next();
        if (at !== null) this.later(Math.max(50, at - Date.now()));
        return;
      }
      const { id } = lease.replay;
      const entry = { task: null as RunningTask<Replayed> | null, progress: lease.replay.progress, done: Promise.resolve() };
      this.running.set(id, entry);
      entry.done = this.run(lease, entry)
        .catch((e) => this.options.log.error({ err: e, replay: id }, "a job could not be ended; it is taken up again later"))
        .finally(() => {
          this.running.delete(id);
          this.emit(id);
          this.look();
        });
      this.emit(id);
    }
  }

  private async run(lease: Lease, entry: { task: RunningTask<Replayed> | null; progress: ReplayProgress }): Promise<void> {
    const { metadata, blobs, plugins, log } = this.options;
    const { replay } = lease;
    const log1 = log.child({ replay: replay.id, attempt: replay.attempt });
    if (replay.lost > MOST_LOST) {
      await metadata.jobs.fail(lease, {
        code: "REPLAY_LOST",
        message: `the service ended ${MOST_LOST} times while this replay ran.`,
        hint: "It may need more memory than there is.",
      });
      return;
    }
    const drafts = { flows: blobs.draft(".parquet"), paths: blobs.draft(), summary: blobs.draft() };
    const releases: (() => void)[] = [];
    let renewing: NodeJS.Timeout | undefined;
    try {
      const inputs = await this.inputs(replay);
      if ("code" in inputs) {
        await metadata.jobs.fail(lease, inputs);
        return;
      }
      entry.progress = { packets: 0, bytes: 0, bytesTotal: inputs.bytes };
      entry.task = runTask<Replayed>(
        { task: "replay", plugins, evidence: inputs.evidence, captures: inputs.captures, question: replay.question, ...drafts },
        (p) => {
          entry.progress = { ...p, bytesTotal: inputs.bytes };
          this.emit(replay.id);
        },
      );
      renewing = setInterval(() => {
        metadata.jobs.renew(lease, Date.now(), LEASE_MS, entry.progress).then(
          (ours) => {
            if (!ours) entry.task?.stop();
          },
          (e) => log1.warn({ err: e }, "the lease could not be renewed"),
        );
      }, RENEW_MS);
      const done = await entry.task.result;
      clearInterval(renewing);
      for (const what of ["flows", "paths", "summary"] as const) {
        releases.push(blobs.hold(done[what]));
        await blobs.keep(drafts[what], done[what]);
      }
      const { flows, paths, summary } = done;
      entry.progress = { packets: done.packets, bytes: inputs.bytes, bytesTotal: inputs.bytes };
      const ours = await metadata.jobs.finish(lease, { flows, paths, summary }, entry.progress);
      this.lostThreads.delete(replay.id);
      log1.info({ packets: done.packets, current: ours }, "replay done");
    } catch (e) {
      clearInterval(renewing);
      await this.ended(lease, e, log1);
    } finally {
      clearInterval(renewing);
      for (const release of releases) release();
      for (const draft of Object.values(drafts)) await blobs.discard(draft);
    }
  }

  /** An attempt that came to nothing: given up, or put back. */
  private async ended(lease: Lease, e: unknown, log: Logger): Promise<void> {
    const { jobs } = this.options.metadata;
    const { replay } = lease;
    if (e instanceof TaskStopped) {
      if (this.stopping) await jobs.putBack(lease, 0, replay.lost - 1);
      return;
    }
    const full =
      (e instanceof WorkerFault && e.kind === "full") ||
      /ENOSPC|EDQUOT|SQLITE_FULL|database or disk is full/.test(String((e as Error).message));
    if (full) {
      log.warn("the disk is full: the replay waits");
      await this.insist(() => jobs.putBack(lease, Date.now() + FULL_MS, replay.lost - 1));
      return;
    }
    if (e instanceof TaskLost) {
      const n = (this.lostThreads.get(replay.id) ?? 0) + 1;
      this.lostThreads.set(replay.id, n);
      log.warn({ err: e, times: n }, "the replay's thread died");
      if (n < MOST_LOST_THREADS) {
        await jobs.putBack(lease, Date.now() + 1000 * n, replay.lost);
        return;
      }
      this.lostThreads.delete(replay.id);
      await jobs.fail(lease, {
        code: "REPLAY_LOST",
        message: `${e.message} (${n} times).`,
        hint: "It may need more memory than there is.",
      });
      return;
    }
    if (e instanceof WorkerFault && e.kind === "input") {
      await jobs.fail(lease, e.body);
      return;
    }
    log.error({ err: e }, "replay failed");
    await jobs.fail(lease, {
      code: "INTERNAL",
      message: "internal error: the service's log has it.",
      hint: "This is a bug: report it with the log's lines of this replay.",
    });
  }

  /** On a full disk even the queue may not be written to; the row stays as it is until it can. */
  private async insist(change: () => Promise<boolean>): Promise<void> {
    for (;;) {
      try {
        await change();
        return;
      } catch (e) {
        if (this.stopping) throw e;
        await new Promise((resolve) => setTimeout(resolve, FULL_MS));
      }
    }
  }

  private async inputs({ project, snapshot, question }: ReplayRecord) {
    const { metadata, blobs } = this.options;
    const gone = (what: string, id: string): ErrorBody => ({
      code: "NOT_FOUND",
      message: `the ${what} '${id}' was deleted.`,
      hint: "Upload it again, and begin another replay.",
    });
    const evidence = await metadata.snapshots.get(project, snapshot);
    if (!evidence) return gone("snapshot", snapshot);
    let bytes = 0;
    const captures: { name: string; path: string; at?: string }[] = [];
    for (const { id, at } of question.captures) {
      const capture = await metadata.captures.get(project, id);
      if (!capture) return gone("capture", id);
      bytes += capture.bytes;
      captures.push({ name: capture.name, path: blobs.path(capture.sha256), ...(at === undefined ? {} : { at }) });
    }
    return { evidence: evidenceOf({ blobs }, evidence), captures, bytes };
  }
}
