/**
 * Structures of classes. Values of a lane that the same rules want are of one class; so are pairs of classes that the same rules want. Two of
 * them: recursive flow classification goes on to the rule; the other stops at the pair of addresses, and keeps a list of the rules left.
 */
import type { Arena } from "../arena.js";
import { ACL, ACL_BYTES, ACL_PART, AP_BYTES, CODE, LIST, LIST_BYTES, LIST_MOST, PARTS_AT_ONCE } from "../layout.js";
import { align } from "../state.js";
import { LANES, USED_LANES } from "./rules.js";

/** A set of rules needs a bit for each: above so many, classes take more room than a cache has. */
export const MOST_RULES_OF_CLASSES = 16384;
/** The most entries of a table of pairs of lane classes, of address classes, and of the final table. */
const MOST_LANE_PAIRS = 2 * 1024 * 1024;
const MOST_PAIRS = 6 * 1024 * 1024;
const MOST_FINAL = 16 * 1024 * 1024;
const MOST_CLASSES = 65534;
const MOST_LIST_BYTES = 32 * 1024 * 1024;
/** Rules compared with each other while lists are made: a few tenths of a second. */
const MOST_LIST_WORK = 40e6;

/** Sets of rules of classes, in memory. */
interface Sets {
  readonly at: number;
  readonly count: number;
}

export interface Built {
  /** The image's header. */
  readonly image: number;
  /** Behind its last byte. */
  readonly end: number;
  /** Bytes that look-ups use. */
  readonly bytes: number;
}

/** Lays classes out behind `from`. Sets that only the building needs lie behind `workspace`. */
export class Classes {
  private readonly blocks: number;
  private readonly stride: number;
  private readonly lanes: Sets[] = [];
  private readonly shared: number;
  private image: number;
  private top: number;
  private work: number;
  private readonly sources: Sets | null;
  private readonly targets: Sets | null;
  /** Of ports and protocols. */
  private readonly rest: Sets | null;
  private readonly sharedBytes: number;
  private begun = 0;

  constructor(
    private readonly arena: Arena,
    private readonly ranges: Uint16Array,
    from: number,
    workspace: number,
  ) {
    const rules = ranges.length / (2 * LANES);
    this.blocks = Math.max(1, Math.ceil(rules / 128));
    this.stride = 16 * (this.blocks + 1);
    this.shared = this.image = align(from, 64);
    this.top = this.image + ACL_BYTES;
    this.work = align(workspace, 64);
    this.put("AL_CLASSES", this.top);
    for (let lane = 0; lane < USED_LANES; lane++) this.lanes.push(this.laneClasses(lane));
    this.sources = this.pair(this.lanes[0], this.lanes[1], "AL_SOURCES", "AL_SOURCE_STRIDE");
    this.targets = this.pair(this.lanes[2], this.lanes[3], "AL_TARGETS", "AL_TARGET_STRIDE");
    const [, , , , srcPort, dstPort, protocol] = this.lanes;
    const ports = srcPort.count > 1 ? this.pair(srcPort, dstPort, "AL_PORTS", "AL_PORT_STRIDE") : dstPort;
    this.rest = this.pair(ports, protocol, "AL_WITH_PROTOCOL", "AL_PROTOCOL_STRIDE");
    this.sharedBytes = this.top - this.shared;
  }

  /** Recursive flow classification; null if it does not fit. */
  toTheRule(): Built | null {
    const { sources, targets, rest } = this;
    if (!sources || !targets || !rest) return null;
    this.begin();
    const work = this.work;
    const made = this.finalOf(sources, targets, rest);
    this.work = work;
    if (!made) return null;
    this.put("AL_PAIRS", made.pairs);
    this.put("AL_PAIR_STRIDE", targets.count);
    this.put("AL_FINAL", made.final);
    this.put("AL_FINAL_STRIDE", rest.count);
    return this.built();
  }

  /** Lists of the rules that a pair of addresses leaves; null if they do not fit. */
  toLists(): Built | null {
    const { sources, targets } = this;
    if (!sources || !targets) return null;
    this.begin();
    const work = this.work;
    const made = this.listsOf(sources, targets);
    this.work = work;
    if (!made) return null;
    this.put("AL_PAIRS", made.pairs);
    this.put("AL_PAIR_STRIDE", targets.count);
    this.put("AL_LISTS", made.lists);
    return this.built();
  }

