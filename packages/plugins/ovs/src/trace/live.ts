/** Which ports and buckets are up (ofproto-dpif-xlate.c, bucket_is_alive). */
import type { Bucket, PortRef } from "../ast.js";
import { PORT } from "../ports.js";
import type { TracedBridge } from "./world.js";

/** Groups that watch groups are followed no deeper. */
const MAX_DEPTH = 64;

function portIsLive(bridge: TracedBridge, ref: PortRef): boolean {
  if (bridge.portsUnknown) return true;
  const p = typeof ref === "number" ? bridge.ports.get(ref) : [...bridge.ports.values()].find((x) => x.name === ref);
  return p?.live ?? ref === PORT.local;
}

export function bucketIsLive(bridge: TracedBridge, b: Bucket, depth = 0): boolean {
  if (depth >= MAX_DEPTH) return false;
  if (b.watchPort === null && b.watchGroup === null) return true;
  if (b.watchPort !== null && portIsLive(bridge, b.watchPort)) return true;
  if (b.watchGroup === null) return false;
  return bridge.groups.get(b.watchGroup)?.buckets.some((x) => bucketIsLive(bridge, x, depth + 1)) ?? false;
}
