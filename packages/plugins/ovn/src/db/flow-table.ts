/**
 * The logical flows of a southbound database, in columns: a million of them as objects would take gigabytes.
 *
 * A flow's texts are numbers in {@link Texts}; its datapaths are the number of a set, of which many flows have the same.
 */
import type { Pipeline } from "../facts.js";
import { Texts } from "./texts.js";

/** What is told of one flow; texts and sets by number. */
export interface FlowRecord {
  match: number;
  actions: number;
  stage: number;
  /** In {@link FlowTable.sets}. */
  set: number;
  pipeline: Pipeline;
  table: number;
  priority: number;
  line: number;
  /** First eight digits of the northbound row's UUID; 0: not told. */
  hint: number;
  /** Its UUID's words: those that are known, of which `digits` says how many digits there are. */
  readonly uuid: Uint32Array;
  digits: number;
}

const EGRESS = 0x80;
/** Logical table and pipeline as one number. */
export const placeOf = (pipeline: Pipeline, table: number) => table | (pipeline === "egress" ? EGRESS : 0);
export const pipelineAt = (place: number): Pipeline => (place & EGRESS ? "egress" : "ingress");
export const tableAt = (place: number) => place & ~EGRESS;

const COLUMNS = ["match", "actions", "set", "line", "hint", "u0", "u1", "u2", "u3"] as const;
type Column = (typeof COLUMNS)[number];

export class FlowTable {
  readonly texts = new Texts();
  /** Names of stages. */
  readonly stages: string[] = [""];
  /** Sets of datapaths by name: the UUID of a Datapath_Binding or of a Logical_DP_Group, or a datapath's name. */
  readonly sets: string[] = [];
  private readonly setOf = new Map<string, number>();
  private readonly stageOf = new Map<string, number>([["", 0]]);
  private columns = Object.fromEntries(COLUMNS.map((c) => [c, new Uint32Array(1 << 10)])) as Record<Column, Uint32Array>;
  private small = {
    priority: new Uint16Array(1 << 10),
    stage: new Uint16Array(1 << 10),
    place: new Uint8Array(1 << 10),
    digits: new Uint8Array(1 << 10),
  };
  count = 0;

  stage(name: string): number {
    return numbered(name, this.stages, this.stageOf);
  }
  set(name: string): number {
    return numbered(name, this.sets, this.setOf);
  }

  /** Adds a flow or, with `at`, puts it in place of another. */
  put(r: FlowRecord, at = this.count): void {
    if (at === this.count) {
      this.count++;
      if (at >= this.columns.match.length) this.grow();
    }
    const { columns: c, small: s } = this;
    c.match[at] = r.match;
    c.actions[at] = r.actions;
    c.set[at] = r.set;
    c.line[at] = r.line;
    c.hint[at] = r.hint;
    c.u0[at] = r.uuid[0];
    c.u1[at] = r.uuid[1];
    c.u2[at] = r.uuid[2];
    c.u3[at] = r.uuid[3];
    s.priority[at] = r.priority;
    s.stage[at] = r.stage;
    s.place[at] = placeOf(r.pipeline, r.table);
    s.digits[at] = r.digits;
  }
  private grow(): void {
    for (const name of COLUMNS) this.columns[name] = twice(this.columns[name], Uint32Array);
    const { priority, stage, place, digits } = this.small;
    this.small = {
      priority: twice(priority, Uint16Array),
      stage: twice(stage, Uint16Array),
      place: twice(place, Uint8Array),
      digits: twice(digits, Uint8Array),
    };
  }

  /** The record of a flow, to be changed and put back. */
  record(at: number): FlowRecord {
    const { columns: c, small: s } = this;
    return {
      match: c.match[at],
      actions: c.actions[at],
      stage: s.stage[at],
      set: c.set[at],
      pipeline: pipelineAt(s.place[at]),
      table: tableAt(s.place[at]),
      priority: s.priority[at],
      line: c.line[at],
      hint: c.hint[at],
      uuid: Uint32Array.of(c.u0[at], c.u1[at], c.u2[at], c.u3[at]),
      digits: s.digits[at],
    };
  }
  /** Takes the last flow into the place of one that is gone. */
  drop(at: number): void {
    const last = this.count - 1;
    if (at !== last) this.put(this.record(last), at);
    this.count--;
  }

