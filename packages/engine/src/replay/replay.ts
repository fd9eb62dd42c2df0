/**
 * `replay`: recorded traffic runs through the network, every flow gets its fate.
 *
 * One capture streams through the core, packet by packet (one-capture.ts). Of several, taken at different points, each
 * connection is followed from the earliest point of its path, and its later sightings choose the branch or contradict it
 * (many-captures.ts).
 */
import { PlumblineError } from "@plumbline/model";
import { decoded } from "./decode.js";
import { ManyCaptures } from "./many-captures.js";
import { OneCapture } from "./one-capture.js";
import { type CapturePoint, pointInName, pointOf } from "./point.js";
import type { CaptureInput, ReplayOptions, ReplayResult, ReplaySubject } from "./result.js";
import { spokenName } from "./source.js";

/** Replays captures. Throws PlumblineError where one cannot be used, or where it is not known where it was taken. */
export async function replay(
  session: ReplaySubject,
  captures: readonly CaptureInput[],
  options: ReplayOptions = {},
): Promise<ReplayResult> {
  const taken = captures.map(({ source, at }) => ({ source, point: pointFor(session, { source, at }) }));
  if (taken.length === 0) throw new PlumblineError("USAGE", ["no capture is given.", "Give at least one."]);
  const run = taken.length === 1 ? new OneCapture(session, taken[0].point, options) : new ManyCaptures(session, options);
  for (const { source, point } of taken) await run.read(await decoded(source, options.plugins ?? []), point);
  return run.result();
}

/** Where a capture was taken: as said, or as its name tells, or its name before it was packed. */
function pointFor({ net }: ReplaySubject, { source, at }: { source: CaptureInput["source"]; at: string | undefined }): CapturePoint {
  const point =
    at === undefined
      ? (pointInName(net, source.name, source.name) ?? pointInName(net, source.packedName, source.name))
      : pointOf(net, at, source.name);
  if (point) return point;
  const name = source.packedName === "" ? "its name" : `neither its name nor that in it ('${source.packedName}')`;
  throw new PlumblineError("CAPTURE_POINT", [
    spokenName(source),
    `where it was taken is not known: ${name} ${source.packedName === "" ? "does not end" : "ends"} in DEVICE.PORT of this snapshot.`,
  ]);
}
