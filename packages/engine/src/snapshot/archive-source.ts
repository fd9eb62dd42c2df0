/**
 * Where the bytes of an archive are: a file, or whatever else can be read from any place.
 */
import { createReadStream, statSync } from "node:fs";
import { Readable } from "node:stream";
import { RandomAccessReader } from "yauzl";

export interface ArchiveSource {
  /** How messages call it. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** The bytes from `start` up to, without it, `end`. */
  stream(start?: number, end?: number): Readable;
}

export function fileSource(path: string): ArchiveSource {
  const { size } = statSync(path);
  return {
    name: path,
    size,
    stream: (start = 0, end = size) => (start >= end ? Readable.from([]) : createReadStream(path, { start, end: end - 1 })),
  };
}

/** The first bytes, at most `length`. */
export async function headOf(source: ArchiveSource, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of source.stream(0, Math.min(length, source.size))) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The source as yauzl reads it: a zip's list of contents is at its end. */
export class SourceReader extends RandomAccessReader {
  constructor(private readonly source: ArchiveSource) {
    super();
  }
  override _readStreamForRange(start: number, end: number): Readable {
    return this.source.stream(start, end);
  }
}
