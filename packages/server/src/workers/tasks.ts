/** Runs a task in a thread of its own. */
import { Worker } from "node:worker_threads";
import { WorkerFault } from "./fault.js";
import type { Task, TaskFault } from "./protocol.js";

export interface RunningTask<Result> {
  readonly result: Promise<Result>;
  /** Ends the thread, wherever it is; `result` rejects with {@link TaskStopped}. */
  stop(): void;
}

export class TaskStopped extends Error {
  constructor() {
    super("the task was stopped");
    this.name = "TaskStopped";
  }
}

/** The thread died without a word: out of memory, or a bug in native code. */
export class TaskLost extends Error {
  constructor(why: string) {
    super(`the task's thread died: ${why}`);
    this.name = "TaskLost";
  }
}

export function runTask<Result>(task: Task, progress?: (p: { packets: number; bytes: number }) => void): RunningTask<Result> {
  const worker = new Worker(new URL("./task-thread.js", import.meta.url), { workerData: task, name: task.task });
  let stopped = false;
  const result = new Promise<Result>((resolve, reject) => {
    worker.on("message", (m: { progress?: { packets: number; bytes: number }; result?: Result } & Partial<TaskFault>) => {
      if (m.progress) progress?.(m.progress);
      else if (m.fault) reject(new WorkerFault(m as TaskFault));
      else resolve(m.result as Result);
    });
    worker.on("error", (e) => reject(stopped ? new TaskStopped() : new TaskLost(e instanceof Error ? e.message : String(e))));
    worker.on("exit", (code) => reject(stopped ? new TaskStopped() : new TaskLost(`exit code ${code}`)));
  });
  result.catch(() => {});
  return {
    result: result.finally(() => void worker.terminate()),
    stop() {
      stopped = true;
      void worker.terminate();
    },
  };
}
