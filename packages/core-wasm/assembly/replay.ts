// Replay: records of a pcap, staged by the host, are decoded; what enters at the capture point runs through the whole
// network, and every packet is folded into its flow and its path. Nothing crosses to the host but what it must do: stage
// more bytes, make room, look at a path that is new.
//
// A new path is shown to the host before its packet is folded in: the host may take the run's changes back, run it again
// with recording, and come back here.
//
// Most packets are like one of their flow that ran before, and do not get here: skim.ts counts them, or, where they are not plain,
// the comparison of sides below does. What a packet comes to is remembered (trajectory.ts) when nothing was changed by it: no
// connection, and no mark on another flow.
import { K, S } from "./base";
import { quotedTuple } from "./answers";
import { decode, decodeInner } from "./decode";
import { addFlow, addPath, answerTuple, findFlow, findPath, flowNumber, flowTuple, otherWay, pathAt } from "./flows";
import { writeSide } from "./keys";
import { allocated, attend, depend, isStable } from "./met";
import { partOfRow } from "./part";
import { skim } from "./skim";
import { add, count, drop, hit, lineAt, remember } from "./trajectory";
import {
  F_ETH_DST, F_ETH_SRC, F_ETH_TYPE, F_ICMP_CODE, F_ICMP_TYPE, F_INNER_DST, F_INNER_PROTO, F_INNER_SRC, F_INNER_TP_DST, F_INNER_TP_SRC,
  F_IP_DST, F_IP_FRAG, F_IP_PROTO, F_IP_SRC, F_IP_TTL, F_NW_TOS, F_PACKET_LEN, F_TCP_FLAGS, F_TP_DST, F_TP_SRC, F_TUN_ID,
  F_TUN_METADATA0, F_VLAN_TCI, TCP_ACK, TCP_SYN,
} from "./fields";
import {
  A_BYTES, A_FLOWS, A_ORDER, A_PACKETS, B_ETH, B_FLAGS, B_LENGTH, B_TCI, B_TOS, B_TTL, B_TUNNEL_DST, B_TUNNEL_ETH, B_TUNNEL_KEY, B_TUNNEL_OPTION,
  B_TUNNEL_PORT, B_TUNNEL_SRC, COUNT_BYTES, COUNT_ENTERING, COUNT_FLOWLESS, COUNT_FOREIGN, COUNT_FRAGMENTS, COUNT_FRAMES, COUNT_LEAVING,
  COUNT_PATHLESS, COUNT_REPLIES, COUNT_RUN, COUNT_SENT, COUNT_TUNNELLED, COUNT_UNQUOTED, CT_TUPLE_BYTES, DECODE_IPV4, DECODE_IPV6,
  CLASS_ALLOCATES, CLASS_LEAVING, CLASS_REPLY, CLASS_RUN, CLASS_SENT, CLASS_TUNNELLED, CLASS_V6, FLOW_FIRST_BYTES, FLOW_LEAVING, J_LENGTH, J_RUN, J_SIDE, K_CAPACITY, K_FRESH, K_RUN, LEAF_REJECTED, FLOW_TUNNELLED, NONE, POINT_ALL, POINT_BY, POINT_FROM, RECORD_HEADER, REPLAY_CORRUPT,
  REPLAY_FLOWS_FULL, REPLAY_HUNGRY, REPLAY_NEW_PATH, R_CACHE_LIMIT, R_CLASS, R_DECODING, R_DEVICE, R_FLOW, R_FLOW_COUNT, R_FLOW_GONE, R_FLOW_LIMIT, R_FLOW_MOST,
  R_FLOW_STRIDE, R_FOLDING, R_LENGTH, R_LENGTH_MASK, R_MACS, R_MAC_COUNT, R_MAX_RECORD, R_OWN, R_ORDINAL, R_OWN_COUNT, R_PART, R_PARTS, R_PATH_COUNT, R_PATH_LIMIT, R_PENDING,
  R_POINT, R_PORT, R_RUN, R_RUNNING, R_SENT, R_SIDE_0, R_SIDE_LENGTH, R_SPAN_FROM, R_SPAN_TO, R_STAGE, R_STAGED, R_SWAPPED, R_TICK, R_TIMED_IN, R_TIME_LOW,
  R_TUNNEL_ADDRESSES, R_TUNNEL_COUNT, R_TUNNEL_OPTION, R_TUNNEL_PORT, R_USED, SEEN_ANSWER, SEEN_AS_REPLY, SEEN_EXPIRED, SEEN_OPENING,
  SEEN_REFUSED, SEEN_RESET, SEEN_TO_SENDER, SEEN_UNREACHABLE, S_ANSWERED, S_HAS_INNER, S_INNER_ROW, S_INPUT_ROW, S_LEAF, S_LEAF_DEVICE,
  S_LEAF_REJECTED, S_LEAF_TEXT, S_PATH_LOW, S_RESULT_ROW, S_TUPLES, TIMED_EVERY, TUPLE_DST, TUPLE_PORTS, W_BYTES, W_FINAL, W_FINAL_KIND,
  W_FIRST, W_KIND, W_LAST, W_LEAF, W_LEAF_DEVICE, W_ORDER, W_OTHER_PATH, W_PACKETS, W_PATH, W_SEEN, W_TCP_FLAGS, W_TEXT,
} from "./layout";
import { run } from "./machine";

