// Flows and paths of a replay: what its packets are folded into. Records stand one after the other in order of first
// sight; an index of record numbers, in buckets of four, finds them. A flow has a record and, beside it, a hot line (trajectory.ts).
import { S } from "./base";
import { copyTuple, invertTuple, sameTuple } from "./connections";
import {
  F_ETH_TYPE, F_ICMP_CODE, F_ICMP_ID, F_ICMP_TYPE, F_IPV6_DST, F_IPV6_SRC, F_IP_DST, F_IP_PROTO, F_IP_SRC, F_TP_DST, F_TP_SRC,
} from "./fields";
import {
  A_HASH, FLOW_BYTES, FLOW_GONE, FLOW_LEAVING, LINE_BYTES, NONE, PATH_BYTES, R_FLOWS, R_FLOW_CAPACITY, R_FLOW_COUNT, R_FLOW_FREE, R_FLOW_GONE, R_FLOW_STRIDE, R_INDEX, R_INDEX_MASK, R_PATHS, R_PATH_COUNT,
  R_PATH_INDEX, R_PATH_INDEX_MASK, SLOT_NUMBER, SLOT_TAG_SHIFT, TUPLE_DST, S_TUPLES, TUPLE_PORTS, W_CACHED, W_KIND, W_LAST, W_PATH, W_TUPLE,
} from "./layout";
import { bucketOf, hashOfKey, keyOf, tagged, tagOf } from "./keys";
import { drop, lineAt } from "./trajectory";

// @ts-ignore: decorator
@inline
function get(row: usize, word: u32): u32 {
  return load<u32>(row + (word << 2));
}

/** The tuple of an IP packet to `tuple`; returns v6 << 8 | protocol. */
export function flowTuple(row: usize, tuple: usize): u32 {
  const v6 = get(row, F_ETH_TYPE) == 0x86dd;
  const proto = get(row, F_IP_PROTO);
  if (v6) {
    v128.store(tuple, v128.load(row, F_IPV6_SRC << 2));
    v128.store(tuple, v128.load(row, F_IPV6_DST << 2), TUPLE_DST);
  } else {
    v128.store(tuple, i32x4(0, 0, 0, 0));
    v128.store(tuple, i32x4(0, 0, 0, 0), TUPLE_DST);
    store<u32>(tuple, get(row, F_IP_SRC), 12);
    store<u32>(tuple, get(row, F_IP_DST), TUPLE_DST + 12);
  }
  const ports =
    proto == (v6 ? 58 : 1)
      ? (get(row, F_ICMP_ID) << 16) | (get(row, F_ICMP_TYPE) << 8) | get(row, F_ICMP_CODE)
      : (get(row, F_TP_SRC) << 16) | get(row, F_TP_DST);
  store<u32>(tuple, ports, TUPLE_PORTS);
  return proto | (v6 ? 0x100 : 0);
}

/** What an answer to the flow of a key looks like: its tuple to `to`. */
export function answerTuple(kind: u32, tuple: usize, to: usize): void {
  invertTuple(to, tuple);
  const icmp = (kind & 0x1ff) == 1 || (kind & 0x1ff) == (0x100 | 58);
  if (!icmp) return;
  // Echo request and reply: 8 and 0, 128 and 129.
  const ports = load<u32>(tuple, TUPLE_PORTS);
  store<u32>(to, (ports & 0xffff_0000) | ((ports & 0xffff) ^ (kind & 0x100 ? 0x0100 : 0x0800)), TUPLE_PORTS);
}

// @ts-ignore: decorator
@inline
export function flowAt(r: usize, number: u32): usize {
  return load<usize>(r, R_FLOWS) + <usize>number * load<usize>(r, R_FLOW_STRIDE);
}
/** The number of a flow, by its record. */
// @ts-ignore: decorator
@inline
export function flowNumber(r: usize, flow: usize): u32 {
  return <u32>((flow - load<usize>(r, R_FLOWS)) / load<usize>(r, R_FLOW_STRIDE));
}

/** The flow of a key, or 0. */
export function findFlow(r: usize, kind: u32, tuple: usize): usize {
  const key = keyOf(kind, tuple);
  const hash = hashOfKey(key);
  const tag = tagOf(hash);
  let b = bucketOf(hash, load<u32>(r, R_INDEX_MASK));
  while (true) {
    const bucket = load<usize>(r, R_INDEX) + (<usize>b << 4);
    for (let m = tagged(bucket, tag); m != 0; m &= m - 1) {
      const number = (load<u32>(bucket + (<usize>ctz<i32>(m) << 2)) & SLOT_NUMBER) - 1;
      if (v128.any_true(v128.xor(key, v128.load(lineAt(r, number))))) continue;
      const flow = flowAt(r, number);
      if (load<u32>(flow, W_KIND) == kind && (!(kind & 0x100) || sameTuple(flow + W_TUPLE, tuple))) return flow;
    }
    if (load<u32>(bucket, 12) == 0) return 0;
    b = (b + 1) & load<u32>(r, R_INDEX_MASK);
  }
}

