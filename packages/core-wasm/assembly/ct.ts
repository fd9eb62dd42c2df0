// The actions on connections: `ct` of a switch; `nat`, `unnat` and `confirm` of a host's netfilter (interp.ts).
import { copyRow, quiet, S } from "./base";
import { isUserspace } from "./connections";
import {
  again, bindNothing, bindRange, BOUND, CHANGED, doneBits, DST, enter, forget, foundConn, foundDir, natBits, pending, readMark, SRC, track, translate,
  writeCtFields, writeMark,
} from "./conntrack";
import { event, leaf, threadNumber } from "./events";
import {
  CT_DNAT, CT_INV, CT_NEW, CT_SNAT, CT_TRK, F_CT_STATE, F_CT_ZONE, F_ETH_TYPE, F_IPV6_DST, F_IPV6_SRC, F_IP_DST, F_IP_SRC, F_TP_DST, F_TP_SRC,
} from "./fields";
import {
  BOUND_NUMBER_RECIRCULATIONS, BOUND_RECIRCULATIONS, C_COMMIT, C_EXEC, C_FLAGS, C_FORCE, C_NAT, C_RANGE, C_RESUME, C_TRACKER, C_ZONE,
  C_ZONE_COUNT, EV_CT, EV_NAT, EV_SPAWN, H_AT, H_CONN, H_DEVICE, H_DIR, H_RECIRCS, H_ROW, H_SPAWNED, H_START, H_STATE, H_TRACKER, H_ZONE, LEAF_DROPPED,
  LEAF_LOOPED, NAT_NONE, NAT_SRC, NONE, RANGE_ADDRESS, RESUME_INPLACE, RESUME_NONE, R_MIN, R_PORT_MIN, SPAWN_FORK, START_TABLE, S_CT_STATES,
  S_CT_STATE_COUNT, S_CT_STATE_USED, S_EXEC_ROW, S_SCRATCH0, S_STOP, S_WORK_ROW,
} from "./layout";
import { readValue } from "./pieces";
import { straight } from "./straight";
import { inheritConnection, newThread } from "./threads";

/** In a thread's H_STATE, beside ct_state: a later `ct` takes the connection without a look-up. */
const KEPT: u32 = 0x100;

