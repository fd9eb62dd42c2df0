// Choices that a device computes: packages/model/src/choose.ts says how. The hash functions are those of Open vSwitch's lib/hash.h.
import { S } from "./base";
import { matchesTriples } from "./classify";
import { BY_MAP, NONE, PIECE_BYTES, S_SCRATCH0, S_SCRATCH1 } from "./layout";
import { readValue } from "./pieces";

// @ts-ignore: decorator
@inline
function add(hash: u32, data: u32): u32 {
  data = rotl<u32>(data * 0xcc9e2d51, 15) * 0x1b873593;
  return rotl<u32>(hash ^ data, 13) * 5 + 0xe6546b64;
}
// @ts-ignore: decorator
@inline
function finish(hash: u32, length: u32): u32 {
  hash ^= length;
  hash = (hash ^ (hash >>> 16)) * 0x85ebca6b;
  hash = (hash ^ (hash >>> 13)) * 0xc2b2ae35;
  return hash ^ (hash >>> 16);
}

/** Hashes the low `bytes` bytes of the value at S_SCRATCH0, in network byte order, as little-endian words. */
function hashValue(bytes: u32, basis: u32): u32 {
  const value = S + S_SCRATCH0;
  const ordered = S + S_SCRATCH1;
  v128.store(ordered, i64x2.splat(0));
  for (let i: u32 = 0; i < bytes; i++) {
    const from = bytes - 1 - i;
    store<u8>(ordered + i, from < 16 ? load<u8>(value + from) : 0);
  }
  let h = basis;
  for (let i: u32 = 0; i < bytes; i += 4) h = add(h, load<u32>(ordered + i));
  return finish(h, bytes);
}

/** The option that a computed choice takes; operands of OP_CHOOSE at `p`. */
export function computed(row: usize, p: usize): u32 {
  let at = <usize>load<u32>(p, 12);
  if (load<u32>(at) == BY_MAP) {
    const mask = load<u32>(at, 4);
    at = readValue(at + 8, row, S + S_SCRATCH0);
    return load<u32>(at + (<usize>(load<u32>(S, S_SCRATCH0) & mask) << 2));
  }
  const options = load<u32>(p, 4);
  let basis = load<u32>(at, 4);
  const ids = at + 8;
  at = ids + (<usize>options << 2);
  let n = load<u32>(at);
  for (at += 4; n > 0; n--) {
    const bytes = load<u32>(at);
    const rows = load<u32>(at, 4);
    at += 8;
    let holds = rows == NONE;
    if (!holds)
      for (let i: u32 = 0; i < rows; i++) {
        const end = at + 4 + <usize>load<u32>(at) * 12;
        if (matchesTriples(at + 4, end, row)) holds = true;
        at = end;
      }
    if (holds) {
      at = readValue(at, row, S + S_SCRATCH0);
      v128.store(S + S_SCRATCH0, v128.and(v128.load(S + S_SCRATCH0), v128.load(at)));
      basis = hashValue(bytes, basis);
    } else at += 4 + <usize>load<u32>(at) * PIECE_BYTES;
    at += 16;
  }
  let best: u32 = 0;
  let most: u32 = 0;
  for (let i: u32 = 0; i < options; i++) {
    const score = (finish(add(add(load<u32>(ids + (<usize>i << 2)), 0), basis), 8) & 0xffff) * load<u32>(p + 16 + (<usize>i << 3));
    if (score < most) continue;
    best = i;
    most = score;
  }
  return best;
}