/** Adds a flow (there is room, and it is not there yet). */
export function addFlow(r: usize, kind: u32, tuple: usize): usize {
  let n = load<u32>(r, R_FLOW_FREE);
  if (n != 0) {
    n--;
    store<u32>(r, load<u32>(flowAt(r, n), W_CACHED), R_FLOW_FREE);
    store<u32>(r, load<u32>(r, R_FLOW_GONE) - 1, R_FLOW_GONE);
  } else {
    n = load<u32>(r, R_FLOW_COUNT);
    if (n == load<u32>(r, R_FLOW_CAPACITY)) widen(r);
    store<u32>(r, n + 1, R_FLOW_COUNT);
  }
  const key = keyOf(kind, tuple);
  enter(r, n, hashOfKey(key));
  const line = lineAt(r, n);
  // Loops of the engine's own beat calls for so few bytes.
  const zero = i64x2.splat(0);
  v128.store(line, key);
  for (let i: usize = 16; i < LINE_BYTES; i += 16) v128.store(line + i, zero);
  const flow = flowAt(r, n);
  for (let i: usize = 0; i < FLOW_BYTES; i += 8) store<u64>(flow + i, 0);
  store<u32>(flow, kind, W_KIND);
  copyTuple(flow + W_TUPLE, tuple);
  store<u32>(flow, NONE, W_PATH);
  return flow;
}

/** Gives the index twice the slots. */
function widen(r: usize): void {
  store<u32>(r, load<u32>(r, R_FLOW_CAPACITY) << 1, R_FLOW_CAPACITY);
  store<u32>(r, (load<u32>(r, R_INDEX_MASK) << 1) | 1, R_INDEX_MASK);
  indexFlows(r);
}

/** Enters flow `n` into the first free slot from its bucket on. */
function enter(r: usize, n: u32, hash: u64): void {
  const mask = load<u32>(r, R_INDEX_MASK);
  let b = bucketOf(hash, mask);
  let bucket = load<usize>(r, R_INDEX) + (<usize>b << 4);
  while (load<u32>(bucket, 12) != 0) {
    b = (b + 1) & mask;
    bucket = load<usize>(r, R_INDEX) + (<usize>b << 4);
  }
  while (load<u32>(bucket) != 0) bucket += 4;
  store<u32>(bucket, (n + 1) | (tagOf(hash) << SLOT_TAG_SHIFT));
}

/** Makes the index anew, after it got another size or the host took flows out. */
export function indexFlows(r: usize): void {
  memory.fill(load<usize>(r, R_INDEX), 0, (<usize>load<u32>(r, R_INDEX_MASK) + 1) << 4);
  const count = load<u32>(r, R_FLOW_COUNT);
  for (let n: u32 = 0; n < count; n++) if (load<u32>(flowAt(r, n), W_KIND) != FLOW_GONE) enter(r, n, hashOfKey(v128.load(lineAt(r, n))));
}

/** The flow of the other direction of `flow`, or 0. `answer`: room for a tuple. */
export function otherWay(r: usize, flow: usize, answer: usize): usize {
  const kind = load<u32>(flow, W_KIND);
  answerTuple(kind, flow + W_TUPLE, answer);
  return findFlow(r, kind ^ FLOW_LEAVING, answer);
}

/**
 * Takes out the flows whose latest packet is not later than `time`: the host has written them. Their numbers are given to new ones; the others
 * stay where they are, so that what is remembered of them holds.
 */
export function removeFlows(r: usize, time: u64): void {
  for (let n = load<u32>(r, R_FLOW_COUNT); n > 0; n--) {
    const flow = flowAt(r, n - 1);
    if (load<u32>(flow, W_KIND) == FLOW_GONE || load<u64>(flow, W_LAST) > time) continue;
    drop(r, n - 1);
    // What answers it finds nothing any more.
    const other = otherWay(r, flow, S + S_TUPLES);
    if (other != 0) drop(r, flowNumber(r, other));
    store<u32>(flow, FLOW_GONE, W_KIND);
    store<u32>(flow, load<u32>(r, R_FLOW_FREE), W_CACHED);
    store<u32>(r, n, R_FLOW_FREE);
    store<u32>(r, load<u32>(r, R_FLOW_GONE) + 1, R_FLOW_GONE);
  }
  indexFlows(r);
}

// @ts-ignore: decorator
@inline
export function pathAt(r: usize, number: u32): usize {
  return load<usize>(r, R_PATHS) + <usize>number * PATH_BYTES;
}

function pathSlot(r: usize, hash: u64): usize {
  const mask = load<u32>(r, R_PATH_INDEX_MASK);
  const index = load<usize>(r, R_PATH_INDEX);
  let i = <u32>hash & mask;
  let slot: usize = 0;
  while (true) {
    slot = index + (<usize>i << 2);
    const n = load<u32>(slot);
    if (n == 0 || load<u64>(pathAt(r, n - 1), A_HASH) == hash) break;
    i = (i + 1) & mask;
  }
  return slot;
}

/** The number of a path, or NONE. */
export function findPath(r: usize, hash: u64): u32 {
  return load<u32>(pathSlot(r, hash)) - 1;
}

/** Adds a path (there is room, and it is not there yet). */
export function addPath(r: usize, hash: u64): void {
  const n = load<u32>(r, R_PATH_COUNT);
  store<u32>(r, n + 1, R_PATH_COUNT);
  store<u32>(pathSlot(r, hash), n + 1);
  memory.fill(pathAt(r, n), 0, PATH_BYTES);
  store<u64>(pathAt(r, n), hash, A_HASH);
}