/** Whether the MAC at `row + word` is one of the capture point's. */
function isLocal(r: usize, row: usize, word: u32): bool {
  const at = row + (word << 2);
  let m = <usize>load<u32>(r, R_MACS);
  for (let n = load<u32>(r, R_MAC_COUNT); n > 0; n--) {
    if (load<u64>(m) == load<u64>(at)) return true;
    m += 8;
  }
  return false;
}

const LEAVES: u32 = 0;
const ENTERS: u32 = 1;
const PASSES: u32 = 2;

/** Whether a frame enters the device at the capture point, leaves it, or is none of its business. */
function direction(r: usize, row: usize): u32 {
  const point = load<u32>(r, R_POINT);
  if (point == POINT_ALL) return ENTERS;
  const fromLocal = isLocal(r, row, F_ETH_SRC);
  if (point == POINT_FROM) return fromLocal ? LEAVES : ENTERS;
  if (point == POINT_BY) return fromLocal ? ENTERS : LEAVES;
  if (isLocal(r, row, F_ETH_DST)) return ENTERS;
  if (fromLocal) return LEAVES;
  return load<u32>(row, F_ETH_DST << 2) & 0x100 ? ENTERS : PASSES;
}

/** The host's clock in milliseconds. */
// @ts-ignore: decorator
@external("env", "now")
declare function now(): f64;

// @ts-ignore: decorator
@inline
function addTime(r: usize, counter: u32, since: f64): f64 {
  const time = now();
  const at = r + <usize>counter;
  store<f64>(at, load<f64>(at) + time - since);
  return time;
}