  /** Rules in parts, each by lists or to the rule, whatever fits (lists first where `lists` says so); null if one does neither. */
  inParts(parts: readonly { readonly rules: Uint32Array; readonly lists: boolean }[]): Built | null {
    const { sources, targets, rest, arena } = this;
    if (!sources || !targets || !rest) return null;
    this.begin();
    const work = this.work;
    this.put("AL_SCRATCH", this.room(8 * PARTS_AT_ONCE));
    const records = this.room(AP_BYTES * parts.length);
    this.put("AL_PARTS", records);
    this.put("AL_PART_COUNT", parts.length);
    for (const [i, { rules, lists }] of parts.entries()) {
      this.work = work;
      const own = this.maskOf(rules);
      const [a, b, d] = [this.restricted(sources, own), this.restricted(targets, own), this.restricted(rest, own)];
      const put = (name: keyof typeof ACL_PART, value: number) => arena.put(records + AP_BYTES * i + ACL_PART[name], value);
      const byList = () => {
        const made = this.listsOf(a, b);
        if (!made) return false;
        put("AP_PAIRS", made.pairs);
        put("AP_FINAL", made.lists);
        put("AP_FINAL_STRIDE", 0);
        return true;
      };
      const toTheRule = () => {
        const made = this.finalOf(a, b, d);
        if (!made) return false;
        put("AP_PAIRS", made.pairs);
        put("AP_FINAL", made.final);
        put("AP_FINAL_STRIDE", d.count);
        return true;
      };
      put("AP_SOURCES", a.table);
      put("AP_TARGETS", b.table);
      put("AP_REST", d.table);
      put("AP_PAIR_STRIDE", b.count);
      const fits = lists ? byList() || toTheRule() : toTheRule() || byList();
      if (!fits) {
        this.work = work;
        return null;
      }
    }
    this.work = work;
    return this.built();
  }

  /** The set of some of the rules, as a class. */
  private maskOf(rules: Uint32Array): Sets {
    const at = this.take(this.stride);
    this.arena.zero(at, at + this.stride);
    for (const i of rules) {
      const word = at + 16 + 4 * (i >>> 5);
      this.arena.put(word, (this.arena.get(word) | (1 << (i & 31))) >>> 0);
    }
    return { at, count: 1 };
  }
  /** Classes of some of the rules, by those of all. */
  private restricted(sets: Sets, rules: Sets): Sets & { readonly table: number } {
    const made = this.combine(sets, rules, MOST_CLASSES);
    if (!made) throw new Error("a part of the rules has more classes than all of them");
    return made;
  }

  private finalOf(sources: Sets, targets: Sets, rest: Sets): { readonly pairs: number; readonly final: number } | null {
    if (sources.count * targets.count > MOST_PAIRS) return null;
    const pairs = this.combine(sources, targets, Math.min(MOST_CLASSES, Math.floor(MOST_FINAL / rest.count)));
    if (!pairs) return null;
    const final = this.room(2 * pairs.count * rest.count);
    this.arena.exports.firstOfBoth(pairs.at, pairs.count, rest.at, rest.count, this.blocks, final, this.scratch());
    return { pairs: pairs.table, final };
  }

  private listsOf(sources: Sets, targets: Sets): { readonly pairs: number; readonly lists: number } | null {
    if (sources.count * targets.count > MOST_PAIRS) return null;
    const { arena } = this;
    const records = this.ruleRecords();
    const pairs = this.room(4 * sources.count * targets.count);
    const lists = align(this.top, 64);
    arena.reserve(lists + MOST_LIST_BYTES);
    this.classSlots(2 * 1024 * 1024);
    const scratch = this.take(32 * this.blocks + 4 * (LIST_MOST + 2));
    const used = arena.exports.listPairs(
      sources.at,
      sources.count,
      targets.at,
      targets.count,
      this.blocks,
      records,
      this.ranges.length / (2 * LANES),
      pairs,
      lists,
      MOST_LIST_BYTES,
      MOST_LIST_WORK,
      scratch,
    );
    if (used === 0) return null;
    this.top = lists + used;
    return { pairs, lists };
  }

  /** The rules' ports and protocols, and a record of no rule that takes everything. */
  private ruleRecords(): number {
    const { arena, ranges } = this;
    const rules = ranges.length / (2 * LANES);
    const records = this.take(LIST_BYTES * (rules + 1));
    for (let i = 0; i <= rules; i++) {
      const at = records + LIST_BYTES * i;
      const low = (lane: number) => (i < rules ? ranges[2 * LANES * i + lane] : 0);
      const wide = (lane: number, most: number) => (i < rules ? ranges[2 * LANES * i + LANES + lane] - low(lane) : most);
      arena.put(at + LIST.LI_SRC, (low(4) | (wide(4, 0xffff) << 16)) >>> 0);
      arena.put(at + LIST.LI_DST, (low(5) | (wide(5, 0xffff) << 16)) >>> 0);
      arena.put(at + LIST.LI_PROTO, low(6) | (wide(6, 0xff) << 8));
      arena.put(at + LIST.LI_RULE, i < rules ? i : CODE.NONE);
    }
    return records;
  }

  /** Behind the last image. */
  get end(): number {
    return this.top;
  }

