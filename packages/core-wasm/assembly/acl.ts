// Look-ups in rule sets of five ranges (src/acl): many packets a call, the first matching rule of each. A packet is eight 16-bit lanes: source (high, low),
// destination (high, low), source port, destination port, protocol, 0. A result is the rule's number, NO_RULE where none matches.
import {
  ACL_NO_RULE, AL_CANDIDATES, AL_CLASSES, AL_COUNT, AL_FINAL, AL_LISTS, AL_PAIRS, AL_PARTS, AL_PART_COUNT, AL_PORTS, AL_PROTOCOLS, AL_RULES, AL_SCRATCH, AL_SOURCES, AL_TABLES, AL_TARGETS, AL_WITH_PROTOCOL, AP_BYTES, AP_FINAL,
  AP_FINAL_STRIDE, AP_PAIRS, AP_PAIR_STRIDE, AP_REST, AP_SOURCES, AP_TARGETS, PARTS_AT_ONCE,
  CR_HIGH, CR_RANK, CUT_RECORD_BYTES, LIST_BYTES, LIST_MOST, LI_DST, LI_PROTO, LI_RULE, LI_SRC, RULE_BYTES, RU_HIGH, RU_LAST, RU_RANK, TB_BYTES, TB_RANK, TB_SHIFT, TB_SLOTS,
} from "./layout";

const KEY_BYTES: usize = 16;
/** Bytes of an array of 16-bit classes, one a value of a lane. */
const LANE_BYTES: usize = 65536 << 1;

// @ts-ignore: decorator
@inline
function classOf(classes: usize, value: u32): u32 {
  return load<u16>(classes + (<usize>value << 1));
}
/** The class of two classes: `stride` of the second for each of the first. */
// @ts-ignore: decorator
@inline
function pairOf(table: usize, stride: u32, one: u32, other: u32): u32 {
  return load<u16>(table + (<usize>(one * stride + other) << 1));
}

/** Recursive flow classification (Gupta and McKeown 1999): classes of lanes, of pairs of them, and so on to the rule. */
export function classifyByClasses(img: usize, keys: usize, n: u32, out: usize): void {
  const c = <usize>load<u32>(img, AL_CLASSES);
  const sources = <usize>load<u32>(img, AL_SOURCES);
  const sourceStride = load<u32>(img, AL_SOURCES + 4);
  const targets = <usize>load<u32>(img, AL_TARGETS);
  const targetStride = load<u32>(img, AL_TARGETS + 4);
  const ports = <usize>load<u32>(img, AL_PORTS);
  const portStride = load<u32>(img, AL_PORTS + 4);
  const protocols = <usize>load<u32>(img, AL_WITH_PROTOCOL);
  const protocolStride = load<u32>(img, AL_WITH_PROTOCOL + 4);
  const pairs = <usize>load<u32>(img, AL_PAIRS);
  const pairStride = load<u32>(img, AL_PAIRS + 4);
  const final = <usize>load<u32>(img, AL_FINAL);
  const finalStride = load<u32>(img, AL_FINAL + 4);
  const end = keys + <usize>n * KEY_BYTES;
  if (ports == 0) {
    // The source port tells nothing.
    for (; keys < end; keys += KEY_BYTES) {
      const a = pairOf(sources, sourceStride, classOf(c, load<u16>(keys)), classOf(c + LANE_BYTES, load<u16>(keys, 2)));
      const b = pairOf(targets, targetStride, classOf(c + 2 * LANE_BYTES, load<u16>(keys, 4)), classOf(c + 3 * LANE_BYTES, load<u16>(keys, 6)));
      const d = pairOf(protocols, protocolStride, classOf(c + 5 * LANE_BYTES, load<u16>(keys, 10)), classOf(c + 6 * LANE_BYTES, load<u8>(keys, 12)));
      const e = pairOf(pairs, pairStride, a, b);
      const rule = pairOf(final, finalStride, e, d);
      store<u32>(out, rule == 0xffff ? ACL_NO_RULE : rule);
      out += 4;
    }
    return;
  }
  for (; keys < end; keys += KEY_BYTES) {
    const a = pairOf(sources, sourceStride, classOf(c, load<u16>(keys)), classOf(c + LANE_BYTES, load<u16>(keys, 2)));
    const b = pairOf(targets, targetStride, classOf(c + 2 * LANE_BYTES, load<u16>(keys, 4)), classOf(c + 3 * LANE_BYTES, load<u16>(keys, 6)));
    const p = pairOf(ports, portStride, classOf(c + 4 * LANE_BYTES, load<u16>(keys, 8)), classOf(c + 5 * LANE_BYTES, load<u16>(keys, 10)));
    const d = pairOf(protocols, protocolStride, p, classOf(c + 6 * LANE_BYTES, load<u8>(keys, 12)));
    const e = pairOf(pairs, pairStride, a, b);
    const rule = pairOf(final, finalStride, e, d);
      store<u32>(out, rule == 0xffff ? ACL_NO_RULE : rule);
    out += 4;
  }
}

