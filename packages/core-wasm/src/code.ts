/**
 * Action programs as word code: one word an operation, its operands behind it (`OP` in layout.ts). Nested programs stand
 * somewhere else and are named by address; an option of a `choose` ends in a jump to what follows the choice.
 */
import {
  type Action,
  assertNever,
  type ChooseBy,
  type Chunk,
  chunks,
  hashedBytes,
  hashUint64,
  lowMask,
  type Match,
  type NatRange,
  type Numbering,
  type Slice,
} from "@plumbline/model";
import type { Image } from "./image.js";
import { BY, CODE, OP, RANGE_BYTES } from "./layout.js";

/** Bits that go from one word to another. Offsets in bytes. */
interface Piece {
  readonly from: number;
  readonly shiftRight: number;
  readonly mask: number;
  readonly to: number;
  readonly shiftLeft: number;
}

/** Slices are few, and made again and again: their chunks by field, offset and width. */
const CHUNKS = new Map<string, Map<number, readonly Chunk[]>>();
export function chunksOf(s: Slice): readonly Chunk[] {
  let known = CHUNKS.get(s.field);
  if (!known) {
    known = new Map();
    CHUNKS.set(s.field, known);
  }
  const key = 256 * s.ofs + s.n;
  let c = known.get(key);
  if (!c) {
    c = chunks(s);
    known.set(key, c);
  }
  return c;
}

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

export class Code {
  private readonly known = new Map<readonly Action[], number>();
  private readonly empty: number;

  /** `tableAt` gives the address of a table's record. */
  constructor(
    private readonly image: Image,
    private readonly numbering: Numbering,
    private readonly tableAt: (table: number) => number,
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

  private block(actions: readonly Action[], tail: readonly number[]): number {
    const out: number[] = [];
    // Jumps that lead behind a choice: the address of their operand, and the place in `out`.
    const jumps: { operand: number; place: number }[] = [];
    for (const a of actions) this.action(a, out, jumps);
    out.push(...tail);
    const at = this.image.append(out);
    for (const j of jumps) this.image.put(j.operand, at + 4 * j.place);
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

  private action(a: Action, out: number[], jumps: { operand: number; place: number }[]): void {
    switch (a.op) {
      case "set":
        for (const c of chunksOf(a.dst)) {
          const mask = (lowMask(c.bits) << c.shift) >>> 0;
          const bits = Number(BigInt.asUintN(c.bits, c.at === 0 ? a.value : a.value >> BigInt(c.at)));
          out.push(OP.OP_SET, 4 * c.word, ~mask >>> 0, (bits << c.shift) >>> 0);
        }
        return;
      case "move": {
        const from = chunksOf(a.src);
        const to = chunksOf(a.dst);
        if (from.some((f) => to.some((t) => t.word === f.word))) out.push(OP.OP_MOVE_WIDE, ...read(a.src), ...write(a.dst));
        else for (const p of pieces(from, to, a.dst.n)) out.push(OP.OP_MOVE, p.from, p.shiftRight, p.mask, p.to, p.shiftLeft);
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
        out.push(OP.OP_CALL, this.tableAt(a.table));
        return;
      case "goto":
        out.push(OP.OP_GOTO, this.tableAt(a.table), a.unwind ? 1 : 0);
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
