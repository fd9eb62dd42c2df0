/**
 * Masks a file's content as it comes, whatever its size: text by lines, a gzip file within, everything else as told.
 */
import { gunzipSync, gzipSync } from "node:zlib";
import { Masker } from "./masker.js";

/** What is done with a file. */
export type Handling =
  /** Text: masked. */
  | "text"
  /** gzip of a text: unpacked, masked, packed again. */
  | "gzip"
  /** A capture: packets, kept as they are. */
  | "capture"
  /** Neither: an archive within the archive, another packed form, a binary. Nobody reads it here, and its secrets cannot be found. */
  | "withheld";

/** As the engine: a NUL among the first bytes is no text. */
const SNIFF = 4096;
/** A line is cut for masking beyond this, at a place between values. */
const LONGEST_LINE = 4 << 20;

const CAPTURES = new Set(["d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d", "0a0d0d0a"]);

/** By the first bytes, at most 4096 of them. */
export function handlingOf(head: Uint8Array): Handling {
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, SNIFF));
  if (CAPTURES.has(bytes.subarray(0, 4).toString("hex"))) return "capture";
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return "gzip";
  const magic = bytes.subarray(0, 6).toString("latin1");
  if (
    /^(?:PK\x03\x04|BZh[1-9]|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf)/.test(magic) ||
    bytes.subarray(257, 262).toString("latin1") === "ustar"
  )
    return "withheld";
  return bytes.includes(0) ? "withheld" : "text";
}

/** Masks text in pieces; what comes out has the same lines. */
export class TextMasker {
  private readonly masker: Masker;
  private rest = "";
  private out: string[] = [];
  private first = true;

  constructor() {
    // The text's own ends of line come back as they were: a "\r" before them is a part of the line.
    this.masker = new Masker((line) => {
      this.out.push(this.first ? line : `\n${line}`);
      this.first = false;
    });
  }

  get masked(): number {
    return this.masker.masked;
  }

  push(piece: Uint8Array): Buffer {
    const text = this.rest + Buffer.from(piece.buffer, piece.byteOffset, piece.length).toString("latin1");
    const lines = text.split("\n");
    this.rest = lines.pop()!;
    for (const line of lines) this.line(line);
    return this.taken();
  }

  end(): Buffer {
    this.line(this.rest);
    this.rest = "";
    this.masker.end();
    return this.taken();
  }

  private line(line: string): void {
    const end = line.endsWith("\r") ? "\r" : "";
    const plain = end === "" ? line : line.slice(0, -1);
    // A "\r" is put back behind the mask.
    if (plain.length <= LONGEST_LINE) this.masker.push(plain + end);
    else this.masker.push(inPieces(plain, this.masker) + end);
  }

  private taken(): Buffer {
    const bytes = Buffer.from(this.out.join(""), "latin1");
    this.out = [];
    return bytes;
  }
}

/** A very long line (a database's log, JSON without line ends), masked in pieces that end between values. */
function inPieces(line: string, counter: Masker): string {
  const out: string[] = [];
  const masker = new Masker((text) => out.push(text));
  for (let at = 0; at < line.length; ) {
    let end = Math.min(line.length, at + LONGEST_LINE);
    if (end < line.length) {
      const cut = line.lastIndexOf(",", end);
      if (cut > at) end = cut + 1;
    }
    masker.push(line.slice(at, end));
    at = end;
  }
  masker.end();
  counter.masked += masker.masked;
  return out.join("");
}

/** A gzip file whose content is small enough to be held. Null: it is not what it seems, or too large. */
export function maskGzip(bytes: Uint8Array, most: number): { readonly bytes: Uint8Array; readonly masked: number } | null {
  let content: Buffer;
  try {
    content = gunzipSync(bytes, { maxOutputLength: most });
  } catch {
    return null;
  }
  const handling = handlingOf(content);
  if (handling === "capture") return { bytes, masked: 0 };
  if (handling !== "text") return null;
  const masker = new TextMasker();
  const masked = Buffer.concat([masker.push(content), masker.end()]);
  return masker.masked === 0 ? { bytes, masked: 0 } : { bytes: gzipSync(masked), masked: masker.masked };
}
