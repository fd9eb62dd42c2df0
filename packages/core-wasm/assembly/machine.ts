// The machine: runs the threads of one packet, one after the other, each until it ends. What everything means is said at
// the head of packages/model/src/ir.ts; the order of events is that of interp.ts.
//
// A thread's position is (pc, cursor, table): the next operation (0: the program has ended), where a sequence goes on, and
// the table whose walk this is (0: a program outside any table). A `call` puts the three on the frame stack.
import { copyMasked, copyRow, P, quiet, S, takeSettings, W } from "./base";
import { lookup, next, search } from "./classify";
import { beginRun, endRun } from "./connections";
import { confirm, ct, ctClear, nat, unnat } from "./ct";
import { fold } from "./digest";
import { event, leaf, step, threadNumber } from "./events";
import { F_IN_PORT, F_IP_TTL } from "./fields";
import { flowHash } from "./hash";
import {
  BEYOND_HASH, BOUND_FRAMES, BOUND_HOPS, BOUND_LINKS, BOUND_NUMBER_ENCAPS, BOUND_NUMBER_FRAMES, BOUND_NUMBER_HOPS, BOUND_NUMBER_LINKS,
  BOUND_NUMBER_VALUES, BOUND_VALUES, CURSOR_AT_END, CURSOR_ENDED, CURSOR_RANK, C_ZONE_COUNT, DEVICE_BYTES, D_ENTRY, D_ORIGIN, EV_CHOICE, EV_ENTER,
  EV_HIT, EV_MISS, EV_NOTE, EV_OUTPUT, EV_SPAWN, E_AFTER, E_CODE, E_INTO, E_REF, E_ROW, E_TABLE, E_RULE, FRAME_BYTES, F_CURSOR, F_PC, F_TABLE, F_WALKS, H_ANSWER, H_AT,
  INTO_BITS, INTO_GOTO, INTO_PLAIN,   H_BOTTOM, H_CURSOR, H_DEVICE, H_ENCAPS, H_FRAME, H_HOPS, H_LINKS, H_PC, H_RECIRCS, H_ROW, H_SPAWNED, H_STACK, H_START, H_TABLE, H_VALUES, H_VALUE_STACK, H_WAITER, H_WALKS, LEAF_DROPPED, LEAF_LOCAL,
  LEAF_LOOPED, LEAF_UNKNOWN, LEAF_UNLINKED, LINK_SLOT_BYTES, L_DEVICE, L_INDEX1, L_INLINE, L_KEEPS, L_PORT, L_TO_DEVICE, L_TO_PORT, NONE,
  OP_CALL, OP_CHOOSE, OP_CLONE, OP_CONFIRM, OP_CT, OP_CT_CLEAR, OP_DECAP, OP_DEC_TTL, OP_DROP, OP_EMIT, OP_ENCAP, OP_END, OP_GOTO, OP_GREATER,
  OP_JUMP, OP_LOCAL, OP_MOVE, OP_MOVE_WIDE, OP_NAT, OP_NOTE, OP_ON, OP_OUTPUT, OP_OUTPUT_SLICE, OP_POP, OP_PUSH, OP_RETURN, OP_SET, OP_SETS, OP_SWAP,
  OP_UNKNOWN, OP_UNNAT, PIECE_BYTES, P_DEVICES, P_LINKS, P_LINK_MASK, P_STAYS, RANGE_BYTES, REF_BITS, REF_SURE, SPAWN_CLONE, SPAWN_EMIT, START_CODE,
  START_DONE, START_ENTER, START_ORIGIN, START_RESUME, START_TABLE, S_BEYOND, S_CHOICES, S_CT_STATE_USED, S_EFFECTS, S_EVENT_COUNT, S_FINAL, S_FRAMES, S_HAS_INNER, S_INNER_ROW, S_INPUT_ROW, S_KEEP, S_LEAF, S_PATH_LOW, S_SCRATCH0,
  S_SCRATCH1, S_SCRIPT, S_SCRIPT_LENGTH, S_STOP, S_WRONG_OPTION, S_THREADS, S_THREAD_COUNT, THREAD_BYTES, T_ID, T_KIND, T_MISS, T_MISS_INTO, T_MISS_REF, T_ROOT,
  TABLE_SEQUENCE, VALUE_BYTES, C_ZONE_PIECES,
} from "./layout";
import { answer, decap, encap } from "./make";
import { computed } from "./choose";
import { carryAll, readValue, setWords } from "./pieces";
import { bareThread, inheritState, newThread } from "./threads";
import { follow, trailCursor, trailEntry, trailFrame, trailInto, trailPc, trailRef, trailTable, trailWalks } from "./trails";

