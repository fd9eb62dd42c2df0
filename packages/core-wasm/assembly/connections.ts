// The connection table: records, their nodes in the buckets, what is used how long ago, and the undo log.
//
// It is a map from (tracker, zone, tuple) to (connection, direction) that behaves as the reference's Map does, and it is
// bounded: when all records are in use the connection that was used longest ago is forgotten, and counted. A record that
// a thread of the present run may still hold is given back at the run's end, never before.
import { K, P } from "./base";
import { allocates, alters, clearMet, enters, fills, forgetsAll, lastUse, met, missed } from "./met";
import {
  CONN_BOTH_IN, CONN_BYTES, CONN_IN_RUN, CONN_ORIG_IN, CONN_PENDING, CONN_REPLY_IN, K_BUCKETS, K_BUCKET_MASK, K_BUCKET_MOST,
  K_CAPACITY, K_COUNT, K_EVICTED, K_FREE, K_FRESH, K_LOG, K_LOG_CAPACITY, K_LOG_COUNT, K_LOG_LOST, K_LOG_ON, K_NEWEST, K_OLDEST,
  K_RECORDS, K_REFUSED, K_RUN, K_RUN_COUNT, K_RUN_LIST, FLAVOUR_USERSPACE, KIND_ANSWER, N_FLAGS, N_KIND, N_NEWER, N_NEXT, N_OLDER, N_ORIG, N_REPLY, N_RUN,
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

/** Bits of a hash that addresses and ports alone decide, the same for both directions. The others tell apart who asks: tracker, zone, direction. */
const SPOT_BITS: u32 = 24;

/**
 * The hash of a key. What a packet meets in all zones and trackers of its way, and what its answers meet, stands in one bucket, and was made at one
 * time, so that it stands together in memory, too: a run waits for a few places, not for two in each zone.
 */
function hashOf(tracker: u32, kind: u32, tuple: usize): u32 {
  // Products that wait for nothing but their own word; upper bits depend on all of them.
  const ports = load<u32>(tuple, TUPLE_PORTS);
  const one = load<u64>(tuple) * 0x9e37_79b9_7f4a_7c15 + load<u64>(tuple, 8) * 0xc2b2_ae3d_27d4_eb4f + <u64>(ports >>> 16) * 0xa076_1d64_78bd_642f;
  const other = load<u64>(tuple, 16) * 0x9e37_79b9_7f4a_7c15 + load<u64>(tuple, 24) * 0xc2b2_ae3d_27d4_eb4f + <u64>(ports & 0xffff) * 0xa076_1d64_78bd_642f;
  const spot = <u32>(((one ^ (one >>> 32)) + (other ^ (other >>> 32))) * 0xe703_7ed1_a0b4_28db >>> 40);
  const way = (<u32>(one >>> 40) ^ kind * 0x9e37_79b1 ^ tracker * 0x85eb_ca6b) * 0xc2b2_ae35;
  return spot | ((way >>> SPOT_BITS) << SPOT_BITS);
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
  return connOf(node) + (<usize>dirOf(node) << 2);
}

/** The node under a key, or 0. */
export function find(tracker: u32, kind: u32, tuple: usize): usize {
  const hash = hashOf(tracker, kind, tuple);
  let node: usize = load<u32>(K, K_COUNT) == 0 ? 0 : load<u32>(bucket(hash));
  while (node != 0) {
    const conn = connOf(node);
    if (kindOf(conn, dirOf(node)) == kind && <u32>load<u16>(conn, N_TRACKER) == tracker && sameTuple(tupleOf(conn, dirOf(node)), tuple)) {
      met(node);
      return node;
    }
    node = load<u32>(linkOf(node), N_NEXT);
  }
  missed(hash);
  return 0;
}

/** The hash of a node's key. */
function hashOfNode(node: usize): u32 {
  const conn = connOf(node);
  const dir = dirOf(node);
  return hashOf(<u32>load<u16>(conn, N_TRACKER), kindOf(conn, dir), tupleOf(conn, dir));
}

function enterNode(node: usize): void {
  const hash = hashOfNode(node);
  const head = bucket(hash);
  enters(hash);
  put(linkOf(node) + N_NEXT, load<u32>(head));
  put(head, <u32>node);
  setFlags(connOf(node), dirOf(node) ? CONN_REPLY_IN : CONN_ORIG_IN, 0);
}

/** Takes a node out of its bucket; a connection without nodes is taken out of the table. */
function leaveNode(node: usize): void {
  const conn = connOf(node);
  alters(conn);
  const link = linkOf(node);
  let at = bucket(hashOfNode(node));
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
  removeKey(<u32>load<u16>(conn, N_TRACKER), load<u32>(conn, N_KIND), conn + N_ORIG);
  removeKey(<u32>load<u16>(conn, N_TRACKER), kindOf(conn, 1), conn + N_REPLY);
}

/**
 * Enters a pending connection under both keys; a connection to itself has one key, and the original direction wins (linux: the
 * reply). Of two with one key the userspace tracker finds the newer.
 */
export function insert(conn: usize): void {
  const tracker = <u32>load<u16>(conn, N_TRACKER);
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
  const n = load<u32>(K, K_RUN_COUNT);
  store<u32>(load<usize>(K, K_RUN_LIST) + (<usize>n << 2), <u32>conn);
  store<u32>(K, n + 1, K_RUN_COUNT);
}

/** Clears a record. A loop of the engine's own beats a call for so few bytes. */
function clear(conn: usize): void {
  const zero = i64x2.splat(0);
  for (let i: usize = 0; i < CONN_BYTES; i += 32) {
    v128.store(conn + i, zero);
    v128.store(conn + i, zero, 16);
  }
}

/** A record for a connection of this run, pending and with no translation, mark or label; 0 if there is none. */
export function allocate(): usize {
  allocates();
  let conn = <usize>load<u32>(K, K_FREE);
  if (conn != 0) put(K + K_FREE, load<u32>(conn, N_NEXT));
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
  put(conn + N_NEXT, 0);
  clear(conn);
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
  // leaveNode put it on the run's list, from which it is taken again: it is the last.
  store<u32>(K, load<u32>(K, K_RUN_COUNT) - 1, K_RUN_COUNT);
  put(K + K_EVICTED, load<u32>(K, K_EVICTED) + 1);
}

/** Starts a run. */
export function beginRun(): void {
  clearMet();
  store<u32>(K, load<u32>(K, K_RUN) + 1, K_RUN);
  store<u32>(K, 0, K_LOG_COUNT);
  store<u32>(K, 0, K_LOG_LOST);
  store<u32>(K, 0, K_RUN_COUNT);
  if (load<u32>(K, K_COUNT) > load<u32>(K, K_BUCKET_MASK) && load<u32>(K, K_BUCKET_MASK) < load<u32>(K, K_BUCKET_MOST)) widen();
}

/** Gives the table twice the buckets. Between runs, for the undo log knows buckets by their addresses. */
function widen(): void {
  const mask = (load<u32>(K, K_BUCKET_MASK) << 1) | 1;
  store<u32>(K, mask, K_BUCKET_MASK);
  memory.fill(load<usize>(K, K_BUCKETS), 0, (<usize>mask + 1) << 2);
  for (let conn = <usize>load<u32>(K, K_OLDEST); conn != 0; conn = load<u32>(conn, N_NEWER)) {
    if (load<u32>(conn, N_FLAGS) & CONN_ORIG_IN) hang(conn);
    if (load<u32>(conn, N_FLAGS) & CONN_REPLY_IN) hang(conn | 1);
  }
}
function hang(node: usize): void {
  const head = bucket(hashOfNode(node));
  store<u32>(linkOf(node), load<u32>(head), N_NEXT);
  store<u32>(head, <u32>node);
}

/** Ends a run: records that are not in the table are free. */
export function endRun(): void {
  const list = load<usize>(K, K_RUN_LIST);
  for (let n = load<u32>(K, K_RUN_COUNT); n > 0; n--) {
    const conn = <usize>load<u32>(list + (<usize>(n - 1) << 2));
    setFlags(conn, 0, CONN_IN_RUN);
    if (load<u32>(conn, N_FLAGS) & CONN_BOTH_IN) continue;
    put(conn + N_NEXT, load<u32>(K, K_FREE));
    put(K + K_FREE, <u32>conn);
  }
}

/** Forgets all connections. Costs what is in the table, not what it could hold. */
export function forgetAll(): void {
  forgetsAll();
  let conn = <usize>load<u32>(K, K_OLDEST);
  while (conn != 0) {
    const newer = <usize>load<u32>(conn, N_NEWER);
    if (load<u32>(conn, N_FLAGS) & CONN_ORIG_IN) store<u32>(bucket(hashOfNode(conn)), 0);
    if (load<u32>(conn, N_FLAGS) & CONN_REPLY_IN) store<u32>(bucket(hashOfNode(conn | 1)), 0);
    conn = newer;
  }
  store<u32>(K, 0, K_FRESH);
  store<u32>(K, 0, K_FREE);
  store<u32>(K, 0, K_OLDEST);
  store<u32>(K, 0, K_NEWEST);
  store<u32>(K, 0, K_RUN_COUNT);
  store<u32>(K, 0, K_COUNT);
  store<u32>(K, 0, K_EVICTED);
  store<u32>(K, 0, K_REFUSED);
  store<u32>(K, 0, K_LOG_COUNT);
}
