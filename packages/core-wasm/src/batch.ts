/**
 * Batches: many packets of one device in one call, for answers that are compared or counted and not shown. Nothing is recorded;
 * of each packet a digest is kept, and a checksum of all.
 */
import { newRow, ROW_WORDS, type Row, type RunOptions } from "@plumbline/model";
import type { CoreInside } from "./core.js";
import { DIGEST_START, type Digest } from "./digest.js";
import { BATCH, BATCH_BYTES, CODE, DIGEST, DIGEST_BYTES, ROW_BYTES } from "./layout.js";
import { align } from "./state.js";

/** Packets, by the words in which they differ: `rows` holds `words.length` words a packet, one packet behind the other. */
export interface Packed {
  readonly packets: number;
  /** What they have in common; 0 in `words`. */
  readonly common: Row;
  /** Indexes of row words, ascending. */
  readonly words: readonly number[];
  readonly rows: Uint32Array;
}

export interface BatchOptions {
  readonly device: number;
  /** The port at which all enter, null for the device's own socket, or `in_port`: that which stands in the packet's row. */
  readonly port: number | null | "in_port";
  /** The script, if there is one, is that of each packet. */
  readonly options: Omit<RunOptions, "inner">;
  /** Each packet meets the connections as they are now, and leaves none. */
  readonly fresh: boolean;
}

export interface BatchResult {
  readonly packets: number;
  /** Over the digests of all packets, in order. */
  readonly checksum: bigint;
  /** The digest of a packet, with the kind of the leaf that tells its fate (LEAF, 0 for none). */
  digest(packet: number): Digest & { readonly leaf: number };
}

/** Packets at a time. */
const CHUNK = 4096;

/** Packs rows. */
export function pack(rows: readonly Row[]): Packed {
  const common = rows[0]?.slice() ?? newRow();
  const differs = new Uint8Array(ROW_WORDS);
  for (const row of rows) for (let w = 0; w < ROW_WORDS; w++) if (row[w] !== common[w]) differs[w] = 1;
  const words = [...differs.keys()].filter((w) => differs[w] === 1);
  for (const w of words) common[w] = 0;
  const packed = new Uint32Array(rows.length * words.length);
  let at = 0;
  for (const row of rows) for (const w of words) packed[at++] = row[w];
  return { packets: rows.length, common, words, rows: packed };
}

export function runBatch(inside: CoreInside, packed: Packed, options: BatchOptions): BatchResult {
  const { packets, common, words, rows } = packed;
  const { arena } = inside;
  const width = words.length;
  if (rows.length !== packets * width) throw new Error(`${rows.length} words are no ${packets} packets of ${width}`);
  const chunk = Math.min(CHUNK, packets);
  const b = align(inside.end, 64);
  const commonAt = b + BATCH_BYTES;
  const enteringAt = commonAt + ROW_BYTES;
  const wordsAt = enteringAt + ROW_BYTES;
  const rowsAt = align(wordsAt + 4 * width, 64);
  const digestsAt = align(rowsAt + 4 * width * chunk, 64);
  arena.reserve(digestsAt + DIGEST_BYTES * chunk);
  const put = (name: keyof typeof BATCH, value: number) => arena.put(b + BATCH[name], value);
  arena.words.set(common, commonAt >>> 2);
  arena.words.set(
    words.map((w) => 4 * w),
    wordsAt >>> 2,
  );
  put("Q_DEVICE", options.device);
  put("Q_PORT", options.port === "in_port" ? CODE.NONE : (options.port ?? 0));
  put("Q_SOCKET", options.port === null ? 1 : 0);
  put("Q_FRESH", options.fresh ? 1 : 0);
  put("Q_COMMON", commonAt);
  put("Q_ENTERING", enteringAt);
  put("Q_WORDS", wordsAt);
  put("Q_WIDTH", width);
  put("Q_ROWS", rowsAt);
  put("Q_DIGESTS", digestsAt);
  put("Q_SUM", Number(DIGEST_START & 0xffffffffn));
  put("Q_SUM_HIGH", Number(DIGEST_START >> 32n));
  const stride = DIGEST_BYTES / 4;
  const digests = new Uint32Array(packets * stride);
  const last = Math.max(
    words.at(-1) ?? 0,
    common.findLastIndex((x) => x !== 0),
  );
  inside.batch(options.options, last + 1, options.fresh, () => {
    for (let from = 0; from < packets; from += chunk) {
      const n = Math.min(chunk, packets - from);
      arena.words.set(rows.subarray(from * width, (from + n) * width), rowsAt >>> 2);
      put("Q_COUNT", n);
      arena.exports.batch(b);
      digests.set(arena.words.subarray(digestsAt >>> 2, (digestsAt >>> 2) + n * stride), from * stride);
    }
  });
  const big = (packet: number, at: number): bigint => {
    const i = packet * stride + at / 4;
    return BigInt(digests[i]) | (BigInt(digests[i + 1]) << 32n);
  };
  return {
    packets,
    checksum: arena.getBig(b + BATCH.Q_SUM),
    digest: (packet) => ({
      path: big(packet, DIGEST.G_PATH),
      final: big(packet, DIGEST.G_FINAL),
      effects: big(packet, DIGEST.G_EFFECTS),
      events: digests[packet * stride + DIGEST.G_EVENTS / 4],
      leaf: digests[packet * stride + DIGEST.G_LEAF / 4],
    }),
  };
}
