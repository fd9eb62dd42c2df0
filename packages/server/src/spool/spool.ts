/**
 * A spool: what is being uploaded, on disk, but readable only for as long as this process knows the key.
 *
 * An archive may be larger than memory, a zip's list of contents stands at its end, and nothing may be stored before its secrets are
 * masked. So the bytes lie in a temporary file, encrypted (AES-256 in counter mode) with a key that is in no file. Whoever kills the
 * process or copies the disk finds noise. Counter mode lets any place be read without what stands before it.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import type { ArchiveSource } from "@plumbline/engine";

/** What a worker needs to read a spool. */
export interface SpoolKey {
  readonly path: string;
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly size: number;
}

export interface Spool extends SpoolKey {
  /** Of the bytes as they came, hexadecimal. */
  readonly sha256: string;
  remove(): Promise<void>;
}

const BLOCK = 16;

/** Writes what comes into a spool. `check` throws where there is too much of it. Leaves no file behind where it throws. */
export async function writeSpool(path: string, input: AsyncIterable<Uint8Array>, check: (size: number) => void): Promise<Spool> {
  const key = randomBytes(32);
  const iv = randomBytes(BLOCK);
  const cipher = createCipheriv("aes-256-ctr", key, iv);
  const hash = createHash("sha256");
  const remove = () => rm(path, { force: true });
  let size = 0;
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of input) {
      size += chunk.length;
      check(size);
      hash.update(chunk);
      await file.writeFile(cipher.update(chunk));
    }
  } catch (e) {
    await file.close();
    await remove();
    throw e;
  }
  await file.close();
  return { path, key, iv, size, sha256: hash.digest("hex"), remove };
}

/** A spool as an archive's bytes. */
export function spoolSource(spool: SpoolKey, name: string): ArchiveSource {
  return {
    name,
    size: spool.size,
    stream(start = 0, end = spool.size) {
      if (start >= end) return Readable.from([]);
      const skip = start % BLOCK;
      const decipher = createDecipheriv("aes-256-ctr", spool.key, counterAt(spool.iv, Math.floor(start / BLOCK)));
      const input = createReadStream(spool.path, { start: start - skip, end: end - 1, highWaterMark: 1 << 18 });
      return Readable.from(
        (async function* () {
          let rest = skip;
          for await (const chunk of input) {
            const plain = decipher.update(chunk as Buffer);
            yield rest > 0 ? plain.subarray(rest) : plain;
            rest = 0;
          }
        })(),
        { objectMode: false },
      );
    },
  };
}

/** The counter after so many blocks: the initial one plus that, as a 128-bit number. */
function counterAt(iv: Uint8Array, blocks: number): Uint8Array {
  const counter = Uint8Array.from(iv);
  let carry = BigInt(blocks);
  for (let i = BLOCK - 1; i >= 0 && carry > 0n; i--) {
    carry += BigInt(counter[i]);
    counter[i] = Number(carry & 0xffn);
    carry >>= 8n;
  }
  return counter;
}
