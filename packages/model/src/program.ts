/**
 * Walking programs: the one order in which choices and texts of a network are numbered, so that events of both machines
 * name the same things. Rules by id, then the miss programs of tables by id; within a program in order, depth first. An
 * action object that stands in several places has the number of its first.
 */
import type { Action } from "./ir.js";
import type { Network } from "./network.js";

const NONE: readonly (readonly Action[])[] = [];

/** The programs nested in an action. */
export function nested(a: Action): readonly (readonly Action[])[] {
  switch (a.op) {
    case "decTtl":
      return [a.expired];
    case "emit":
      return [a.then];
    case "ct":
      return [a.exec];
    case "choose":
      return a.options;
    case "clone":
      return [a.actions];
    default:
      return NONE;
  }
}

/** Calls `visit` for each action of a program, outer before inner. */
export function walk(program: readonly Action[], visit: (a: Action) => void): void {
  for (const a of program) {
    visit(a);
    for (const p of nested(a)) walk(p, visit);
  }
}

/** Calls `visit` for each action of a network in numbering order; a program that several rules share is gone through once. */
export function walkNetwork(net: Network, visit: (a: Action) => void): void {
  const seen = new Set<readonly Action[]>();
  const once = (program: readonly Action[]) => {
    if (seen.has(program)) return;
    seen.add(program);
    walk(program, visit);
  };
  for (const r of net.rules) once(r.program);
  for (const t of net.tables) once(t.miss);
}

/** The text an action leaves for the reader, if any. */
export function textOf(a: Action): string | undefined {
  switch (a.op) {
    case "local":
      return a.note;
    case "drop":
      return a.reason;
    case "note":
    case "punt":
      return a.text;
    case "unknown":
      return a.why;
    default:
      return undefined;
  }
}

export interface Numbering {
  /** `choose` actions by number. */
  readonly sites: readonly Extract<Action, { op: "choose" }>[];
  readonly siteOf: ReadonlyMap<Action, number>;
  /** Actions that leave a text, by number. */
  readonly texts: readonly Action[];
  readonly textIndex: ReadonlyMap<Action, number>;
}

export function numbering(net: Network): Numbering {
  const sites: Extract<Action, { op: "choose" }>[] = [];
  const siteOf = new Map<Action, number>();
  const texts: Action[] = [];
  const textIndex = new Map<Action, number>();
  walkNetwork(net, (a) => {
    if (a.op === "choose" && !siteOf.has(a)) {
      siteOf.set(a, sites.length);
      sites.push(a);
    }
    if (textOf(a) !== undefined && !textIndex.has(a)) {
      textIndex.set(a, texts.length);
      texts.push(a);
    }
  });
  return { sites, siteOf, texts, textIndex };
}
