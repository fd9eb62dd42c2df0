// Trails: stretches of a walk that are remembered. From where a thread enters a table up to the next action that meets something other than its row (a
// connection, another thread, a choice), everything is decided by the bits of the row that were looked at. A trail keeps these bits and their values, and what
// came of it: the events' share of the path hash, the words written, where the thread stands. A later thread that enters the same table with
// the same bits takes it in one step.
//
// A place whose threads seldom find a trail is soon not asked any more. The room is bounded: when it is full all trails are forgotten.
import { copyRow, S, W } from "./base";
import { matchesTriples } from "./classify";
import { chain, chainStep, THREAD_SHARE } from "./digest";
import { F_IP_TTL, F_METADATA, F_REG14, F_REG15 } from "./fields";
import {
  BOUND_EVENTS, BOUND_FRAMES, BOUND_HOPS, CURSOR_AT_END, CURSOR_ENDED, CURSOR_RANK, ENTRY_BYTES, EV_HIT, EV_MISS, EV_NOTE, E_AFTER, E_CODE, E_INTO, E_NEXT, E_RANK, E_REF,
  E_ROW, E_RULE, E_WORDS, FRAME_BYTES, F_CURSOR, F_PC, F_TABLE, F_WALKS, H_HOPS, H_NUMBER, H_ROW, INTO_BITS, INTO_GOTO, NODE_SCAN, NODE_SPLIT, NODE_SPLIT_REST, OP_CALL,
  OP_DEC_TTL, OP_END, OP_GOTO, OP_JUMP, OP_MOVE, OP_MOVE_WIDE, OP_NOTE, OP_ON, OP_RETURN, OP_SET, OP_SETS, PIECE_BYTES, INTO_PLAIN, REF_BITS, REF_NODE, REF_SURE,
  REF_TUPLE, ROW_BYTES, S_EVENT_COUNT, S_PATH_LOW, S_SCRATCH0, S_TRAILS, TABLE_CONJUNCTIVE, TABLE_SEQUENCE, TRAILS_BYTES, TRAIL_PLACES, TRAIL_SLOTS, TUPLE_BYTES, T_ID, T_KIND, T_MISS,
  T_MISS_INTO, T_MISS_REF, T_ROOT, U_GUARDS, U_RANK, U_SHIFT, U_SLOTS, U_WORDS, X_MASK, X_OTHER, X_REST, X_REST_RANK, X_SHIFT, X_SLOTS, X_WORD, Y_BAD, Y_BYTES, Y_FOUND,
  Y_GROUPS, Y_KEY, Y_MISSED, Y_TABLE, Z0_COUNT, Z0_NEXT, Z0_WORDS, L_ADD, L_CURSOR, L_ENTRY, L_EVENTS, L_FRAMES, L_GROUP, L_HOPS, L_INTO, L_PC, L_REF, L_SHARE, L_TABLE, L_TIMES, L_WALKS, L_WRITES,
  L_VALUES,
} from "./layout";
import { carryAll, readValue, setWords } from "./pieces";

/** A trail has at least so many events, or it is not worth its look-up, and at most so many; frames on top of the first. */
const LEAST: u32 = 3;
const MOST: u32 = 1024;
const MOST_FRAMES: u32 = 32;
/** Groups of a place: forms of keys. Threads that found no trail before a place is judged. */
const MOST_GROUPS: u32 = 4;
const PROBATION: u32 = 48;

// Where the thread stands after `follow`.
export let trailPc: usize = 0;
export let trailCursor: usize = 0;
export let trailTable: usize = 0;
export let trailInto: usize = 0;
export let trailRef: usize = 0;
export let trailEntry: usize = 0;
export let trailFrame: usize = 0;
export let trailWalks: u32 = 0;

/** Areas: masks of bits looked at, bits written, the row as it was; places; slots; then groups and trails up to `top`. */
let base: usize = 0;
let looked: usize = 0;
let written: usize = 0;
let before: usize = 0;
let tables: usize = 0;
let slots: usize = 0;
let top: usize = 0;
let end: usize = 0;