/** `ct` with its operands at `p`. True when the run is over. */
export function ct(t: usize, p: usize): bool {
  // Events show the tracked packet before it goes on. Where they are not kept, what is translated is translated in place.
  const here = quiet && load<u32>(S, S_CT_STATE_COUNT) == NONE;
  const row = here ? t + H_ROW : S + S_WORK_ROW;
  if (!here) copyRow(row, t + H_ROW);
  const tracker = load<u32>(p, C_TRACKER);
  let zone = load<u32>(p, C_ZONE);
  if (load<u32>(p, C_ZONE_COUNT)) {
    readValue(p + C_ZONE_COUNT, row, S + S_SCRATCH0);
    zone = load<u32>(S, S_SCRATCH0) & 0xffff;
  }
  if (load<u32>(S, S_CT_STATE_COUNT) != NONE) return scripted(t, p, zone);
  const flags = load<u32>(p, C_FLAGS);
  const nat = load<u32>(p, C_NAT);
  const force = (flags & (C_COMMIT | C_FORCE)) == (C_COMMIT | C_FORCE);
  let conn = <usize>load<u32>(t, H_CONN);
  let dir = load<u32>(t, H_DIR);
  let state = load<u32>(t, H_STATE) & ~KEPT;
  // The packet remembers its connection: another `ct` in its tracker and zone is about that one again.
  const known = conn != 0 && load<u32>(t, H_TRACKER) == tracker && load<u32>(t, H_ZONE) == zone && !pending(conn);
  const userspace = isUserspace(tracker);
  if (!(known && !force && (load<u32>(t, H_STATE) & KEPT) != 0)) {
    if (known && userspace && (state & (CT_SNAT | CT_DNAT)) != 0 && !(force && dir != 0)) state = again(row, conn, dir, state);
    else {
      if (known && userspace && (state & (CT_SNAT | CT_DNAT)) != 0) {
        forget(conn);
        state = track(row, tracker, zone, false);
      } else state = track(row, tracker, zone, force);
      conn = foundConn;
      dir = foundDir;
    }
  }
  if (nat != NAT_NONE && conn != 0 && !pending(conn) && (state & (CT_SNAT | CT_DNAT)) == 0) {
    translate(row, conn, dir, SRC | DST);
    state |= doneBits(conn, dir);
  }
  if (flags & C_COMMIT && conn != 0) {
    let full = false;
    if (pending(conn) && nat >= NAT_SRC) {
      if (bindRange(row, conn, nat == NAT_SRC ? SRC : DST, p + C_RANGE) & BOUND) state |= natBits(conn);
      else if (userspace) full = true;
      else {
        state = CT_TRK | CT_INV;
        conn = 0;
      }
    } else if (pending(conn) && nat != NAT_NONE && userspace) full = !bindNothing(conn);
    // The userspace tracker leaves a packet for which there is no translation as it is: new, and not entered.
    if (conn != 0 && !full) {
      if (pending(conn)) enter(conn);
      const exec = load<u32>(p, C_EXEC);
      if (exec != 0) {
        copyRow(S + S_EXEC_ROW, row);
        readMark(conn, S + S_EXEC_ROW);
        straight(exec, S + S_EXEC_ROW);
        writeMark(conn, S + S_EXEC_ROW);
      }
    }
  }
  const resume = load<u32>(p, C_RESUME);
  if (resume == RESUME_INPLACE && conn != 0) state |= natBits(conn);
  store<u32>(t, conn != 0 && (resume == RESUME_INPLACE || !pending(conn)) ? <u32>conn : 0, H_CONN);
  store<u32>(t, dir, H_DIR);
  store<u32>(t, tracker, H_TRACKER);
  store<u32>(t, zone, H_ZONE);
  // The userspace tracker does not keep the connection of a packet for which it was asked to translate.
  store<u32>(t, userspace && nat != NAT_NONE ? state : state | KEPT, H_STATE);
  if (resume == RESUME_NONE) {
    // Headers may have been translated; what the pipeline knows of the connection stays as it was.
    if (!here) copyRow(t + H_ROW, row);
    return event(t, EV_CT, state, zone, tracker, t + H_ROW);
  }
  if (here) {
    if (event(t, EV_CT, state, zone, tracker, row)) return true;
    const tracked = resume == RESUME_INPLACE ? t : fork(t, resume, row);
    if (tracked == 0) return load<u32>(S, S_STOP) != 0;
    store<u32>(tracked + H_ROW, state, F_CT_STATE << 2);
    writeCtFields(tracked + H_ROW, zone, conn);
    return tracked != t && event(t, EV_SPAWN, SPAWN_FORK, threadNumber(tracked), 0, row);
  }
  // Both the copy and what goes on here have the headers as translated.
  if (resume != RESUME_INPLACE && nat != NAT_NONE) copyRow(t + H_ROW, row);
  store<u32>(row, state, F_CT_STATE << 2);
  writeCtFields(row, zone, conn);
  if (event(t, EV_CT, state, zone, tracker, row)) return true;
  return goesOn(t, resume, row);
}

/** Goes on with a tracked packet: here, or in a fork. True when the run is over. */
function goesOn(t: usize, resume: u32, row: usize): bool {
  if (resume == RESUME_INPLACE) {
    copyRow(t + H_ROW, row);
    return false;
  }
  const made = fork(t, resume, row);
  if (made == 0) return load<u32>(S, S_STOP) != 0;
  return event(t, EV_SPAWN, SPAWN_FORK, threadNumber(made), 0, t + H_ROW);
}

/** A thread that goes on in table `resume` with the packet `row`; 0 where there is a leaf in its place. */
function fork(t: usize, resume: u32, row: usize): usize {
  if (load<u32>(t, H_RECIRCS) + 1 > BOUND_RECIRCULATIONS) {
    store<u32>(t, 1, H_SPAWNED);
    leaf(t, LEAF_LOOPED, BOUND_NUMBER_RECIRCULATIONS, 0);
    return 0;
  }
  const made = newThread(t, row, load<u32>(t, H_DEVICE));
  if (made == 0) return 0;
  inheritConnection(made, t);
  store<u32>(made, load<u32>(t, H_RECIRCS) + 1, H_RECIRCS);
  store<u32>(made, START_TABLE, H_START);
  store<u32>(made, resume, H_AT);
  return made;
}

