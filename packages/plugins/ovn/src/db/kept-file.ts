/**
 * A file of numbers with a JSON head, for what is dear to make and cheap to read again.
 *
 *     "PLUMBKPT" | version | bytes of the head | check of all behind the first 32 bytes | 0 | head, filled to 8 bytes | part | part | …
 *
 * Numbers are 32-bit little-endian words. The check tells a file that was cut or changed; what it is of, its name tells.
 */
import { createHash } from "node:crypto";

/** Of the format, and of what the plugin puts into it. */
const VERSION = 2;
const MAGIC = "PLUMBKPT";
const HEAD_AT = 32;

export type Numbers = Uint32Array | Int32Array | Uint16Array | Uint8Array;
const KINDS = { Uint32Array, Int32Array, Uint16Array, Uint8Array } as const;
type Kind = keyof typeof KINDS;

interface Head {
  readonly parts: readonly { readonly name: string; readonly kind: Kind; readonly length: number }[];
  readonly info: unknown;
}

const filled = (n: number) => (n + 7) & ~7;

/** The file's pieces, to be written one behind the other. */
export function keptFile(info: unknown, parts: Readonly<Record<string, Numbers>>): Uint8Array[] {
  const head: Head = {
    parts: Object.entries(parts).map(([name, p]) => ({ name, kind: p.constructor.name as Kind, length: p.length })),
    info,
  };
  const text = new TextEncoder().encode(JSON.stringify(head));
  const pieces = [piece(text), ...Object.values(parts).map((p) => piece(new Uint8Array(p.buffer, p.byteOffset, p.byteLength)))];
  const first = new Uint8Array(HEAD_AT);
  first.set(new TextEncoder().encode(MAGIC));
  const view = new DataView(first.buffer);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, text.length, true);
  view.setUint32(16, checkOf(pieces), true);
  return [first, ...pieces];
}

/** What was kept. Throws an Error that says why a file cannot be used. */
export function readKept(bytes: Uint8Array): { readonly info: unknown; readonly parts: Readonly<Record<string, Numbers>> } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEAD_AT || new TextDecoder().decode(bytes.subarray(0, 8)) !== MAGIC) throw new Error("it is no such file");
  if (view.getUint32(8, true) !== VERSION) throw new Error("another version has made it");
  if (bytes.length % 8 !== 0 || checkOf([bytes.subarray(HEAD_AT)]) !== view.getUint32(16, true)) throw new Error("it is damaged");
  const size = view.getUint32(12, true);
  const head = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + HEAD_AT, size).toString("utf8")) as Head;
  const parts: Record<string, Numbers> = {};
  let at = HEAD_AT + filled(size);
  for (const { name, kind, length } of head.parts) {
    const Numbers = KINDS[kind];
    parts[name] = new Numbers(bytes.buffer as ArrayBuffer, bytes.byteOffset + at, length);
    at += filled(length * Numbers.BYTES_PER_ELEMENT);
  }
  return { info: head.info, parts };
}

/** Bytes filled up to a multiple of eight. */
function piece(bytes: Uint8Array): Uint8Array {
  if (bytes.length % 8 === 0 && bytes.byteOffset % 4 === 0) return bytes;
  const out = new Uint8Array(filled(bytes.length));
  out.set(bytes);
  return out;
}

/** The first word of a hash: of gigabytes, a hash that the processor has instructions for is made faster than any loop. */
function checkOf(pieces: readonly Uint8Array[]): number {
  const hash = createHash("sha256");
  for (const p of pieces) hash.update(p);
  return hash.digest().readUInt32LE(0);
}
