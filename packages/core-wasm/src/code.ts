/**
 * Action programs as word code: one word an operation, its operands behind it (`OP` in layout.ts). Nested programs stand
 * somewhere else and are named by address; an option of a `choose` ends in a jump to what follows the choice.
 */
import {
  type Action,
  assertNever,
  type ChooseBy,
  type Chunk,
  hashedBytes,
  hashUint64,
  lowMask,
  type Match,
  type NatRange,
  type Numbering,
  ROW_WORDS,
  type Slice,
} from "@plumbline/model";
import type { Continuations } from "./continuations.js";
import type { Image } from "./image.js";
import { type Written, writesOnly } from "./known-bits.js";
import { BY, CODE, INTO, OP, RANGE_BYTES } from "./layout.js";
import { chunksOf } from "./slices.js";

/** Bits that go from one word to another. Offsets in bytes. */
interface Piece {
  readonly from: number;
  readonly shiftRight: number;
  readonly mask: number;
  readonly to: number;
  readonly shiftLeft: number;
}

/** What constants make of words: the bits that stay and those that are set. One for all programs, as each is written at once. */
class Constants {
  private readonly kept = new Uint32Array(ROW_WORDS).fill(0xffffffff);
  private readonly bits = new Uint32Array(ROW_WORDS);
  /** Words that are written, in order of their first; by group of four words, how many. */
  private readonly words: number[] = [];
  private readonly inGroup = new Uint8Array(ROW_WORDS >>> 2);

  clear(): void {
    for (const w of this.words) {
      this.kept[w] = 0xffffffff;
      this.bits[w] = 0;
      this.inGroup[w >>> 2] = 0;
    }
    this.words.length = 0;
  }

  /** Adds a `set` up: a later one writes over an earlier one. */
  add(dst: Slice, value: bigint): void {
    for (const c of chunksOf(dst)) {
      const { word, shift } = c;
      const mask = (lowMask(c.bits) << shift) >>> 0;
      const bits = Number(BigInt.asUintN(c.bits, c.at === 0 ? value : value >> BigInt(c.at))) << shift;
      if (!this.words.includes(word)) {
        this.words.push(word);
        this.inGroup[word >>> 2]++;
      }
      this.kept[word] &= ~mask;
      this.bits[word] = (this.bits[word] & ~mask) | bits;
    }
  }

  /** Writes them as one operation: words that lie alone one by one, others four at a time. */
  write(out: number[]): void {
    const { words, kept, bits, inGroup } = this;
    if (words.length === 1) {
      const w = words[0];
      out.push(OP.OP_SET, 4 * w, kept[w], bits[w]);
      return;
    }
    const head = out.length;
    out.push(OP.OP_SETS, 0, 0);
    for (const w of words) {
      if (inGroup[w >>> 2] > 1) continue;
      out[head + 1]++;
      out.push(4 * w, kept[w], bits[w]);
    }
    for (const [i, w] of words.entries()) {
      const first = w & ~3;
      if (inGroup[w >>> 2] < 2 || words.findIndex((x) => (x & ~3) === first) !== i) continue;
      out[head + 2]++;
      out.push(4 * first);
      for (let k = 0; k < 4; k++) out.push(kept[first + k]);
      for (let k = 0; k < 4; k++) out.push(bits[first + k]);
    }
  }
}
const CONSTANTS = new Constants();

/** The words of an `n` bit value, least significant first, as chunks. */
function valueChunks(n: number): Chunk[] {
  const out: Chunk[] = [];
  for (let at = 0; at < n; at += 32) out.push({ word: at >>> 5, shift: 0, bits: Math.min(32, n - at), at });
  return out;
}