/** Classes of the addresses as there, then a list of the rules that are left, each with its ports and protocols; the last takes everything. */
export function classifyByLists(img: usize, keys: usize, n: u32, out: usize): void {
  const c = <usize>load<u32>(img, AL_CLASSES);
  const sources = <usize>load<u32>(img, AL_SOURCES);
  const sourceStride = load<u32>(img, AL_SOURCES + 4);
  const targets = <usize>load<u32>(img, AL_TARGETS);
  const targetStride = load<u32>(img, AL_TARGETS + 4);
  const pairs = <usize>load<u32>(img, AL_PAIRS);
  const pairStride = load<u32>(img, AL_PAIRS + 4);
  const lists = <usize>load<u32>(img, AL_LISTS);
  const end = keys + <usize>n * KEY_BYTES;
  for (; keys < end; keys += KEY_BYTES) {
    const a = pairOf(sources, sourceStride, classOf(c, load<u16>(keys)), classOf(c + LANE_BYTES, load<u16>(keys, 2)));
    const b = pairOf(targets, targetStride, classOf(c + 2 * LANE_BYTES, load<u16>(keys, 4)), classOf(c + 3 * LANE_BYTES, load<u16>(keys, 6)));
    store<u32>(out, inList(lists + <usize>load<u32>(pairs + (<usize>(a * pairStride + b) << 2)), keys));
    out += 4;
  }
}

/** The rule that list `at` has for the packet at `key`. */
// @ts-ignore: decorator
@inline
function inList(at: usize, key: usize): u32 {
  const src: u32 = load<u16>(key, 8);
  const dst: u32 = load<u16>(key, 10);
  const proto: u32 = load<u8>(key, 12);
  // Each range is its low end and its width.
  while (
    !(
      i32(src - <u32>load<u16>(at, LI_SRC) <= <u32>load<u16>(at, LI_SRC + 2)) &
      i32(dst - <u32>load<u16>(at, LI_DST) <= <u32>load<u16>(at, LI_DST + 2)) &
      i32(proto - <u32>load<u8>(at, LI_PROTO) <= <u32>load<u8>(at, LI_PROTO + 1))
    )
  )
    at += LIST_BYTES;
  return load<u32>(at, LI_RULE);
}

/**
 * Rules in parts, whose classes are fewer than those of all together: the classes of a packet once, then each part by its own tables, and the best of their
 * results.
 */
