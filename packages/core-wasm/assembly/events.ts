// Events, and what is kept of a run without them: a hash of its path and the leaf that tells the packet's fate.
import { copyRow, quiet, S } from "./base";
import { chain, digestOf } from "./digest";
import {
  BOUND_EVENTS, BOUND_NUMBER_EVENTS, EVENT_BYTES, EV_CT, EV_LEAF, EV_NAT, EV_OUTPUT, H_ANSWER, H_DEVICE, H_NUMBER, H_ROW, LEAF_DROPPED, LEAF_LOCAL,
  LEAF_LOOPED, LEAF_UNKNOWN, LEAF_UNLINKED, RECORD_DIGEST, RECORD_EVENTS, S_EVENTS, S_EVENT_COUNT, S_LEAF, S_LEAF_DEVICE, S_LEAF_REJECTED, S_LEAF_TEXT,
  S_LEAF_THREAD, S_PATH_LOW, S_RECORD, S_RESULT_ROW, S_STOP, V_A, V_B, V_C, V_KIND, V_ROW, V_THREAD,
} from "./layout";

/** The number of thread `t`. */
// @ts-ignore: decorator
@inline
export function threadNumber(t: usize): u32 {
  return load<u32>(t, H_NUMBER);
}

function write(index: u32, t: usize, kind: u32, a: u32, b: u32, c: u32, row: usize): void {
  const e = load<usize>(S, S_EVENTS) + <usize>index * EVENT_BYTES;
  store<u32>(e, kind, V_KIND);
  store<u32>(e, threadNumber(t), V_THREAD);
  store<u32>(e, a, V_A);
  store<u32>(e, b, V_B);
  store<u32>(e, c, V_C);
  copyRow(e + V_ROW, row);
}

/**
 * Something happened to thread `t`. True when the run is over because it has too many events (the caller returns at once).
 * The path hash takes everything but the state of connections and translations: two packets of one path met the same
 * rules, choices, links and leaves.
 */
export function event(t: usize, kind: u32, a: u32, b: u32, c: u32, row: usize): bool {
  const index = load<u32>(S, S_EVENT_COUNT);
  store<u32>(S, index + 1, S_EVENT_COUNT);
  const full = index >= BOUND_EVENTS - 1;
  if (full) {
    kind = EV_LEAF;
    a = LEAF_LOOPED;
    b = BOUND_NUMBER_EVENTS;
    c = 0;
    store<u32>(S, 1, S_STOP);
  }
  const keep = load<u32>(S, S_RECORD);
  if (keep == RECORD_EVENTS) write(index, t, kind, a, b, c, row);
  if (kind == EV_LEAF) fate(t, a, b, c);
  if (keep == RECORD_DIGEST && (kind == EV_LEAF || kind == EV_OUTPUT)) digestOf(kind, threadNumber(t), a, b, row);
  if (kind != EV_CT && kind != EV_NAT)
    store<u64>(S, chain(load<u64>(S, S_PATH_LOW), threadNumber(t), kind, a, b, c), S_PATH_LOW);
  return full;
}

/** {@link event} of a rule hit, or none: of which nothing but the path is kept, unless the run is recorded. */
// @ts-ignore: decorator
@inline
export function step(t: usize, kind: u32, a: u32, b: u32, c: u32, row: usize): bool {
  const index = load<u32>(S, S_EVENT_COUNT);
  if (!quiet || index >= BOUND_EVENTS - 1) return event(t, kind, a, b, c, row);
  store<u32>(S, index + 1, S_EVENT_COUNT);
  store<u64>(S, chain(load<u64>(S, S_PATH_LOW), threadNumber(t), kind, a, b, c), S_PATH_LOW);
  return false;
}

/** How much a leaf tells about the packet's fate. */
// @ts-ignore: decorator
@inline
function weight(kind: u32, rejected: u32): u32 {
  if (kind == LEAF_LOCAL) return 6;
  if (kind == LEAF_DROPPED) return rejected ? 5 : 1;
  if (kind == LEAF_UNKNOWN) return 4;
  if (kind == LEAF_LOOPED) return 3;
  return 2;
}

/**
 * Keeps the leaf that tells the packet's fate: delivered before rejected, unknown, looped, unlinked and dropped, the first
 * among equals; what a device sent in answer (`emit`) does not count.
 */
function fate(t: usize, kind: u32, text: u32, rejected: u32): void {
  if (load<u32>(t, H_ANSWER)) return;
  const had = load<u32>(S, S_LEAF);
  if (had != 0 && weight(had, load<u32>(S, S_LEAF_REJECTED)) >= weight(kind, rejected)) return;
  store<u32>(S, kind, S_LEAF);
  store<u32>(S, text, S_LEAF_TEXT);
  store<u32>(S, rejected, S_LEAF_REJECTED);
  store<u32>(S, load<u32>(t, H_DEVICE), S_LEAF_DEVICE);
  store<u32>(S, threadNumber(t), S_LEAF_THREAD);
  // A batch keeps a hash of it.
  if (load<u32>(S, S_RECORD) != RECORD_DIGEST) copyRow(S + S_RESULT_ROW, t + H_ROW);
}

/** A leaf of thread `t` as it is now. True when the run is over. */
export function leaf(t: usize, kind: u32, text: u32, rejected: u32): bool {
  return event(t, EV_LEAF, kind, text, rejected, t + H_ROW);
}