/** Works through the staged records. Returns a REPLAY_STATUS; R_USED says how far it came. */
export function replay(r: usize): u32 {
  const row = S + S_INPUT_ROW;
  const tuple = S + S_TUPLES;
  attend(load<u32>(r, R_CACHE_LIMIT) ? r : 0);
  if (load<u32>(r, R_PENDING)) {
    store<u32>(r, 0, R_PENDING);
    fold(r, load<u32>(r, R_FLOW));
  }
  const swapped = load<u32>(r, R_SWAPPED) != 0;
  const end = load<u32>(r, R_STAGED);
  const stage = load<usize>(r, R_STAGE);
  while (true) {
    const used = skim(r, load<u32>(r, R_USED), end);
    store<u32>(r, used, R_USED);
    if (used + RECORD_HEADER > end) return REPLAY_HUNGRY;
    const p = stage + used;
    let seconds = load<u32>(p);
    let fraction = load<u32>(p, 4);
    let captured = load<u32>(p, 8);
    let length = load<u32>(p, 12);
    if (swapped) {
      seconds = bswap<u32>(seconds);
      fraction = bswap<u32>(fraction);
      captured = bswap<u32>(captured);
      length = bswap<u32>(length);
    }
    if (captured > load<u32>(r, R_MAX_RECORD)) return REPLAY_CORRUPT;
    if (captured > end - used - RECORD_HEADER) return REPLAY_HUNGRY;
    const left = load<u32>(r, R_TIMED_IN);
    const timed = left == 0;
    store<u32>(r, timed ? TIMED_EVERY - 1 : left - 1, R_TIMED_IN);
    let clock: f64 = timed ? now() : 0;
    let kind = decode(p + RECORD_HEADER, captured, length, row);
    let flow: usize = 0;
    let way = PASSES;
    let about = row;
    if (kind <= DECODE_IPV6) {
      way = direction(r, row);
      if (kind == DECODE_IPV4 && way != PASSES && endsTunnel(r, row, way)) {
        about = S + S_INNER_ROW;
        kind = decodeInner(p + RECORD_HEADER, captured, length, load<u32>(r, R_TUNNEL_OPTION), about);
        if (kind > DECODE_IPV6) way = PASSES;
      }
    }
    if (load<u32>(r, R_PARTS) > 1 && (kind <= DECODE_IPV6 ? partOfRow(r, about) : 0) != load<u32>(r, R_PART)) {
      store<u32>(r, used + RECORD_HEADER + captured, R_USED);
      add(r + R_ORDINAL, 1);
      continue;
    }
    const tunnelled = about != row;
    const entering = way == ENTERS;
    let sent = false;
    const marks = (entering ? 0 : FLOW_LEAVING) | (tunnelled ? FLOW_TUNNELLED : 0);
    if (way != PASSES) {
      const key = flowTuple(about, tuple) | marks;
      sent = way == LEAVES && !tunnelled && isOwn(r, tuple);
      flow = findFlow(r, key, tuple);
      if (flow == 0) {
        const flows = load<u32>(r, R_FLOW_COUNT) - load<u32>(r, R_FLOW_GONE);
        if (flows < load<u32>(r, R_FLOW_MOST)) {
          flow = addFlow(r, key, tuple);
          store<u64>(flow, load<u64>(r, R_ORDINAL), W_ORDER);
          // Packets of the other direction now find one that they answer.
          const other = otherWay(r, flow, S + S_TUPLES + CT_TUPLE_BYTES);
          if (other != 0) drop(r, flowNumber(r, other));
        }
        // The host makes room, and this record is read again; at the limit the packet still counts everywhere else.
        else if (flows < load<u32>(r, R_FLOW_LIMIT)) return REPLAY_FLOWS_FULL;
        else count(r, COUNT_FLOWLESS, 1);
      }
    }
    store<u32>(r, used + RECORD_HEADER + captured, R_USED);
    add(r + R_ORDINAL, 1);
    const time = <u64>seconds * 1_000_000_000 + <u64>fraction * <u64>load<u32>(r, R_TICK);
    store<u64>(r, time, R_TIME_LOW);
    if (time < load<u64>(r, R_SPAN_FROM)) store<u64>(r, time, R_SPAN_FROM);
    if (time > load<u64>(r, R_SPAN_TO)) store<u64>(r, time, R_SPAN_TO);
    count(r, COUNT_FRAMES, 1);
    count(r, COUNT_BYTES, length);
    store<u32>(r, NONE, R_CLASS);
    if (flow != 0 && load<u32>(r, R_CACHE_LIMIT) && !load<u32>(about, F_IP_FRAG << 2) && !load<u32>(about, F_INNER_PROTO << 2)) {
      writeSide(r, p + RECORD_HEADER, captured, length, row, about);
      const line = lineAt(r, flowNumber(r, flow));
      if (isSame(r, line)) {
        store<u32>(K, load<u32>(K, K_RUN) + 1, K_RUN);
        store<u32>(line, load<u32>(K, K_RUN), J_RUN);
        hit(r, line, time, length, load<u32>(about, F_IP_PROTO << 2) == 6 ? load<u32>(about, F_TCP_FLAGS << 2) : 0);
        continue;
      }
      store<u32>(r, (entering ? 0 : CLASS_LEAVING) | (tunnelled ? CLASS_TUNNELLED : 0) | (kind == DECODE_IPV6 ? CLASS_V6 : 0), R_CLASS);
    }
    count(r, kind, 1);
    if (timed) clock = addTime(r, R_DECODING, clock);
    if (kind > DECODE_IPV6) continue;
    if (way == PASSES) {
      count(r, COUNT_FOREIGN, 1);
      continue;
    }
    if (load<u32>(about, F_IP_FRAG << 2)) count(r, COUNT_FRAGMENTS, 1);
    if (isUnquoted(about)) count(r, COUNT_UNQUOTED, 1);
    if (tunnelled) count(r, COUNT_TUNNELLED, 1);
    store<u32>(S, tunnelled ? 1 : 0, S_HAS_INNER);
    store<u32>(r, length, R_LENGTH);
    store<u32>(r, <u32>flow, R_FLOW);
    count(r, entering ? COUNT_ENTERING : COUNT_LEAVING, 1);
    if (flow != 0 && load<u64>(flow, W_PACKETS) == 0) {
      begins(r, flow, about, marks);
      if (load<u32>(r, R_FLOW_STRIDE) == FLOW_FIRST_BYTES) keepFirst(flow, row, about);
    }
    const isReply = flow != 0 && isAnswer(r, flow, about, marks);
    marked = false;
    if (!entering || isReply) answered(r, about, marks);
    if (marked) store<u32>(r, NONE, R_CLASS);
    const reply = entering && isReply;
    if (reply) {
      count(r, COUNT_REPLIES, 1);
      counts(r, CLASS_REPLY);
    }
    sent = sent && !isReply;
    if ((!entering && !sent) || reply || !load<u32>(r, R_RUN)) {
      if (flow != 0) {
        foldFlow(r, flow, about);
        if (load<u32>(r, R_CLASS) != NONE) keep(r, flow, NONE);
      }
      if (timed) addTime(r, R_FOLDING, clock);
      continue;
    }
    // A sender that acknowledges has had an answer, be it in this capture or not.
    const heard = load<u32>(row, F_IP_PROTO << 2) == 6 && (load<u32>(row, F_TCP_FLAGS << 2) & (TCP_SYN | TCP_ACK)) == TCP_ACK;
    store<u32>(S, flow != 0 && (heard || (load<u32>(flow, W_SEEN) & (SEEN_ANSWER | SEEN_RESET)) != 0) ? 1 : 0, S_ANSWERED);
    store<u32>(r, sent ? 1 : 0, R_SENT);
    if (sent) {
      // As the socket sends it: without what its way out of the device has added.
      memory.fill(row + (F_ETH_DST << 2), 0, 16);
      store<u32>(row, 0, F_VLAN_TCI << 2);
      count(r, COUNT_SENT, 1);
      counts(r, CLASS_SENT);
    }
    counts(r, CLASS_RUN);
    run(load<u32>(r, R_DEVICE), load<u32>(r, R_PORT), sent ? 1 : 0);
    count(r, COUNT_RUN, 1);
    if (timed) clock = addTime(r, R_RUNNING, clock);
    const hash = load<u64>(S, S_PATH_LOW);
    if (findPath(r, hash) == NONE && load<u32>(r, R_PATH_COUNT) < load<u32>(r, R_PATH_LIMIT)) {
      addPath(r, hash);
      store<u64>(pathAt(r, load<u32>(r, R_PATH_COUNT) - 1), load<u64>(r, R_ORDINAL), A_ORDER);
      store<u32>(r, 1, R_PENDING);
      return REPLAY_NEW_PATH;
    }
    fold(r, flow);
    if (timed) addTime(r, R_FOLDING, clock);
  }
}

