// pcapng to records: the blocks of a staged pcapng file (IETF draft-ietf-opsawg-pcapng) are rewritten as the records of a pcap with
// nanoseconds, which replay.ts reads. Sections may differ in byte order, interfaces in link type, unit and origin of time.
//
// Understood are section headers, interface descriptions (if_tsresol, if_tsoffset), enhanced, simple and the obsolete packet blocks; other blocks are
// passed over, however long. A simple packet has no time: it gets that of the packet before it. What comes from an interface that is not
// Ethernet is counted.
import { COUNT_OTHER_LINK, INTERFACE_BYTES, INTERFACE_MOST, I_LINK, I_OFFSET, I_PER_SECOND, I_SNAP, RECORD_HEADER, R_BLOCKS, R_BLOCKS_STAGED, R_BLOCKS_USED, R_INTERFACES, R_INTERFACE_COUNT, R_LAST_FRACTION, R_LAST_SECONDS, R_LINK, R_MAX_RECORD, R_PART, R_SKIP, R_STAGE, R_STAGED, R_TURNED, UNWRAP_CORRUPT, UNWRAP_DONE } from "./layout";
import { count } from "./trajectory";

const SECTION: u32 = 0x0a0d0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const PACKET: u32 = 6;
const ORDER: u32 = 0x1a2b3c4d;
const TURNED: u32 = 0x4d3c2b1a;
const TSRESOL: u32 = 9;
const TSOFFSET: u32 = 14;
const ETHERNET: u32 = 1;
const GIGA: u64 = 1_000_000_000;

/** The section has the other byte order. */
let turned: bool = false;

// @ts-ignore: decorator
@inline
function u16At(p: usize): u32 {
  const x = <u32>load<u16>(p);
  return turned ? ((x & 0xff) << 8) | (x >>> 8) : x;
}
// @ts-ignore: decorator
@inline
function u32At(p: usize): u32 {
  const x = load<u32>(p);
  return turned ? bswap<u32>(x) : x;
}
// @ts-ignore: decorator
@inline
function u64At(p: usize): u64 {
  const x = load<u64>(p);
  return turned ? bswap<u64>(x) : x;
}

/** Rewrites all whole blocks that are staged; R_BLOCKS_USED says how far it came. Returns an UNWRAP status. */
export function unwrap(r: usize): u32 {
  const blocks = load<usize>(r, R_BLOCKS);
  const end = load<u32>(r, R_BLOCKS_STAGED);
  turned = load<u32>(r, R_TURNED) != 0;
  let used = load<u32>(r, R_BLOCKS_USED);
  while (true) {
    // The rest of a block that is longer than what is staged at a time.
    const skip = min<u32>(load<u32>(r, R_SKIP), end - used);
    used += skip;
    store<u32>(r, load<u32>(r, R_SKIP) - skip, R_SKIP);
    store<u32>(r, used, R_BLOCKS_USED);
    if (used + 12 > end) return UNWRAP_DONE;
    const p = blocks + used;
    const isSection = load<u32>(p) == SECTION;
    if (isSection) {
      const order = load<u32>(p, 8);
      if (order != ORDER && order != TURNED) return UNWRAP_CORRUPT;
      turned = order == TURNED;
      store<u32>(r, turned ? 1 : 0, R_TURNED);
      store<u32>(r, 0, R_INTERFACE_COUNT);
    }
    const type = isSection ? SECTION : u32At(p);
    const total = u32At(p + 4);
    if (total < 12 || total & 3) return UNWRAP_CORRUPT;
    const isRead = type == INTERFACE || type == PACKET || type == OLD_PACKET || type == SIMPLE_PACKET;
    if (!isRead) {
      store<u32>(r, total, R_SKIP);
      continue;
    }
    if (total > 2 * load<u32>(r, R_MAX_RECORD)) return UNWRAP_CORRUPT;
    if (total > end - used) return UNWRAP_DONE;
    if (!(type == INTERFACE ? describes(r, p, total) : packet(r, p, type, total))) return UNWRAP_CORRUPT;
    used += total;
  }
}