/** Byte offset of a choice's options within its operands. */
const CHOOSE_OPTIONS: usize = 16;

/** Port of `run` for a packet that starts at the device's own socket. */
export const SOCKET: u32 = 0xffff_ffff;

/** Runs the packet in S_INPUT_ROW from `device`, entering at `port`, or from its socket where `socket` is not 0. */
export function run(device: u32, port: u32, socket: u32): void {
  const first = begin(device, port, socket);
  if (load<u32>(S, S_KEEP)) copyRow(first + H_ROW, S + S_INPUT_ROW);
  else copyMasked(first + H_ROW, S + S_INPUT_ROW, load<u32>(P, P_STAYS));
  if (load<u32>(S, S_HAS_INNER)) {
    copyRow(first + H_STACK, S + S_INNER_ROW);
    store<u32>(first, 1, H_ENCAPS);
  }
  toTheEnd();
}

/** Begins a run: its first thread, without a row. */
export function begin(device: u32, port: u32, socket: u32): usize {
  takeSettings();
  store<u32>(S, 0, S_THREAD_COUNT);
  store<u32>(S, 0, S_EVENT_COUNT);
  store<u32>(S, 0, S_CHOICES);
  store<u32>(S, 0, S_CT_STATE_USED);
  store<u32>(S, 0, S_WRONG_OPTION);
  store<u32>(S, 0, S_STOP);
  store<u32>(S, 0, S_LEAF);
  store<u64>(S, 0, S_FINAL);
  store<u64>(S, 0, S_EFFECTS);
  store<u64>(S, 0x51_7c_c1_b7_27_22_0a_95, S_PATH_LOW);
  beginRun();
  const first = bareThread(0, device);
  store<u32>(first, socket ? START_ORIGIN : START_ENTER, H_START);
  store<u32>(first, port, H_AT);
  return first;
}

/** Runs all threads of a run that has begun. */
export function toTheEnd(): void {
  const frames = load<u32>(S, S_FRAMES);
  for (let n: u32 = 0; n < load<u32>(S, S_THREAD_COUNT); n++) {
    const t = load<usize>(S, S_THREADS) + <usize>n * THREAD_BYTES;
    if (load<u32>(t, H_START) == START_DONE) continue;
    store<u32>(t, 0, H_WAITER);
    store<u32>(t, frames, H_BOTTOM);
    toItsEnd(t);
    if (load<u32>(S, S_STOP)) break;
  }
  store<u64>(S, fold(load<u64>(S, S_PATH_LOW), 0, 0), S_PATH_LOW);
  endRun();
}

/** Runs a thread of the queue, and all threads that run at once while those that made them wait. */
function toItsEnd(t: usize): void {
  while (t != 0) {
    const made = thread(t);
    if (load<u32>(S, S_STOP)) return;
    if (made != 0) {
      store<u32>(made, <u32>t, H_WAITER);
      store<u32>(made, load<u32>(t, H_FRAME), H_BOTTOM);
      t = made;
    } else t = load<u32>(t, H_WAITER);
  }
}

/** The row of a packet that crosses a link: without what is private to the device that it leaves, but for what the link keeps. */
function crossLink(to: usize, from: usize, link: usize): void {
  copyMasked(to, from, load<u32>(P, P_STAYS));
  let keeps = <usize>load<u32>(link, L_KEEPS);
  if (keeps == 0) return;
  const end = keeps + 4 + (<usize>load<u32>(keeps) << 2);
  for (keeps += 4; keeps < end; keeps += 4) {
    const at = <usize>load<u32>(keeps);
    if (at < W) store<u32>(to + at, load<u32>(from + at));
  }
}

/** The link slot of a port, or 0. */
function linkAt(device: u32, port: u32): usize {
  const mask = load<u32>(P, P_LINK_MASK);
  const slots = <usize>load<u32>(P, P_LINKS);
  let h: u32 = ((device * 0x9e3779b1) ^ port) * 0x85ebca6b;
  h ^= h >>> 15;
  let i = h & mask;
  while (true) {
    const slot = slots + <usize>i * LINK_SLOT_BYTES;
    if (load<u32>(slot, L_INDEX1) == 0) return 0;
    if (load<u32>(slot, L_DEVICE) == device && load<u32>(slot, L_PORT) == port) return slot;
    i = (i + 1) & mask;
  }
}

