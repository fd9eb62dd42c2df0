/** A line of evidence among its neighbours. */
import { gunzipSync } from "node:zlib";
import { Pack, type PackedFile } from "../packs/pack.js";
import type { EvidencePlace } from "./protocol.js";

export interface Lines {
  readonly file: string;
  readonly line: number;
  /** Number of the first of `lines`, from 1. */
  readonly first: number;
  readonly lines: readonly string[];
  /** Lines of the file. */
  readonly total: number;
}

/** A longer line is cut, and says so. */
const LONGEST = 20_000;

/** Null: no such file. The path is the file's as the engine tells it: wrapping folders may have been taken away. */
export function linesAround(place: EvidencePlace, file: string, line: number, around: number): Lines | null {
  // What lies on top counts.
  for (const layer of [...place.layers].reverse()) {
    const pack = Pack.open(layer.path);
    try {
      const found = findFile(pack, file);
      if (found) return cut(pack, found, file, line, around);
    } finally {
      pack.close();
    }
  }
  return null;
}

function findFile(pack: Pack, path: string): PackedFile | undefined {
  const exact = pack.find(path);
  if (exact) return exact;
  // As without the folders that wrap all files: these are the same for all.
  const wrapped = pack.files.filter((f) => f.path.endsWith(`/${path}`));
  return wrapped.find((f) => {
    const wrap = f.path.slice(0, -path.length);
    return pack.files.every((x) => x.path.startsWith(wrap));
  });
}

function cut(pack: Pack, packed: PackedFile, file: string, line: number, around: number): Lines {
  let bytes = pack.load(packed);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) bytes = gunzipSync(bytes);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = Math.max(1, line - around);
  const last = line + around;
  const lines: string[] = [];
  let number = 0;
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf(10, at);
    const to = end < 0 ? text.length : end;
    number++;
    if (number >= first && number <= last) {
      const whole = text
        .subarray(at, Math.min(to, at + LONGEST))
        .toString("utf8")
        .replace(/\r$/, "");
      lines.push(to - at > LONGEST ? `${whole}… (${to - at} bytes)` : whole);
    }
    at = to + 1;
  }
  return { file, line, first: Math.min(first, number + 1), lines, total: number };
}
