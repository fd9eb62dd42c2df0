/** Reads a capture into the core, to its end or to where it is damaged. */
import type { CaptureProblem, ReplayCounters } from "@plumbline/core-wasm";
import { PlumblineError } from "@plumbline/model";
import type { CapturePoint } from "./point.js";
import type { CaptureReport } from "./result.js";
import { type CaptureSource, spokenName } from "./source.js";
import type { StopWatch } from "./stats.js";

/** Milliseconds. */
const REST_EVERY = 50;

/** What takes a capture's bytes: a session of the core, or several threads. */
export interface BytesReader {
  feed(piece: Uint8Array): void | Promise<void>;
  /** Reads straight to where the bytes are wanted; returns how many, 0 at the end. */
  feedFrom?(read: (room: Uint8Array) => number): number | Promise<number>;
  finish(): CaptureProblem | undefined | Promise<CaptureProblem | undefined>;
  readonly frames: number;
  readonly counters: ReplayCounters;
}

/** @param progress called after every piece with the capture's packets and bytes so far */
export async function readCapture(
  source: CaptureSource,
  point: CapturePoint,
  core: BytesReader,
  watch: StopWatch,
  progress: (packets: number, bytes: number) => void,
): Promise<CaptureReport> {
  const name = spokenName(source);
  const unusable = (text: string) => new PlumblineError("CAPTURE_BAD", [name, text]);
  let bytes = 0;
  const { readInto } = source;
  if (readInto && core.feedFrom) {
    let rested = performance.now();
    for (let n = -1; n !== 0; ) {
      n = await watch.during("core", () => core.feedFrom!((room) => watch.during("read", () => readInto(room))));
      bytes += n;
      progress(core.frames, bytes);
      if (performance.now() - rested < REST_EVERY) continue;
      // Others of this process want to get on, too.
      await new Promise((done) => setImmediate(done));
      rested = performance.now();
    }
  } else
    for await (const piece of source.pieces) {
      bytes += piece.length;
      await watch.during("core", () => core.feed(piece));
      progress(core.frames, bytes);
    }
  const wrong = await core.finish();
  const { counters } = core;
  const damage = source.damage === "" ? [] : [source.damage];
  if (wrong?.kind === "empty" && damage.length === 0) throw unusable("the file is empty.");
  if (counters.frames === 0 && (wrong || damage.length > 0))
    throw unusable(`${[...damage, wrong?.text ?? ""].filter(Boolean).join("; ")}; it holds no whole packet.`);
  if (wrong) damage.push(`${wrong.text}, at byte ${wrong.offset}, behind packet ${counters.frames}`);
  return {
    name,
    at: point.text,
    direction: point.why,
    counters,
    problem: damage.length === 0 ? "" : `${damage.join("; ")}; what stands before it is used`,
  };
}
