// Keys of flows and sides of packets: what a flow is found by, and what else of a packet's headers its trajectory may depend on.
//
// The key has addresses, ports and protocol in the order that frames have them, so that a plain frame's is loaded and not
// decoded. The side of a plain frame are its MACs, TOS, TTL and TCP flags; that of any other is a hash of its row (96 bits), without
// what the network cannot tell apart (src/reads.ts).
import { S } from "./base";
import { fold } from "./digest";
import { F_TCP_FLAGS } from "./fields";
import { R_FLAG_MAP, R_HIGH_FLAGS, R_ROW_MASK, R_SIDE_0, R_SIDE_LENGTH, R_TOS_MASK, SIDE_PLAIN, SIDE_ROW, SLOT_TAG_SHIFT, S_ROW_BYTES, TUPLE_DST, TUPLE_PORTS } from "./layout";

/** Where things stand in an Ethernet frame with an IPv4 header without options. */
export const AT_TOTAL: usize = 16;
export const AT_FRAGMENT: usize = 20;
export const AT_TTL: usize = 22;
export const AT_PROTO: usize = 23;
export const AT_ADDRESSES: usize = 26;
export const AT_TARGET: usize = 36;
export const AT_FLAGS: usize = 47;

/**
 * Whether a frame is plain: Ethernet, IPv4 without options, no fragment, TCP or UDP, and all that `decode` reads of it is
 * there. `high`: the bits before the TCP flags that the network can tell apart.
 */
// @ts-ignore: decorator
@inline
export function isPlain(frame: usize, captured: u32, high: u32): bool {
  if ((load<u32>(frame, 12) & 0x00ff_ffff) != 0x0045_0008 || (load<u16>(frame, AT_FRAGMENT) & 0xff3f) != 0) return false;
  const proto = <u32>load<u8>(frame, AT_PROTO);
  const total = ((<u32>load<u8>(frame, AT_TOTAL)) << 8) | load<u8>(frame, AT_TOTAL + 1);
  if (proto == 6) return total >= 34 && captured >= 48 && (load<u8>(frame, AT_FLAGS - 1) & high) == 0;
  return proto == 17 && total >= 24 && captured >= 38;
}

/** The last word of a plain frame's side. */
// @ts-ignore: decorator
@inline
export function plainSide(frame: usize, tosMask: u32, flagMap: usize): u32 {
  const tcp = load<u8>(frame, AT_PROTO) == 6;
  const flags = tcp ? <u32>load<u8>(flagMap + <usize>load<u8>(frame, AT_FLAGS)) : 0;
  return (<u32>load<u8>(frame, 15) & tosMask) | (<u32>load<u8>(frame, AT_TTL) << 8) | (flags << 16) | (SIDE_PLAIN << 24);
}

/** The side of the packet at `frame`, decoded to `row` (and `inner`, if that is another), to R_SIDE. */
export function writeSide(r: usize, frame: usize, captured: u32, length: u32, row: usize, inner: usize): void {
  if (row == inner && isPlain(frame, captured, load<u32>(r, R_HIGH_FLAGS))) {
    v128.store(r, i32x4.replace_lane(v128.load(frame), 3, plainSide(frame, load<u32>(r, R_TOS_MASK), load<u32>(r, R_FLAG_MAP))), R_SIDE_0);
    store<u32>(r, length, R_SIDE_LENGTH);
    return;
  }
  const end = <usize>load<u32>(S, S_ROW_BYTES);
  const mask = <usize>load<u32>(r, R_ROW_MASK);
  let one = fold(0x51_7c_c1_b7_27_22_0a_95, flagsOf(r, row), flagsOf(r, inner));
  let other = one;
  for (let at = row; ; at = inner) {
    for (let i: usize = 0; i < end; i += 16) {
      const v = v128.and(v128.load(at + i), v128.load(mask + i));
      if (!v128.any_true(v)) continue;
      const low = i64x2.extract_lane(v, 0);
      const high = i64x2.extract_lane(v, 1);
      one = fold(one + <u64>i, low, high);
      other = fold(other ^ <u64>i, high, low);
    }
    if (at == inner) break;
  }
  store<u64>(r, one, R_SIDE_0);
  store<u64>(r, (other & 0x00ff_ffff_ffff_ffff) | (<u64>SIDE_ROW << 56), R_SIDE_0 + 8);
  store<u32>(r, 0, R_SIDE_LENGTH);
}

/** TCP flags as the network can tell them apart. */
function flagsOf(r: usize, row: usize): u64 {
  const flags = load<u32>(row, F_TCP_FLAGS << 2);
  return <u64>load<u8>(load<usize>(r, R_FLAG_MAP) + <usize>(flags & 0xff)) | (<u64>((flags >>> 8) & load<u32>(r, R_HIGH_FLAGS)) << 8);
}

/** The key of a tuple of a kind (whatever its marks). */
export function keyOf(kind: u32, tuple: usize): v128 {
  let key = i32x4.splat(kind & 0x1ff);
  key = i32x4.replace_lane(key, 0, endOf(kind, tuple));
  key = i32x4.replace_lane(key, 1, endOf(kind, tuple + TUPLE_DST));
  return i32x4.replace_lane(key, 2, bswap<u32>(load<u32>(tuple, TUPLE_PORTS)));
}

function endOf(kind: u32, address: usize): u32 {
  if (!(kind & 0x100)) return bswap<u32>(load<u32>(address, 12));
  const h = fold(0, load<u64>(address), load<u64>(address, 8));
  return <u32>(h ^ (h >>> 32));
}

/** The hash of a key: the low bits choose the bucket, the high ones are the tag that is kept in the slot. */
// @ts-ignore: decorator
@inline
export function hashOfKey(key: v128): u64 {
  const h = (i64x2.extract_lane(key, 0) ^ rotl<u64>(i64x2.extract_lane(key, 1) * 0x9e37_79b9_7f4a_7c15, 31)) * 0xc2b2_ae3d_27d4_eb4f;
  return h ^ (h >>> 32);
}

// @ts-ignore: decorator
@inline
export function bucketOf(hash: u64, mask: u32): u32 {
  return <u32>hash & mask;
}
// @ts-ignore: decorator
@inline
export function tagOf(hash: u64): u32 {
  return <u32>(hash >>> 56);
}
/** The slots of a bucket that have a tag, as bits. Slots are filled from the first on, so an empty one is met last. */
// @ts-ignore: decorator
@inline
export function tagged(bucket: usize, tag: u32): i32 {
  return i32x4.bitmask(i32x4.eq(i32x4.shr_u(v128.load(bucket), SLOT_TAG_SHIFT), i32x4.splat(tag)));
}