  /** A structure of its own header, behind the former. */
  private begin(): void {
    const { arena } = this;
    this.image = this.room(ACL_BYTES);
    this.begun = this.image;
    arena.words.copyWithin(this.image >>> 2, this.shared >>> 2, (this.shared + ACL_BYTES) >>> 2);
  }
  private built(): Built {
    return { image: this.image, end: this.top, bytes: this.top - this.begun + this.sharedBytes };
  }

  /** The classes of a lane's values: their numbers in the image, their sets in the workspace. */
  private laneClasses(lane: number): Sets {
    const { ranges, arena } = this;
    const rules = ranges.length / (2 * LANES);
    const size = lane === USED_LANES - 1 ? 256 : 65536;
    // Rules by where they begin, and by where they have ended.
    const begins = chains(rules, size + 1, (i) => ranges[2 * LANES * i + lane]);
    const ends = chains(rules, size + 1, (i) => ranges[2 * LANES * i + LANES + lane] + 1);
    const set = new Uint32Array(4 * this.blocks);
    const classes = new Uint16Array(size);
    const known = new Map<number, number[]>();
    const at = this.work;
    let count = 0;
    let now = 0;
    let one = 0;
    let other = 0;
    const flip = (i: number) => {
      set[i >>> 5] ^= 1 << (i & 31);
      one ^= Math.imul(i + 1, 0x9e3779b1);
      other ^= Math.imul((i + 1) ^ ((i + 1) << 13), 0x85ebca6b);
    };
    for (let value = 0; value < size; value++) {
      if (value === 0 || begins.first[value] >= 0 || ends.first[value] >= 0) {
        for (let i = ends.first[value]; i >= 0; i = ends.next[i]) flip(i);
        for (let i = begins.first[value]; i >= 0; i = begins.next[i]) flip(i);
        const hash = (one ^ Math.imul(other, 0xc2b2ae35)) | 0;
        const same = known.get(hash) ?? [];
        const had = same.find((c) => this.hasWords(at + this.stride * c + 16, set));
        if (had === undefined) {
          now = count++;
          arena.reserve(at + this.stride * count);
          arena.words.set(set, (at + this.stride * now + 16) >>> 2);
          known.set(hash, [...same, now]);
        } else now = had;
      }
      classes[value] = now;
    }
    this.work = at + this.stride * count;
    const room = this.room(2 * size, 2);
    new Uint16Array(arena.words.buffer, room, size).set(classes);
    return { at, count };
  }

  private hasWords(at: number, set: Uint32Array): boolean {
    const words = this.arena.words;
    for (let i = 0, w = at >>> 2; i < set.length; i++, w++) if (words[w] !== set[i]) return false;
    return true;
  }

  /** Classes of pairs of the classes of lanes; null if there are too many. */
  private pair(a: Sets | null, b: Sets, name: keyof typeof ACL, stride: keyof typeof ACL): Sets | null {
    if (!a || a.count * b.count > MOST_LANE_PAIRS) return null;
    const made = this.combine(a, b, MOST_CLASSES);
    if (!made) return null;
    this.put(name, made.table);
    this.put(stride, b.count);
    return made;
  }

  /** Classes of pairs of classes: their numbers, 16 bits each in the image, and their sets; null if there are more than `most`. */
  private combine(a: Sets, b: Sets, most: number): (Sets & { readonly table: number }) | null {
    const { arena } = this;
    const table = this.room(2 * a.count * b.count);
    const limit = Math.min(most, a.count * b.count);
    let slots = 1024;
    while (slots < 2 * limit) slots *= 2;
    this.classSlots(slots);
    const scratch = this.scratch();
    const at = align(this.work, 64);
    arena.reserve(at + this.stride * (limit + 1));
    const count = arena.exports.combine(a.at, a.count, b.at, b.count, this.blocks, table, 0, at, limit, scratch);
    if (count > limit) return null;
    this.work = at + this.stride * count;
    return { at, count, table };
  }

  private classSlots(slots: number): void {
    const at = this.take(8 * slots);
    this.arena.exports.classSlots(at, 8 * slots);
  }
  private scratch(): number {
    return this.take(32 * this.blocks + 64);
  }
  /** Room in the workspace. */
  private take(bytes: number): number {
    const at = align(this.work, 64);
    this.work = at + bytes;
    this.arena.reserve(this.work);
    return at;
  }
  /** Room in the image. */
  private room(bytes: number, alignment = 64): number {
    const at = align(this.top, alignment);
    this.top = at + bytes;
    this.arena.reserve(this.top);
    return at;
  }
  private put(name: keyof typeof ACL, value: number): void {
    this.arena.put(this.image + ACL[name], value);
  }
}

/** Numbers below `n` by a value below `size`, as chains. */
function chains(n: number, size: number, lowOf: (i: number) => number): { first: Int32Array; next: Int32Array } {
  const first = new Int32Array(size).fill(-1);
  const next = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const v = lowOf(i);
    next[i] = first[v];
    first[v] = i;
  }
  return { first, next };
}
