// The connection table: records, their nodes in the buckets, what is used how long ago, and the undo log.
//
// It is a map from (tracker, zone, tuple) to (connection, direction) that behaves as the reference's Map does, and it is
// bounded: when all records are in use the connection that was used longest ago is forgotten, and counted. A record that
// a thread of the present run may still hold is given back at the run's end, never before.
import { K, P } from "./base";
import { allocates, alters, clearMet, enters, fills, forgetsAll, lastUse, met, missed } from "./met";
import {
  CONN_BOTH_IN, CONN_BYTES, CONN_IN_RUN, CONN_ORIG_IN, CONN_PENDING, CONN_REPLY_IN, K_BUCKETS, K_BUCKET_MASK,
  K_CAPACITY, K_COUNT, K_EVICTED, K_FREE, K_FRESH, K_LOG, K_LOG_CAPACITY, K_LOG_COUNT, K_LOG_LOST, K_LOG_ON, K_NEWEST, K_OLDEST,
  K_RECORDS, K_REFUSED, K_RUN, K_RUN_LIST, FLAVOUR_USERSPACE, KIND_ANSWER, N_CHAIN, N_FLAGS, N_HASH, N_KIND, N_NEWER, N_NEXT, N_OLDER, N_ORIG, N_REPLY, N_RUN,
  N_TRACKER, P_TRACKERS, TUPLE_DST, TUPLE_PORTS,
} from "./layout";

/** Writes a word of the table that the undo log must know. */
export function put(address: usize, value: u32): void {
  if (load<u32>(K, K_LOG_ON)) logWord(address);
  store<u32>(address, value);
}

function logWord(address: usize): void {
  const n = load<u32>(K, K_LOG_COUNT);
  if (n >= load<u32>(K, K_LOG_CAPACITY)) {
    store<u32>(K, 1, K_LOG_LOST);
    return;
  }
  const at = load<usize>(K, K_LOG) + (<usize>n << 3);
  store<u32>(at, <u32>address);
  store<u32>(at, load<u32>(address), 4);
  store<u32>(K, n + 1, K_LOG_COUNT);
}

/** Takes the last run's changes back. False if the log was too short for them. */
export function rollback(): bool {
  if (load<u32>(K, K_LOG_LOST)) return false;
  for (let n = load<u32>(K, K_LOG_COUNT); n > 0; n--) {
    const at = load<usize>(K, K_LOG) + (<usize>(n - 1) << 3);
    store<u32>(load<u32>(at), load<u32>(at, 4));
  }
  store<u32>(K, 0, K_LOG_COUNT);
  return true;
}

// @ts-ignore: decorator
@inline
export function setFlags(conn: usize, on: u32, off: u32): void {
  put(conn + N_FLAGS, (load<u32>(conn, N_FLAGS) & ~off) | on);
}

// @ts-ignore: decorator
@inline
export function isUserspace(tracker: u32): bool {
  return load<u32>(load<u32>(P, P_TRACKERS) + (tracker << 2)) == FLAVOUR_USERSPACE;
}

/** Whether a kind is that of ICMP, of either family. */
// @ts-ignore: decorator
@inline
export function isIcmp(kind: u32): bool {
  return (kind & 0x1ff) == (0x100 | 58) || (kind & 0x1ff) == 1;
}

/** The kind of one direction's tuple: that of an echo's answer is another. */
// @ts-ignore: decorator
@inline
export function kindOf(conn: usize, dir: u32): u32 {
  const kind = load<u32>(conn, N_KIND);
  return dir != 0 && isIcmp(kind) ? kind | KIND_ANSWER : kind;
}

/** The tuple of one direction. */
// @ts-ignore: decorator
@inline
export function tupleOf(conn: usize, dir: u32): usize {
  return conn + (dir ? N_REPLY : N_ORIG);
}

export function copyTuple(to: usize, from: usize): void {
  v128.store(to, v128.load(from));
  v128.store(to, v128.load(from, 16), 16);
  store<u32>(to, load<u32>(from, TUPLE_PORTS), TUPLE_PORTS);
}

