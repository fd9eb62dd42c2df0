/** The action set of a packet (ofproto-dpif-xlate.c, xlate_write_actions, xlate_action_set). */
import type { OvsAction } from "../ast.js";
import { actionSet } from "../lower/actionSet.js";
import { PORT } from "../ports.js";
import { actionsText } from "./action-text.js";
import { type Context, DRIFT } from "./context.js";
import { portNumber } from "./departure.js";

/** xlate_write_actions__: also keeps `actset_output`, which tables may match. */
export function writeActionSet(c: Context, actions: readonly OvsAction[]): void {
  if (!c.actionSetHasGroup)
    for (const a of actions) {
      if (a.kind === "output") c.flow.set("actset_output", portNumber(c, a.port));
      else if (a.kind === "group") {
        c.flow.set("actset_output", PORT.unset);
        c.actionSetHasGroup = true;
        break;
      }
    }
  else if (!c.actionSet.some((a) => a.kind === "group") && actions.some((a) => a.kind === "output")) c.drift = DRIFT.group;
  c.actionSet = [...c.actionSet, ...actions.filter((a) => a.kind !== "drop")];
}

export function reportActionSet(c: Context, verb: string): void {
  const set = actionSet(c.actionSet);
  c.report("detail", `action set ${verb}: ${set.length === 0 ? "empty" : actionsText(set)}`);
}

export function runActionSet(c: Context): void {
  const list = actionSet(c.actionSet);
  c.actionSet = [];
  if (list.length === 0) return;
  c.inActionSet = true;
  const node = c.report("table", "--. Executing action set:");
  c.under(node, () => c.pipeline.runActions(c, list, true));
  c.inActionSet = false;
}