export function classifyByParts(img: usize, keys: usize, n: u32, out: usize): void {
  const c = <usize>load<u32>(img, AL_CLASSES);
  const sources = <usize>load<u32>(img, AL_SOURCES);
  const sourceStride = load<u32>(img, AL_SOURCES + 4);
  const targets = <usize>load<u32>(img, AL_TARGETS);
  const targetStride = load<u32>(img, AL_TARGETS + 4);
  const ports = <usize>load<u32>(img, AL_PORTS);
  const portStride = load<u32>(img, AL_PORTS + 4);
  const protocols = <usize>load<u32>(img, AL_WITH_PROTOCOL);
  const protocolStride = load<u32>(img, AL_WITH_PROTOCOL + 4);
  const scratch = <usize>load<u32>(img, AL_SCRATCH);
  const parts = <usize>load<u32>(img, AL_PARTS);
  const behind = parts + <usize>load<u32>(img, AL_PART_COUNT) * AP_BYTES;
  while (n > 0) {
    const count = min<u32>(n, PARTS_AT_ONCE);
    let to = scratch;
    let key = keys;
    for (let i = count; i > 0; i--) {
      const a = pairOf(sources, sourceStride, classOf(c, load<u16>(key)), classOf(c + LANE_BYTES, load<u16>(key, 2)));
      const b = pairOf(targets, targetStride, classOf(c + 2 * LANE_BYTES, load<u16>(key, 4)), classOf(c + 3 * LANE_BYTES, load<u16>(key, 6)));
      let p = classOf(c + 5 * LANE_BYTES, load<u16>(key, 10));
      if (ports != 0) p = pairOf(ports, portStride, classOf(c + 4 * LANE_BYTES, load<u16>(key, 8)), p);
      const d = pairOf(protocols, protocolStride, p, classOf(c + 6 * LANE_BYTES, load<u8>(key, 12)));
      store<u64>(to, <u64>a | (<u64>b << 16) | (<u64>d << 32));
      to += 8;
      key += KEY_BYTES;
    }
    memory.fill(out, 0xff, <usize>count << 2);
    for (let part = parts; part < behind; part += AP_BYTES) inPart(part, scratch, keys, count, out);
    keys = key;
    out += <usize>count << 2;
    n -= count;
  }
}

/** Takes what a part has for packets, where it is better. */
function inPart(part: usize, classes: usize, keys: usize, n: u32, out: usize): void {
  const mapA = <usize>load<u32>(part, AP_SOURCES);
  const mapB = <usize>load<u32>(part, AP_TARGETS);
  const mapD = <usize>load<u32>(part, AP_REST);
  const pairs = <usize>load<u32>(part, AP_PAIRS);
  const pairStride = load<u32>(part, AP_PAIR_STRIDE);
  const final = <usize>load<u32>(part, AP_FINAL);
  const finalStride = load<u32>(part, AP_FINAL_STRIDE);
  const end = out + (<usize>n << 2);
  if (finalStride == 0) {
    for (; out < end; out += 4) {
      const a = classOf(mapA, load<u16>(classes));
      const b = classOf(mapB, load<u16>(classes, 2));
      const rule = inList(final + <usize>load<u32>(pairs + (<usize>(a * pairStride + b) << 2)), keys);
      store<u32>(out, min<u32>(load<u32>(out), rule));
      classes += 8;
      keys += KEY_BYTES;
    }
    return;
  }
  for (; out < end; out += 4) {
    const a = classOf(mapA, load<u16>(classes));
    const b = classOf(mapB, load<u16>(classes, 2));
    const d = classOf(mapD, load<u16>(classes, 4));
    const rule = pairOf(final, finalStride, pairOf(pairs, pairStride, a, b), d);
    store<u32>(out, min<u32>(load<u32>(out), rule == 0xffff ? ACL_NO_RULE : rule));
    classes += 8;
  }
}

// @ts-ignore: decorator
@inline
function hashOf(low: u64, high: u64): u32 {
  return <u32>((low * 0x9e37_79b9_7f4a_7c15 + high * 0xc2b2_ae3d_27d4_eb4f) >>> 32);
}
/** The tables in which a lane's value can be: a set of bits. */
// @ts-ignore: decorator
@inline
function tablesOf(sets: usize, classes: usize, value: u32): u64 {
  return load<u64>(sets + (<usize>classOf(classes, value) << 3));
}

/**
 * Merged tuples (TupleMerge, Daly and others 2019): up to 64 hash tables, each over bits that all its rules have; the rules of a bucket are
 * compared range by range. Which tables can have a match is told by classes of the four address lanes and the protocol.
 */