/** TCP flags. */
const SYN: u32 = 2;
const RST: u32 = 4;
const ACK: u32 = 16;

/** The packet at work has marked another flow. */
let marked: bool = false;

/** Marks `flow` with bits of SEEN. */
// @ts-ignore: decorator
@inline
function mark(flow: usize, bits: u32): void {
  store<u32>(flow, load<u32>(flow, W_SEEN) | bits, W_SEEN);
}
/** Marks another flow than that of the packet at work: what its packets do, or meet, may be another thing from now on. */
function markOther(r: usize, flow: usize, bits: u32): void {
  if ((load<u32>(flow, W_SEEN) & bits) == bits) return;
  marked = true;
  mark(flow, bits);
  drop(r, flowNumber(r, flow));
}
/** The packet at work counts in more. */
// @ts-ignore: decorator
@inline
function counts(r: usize, bits: u32): void {
  const had = load<u32>(r, R_CLASS);
  if (had != NONE) store<u32>(r, had | bits, R_CLASS);
}

/** Whether a line remembers the trajectory of the packet whose side was written. */
// @ts-ignore: decorator
@inline
function isSame(r: usize, line: usize): bool {
  return !v128.any_true(v128.xor(v128.load(line, J_SIDE), v128.load(r, R_SIDE_0))) && ((load<u32>(line, J_LENGTH) ^ load<u32>(r, R_SIDE_LENGTH)) & load<u32>(r, R_LENGTH_MASK)) == 0;
}