/** The pieces that carry the low `n` bits of one chunk list to another, cut at the borders of both. */
function pieces(from: readonly Chunk[], to: readonly Chunk[], n: number): Piece[] {
  const out: Piece[] = [];
  for (let at = 0; at < n; ) {
    const holds = (c: Chunk) => at >= c.at && at < c.at + c.bits;
    const f = from.find(holds)!;
    const t = to.find(holds)!;
    const bits = Math.min(f.at + f.bits, t.at + t.bits, n) - at;
    out.push({ from: 4 * f.word, shiftRight: f.shift + at - f.at, mask: lowMask(bits), to: 4 * t.word, shiftLeft: t.shift + at - t.at });
    at += bits;
  }
  return out;
}

/** A list of pieces with its length before it. */
function counted(list: readonly Piece[]): number[] {
  const out = [list.length];
  for (const p of list) out.push(p.from, p.shiftRight, p.mask, p.to, p.shiftLeft);
  return out;
}
/** A slice read into a value, and a value written to a slice. */
const read = (s: Slice): number[] => counted(pieces(chunksOf(s), valueChunks(s.n), s.n));
const write = (s: Slice): number[] => counted(pieces(valueChunks(s.n), chunksOf(s), s.n));

/** Four words of a value, least significant first. */
const valueWords = (v: bigint): number[] => [0, 1, 2, 3].map((i) => Number((v >> BigInt(32 * i)) & 0xffffffffn));

/** Code of so many words is written once. */
const SHORT = 8;

/** How a program goes on at its end: E_INTO, the code before it (0: none), and what that writes. */
export interface Tail {
  readonly into: number;
  readonly before: number;
  readonly written: Written;
}

export class Code {
  private readonly known = new Map<readonly Action[], number>();
  /** Short code that needs no fixing, by its words. */
  private readonly short = new Map<string, number>();
  private readonly tails = new Map<readonly Action[], Tail | null>();
  private readonly empty: number;

  /** `tableAt` gives the address of a table's record. */
  constructor(
    private readonly image: Image,
    private readonly numbering: Numbering,
    private readonly tableAt: (table: number) => number,
    readonly onward: Continuations,
  ) {
    this.empty = image.append([OP.OP_END]);
  }

  /** The address of a program. */
  readonly program = (actions: readonly Action[]): number => {
    if (actions.length === 0) return this.empty;
    let at = this.known.get(actions);
    if (at === undefined) {
      at = this.block(actions, [OP.OP_END]);
      this.known.set(actions, at);
    }
    return at;
  };

  /** How a program goes on in another table at its end; null for others. */
  readonly tail = (actions: readonly Action[]): Tail | null => {
    let tail = this.tails.get(actions);
    if (tail === undefined) {
      tail = this.tailOf(actions);
      this.tails.set(actions, tail);
    }
    return tail;
  };

  private tailOf(actions: readonly Action[]): Tail | null {
    const last = actions.at(-1);
    if (last?.op !== "call" && (last?.op !== "goto" || last.unwind)) return null;
    const before = actions.slice(0, -1);
    if (!before.every((a) => writesOnly(a) && a.op !== "output" && a.op !== "clone")) return null;
    return {
      into: this.tableAt(last.table) + (last.op === "goto" ? INTO.INTO_GOTO : 0),
      before: before.length > 0 ? this.block(before, [OP.OP_ON]) : 0,
      written: { actions: before, from: 0, to: before.length },
    };
  }