/** Forgets all trails. */
export function forgetTrails(): void {
  base = load<usize>(S, S_TRAILS);
  if (base == 0) return;
  looked = base;
  written = looked + ROW_BYTES;
  before = written + ROW_BYTES;
  tables = before + ROW_BYTES;
  slots = tables + TRAIL_PLACES * Y_BYTES;
  top = slots + (TRAIL_SLOTS << 3);
  end = base + TRAILS_BYTES;
  memory.fill(tables, 0, top - tables);
}

/** Whether a trail may begin here: far from every bound. */
// @ts-ignore: decorator
@inline
function isFar(t: usize, walks: u32): bool {
  return load<u32>(S, S_EVENT_COUNT) < BOUND_EVENTS - 2 * MOST && load<u32>(t, H_HOPS) < BOUND_HOPS - 2 * MOST && walks < BOUND_FRAMES - 2 * MOST_FRAMES;
}

/**
 * The place where a thread is: what enters a table for one datapath and port has little in common with what does for another, so each has trails of its
 * own. 0: there are too many.
 */
// @ts-ignore: decorator
@inline
function place(table: usize, ref: usize, row: usize): usize {
  let h = <u32>table * 0x9e3779b1 + <u32>ref * 0x85ebca6b + load<u32>(row, (F_METADATA + 1) << 2) * 0xc2b2ae35;
  h += load<u32>(row, F_REG14 << 2) * 0x27d4eb2f + load<u32>(row, F_REG15 << 2) * 0x165667b1;
  h = (h ^ (h >>> 15)) * 0x2c1b3c6d;
  let i = h >>> 20;
  for (let n = 0; n < 8; n++) {
    const y = tables + <usize>i * Y_BYTES;
    if (load<u32>(y, Y_TABLE) == 0) {
      store<u32>(y, h, Y_KEY);
      store<u32>(y, <u32>table, Y_TABLE);
      return y;
    }
    if (load<u32>(y, Y_KEY) == h && load<u32>(y, Y_TABLE) == <u32>table) return y;
    i = (i + 1) & (TRAIL_PLACES - 1);
  }
  return 0;
}

/** Takes a thread that enters `into` along a trail, known or new. False: nothing has been done. */
export function follow(t: usize, into: usize, ref: usize, frame: usize, walks: u32): bool {
  if (base == 0 || !isFar(t, walks)) return false;
  const table = into & ~INTO_BITS;
  const row = t + H_ROW;
  const y = place(table, into & INTO_PLAIN ? ref : 0, row);
  if (y == 0 || load<u32>(y, Y_BAD)) return false;
  for (let g = <usize>load<u32>(y, Y_GROUPS); g != 0; g = load<u32>(g, Z0_NEXT)) {
    const n = load<u32>(g, Z0_COUNT);
    let h: u32 = <u32>g * 0x9e3779b1;
    const last = g + Z0_WORDS + (<usize>n << 3);
    let k: u32 = 0x85ebca6b;
    for (let w = g + Z0_WORDS; w < last; w += 8) {
      h += (load<u32>(row + load<u32>(w)) & load<u32>(w, 4)) * k;
      k += 0x3c6ef372;
    }
    h ^= h >>> 15;
    h *= 0xc2b2ae35;
    let i = h >>> 8 & (TRAIL_SLOTS - 1);
    while (true) {
      const slot = slots + (<usize>i << 3);
      const l = <usize>load<u32>(slot, 4);
      if (l == 0) break;
      if (load<u32>(slot) == h && load<u32>(l, L_GROUP) == <u32>g) {
        let v = l + L_VALUES;
        let w = g + Z0_WORDS;
        while (w < last && (load<u32>(row + load<u32>(w)) & load<u32>(w, 4)) == load<u32>(v)) {
          w += 8;
          v += 4;
        }
        if (w == last) {
          store<u32>(y, load<u32>(y, Y_FOUND) + 1, Y_FOUND);
          take(t, l, v, frame, walks);
          return true;
        }
      }
      i = (i + 1) & (TRAIL_SLOTS - 1);
    }
  }
  const missed = load<u32>(y, Y_MISSED) + 1;
  store<u32>(y, missed, Y_MISSED);
  if (missed > PROBATION && missed > load<u32>(y, Y_FOUND) >>> 2) {
    store<u32>(y, 1, Y_BAD);
    return false;
  }
  lay(t, y, into, ref, frame, walks);
  return true;
}

