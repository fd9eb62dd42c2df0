// Where this instance's memory areas are. Every instance (worker) binds to the shared program and to a state of its own.
import { RECORD_EVENTS, ROW_BYTES, S_CT, S_RECORD, S_ROW_BYTES } from "./layout";
import { attend } from "./met";
import { forgetTrails } from "./trails";

/** The program: read-only. */
export let P: usize = 0;
/** The state of this instance. */
export let S: usize = 0;
/** Its connection table. */
export let K: usize = 0;

/** Binds this instance to a program and a state. Both were laid out by the host. */
export function bind(program: usize, state: usize): void {
  P = program;
  S = state;
  K = load<u32>(state, S_CT);
  attend(0);
  forgetTrails();
}

/** Bytes of a row that are in use in the present run. What is behind them is nobody's. */
export let W: usize = 0;

/** Events of the present run are not kept. */
export let quiet: bool = false;

/** Takes the width of rows, and whether events are kept, over from the state, before anything is run. */
export function takeSettings(): void {
  W = load<u32>(S, S_ROW_BYTES);
  quiet = load<u32>(S, S_RECORD) != RECORD_EVENTS;
}

/** Copies a row. Vector moves beat the call that memory.copy makes. */
export function copyRow(to: usize, from: usize): void {
  const end = from + W;
  while (from < end) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    v128.store(to, v128.load(from, 32), 32);
    v128.store(to, v128.load(from, 48), 48);
    from += 64;
    to += 64;
  }
}

/** Copies the words of a row that a mask has, and clears the others. */
export function copyMasked(to: usize, from: usize, mask: usize): void {
  const end = from + W;
  while (from < end) {
    v128.store(to, v128.and(v128.load(from), v128.load(mask)));
    v128.store(to, v128.and(v128.load(from, 16), v128.load(mask, 16)), 16);
    v128.store(to, v128.and(v128.load(from, 32), v128.load(mask, 32)), 32);
    v128.store(to, v128.and(v128.load(from, 48), v128.load(mask, 48)), 48);
    from += 64;
    to += 64;
    mask += 64;
  }
}

/** Clears a row whatever is in use of it. */
export function clearWholeRow(row: usize): void {
  const zero = i64x2.splat(0);
  for (const end = row + ROW_BYTES; row < end; row += 16) v128.store(row, zero);
}

export function clearRow(row: usize): void {
  const zero = i64x2.splat(0);
  for (const end = row + W; row < end; row += 64) {
    v128.store(row, zero);
    v128.store(row, zero, 16);
    v128.store(row, zero, 32);
    v128.store(row, zero, 48);
  }
}
