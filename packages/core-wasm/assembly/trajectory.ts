// Remembered trajectories: a packet of a flow that ran, changed nothing, and was like this one in all that the network can tell
// apart, tells what becomes of this one; it is only counted. One trajectory a flow is remembered, in the flow's hot line.
//
// Hits are counted in the line alone, and settled (into the flow's record, its path, the counters) before the trajectory ends or anybody
// reads. What ends one is said in met.ts; for a flow's own reasons replay.ts drops it.
import { K } from "./base";
import {
  A_BYTES, A_PACKETS, CLASS_LEAVING, CLASS_REPLY, CLASS_RUN, CLASS_SENT, CLASS_TUNNELLED, CLASS_V6, COUNT_DROPPED, COUNT_ENTERING, COUNT_EVICTED,
  COUNT_HITS, COUNT_LEAVING, COUNT_PATHLESS, COUNT_REMEMBERED, COUNT_REPLIES, COUNT_RUN, COUNT_SENT, COUNT_TUNNELLED, DECODE_IPV4, DECODE_IPV6, J_BYTES, J_FLAGS, J_HITS,
  J_LAST, J_LENGTH, J_RUN, J_SIDE, K_RUN, LINE_BYTES, NONE, PATH_BYTES, REPLAY_COUNTER_BASE, R_CACHED, R_CACHE_HAND, R_CACHE_LIMIT, R_CLASS, R_FLOWS, R_FLOW_COUNT, R_FLOW_STRIDE, R_LINES, R_PATHS,
  R_SIDE_0, R_SIDE_LENGTH, W_BYTES, W_CACHED, W_FIRST, W_LAST, W_OTHER_PATH, W_PACKETS, W_PATH, W_TCP_FLAGS,
} from "./layout";

// @ts-ignore: decorator
@inline
export function count(r: usize, counter: u32, by: u64): void {
  const at = r + REPLAY_COUNTER_BASE + (<usize>counter << 3);
  store<u64>(at, load<u64>(at) + by);
}
// @ts-ignore: decorator
@inline
export function add(at: usize, by: u64): void {
  store<u64>(at, load<u64>(at) + by);
}
// @ts-ignore: decorator
@inline
export function lineAt(r: usize, n: u32): usize {
  return load<usize>(r, R_LINES) + <usize>n * LINE_BYTES;
}
/** Whether a line remembers a trajectory: the last byte of its side says of what kind it is. */
// @ts-ignore: decorator
@inline
export function remembers(line: usize): bool {
  return load<u8>(line, J_SIDE + 15) != 0;
}

/** Folds the hits of flow `n` into its record, its path and the counters. */
export function settle(r: usize, n: u32): void {
  const line = lineAt(r, n);
  const hits = <u64>load<u32>(line, J_HITS);
  if (hits == 0) return;
  const flow = load<usize>(r, R_FLOWS) + <usize>n * load<usize>(r, R_FLOW_STRIDE);
  const bytes = load<u64>(line, J_BYTES);
  const last = load<u64>(line, J_LAST);
  const kind = load<u32>(flow, W_CACHED);
  const path = (kind >>> 8) - 1;
  add(flow + W_PACKETS, hits);
  add(flow + W_BYTES, bytes);
  if (last > load<u64>(flow, W_LAST)) store<u64>(flow, last, W_LAST);
  store<u32>(flow, load<u32>(flow, W_TCP_FLAGS) | load<u32>(line, J_FLAGS), W_TCP_FLAGS);
  store<u32>(line, 0, J_HITS);
  store<u64>(line, 0, J_BYTES);
  store<u32>(line, 0, J_FLAGS);
  count(r, COUNT_HITS, hits);
  count(r, kind & CLASS_V6 ? DECODE_IPV6 : DECODE_IPV4, hits);
  count(r, kind & CLASS_LEAVING ? COUNT_LEAVING : COUNT_ENTERING, hits);
  if (kind & CLASS_TUNNELLED) count(r, COUNT_TUNNELLED, hits);
  if (kind & CLASS_REPLY) count(r, COUNT_REPLIES, hits);
  if (kind & CLASS_SENT) count(r, COUNT_SENT, hits);
  if (!(kind & CLASS_RUN)) return;
  count(r, COUNT_RUN, hits);
  if (load<u32>(flow, W_PATH) != path) store<u32>(flow, load<u32>(flow, W_OTHER_PATH) + <u32>hits, W_OTHER_PATH);
  if (path == NONE) {
    count(r, COUNT_PATHLESS, hits);
    return;
  }
  const at = load<usize>(r, R_PATHS) + <usize>path * PATH_BYTES;
  add(at + A_PACKETS, hits);
  add(at + A_BYTES, bytes);
}

