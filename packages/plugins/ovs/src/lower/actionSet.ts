/**
 * Action sets: what a group's bucket holds (lib/ofp-actions.c, ofpacts_execute_action_set).
 *
 * A set has no order of its own and one action of a kind. It runs as: tags off and on, TTL, writes and moves in order, then
 * one action that leads on: of those given, a group before an output, before a resubmit, before `ct_clear`, before `ct`, and
 * of one kind the last. A set without such an action does nothing at all; actions of other kinds have no place in it.
 */
import type { OvsAction } from "../ast.js";

/** Actions of which the last counts, in the order in which they run. */
export const ONCE: readonly string[] = [
  "popVlan",
  "popMpls",
  "decap",
  "encap",
  "pushMpls",
  "pushVlan",
  "decTtl",
  "decMplsTtl",
  "decNshTtl",
];
/** Actions that lead on, the strongest first. */
export const FINAL: readonly string[] = ["group", "output", "resubmit", "ctClear", "ct"];

/** The actions of a set, in the order in which they run. */
export function actionSet(actions: readonly OvsAction[]): OvsAction[] {
  // An action that is not understood may be of any kind: it comes first, so that nothing is said of what follows.
  const bad = actions.filter((a) => a.kind === "bad");
  const last = (kind: string) => actions.filter((a) => a.kind === kind).slice(-1);
  const final = FINAL.flatMap(last).slice(0, 1);
  if (final.length === 0) return bad;
  const writes = actions.filter((a) => a.kind === "setField" || a.kind === "move" || a.kind === "setQueue");
  return [...bad, ...ONCE.flatMap(last), ...writes, ...final];
}