/** What `output` returns when the run is over. */
const OVER: usize = 1;

/** `output`. 0: the thread goes on; OVER; or the thread that runs at once. */
function output(t: usize, port: u32, allowIn: u32): usize {
  const row = t + H_ROW;
  if (port == load<u32>(row, F_IN_PORT << 2) && !allowIn) return 0;
  const link = linkAt(load<u32>(t, H_DEVICE), port);
  if (link == 0) {
    if (event(t, EV_OUTPUT, port, NONE, NONE, row)) return OVER;
    store<u32>(t, 1, H_SPAWNED);
    return leaf(t, LEAF_UNLINKED, port, 0) ? OVER : 0;
  }
  const c = bareThread(t, load<u32>(link, L_TO_DEVICE));
  if (c == 0) return OVER;
  const links = load<u32>(t, H_LINKS) + 1;
  // One link too many is noticed before the device is entered: that leaf has the row as it left.
  if (links > BOUND_LINKS) copyRow(c + H_ROW, row);
  else crossLink(c + H_ROW, row, link);
  store<u32>(c, links, H_LINKS);
  store<u32>(c, START_ENTER, H_START);
  store<u32>(c, load<u32>(link, L_TO_PORT), H_AT);
  if (event(t, EV_OUTPUT, port, load<u32>(link, L_INDEX1) - 1, threadNumber(c), row)) return OVER;
  return load<u32>(link, L_INLINE) ? c : 0;
}

/** Keeps where thread `t` goes on when the one that it has made has ended. */
function waits(t: usize, pc: usize, cursor: usize, table: usize, frame: usize, walks: u32): void {
  store<u32>(t, START_RESUME, H_START);
  store<u32>(t, <u32>pc, H_PC);
  store<u32>(t, <u32>cursor, H_CURSOR);
  store<u32>(t, <u32>table, H_TABLE);
  store<u32>(t, <u32>frame, H_FRAME);
  store<u32>(t, walks, H_WALKS);
}

/** One more hop. True when the thread has made too many and has got its leaf. */
// @ts-ignore: decorator
@inline
function hop(t: usize): bool {
  const n = load<u32>(t, H_HOPS) + 1;
  store<u32>(t, n, H_HOPS);
  if (n <= BOUND_HOPS) return false;
  leaf(t, LEAF_LOOPED, BOUND_NUMBER_HOPS, 0);
  return true;
}

/** The option that a choice takes; operands of OP_CHOOSE at `p`. */
function chosen(row: usize, p: usize): u32 {
  const n = load<u32>(S, S_CHOICES);
  store<u32>(S, n + 1, S_CHOICES);
  if (n < load<u32>(S, S_SCRIPT_LENGTH)) {
    const k = load<u32>(load<usize>(S, S_SCRIPT) + (<usize>n << 2));
    if (k < load<u32>(p, 4)) return k;
    store<u32>(S, 1, S_WRONG_OPTION);
    return 0;
  }
  if (load<u32>(S, S_BEYOND) != BEYOND_HASH) return 0;
  if (load<u32>(p, 12)) return computed(row, p);
  let rest = <u32>((<u64>flowHash(row, load<u32>(p)) * <u64>load<u32>(p, 8)) >>> 32);
  const options = load<u32>(p, 4);
  for (let i: u32 = 0; i < options; i++) {
    const weight = load<u32>(p + CHOOSE_OPTIONS + (<usize>i << 3));
    if (rest < weight) return i;
    rest -= weight;
  }
  return options - 1;
}

