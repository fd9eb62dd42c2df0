// Connection tracking and translation: packages/model/src/conntrack.ts tells what is meant, function by function.
import { S } from "./base";
import { alters, moves } from "./met";
import {
  allocate, connOf, copyTuple, dirOf, find, insert, invertTuple, isIcmp, isUserspace, kindOf, put, remove, setFlags, touch, tupleOf,
} from "./connections";
import {
  CT_DNAT, CT_EST, CT_INV, CT_NEW, CT_REL, CT_RPL, CT_SNAT, CT_TRK, F_CT_IPV6_DST, F_CT_IPV6_SRC, F_CT_LABEL, F_CT_MARK,
  F_CT_NW_DST, F_CT_NW_PROTO, F_CT_NW_SRC, F_CT_TP_DST, F_CT_TP_SRC, F_CT_ZONE, F_ETH_TYPE, F_ICMP_ID, F_ICMP_TYPE, F_INNER_DST,
  F_INNER_PROTO, F_INNER_SRC, F_INNER_TP_DST, F_INNER_TP_SRC, F_IPV6_DST, F_IPV6_SRC, F_IP_DST, F_IP_FRAG, F_IP_PROTO, F_IP_SRC,
  F_TCP_FLAGS, F_TP_DST, F_TP_SRC, TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, TCP_URG,
} from "./fields";
import {
  CONN_CLOSED, CONN_NAT_DST, CONN_NAT_SRC, CONN_PENDING, CONN_PROGRESS, CONN_PROGRESS_SHIFT, CONN_SEEN_REPLY, CT_TUPLE_BYTES, KIND_ANSWER, N_FLAGS, N_KIND,
  N_LABEL, N_MARK, N_ORIG, N_REPLY, N_TRACKER, RANGE_ADDRESS, RANGE_KEEP, RANGE_PORT, R_FLAGS, R_MAX, R_MIN, R_PORT_MAX, R_PORT_MIN,
  S_ANSWERED, S_TUPLES, TCP_END_CLOSING, TCP_END_ESTABLISHED, TCP_END_FIN_WAIT2, TCP_END_SYN_SENT, TCP_END_TIME_WAIT, TUPLE_DST, TUPLE_PORTS,
} from "./layout";

/** Ends of a packet, as bits. */
export const SRC: u32 = 1;
export const DST: u32 = 2;

/** What the last `track` found: a connection or 0, and the packet's direction in it. */
export let foundConn: usize = 0;
export let foundDir: u32 = 0;

// @ts-ignore: decorator
@inline
function get(row: usize, word: u32): u32 {
  return load<u32>(row + (word << 2));
}
// @ts-ignore: decorator
@inline
function set(row: usize, word: u32, value: u32): void {
  store<u32>(row + (word << 2), value);
}
// @ts-ignore: decorator
@inline
function hasPorts(proto: u32): bool {
  return proto == 6 || proto == 17 || proto == 132;
}
/** Scratch tuples. */
// @ts-ignore: decorator
@inline
function scratch(n: u32): usize {
  return S + S_TUPLES + n * CT_TUPLE_BYTES;
}

// @ts-ignore: decorator
@inline
function putAddress4(tuple: usize, word: u32): void {
  store<u64>(tuple, 0);
  store<u32>(tuple, 0, 8);
  store<u32>(tuple, word, 12);
}

/** ICMP messages that open a connection, and those that answer them. */
function isQuestion(v6: bool, t: u32): bool {
  return v6 ? t == 128 || t == 139 : t == 8 || t == 13 || t == 15 || t == 17;
}
function isAnswer(v6: bool, t: u32): bool {
  return v6 ? t == 129 || t == 140 : t == 0 || t == 14 || t == 16 || t == 18;
}
/** linux: neighbour and multicast listener discovery. */
function isUntracked(row: usize): bool {
  if (get(row, F_ETH_TYPE) != 0x86dd || get(row, F_IP_PROTO) != 58) return false;
  const t = get(row, F_ICMP_TYPE);
  return (t >= 130 && t <= 137) || t == 143;
}