/** Takes a known trail; what was written, and frames, stand at `at`. */
function take(t: usize, l: usize, at: usize, frame: usize, walks: u32): void {
  const row = t + H_ROW;
  store<u32>(S, load<u32>(S, S_EVENT_COUNT) + load<u32>(l, L_EVENTS), S_EVENT_COUNT);
  store<u32>(t, load<u32>(t, H_HOPS) + load<u32>(l, L_HOPS), H_HOPS);
  store<u64>(
    S,
    load<u64>(S, S_PATH_LOW) * load<u64>(l, L_TIMES) + load<u64>(l, L_ADD) + <u64>load<u32>(t, H_NUMBER) * load<u64>(l, L_SHARE),
    S_PATH_LOW,
  );
  for (let n = load<u32>(l, L_WRITES); n > 0; n--) {
    const w = row + load<u32>(at);
    store<u32>(w, (load<u32>(w) & load<u32>(at, 4)) | load<u32>(at, 8));
    at += 12;
  }
  for (let n = load<u32>(l, L_FRAMES); n > 0; n--) {
    store<u32>(frame, load<u32>(at), F_PC);
    store<u32>(frame, load<u32>(at, 4), F_CURSOR);
    store<u32>(frame, load<u32>(at, 8), F_TABLE);
    store<u32>(frame, walks + load<u32>(at, 12), F_WALKS);
    frame += FRAME_BYTES;
    at += 16;
  }
  trailPc = load<u32>(l, L_PC);
  trailCursor = load<u32>(l, L_CURSOR);
  trailTable = load<u32>(l, L_TABLE);
  trailInto = load<u32>(l, L_INTO);
  trailRef = load<u32>(l, L_REF);
  trailEntry = load<u32>(l, L_ENTRY);
  trailFrame = frame;
  trailWalks = walks + load<u32>(l, L_WALKS);
}

/** Bits of a word are looked at: those that the trail has not written itself count. */
// @ts-ignore: decorator
@inline
function look(at: u32, mask: u32): void {
  store<u32>(looked + at, load<u32>(looked + at) | (mask & ~load<u32>(written + at)));
}
// @ts-ignore: decorator
@inline
function write(at: u32, mask: u32): void {
  store<u32>(written + at, load<u32>(written + at) | mask);
}
/** The bits that a counted list of pieces at `p` reads. */
function lookPieces(p: usize): void {
  for (let n = load<u32>(p), q = p + 4; n > 0; n--, q += PIECE_BYTES) look(load<u32>(q), load<u32>(q, 8) << load<u32>(q, 4));
}
/** The bits that a counted list of pieces at `p` writes. */
function writePieces(p: usize): void {
  for (let n = load<u32>(p), q = p + 4; n > 0; n--, q += PIECE_BYTES) write(load<u32>(q, 12), load<u32>(q, 8) << load<u32>(q, 16));
}

/** matchesTriples, up to the first that does not match. */
function holds(p: usize, behind: usize, row: usize): bool {
  for (; p < behind; p += 12) {
    look(load<u32>(p), load<u32>(p, 4));
    if ((load<u32>(row + load<u32>(p)) & load<u32>(p, 4)) != load<u32>(p, 8)) return false;
  }
  return true;
}
// @ts-ignore: decorator
@inline
function entryHolds(e: usize, row: usize): bool {
  return holds(e + ENTRY_BYTES, e + ENTRY_BYTES + <usize>load<u32>(e, E_WORDS) * 12, row);
}

