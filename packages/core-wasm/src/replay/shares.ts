/**
 * A replay by several threads: each has the compiled network, connections, flows and trajectories of its own, gets all bytes of the capture, and works on
 * the connections that are its share (assembly/part.ts); the rest it only steps over. What they come to is read from their memories at the end, and
 * adds up: flows and paths carry the number of their first packet, so that they can be put into the order that one thread has.
 *
 * Only for networks in which connections do not meet each other (joins.ts).
 */
import { Worker } from "node:worker_threads";
import { type CompiledNetwork, type ErrorCode, type KnownConnection, PlumblineError } from "@plumbline/model";
import { Arena } from "../arena.js";
import { STAGE_BYTES } from "./areas.js";
import { ReplayReader, type Seat } from "./reader.js";
import type { CaptureProblem, FlowRecord, PathSample, ReplayOptions } from "./records.js";

/** Pieces that a thread may be behind the reader: as many stand in memory. */
const BEHIND = 8;

export interface ShareData {
  readonly compiled: CompiledNetwork;
  readonly connections: number;
  readonly known: readonly KnownConnection[];
  readonly options: Omit<ReplayOptions, "onPath" | "onFull">;
}
export type ToShare = { readonly kind: "bytes"; readonly bytes: Uint8Array } | { readonly kind: "end" };
export type FromShare =
  | { readonly kind: "taken"; readonly frames: number }
  | { readonly kind: "path"; readonly sample: PathSample }
  | { readonly kind: "full"; readonly flows: readonly FlowRecord[] }
  | {
      readonly kind: "done";
      readonly problem: CaptureProblem | undefined;
      readonly memory: WebAssembly.Memory;
      readonly seat: Seat;
      readonly connections: ConnectionCounts;
    }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string; readonly hint: string };

interface ConnectionCounts {
  readonly known: number;
  readonly forgotten: number;
  readonly refused: number;
}

/** What a share has come to. */
export interface ShareResult {
  readonly problem: CaptureProblem | undefined;
  readonly reader: ReplayReader;
  readonly connections: ConnectionCounts;
}

export interface ShareHandlers {
  /** A share has met a path for the first time. */
  readonly onPath: (share: number, sample: PathSample) => void;
  /** A share hands flows out to make room. */
  readonly onFull: (share: number, flows: readonly FlowRecord[]) => void;
}

class Share {
  frames = 0;
  waiting = 0;
  result: ShareResult | undefined;
  failure: Error | undefined;
  private wake: () => void = () => {};
  readonly worker: Worker;

  constructor(number: number, data: ShareData, handlers: ShareHandlers) {
    // The built file, also where this one runs from its source.
    this.worker = new Worker(new URL("../../dist/replay/share-worker.js", import.meta.url), { workerData: data });
    this.worker.on("error", (e) => this.fail(e));
    this.worker.on("exit", (code) => this.fail(new Error(`a thread of the replay ended with status ${code}`)));
    this.worker.on("message", (m: FromShare) => {
      if (m.kind === "path") handlers.onPath(number, m.sample);
      else if (m.kind === "full") handlers.onFull(number, m.flows);
      else if (m.kind === "failed") this.fail(Object.assign(new PlumblineError(m.code, []), { message: m.message, hint: m.hint }));
      else if (m.kind === "taken") {
        this.frames = m.frames;
        this.waiting--;
      } else this.result = { problem: m.problem, reader: new ReplayReader(new Arena(m.memory), m.seat), connections: m.connections };
      this.wake();
    });
  }

  private fail(e: Error): void {
    this.failure ??= e;
    this.wake();
  }

  /** Waits until `holds`; throws what went wrong in the thread. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.failure) throw this.failure;
      await new Promise<void>((done) => {
        this.wake = done;
      });
    }
  }
}

export class SharedReplay {
  private readonly shares: Share[];
  /** Where pieces are read to, in turns; all threads read them there. */
  private readonly rooms = Array.from({ length: BEHIND }, () => new Uint8Array(new SharedArrayBuffer(STAGE_BYTES)));
  private turn = 0;

  constructor(data: ShareData, parts: number, handlers: ShareHandlers) {
    this.shares = Array.from(
      { length: parts },
      (_, part) => new Share(part, { ...data, options: { ...data.options, share: { part, parts } } }, handlers),
    );
  }

  /** Frames of all shares so far. */
  get frames(): number {
    return this.shares.reduce((n, s) => n + s.frames, 0);
  }

  /** Takes the next bytes of the capture; waits for threads that are far behind. */
  async feed(piece: Uint8Array): Promise<void> {
    for (let at = 0; at < piece.length; at += STAGE_BYTES) {
      const part = piece.subarray(at, at + STAGE_BYTES);
      await this.feedFrom((room) => {
        room.set(part);
        return part.length;
      });
    }
  }

  /** Takes the next bytes where `read` puts them, and tells how many it has put there (0: the file's end); waits for threads that are far behind. */
  async feedFrom(read: (room: Uint8Array) => number): Promise<number> {
    for (const s of this.shares) await s.until(() => s.waiting < BEHIND);
    const room = this.rooms[this.turn];
    const n = read(room);
    if (n === 0) return 0;
    this.turn = (this.turn + 1) % BEHIND;
    for (const s of this.shares) {
      s.waiting++;
      s.worker.postMessage({ kind: "bytes", bytes: room.subarray(0, n) } satisfies ToShare);
    }
    return n;
  }

  /** Says that no bytes follow, and waits for the threads. */
  async finish(): Promise<ShareResult[]> {
    for (const s of this.shares) s.worker.postMessage({ kind: "end" } satisfies ToShare);
    for (const s of this.shares) await s.until(() => s.result !== undefined);
    return this.shares.map((s) => s.result!);
  }

  /** Ends the threads; what was read from their memories stays readable. */
  async close(): Promise<void> {
    await Promise.all(this.shares.map((s) => s.worker.terminate()));
  }
}