export function classifyByTuples(img: usize, keys: usize, n: u32, out: usize): void {
  const c = <usize>load<u32>(img, AL_CLASSES);
  const tables = <usize>load<u32>(img, AL_TABLES);
  const rules = <usize>load<u32>(img, AL_RULES);
  const s0 = <usize>load<u32>(img, AL_CANDIDATES);
  const s1 = <usize>load<u32>(img, AL_CANDIDATES + 4);
  const s2 = <usize>load<u32>(img, AL_CANDIDATES + 8);
  const s3 = <usize>load<u32>(img, AL_CANDIDATES + 12);
  const protocols = <usize>load<u32>(img, AL_PROTOCOLS);
  const end = keys + <usize>n * KEY_BYTES;
  for (; keys < end; keys += KEY_BYTES) {
    const w0 = load<u64>(keys);
    const w1 = load<u64>(keys, 8);
    const key = v128.load(keys);
    let candidates =
      tablesOf(s0, c, <u32>w0 & 0xffff) &
      tablesOf(s1, c + LANE_BYTES, <u32>(w0 >>> 16) & 0xffff) &
      tablesOf(s2, c + 2 * LANE_BYTES, <u32>(w0 >>> 32) & 0xffff) &
      tablesOf(s3, c + 3 * LANE_BYTES, <u32>(w0 >>> 48)) &
      load<u64>(protocols + ((<usize>(w1 >>> 32) & 0xff) << 3));
    let best: u32 = ACL_NO_RULE;
    while (candidates != 0) {
      const t = tables + <usize>ctz(candidates) * TB_BYTES;
      candidates &= candidates - 1;
      // Tables stand in order of their best rule.
      if (load<u32>(t, TB_RANK) >= best) break;
      const h = hashOf(w0 & load<u64>(t), w1 & load<u64>(t, 8));
      const shift = load<u32>(t, TB_SHIFT);
      const slots = <usize>load<u32>(t, TB_SLOTS);
      const last = <u32>0xffff_ffff >>> shift;
      let i = h >>> shift;
      while (true) {
        const slot = load<u64>(slots + (<usize>i << 3));
        if (slot == 0) break;
        if (<u32>slot == h) {
          let r = rules + <usize>(slot >>> 32);
          while (true) {
            const rank = load<u32>(r, RU_RANK);
            if (rank >= best) break;
            if (v128.all_true<u16>(v128.and(v128.ge<u16>(key, v128.load(r)), v128.le<u16>(key, v128.load(r, RU_HIGH))))) {
              best = rank;
              break;
            }
            if (load<u32>(r, RU_LAST)) break;
            r += RULE_BYTES;
          }
          break;
        }
        i = (i + 1) & last;
      }
    }
    store<u32>(out, best);
    out += 4;
  }
}

/** Trees of cuts (src/acl/cuts.ts): in each down to a list, whose rules are compared until one matches or the rest is worse than what another tree had. */
export function classifyByCuts(img: usize, keys: usize, n: u32, out: usize): void {
  const roots = <usize>load<u32>(img, AL_PARTS);
  const behind = roots + (<usize>load<u32>(img, AL_PART_COUNT) << 2);
  const end = keys + <usize>n * KEY_BYTES;
  for (; keys < end; keys += KEY_BYTES) {
    const key = v128.load(keys);
    let best: u32 = ACL_NO_RULE;
    for (let root = roots; root < behind; root += 4) {
      let ref = <usize>load<u32>(root);
      while ((ref & 1) == 0) {
        const how = load<u32>(ref, 4);
        const branch = (<u32>load<u16>(keys + <usize>(how & 0xff)) >>> ((how >>> 8) & 0xff)) & (how >>> 16);
        ref = load<u32>(ref + (<usize>branch << 2), 8);
      }
      let r = ref - 1;
      while (true) {
        const rank = load<u32>(r, CR_RANK);
        if (rank >= best) break;
        if (v128.all_true<u16>(v128.and(v128.ge<u16>(key, v128.load(r)), v128.le<u16>(key, v128.load(r, CR_HIGH))))) {
          best = rank;
          break;
        }
        if (rank & 1) break;
        r += CUT_RECORD_BYTES;
      }
    }
    store<u32>(out, best == ACL_NO_RULE ? best : best >>> 1);
    out += 4;
  }
}

