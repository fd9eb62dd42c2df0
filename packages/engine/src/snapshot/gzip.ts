/**
 * gzip with a bound on what comes out, for single files inside a snapshot.
 */
import { gunzipSync } from "node:zlib";
import { PlumblineError } from "@plumbline/model";
import type { Limits } from "./limits.js";

/** Most bytes that `packed` bytes may unpack to. */
function unpackedBound(packed: number, limits: Limits): number {
  return Math.min(limits.total, Math.max(limits.ratioFrom, packed * limits.ratio));
}

export function gunzipBytes(bytes: Uint8Array, path: string, limits: Limits): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: unpackedBound(bytes.length, limits) });
  } catch (e) {
    const code = (e as NodeJS.ErrnoException).code;
    if (code === "ERR_BUFFER_TOO_LARGE")
      throw new PlumblineError("ARCHIVE_HOSTILE", [path, path, `unpacks to more than ${unpackedBound(bytes.length, limits)} bytes`]);
    throw new PlumblineError("ARCHIVE_BAD", [path, `it cannot be unpacked (${e instanceof Error ? e.message : String(e)}).`]);
  }
}