/** Remembers for a flow what has become of the packet at work. */
function keep(r: usize, flow: usize, path: u32): void {
  const n = flowNumber(r, flow);
  drop(r, n);
  if (load<u32>(r, R_CLASS) & CLASS_RUN) {
    if (!isStable()) return;
    if (allocated) {
      // Where the table is full, its look-ups forget connections: they must be made.
      if (load<u32>(K, K_FRESH) == load<u32>(K, K_CAPACITY)) return;
      counts(r, CLASS_ALLOCATES);
    }
    depend(n);
  }
  remember(r, n, path);
}

/** Whether a packet is that of a tunnel that ends (or begins) at the capture point's host. */
function endsTunnel(r: usize, row: usize, way: u32): bool {
  const port = load<u32>(r, R_TUNNEL_PORT);
  if (port == 0 || load<u32>(row, F_IP_PROTO << 2) != 17 || load<u32>(row, F_TP_DST << 2) != port || load<u32>(row, F_IP_FRAG << 2)) return false;
  const end = way == ENTERS ? load<u32>(row, F_IP_DST << 2) : load<u32>(row, F_IP_SRC << 2);
  let at = <usize>load<u32>(r, R_TUNNEL_ADDRESSES);
  for (let n = load<u32>(r, R_TUNNEL_COUNT); n > 0; n--) {
    if (load<u32>(at) == end) return true;
    at += 4;
  }
  return false;
}

/** Whether the source of a tuple is an address of the device. */
function isOwn(r: usize, tuple: usize): bool {
  let at = <usize>load<u32>(r, R_OWN);
  for (let n = load<u32>(r, R_OWN_COUNT); n > 0; n--) {
    if (!v128.any_true(v128.xor(v128.load(at), v128.load(tuple)))) return true;
    at += 16;
  }
  return false;
}

/** Marks a flow as the answer to another of the other direction, if there is one. */
function answers(flow: usize, opener: usize): void {
  if (opener == 0) return;
  mark(flow, SEEN_AS_REPLY | (load<u32>(opener, W_KIND) & FLOW_LEAVING && load<u32>(opener, W_LEAF) ? SEEN_TO_SENDER : 0));
}

/**
 * Whether a packet answers one of the other direction. Of most flows the first packet tells it; but errors about several connections are one
 * flow, and each is told by what it quotes.
 */
