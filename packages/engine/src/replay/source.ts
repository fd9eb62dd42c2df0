/**
 * Captures as streams of bytes: a file or standard input, gzip unpacked on the way, in pieces of a few MiB.
 */
import { closeSync, createReadStream, openSync, readSync, statSync } from "node:fs";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { PlumblineError } from "@plumbline/model";

const PIECE_BYTES = 1 << 21;
/** A gzip header with a name is shorter than this. */
const HEAD_BYTES = 1024;

export interface CaptureSource {
  /** As given: a path, or "-" for standard input. */
  readonly name: string;
  /** The file's name in the gzip header, "" if there is none. */
  readonly packedName: string;
  /**
   * The capture's bytes. Where the packed form is cut or damaged they end there, and `damage` says so.
   * Can be read once.
   */
  readonly pieces: AsyncIterable<Uint8Array>;
  /** What was wrong with the packed form, "" if nothing. Known at the end. */
  readonly damage: string;
  /** A plain file's bytes may be read straight to where they are wanted, instead: fills the room, tells how many bytes it has put there, 0 at the end. */
  readonly readInto?: (room: Uint8Array) => number;
}

/** Opens a capture. `-` is standard input. `name` is how it is called, where that is not its path. */
export async function openCapture(path: string, name = path): Promise<CaptureSource> {
  if (path === "-") return captureOf(name, process.stdin);
  // Reading would say so too, but without the path.
  const stat = statSync(path);
  if (stat.isDirectory()) throw new PlumblineError("CAPTURE_BAD", [path, "it is a folder."]);
  const stream = () => createReadStream(path, { highWaterMark: PIECE_BYTES });
  if (!stat.isFile() || isPacked(path)) return captureOf(name, stream());
  return {
    name,
    packedName: "",
    pieces: { [Symbol.asyncIterator]: () => stream()[Symbol.asyncIterator]() },
    damage: "",
    readInto: reader(path),
  };
}

/** Whether a file is gzipped, by its first two bytes. */
function isPacked(path: string): boolean {
  const fd = openSync(path, "r");
  const head = new Uint8Array(2);
  readSync(fd, head);
  closeSync(fd);
  return isGzip(head);
}
const isGzip = (head: Uint8Array) => head[0] === 0x1f && head[1] === 0x8b;

/** Reads a file from its beginning, opened when the first bytes are wanted and closed at its end. */
function reader(path: string): (room: Uint8Array) => number {
  let fd = -1;
  return (room) => {
    if (fd === -1) fd = openSync(path, "r");
    const n = fd === CLOSED ? 0 : readSync(fd, room);
    if (n === 0 && fd !== CLOSED) {
      closeSync(fd);
      fd = CLOSED;
    }
    return n;
  };
}
const CLOSED = -2;

/** A capture that comes from any stream of bytes. */
export async function captureOf(name: string, stream: AsyncIterable<Uint8Array>): Promise<CaptureSource> {
  const pieces = stream[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < HEAD_BYTES) {
    const next = await pieces.next();
    if (next.done) break;
    head = head.length === 0 ? next.value : joined(head, next.value);
  }
  const whole = async function* () {
    if (head.length > 0) yield head;
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value;
  };
  if (!isGzip(head)) return { name, packedName: "", pieces: whole(), damage: "" };
  const source = { name, packedName: nameIn(head), pieces: whole() as AsyncIterable<Uint8Array>, damage: "" };
  source.pieces = unpacked(whole(), (text) => {
    source.damage = text;
  });
  return source;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

async function* unpacked(packed: AsyncIterable<Uint8Array>, damaged: (text: string) => void): AsyncGenerator<Uint8Array> {
  const stream = Readable.from(packed, { objectMode: false }).pipe(createGunzip({ chunkSize: PIECE_BYTES }));
  try {
    for await (const piece of stream) yield piece as Uint8Array;
  } catch (e) {
    // What came out before is as good as that of a capture that was cut.
    if (!(e instanceof Error) || !/^Z_/.test((e as NodeJS.ErrnoException).code ?? "")) throw e;
    damaged(`its gzip form ends early or is damaged (${e.message})`);
  }
}

/** The name in a gzip header (RFC 1952, section 2.3), "" if there is none. */
export function nameIn(head: Uint8Array): string {
  const flags = head[3];
  if ((flags & 8) === 0) return "";
  let at = 10;
  if (flags & 4) at += 2 + head[at] + 256 * head[at + 1];
  const end = head.indexOf(0, at);
  // Names are ISO 8859-1 there.
  return end < 0 ? "" : String.fromCharCode(...head.subarray(at, end));
}

/** How messages call it. */
export function spokenName(source: Pick<CaptureSource, "name">): string {
  return source.name === "-" ? "standard input" : source.name;
}
