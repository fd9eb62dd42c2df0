/**
 * A worker with a plugin in it, and calls into it.
 *
 * Promise: a call returns within its time, by an answer or an Error; a worker that did not answer is ended, and the next call
 * starts another. A plugin that was ended {@link MOST_ENDS} times is not asked again.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MessageChannel, Worker } from "node:worker_threads";
import { Channel, type Message } from "./channel.js";
import type { Described, WorkerStart } from "./wire.js";

/** How much a plugin in a worker may take. */
export interface SandboxLimits {
  /** Memory of the worker's heap, in MiB. */
  readonly megabytes: number;
  /** Time of a call, in milliseconds; reading has more for larger files. */
  readonly milliseconds: number;
}

export const SANDBOX_LIMITS: SandboxLimits = { megabytes: 512, milliseconds: 10_000 };

/** Loading a plugin's modules may wait for a disk. */
const START_MILLISECONDS = 20_000;
const MOST_ENDS = 3;
const STACK_MIB = 4;
const YOUNG_MIB = 64;

/** Answers what a plugin asks in the midst of a call, and takes what it tells. */
export interface Answers {
  ask(what: string, args: readonly unknown[]): unknown;
  tell?(what: string, args: readonly unknown[]): void;
}

const NOTHING: Answers = {
  ask: (what) => {
    throw new Error(`'${what}' cannot be asked here`);
  },
};

export class SandboxProcess {
  private running: { readonly worker: Worker; readonly channel: Channel } | null = null;
  private ends = 0;
  private described: Described | null = null;
  /** Counts the workers: what was kept in an earlier one is gone. */
  generation = 0;

  /** @param entry file URL of the plugin's module */
  constructor(
    private readonly entry: string,
    private readonly limits: SandboxLimits,
  ) {}

  /** What the plugin is. Starts its worker; throws an Error that says why it cannot be loaded. */
  describe(): Described {
    this.start();
    return this.described as Described;
  }

  private start(): { worker: Worker; channel: Channel } {
    if (this.running) return this.running;
    if (this.ends >= MOST_ENDS) throw new Error(`it was ended ${this.ends} times and is not asked again`);
    const counts = new SharedArrayBuffer(8);
    const { port1, port2 } = new MessageChannel();
    const data: WorkerStart & { port: typeof port2 } = { entry: this.entry, counts, port: port2 };
    const worker = new Worker(workerFile(), {
      workerData: data,
      transferList: [port2],
      env: {},
      argv: [],
      execArgv: ["--no-addons"],
      stdin: false,
      trackUnmanagedFds: true,
      resourceLimits: { maxOldGenerationSizeMb: this.limits.megabytes, maxYoungGenerationSizeMb: YOUNG_MIB, stackSizeMb: STACK_MIB },
    });
    worker.unref();
    port1.unref();
    worker.on("error", () => this.forget(worker));
    worker.on("exit", () => this.forget(worker));
    this.running = { worker, channel: new Channel(port1, new Int32Array(counts), 0) };
    this.generation++;
    try {
      this.described = this.wait(NOTHING, START_MILLISECONDS) as Described;
    } catch (e) {
      this.end();
      throw e;
    }
    return this.running;
  }

  private forget(worker: Worker): void {
    if (this.running?.worker === worker) this.running = null;
  }

  /** Calls a part of the plugin. */
  call(what: string, args: readonly unknown[], answers: Answers = NOTHING, milliseconds = this.limits.milliseconds): unknown {
    this.start().channel.post({ kind: "call", what, args });
    return this.wait(answers, milliseconds);
  }

  private wait(answers: Answers, milliseconds: number): unknown {
    const running = this.running as { worker: Worker; channel: Channel };
    const until = performance.now() + milliseconds;
    for (;;) {
      const message: Message | null = running.channel.next(until);
      if (!message) {
        this.end();
        throw new Error(
          `it did not answer within ${milliseconds / 1000} s, or needed more than ${this.limits.megabytes} MiB, and was ended`,
        );
      }
      if (message.kind === "done") return message.value;
      if (message.kind === "threw") throw new Error(message.message);
      if (message.kind === "tell") answers.tell?.(message.what, message.args);
      else if (message.kind === "ask") running.channel.post(answerOf(() => answers.ask(message.what, message.args)));
    }
  }

  /** Ends the worker, whatever it does. */
  private end(): void {
    const { running } = this;
    this.running = null;
    this.ends++;
    running?.channel.close();
    void running?.worker.terminate();
  }

  close(): void {
    const { running } = this;
    this.running = null;
    running?.channel.close();
    void running?.worker.terminate();
  }
}

function answerOf(work: () => unknown): Message {
  try {
    return { kind: "done", value: work() };
  } catch (e) {
    return { kind: "threw", message: e instanceof Error ? e.message : String(e), name: "Error" };
  }
}

/** The worker's script, beside this one; where this one runs from its source, the built one. */
function workerFile(): string {
  const beside = fileURLToPath(new URL("./worker.js", import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(new URL("../../../dist/plugins/sandbox/worker.js", import.meta.url));
}
