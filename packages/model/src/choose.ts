/**
 * Choices that a device computes: what {@link ChooseBy} of ir.ts means. The hash functions are those of Open vSwitch
 * (lib/hash.h) as compiled without the CRC instructions of newer processors, which is how distributions build it.
 */
import type { ChooseBy, HashField, Match } from "./ir.js";
import { getBits, type Row } from "./row.js";

const rotate = (x: number, k: number): number => ((x << k) | (x >>> (32 - k))) >>> 0;

/** hash_add: one more word. */
function hashAdd(hash: number, data: number): number {
  const d = Math.imul(rotate(Math.imul(data, 0xcc9e2d51) >>> 0, 15), 0x1b873593);
  return (Math.imul(rotate((hash ^ d) >>> 0, 13), 5) + 0xe6546b64) >>> 0;
}
/** hash_finish: `length` is the number of bytes hashed. */
function hashFinish(hash: number, length: number): number {
  let h = hash ^ length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
/** hash_int. */
export function hashInt(x: number, basis: number): number {
  return hashFinish(hashAdd(hashAdd(x >>> 0, 0), basis), 8);
}
/** hash_uint64. */
export function hashUint64(x: bigint): number {
  return hashFinish(hashAdd(hashAdd(0, Number(x & 0xffffffffn)), Number((x >> 32n) & 0xffffffffn)), 8);
}
/** hash_bytes of a value of `bytes` bytes in network byte order, read as little-endian words; the last may be short. */
function hashValue(value: bigint, bytes: number, basis: number): number {
  const byte = (i: number): number => (i < bytes ? Number((value >> BigInt(8 * (bytes - 1 - i))) & 0xffn) : 0);
  let h = basis;
  for (let i = 0; i < bytes; i += 4) h = hashAdd(h, (byte(i) | (byte(i + 1) << 8) | (byte(i + 2) << 16) | (byte(i + 3) << 24)) >>> 0);
  return hashFinish(h, bytes);
}

/** Bytes in which a field's value is hashed. */
export function hashedBytes(f: HashField): number {
  return f.bytes ?? Math.ceil(f.slice.n / 8);
}

const holds = (m: Match, row: Row): boolean => m.every((x) => (row[x.w] & x.m) >>> 0 === x.v);

/** The option that `by` takes for a packet. */
export function computedOption(by: ChooseBy, weights: readonly number[], row: Row): number {
  if (by.kind === "map") return by.map[Number(getBits(row, by.field) & BigInt(by.map.length - 1))];
  let basis = hashUint64(by.param);
  for (const f of by.fields) {
    if (f.when && !f.when.some((m) => holds(m, row))) continue;
    basis = hashValue(getBits(row, f.slice) & f.mask, hashedBytes(f), basis);
  }
  let best = 0;
  let most = 0;
  for (let i = 0; i < by.ids.length; i++) {
    const score = Math.imul(hashInt(by.ids[i], basis) & 0xffff, weights[i]) >>> 0;
    if (score < most) continue;
    best = i;
    most = score;
  }
  return best;
}