/** The first entry with the row's values in a tuple. */
function probe(t: usize, row: usize): usize {
  const n = <usize>load<u32>(t, U_WORDS);
  const words = t + TUPLE_BYTES;
  const guards = words + n * 12;
  if (!holds(guards, guards + load<u32>(t, U_GUARDS), row)) return 0;
  let h: u32 = 0;
  for (let m = words; m < guards; m += 12) {
    look(load<u32>(m), load<u32>(m, 4));
    h += (load<u32>(row + load<u32>(m)) & load<u32>(m, 4)) * load<u32>(m, 8);
  }
  const shift = load<u32>(t, U_SHIFT);
  let i = h >>> shift;
  while (true) {
    const slot = <usize>load<u32>(t, U_SLOTS) + (<usize>i << 3);
    const e = <usize>load<u32>(slot, 4);
    if (e == 0) return 0;
    if (load<u32>(slot) == h) {
      let v = e + ENTRY_BYTES;
      let m = words;
      while (m < guards && (load<u32>(row + load<u32>(m)) & load<u32>(m, 4)) == load<u32>(v)) {
        m += 12;
        v += 4;
      }
      if (m == guards) return e;
    }
    i = (i + 1) & (<u32>0xffff_ffff >>> shift);
  }
  return 0;
}

/** `find` of classify.ts, with what it looks at. */
function find(ref: usize, row: usize, from: u32, limit: u32): usize {
  let found: usize = 0;
  while (ref != 0) {
    const what = ref & REF_BITS;
    const at = ref - what;
    if (what != REF_NODE) {
      let e: usize = 0;
      if (load<u32>(at, E_RANK) < limit) {
        if (what == REF_TUPLE) e = probe(at, row);
        else if (what == REF_SURE || entryHolds(at, row)) e = at;
        while (e != 0 && load<u32>(e, E_RANK) < from) e = what == REF_TUPLE ? <usize>load<u32>(e, E_NEXT) : 0;
        if (e != 0 && load<u32>(e, E_RANK) < limit) found = e;
      }
      return found;
    }
    const kind = load<u32>(ref);
    if (kind == NODE_SPLIT || kind == NODE_SPLIT_REST) {
      if (kind == NODE_SPLIT_REST && load<u32>(ref, X_REST_RANK) < limit) {
        const e = find(load<u32>(ref, X_REST), row, from, limit);
        if (e != 0) {
          found = e;
          limit = load<u32>(e, E_RANK);
        }
      }
      look(load<u32>(ref, X_WORD), load<u32>(ref, X_MASK));
      const value = load<u32>(row + load<u32>(ref, X_WORD)) & load<u32>(ref, X_MASK);
      const shift = load<u32>(ref, X_SHIFT);
      let i: u32 = (value * 0x9e3779b1) >>> shift;
      while (true) {
        const slot = <usize>load<u32>(ref, X_SLOTS) + (<usize>i << 3);
        const branch = <usize>load<u32>(slot, 4);
        if (branch == 0) {
          ref = load<u32>(ref, X_OTHER);
          break;
        }
        if (load<u32>(slot) == value) {
          ref = branch;
          break;
        }
        i = (i + 1) & (<u32>0xffff_ffff >>> shift);
      }
    } else if (kind == NODE_SCAN) {
      let e = ref + 8;
      for (let n = load<u32>(ref, 4); n > 0; n--) {
        const rank = load<u32>(e, E_RANK);
        if (rank >= limit) break;
        if (rank >= from && entryHolds(e, row)) return e;
        e += <usize>ENTRY_BYTES + <usize>load<u32>(e, E_WORDS) * 12;
      }
      return found;
    } else {
      let p = ref + 8;
      for (let n = load<u32>(ref, 4); n > 0; n--) {
        const e = find(load<u32>(p), row, from, limit);
        if (e != 0) {
          found = e;
          limit = load<u32>(e, E_RANK);
        } else if (load<u32>(<usize>load<u32>(p) & ~REF_BITS, U_RANK) >= limit) break;
        p += 4;
      }
      return found;
    }
  }
  return found;
}

