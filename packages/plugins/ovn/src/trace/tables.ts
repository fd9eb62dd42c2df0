/**
 * The tables of a traced southbound database.
 *
 * Datapaths that have the same groups of flows in a logical table share one table of the IR for it: a class. What belongs to one
 * datapath of a class asks for its key. So flows of a group of a thousand datapaths stand there once, and not a thousand times. A
 * program's datapaths are its {@link Scope}: a `next` leads to the table of the class that they all are of, or by a look at the key.
 */
import {
  type Action,
  type Chunk,
  chunks,
  type Device,
  field,
  lowMask,
  type Match,
  type NetworkBuilder,
  type Origin,
  slice,
  type Table,
  type WordMatch,
} from "@plumbline/model";
import type { Pipeline } from "../actions/index.js";
import { pipelineAt, placeOf, tableAt } from "../db/flow-table.js";
import { LOGICAL } from "../expr/index.js";
import type { LogicalDatapath, Topology } from "../logical/topology.js";

export interface HelperRule {
  readonly priority: number;
  readonly rows: readonly Match[];
  readonly program: readonly Action[];
  readonly origin?: Origin | null;
}

export interface HelperTable {
  readonly rules: readonly HelperRule[];
  readonly miss: readonly Action[];
}

/** A field's value, and the bits of it that count. */
export type FieldValue = readonly [name: string, value: bigint | number, mask?: bigint | number];

/** Where the bits of fields go in a row: made once for all rows of the same fields. */
interface Shape {
  readonly words: readonly {
    readonly w: number;
    readonly m: number;
    readonly parts: readonly { readonly field: number; readonly chunk: Chunk; readonly low: number }[];
  }[];
}
const SHAPES = new Map<string, Shape>();

function shapeOf(fields: readonly FieldValue[]): Shape {
  const words = new Map<number, { w: number; m: number; parts: { field: number; chunk: Chunk; low: number }[] }>();
  for (const [i, [name, , mask]] of fields.entries()) {
    const whole = slice(name);
    const bits = mask === undefined ? (1n << BigInt(whole.n)) - 1n : BigInt(mask);
    for (const chunk of chunks(whole)) {
      const low = Number((bits >> BigInt(chunk.at)) & BigInt(lowMask(chunk.bits)));
      if (low === 0) continue;
      let word = words.get(chunk.word);
      if (!word) words.set(chunk.word, (word = { w: chunk.word, m: 0, parts: [] }));
      word.m = (word.m | (low << chunk.shift)) >>> 0;
      word.parts.push({ field: i, chunk, low });
    }
  }
  return { words: [...words.values()].sort((a, b) => a.w - b.w) };
}

/** The row that matches where each of `fields`, no two of which overlap, has its value. */
export function rowOf(...fields: readonly FieldValue[]): Match {
  let sign = "";
  for (const [name, , mask] of fields) sign += mask === undefined ? `${name} ` : `${name}/${mask} `;
  let shape = SHAPES.get(sign);
  if (!shape) SHAPES.set(sign, (shape = shapeOf(fields)));
  return shape.words.map(({ w, m, parts }) => {
    let v = 0;
    for (const { field: i, chunk, low } of parts) {
      const value = fields[i][1];
      const bits =
        typeof value === "number"
          ? (chunk.at === 0 ? value : value / 2 ** chunk.at) | 0
          : Number(BigInt.asUintN(32, value >> BigInt(chunk.at))) | 0;
      v |= (bits & low) << chunk.shift;
    }
    return { w, v: v >>> 0, m };
  });
}

/** Tunnel keys have 24 bits: the low word of metadata. */
const KEY_WORD = field(LOGICAL.datapath).word + field(LOGICAL.datapath).words - 1;

/** The key of the datapath that a packet is in. */
export const keyOf = (row: Uint32Array): number => row[KEY_WORD];

const OWN = new Map<number, WordMatch>();

/** `match` on one datapath. */
export function onDatapath(match: Match, key: number): Match {
  let own = OWN.get(key);
  if (!own) OWN.set(key, (own = { w: KEY_WORD, v: key >>> 0, m: 0xffffffff }));
  const out: WordMatch[] = [];
  let i = 0;
  for (; i < match.length && match[i].w <= KEY_WORD; i++) out.push(match[i]);
  out.push(own);
  for (; i < match.length; i++) out.push(match[i]);
  return out;
}

/** Datapaths whose packets a program may meet. */
export interface Scope {
  readonly id: number;
  readonly datapaths: readonly LogicalDatapath[];
}

/** A class of datapaths for one logical table. */
export interface ClassTable {
  readonly scope: Scope;
  readonly place: number;
  readonly table: Table;
}