/** An interface description. False: it cannot be one, or there are too many. */
function describes(r: usize, p: usize, total: u32): bool {
  const n = load<u32>(r, R_INTERFACE_COUNT);
  if (total < 20 || n == INTERFACE_MOST) return false;
  store<u32>(r, n + 1, R_INTERFACE_COUNT);
  const at = load<usize>(r, R_INTERFACES) + <usize>n * INTERFACE_BYTES;
  const link = u16At(p + 8);
  store<u32>(at, link, I_LINK);
  if (link != ETHERNET) store<u32>(r, link, R_LINK);
  store<u32>(at, u32At(p + 12), I_SNAP);
  store<u64>(at, 1_000_000, I_PER_SECOND);
  store<u64>(at, 0, I_OFFSET);
  const end = p + total - 4;
  for (let o = p + 16; o + 4 <= end; ) {
    const code = u16At(o);
    const length = u16At(o + 2);
    if (code == 0 || o + 4 + length > end) break;
    if (code == TSRESOL && length >= 1) {
      const perSecond = unitsOf(load<u8>(o, 4));
      if (perSecond == 0) return false;
      store<u64>(at, perSecond, I_PER_SECOND);
    }
    if (code == TSOFFSET && length >= 8) store<u64>(at, u64At(o + 4), I_OFFSET);
    o += 4 + ((length + 3) & ~3);
  }
  return true;
}

/** Units of a second of a time resolution; 0 where they are more than 64 bits can count. */
function unitsOf(resolution: u32): u64 {
  const power = resolution & 0x7f;
  if (resolution & 0x80) return power < 64 ? <u64>1 << <u64>power : 0;
  if (power > 19) return 0;
  let units: u64 = 1;
  for (let i: u32 = 0; i < power; i++) units *= 10;
  return units;
}

/** A packet of any of the three kinds, as a record. False: it contradicts itself. */
function packet(r: usize, p: usize, type: u32, total: u32): bool {
  const simple = type == SIMPLE_PACKET;
  const head: u32 = simple ? 12 : 28;
  if (total < head + 4) return false;
  const number: u32 = simple ? 0 : type == OLD_PACKET ? u16At(p + 8) : u32At(p + 8);
  if (number >= load<u32>(r, R_INTERFACE_COUNT)) return false;
  const from = load<usize>(r, R_INTERFACES) + <usize>number * INTERFACE_BYTES;
  const length = u32At(p + (simple ? 8 : 24));
  const room = total - head - 4;
  let captured = simple ? min<u32>(length, room) : u32At(p + 20);
  const snap = load<u32>(from, I_SNAP);
  if (simple && snap != 0) captured = min<u32>(captured, snap);
  if (captured > room) return false;
  if (load<u32>(from, I_LINK) != ETHERNET) {
    if (load<u32>(r, R_PART) == 0) count(r, COUNT_OTHER_LINK, 1);
    return true;
  }
  if (!simple) {
    const units = (<u64>u32At(p + 12) << 32) | <u64>u32At(p + 16);
    const perSecond = load<u64>(from, I_PER_SECOND);
    const rest = units % perSecond;
    store<u32>(r, <u32>(units / perSecond + load<u64>(from, I_OFFSET)), R_LAST_SECONDS);
    store<u32>(r, nanoseconds(rest, perSecond), R_LAST_FRACTION);
  }
  const staged = load<u32>(r, R_STAGED);
  const to = load<usize>(r, R_STAGE) + staged;
  store<u32>(to, load<u32>(r, R_LAST_SECONDS));
  store<u32>(to, load<u32>(r, R_LAST_FRACTION), 4);
  store<u32>(to, captured, 8);
  store<u32>(to, length, 12);
  memory.copy(to + RECORD_HEADER, p + head, captured);
  store<u32>(r, staged + RECORD_HEADER + captured, R_STAGED);
  return true;
}

function nanoseconds(rest: u64, perSecond: u64): u32 {
  if (perSecond <= 10 * GIGA) return <u32>((rest * GIGA) / perSecond);
  return perSecond % GIGA == 0 ? <u32>(rest / (perSecond / GIGA)) : <u32>((<f64>rest / <f64>perSecond) * 1e9);
}
