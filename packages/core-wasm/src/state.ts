/**
 * The state of one instance: where each area lies, and how it begins. Areas that a snapshot does not touch cost address
 * space, not memory.
 */
import { BOUNDS } from "@plumbline/model";
import {
  CONN_BYTES,
  CT_TABLE,
  CT_TABLE_BYTES,
  EVENT_BYTES,
  FRAME_BYTES,
  STATE,
  STATE_BYTES,
  THREAD_BYTES,
  TRAILS_BYTES,
} from "./layout.js";

/** Heads of chains of connections at first; they are doubled as connections come. */
const FIRST_BUCKETS = 1024;
/** Words that one run's changes of connections may take in the undo log. */
const LOG_PAIRS = 1 << 16;
/** The longest script: a choice leaves an event, so no run meets more. */
export const SCRIPT_WORDS = BOUNDS.events;
/** Likewise the longest list of ct states. */
export const CT_STATE_WORDS = BOUNDS.events;

export interface StateLayout {
  readonly base: number;
  /** Behind the last area. */
  readonly end: number;
  readonly events: number;
  readonly script: number;
  readonly ctStates: number;
  readonly connections: number;
  /** Header words, by address. */
  readonly header: ReadonlyMap<number, number>;
  /** Areas that must be zero before the first run. */
  readonly zero: readonly { readonly start: number; readonly end: number }[];
}

export const align = (n: number, to: number): number => Math.ceil(n / to) * to;

/** Lays the state out from `from` on, for `capacity` connections and tables with up to `softEntries` conjunctive rows. */
export function layState(from: number, capacity: number, softEntries: number, trails = true): StateLayout {
  const base = align(from, 64);
  let end = base;
  const area = (bytes: number): number => {
    const at = end;
    end = align(end + bytes, 64);
    return at;
  };
  area(STATE_BYTES);
  let buckets = FIRST_BUCKETS;
  while (buckets < capacity) buckets *= 2;
  const threads = area(BOUNDS.threads * THREAD_BYTES);
  // One frame more than walks, for a program outside any table. Threads that wait keep theirs.
  const frames = area(BOUNDS.threads * (BOUNDS.frames + 1) * FRAME_BYTES);
  const soft = area(4 * softEntries);
  const script = area(4 * SCRIPT_WORDS);
  const ctStates = area(4 * CT_STATE_WORDS);
  const connections = area(CT_TABLE_BYTES);
  const bucketsAt = area(4 * buckets);
  const records = area(capacity * CONN_BYTES);
  // A run makes or takes out no more than it has events.
  const runList = area(4 * (BOUNDS.events + 1));
  const log = area(8 * LOG_PAIRS);
  const trailsAt = trails ? area(TRAILS_BYTES) : 0;
  const events = area(BOUNDS.events * EVENT_BYTES);
  const header = new Map([
    [base + STATE.S_THREADS, threads],
    [base + STATE.S_FRAMES, frames],
    [base + STATE.S_SOFT, soft],
    [base + STATE.S_SCRIPT, script],
    [base + STATE.S_CT_STATES, ctStates],
    [base + STATE.S_CT, connections],
    [base + STATE.S_EVENTS, events],
    [base + STATE.S_TRAILS, trailsAt],
    [connections + CT_TABLE.K_BUCKETS, bucketsAt],
    [connections + CT_TABLE.K_BUCKET_MASK, FIRST_BUCKETS - 1],
    [connections + CT_TABLE.K_BUCKET_MOST, buckets - 1],
    [connections + CT_TABLE.K_RECORDS, records],
    [connections + CT_TABLE.K_CAPACITY, capacity],
    [connections + CT_TABLE.K_RUN_LIST, runList],
    [connections + CT_TABLE.K_LOG, log],
    [connections + CT_TABLE.K_LOG_CAPACITY, LOG_PAIRS],
  ]);
  const zero = [
    { start: base, end: base + STATE_BYTES },
    { start: connections, end: connections + CT_TABLE_BYTES },
    { start: bucketsAt, end: bucketsAt + 4 * FIRST_BUCKETS },
  ];
  return { base, end, events, script, ctStates, connections, header, zero };
}