  match(at: number): number {
    return this.columns.match[at];
  }
  actions(at: number): number {
    return this.columns.actions[at];
  }
  setAt(at: number): number {
    return this.columns.set[at];
  }
  place(at: number): number {
    return this.small.place[at];
  }
  priority(at: number): number {
    return this.small.priority[at];
  }
  stageAt(at: number): number {
    return this.small.stage[at];
  }
  line(at: number): number {
    return this.columns.line[at];
  }
  /** First eight digits of the northbound row's UUID, "" if not told. */
  hint(at: number): string {
    const h = this.columns.hint[at];
    return h === 0 ? "" : hex(h);
  }
  /** The UUID's first 32 bits. */
  head(at: number): number {
    return this.columns.u0[at];
  }
  /** Its UUID, or as much of it as is known. */
  uuid(at: number): string {
    const { u0, u1, u2, u3 } = this.columns;
    const digits = this.small.digits[at];
    if (digits < 32) return hex(u0[at]).slice(0, digits);
    const all = hex(u0[at]) + hex(u1[at]) + hex(u2[at]) + hex(u3[at]);
    return `${all.slice(0, 8)}-${all.slice(8, 12)}-${all.slice(12, 16)}-${all.slice(16, 20)}-${all.slice(20)}`;
  }

  /** Writes its UUID's 36 characters; false if it is not known whole. */
  uuidInto(at: number, out: Uint8Array): boolean {
    if (this.small.digits[at] !== 32) return false;
    const { u0, u1, u2, u3 } = this.columns;
    let k = 0;
    for (let digit = 0; digit < 32; digit++) {
      if (digit === 8 || digit === 12 || digit === 16 || digit === 20) out[k++] = 0x2d;
      const word = digit < 8 ? u0[at] : digit < 16 ? u1[at] : digit < 24 ? u2[at] : u3[at];
      const d = (word >>> (28 - 4 * (digit & 7))) & 15;
      out[k++] = d < 10 ? 0x30 + d : 0x57 + d;
    }
    return true;
  }

  /** All columns, to be kept in a file, and back. */
  get parts(): {
    readonly numbers: Record<string, Uint32Array | Uint16Array | Uint8Array>;
    readonly stages: readonly string[];
    readonly sets: readonly string[];
  } {
    const all: Record<string, Uint32Array | Uint16Array | Uint8Array> = { ...this.columns, ...this.small };
    return {
      numbers: Object.fromEntries(Object.entries(all).map(([k, v]) => [k, v.subarray(0, this.count)])),
      stages: this.stages,
      sets: this.sets,
    };
  }
  static from(parts: FlowTable["parts"], texts: Texts): FlowTable {
    const t = new FlowTable();
    const n = parts.numbers;
    t.columns = Object.fromEntries(COLUMNS.map((c) => [c, n[c]])) as Record<Column, Uint32Array>;
    t.small = {
      priority: n["priority"] as Uint16Array<ArrayBuffer>,
      stage: n["stage"] as Uint16Array<ArrayBuffer>,
      place: n["place"] as Uint8Array<ArrayBuffer>,
      digits: n["digits"] as Uint8Array<ArrayBuffer>,
    };
    t.stages.splice(0, 1, ...parts.stages);
    t.sets.push(...parts.sets);
    t.count = t.columns.match.length;
    return Object.assign(t, { texts });
  }
}

const hex = (n: number) => n.toString(16).padStart(8, "0");

function numbered(name: string, list: string[], numbers: Map<string, number>): number {
  let n = numbers.get(name);
  if (n === undefined) {
    n = list.length;
    list.push(name);
    numbers.set(name, n);
  }
  return n;
}

function twice<T extends Uint32Array | Uint16Array | Uint8Array>(a: T, make: new (n: number) => T): T {
  const b = new make(2 * a.length);
  b.set(a as never);
  return b;
}