/** Source and destination exchanged. `to` is not `from`. */
export function invertTuple(to: usize, from: usize): void {
  v128.store(to, v128.load(from, TUPLE_DST));
  v128.store(to, v128.load(from), TUPLE_DST);
  store<u32>(to, rotl<u32>(load<u32>(from, TUPLE_PORTS), 16), TUPLE_PORTS);
}

export function sameTuple(a: usize, b: usize): bool {
  return (
    load<u32>(a, TUPLE_PORTS) == load<u32>(b, TUPLE_PORTS) &&
    !v128.any_true(v128.or(v128.xor(v128.load(a), v128.load(b)), v128.xor(v128.load(a, 16), v128.load(b, 16))))
  );
}

function hashOf(tracker: u32, kind: u32, tuple: usize): u32 {
  // Products that wait for nothing but their own word; upper bits depend on all of them.
  const ends = load<u64>(tuple) * 0x9e37_79b9_7f4a_7c15 + load<u64>(tuple, 8) * 0xc2b2_ae3d_27d4_eb4f;
  const others = load<u64>(tuple, 16) * 0x1656_67b1_9e37_79f9 + load<u64>(tuple, 24) * 0xd6e8_feb8_6659_fd93;
  const rest = (<u64>load<u32>(tuple, TUPLE_PORTS) | (<u64>kind << 32)) * 0xa076_1d64_78bd_642f + <u64>tracker * 0xe703_7ed1_a0b4_28db;
  const h = ends + others + rest;
  return <u32>((h ^ (h >>> 29)) >>> 32);
}

// @ts-ignore: decorator
@inline
function bucket(hash: u32): usize {
  return load<usize>(K, K_BUCKETS) + (<usize>(hash & load<u32>(K, K_BUCKET_MASK)) << 2);
}
// @ts-ignore: decorator
@inline
export function connOf(node: usize): usize {
  return node & ~1;
}
// @ts-ignore: decorator
@inline
export function dirOf(node: usize): u32 {
  return <u32>(node & 1);
}
// @ts-ignore: decorator
@inline
function linkOf(node: usize): usize {
  return connOf(node) + (<usize>dirOf(node) << 3);
}

/** The node under a key, or 0. */
export function find(tracker: u32, kind: u32, tuple: usize): usize {
  const hash = hashOf(tracker, kind, tuple);
  let node: usize = load<u32>(K, K_COUNT) == 0 ? 0 : load<u32>(bucket(hash));
  while (node != 0) {
    const link = linkOf(node);
    if (load<u32>(link, N_HASH) == hash) {
      const conn = connOf(node);
      if (kindOf(conn, dirOf(node)) == kind && load<u32>(conn, N_TRACKER) == tracker && sameTuple(tupleOf(conn, dirOf(node)), tuple)) {
        met(node);
        return node;
      }
    }
    node = load<u32>(link, N_NEXT);
  }
  missed(hash);
  return 0;
}

function enterNode(node: usize): void {
  const conn = connOf(node);
  const dir = dirOf(node);
  const hash = hashOf(load<u32>(conn, N_TRACKER), kindOf(conn, dir), tupleOf(conn, dir));
  const head = bucket(hash);
  const link = linkOf(node);
  enters(hash);
  put(link + N_HASH, hash);
  put(link + N_NEXT, load<u32>(head));
  put(head, <u32>node);
  setFlags(conn, dir ? CONN_REPLY_IN : CONN_ORIG_IN, 0);
}

/** Takes a node out of its bucket; a connection without nodes is taken out of the table. */
function leaveNode(node: usize): void {
  const conn = connOf(node);
  alters(conn);
  const link = linkOf(node);
  let at = bucket(load<u32>(link, N_HASH));
  while (load<u32>(at) != <u32>node) at = linkOf(load<u32>(at)) + N_NEXT;
  put(at, load<u32>(link, N_NEXT));
  setFlags(conn, 0, dirOf(node) ? CONN_REPLY_IN : CONN_ORIG_IN);
  if (load<u32>(conn, N_FLAGS) & CONN_BOTH_IN) return;
  unlinkUse(conn);
  put(K + K_COUNT, load<u32>(K, K_COUNT) - 1);
  joinRun(conn);
}

