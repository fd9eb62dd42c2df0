// Skimming: plain frames whose flow remembers the trajectory of such a packet are counted, and nothing else. This is what a
// replay does most, so it is one loop without calls, with few branches that depend on what
// is loaded: a bucket of the index and the flow's hot line are all that it looks at. A flow that does not stand in its own bucket (that was full) is left to
// the slow way.
import { K } from "./base";
import { AT_ADDRESSES, AT_FLAGS, AT_PROTO, AT_TARGET, bucketOf, hashOfKey, isPlain, plainSide, tagged, tagOf } from "./keys";
import {
  COUNT_BYTES, COUNT_FRAMES, J_LENGTH, J_RUN, J_SIDE, K_RUN, LINE_BYTES, RECORD_HEADER, R_CACHED, R_FLAG_MAP, R_HIGH_FLAGS, R_INDEX, R_INDEX_MASK, R_LENGTH_MASK,
  R_LINES, R_ORDINAL, R_PART, R_PARTS, R_SPAN_FROM, R_SPAN_TO, R_STAGE, R_SWAPPED, R_TICK, R_TOS_MASK, R_TUNNEL_PORT, SLOT_NUMBER,
} from "./layout";
import { partOf } from "./part";
import { add, count, hit } from "./trajectory";

/** Whether a line is that of the key and remembers the trajectory of a packet with that side and (masked) length. */
// @ts-ignore: decorator
@inline
function remembers(line: usize, key: v128, side: v128, length: u32, lengthMask: u32): bool {
  return (
    !v128.any_true(v128.or(v128.xor(key, v128.load(line)), v128.xor(side, v128.load(line, J_SIDE)))) && length == (load<u32>(line, J_LENGTH) & lengthMask)
  );
}

/** Works through the staged records from `used` on, as long as they only need to be counted. Returns where it has stopped. */
export function skim(r: usize, used: u32, end: u32): u32 {
  if (load<u32>(r, R_CACHED) == 0 || load<u32>(r, R_SWAPPED)) return used;
  const stage = load<usize>(r, R_STAGE);
  const index = load<usize>(r, R_INDEX);
  const indexMask = load<u32>(r, R_INDEX_MASK);
  const lines = load<usize>(r, R_LINES);
  const tosMask = load<u32>(r, R_TOS_MASK);
  const flagMap = load<usize>(r, R_FLAG_MAP);
  const high = load<u32>(r, R_HIGH_FLAGS);
  const lengthMask = load<u32>(r, R_LENGTH_MASK);
  const tick = <u64>load<u32>(r, R_TICK);
  let runs = load<u32>(K, K_RUN);
  let from = load<u64>(r, R_SPAN_FROM);
  let to = load<u64>(r, R_SPAN_TO);
  const parts = load<u32>(r, R_PARTS);
  const part = load<u32>(r, R_PART);
  const tunnelPort = bswap<u16>(<u16>load<u32>(r, R_TUNNEL_PORT));
  let others: u64 = 0;
  let frames: u64 = 0;
  let bytes: u64 = 0;
  while (used + RECORD_HEADER <= end) {
    const p = stage + used;
    const captured = load<u32>(p, 8);
    const frame = p + RECORD_HEADER;
    if (captured > end - used - RECORD_HEADER || !isPlain(frame, captured, high)) break;
    const key = i32x4.replace_lane(v128.load(frame, AT_ADDRESSES), 3, load<u8>(frame, AT_PROTO));
    // What is inside a tunnel tells whose it is.
    if (parts > 1 && tunnelPort != 0 && load<u16>(frame, AT_TARGET) == tunnelPort) break;
    if (parts > 1 && partOf(key, parts) != part) {
      used += RECORD_HEADER + captured;
      others++;
      continue;
    }
    const side = i32x4.replace_lane(v128.load(frame), 3, plainSide(frame, tosMask, flagMap));
    const length = load<u32>(p, 12);
    const h = hashOfKey(key);
    const bucket = index + (<usize>bucketOf(h, indexMask) << 4);
    const slots = tagged(bucket, tagOf(h));
    if (slots == 0) break;
    let line = lines + <usize>((load<u32>(bucket + (<usize>ctz<i32>(slots) << 2)) & SLOT_NUMBER) - 1) * LINE_BYTES;
    if (!remembers(line, key, side, length & lengthMask, lengthMask)) {
      // Another of the bucket, seldom.
      const more = slots & (slots - 1);
      if (more == 0) break;
      line = lines + <usize>((load<u32>(bucket + (<usize>ctz<i32>(more) << 2)) & SLOT_NUMBER) - 1) * LINE_BYTES;
      if (!remembers(line, key, side, length & lengthMask, lengthMask)) break;
    }
    used += RECORD_HEADER + captured;
    const time = <u64>load<u32>(p) * 1_000_000_000 + <u64>load<u32>(p, 4) * tick;
    if (time < from) from = time;
    if (time > to) to = time;
    frames++;
    bytes += length;
    store<u32>(line, ++runs, J_RUN);
    const flags = load<u8>(frame, AT_PROTO) == 6 ? ((<u32>load<u8>(frame, AT_FLAGS - 1) & 15) << 8) | load<u8>(frame, AT_FLAGS) : 0;
    hit(r, line, time, length, flags);
  }
  if (frames + others != 0) add(r + R_ORDINAL, frames + others);
  if (frames != 0) {
    store<u32>(K, runs, K_RUN);
    store<u64>(r, from, R_SPAN_FROM);
    store<u64>(r, to, R_SPAN_TO);
    count(r, COUNT_FRAMES, frames);
    count(r, COUNT_BYTES, bytes);
  }
  return used;
}
