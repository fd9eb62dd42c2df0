/** Errors on their way from a thread: classes do not survive it. */
import { PlumblineError } from "@plumbline/engine";
import { ApiError, type ErrorBody, errorBody, isFull } from "../errors.js";
import type { TaskFault } from "./protocol.js";

export function taskFault(e: unknown): TaskFault {
  const stack = e instanceof Error ? (e.stack ?? e.message) : String(e);
  if (e instanceof PlumblineError && e.code !== "INTERNAL") return { fault: errorBody(e), kind: "input", stack };
  if (isFull(e)) return { fault: errorBody(new ApiError("NO_SPACE", "")), kind: "full", stack };
  return { fault: { code: "INTERNAL", message: e instanceof Error ? e.message : String(e), hint: "" }, kind: "internal", stack };
}

/** A fault that a thread told, as an error again. */
export class WorkerFault extends Error {
  readonly kind: TaskFault["kind"];
  readonly body: ErrorBody;
  constructor(fault: TaskFault) {
    super(fault.fault.message);
    this.name = "WorkerFault";
    this.kind = fault.kind;
    this.body = fault.fault;
    this.stack = fault.stack;
  }
}