/** One rule after the other: of a few, the fastest; and what others are checked against. */
export function classifyByScan(img: usize, keys: usize, n: u32, out: usize): void {
  const first = <usize>load<u32>(img, AL_RULES);
  const behind = first + <usize>load<u32>(img, AL_COUNT) * RULE_BYTES;
  const end = keys + <usize>n * KEY_BYTES;
  for (; keys < end; keys += KEY_BYTES) {
    const key = v128.load(keys);
    let found: u32 = ACL_NO_RULE;
    for (let r = first; r < behind; r += RULE_BYTES) {
      if (v128.all_true<u16>(v128.and(v128.ge<u16>(key, v128.load(r)), v128.le<u16>(key, v128.load(r, RU_HIGH))))) {
        found = load<u32>(r, RU_RANK);
        break;
      }
    }
    store<u32>(out, found);
    out += 4;
  }
}

/** The sum of `from - rule` over the results that are rules, and how many are: exact below 2^53. */
export function sumOfRules(out: usize, n: u32, from: u32): f64 {
  let sum: u64 = 0;
  for (const end = out + (<usize>n << 2); out < end; out += 4) {
    const rule = load<u32>(out);
    if (rule != ACL_NO_RULE) sum += <u64>(from - rule);
  }
  return <f64>sum;
}

// Building classes of pairs. A class is a set of rules: `blocks` times 128 bits, preceded by how many of these are not 0, in 16 bytes.

/** Classes of the class sets, by hash: slots of 8 bytes (hash, class + 1). */
let slots: usize = 0;
let slotMask: u32 = 0;

/** Makes room for classes: `bytes` (8 times a power of two) at `at`. */
export function classSlots(at: usize, bytes: u32): void {
  slots = at;
  slotMask = (bytes >>> 3) - 1;
  memory.fill(at, 0, bytes);
}

/** A multiplier for the block `i`: any odd numbers that differ. */
// @ts-ignore: decorator
@inline
function weigh(block: v128, i: u32): u64 {
  const k = (<u64>i * 2 + 1) * 0x9e37_79b9_7f4a_7c15;
  return i64x2.extract_lane(block, 0) * (k | 1) + rotl<u64>(i64x2.extract_lane(block, 1) * (k ^ 0xc2b2_ae3d_27d4_eb4e), 23);
}

/**
 * Classes of the sets that `na` sets have in common with `nb` others: their numbers to `table` (16 bits each if `wide` is 0, else 32), new sets to
 * `sets`. Returns the number of classes, `most` + 1 if there are more. `scratch`: 32 bytes for each block.
 */
