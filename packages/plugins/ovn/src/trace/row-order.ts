/**
 * The order in which OVN's programs meet the rows of a table.
 *
 * Where flows of one priority overlap, OVN leaves open which is hit; ovn-trace takes the first that it meets. It goes through a
 * hash table of rows (lib/hmap.c of Open vSwitch: a power of two of buckets, the last that came first in its bucket), filled as the rows
 * stood in the server's JSON, and that object was a hash table too, by the rows' UUIDs as text (lib/shash.c), on both ends.
 * So the order follows from the UUIDs, but for rows that share a bucket in all of these.
 */
import type { FlowTable } from "../db/flow-table.js";

/** Flows by number in the order of a program that has read them all at once; where UUIDs are not whole, as they were listed. */
export function flowOrder(flows: FlowTable): Uint32Array {
  const n = flows.count;
  const given = Uint32Array.from({ length: n }, (_, i) => i);
  const byText = new Uint32Array(n);
  const byWord = new Uint32Array(n);
  const bytes = new Uint8Array(36);
  for (let i = 0; i < n; i++) {
    if (!flows.uuidInto(i, bytes)) return given;
    byText[i] = hashBytes(bytes);
    byWord[i] = flows.head(i);
  }
  const sent = iteration(given, byText);
  const received = iteration(sent, byText);
  return iteration(received, byWord);
}

/** How a hash table is gone through that `items` were put into, in their order. `hashes` are by item. */
function iteration(items: Uint32Array, hashes: Uint32Array): Uint32Array {
  const NONE = -1;
  const next = new Int32Array(items.length).fill(NONE);
  let mask = 0;
  let heads = new Int32Array(1).fill(NONE);
  const put = (item: number) => {
    const bucket = hashes[item] & mask;
    next[item] = heads[bucket];
    heads[bucket] = item;
  };
  items.forEach((item, i) => {
    put(item);
    const n = i + 1;
    if (Math.floor(n / 2) <= mask) return;
    const old = heads;
    mask = maskFor(n);
    heads = new Int32Array(mask + 1).fill(NONE);
    for (const head of old)
      for (let at = head; at !== NONE; ) {
        const after = next[at];
        put(at);
        at = after;
      }
  });
  const out = new Uint32Array(items.length);
  let n = 0;
  for (const head of heads) for (let at = head; at !== NONE; at = next[at]) out[n++] = at;
  return out;
}

/** The least mask of ones that holds half of `n`; 3 instead of 1 (calc_mask of lib/hmap.c). */
function maskFor(n: number): number {
  const mask = 2 ** (32 - Math.clz32(Math.floor(n / 2))) - 1;
  return mask === 1 ? 3 : mask;
}

const rotate = (x: number, bits: number) => (x << bits) | (x >>> (32 - bits));

/** MurmurHash3 as hash_bytes of lib/hash.c has it, with basis 0, on little-endian machines. */
function hashBytes(bytes: Uint8Array): number {
  let hash = 0;
  for (let at = 0; at < bytes.length; at += 4) {
    let word = 0;
    for (let i = 0; i < 4 && at + i < bytes.length; i++) word |= bytes[at + i] << (8 * i);
    hash ^= Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
    hash = (Math.imul(rotate(hash, 13), 5) + 0xe6546b64) | 0;
  }
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
