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

/** Writes the constants of the OP_SETS at `pc`; returns the address behind it. */
export function setWords(pc: usize, row: usize): usize {
  let n = load<u32>(pc, 4);
  let m = load<u32>(pc, 8);
  pc += 12;
  for (; n > 0; n--) {
    const w = row + load<u32>(pc);
    store<u32>(w, (load<u32>(w) & load<u32>(pc, 4)) | load<u32>(pc, 8));
    pc += 12;
  }
  for (; m > 0; m--) {
    const w = row + load<u32>(pc);
    v128.store(w, v128.or(v128.and(v128.load(w), v128.load(pc, 4)), v128.load(pc, 20)));
    pc += 36;
  }
  return pc;
}
