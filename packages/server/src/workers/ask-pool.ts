/**
 * A few threads that answer questions about snapshots. A question goes to a free thread, of these to one that has the snapshot loaded;
 * a hot snapshot comes to be loaded in all. A thread that does not answer in time, or dies, is replaced; its question fails, others wait on.
 */
import { Worker } from "node:worker_threads";
import { ApiError } from "../errors.js";
import { Answers } from "./answers.js";
import { WorkerFault } from "./fault.js";
import type { Ask, PluginSource, TaskFault } from "./protocol.js";

export interface AskPoolOptions {
  readonly threads: number;
  readonly plugins: PluginSource;
  readonly loadedBytes: number;
  readonly askSeconds: number;
  readonly waiting: number;
  /** Bytes of answers that are kept. */
  readonly answerBytes: number;
}

interface Waiting {
  readonly ask: Ask;
  readonly resolve: (answer: Buffer) => void;
  readonly reject: (e: unknown) => void;
}

interface Thread {
  worker: Worker;
  busy: (Waiting & { readonly id: number; readonly timer: NodeJS.Timeout }) | null;
  /** Snapshots that it was asked about, the last one last. */
  readonly seen: string[];
}

/** What a thread remembers having seen; it may have let go of the older ones. */
const SEEN = 8;

export class AskPool {
  private readonly threads: Thread[] = [];
  private readonly queue: Waiting[] = [];
  private readonly answers: Answers;
  private next = 0;
  private closed = false;

  constructor(private readonly options: AskPoolOptions) {
    this.answers = new Answers(options.answerBytes);
    for (let i = 0; i < options.threads; i++) this.threads.push(this.start());
  }

  get waiting(): number {
    return this.queue.length;
  }

  get busy(): number {
    return this.threads.filter((t) => t.busy).length;
  }

  /** The answer as JSON, to be sent as it is. Throws WorkerFault, or ApiError where there are too many questions or it took too long. */
  ask(ask: Ask): Promise<Buffer> {
    return this.answers.of(ask, () => this.make(ask));
  }

  private make(ask: Ask): Promise<Buffer> {
    if (this.closed) return Promise.reject(new ApiError("BUSY", "the service is stopping."));
    if (this.queue.length >= this.options.waiting)
      return Promise.reject(new ApiError("BUSY", `${this.options.waiting} questions are waiting already.`));
    return new Promise((resolve, reject) => {
      this.queue.push({ ask, resolve, reject });
      this.dispatch();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const w of this.queue.splice(0)) w.reject(new ApiError("BUSY", "the service is stopping."));
    await Promise.all(this.threads.map((t) => t.worker.terminate()));
  }

  private start(): Thread {
    const thread: Thread = { worker: this.worker(), busy: null, seen: [] };
    this.listen(thread);
    return thread;
  }

  private worker(): Worker {
    const { plugins, loadedBytes } = this.options;
    return new Worker(new URL("./ask-thread.js", import.meta.url), { workerData: { plugins, loadedBytes }, name: "ask" });
  }

  private listen(thread: Thread): void {
    const { worker } = thread;
    worker.on("message", (m: { id: number; answer?: Uint8Array } & Partial<TaskFault>) => {
      const job = thread.busy;
      if (!job || job.id !== m.id) return;
      clearTimeout(job.timer);
      thread.busy = null;
      if (m.answer) job.resolve(Buffer.from(m.answer.buffer, m.answer.byteOffset, m.answer.byteLength));
      else job.reject(new WorkerFault(m as TaskFault));
      this.dispatch();
    });
    worker.on("error", (e) => this.replace(thread, worker, e));
    worker.on("exit", () => this.replace(thread, worker, new Error("the thread ended")));
  }

  private replace(thread: Thread, worker: Worker, why: unknown): void {
    if (this.closed || thread.worker !== worker) return;
    const job = thread.busy;
    thread.busy = null;
    thread.seen.length = 0;
    thread.worker = this.worker();
    this.listen(thread);
    void worker.terminate();
    if (job) {
      clearTimeout(job.timer);
      const memory = (why as { code?: string }).code === "ERR_WORKER_OUT_OF_MEMORY";
      job.reject(
        why instanceof ApiError ? why : memory ? new ApiError("TOO_SLOW", "the question needs more memory than a thread has.") : why,
      );
    }
    this.dispatch();
  }

  private dispatch(): void {
    while (this.queue.length > 0) {
      const free = this.threads.filter((t) => !t.busy);
      if (free.length === 0) return;
      const job = this.queue.shift()!;
      const { id: snapshot } = job.ask.evidence;
      const thread = free.find((t) => t.seen.includes(snapshot)) ?? free.reduce((a, b) => (b.seen.length < a.seen.length ? b : a));
      const at = thread.seen.indexOf(snapshot);
      if (at >= 0) thread.seen.splice(at, 1);
      thread.seen.push(snapshot);
      if (thread.seen.length > SEEN) thread.seen.shift();
      const id = this.next++;
      const { worker } = thread;
      const timer = setTimeout(
        () => this.replace(thread, worker, new ApiError("TOO_SLOW", `the question took more than ${this.options.askSeconds} seconds.`)),
        this.options.askSeconds * 1000,
      );
      thread.busy = { ...job, id, timer };
      worker.postMessage({ id, ask: job.ask });
    }
  }
}