/** Settles all flows. */
export function settleAll(r: usize): void {
  for (let n = load<u32>(r, R_FLOW_COUNT); n > 0; n--) settle(r, n - 1);
}

function end(r: usize, n: u32): void {
  settle(r, n);
  store<u8>(lineAt(r, n), 0, J_SIDE + 15);
  store<u32>(r, load<u32>(r, R_CACHED) - 1, R_CACHED);
}

/** Forgets the trajectory of flow `n`, if there is one. */
export function drop(r: usize, n: u32): void {
  if (n >= load<u32>(r, R_FLOW_COUNT) || !remembers(lineAt(r, n))) return;
  end(r, n);
  count(r, COUNT_DROPPED, 1);
}

/** Forgets all trajectories, or those with one of the bits of `kinds` (CLASS). */
export function dropAll(r: usize, kinds: u32): void {
  const flows = load<usize>(r, R_FLOWS);
  const stride = load<usize>(r, R_FLOW_STRIDE);
  for (let n = load<u32>(r, R_FLOW_COUNT); n > 0; n--)
    if (kinds == 0 || load<u32>(flows + <usize>(n - 1) * stride, W_CACHED) & kinds) drop(r, n - 1);
}

/** Forgets one trajectory, the next in turn. There is one. */
function evict(r: usize): void {
  const flows = load<u32>(r, R_FLOW_COUNT);
  let n = load<u32>(r, R_CACHE_HAND);
  do {
    n = n + 1 < flows ? n + 1 : 0;
  } while (!remembers(lineAt(r, n)));
  store<u32>(r, n, R_CACHE_HAND);
  end(r, n);
  count(r, COUNT_EVICTED, 1);
}

/** Remembers for flow `n` what has become of the packet whose side is at R_SIDE_0: it took `path` (NONE: it did not run, or there is no room for paths). */
export function remember(r: usize, n: u32, path: u32): void {
  while (load<u32>(r, R_CACHED) >= load<u32>(r, R_CACHE_LIMIT)) evict(r);
  const line = lineAt(r, n);
  const flow = load<usize>(r, R_FLOWS) + <usize>n * load<usize>(r, R_FLOW_STRIDE);
  v128.store(line, v128.load(r, R_SIDE_0), J_SIDE);
  store<u32>(line, load<u32>(r, R_SIDE_LENGTH), J_LENGTH);
  store<u64>(line, load<u64>(flow, W_LAST), J_LAST);
  store<u32>(line, load<u32>(K, K_RUN), J_RUN);
  store<u32>(flow, ((path + 1) << 8) | load<u32>(r, R_CLASS), W_CACHED);
  store<u32>(r, load<u32>(r, R_CACHED) + 1, R_CACHED);
  count(r, COUNT_REMEMBERED, 1);
}

/** Counts a packet with a remembered trajectory. */
// @ts-ignore: decorator
@inline
export function hit(r: usize, line: usize, time: u64, length: u32, flags: u32): void {
  const hits = load<u32>(line, J_HITS) + 1;
  store<u32>(line, hits, J_HITS);
  store<u64>(line, load<u64>(line, J_BYTES) + <u64>length, J_BYTES);
  store<u32>(line, load<u32>(line, J_FLAGS) | flags, J_FLAGS);
  if (time >= load<u64>(line, J_LAST)) store<u64>(line, time, J_LAST);
  else earlier(r, line, time);
  if (hits == NONE) settle(r, numberOf(r, line));
}

/** The number of a flow, by its line. */
export function numberOf(r: usize, line: usize): u32 {
  return <u32>((line - load<usize>(r, R_LINES)) / LINE_BYTES);
}

/** Captures are nearly in order of time, not always. */
function earlier(r: usize, line: usize, time: u64): void {
  const flow = load<usize>(r, R_FLOWS) + <usize>numberOf(r, line) * load<usize>(r, R_FLOW_STRIDE);
  if (time < load<u64>(flow, W_FIRST)) store<u64>(flow, time, W_FIRST);
}
