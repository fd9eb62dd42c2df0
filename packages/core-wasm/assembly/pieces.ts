// Slices: bits carried between words. A piece is (source offset, shift right, mask, destination offset, shift left).
import { PIECE_BYTES } from "./layout";

/** Carries one piece at `p`. */
// @ts-ignore: decorator
@inline
export function carry(p: usize, from: usize, to: usize): void {
  const mask = load<u32>(p, 8);
  const shift = load<u32>(p, 16);
  const bits = (load<u32>(from + load<u32>(p)) >>> load<u32>(p, 4)) & mask;
  const d = to + load<u32>(p, 12);
  store<u32>(d, (load<u32>(d) & ~(mask << shift)) | (bits << shift));
}

/** Carries a counted list of pieces at `p`; returns the address behind it. */
export function carryAll(p: usize, from: usize, to: usize): usize {
  let n = load<u32>(p);
  p += 4;
  for (; n > 0; n--) {
    carry(p, from, to);
    p += PIECE_BYTES;
  }
  return p;
}

/** Reads a slice into a 128-bit value (four words, least significant first). */
export function readValue(p: usize, row: usize, value: usize): usize {
  store<u64>(value, 0);
  store<u64>(value, 0, 8);
  return carryAll(p, row, value);
}