function isAnswer(r: usize, flow: usize, row: usize, marks: u32): bool {
  const tuple = S + S_TUPLES;
  const inner = quotedTuple(row, tuple);
  if (inner == NONE) return (load<u32>(flow, W_SEEN) & SEEN_AS_REPLY) != 0;
  const opener = findFlow(r, inner | (marks ^ FLOW_LEAVING), tuple);
  answers(flow, opener);
  return opener != 0;
}

/** Keeps the headers of a flow's first packet; `about` is the one inside where `row` is that of a tunnel. */
function keepFirst(flow: usize, row: usize, about: usize): void {
  v128.store(flow, v128.load(about, F_ETH_DST << 2), B_ETH);
  store<u32>(flow, load<u32>(about, F_VLAN_TCI << 2), B_TCI);
  store<u32>(flow, load<u32>(about, F_IP_TTL << 2), B_TTL);
  store<u32>(flow, load<u32>(about, F_NW_TOS << 2), B_TOS);
  store<u32>(flow, load<u32>(about, F_TCP_FLAGS << 2), B_FLAGS);
  store<u32>(flow, load<u32>(about, F_PACKET_LEN << 2), B_LENGTH);
  if (about == row) return;
  store<u32>(flow, load<u32>(about, (F_TUN_ID + 1) << 2), B_TUNNEL_KEY);
  store<u32>(flow, load<u32>(about, (F_TUN_METADATA0 + 3) << 2), B_TUNNEL_OPTION);
  store<u32>(flow, load<u32>(row, F_IP_SRC << 2), B_TUNNEL_SRC);
  store<u32>(flow, load<u32>(row, F_IP_DST << 2), B_TUNNEL_DST);
  v128.store(flow, v128.load(row, F_ETH_DST << 2), B_TUNNEL_ETH);
  store<u32>(flow, load<u32>(row, F_TP_SRC << 2), B_TUNNEL_PORT);
}

/** The first packet of a flow: does it open a connection, or answer one of the other direction? `marks` are the key's FLOW bits. */
function begins(r: usize, flow: usize, row: usize, marks: u32): void {
  const other = marks ^ FLOW_LEAVING;
  const proto = load<u32>(row, F_IP_PROTO << 2);
  if (proto == 6 && (load<u32>(row, F_TCP_FLAGS << 2) & (SYN | ACK)) == SYN) {
    mark(flow, SEEN_OPENING);
    return;
  }
  // Also where what it answers was not captured.
  if (proto == 6 && (load<u32>(row, F_TCP_FLAGS << 2) & (SYN | ACK)) == (SYN | ACK)) mark(flow, SEEN_AS_REPLY);
  const tuple = S + S_TUPLES;
  const answer = tuple + CT_TUPLE_BYTES;
  const kind = flowTuple(row, tuple);
  if (proto == (kind & 0x100 ? 58 : 1)) {
    // An echo request never answers.
    if (load<u32>(row, F_ICMP_TYPE << 2) == (kind & 0x100 ? 128 : 8)) {
      mark(flow, SEEN_OPENING);
      return;
    }
    // An error: see isAnswer.
    if (load<u32>(row, F_INNER_PROTO << 2)) return;
  }
  answerTuple(kind, tuple, answer);
  answers(flow, findFlow(r, kind | other, answer));
}

/**
 * A packet that leaves is never run, but where it answers a flow that entered, the trackers on the way have seen it: from
 * now on that flow's connections are established. And it tells what became of the flow. Likewise for what enters in answer.
 */
function answered(r: usize, row: usize, marks: u32): void {
  const other = marks ^ FLOW_LEAVING;
  const tuple = S + S_TUPLES;
  const answer = tuple + CT_TUPLE_BYTES;
  const kind = flowTuple(row, tuple);
  const inner = quotedTuple(row, answer);
  if (inner != NONE) {
    const about = findFlow(r, inner | other, answer);
    if (about != 0) markOther(r, about, errorSeen(row, (kind & 0x100) != 0));
    return;
  }
  answerTuple(kind, tuple, answer);
  const flow = findFlow(r, kind | other, answer);
  if (flow == 0) return;
  const reset = (kind & 0xff) == 6 && (load<u32>(row, F_TCP_FLAGS << 2) & RST) != 0;
  markOther(r, flow, reset ? SEEN_RESET : SEEN_ANSWER);
}

