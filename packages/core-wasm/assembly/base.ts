// Where this instance's memory areas are. Every instance (worker) binds to the shared program and to a state of its own.
import { ROW_BYTES, S_CT } from "./layout";

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
}

/** Copies a row. Rows are 16-byte aligned in pairs of words; 32 vector moves beat the call that memory.copy makes. */
export function copyRow(to: usize, from: usize): void {
  for (let i: usize = 0; i < ROW_BYTES; i += 64) {
    v128.store(to + i, v128.load(from + i));
    v128.store(to + i, v128.load(from + i, 16), 16);
    v128.store(to + i, v128.load(from + i, 32), 32);
    v128.store(to + i, v128.load(from + i, 48), 48);
  }
}

export function clearRow(row: usize): void {
  const zero = i64x2.splat(0);
  for (let i: usize = 0; i < ROW_BYTES; i += 64) {
    v128.store(row + i, zero);
    v128.store(row + i, zero, 16);
    v128.store(row + i, zero, 32);
    v128.store(row + i, zero, 48);
  }
}