function removeKey(tracker: u32, kind: u32, tuple: usize): void {
  const node = find(tracker, kind, tuple);
  if (node != 0) leaveNode(node);
}

/** Takes out what stands under a connection's two keys. */
export function remove(conn: usize): void {
  removeKey(load<u32>(conn, N_TRACKER), load<u32>(conn, N_KIND), conn + N_ORIG);
  removeKey(load<u32>(conn, N_TRACKER), kindOf(conn, 1), conn + N_REPLY);
}

/**
 * Enters a pending connection under both keys; a connection to itself has one key, and the original direction wins (linux: the
 * reply). Of two with one key the userspace tracker finds the newer.
 */
export function insert(conn: usize): void {
  const tracker = load<u32>(conn, N_TRACKER);
  const kind = load<u32>(conn, N_KIND);
  removeKey(tracker, kind, conn + N_ORIG);
  put(K + K_COUNT, load<u32>(K, K_COUNT) + 1);
  enterNode(conn);
  const had = find(tracker, kindOf(conn, 1), conn + N_REPLY);
  if (had != 0 && connOf(had) != conn && isUserspace(tracker)) leaveNode(had);
  if (had == 0 || (connOf(had) != conn) == isUserspace(tracker)) enterNode(conn | 1);
  // linux finds a connection to itself by its reply, which it has entered last.
  if (had == conn && !isUserspace(tracker)) leaveNode(had);
  setFlags(conn, 0, CONN_PENDING);
  linkUse(conn);
}

function linkUse(conn: usize): void {
  const newest = <usize>load<u32>(K, K_NEWEST);
  put(conn + N_OLDER, <u32>newest);
  put(conn + N_NEWER, 0);
  if (newest != 0) put(newest + N_NEWER, <u32>conn);
  else put(K + K_OLDEST, <u32>conn);
  put(K + K_NEWEST, <u32>conn);
}

function unlinkUse(conn: usize): void {
  const older = <usize>load<u32>(conn, N_OLDER);
  const newer = <usize>load<u32>(conn, N_NEWER);
  if (older != 0) put(older + N_NEWER, <u32>newer);
  else put(K + K_OLDEST, <u32>newer);
  if (newer != 0) put(newer + N_OLDER, <u32>older);
  else put(K + K_NEWEST, <u32>older);
}

/** The present run uses a connection of the table. */
export function touch(conn: usize): void {
  store<u32>(conn, load<u32>(K, K_RUN), N_RUN);
  if (load<u32>(K, K_NEWEST) == <u32>conn) return;
  unlinkUse(conn);
  linkUse(conn);
}

/** Has the record looked over at the run's end. */
function joinRun(conn: usize): void {
  if (load<u32>(conn, N_FLAGS) & CONN_IN_RUN) return;
  setFlags(conn, CONN_IN_RUN, 0);
  put(conn + N_CHAIN, load<u32>(K, K_RUN_LIST));
  put(K + K_RUN_LIST, <u32>conn);
}

/** A record for a connection of this run, pending and with no translation, mark or label; 0 if there is none. */
export function allocate(): usize {
  allocates();
  let conn = <usize>load<u32>(K, K_FREE);
  if (conn != 0) put(K + K_FREE, load<u32>(conn, N_CHAIN));
  else if (load<u32>(K, K_FRESH) < load<u32>(K, K_CAPACITY)) {
    const n = load<u32>(K, K_FRESH);
    conn = load<usize>(K, K_RECORDS) + <usize>n * CONN_BYTES;
    put(K + K_FRESH, n + 1);
    if (n + 1 == load<u32>(K, K_CAPACITY)) fills();
  } else {
    conn = longestUnused();
    if (conn == 0 || load<u32>(conn, N_RUN) == load<u32>(K, K_RUN)) {
      put(K + K_REFUSED, load<u32>(K, K_REFUSED) + 1);
      return 0;
    }
    evict(conn);
  }
  // A free record's words are nobody's, so the log need not know them, but for the chain it stood in; an evicted record
  // was logged whole.
  put(conn + N_CHAIN, 0);
  memory.fill(conn, 0, CONN_BYTES);
  store<u32>(conn, CONN_PENDING, N_FLAGS);
  store<u32>(conn, load<u32>(K, K_RUN), N_RUN);
  joinRun(conn);
  return conn;
}

