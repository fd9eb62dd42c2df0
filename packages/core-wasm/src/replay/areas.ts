/** Lays the areas of a replay into a core's memory, behind its state, and writes its settings. */
import { PlumblineError, ROW_WORDS } from "@plumbline/model";
import type { CoreInside } from "../core.js";
import {
  ABSENT_BYTES,
  ABSENT_CHAINS,
  FLOW_BYTES,
  FLOW_FIRST_BYTES,
  INTERFACE_BYTES,
  INTERFACE_MOST,
  LINE_BYTES,
  PATH_BYTES,
  POINT,
  REPLAY,
  REPLAY_BYTES,
} from "../layout.js";
import { align } from "../state.js";
import type { Seat } from "./reader.js";
import type { ReplayOptions } from "./records.js";

/** Bytes staged at a time; larger pieces fall out of the processor's cache. */
export const STAGE_BYTES = 1 << 20;
/** The longest record that tcpdump writes (MAXIMUM_SNAPLEN). A longer one means that the file is damaged. */
export const MAX_RECORD = 262144;
/** Flows that the index has room for at first. */
const FIRST_FLOWS = 1 << 14;
/** Numbers of flows have 24 bits. */
const MOST_FLOWS = 0xfffffe;
/** Absences that trajectories may depend on. */
const MOST_ABSENCES = 1 << 20;

export function layReplay(inside: CoreInside, options: ReplayOptions): Seat {
  const { arena } = inside;
  let most = Math.min(MOST_FLOWS, Math.max(1, options.maxFlows ?? 1 << 22));
  const stride = options.keepFirst ? FLOW_FIRST_BYTES : FLOW_BYTES;
  const maxPaths = Math.max(1, options.maxPaths ?? 1 << 16);
  const macs = options.direction.kind === "all" ? [] : options.direction.kind === "to" ? [options.direction.mac] : options.direction.macs;
  let end = align(inside.end, 64);
  const area = (bytes: number): number => {
    const at = end;
    end = align(end + bytes, 64);
    return at;
  };
  const r = area(REPLAY_BYTES);
  const macsAt = area(8 * macs.length);
  const ends = options.tunnels?.addresses ?? [];
  const endsAt = area(4 * ends.length);
  const own = options.own ?? [];
  const ownAt = area(16 * own.length);
  const stage = area(STAGE_BYTES + 2 * MAX_RECORD + 64);
  const blocks = area(STAGE_BYTES + 2 * MAX_RECORD + 64);
  const interfaces = area(INTERFACE_BYTES * INTERFACE_MOST);
  const pathSlots = slotsFor(maxPaths);
  const pathIndex = area(4 * pathSlots);
  const paths = area(maxPaths * PATH_BYTES);
  const flagMap = area(256);
  const rowMask = area(4 * ROW_WORDS);
  const absentHeads = area(4 * ABSENT_CHAINS);
  const absent = area(ABSENT_BYTES * MOST_ABSENCES);
  // What is not used of what follows costs address space, not memory.
  let index = 0;
  let lines = 0;
  let flows = 0;
  const from = end;
  for (;;) {
    end = from;
    index = area(16 * bucketsFor(most));
    lines = area(LINE_BYTES * most);
    flows = area(stride * most);
    try {
      arena.reserve(end);
      break;
    } catch (e) {
      if (!(e instanceof PlumblineError) || most < 2) throw e;
      most >>>= 1;
    }
  }
  arena.zero(r, r + align(REPLAY_BYTES, 4));
  arena.zero(pathIndex, pathIndex + 4 * pathSlots);
  arena.zero(absentHeads, absentHeads + 4 * ABSENT_CHAINS);
  macs.forEach((mac, i) => {
    arena.put(macsAt + 8 * i, Number(mac >> 32n));
    arena.put(macsAt + 8 * i + 4, Number(mac & 0xffffffffn));
  });
  arena.words.set(ends, endsAt >>> 2);
  const put = (name: keyof typeof REPLAY, value: number) => arena.put(r + REPLAY[name], value);
  put("R_FLOW_STRIDE", stride);
  put("R_TUNNEL_PORT", options.tunnels?.port ?? 0);
  put("R_TUNNEL_ADDRESSES", endsAt);
  put("R_TUNNEL_COUNT", ends.length);
  put("R_TUNNEL_OPTION", options.tunnels?.option ?? 0);
  own.forEach((address, i) => {
    for (let k = 0; k < 4; k++) arena.put(ownAt + 16 * i + 4 * k, Number((address >> BigInt(96 - 32 * k)) & 0xffffffffn));
  });
  put("R_OWN", ownAt);
  put("R_OWN_COUNT", own.length);
  put("R_MAX_RECORD", MAX_RECORD);
  put("R_DEVICE", options.device);
  put("R_PORT", options.port);
  put("R_POINT", { all: POINT.POINT_ALL, to: POINT.POINT_TO, from: POINT.POINT_FROM, by: POINT.POINT_BY }[options.direction.kind]);
  put("R_MACS", macsAt);
  put("R_MAC_COUNT", macs.length);
  put("R_RUN", options.run === false ? 0 : 1);
  put("R_STAGE", stage);
  put("R_INDEX", index);
  put("R_INDEX_MASK", bucketsFor(Math.min(FIRST_FLOWS, most)) - 1);
  put("R_FLOWS", flows);
  put("R_FLOW_CAPACITY", Math.min(FIRST_FLOWS, most));
  put("R_FLOW_MOST", most);
  put("R_LINES", lines);
  put("R_CACHE_LIMIT", Math.min(options.maxTrajectories ?? most, most));
  const reads = options.reads ?? inside.reads();
  arena.bytes.set(reads.flagMap, flagMap);
  arena.words.set(reads.rowMask, rowMask >>> 2);
  put("R_TOS_MASK", reads.tos);
  put("R_FLAG_MAP", flagMap);
  put("R_HIGH_FLAGS", reads.highFlags);
  put("R_LENGTH_MASK", reads.length ? 0xffffffff : 0);
  put("R_ROW_MASK", rowMask);
  put("R_ABSENT_HEADS", absentHeads);
  put("R_ABSENT", absent);
  put("R_ABSENT_LIMIT", MOST_ABSENCES);
  put("R_BLOCKS", blocks);
  put("R_INTERFACES", interfaces);
  put("R_SPAN_FROM", 0xffffffff);
  put("R_SPAN_FROM_HIGH", 0xffffffff);
  // With someone to hand flows to there is no limit: the table is emptied when it is full.
  put("R_FLOW_LIMIT", options.onFull ? 0xffffffff : most);
  put("R_PATH_INDEX", pathIndex);
  put("R_PATH_INDEX_MASK", pathSlots - 1);
  put("R_PATHS", paths);
  put("R_PATH_LIMIT", maxPaths);
  put("R_PART", options.share?.part ?? 0);
  put("R_PARTS", options.share?.parts ?? 1);
  arena.exports.indexFlows(r);
  return { r, flows, stride, paths, stage, blocks };
}

/** Slots of an index for `count` records: a power of two, at most half full. */
function slotsFor(count: number): number {
  let slots = 16;
  while (slots < 2 * count) slots *= 2;
  return slots;
}

/** Buckets of the flows' index, of four slots each: at most two of them are used on average. */
function bucketsFor(count: number): number {
  let buckets = 16;
  while (2 * buckets < count) buckets *= 2;
  return buckets;
}
