/**
 * `write_actions` in the IR: the action set that a packet has gathered is a number in its row.
 *
 * Which sets there can be is known once all flows are: those that come of writing any of them to any other. Each write is a table
 * from number to number; behind all tables, a table runs what the number stands for. The number is kept in a field that bridges have no other
 * use for, which is wiped where a packet enters a device: it begins with an empty set there, as in OVS.
 */
import { type Action, field, matchField, slice, type Table } from "@plumbline/model";
import type { OvsAction } from "../ast.js";
import { PORT } from "../ports.js";
import { actionSet, FINAL, ONCE } from "./actionSet.js";
import type { Switch } from "./switch.js";

/** The field of the number. */
const STATE = slice("out_port");
const OUTPUT = slice("actset_output");
/** More sets than these are not told apart. */
const MOST_SETS = 1024;

interface State {
  readonly number: number;
  readonly actions: readonly OvsAction[];
}

export class ActionSetStates {
  private readonly states = new Map<string, State>();
  private readonly writes = new Map<string, { readonly actions: readonly OvsAction[]; readonly table: Table }>();
  private readonly names = new WeakMap<OvsAction, number>();
  private readonly byText = new Map<string, number>();
  private readonly end: Table;

  constructor(private readonly sw: Switch) {
    this.end = sw.net.table(sw.device, "action set", "openflow", "priority");
    this.stateOf([]);
  }

  /** Runs the action set; it is empty then. */
  get run(): Action {
    return { op: "call", table: this.end.id };
  }
  write(actions: readonly OvsAction[]): Action {
    const key = this.key(actions);
    let w = this.writes.get(key);
    if (!w) {
      const table = this.sw.net.table(this.sw.device, `write_actions ${this.writes.size + 1}`, "openflow", "priority");
      this.writes.set(key, (w = { actions, table }));
    }
    return { op: "call", table: w.table.id };
  }
  clear(): Action[] {
    return [
      { op: "set", dst: STATE, value: 0n },
      { op: "set", dst: OUTPUT, value: BigInt(PORT.unset) },
    ];
  }

  /** To be called when all flows are lowered. */
  finish(lower: (actions: readonly OvsAction[]) => readonly Action[]): void {
    // Sets may lead to more sets while they are lowered (a group that resubmits does not).
    for (const w of this.writes.values()) w.table.miss = [this.sw.unknown("the action set is one of too many to be told apart")];
    const queue = [...this.states.values()];
    for (let s = queue.shift(); s; s = queue.shift()) {
      const from = s;
      for (const w of this.writes.values()) {
        const known = this.states.size;
        const to = this.stateOf([...from.actions, ...w.actions]);
        if (!to) continue;
        if (this.states.size > known) queue.push(to);
        this.sw.net.rule(w.table, {
          rows: [matchField([], STATE.field, from.number)],
          program: [{ op: "set", dst: STATE, value: BigInt(to.number) }, ...output(this.sw, to.actions)],
        });
      }
    }
    for (const s of this.states.values()) {
      const actions = actionSet(s.actions);
      if (actions.length === 0) continue;
      this.sw.net.rule(this.end, {
        rows: [matchField([], STATE.field, s.number)],
        program: [{ op: "set", dst: STATE, value: 0n }, ...lower(actions)],
      });
    }
  }

  private stateOf(actions: readonly OvsAction[]): State | null {
    const set = canonical(actions);
    const key = this.key(set);
    let s = this.states.get(key);
    if (!s) {
      if (this.states.size >= MOST_SETS) return null;
      this.states.set(key, (s = { number: this.states.size, actions: set }));
    }
    return s;
  }
  /** Actions that do the same have the same key. */
  private key(actions: readonly OvsAction[]): string {
    return actions
      .map((a) => {
        let n = this.names.get(a);
        if (n !== undefined) return n;
        const text = JSON.stringify(a, (_, v) => (typeof v === "bigint" ? `${v}n` : v));
        n = this.byText.get(text) ?? this.byText.size;
        this.byText.set(text, n);
        this.names.set(a, n);
        return n;
      })
      .join(" ");
  }
}

/**
 * What of a set counts whatever is written to it later, in an order of its own: of kinds that it holds once the last, of writes to a
 * field the last, of actions that lead on the strongest.
 */
function canonical(actions: readonly OvsAction[]): OvsAction[] {
  const bad = actions.filter((a) => a.kind === "bad");
  const once = new Map<string, OvsAction>();
  const writes = new Map<string, OvsAction>();
  for (const a of actions) {
    if (ONCE.includes(a.kind) || FINAL.includes(a.kind) || a.kind === "setQueue") once.set(a.kind, a);
    else if (a.kind === "setField" || a.kind === "move") {
      const key = a.kind === "setField" ? `${a.dst.field} ${a.dst.ofs} ${a.dst.bits} ${a.mask}` : `move ${writes.size}`;
      writes.delete(key);
      writes.set(key, a);
    }
  }
  const final = FINAL.find((kind) => once.has(kind));
  return [
    ...bad,
    ...[...ONCE, "setQueue", ...(final ? [final] : [])].flatMap((kind) => once.get(kind) ?? []),
    ...inOrder([...writes.values()]),
  ];
}

/** Writes to places that have nothing in common may come in any order: in that of the places. Moves read, and stay where they are. */
function inOrder(writes: readonly OvsAction[]): readonly OvsAction[] {
  const places: { readonly at: number; readonly write: OvsAction }[] = [];
  for (const write of writes) {
    const place = write.kind === "setField" ? write.dst.slice : null;
    if (!place) return writes;
    const f = field(place.field);
    // Registers of several widths lie over each other.
    const register = /^x*reg/.test(f.name);
    places.push({ at: register ? f.word - ((f.word - REG0) % 4) : f.word, write });
  }
  return places.sort((a, b) => a.at - b.at).map((p) => p.write);
}
const REG0 = field("reg0").word;

/** `actset_output`: the port of the set's output, unless a group takes its place. */
function output(sw: Switch, actions: readonly OvsAction[]): Action[] {
  if (actions.some((a) => a.kind === "group")) return [{ op: "set", dst: OUTPUT, value: BigInt(PORT.unset) }];
  const ref = actions.find((a) => a.kind === "output")?.port;
  const port = ref === undefined ? undefined : sw.portNumber(ref);
  return port === undefined ? [] : [{ op: "set", dst: OUTPUT, value: BigInt(port) }];
}

/** Whether any of these actions writes an action set. */
export function writesActionSet(actions: readonly OvsAction[]): boolean {
  return actions.some((a) => a.kind === "writeActions" || (a.kind === "clone" && writesActionSet(a.actions)));
}