/** `ct` where the states are given: see RunOptions.ctStates. The row is in S_WORK_ROW. True when the run is over. */
function scripted(t: usize, p: usize, zone: u32): bool {
  const row = S + S_WORK_ROW;
  const tracker = load<u32>(p, C_TRACKER);
  const resume = load<u32>(p, C_RESUME);
  store<u32>(t, 0, H_CONN);
  if (resume == RESUME_NONE) return event(t, EV_CT, 0, zone, tracker, row);
  const used = load<u32>(S, S_CT_STATE_USED);
  store<u32>(S, used + 1, S_CT_STATE_USED);
  let state = CT_TRK | CT_NEW;
  if (used < load<u32>(S, S_CT_STATE_COUNT)) state = load<u32>(load<usize>(S, S_CT_STATES) + (<usize>used << 2));
  const exec = load<u32>(p, C_EXEC);
  if (exec != 0) straight(exec, row);
  store<u32>(row, state, F_CT_STATE << 2);
  store<u32>(row, zone, F_CT_ZONE << 2);
  const nat = load<u32>(p, C_NAT);
  if (nat >= NAT_SRC && (load<u32>(p, C_RANGE) & RANGE_ADDRESS) != 0) {
    const src = nat == NAT_SRC;
    const from = p + C_RANGE + R_MIN;
    if (load<u32>(row, F_ETH_TYPE << 2) == 0x86dd) v128.store(row + ((src ? F_IPV6_SRC : F_IPV6_DST) << 2), v128.load(from));
    else store<u32>(row + ((src ? F_IP_SRC : F_IP_DST) << 2), load<u32>(from, 12));
    const port = load<u32>(p, C_RANGE + R_PORT_MIN);
    if (port != 0) store<u32>(row + ((src ? F_TP_SRC : F_TP_DST) << 2), port & 0xffff);
  }
  if (event(t, EV_CT, state, zone, tracker, row)) return true;
  return goesOn(t, resume, row);
}

/** `ctClear`. */
export function ctClear(t: usize): void {
  store<u32>(t, 0, H_CONN);
  store<u32>(t + H_ROW, 0, F_CT_STATE << 2);
  writeCtFields(t + H_ROW, 0, 0);
}

/** `nat`: 0 the thread goes on, 1 it has ended. `type` 0 source, 1 destination; the range at `range`. */
export function nat(t: usize, type: u32, range: usize): bool {
  const conn = <usize>load<u32>(t, H_CONN);
  if (conn == 0 || !pending(conn)) return false;
  if (natBits(conn) & (type ? CT_DNAT : CT_SNAT)) return false;
  const row = t + H_ROW;
  const bound = bindRange(row, conn, type ? DST : SRC, range);
  if (bound == 0) {
    leaf(t, LEAF_DROPPED, NONE, 0);
    return true;
  }
  store<u32>(row, load<u32>(row, F_CT_STATE << 2) | natBits(conn), F_CT_STATE << 2);
  if (bound & CHANGED) return event(t, EV_NAT, type, 0, 0, row);
  return false;
}

/** `unnat`. True when the run is over. */
export function unnat(t: usize, type: u32): bool {
  const conn = <usize>load<u32>(t, H_CONN);
  if (conn == 0 || pending(conn)) return false;
  if (translate(t + H_ROW, conn, load<u32>(t, H_DIR), type ? DST : SRC)) return event(t, EV_NAT, type, 0, 0, t + H_ROW);
  return false;
}

/** `confirm`. */
export function confirm(t: usize): void {
  const conn = <usize>load<u32>(t, H_CONN);
  if (conn == 0) return;
  writeMark(conn, t + H_ROW);
  if (pending(conn)) enter(conn);
}
