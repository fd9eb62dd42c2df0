// Flows and paths of a replay: what its packets are folded into. Records stand one after the other in order of first
// sight; an open-addressed index of record numbers finds them. The host makes room.
import { copyTuple, invertTuple, sameTuple } from "./connections";
import {
  F_ETH_TYPE, F_ICMP_CODE, F_ICMP_ID, F_ICMP_TYPE, F_IPV6_DST, F_IPV6_SRC, F_IP_DST, F_IP_PROTO, F_IP_SRC, F_TP_DST, F_TP_SRC,
} from "./fields";
import {
  A_HASH, CT_TUPLE_BYTES, FLOW_BYTES, NONE, PATH_BYTES, R_FLOWS, R_FLOW_COUNT, R_FLOW_STRIDE, R_INDEX, R_INDEX_MASK, R_PATHS, R_PATH_COUNT,
  R_PATH_INDEX, R_PATH_INDEX_MASK, TUPLE_DST, TUPLE_PORTS, W_KIND, W_PATH, W_TUPLE,
} from "./layout";

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

function hashOf(kind: u32, tuple: usize): u32 {
  let h: u32 = (kind ^ 0x9e3779b9) * 0xc2b2ae35;
  for (let i: usize = 0; i < CT_TUPLE_BYTES; i += 4) {
    h = (h ^ load<u32>(tuple + i)) * 0x85ebca6b;
    h ^= h >>> 13;
  }
  h *= 0xc2b2ae35;
  return h ^ (h >>> 16);
}

// @ts-ignore: decorator
@inline
export function flowAt(r: usize, number: u32): usize {
  return load<usize>(r, R_FLOWS) + <usize>number * load<usize>(r, R_FLOW_STRIDE);
}

/** The slot of the index where a flow stands or would stand. */
function slotOf(r: usize, kind: u32, tuple: usize): usize {
  const mask = load<u32>(r, R_INDEX_MASK);
  const index = load<usize>(r, R_INDEX);
  let i = hashOf(kind, tuple) & mask;
  let slot: usize = 0;
  while (true) {
    slot = index + (<usize>i << 2);
    const n = load<u32>(slot);
    if (n == 0) break;
    const flow = flowAt(r, n - 1);
    if (load<u32>(flow, W_KIND) == kind && sameTuple(flow + W_TUPLE, tuple)) break;
    i = (i + 1) & mask;
  }
  return slot;
}

/** The flow of a key, or 0. */
export function findFlow(r: usize, kind: u32, tuple: usize): usize {
  const n = load<u32>(slotOf(r, kind, tuple));
  return n == 0 ? 0 : flowAt(r, n - 1);
}

/** Adds a flow (there is room, and it is not there yet). */
export function addFlow(r: usize, kind: u32, tuple: usize): usize {
  const n = load<u32>(r, R_FLOW_COUNT);
  store<u32>(r, n + 1, R_FLOW_COUNT);
  store<u32>(slotOf(r, kind, tuple), n + 1);
  const flow = flowAt(r, n);
  memory.fill(flow, 0, FLOW_BYTES);
  store<u32>(flow, kind, W_KIND);
  copyTuple(flow + W_TUPLE, tuple);
  store<u32>(flow, NONE, W_PATH);
  return flow;
}

/** Makes the index anew, after the host gave it another size or took the flows out. */
export function indexFlows(r: usize): void {
  memory.fill(load<u32>(r, R_INDEX), 0, (<usize>load<u32>(r, R_INDEX_MASK) + 1) << 2);
  const count = load<u32>(r, R_FLOW_COUNT);
  for (let n: u32 = 0; n < count; n++) {
    const flow = flowAt(r, n);
    store<u32>(slotOf(r, load<u32>(flow, W_KIND), flow + W_TUPLE), n + 1);
  }
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
