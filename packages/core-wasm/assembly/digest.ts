// Digests (src/digest.ts): hashes of what happened, and of rows by the words in which they differ from the packet as it was given.
import { P, S, W } from "./base";
import { EV_LEAF, P_LEAVES, S_EFFECTS, S_FINAL, S_INPUT_ROW } from "./layout";

/** Two more 64-bit words. */
// @ts-ignore: decorator
@inline
export function fold(h: u64, x: u64, y: u64): u64 {
  h = (h ^ x) * 0x9e37_79b9_7f4a_7c15;
  h ^= h >>> 32;
  h = (h ^ y) * 0xc2b2_ae3d_27d4_eb4f;
  return h ^ (h >>> 29);
}

/** The path hash with another event. It is a polynomial of the events' own hashes, so that one need not wait for the other's. */
// @ts-ignore: decorator
@inline
export function chain(h: u64, thread: u32, kind: u32, a: u32, b: u32, c: u32): u64 {
  const e = (<u64>kind | (<u64>a << 32)) * 0x9e37_79b9_7f4a_7c15 + (<u64>b | (<u64>c << 32)) * 0xc2b2_ae3d_27d4_eb4f;
  return (h + (e ^ (e >>> 32)) + <u64>thread * THREAD_SHARE) * chainStep;
}
/** What it is multiplied with at each event, and the share of a thread's number. */
export const chainStep: u64 = 0xd6e8_feb8_6659_fd93;
export const THREAD_SHARE: u64 = 0xa076_1d64_78bd_642f;

/** A hash with the difference of the `n`-th four words. */
// @ts-ignore: decorator
@inline
function four(h: u64, d: v128, mask: usize, at: usize, n: u64): u64 {
  if (mask != 0) d = v128.and(d, v128.load(mask + at));
  return v128.any_true(d) ? fold(h + n, i64x2.extract_lane(d, 0), i64x2.extract_lane(d, 1)) : h;
}

/** A hash of the words, four at a time, in which `row` differs from the packet; of those that a mask has, if it is not 0. */
function difference(row: usize, mask: usize): u64 {
  const packet = S + S_INPUT_ROW;
  let h: u64 = 0;
  for (let i: usize = 0; i < W; i += 64) {
    const at = row + i;
    const own = packet + i;
    const d0 = v128.xor(v128.load(at), v128.load(own));
    const d1 = v128.xor(v128.load(at, 16), v128.load(own, 16));
    const d2 = v128.xor(v128.load(at, 32), v128.load(own, 32));
    const d3 = v128.xor(v128.load(at, 48), v128.load(own, 48));
    if (!v128.any_true(v128.or(v128.or(d0, d1), v128.or(d2, d3)))) continue;
    const n = (<u64>i >>> 4) + 1;
    h = four(h, d0, mask, i, n);
    h = four(h, d1, mask, i + 16, n + 1);
    h = four(h, d2, mask, i + 32, n + 2);
    h = four(h, d3, mask, i + 48, n + 3);
  }
  return h;
}

/** Takes an `output` or a leaf into the digest. */
export function digestOf(kind: u32, thread: u32, a: u32, b: u32, row: usize): void {
  if (kind == EV_LEAF) store<u64>(S, fold(load<u64>(S, S_FINAL), <u64>(a | (thread << 8)) | (<u64>b << 32), difference(row, 0)), S_FINAL);
  else store<u64>(S, fold(load<u64>(S, S_EFFECTS), <u64>thread | (<u64>a << 32), difference(row, load<u32>(P, P_LEAVES))), S_EFFECTS);
}
