// What a run meets of the connection tables, and whose remembered trajectories a change of them ends.
//
// A trajectory (trajectory.ts) is what a run came to that changed nothing. It holds as long as every connection that the run met
// stays as it is, and every key under which it found none stays free. So each connection knows the flows whose
// trajectories met it, one for each direction in which it can be met (of two flows the later one takes the place, and the
// former's trajectory is forgotten), and absences stand in chains by the hash of their key. Who changes something says so here, and
// exactly those trajectories end. What is left behind by one that has ended may end a later one of the same flow: it is only run again.
import {
  ABSENT_BYTES, ABSENT_CHAINS, CLASS_ALLOCATES, J_RUN, MET_ABSENT, MET_ENTRY, MET_MOST, N_MET, N_RUN, R_ABSENT, R_ABSENT_COUNT, R_ABSENT_HEADS, R_ABSENT_LIMIT, R_FLOW_COUNT, R_MET, Z_FLOW, Z_HASH, Z_NEXT,
} from "./layout";
import { drop, dropAll, lineAt, remembers } from "./trajectory";

/** The replay of this instance, 0 where there is none or it remembers nothing. */
let R: usize = 0;
/** The present run has changed a connection (but for what `moves` tells as settled), or entered or forgotten one. */
export let changed: bool = false;
/** It has made a record, and be it one that was not entered. */
export let allocated: bool = false;
let count: u32 = 0;

/** Remembered trajectories are those of the replay at `r` from now on (0: of none). */
export function attend(r: usize): void {
  R = r;
}

/** A run begins. */
export function clearMet(): void {
  changed = false;
  allocated = false;
  count = 0;
}

function note(kind: u32, value: u32): void {
  if (R == 0) return;
  if (count < MET_MOST) {
    const at = R + R_MET + (<usize>count << 3);
    store<u32>(at, kind);
    store<u32>(at, value, 4);
  }
  count++;
}

/** A look-up has found a node. */
export function met(node: usize): void {
  note(MET_ENTRY, <u32>node);
}
/** A look-up has found nothing under a key of that hash. */
export function missed(hash: u32): void {
  note(MET_ABSENT, hash);
}
export function allocates(): void {
  allocated = true;
}

/** A connection of the table becomes another, or leaves one of its keys. */
export function alters(conn: usize): void {
  changed = true;
  if (R == 0) return;
  const one = load<u32>(conn, N_MET);
  const other = load<u32>(conn, N_MET + 4);
  if (one != 0) drop(R, one - 1);
  if (other != 0) drop(R, other - 1);
}

/**
 * A connection of the table has been moved on by the run's packet. `settled`: another packet like it would find the state that this one has
 * found, and leave it as it is now.
 */
export function moves(conn: usize, settled: bool): void {
  const had = changed;
  alters(conn);
  if (settled) changed = had;
}

/** A key of that hash is entered. */
export function enters(hash: u32): void {
  changed = true;
  if (R == 0 || load<u32>(R, R_ABSENT_COUNT) == 0) return;
  for (let z = first(hash); z != 0; z = next(z)) if (load<u32>(z, Z_HASH) == hash) drop(R, load<u32>(z, Z_FLOW) - 1);
}

/** The number of the last run that used a connection, be it one that was only counted. */
export function lastUse(conn: usize): u32 {
  const own = load<u32>(conn, N_RUN);
  return R == 0 ? own : max<u32>(own, max<u32>(useBy(load<u32>(conn, N_MET)), useBy(load<u32>(conn, N_MET + 4))));
}
function useBy(owner: u32): u32 {
  if (owner == 0 || owner > load<u32>(R, R_FLOW_COUNT)) return 0;
  const line = lineAt(R, owner - 1);
  return remembers(line) ? load<u32>(line, J_RUN) : 0;
}

/** From now on making a record means forgetting another. */
export function fills(): void {
  if (R != 0) dropAll(R, CLASS_ALLOCATES);
}
/** All connections are forgotten. */
export function forgetsAll(): void {
  if (R != 0) dropAll(R, 0);
}

/** Whether the last run may be remembered: it changed nothing, and all that it met is known. */
export function isStable(): bool {
  return !changed && count <= MET_MOST;
}

/** The trajectory of flow `n` depends on what the last run met. */
export function depend(n: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    const at = R + R_MET + (<usize>i << 3);
    const value = load<u32>(at, 4);
    if (load<u32>(at) == MET_ENTRY) {
      const owner = (<usize>value & ~1) + ((<usize>value & 1) << 2);
      const had = load<u32>(owner, N_MET);
      if (had != 0 && had != n + 1) drop(R, had - 1);
      store<u32>(owner, n + 1, N_MET);
    } else dependAbsent(value, n + 1);
  }
}

function dependAbsent(hash: u32, flow: u32): void {
  for (let z = first(hash); z != 0; z = next(z)) if (load<u32>(z, Z_HASH) == hash && load<u32>(z, Z_FLOW) == flow) return;
  if (load<u32>(R, R_ABSENT_COUNT) == load<u32>(R, R_ABSENT_LIMIT)) {
    dropAll(R, 0);
    memory.fill(load<u32>(R, R_ABSENT_HEADS), 0, ABSENT_CHAINS << 2);
    store<u32>(R, 0, R_ABSENT_COUNT);
  }
  const n = load<u32>(R, R_ABSENT_COUNT);
  store<u32>(R, n + 1, R_ABSENT_COUNT);
  const z = load<usize>(R, R_ABSENT) + <usize>n * ABSENT_BYTES;
  store<u32>(z, hash, Z_HASH);
  store<u32>(z, flow, Z_FLOW);
  store<u32>(z, load<u32>(head(hash)), Z_NEXT);
  store<u32>(head(hash), n + 1);
}

// @ts-ignore: decorator
@inline
function head(hash: u32): usize {
  return load<usize>(R, R_ABSENT_HEADS) + (<usize>(hash & (ABSENT_CHAINS - 1)) << 2);
}
// @ts-ignore: decorator
@inline
function nodeAt(number: u32): usize {
  return number == 0 ? 0 : load<usize>(R, R_ABSENT) + <usize>(number - 1) * ABSENT_BYTES;
}
// @ts-ignore: decorator
@inline
function first(hash: u32): usize {
  return nodeAt(load<u32>(head(hash)));
}
// @ts-ignore: decorator
@inline
function next(z: usize): usize {
  return nodeAt(load<u32>(z, Z_NEXT));
}