// linux: the table of TCP states, a digit a state, the lowest first: see the model's LINUX_TCP.
const FORBIDDEN: u32 = 11;
const IGNORED: u32 = 10;
const LINUX_OWN: u32 = 0x10;

/** linux: the kernel's state of a TCP connection. */
function linuxTcpState(conn: usize): u32 {
  const at = progressOf(conn);
  if ((at & 0xf0) == LINUX_OWN) return at & 15;
  const flags = load<u32>(conn, N_FLAGS);
  return flags & CONN_CLOSED ? 7 : flags & CONN_SEEN_REPLY ? 3 : 1;
}
/** linux: a replay knows that an answer was seen. */
// @ts-ignore: decorator
@inline
function answeredState(state: u32): u32 {
  return state == 1 && load<u32>(S, S_ANSWERED) ? 3 : state;
}
/** linux: what a segment makes of a state. */
function linuxTcpNext(state: u32, dir: u32, flags: u32): u32 {
  switch (flags & 0x37) {
    case 0x02: case 0x22: case 0x12: case 0x04: case 0x14: case 0x11: case 0x31: case 0x10: case 0x30:
      break;
    default:
      return FORBIDDEN;
  }
  let row: u64;
  if (flags & TCP_RST) row = 0x888888888b;
  else if (flags & TCP_SYN) {
    if (flags & TCP_ACK) row = dir ? 0x2aaaaaaa2b : 0x2bbbbbb2bb;
    else row = dir ? 0x9b1bbbbb9b : 0x911aaaaa11;
  } else if (flags & TCP_FIN) row = 0xb8766644bb;
  else row = dir ? 0xa8775532ab : 0xb8775533b3;
  return <u32>(row >>> (state << 2)) & 15;
}

/** The tuple of a packet's own header to `tuple`; returns v6 << 8 | protocol, or -1 if it cannot be tracked. */
function readTuple(row: usize, tuple: usize): i32 {
  const type = get(row, F_ETH_TYPE);
  if (type != 0x0800 && type != 0x86dd) return -1;
  if (get(row, F_IP_FRAG) & 2) return -1;
  const proto = get(row, F_IP_PROTO);
  const kind = proto | (type == 0x86dd ? 0x100 : 0);
  if (type == 0x86dd) {
    v128.store(tuple, v128.load(row, F_IPV6_SRC << 2));
    v128.store(tuple, v128.load(row, F_IPV6_DST << 2), TUPLE_DST);
  } else {
    putAddress4(tuple, get(row, F_IP_SRC));
    putAddress4(tuple + TUPLE_DST, get(row, F_IP_DST));
  }
  let ports: u32 = 0;
  if (isIcmp(kind)) {
    const t = get(row, F_ICMP_TYPE);
    const v6 = type == 0x86dd;
    if (!isQuestion(v6, t) && !isAnswer(v6, t)) return -1;
    const id = get(row, F_ICMP_ID);
    ports = (id << 16) | id;
  } else if (hasPorts(proto)) ports = (get(row, F_TP_SRC) << 16) | get(row, F_TP_DST);
  store<u32>(tuple, ports, TUPLE_PORTS);
  return kind;
}

/** Flags that no TCP sends. */
function oddFlags(flags: u32): bool {
  if (flags & TCP_SYN ? (flags & (TCP_RST | TCP_FIN)) != 0 : (flags & (TCP_ACK | TCP_RST)) == 0) return true;
  return (flags & TCP_ACK) == 0 && (flags & (TCP_FIN | TCP_PSH | TCP_URG)) != 0;
}

function mayOpen(row: usize, kind: u32, flags: u32, tracker: u32): bool {
  if (isIcmp(kind)) return isQuestion((kind & 0x100) != 0, get(row, F_ICMP_TYPE));
  if ((kind & 0xff) != 6) return true;
  if (isUserspace(tracker)) return !oddFlags(flags) && (flags & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK);
  return linuxTcpNext(0, 0, flags) != FORBIDDEN;
}