// What the trail's events make of the path hash.
let times: u64 = 0;
let add: u64 = 0;
let share: u64 = 0;
let events: u32 = 0;
function step(t: usize, kind: u32, a: u32, b: u32, c: u32): void {
  events++;
  times *= chainStep;
  add = chain(add, 0, kind, a, b, c);
  share = (share + THREAD_SHARE) * chainStep;
  store<u32>(S, load<u32>(S, S_EVENT_COUNT) + 1, S_EVENT_COUNT);
  store<u64>(S, chain(load<u64>(S, S_PATH_LOW), load<u32>(t, H_NUMBER), kind, a, b, c), S_PATH_LOW);
}

/** Goes on as `thread` of machine.ts does, as long as only the row decides, and keeps what came of it. */
function lay(t: usize, y: usize, into: usize, ref: usize, bottom: usize, walks0: u32): void {
  const row = t + H_ROW;
  memory.fill(looked, 0, ROW_BYTES << 1);
  copyRow(before, row);
  times = 1;
  add = 0;
  share = 0;
  events = 0;
  const hops0 = load<u32>(t, H_HOPS);
  let frame = bottom;
  let walks = walks0;
  let pc: usize = 0;
  let cursor: usize = CURSOR_ENDED;
  let table: usize = 0;
  let entry: usize = 0;
  while (events < MOST) {
    if (into != 0) {
      const to = into & ~INTO_BITS;
      const kind = load<u32>(to, T_KIND);
      if (kind == TABLE_CONJUNCTIVE || walks - walks0 >= MOST_FRAMES) break;
      walks++;
      table = to;
      into = 0;
      if (kind == TABLE_SEQUENCE) {
        pc = 0;
        cursor = load<u32>(table, T_ROOT) == 0 ? CURSOR_AT_END : CURSOR_RANK;
      } else {
        cursor = CURSOR_ENDED;
        entry = find(load<u32>(table, T_ROOT), row, 0, 0xffff_ffff);
        store<u32>(t, load<u32>(t, H_HOPS) + 1, H_HOPS);
        let on: u32;
        if (entry != 0) {
          step(t, EV_HIT, load<u32>(table, T_ID), load<u32>(entry, E_RULE), load<u32>(entry, E_ROW));
          on = load<u32>(entry, E_INTO);
          ref = load<u32>(entry, E_REF);
          pc = load<u32>(entry, E_CODE);
          if (pc != 0) on = 0;
        } else {
          step(t, EV_MISS, load<u32>(table, T_ID), 0, 0);
          on = load<u32>(table, T_MISS_INTO);
          ref = load<u32>(table, T_MISS_REF);
          pc = load<u32>(table, T_MISS);
        }
        if (on != 0) {
          walks -= on & INTO_GOTO;
          into = on & ~INTO_GOTO;
          continue;
        }
      }
    }
    if (pc == 0) {
      if (cursor > CURSOR_AT_END) {
        const e = find(load<u32>(table, T_ROOT), row, <u32>cursor - CURSOR_RANK, 0xffff_ffff);
        if (e != 0) {
          cursor = load<u32>(e, E_AFTER);
          store<u32>(t, load<u32>(t, H_HOPS) + 1, H_HOPS);
          step(t, EV_HIT, load<u32>(table, T_ID), load<u32>(e, E_RULE), load<u32>(e, E_ROW));
          pc = load<u32>(e, E_CODE);
          continue;
        }
        cursor = CURSOR_AT_END;
      }
      if (cursor == CURSOR_AT_END) {
        cursor = CURSOR_ENDED;
        store<u32>(t, load<u32>(t, H_HOPS) + 1, H_HOPS);
        step(t, EV_MISS, load<u32>(table, T_ID), 0, 0);
        pc = load<u32>(table, T_MISS);
        continue;
      }
      // What is beneath the first frame is not the trail's.
      if (frame == bottom) break;
      frame -= FRAME_BYTES;
      walks = load<u32>(frame, F_WALKS);
      pc = load<u32>(frame, F_PC);
      cursor = load<u32>(frame, F_CURSOR);
      table = load<u32>(frame, F_TABLE);
      continue;
    }
    const op = load<u32>(pc);
    if (op == OP_END) pc = 0;
    else if (op == OP_JUMP) pc = load<u32>(pc, 4);
    else if (op == OP_SET) {
      const at = load<u32>(pc, 4);
      write(at, ~load<u32>(pc, 8));
      store<u32>(row + at, (load<u32>(row + at) & load<u32>(pc, 8)) | load<u32>(pc, 12));
      pc += 16;
    } else if (op == OP_SETS) {
      let p = pc + 12;
      for (let n = load<u32>(pc, 4); n > 0; n--, p += 12) write(load<u32>(p), ~load<u32>(p, 4));
      for (let n = load<u32>(pc, 8); n > 0; n--, p += 36) for (let k: u32 = 0; k < 16; k += 4) write(load<u32>(p) + k, ~load<u32>(p + 4 + k));
      pc = setWords(pc, row);
    } else if (op == OP_MOVE) {
      lookPieces(pc + 4);
      writePieces(pc + 4);
      pc = carryAll(pc + 4, row, row);
    } else if (op == OP_MOVE_WIDE) {
      lookPieces(pc + 4);
      pc = readValue(pc + 4, row, S + S_SCRATCH0);
      writePieces(pc);
      pc = carryAll(pc, S + S_SCRATCH0, row);
    } else if (op == OP_DEC_TTL) {
      const at: u32 = F_IP_TTL << 2;
      look(at, 0xffff_ffff);
      const ttl = load<u32>(row + at);
      if (ttl > 1) {
        write(at, 0xffff_ffff);
        store<u32>(row + at, ttl - 1);
        pc += 8;
      } else pc = load<u32>(pc, 4);
    } else if (op == OP_CALL) {
      if (frame - bottom >= <usize>MOST_FRAMES * FRAME_BYTES) break;
      into = load<u32>(pc, 4);
      ref = load<u32>(pc, 8);
      if (cursor == CURSOR_ENDED && load<u32>(pc, 12) == OP_END) continue;
      store<u32>(frame, <u32>pc + 12, F_PC);
      store<u32>(frame, <u32>cursor, F_CURSOR);
      store<u32>(frame, <u32>table, F_TABLE);
      store<u32>(frame, walks, F_WALKS);
      frame += FRAME_BYTES;
    } else if (op == OP_GOTO) {
      if (load<u32>(pc, 12)) break;
      if (table != 0) walks--;
      into = load<u32>(pc, 4);
      ref = load<u32>(pc, 8);
    } else if (op == OP_ON) {
      into = load<u32>(entry, E_INTO);
      ref = load<u32>(entry, E_REF);
      walks -= <u32>into & INTO_GOTO;
      into &= ~INTO_GOTO;
    } else if (op == OP_RETURN) {
      cursor = CURSOR_ENDED;
      pc = 0;
    } else if (op == OP_NOTE) {
      step(t, EV_NOTE, load<u32>(pc, 4), 0, 0);
      pc += 8;
    } else break;
  }
  trailPc = pc;
  trailCursor = cursor;
  trailTable = table;
  trailInto = into;
  trailRef = ref;
  trailEntry = entry;
  trailFrame = frame;
  trailWalks = walks;
  if (events < LEAST) return;
  keep(y, row, bottom, frame, walks0, load<u32>(t, H_HOPS) - hops0);
}