export class LogicalTables {
  private readonly helpers = new Map<string, Table>();
  private readonly scopes = new Map<string, Scope>();
  private readonly targets = new Map<number, Table>();
  /** By place, then by index of the datapath. */
  private readonly classes = new Map<number, readonly ClassTable[]>();
  /** The logical table that each table is of. */
  readonly placeOf = new Map<number, number>();
  readonly all: Scope;
  readonly indexOf: ReadonlyMap<LogicalDatapath, number>;
  private readonly byKey: ReadonlyMap<number, LogicalDatapath>;

  constructor(
    readonly net: NetworkBuilder,
    readonly device: Device,
    readonly topology: Topology,
    /** Tables of the database that are in evidence. */
    private readonly known: ReadonlySet<string>,
  ) {
    const datapaths = [...topology.datapaths.values()];
    this.indexOf = new Map(datapaths.map((d, i) => [d, i]));
    this.byKey = new Map(datapaths.map((d) => [d.key, d]));
    this.all = this.scope(datapaths);
  }

  /** What happens where a table would have to be looked at that is not in evidence; undefined if it is. */
  missing(table: string, why: string): Extract<Action, { op: "unknown" }> | undefined {
    return this.known.has(table) ? undefined : { op: "unknown", why, command: `ovn-sbctl list ${table}`, on: "" };
  }

  scope(datapaths: readonly LogicalDatapath[]): Scope {
    const key = datapaths.map((d) => this.indexOf.get(d)).join();
    let s = this.scopes.get(key);
    if (!s) this.scopes.set(key, (s = { id: this.scopes.size, datapaths }));
    return s;
  }

  datapath(row: Uint32Array): LogicalDatapath | undefined {
    return this.byKey.get(keyOf(row));
  }

  /** Makes the classes of a logical table. @param groups sets of several datapaths that have flows there */
  classify(place: number, groups: readonly (readonly LogicalDatapath[])[]): readonly ClassTable[] {
    const signs: string[][] = this.all.datapaths.map((d) => [d.kind, String(d.gateway)]);
    for (const [n, group] of groups.entries()) for (const d of group) signs[this.indexOf.get(d)!].push(String(n));
    const members = new Map<string, LogicalDatapath[]>();
    this.all.datapaths.forEach((d, i) => {
      const sign = signs[i].join();
      const list = members.get(sign);
      if (list) list.push(d);
      else members.set(sign, [d]);
    });
    const out: ClassTable[] = [];
    const of: ClassTable[] = [];
    for (const datapaths of members.values()) {
      const name = `${pipelineAt(place)} ${tableAt(place)}`;
      const c: ClassTable = { scope: this.scope(datapaths), place, table: this.net.table(this.device, name, "logical", "priority") };
      out.push(c);
      this.placeOf.set(c.table.id, place);
      for (const d of datapaths) of[this.indexOf.get(d)!] = c;
    }
    this.classes.set(place, of);
    return out;
  }
  classesOf(place: number): readonly ClassTable[] {
    return this.classes.get(place) ?? this.emptyPlace(place);
  }
  private emptyPlace(place: number): readonly ClassTable[] {
    this.classify(place, []);
    return this.classes.get(place)!;
  }

  /** The call of a logical table by a program for these datapaths. */
  next(scope: Scope, pipeline: Pipeline, table: number): Extract<Action, { op: "call" }> {
    const place = placeOf(pipeline, table);
    const key = 256 * scope.id + place;
    let target = this.targets.get(key);
    if (!target) {
      const classes = this.classesOf(place);
      const met = new Set(scope.datapaths.map((d) => classes[this.indexOf.get(d)!]));
      target = met.size === 1 ? [...met][0].table : this.dispatch(place, classes);
      this.targets.set(key, target);
    }
    return { op: "call", table: target.id };
  }
  private dispatch(place: number, of: readonly ClassTable[]): Table {
    const name = `class of ${pipelineAt(place)} ${tableAt(place)}`;
    const call = this.helper(name, () => ({
      rules: [...new Set(of)].map((c) => ({
        priority: 1,
        rows: c.scope.datapaths.map((d) => onDatapath([], d.key)),
        program: [{ op: "goto", table: c.table.id }],
      })),
      miss: [],
    }));
    return this.net.tables[(call as Extract<Action, { op: "call" }>).table];
  }

  /** A table of decisions that are no logical flows, made once a name; the call of it. */
  helper(name: string, make: () => HelperTable): Action {
    let t = this.helpers.get(name);
    if (!t) {
      t = this.net.table(this.device, name, "lookup", "priority");
      this.helpers.set(name, t);
      const { rules, miss } = make();
      for (const r of rules) this.net.rule(t, { priority: r.priority, rows: r.rows, program: r.program, origin: r.origin ?? null });
      t.miss = miss;
    }
    return { op: "call", table: t.id };
  }
}