/**
 * The connection that was used longest ago, 0 if there is none. Packets that are only counted (trajectory.ts) do not move theirs in the list: those
 * that such packets have used since are put in their place now, as far as it is known: behind all that are in the list.
 */
function longestUnused(): usize {
  while (true) {
    const conn = <usize>load<u32>(K, K_OLDEST);
    if (conn == 0) return 0;
    const used = lastUse(conn);
    if (used <= load<u32>(conn, N_RUN)) return conn;
    store<u32>(conn, used, N_RUN);
    unlinkUse(conn);
    linkUse(conn);
  }
}

/** Forgets a connection that no thread of this run has seen. */
function evict(conn: usize): void {
  if (load<u32>(K, K_LOG_ON)) for (let i: usize = 0; i < CONN_BYTES; i += 4) logWord(conn + i);
  if (load<u32>(conn, N_FLAGS) & CONN_ORIG_IN) leaveNode(conn);
  if (load<u32>(conn, N_FLAGS) & CONN_REPLY_IN) leaveNode(conn | 1);
  // leaveNode put it on the run's list, from which it is taken again: it is the head.
  put(K + K_RUN_LIST, load<u32>(conn, N_CHAIN));
  put(K + K_EVICTED, load<u32>(K, K_EVICTED) + 1);
}

/** Starts a run. */
export function beginRun(): void {
  clearMet();
  store<u32>(K, load<u32>(K, K_RUN) + 1, K_RUN);
  store<u32>(K, 0, K_LOG_COUNT);
  store<u32>(K, 0, K_LOG_LOST);
}

/** Ends a run: records that are not in the table are free. */
export function endRun(): void {
  let conn = <usize>load<u32>(K, K_RUN_LIST);
  while (conn != 0) {
    const next = <usize>load<u32>(conn, N_CHAIN);
    setFlags(conn, 0, CONN_IN_RUN);
    if ((load<u32>(conn, N_FLAGS) & CONN_BOTH_IN) == 0) {
      put(conn + N_CHAIN, load<u32>(K, K_FREE));
      put(K + K_FREE, <u32>conn);
    }
    conn = next;
  }
  put(K + K_RUN_LIST, 0);
}

/** Forgets all connections. Costs what is in the table, not what it could hold. */
export function forgetAll(): void {
  forgetsAll();
  let conn = <usize>load<u32>(K, K_OLDEST);
  while (conn != 0) {
    const newer = <usize>load<u32>(conn, N_NEWER);
    if (load<u32>(conn, N_FLAGS) & CONN_ORIG_IN) store<u32>(bucket(load<u32>(conn, N_HASH)), 0);
    if (load<u32>(conn, N_FLAGS) & CONN_REPLY_IN) store<u32>(bucket(load<u32>(conn + 8, N_HASH)), 0);
    conn = newer;
  }
  store<u32>(K, 0, K_FRESH);
  store<u32>(K, 0, K_FREE);
  store<u32>(K, 0, K_OLDEST);
  store<u32>(K, 0, K_NEWEST);
  store<u32>(K, 0, K_RUN_LIST);
  store<u32>(K, 0, K_COUNT);
  store<u32>(K, 0, K_EVICTED);
  store<u32>(K, 0, K_REFUSED);
  store<u32>(K, 0, K_LOG_COUNT);
}