/** Keeps the trail that has just been laid. */
function keep(y: usize, row: usize, bottom: usize, frame: usize, walks0: u32, hops: u32): void {
  // The most that a group and a trail can take.
  if (top + 4 * ROW_BYTES + 8192 > end) {
    forgetTrails();
    return;
  }
  let g = group(y);
  if (g == 0) {
    store<u32>(y, 1, Y_BAD);
    return;
  }
  const n = load<u32>(g, Z0_COUNT);
  const l = top;
  store<u32>(l, <u32>g, L_GROUP);
  store<u32>(l, events, L_EVENTS);
  store<u32>(l, hops, L_HOPS);
  store<u64>(l, times, L_TIMES);
  store<u64>(l, add, L_ADD);
  store<u64>(l, share, L_SHARE);
  store<u32>(l, <u32>trailPc, L_PC);
  store<u32>(l, <u32>trailCursor, L_CURSOR);
  store<u32>(l, <u32>trailTable, L_TABLE);
  store<u32>(l, <u32>trailInto, L_INTO);
  store<u32>(l, <u32>trailRef, L_REF);
  store<u32>(l, <u32>trailEntry, L_ENTRY);
  store<u32>(l, trailWalks - walks0, L_WALKS);
  let at = l + L_VALUES;
  let h: u32 = <u32>g * 0x9e3779b1;
  let k: u32 = 0x85ebca6b;
  for (let i: u32 = 0, w = g + Z0_WORDS; i < n; i++, w += 8) {
    const value = load<u32>(before + load<u32>(w)) & load<u32>(w, 4);
    store<u32>(at, value);
    at += 4;
    h += value * k;
    k += 0x3c6ef372;
  }
  h ^= h >>> 15;
  h *= 0xc2b2ae35;
  let writes: u32 = 0;
  for (let w: u32 = 0; w < <u32>W; w += 4) {
    const mask = load<u32>(written + w);
    if (mask == 0) continue;
    store<u32>(at, w);
    store<u32>(at, ~mask, 4);
    store<u32>(at, load<u32>(row + w) & mask, 8);
    at += 12;
    writes++;
  }
  store<u32>(l, writes, L_WRITES);
  store<u32>(l, <u32>(frame - bottom) / FRAME_BYTES, L_FRAMES);
  for (let f = bottom; f < frame; f += FRAME_BYTES) {
    store<u32>(at, load<u32>(f, F_PC));
    store<u32>(at, load<u32>(f, F_CURSOR), 4);
    store<u32>(at, load<u32>(f, F_TABLE), 8);
    store<u32>(at, load<u32>(f, F_WALKS) - walks0, 12);
    at += 16;
  }
  top = (at + 7) & ~7;
  let i = h >>> 8 & (TRAIL_SLOTS - 1);
  let tried: u32 = 0;
  while (load<u32>(slots + (<usize>i << 3), 4) != 0) {
    i = (i + 1) & (TRAIL_SLOTS - 1);
    // Chains of slots stay short.
    if (++tried > 64) {
      forgetTrails();
      return;
    }
  }
  store<u32>(slots + (<usize>i << 3), h);
  store<u32>(slots + (<usize>i << 3), <u32>l, 4);
}

