/**
 * A file of a snapshot before it has a meaning: a path and a way to its bytes. Folders and archives are both read into these.
 */
import type { EvidenceFile, Line, Problem } from "@plumbline/model";
import { isBinary, linesOf, placeOf } from "@plumbline/plugin-sdk";
import { gunzipBytes } from "./gzip.js";
import type { Limits } from "./limits.js";

export interface RawEntry {
  /** Inside the snapshot, `/`-separated. */
  readonly path: string;
  /** Size in bytes, as it lies there (compressed, for a `.gz`). */
  readonly size: number;
  /** The bytes as they lie there. May throw what the file system throws. */
  load(): Uint8Array;
  /** The same bytes piece by piece, where they need not be held whole. */
  pieces?(): Iterable<Uint8Array>;
}

/** What a folder or archive holds. */
export interface Holding {
  /** The folder that paths are relative to, or the archive. */
  readonly root: string;
  /** False for an archive. */
  readonly folder: boolean;
  /** Name of the folder, or of the archive without its endings. */
  readonly name: string;
  readonly entries: RawEntry[];
  /** Links that were not followed, folders that were not entered. */
  readonly problems: Problem[];
}

/** An {@link EvidenceFile} that reads and decodes when first asked, and can forget again. */
export class LazyFile implements EvidenceFile {
  readonly path: string;
  readonly host: string;
  readonly command: string;
  readonly size: number;
  private readonly entry: RawEntry;
  private readonly limits: Limits;
  private raw: Uint8Array | null = null;
  private decoded: string | null = null;

  /** @param groups top folders that hold hosts and are none */
  constructor(entry: RawEntry, rootName: string, recorded: string | undefined, limits: Limits, groups: { has(folder: string): boolean }) {
    const top = entry.path.indexOf("/");
    const grouped = top > 0 && groups.has(entry.path.slice(0, top));
    const place = placeOf(grouped ? entry.path.slice(top + 1) : entry.path, rootName, recorded);
    this.path = entry.path;
    this.host = place.host;
    this.command = place.command;
    this.size = entry.size;
    this.entry = entry;
    this.limits = limits;
  }

  /** The content, a `.gz` unpacked. */
  bytes(): Uint8Array {
    if (this.raw === null) {
      const bytes = this.entry.load();
      this.raw = isGzip(bytes) ? gunzipBytes(bytes, this.path, this.limits) : bytes;
    }
    return this.raw;
  }

  /** The content as text; "" for a file that is not text (a NUL byte among its first). A byte order mark is left out. */
  text(): string {
    if (this.decoded === null) {
      const bytes = this.bytes();
      this.decoded = isBinary(bytes) ? "" : DECODER.decode(bytes);
    }
    return this.decoded;
  }

  lines(): Iterable<Line> {
    return linesOf(this.pieces());
  }

  private *pieces(): Generator<Uint8Array> {
    // A plugin's claim has mostly looked at the content already.
    if (this.raw !== null || !this.entry.pieces) {
      yield this.bytes();
      return;
    }
    let first = true;
    for (const piece of this.entry.pieces()) {
      if (first && isGzip(piece)) {
        yield this.bytes();
        return;
      }
      first = false;
      yield piece;
    }
  }

  /** Forgets what was read; asking again reads again. */
  release(): void {
    this.raw = null;
    this.decoded = null;
  }
}

const DECODER = new TextDecoder("utf-8");

function isGzip(bytes: Uint8Array): boolean {
  return bytes.length > 18 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}
