// Threads: copies of the packet that are still to run, or ran. A run's threads stand in order of their numbers, which is
// the order in which they run.
import { copyRow, S } from "./base";
import { leaf } from "./events";
import {
  BOUND_NUMBER_THREADS, BOUND_THREADS, H_ANSWER, H_CONN, H_DEVICE, H_DIR, H_ENCAPS, H_HOPS, H_LINKS, H_NUMBER, H_RECIRCS, H_ROW,
  H_SPAWNED, H_STACK, H_STATE, H_TRACKER, H_VALUES, H_VALUE_STACK, H_ZONE, LEAF_LOOPED, ROW_BYTES, S_STOP, S_THREADS, S_THREAD_COUNT,
  THREAD_BYTES, VALUE_BYTES,
} from "./layout";

/**
 * Appends a thread on `device` with `from`'s encapsulation stack, links and recirculations, and nothing else: its row is
 * the caller's to fill. 0 when there are too many: `from` has got its leaf and the run is over.
 */
export function bareThread(from: usize, device: u32): usize {
  const n = load<u32>(S, S_THREAD_COUNT);
  if (n >= BOUND_THREADS) {
    leaf(from, LEAF_LOOPED, BOUND_NUMBER_THREADS, 0);
    store<u32>(S, 1, S_STOP);
    return 0;
  }
  store<u32>(S, n + 1, S_THREAD_COUNT);
  const t = load<usize>(S, S_THREADS) + <usize>n * THREAD_BYTES;
  store<u32>(t, n, H_NUMBER);
  store<u32>(t, device, H_DEVICE);
  store<u32>(t, 0, H_VALUES);
  store<u32>(t, 0, H_HOPS);
  store<u32>(t, 0, H_SPAWNED);
  store<u32>(t, 0, H_CONN);
  if (from == 0) {
    store<u32>(t, 0, H_ENCAPS);
    store<u32>(t, 0, H_LINKS);
    store<u32>(t, 0, H_RECIRCS);
    store<u32>(t, 0, H_ANSWER);
    return t;
  }
  const encaps = <usize>load<u32>(from, H_ENCAPS);
  store<u32>(t, <u32>encaps, H_ENCAPS);
  for (let i: usize = 0; i < encaps; i++) copyRow(t + H_STACK + i * <usize>ROW_BYTES, from + H_STACK + i * <usize>ROW_BYTES);
  store<u32>(t, load<u32>(from, H_LINKS), H_LINKS);
  store<u32>(t, load<u32>(from, H_RECIRCS), H_RECIRCS);
  store<u32>(t, load<u32>(from, H_ANSWER), H_ANSWER);
  store<u32>(from, 1, H_SPAWNED);
  return t;
}

/** {@link bareThread} with a copy of `row`. */
export function newThread(from: usize, row: usize, device: u32): usize {
  const t = bareThread(from, device);
  if (t != 0) copyRow(t + H_ROW, row);
  return t;
}

/** Gives `to` the value stack and the connection of `from`. */
export function inheritState(to: usize, from: usize): void {
  const n = load<u32>(from, H_VALUES);
  store<u32>(to, n, H_VALUES);
  memory.copy(to + H_VALUE_STACK, from + H_VALUE_STACK, <usize>n * VALUE_BYTES);
  inheritConnection(to, from);
}

/** Gives `to` the connection of `from`. */
export function inheritConnection(to: usize, from: usize): void {
  store<u32>(to, load<u32>(from, H_CONN), H_CONN);
  store<u32>(to, load<u32>(from, H_DIR), H_DIR);
  store<u32>(to, load<u32>(from, H_TRACKER), H_TRACKER);
  store<u32>(to, load<u32>(from, H_STATE), H_STATE);
  store<u32>(to, load<u32>(from, H_ZONE), H_ZONE);
}