/** The group of a place whose key has the bits that were looked at; 0: there are too many. */
function group(y: usize): usize {
  let n: u32 = 0;
  let groups: u32 = 0;
  for (let w: usize = 0; w < W; w += 4) if (load<u32>(looked + w)) n++;
  for (let g = <usize>load<u32>(y, Y_GROUPS); g != 0; g = load<u32>(g, Z0_NEXT)) {
    groups++;
    if (load<u32>(g, Z0_COUNT) != n) continue;
    let same = true;
    for (let i: u32 = 0, w = g + Z0_WORDS; i < n && same; i++, w += 8) same = load<u32>(looked + load<u32>(w)) == load<u32>(w, 4);
    if (same) return g;
  }
  if (groups >= MOST_GROUPS) return 0;
  const g = top;
  store<u32>(g, load<u32>(y, Y_GROUPS), Z0_NEXT);
  store<u32>(g, n, Z0_COUNT);
  let at = g + Z0_WORDS;
  for (let w: u32 = 0; w < <u32>W; w += 4) {
    const mask = load<u32>(looked + w);
    if (mask == 0) continue;
    store<u32>(at, w);
    store<u32>(at, mask, 4);
    at += 8;
  }
  store<u32>(y, <u32>g, Y_GROUPS);
  top = (at + 7) & ~7;
  return g;
}
