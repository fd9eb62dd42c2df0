// Shares of a capture: which worker a packet belongs to. Both directions of a connection, and ICMP errors about it, belong to one, for
// they meet the same flows and connections. What is no IP packet belongs to the first.
import { S } from "./base";
import { quotedTuple } from "./answers";
import { flowTuple } from "./flows";
import { isIcmp } from "./connections";
import { keyOf } from "./keys";
import { CT_TUPLE_BYTES, NONE, R_PARTS, S_TUPLES } from "./layout";

/** The share of a key, of `parts`; the same for the key of the other direction. */
// @ts-ignore: decorator
@inline
export function partOf(key: v128, parts: u32): u32 {
  const ports = i32x4.extract_lane(key, 2);
  let h = <u32>(i32x4.extract_lane(key, 0) ^ i32x4.extract_lane(key, 1)) * 0x9e3779b1;
  h = (h ^ (h >>> 15) ^ ((<u32>ports ^ (<u32>ports >>> 16)) & 0xffff)) * 0x85ebca6b;
  h = (h ^ (h >>> 13) ^ <u32>i32x4.extract_lane(key, 3)) * 0xc2b2ae35;
  h ^= h >>> 16;
  return <u32>((<u64>h * <u64>parts) >>> 32);
}

/** The share of an IP packet that was decoded to `row`. */
export function partOfRow(r: usize, row: usize): u32 {
  const tuple = S + S_TUPLES + 2 * CT_TUPLE_BYTES;
  let kind = quotedTuple(row, tuple);
  if (kind == NONE) kind = flowTuple(row, tuple);
  let key = keyOf(kind, tuple);
  // Of ICMP the identifier alone, not the type, is the same in both directions.
  if (isIcmp(kind)) key = i32x4.replace_lane(key, 2, i32x4.extract_lane(key, 2) & 0xffff);
  return partOf(key, load<u32>(r, R_PARTS));
}