/** What an ICMP error says of the packet it quotes: RFC 792, RFC 4443. Too large a packet, a redirect and a bad parameter are no fate of it. */
function errorSeen(row: usize, v6: bool): u32 {
  const type = load<u32>(row, F_ICMP_TYPE << 2);
  const code = load<u32>(row, F_ICMP_CODE << 2);
  if (type == (v6 ? 3 : 11)) return SEEN_EXPIRED;
  if (type != (v6 ? 1 : 3) || (!v6 && code == 4)) return 0;
  return code == (v6 ? 4 : 3) ? SEEN_REFUSED : SEEN_UNREACHABLE;
}

/** An ICMP error that does not hold the packet it is about. */
// @ts-ignore: decorator
@inline
function isUnquoted(row: usize): bool {
  const proto = load<u32>(row, F_IP_PROTO << 2);
  if ((proto != 1 && proto != 58) || load<u32>(row, F_INNER_PROTO << 2) || load<u32>(row, F_IP_FRAG << 2) & 2) return false;
  const type = load<u32>(row, F_ICMP_TYPE << 2);
  return proto == 58 ? type >= 1 && type <= 4 : type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

/** Time, packets and bytes of a flow. */
function foldFlow(r: usize, flow: usize, row: usize): void {
  const time = load<u64>(r, R_TIME_LOW);
  if (load<u64>(flow, W_PACKETS) == 0) {
    store<u64>(flow, time, W_FIRST);
    store<u64>(flow, time, W_LAST);
  }
  // Captures are nearly in order of time, not always.
  if (time < load<u64>(flow, W_FIRST)) store<u64>(flow, time, W_FIRST);
  if (time > load<u64>(flow, W_LAST)) store<u64>(flow, time, W_LAST);
  add(flow + W_PACKETS, 1);
  add(flow + W_BYTES, load<u32>(r, R_LENGTH));
  if (load<u32>(row, F_IP_PROTO << 2) == 6) store<u32>(flow, load<u32>(flow, W_TCP_FLAGS) | load<u32>(row, F_TCP_FLAGS << 2), W_TCP_FLAGS);
}

/** Folds the packet that has just run into its path and its flow. */
function fold(r: usize, flow: usize): void {
  const path = findPath(r, load<u64>(S, S_PATH_LOW));
  const first = flow != 0 && load<u64>(flow, W_PACKETS) == 0;
  if (path == NONE) count(r, COUNT_PATHLESS, 1);
  else {
    const at = pathAt(r, path);
    add(at + A_PACKETS, 1);
    add(at + A_BYTES, load<u32>(r, R_LENGTH));
    if (first) add(at + A_FLOWS, 1);
  }
  if (flow == 0) return;
  foldFlow(r, flow, load<u32>(S, S_HAS_INNER) ? S + S_INNER_ROW : S + S_INPUT_ROW);
  if (first) {
    store<u32>(flow, path, W_PATH);
    store<u32>(flow, load<u32>(S, S_LEAF) | (load<u32>(S, S_LEAF_REJECTED) ? LEAF_REJECTED : 0), W_LEAF);
    store<u32>(flow, load<u32>(S, S_LEAF_TEXT), W_TEXT);
    store<u32>(flow, load<u32>(S, S_LEAF_DEVICE), W_LEAF_DEVICE);
    store<u32>(flow, flowTuple(S + S_RESULT_ROW, flow + W_FINAL), W_FINAL_KIND);
  } else if (load<u32>(flow, W_PATH) != path) store<u32>(flow, load<u32>(flow, W_OTHER_PATH) + 1, W_OTHER_PATH);
  if (load<u32>(r, R_CLASS) != NONE) keep(r, flow, path);
}
