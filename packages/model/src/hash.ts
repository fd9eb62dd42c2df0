/**
 * The stable flow hash: what a replay picks branches by where the real chooser (a seeded kernel hash, `dp_hash`) cannot be
 * known. The same packet at the same choice always picks the same option; both machines compute it alike.
 */
import { field } from "./fields.js";
import type { Row } from "./row.js";

const word = (n: string) => field(n).word;
/** Words that enter the hash, in order: both address families, protocol, ports, ICMP echo id. */
export const HASH_WORDS: readonly number[] = [
  word("ip_src"),
  word("ip_dst"),
  ...[0, 1, 2, 3].map((i) => word("ipv6_src") + i),
  ...[0, 1, 2, 3].map((i) => word("ipv6_dst") + i),
  word("ip_proto"),
  word("tp_src"),
  word("tp_dst"),
  word("icmp_id"),
];

/** A 32-bit hash of the packet's flow, salted (murmur3's mixing constants). */
export function flowHash(row: Row, salt: number): number {
  let h = (0x9e3779b9 ^ salt) >>> 0;
  for (const w of HASH_WORDS) {
    h = Math.imul(h ^ row[w], 0x85ebca6b) >>> 0;
    h = (h ^ (h >>> 13)) >>> 0;
  }
  h = (h ^ (h >>> 16)) >>> 0;
  h = Math.imul(h, 0xc2b2ae35) >>> 0;
  return (h ^ (h >>> 16)) >>> 0;
}

/** The option that hash `h` falls on: floor(h * total / 2^32) against the running sum of the weights. */
export function pick(h: number, weights: readonly number[]): number {
  const total = weights.reduce((a, b) => a + b, 0);
  let r = Number((BigInt(h) * BigInt(total)) >> 32n);
  for (let i = 0; i < weights.length; i++) {
    if (r < weights[i]) return i;
    r -= weights[i];
  }
  return weights.length - 1;
}
