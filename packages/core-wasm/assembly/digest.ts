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

/** A hash of the words, four at a time, in which `row` differs from the packet; of those that a mask has, if it is not 0. */
function difference(row: usize, mask: usize): u64 {
  const packet = S + S_INPUT_ROW;
  let h: u64 = 0;
  for (let i: usize = 0; i < W; i += 16) {
    let d = v128.xor(v128.load(row + i), v128.load(packet + i));
    if (mask != 0) d = v128.and(d, v128.load(mask + i));
    if (v128.any_true(d)) h = fold(h + (<u64>i >>> 4) + 1, i64x2.extract_lane(d, 0), i64x2.extract_lane(d, 1));
  }
  return h;
}

/** Takes an `output` or a leaf into the digest. */
export function digestOf(kind: u32, thread: u32, a: u32, b: u32, row: usize): void {
  if (kind == EV_LEAF) store<u64>(S, fold(load<u64>(S, S_FINAL), <u64>(a | (thread << 8)) | (<u64>b << 32), difference(row, 0)), S_FINAL);
  else store<u64>(S, fold(load<u64>(S, S_EFFECTS), <u64>thread | (<u64>a << 32), difference(row, load<u32>(P, P_LEAVES))), S_EFFECTS);
}