export function combine(a: usize, na: u32, b: usize, nb: u32, blocks: u32, table: usize, wide: u32, sets: usize, most: u32, scratch: usize): u32 {
  const stride = <usize>(blocks + 1) << 4;
  let classes: u32 = 0;
  for (let i: u32 = 0; i < na; i++) {
    const one = a + <usize>i * stride;
    // The blocks of this set that are not 0: number and content.
    let list = scratch;
    for (let k: u32 = 0; k < blocks; k++) {
      const block = v128.load(one + 16 + (<usize>k << 4));
      if (!v128.any_true(block)) continue;
      store<u32>(list, k);
      v128.store(list, block, 16);
      list += 32;
    }
    for (let j: u32 = 0; j < nb; j++) {
      const other = b + <usize>j * stride;
      let h: u64 = 0;
      let filled: u32 = 0;
      for (let p = scratch; p < list; p += 32) {
        const k = load<u32>(p);
        const both = v128.and(v128.load(p, 16), v128.load(other + 16 + (<usize>k << 4)));
        if (!v128.any_true(both)) continue;
        filled++;
        h += weigh(both, k);
      }
      h ^= h >>> 29;
      h *= 0xd6e8_feb8_6659_fd93;
      const hash = <u32>(h >>> 32);
      let at = hash & slotMask;
      let found: u32 = 0;
      while (true) {
        const slot = slots + (<usize>at << 3);
        found = load<u32>(slot, 4);
        if (found == 0) {
          if (classes == most) return most + 1;
          found = ++classes;
          store<u32>(slot, hash);
          store<u32>(slot, found, 4);
          const made = sets + <usize>(found - 1) * stride;
          memory.fill(made, 0, stride);
          store<u32>(made, filled);
          for (let p = scratch; p < list; p += 32) {
            const k = <usize>load<u32>(p) << 4;
            v128.store(made + 16 + k, v128.and(v128.load(p, 16), v128.load(other + 16 + k)));
          }
          break;
        }
        if (load<u32>(slot) == hash) {
          const had = sets + <usize>(found - 1) * stride;
          // Equal: as many blocks are not 0, and those that can be are the same.
          let same = load<u32>(had) == filled;
          for (let p = scratch; same && p < list; p += 32) {
            const k = <usize>load<u32>(p) << 4;
            const both = v128.and(v128.load(p, 16), v128.load(other + 16 + k));
            same = !v128.any_true(v128.xor(both, v128.load(had + 16 + k)));
          }
          if (same) break;
        }
        at = (at + 1) & slotMask;
      }
      const cell = <usize>(i * nb + j);
      if (wide) store<u32>(table + (cell << 2), found - 1);
      else store<u16>(table + (cell << 1), <u16>(found - 1));
    }
  }
  return classes;
}

/** The first rule that each of `na` sets has in common with each of `nb` others, 16 bits each. */
export function firstOfBoth(a: usize, na: u32, b: usize, nb: u32, blocks: u32, table: usize, scratch: usize): void {
  const stride = <usize>(blocks + 1) << 4;
  for (let i: u32 = 0; i < na; i++) {
    const one = a + <usize>i * stride;
    let list = scratch;
    for (let k: u32 = 0; k < blocks << 1; k++) {
      const word = load<u64>(one + 16 + (<usize>k << 3));
      if (word == 0) continue;
      store<u32>(list, k);
      store<u64>(list, word, 8);
      list += 16;
    }
    for (let j: u32 = 0; j < nb; j++) {
      const other = b + <usize>j * stride + 16;
      let rule: u32 = 0xffff;
      for (let p = scratch; p < list; p += 16) {
        const k = load<u32>(p);
        const both = load<u64>(p, 8) & load<u64>(other + (<usize>k << 3));
        if (both == 0) continue;
        rule = (k << 6) + <u32>ctz(both);
        break;
      }
      store<u16>(table, <u16>rule);
      table += 2;
    }
  }
}

/** Whether the ranges of list record `r` lie within those of `q`. */
// @ts-ignore: decorator
@inline
function within(r: usize, q: usize): bool {
  const src = <u32>load<u16>(r, LI_SRC) - <u32>load<u16>(q, LI_SRC);
  const dst = <u32>load<u16>(r, LI_DST) - <u32>load<u16>(q, LI_DST);
  const proto = <u32>load<u8>(r, LI_PROTO) - <u32>load<u8>(q, LI_PROTO);
  return (
    (i32(src <= <u32>load<u16>(q, LI_SRC + 2)) & i32(src + <u32>load<u16>(r, LI_SRC + 2) <= <u32>load<u16>(q, LI_SRC + 2)) &
    i32(dst <= <u32>load<u16>(q, LI_DST + 2)) & i32(dst + <u32>load<u16>(r, LI_DST + 2) <= <u32>load<u16>(q, LI_DST + 2)) &
    i32(proto <= <u32>load<u8>(q, LI_PROTO + 1)) & i32(proto + <u32>load<u8>(r, LI_PROTO + 1) <= <u32>load<u8>(q, LI_PROTO + 1))) != 0
  );
}
/** Rules of a list that later ones are compared with. */
const COVERERS: usize = 12;