/** Runs thread `t` until it ends (0), or has made one that runs at once, for which it waits. */
function thread(t: usize): usize {
  const row = t + H_ROW;
  const bottom = <usize>load<u32>(t, H_BOTTOM);
  let frame = bottom;
  let pc: usize = 0;
  let cursor: usize = CURSOR_ENDED;
  let table: usize = 0;
  // Table walks on the frame stack and the present one.
  let walks: u32 = 0;
  // The table to enter next, with INTO bits (but for INTO_GOTO), and where its search begins.
  let into: usize = 0;
  let ref: usize = 0;
  // What was hit last: where its program may go on.
  let entry: usize = 0;
  // A trail may begin where a table is entered: after the thread has begun, and after each action that ends one.
  let fresh = quiet;

  const start = load<u32>(t, H_START);
  store<u32>(t, START_DONE, H_START);
  if (start == START_ENTER) {
    if (load<u32>(t, H_LINKS) > BOUND_LINKS) {
      leaf(t, LEAF_LOOPED, BOUND_NUMBER_LINKS, 0);
      return 0;
    }
    store<u32>(row, load<u32>(t, H_AT), F_IN_PORT << 2);
    store<u32>(t, 0, H_RECIRCS);
    if (event(t, EV_ENTER, load<u32>(t, H_DEVICE), load<u32>(t, H_AT), 0, row)) return 0;
    into = load<u32>(load<u32>(P, P_DEVICES) + load<u32>(t, H_DEVICE) * DEVICE_BYTES, D_ENTRY);
  } else if (start == START_ORIGIN) {
    if (event(t, EV_ENTER, load<u32>(t, H_DEVICE), 0, 1, row)) return 0;
    into = load<u32>(load<u32>(P, P_DEVICES) + load<u32>(t, H_DEVICE) * DEVICE_BYTES, D_ORIGIN);
  } else if (start == START_TABLE) into = load<u32>(t, H_AT);
  else if (start == START_CODE) pc = load<u32>(t, H_AT);
  else {
    pc = load<u32>(t, H_PC);
    cursor = load<u32>(t, H_CURSOR);
    table = load<u32>(t, H_TABLE);
    frame = load<u32>(t, H_FRAME);
    walks = load<u32>(t, H_WALKS);
  }

  while (true) {
    if (into != 0) {
      if (fresh) {
        fresh = false;
        if (follow(t, into, ref, frame, walks)) {
          pc = trailPc;
          cursor = trailCursor;
          table = trailTable;
          into = trailInto;
          ref = trailRef;
          entry = trailEntry;
          frame = trailFrame;
          walks = trailWalks;
          continue;
        }
      }
      if (walks >= BOUND_FRAMES) {
        leaf(t, LEAF_LOOPED, BOUND_NUMBER_FRAMES, 0);
        return 0;
      }
      walks++;
      const plain = (into & INTO_PLAIN) != 0;
      table = into & ~INTO_BITS;
      into = 0;
      if (!plain && load<u32>(table, T_KIND) == TABLE_SEQUENCE) {
        pc = 0;
        cursor = load<u32>(table, T_ROOT) == 0 ? CURSOR_AT_END : CURSOR_RANK;
      } else {
        cursor = CURSOR_ENDED;
        entry = plain ? ((ref & REF_BITS) == REF_SURE ? ref - REF_SURE : search(ref, row)) : lookup(table, row);
        if (hop(t)) return 0;
        let on: u32;
        if (entry != 0) {
          if (step(t, EV_HIT, load<u32>(entry, E_TABLE), load<u32>(entry, E_RULE), load<u32>(entry, E_ROW), row)) return 0;
          on = load<u32>(entry, E_INTO);
          ref = load<u32>(entry, E_REF);
          pc = load<u32>(entry, E_CODE);
          if (pc != 0) on = 0;
        } else {
          if (step(t, EV_MISS, load<u32>(table, T_ID), 0, 0, row)) return 0;
          on = load<u32>(table, T_MISS_INTO);
          ref = load<u32>(table, T_MISS_REF);
          pc = load<u32>(table, T_MISS);
        }
        // A program that does nothing but go on in another table: nobody comes back to it.
        if (on != 0) {
          walks -= on & INTO_GOTO;
          into = on & ~INTO_GOTO;
          continue;
        }
      }
    }
    if (pc == 0) {
      // A program has ended, or a sequence begins.
      if (cursor > CURSOR_AT_END) {
        const e = next(table, row, <u32>cursor - CURSOR_RANK);
        if (e != 0) {
          cursor = load<u32>(e, E_AFTER);
          if (hop(t)) return 0;
          if (step(t, EV_HIT, load<u32>(table, T_ID), load<u32>(e, E_RULE), load<u32>(e, E_ROW), row)) return 0;
          pc = load<u32>(e, E_CODE);
          continue;
        }
        cursor = CURSOR_AT_END;
      }
      if (cursor == CURSOR_AT_END) {
        cursor = CURSOR_ENDED;
        if (hop(t)) return 0;
        if (step(t, EV_MISS, load<u32>(table, T_ID), 0, 0, row)) return 0;
        pc = load<u32>(table, T_MISS);
        continue;
      }
      if (frame == bottom) break;
      frame -= FRAME_BYTES;
      walks = load<u32>(frame, F_WALKS);
      pc = load<u32>(frame, F_PC);
      cursor = load<u32>(frame, F_CURSOR);
      table = load<u32>(frame, F_TABLE);
      continue;
    }
    switch (load<u32>(pc)) {
      case OP_END:
        pc = 0;
        break;
      case OP_JUMP:
        pc = load<u32>(pc, 4);
        break;
      case OP_SET: {
        const w = row + load<u32>(pc, 4);
        store<u32>(w, (load<u32>(w) & load<u32>(pc, 8)) | load<u32>(pc, 12));
        pc += 16;
        break;
      }
      case OP_SETS:
        pc = setWords(pc, row);
        break;
      case OP_MOVE:
        pc = carryAll(pc + 4, row, row);
        break;
      case OP_MOVE_WIDE:
        pc = carryAll(readValue(pc + 4, row, S + S_SCRATCH0), S + S_SCRATCH0, row);
        break;
      case OP_SWAP:
        pc = readValue(pc + 4, row, S + S_SCRATCH0);
        pc = readValue(pc, row, S + S_SCRATCH1);
        pc = carryAll(pc, S + S_SCRATCH1, row);
        pc = carryAll(pc, S + S_SCRATCH0, row);
        break;
      case OP_PUSH: {
        const n = load<u32>(t, H_VALUES);
        if (n >= BOUND_VALUES) {
          leaf(t, LEAF_LOOPED, BOUND_NUMBER_VALUES, 0);
          return 0;
        }
        store<u32>(t, n + 1, H_VALUES);
        fresh = quiet;
        pc = readValue(pc + 4, row, t + H_VALUE_STACK + <usize>n * VALUE_BYTES);
        break;
      }
      case OP_POP: {
        const n = load<u32>(t, H_VALUES);
        if (n == 0) {
          pc += 8 + <usize>load<u32>(pc, 4) * PIECE_BYTES;
          break;
        }
        store<u32>(t, n - 1, H_VALUES);
        fresh = quiet;
        pc = carryAll(pc + 4, t + H_VALUE_STACK + <usize>(n - 1) * VALUE_BYTES, row);
        break;
      }
      case OP_DEC_TTL: {
        const ttl = load<u32>(row, F_IP_TTL << 2);
        if (ttl > 1) {
          store<u32>(row, ttl - 1, F_IP_TTL << 2);
          pc += 8;
        } else pc = load<u32>(pc, 4);
        break;
      }
      case OP_GREATER: {
        const v = S + S_SCRATCH0;
        pc = readValue(pc + 4, row, v);
        const high = load<u64>(v, 8);
        const than = load<u64>(pc, 8);
        const greater = high != than ? high > than : load<u64>(v) > load<u64>(pc);
        store<u64>(v, greater ? 1 : 0);
        store<u64>(v, 0, 8);
        pc = carryAll(pc + 16, v, row);
        fresh = quiet;
        break;
      }
      case OP_CALL:
        into = load<u32>(pc, 4);
        ref = load<u32>(pc, 8);
        // A caller that has nothing left to do is not come back to.
        if (cursor == CURSOR_ENDED && load<u32>(pc, 12) == OP_END) break;
        store<u32>(frame, <u32>pc + 12, F_PC);
        store<u32>(frame, <u32>cursor, F_CURSOR);
        store<u32>(frame, <u32>table, F_TABLE);
        store<u32>(frame, walks, F_WALKS);
        frame += FRAME_BYTES;
        break;
      case OP_GOTO:
        if (load<u32>(pc, 12)) {
          frame = bottom;
          walks = 0;
        } else if (table != 0) walks--;
        into = load<u32>(pc, 4);
        ref = load<u32>(pc, 8);
        break;
      case OP_ON:
        into = load<u32>(entry, E_INTO);
        ref = load<u32>(entry, E_REF);
        walks -= <u32>into & INTO_GOTO;
        into &= ~INTO_GOTO;
        break;
      case OP_RETURN:
        cursor = CURSOR_ENDED;
        pc = 0;
        break;
      case OP_OUTPUT: {
        const made = output(t, load<u32>(pc, 4), load<u32>(pc, 8));
        pc += 12;
        if (made == 0) break;
        if (made == OVER) return 0;
        waits(t, pc, cursor, table, frame, walks);
        return made;
      }
      case OP_OUTPUT_SLICE: {
        const allowIn = load<u32>(pc, 4);
        pc = readValue(pc + 8, row, S + S_SCRATCH0);
        const made = output(t, load<u32>(S, S_SCRATCH0), allowIn);
        if (made == 0) break;
        if (made == OVER) return 0;
        waits(t, pc, cursor, table, frame, walks);
        return made;
      }
      case OP_LOCAL:
        leaf(t, LEAF_LOCAL, load<u32>(pc, 4), 0);
        return 0;
      case OP_DROP:
        leaf(t, LEAF_DROPPED, load<u32>(pc, 4), load<u32>(pc, 8));
        return 0;
      case OP_EMIT: {
        const made = answer(row, pc + 4);
        if (made != 0) {
          const c = newThread(t, made, load<u32>(t, H_DEVICE));
          if (c == 0) return 0;
          store<u32>(c, 0, H_ENCAPS);
          store<u32>(c, 1, H_ANSWER);
          store<u32>(c, START_CODE, H_START);
          store<u32>(c, load<u32>(pc, 20), H_AT);
          if (event(t, EV_SPAWN, SPAWN_EMIT, threadNumber(c), 0, row)) return 0;
        }
        pc += 24;
        break;
      }
      case OP_ENCAP:
        if (!encap(t, load<u32>(pc, 4))) {
          leaf(t, LEAF_LOOPED, BOUND_NUMBER_ENCAPS, 0);
          return 0;
        }
        pc += 8;
        break;
      case OP_DECAP:
        if (!decap(t)) {
          leaf(t, LEAF_UNKNOWN, NONE, 0);
          return 0;
        }
        pc += 4;
        break;
      case OP_CT:
        if (ct(t, pc + 4)) return 0;
        fresh = quiet;
        pc += 4 + C_ZONE_PIECES + <usize>load<u32>(pc + 4, C_ZONE_COUNT) * PIECE_BYTES;
        break;
      case OP_NAT:
        if (nat(t, load<u32>(pc, 4), pc + 8)) return 0;
        pc += 8 + RANGE_BYTES;
        break;
      case OP_UNNAT:
        if (unnat(t, load<u32>(pc, 4))) return 0;
        fresh = quiet;
        pc += 8;
        break;
      case OP_CONFIRM:
        confirm(t);
        fresh = quiet;
        pc += 4;
        break;
      case OP_CT_CLEAR:
        ctClear(t);
        fresh = quiet;
        pc += 4;
        break;
      case OP_CHOOSE: {
        const k = chosen(row, pc + 4);
        fresh = quiet;
        if (event(t, EV_CHOICE, load<u32>(pc, 4), k, load<u32>(pc, 8), row)) return 0;
        pc = load<u32>(pc + 4 + CHOOSE_OPTIONS + 4 + (<usize>k << 3));
        break;
      }
      case OP_CLONE: {
        const c = newThread(t, row, load<u32>(t, H_DEVICE));
        if (c == 0) return 0;
        inheritState(c, t);
        store<u32>(c, START_CODE, H_START);
        store<u32>(c, load<u32>(pc, 4), H_AT);
        if (event(t, EV_SPAWN, SPAWN_CLONE, threadNumber(c), 0, row)) return 0;
        waits(t, pc + 8, cursor, table, frame, walks);
        return c;
      }
      case OP_NOTE:
        if (event(t, EV_NOTE, load<u32>(pc, 4), 0, 0, row)) return 0;
        pc += 8;
        break;
      case OP_UNKNOWN:
        if (load<u32>(pc, 8)) {
          if (event(t, EV_NOTE, load<u32>(pc, 4), 0, 0, row)) return 0;
          pc += 12;
          break;
        }
        leaf(t, LEAF_UNKNOWN, load<u32>(pc, 4), 0);
        return 0;
      default:
        unreachable();
    }
  }
  if (!load<u32>(t, H_SPAWNED)) leaf(t, LEAF_DROPPED, NONE, 0);
  return 0;
}