function progressOf(conn: usize): u32 {
  return (load<u32>(conn, N_FLAGS) & CONN_PROGRESS) >>> CONN_PROGRESS_SHIFT;
}
/** `settled`: see `moves`. */
function setProgress(conn: usize, from: u32, to: u32, settled: bool): void {
  if (from == to) return;
  moves(conn, settled);
  setFlags(conn, to << CONN_PROGRESS_SHIFT, CONN_PROGRESS);
}

/** userspace: a SYN alone ends a connection (that is `at`) of which both ends are done, and may begin another. */
function isOver(conn: usize, at: u32, flags: u32): bool {
  const both = min<u32>(at & 15, at >>> 4);
  return (load<u32>(conn, N_KIND) & 0xff) == 6 && !oddFlags(flags) && (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && both >= TCP_END_FIN_WAIT2;
}

/** userspace: what a packet makes of a connection that is `at`: ct_state, without trk, << 8 | where it is then. */
function advanced(tcp: bool, at: u32, dir: u32, flags: u32): u32 {
  // A replay knows that an answer was seen.
  if (load<u32>(S, S_ANSWERED)) {
    if (!tcp) at = 1;
    else if (at >>> 4 == 0) at = TCP_END_ESTABLISHED * 17;
  }
  const valid = dir ? CT_EST | CT_RPL : CT_EST;
  if (!tcp) return ((dir == 0 && at == 0 ? CT_NEW : valid) << 8) | (dir ? 1 : at);
  const shift: u32 = dir ? 4 : 0;
  let own = (at >>> shift) & 15;
  let other = (at >>> (4 - shift)) & 15;
  const alone = (flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && own <= TCP_END_SYN_SENT;
  own = max<u32>(own, TCP_END_SYN_SENT);
  if (!alone) {
    if (flags & TCP_FIN) own = max<u32>(own, TCP_END_CLOSING);
    if ((flags & TCP_ACK) != 0 && other == TCP_END_SYN_SENT) other = TCP_END_ESTABLISHED;
    else if ((flags & TCP_ACK) != 0 && other == TCP_END_CLOSING) other = TCP_END_FIN_WAIT2;
    if (flags & TCP_RST) own = other = TCP_END_TIME_WAIT;
  }
  return ((alone ? CT_NEW : valid) << 8) | (own << shift) | (other << (4 - shift));
}

/** userspace: moves a connection on by a packet, and tells the packet's state, without trk. */
function update(conn: usize, dir: u32, flags: u32): u32 {
  const tcp = (load<u32>(conn, N_KIND) & 0xff) == 6;
  if (tcp && oddFlags(flags)) return CT_INV;
  const had = progressOf(conn);
  const now = advanced(tcp, had, dir, flags);
  const at = now & 0xff;
  if (at != had) setProgress(conn, had, at, !isOver(conn, at, flags) && advanced(tcp, at, dir, flags) == now);
  return now >>> 8;
}

/** userspace: a packet that this tracker has translated comes to it again in the same zone. Returns its ct_state. */
export function again(row: usize, conn: usize, dir: u32, state: u32): u32 {
  if (get(row, F_INNER_PROTO) != 0) return state;
  const now = update(conn, dir, get(row, F_TCP_FLAGS));
  if (now == CT_INV) return CT_TRK | CT_INV;
  return (now & CT_EST ? state & ~CT_NEW : state) | now;
}

/** Forgets a connection. */
export function forget(conn: usize): void {
  remove(conn);
}

/** The connection that an ICMP error is about: the node of its direction, or 0. */
function findQuoted(row: usize, tracker: u32, zone: u32, innerProto: u32): usize {
  const v6 = get(row, F_ETH_TYPE) == 0x86dd;
  // An error goes to the sender of the packet that it quotes.
  if (v6 ? v128.any_true(v128.xor(v128.load(row, F_IPV6_DST << 2), v128.load(row, F_INNER_SRC << 2))) : !isAddress4(row, F_INNER_SRC, get(row, F_IP_DST)))
    return 0;
  const tuple = scratch(0);
  // The inverse of the quoted tuple.
  v128.store(tuple, v128.load(row, F_INNER_DST << 2));
  v128.store(tuple, v128.load(row, F_INNER_SRC << 2), TUPLE_DST);
  store<u32>(tuple, (get(row, F_INNER_TP_DST) << 16) | get(row, F_INNER_TP_SRC), TUPLE_PORTS);
  const kind = (zone << 16) | (v6 ? 0x100 : 0) | innerProto;
  if (isIcmp(kind)) {
    // Of a quoted echo the row does not tell what it is: a request, which an answer would meet, if there is such a connection.
    const node = find(tracker, kind | KIND_ANSWER, tuple);
    if (node != 0) return node;
  }
  return find(tracker, kind, tuple);
}
/** Whether four words at `word` are the IPv4 address. */
function isAddress4(row: usize, word: u32, address: u32): bool {
  return (get(row, word) | get(row, word + 1) | get(row, word + 2)) == 0 && get(row, word + 3) == address;
}

/** Looks a packet up: returns its ct_state and leaves its connection in foundConn and foundDir; a new one is made but not entered. */
export function track(row: usize, tracker: u32, zone: u32, force: bool): u32 {
  foundConn = 0;
  foundDir = 0;
  const innerProto = get(row, F_INNER_PROTO);
  if (innerProto != 0) {
    const node = findQuoted(row, tracker, zone, innerProto);
    if (node == 0) return CT_TRK | CT_INV;
    if (force && dirOf(node)) {
      remove(connOf(node));
      return CT_TRK | CT_INV;
    }
    foundConn = connOf(node);
    foundDir = dirOf(node);
    touch(foundConn);
    return CT_TRK | CT_REL | (foundDir ? CT_RPL : 0);
  }
  const tuple = scratch(0);
  const known = readTuple(row, tuple);
  const userspace = isUserspace(tracker);
  if (known < 0) return !userspace && isUntracked(row) ? 0 : CT_TRK | CT_INV;
  const kind = <u32>known | (zone << 16);
  const flags = (kind & 0xff) == 6 ? get(row, F_TCP_FLAGS) : 0;
  const answer = isIcmp(kind) && isAnswer((kind & 0x100) != 0, get(row, F_ICMP_TYPE));
  const tcp = !userspace && (kind & 0xff) == 6;
  let next: u32 = 0;
  let node = find(tracker, answer ? kind | KIND_ANSWER : kind, tuple);
  if (node != 0) {
    const conn = connOf(node);
    let reopens = false;
    if (userspace) reopens = isOver(conn, progressOf(conn), flags);
    else if (tcp) {
      const state = answeredState(linuxTcpState(conn));
      next = linuxTcpNext(state, dirOf(node), flags);
      reopens = next == 1 && state >= 7;
    }
    if (reopens || (force && dirOf(node) != 0)) {
      remove(conn);
      node = 0;
    }
  }
  if (node != 0) {
    const conn = connOf(node);
    const dir = dirOf(node);
    if (tcp && next == FORBIDDEN) return CT_TRK | CT_INV;
    touch(conn);
    foundConn = conn;
    foundDir = dir;
    if (userspace) return CT_TRK | update(conn, dir, flags);
    const had = load<u32>(conn, N_FLAGS);
    if (tcp) {
      if (next != IGNORED) {
        const then = linuxTcpNext(answeredState(next), dir, flags);
        setProgress(conn, progressOf(conn), LINUX_OWN | next, (then == next || then == IGNORED) && !(then == 1 && next >= 7));
      }
      if ((flags & TCP_RST) != 0 && (had & CONN_SEEN_REPLY) == 0) remove(conn);
    }
    const add = dir || load<u32>(S, S_ANSWERED) ? CONN_SEEN_REPLY : 0;
    if ((had & add) != add) {
      // The next one finds the mark, and is told the same, unless the mark is all that tells the state.
      moves(conn, !tcp || (progressOf(conn) & 0xf0) == LINUX_OWN);
      setFlags(conn, add, 0);
    }
    return CT_TRK | (dir ? CT_EST | CT_RPL : (had | add) & CONN_SEEN_REPLY ? CT_EST : CT_NEW);
  }
  if (!mayOpen(row, kind, flags, tracker)) return CT_TRK | CT_INV;
  const conn = allocate();
  // No room: counted there, and the packet is what it would be to a full kernel table.
  if (conn == 0) return CT_TRK | CT_INV;
  store<u32>(conn, kind, N_KIND);
  store<u16>(conn, <u16>tracker, N_TRACKER);
  if (tcp) setFlags(conn, (LINUX_OWN | linuxTcpNext(0, 0, flags)) << CONN_PROGRESS_SHIFT, 0);
  else if ((kind & 0xff) == 6) setFlags(conn, TCP_END_SYN_SENT << CONN_PROGRESS_SHIFT, 0);
  copyTuple(conn + N_ORIG, tuple);
  invertTuple(conn + N_REPLY, tuple);
  foundConn = conn;
  return CT_TRK | CT_NEW;
}

// @ts-ignore: decorator
@inline
export function pending(conn: usize): bool {
  return (load<u32>(conn, N_FLAGS) & CONN_PENDING) != 0;
}

function change(row: usize, word: u32, value: u32): bool {
  if (get(row, word) == value) return false;
  set(row, word, value);
  return true;
}
/** Four words. */
function changeWide(row: usize, word: u32, from: usize): bool {
  const at = row + (word << 2);
  if (!v128.any_true(v128.xor(v128.load(at), v128.load(from)))) return false;
  v128.store(at, v128.load(from));
  return true;
}

/** Writes one end of `target` into the packet; its port alone without `whole`. Returns whether something changed. */
function writeEnd(row: usize, target: usize, kind: u32, end: u32, whole: bool): bool {
  const src = end == SRC;
  const address = src ? target : target + TUPLE_DST;
  const ports = load<u32>(target, TUPLE_PORTS);
  const port = src ? ports >>> 16 : ports & 0xffff;
  const proto = kind & 0xff;
  let changed = false;
  if (whole)
    changed =
      kind & 0x100
        ? changeWide(row, src ? F_IPV6_SRC : F_IPV6_DST, address)
        : change(row, src ? F_IP_SRC : F_IP_DST, load<u32>(address, 12));
  if (get(row, F_INNER_PROTO) != 0) {
    // The quoted packet goes the other way: its destination is where the outer one comes from.
    if (whole) changed = changeWide(row, src ? F_INNER_DST : F_INNER_SRC, address) || changed;
    if (proto != 1 && proto != 58) changed = change(row, src ? F_INNER_TP_DST : F_INNER_TP_SRC, port) || changed;
    else if (!src) {
      changed = change(row, F_INNER_TP_SRC, port) || changed;
      changed = change(row, F_INNER_TP_DST, port) || changed;
    }
  } else if (hasPorts(proto)) changed = change(row, src ? F_TP_SRC : F_TP_DST, port) || changed;
  else if (isIcmp(kind)) changed = change(row, F_ICMP_ID, port) || changed;
  return changed;
}

/** The snat and dnat bits of a packet of that direction: to an answer the reverse is done. */
export function doneBits(conn: usize, dir: u32): u32 {
  const bits = natBits(conn);
  if (dir == 0) return bits;
  return (bits & CT_DNAT ? CT_SNAT : 0) | (bits & CT_SNAT ? CT_DNAT : 0);
}

/** The snat and dnat bits of a connection. */
export function natBits(conn: usize): u32 {
  const flags = load<u32>(conn, N_FLAGS);
  return (flags & CONN_NAT_SRC ? CT_SNAT : 0) | (flags & CONN_NAT_DST ? CT_DNAT : 0);
}

/** Translates a packet of a known connection at the ends given. Returns whether it changed. */
export function translate(row: usize, conn: usize, dir: u32, ends: u32): bool {
  const flags = load<u32>(conn, N_FLAGS);
  if ((flags & (CONN_NAT_SRC | CONN_NAT_DST)) == 0) return false;
  const target = scratch(0);
  invertTuple(target, tupleOf(conn, dir ^ 1));
  const kind = load<u32>(conn, N_KIND);
  let changed = false;
  // The reply direction undoes a source translation at its destination, and the other way round. The userspace tracker
  // writes both ports: a clash of nat(dst) is resolved on the source port.
  const userspace = isUserspace(<u32>load<u16>(conn, N_TRACKER));
  const source = (flags & (dir ? CONN_NAT_DST : CONN_NAT_SRC)) != 0;
  const destination = (flags & (dir ? CONN_NAT_SRC : CONN_NAT_DST)) != 0;
  if (ends & SRC && (source || userspace)) changed = writeEnd(row, target, kind, SRC, source);
  if (ends & DST && (destination || userspace)) changed = writeEnd(row, target, kind, DST, destination) || changed;
  return changed;
}

/** Whether no other connection of the tracker has the inverse of scratch tuple 1 as a key. */
function isFree(conn: usize): bool {
  const wanted = scratch(2);
  invertTuple(wanted, scratch(1));
  const node = find(<u32>load<u16>(conn, N_TRACKER), kindOf(conn, 1), wanted);
  return node == 0 || connOf(node) == conn;
}

// @ts-ignore: decorator
@inline
function tryPorts(conn: usize, sport: u32, dport: u32): bool {
  store<u32>(scratch(1), (sport << 16) | dport, TUPLE_PORTS);
  return isFree(conn);
}

/** Finds free ports for scratch tuple 1 (the packet as it shall leave); `own` are those that it has. */
function choosePorts(conn: usize, end: u32, range: usize, kind: u32, own: u32): bool {
  const sport = own >>> 16;
  const dport = own & 0xffff;
  const src = end == SRC;
  const icmp = isIcmp(kind);
  const userspace = isUserspace(<u32>load<u16>(conn, N_TRACKER));
  const proto = kind & 0xff;
  if (!(userspace ? proto == 6 || proto == 17 : hasPorts(proto) || (src && icmp))) return tryPorts(conn, sport, dport);
  const ranged = (load<u32>(range, R_FLAGS) & RANGE_PORT) != 0;
  if (ranged) {
    const last = load<u32>(range, R_PORT_MAX);
    // linux leaves a port that lies in the range as it is.
    const mine = src ? sport : dport;
    if (!userspace && mine >= load<u32>(range, R_PORT_MIN) && mine <= last && tryPorts(conn, sport, dport)) return true;
    for (let p = load<u32>(range, R_PORT_MIN); p <= last; p++) {
      if (src ? tryPorts(conn, p, icmp ? p : dport) : tryPorts(conn, sport, p)) return true;
    }
    if (src) return false;
  } else if (tryPorts(conn, sport, dport)) return true;
  const wanted = ranged ? load<u32>(range, R_PORT_MIN) : dport;
  const first = userspace ? sport : max<u32>(sport, 1023);
  for (let i: u32 = 1; i <= 64512; i++) {
    const p = first + i <= 65535 ? first + i : 1024 + ((first + i - 65536) % 64512);
    if (src ? tryPorts(conn, p, icmp ? p : dport) : tryPorts(conn, p, wanted)) return true;
  }
  return false;
}

/** userspace: binds `nat` without a range to a pending connection, which no answer then meets. False: no free tuple. */
export function bindNothing(conn: usize): bool {
  const kind = load<u32>(conn, N_KIND);
  const proto = kind & 0xff;
  const reply = scratch(0);
  copyTuple(reply, conn + N_REPLY);
  v128.store(reply, i64x2.splat(0));
  if (proto == 6 || proto == 17) store<u32>(reply, load<u32>(reply, TUPLE_PORTS) & 0xffff0000, TUPLE_PORTS);
  if (find(<u32>load<u16>(conn, N_TRACKER), kindOf(conn, 1), reply) != 0) return false;
  copyTuple(conn + N_REPLY, reply);
  return true;
}

/** Bits of `bind`'s result. */
export const BOUND: u32 = 1;
export const CHANGED: u32 = 2;

/** Binds a range to a pending connection and translates the packet. 0: no free tuple. */
export function bindRange(row: usize, conn: usize, end: u32, range: usize): u32 {
  const kind = load<u32>(conn, N_KIND);
  const chosen = scratch(1);
  invertTuple(chosen, conn + N_REPLY);
  const own = load<u32>(chosen, TUPLE_PORTS);
  const address = end == SRC ? chosen : chosen + TUPLE_DST;
  let differs = false;
  if (load<u32>(range, R_FLAGS) & RANGE_ADDRESS) {
    let wanted = v128.load(range, R_MIN);
    if (load<u32>(range, R_FLAGS) & RANGE_KEEP) wanted = v128.or(wanted, v128.and(v128.load(address), v128.load(range, R_MAX)));
    differs = v128.any_true(v128.xor(v128.load(address), wanted));
    v128.store(address, wanted);
  }
  if (!choosePorts(conn, end, range, kind, own)) return 0;
  const ports = load<u32>(chosen, TUPLE_PORTS);
  differs = differs || ports != own;
  invertTuple(conn + N_REPLY, chosen);
  if (differs || isUserspace(<u32>load<u16>(conn, N_TRACKER))) setFlags(conn, end == SRC ? CONN_NAT_SRC : CONN_NAT_DST, 0);
  let changed = writeEnd(row, chosen, kind, end, true);
  // A clash resolved on the other end's port.
  if (end == DST && ports >>> 16 != own >>> 16) changed = writeEnd(row, chosen, kind, SRC, true) || changed;
  return changed ? BOUND | CHANGED : BOUND;
}

/** Enters a pending connection. */
export function enter(conn: usize): void {
  insert(conn);
}

/** Writes mark and label of the row to the connection. */
export function writeMark(conn: usize, row: usize): void {
  if (load<u32>(conn, N_MARK) == get(row, F_CT_MARK) && !v128.any_true(v128.xor(v128.load(conn, N_LABEL), v128.load(row, F_CT_LABEL << 2)))) return;
  alters(conn);
  put(conn + N_MARK, get(row, F_CT_MARK));
  for (let i: usize = 0; i < 16; i += 4) put(conn + N_LABEL + i, load<u32>(row + i, F_CT_LABEL << 2));
}
/** Reads mark and label of the connection into the row. */
export function readMark(conn: usize, row: usize): void {
  set(row, F_CT_MARK, load<u32>(conn, N_MARK));
  v128.store(row, v128.load(conn, N_LABEL), F_CT_LABEL << 2);
}

/** Writes what tracking tells into the row's ct_ fields, all but ct_state. */
export function writeCtFields(row: usize, zone: u32, conn: usize): void {
  const zero = i64x2.splat(0);
  set(row, F_CT_ZONE, zone);
  set(row, F_CT_NW_SRC, 0);
  set(row, F_CT_NW_DST, 0);
  v128.store(row, zero, F_CT_IPV6_SRC << 2);
  v128.store(row, zero, F_CT_IPV6_DST << 2);
  if (conn == 0) {
    set(row, F_CT_MARK, 0);
    v128.store(row, zero, F_CT_LABEL << 2);
    set(row, F_CT_NW_PROTO, 0);
    set(row, F_CT_TP_SRC, 0);
    set(row, F_CT_TP_DST, 0);
    return;
  }
  readMark(conn, row);
  const orig = conn + N_ORIG;
  const kind = load<u32>(conn, N_KIND);
  set(row, F_CT_NW_PROTO, kind & 0xff);
  if (kind & 0x100) {
    v128.store(row, v128.load(orig), F_CT_IPV6_SRC << 2);
    v128.store(row, v128.load(orig, TUPLE_DST), F_CT_IPV6_DST << 2);
  } else {
    set(row, F_CT_NW_SRC, load<u32>(orig, 12));
    set(row, F_CT_NW_DST, load<u32>(orig, TUPLE_DST + 12));
  }
  const ports = load<u32>(orig, TUPLE_PORTS);
  set(row, F_CT_TP_SRC, ports >>> 16);
  set(row, F_CT_TP_DST, ports & 0xffff);
}