/** Whether a record takes every packet. */
// @ts-ignore: decorator
@inline
function takesAll(r: usize): bool {
  return load<u32>(r, LI_SRC) == 0xffff_0000 && load<u32>(r, LI_DST) == 0xffff_0000 && load<u16>(r, LI_PROTO) == 0xff00;
}

/**
 * Lists of the rules that sets have in common: of each pair the byte offset of its list to `table`. Rules that an earlier one of a list covers are left
 * out. `records`: a record a rule, and one that takes everything and is no rule behind the last. Returns the bytes of lists at `pool`, 0 if
 * there are more than `poolBytes`, or more than `most` compared rules. `scratch`: 16 bytes for each block, and a list of LIST_MOST behind them.
 */
export function listPairs(
  a: usize, na: u32, b: usize, nb: u32, blocks: u32, records: usize, none: u32, table: usize, pool: usize, poolBytes: u32, most: u32, scratch: usize,
): u32 {
  const stride = <usize>(blocks + 1) << 4;
  const list = scratch + (<usize>blocks << 5);
  let used: u32 = 0;
  let work: u64 = 0;
  for (let i: u32 = 0; i < na; i++) {
    const one = a + <usize>i * stride;
    let filled = scratch;
    for (let k: u32 = 0; k < blocks << 1; k++) {
      const word = load<u64>(one + 16 + (<usize>k << 3));
      if (word == 0) continue;
      store<u32>(filled, k);
      store<u64>(filled, word, 8);
      filled += 16;
    }
    for (let j: u32 = 0; j < nb; j++) {
      const other = b + <usize>j * stride + 16;
      let end = list;
      let h: u32 = 0x9e3779b9;
      let done = false;
      for (let p = scratch; p < filled && !done; p += 16) {
        const k = load<u32>(p);
        let both = load<u64>(p, 8) & load<u64>(other + (<usize>k << 3));
        while (both != 0) {
          const rule = (k << 6) + <u32>ctz(both);
          both &= both - 1;
          const r = records + <usize>rule * LIST_BYTES;
          let covered = false;
          const looked = min<usize>(end, list + (COVERERS << 2));
          for (let q = list; q < looked && !covered; q += 4) covered = within(r, records + <usize>load<u32>(q) * LIST_BYTES);
          work += <u64>(looked - list) + 4;
          if (covered) continue;
          if (end - list >= LIST_MOST << 2) return 0;
          store<u32>(end, rule);
          end += 4;
          h = (h ^ rule) * 0x85ebca6b;
          h ^= h >>> 15;
          if (takesAll(r)) {
            done = true;
            break;
          }
        }
      }
      if (work > <u64>most << 2) return 0;
      if (!done) {
        store<u32>(end, none);
        end += 4;
        h = (h ^ none) * 0x85ebca6b;
      }
      h ^= h >>> 13;
      h *= 0xc2b2ae35;
      let at = h & slotMask;
      let found: u32 = 0;
      while (true) {
        const slot = slots + (<usize>at << 3);
        found = load<u32>(slot, 4);
        if (found == 0) {
          const bytes = <u32>(end - list) * (LIST_BYTES >>> 2);
          if (used + bytes > poolBytes) return 0;
          found = used + 1;
          store<u32>(slot, h);
          store<u32>(slot, found, 4);
          for (let q = list; q < end; q += 4) {
            v128.store(pool + used, v128.load(records + <usize>load<u32>(q) * LIST_BYTES));
            used += LIST_BYTES;
          }
          break;
        }
        if (load<u32>(slot) == h) {
          let had = pool + <usize>(found - 1);
          let same = true;
          for (let q = list; same && q < end; q += 4) {
            same = load<u32>(had, LI_RULE) == load<u32>(records + <usize>load<u32>(q) * LIST_BYTES, LI_RULE);
            had += LIST_BYTES;
          }
          if (same) break;
        }
        at = (at + 1) & slotMask;
      }
      store<u32>(table + (<usize>(i * nb + j) << 2), found - 1);
    }
  }
  return used;
}