  private block(actions: readonly Action[], tail: readonly number[]): number {
    const out: number[] = [];
    // Jumps that lead behind a choice: the address of their operand, and the place in `out`.
    const jumps: { operand: number; place: number }[] = [];
    // Places of tables to go on in, and the actions before that tell what is known there: where anything may have been written, nothing is.
    const onward: { place: number; written: Written }[] = [];
    let from = 0;
    for (let i = 0; i < actions.length; ) {
      const a = actions[i];
      if (a.op !== "set") {
        this.action(a, out, jumps);
        if (a.op === "call") onward.push({ place: out.length - 2, written: { actions, from, to: i } });
        if (a.op === "goto") onward.push({ place: out.length - 3, written: { actions, from, to: i } });
        if (!writesOnly(a)) from = i + 1;
        i++;
        continue;
      }
      CONSTANTS.clear();
      for (let s: Action | undefined = a; s?.op === "set"; s = actions[++i]) CONSTANTS.add(s.dst, s.value);
      CONSTANTS.write(out);
    }
    out.push(...tail);
    const short = tail[0] !== OP.OP_JUMP && jumps.length === 0 && onward.length === 0 && out.length <= SHORT ? out.join() : "";
    const same = this.short.get(short);
    if (same !== undefined) return same;
    const at = this.image.append(out);
    if (short !== "") this.short.set(short, at);
    for (const j of jumps) this.image.put(j.operand, at + 4 * j.place);
    for (const o of onward) this.onward.addCode(at + 4 * o.place, o.written);
    return at;
  }

  /** The record of a computed choice among `options`. */
  private by(by: ChooseBy, options: number): number {
    const check = (ok: boolean, what: string) => {
      if (!ok) throw new Error(`a choice among ${options} options is computed by ${what}`);
    };
    if (by.kind === "map") {
      const n = by.map.length;
      check(n > 0 && (n & (n - 1)) === 0 && by.map.every((k) => k < options), `a map of ${n}`);
      return this.image.append([BY.BY_MAP, n - 1, ...read(by.field), ...by.map]);
    }
    check(by.ids.length === options, `${by.ids.length} ids`);
    return this.image.append([
      BY.BY_FIELDS,
      hashUint64(by.param),
      ...by.ids.map((id) => id >>> 0),
      by.fields.length,
      ...by.fields.flatMap((f) => [
        hashedBytes(f),
        f.when ? f.when.length : CODE.NONE,
        ...(f.when?.flatMap(triples) ?? []),
        ...read(f.slice),
        ...valueWords(f.mask),
      ]),
    ]);
  }

  private text(a: Action): number {
    return this.numbering.textIndex.get(a) ?? CODE.NONE;
  }

