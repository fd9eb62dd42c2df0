/**
 * Digests: what is kept of each packet of a batch, and can be made of a recorded run as well. Three 64-bit hashes:
 *
 * - `path`: everything that happened but for the values in the packet: tables, rules, choices, links, threads, leaves (the states of
 *   connections and translations are left out; what they lead to is not).
 * - `final`: the row at every leaf.
 * - `effects`: every `output` with the port and what the packet takes along (header, quoted and tunnel fields).
 *
 * Rows are hashed by the words in which they differ from the packet as it was given, so equal hashes of one packet mean
 * equal rows. All sums are modulo 2^64.
 */
import { EV, type Event, ROW_WORDS, type Row, wordsOf } from "@plumbline/model";

export interface Digest {
  readonly path: bigint;
  readonly final: bigint;
  readonly effects: bigint;
  /** Events, which were not kept. */
  readonly events: number;
}

export const DIGEST_START = 0x51_7c_c1_b7_27_22_0a_95n;
const FIRST = 0x9e37_79b9_7f4a_7c15n;
const SECOND = 0xc2b2_ae3d_27d4_eb4fn;
const THIRD = 0xd6e8_feb8_6659_fd93n;
const THREAD_SHARE = 0xa076_1d64_78bd_642fn;
const ALL = (1n << 64n) - 1n;

/** Two more 64-bit words. */
function fold(hash: bigint, x: bigint, y: bigint): bigint {
  let h = ((hash ^ x) * FIRST) & ALL;
  h ^= h >> 32n;
  h = ((h ^ y) * SECOND) & ALL;
  return h ^ (h >> 29n);
}

/** The path with another event. */
function chain(path: bigint, thread: number, x: bigint, y: bigint): bigint {
  const e = (x * FIRST + y * SECOND) & ALL;
  return ((path + (e ^ (e >> 32n)) + BigInt(thread) * THREAD_SHARE) * THIRD) & ALL;
}

const pair = (low: number, high: number): bigint => BigInt(low >>> 0) | (BigInt(high >>> 0) << 32n);

/** What a packet takes along when it leaves a device: all words but those of class `device`. */
const LEAVES = new Uint32Array(ROW_WORDS).fill(0xffffffff);
for (const w of wordsOf("device")) LEAVES[w] = 0;

/** A hash of the words, four at a time, in which two rows differ. */
function difference(row: Row, from: Row, mask: Uint32Array | null): bigint {
  let h = 0n;
  for (let w = 0; w < ROW_WORDS; w += 4) {
    const d = [0, 1, 2, 3].map((i) => (row[w + i] ^ from[w + i]) & (mask ? mask[w + i] : 0xffffffff));
    if (d.some((x) => x !== 0)) h = fold((h + BigInt(w / 4 + 1)) & ALL, pair(d[0], d[1]), pair(d[2], d[3]));
  }
  return h;
}

/** The digest of a recorded run of `packet`. */
export function digestOf(events: readonly Event[], packet: Row): Digest {
  let path = DIGEST_START;
  let final = 0n;
  let effects = 0n;
  for (const e of events) {
    if (e.kind !== EV.ct && e.kind !== EV.nat) path = chain(path, e.thread, pair(e.kind, e.a), pair(e.b, e.c));
    if (e.kind === EV.leaf) final = fold(final, pair(e.a | (e.thread << 8), e.b), difference(e.row, packet, null));
    if (e.kind === EV.output) effects = fold(effects, pair(e.thread, e.a), difference(e.row, packet, LEAVES));
  }
  return { path: fold(path, 0n, 0n), final, effects, events: events.length };
}