  private action(a: Exclude<Action, { op: "set" }>, out: number[], jumps: { operand: number; place: number }[]): void {
    switch (a.op) {
      case "move": {
        const from = chunksOf(a.src);
        const to = chunksOf(a.dst);
        if (from.some((f) => to.some((t) => t.word === f.word))) out.push(OP.OP_MOVE_WIDE, ...read(a.src), ...write(a.dst));
        else out.push(OP.OP_MOVE, ...counted(pieces(from, to, a.dst.n)));
        return;
      }
      case "swap":
        out.push(OP.OP_SWAP, ...read(a.a), ...read(a.b), ...write(a.a), ...write(a.b));
        return;
      case "push":
        out.push(OP.OP_PUSH, ...read(a.src));
        return;
      case "pop":
        out.push(OP.OP_POP, ...write(a.dst));
        return;
      case "decTtl":
        out.push(OP.OP_DEC_TTL, this.program(a.expired));
        return;
      case "greater": {
        const most = (1n << 128n) - 1n;
        out.push(OP.OP_GREATER, ...read(a.src), ...valueWords(a.value > most ? most : a.value), ...write(a.dst));
        return;
      }
      case "call":
        out.push(OP.OP_CALL, this.tableAt(a.table), 0);
        return;
      case "goto":
        out.push(OP.OP_GOTO, this.tableAt(a.table), 0, a.unwind ? 1 : 0);
        return;
      case "return":
        out.push(OP.OP_RETURN);
        return;
      case "output":
        if (typeof a.port === "number") out.push(OP.OP_OUTPUT, a.port >>> 0, a.allowIn ? 1 : 0);
        else out.push(OP.OP_OUTPUT_SLICE, a.allowIn ? 1 : 0, ...read(a.port));
        return;
      case "local":
        out.push(OP.OP_LOCAL, this.text(a));
        return;
      case "drop":
        out.push(OP.OP_DROP, this.text(a), a.rejected ? 1 : 0);
        return;
      case "emit": {
        const kind = a.kind === "tcp-reset" ? CODE.EMIT_TCP_RESET : CODE.EMIT_ICMP_ERROR;
        out.push(OP.OP_EMIT, kind, a.icmpType & 0xff, a.icmpCode & 0xff, a.swap ? 1 : 0, this.program(a.then));
        return;
      }
      case "encap":
        out.push(OP.OP_ENCAP, a.port & 0xffff);
        return;
      case "decap":
        out.push(OP.OP_DECAP);
        return;
      case "ct": {
        const nat =
          a.nat === null ? CODE.NAT_NONE : a.nat === "existing" ? CODE.NAT_EXISTING : a.nat.type === "src" ? CODE.NAT_SRC : CODE.NAT_DST;
        for (const x of a.exec) if (x.op !== "set" && x.op !== "move") throw new Error(`ct exec allows set and move, not ${x.op}`);
        out.push(
          OP.OP_CT,
          a.tracker,
          typeof a.zone === "number" ? a.zone & 0xffff : 0,
          (a.commit ? CODE.C_COMMIT : 0) | (a.force ? CODE.C_FORCE : 0),
          nat,
          a.exec.length > 0 ? this.program(a.exec) : 0,
          a.resume === null ? CODE.RESUME_NONE : a.resume === "inplace" ? CODE.RESUME_INPLACE : this.tableAt(a.resume),
          ...range(a.nat !== null && a.nat !== "existing" ? a.nat.range : {}),
          ...(typeof a.zone === "number" ? [0] : read(a.zone)),
        );
        return;
      }
      case "nat":
        out.push(OP.OP_NAT, a.type === "src" ? 0 : 1, ...range(a.range));
        return;
      case "unnat":
        out.push(OP.OP_UNNAT, a.type === "src" ? 0 : 1);
        return;
      case "confirm":
        out.push(OP.OP_CONFIRM);
        return;
      case "ctClear":
        out.push(OP.OP_CT_CLEAR);
        return;
      case "choose": {
        const total = a.weights.reduce((x, y) => x + y, 0);
        const options = a.options.map((o) => {
          const at = this.block(o, [OP.OP_JUMP, 0]);
          return { at, operand: this.image.base + this.image.bytes - 4 };
        });
        out.push(OP.OP_CHOOSE, this.numbering.siteOf.get(a)!, a.options.length, total, a.by ? this.by(a.by, a.options.length) : 0);
        options.forEach((o, i) => {
          out.push(a.weights[i], o.at);
        });
        for (const o of options) jumps.push({ operand: o.operand, place: out.length });
        return;
      }
      case "clone":
        out.push(OP.OP_CLONE, this.program(a.actions));
        return;
      case "note":
      case "punt":
        out.push(OP.OP_NOTE, this.text(a));
        return;
      case "unknown":
        out.push(OP.OP_UNKNOWN, this.text(a), a.go ? 1 : 0);
        return;
      default:
        assertNever(a);
    }
  }
}

/** A match as its number of words and their triples. */
const triples = (m: Match): number[] => [m.length, ...m.flatMap((x) => [4 * x.w, x.m, x.v])];

/** A NAT range as its RANGE_BYTES / 4 words. */
function range(r: NatRange): number[] {
  const flags =
    (r.min === undefined ? 0 : CODE.RANGE_ADDRESS) |
    (r.portMin === undefined ? 0 : CODE.RANGE_PORT) |
    (r.keep === undefined ? 0 : CODE.RANGE_KEEP);
  const address = (v: bigint | undefined) => valueWords(v ?? 0n).reverse();
  const out = [flags, ...address(r.min), ...address(r.keep ?? r.max ?? r.min), r.portMin ?? 0, r.portMax ?? r.portMin ?? 0];
  if (out.length !== RANGE_BYTES / 4) throw new Error("the layout of a NAT range and its writer differ");
  return out;
}
