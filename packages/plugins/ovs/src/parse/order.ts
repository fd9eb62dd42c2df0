/**
 * The order in which instructions and actions may stand, what may stand within another, and which protocols have words for them
 * (lib/ofp-actions.c, ofpacts_verify). Throws {@link BadArgument} with OVS's message.
 */
import type { OvsAction } from "../ast.js";
import { type OvsField, ovsField } from "../fields.js";
import { bad } from "./badArgument.js";
import { exactProtocols, P } from "./protocols.js";

/** Instructions in the order in which they must stand. */
const INSTRUCTIONS = ["meter", "apply_actions", "clear_actions", "write_actions", "write_metadata", "goto_table"] as const;
type Outer = "" | "ct" | "clone" | "write_actions";

function instructionOf(a: OvsAction): number {
  switch (a.kind) {
    case "meter":
      return 0;
    case "clearActions":
      return 2;
    case "writeActions":
      return 3;
    case "writeMetadata":
      return 4;
    case "goto":
      return 5;
    default:
      return 1;
  }
}

/** Names of actions in messages of OVS. */
function actionName(a: OvsAction): string {
  const names: Partial<Record<OvsAction["kind"], string>> = {
    outputField: "output_reg",
    outputTrunc: "output_trunc",
    decTtl: "dec_ttl",
    popVlan: "pop_vlan",
    pushVlan: "push_vlan",
    ctClear: "ct_clear",
    goto: "goto_table",
    writeActions: "write_actions",
    clearActions: "clear_actions",
    checkPktLarger: "check_pkt_larger",
    setQueue: "set_queue",
  };
  return names[a.kind] ?? (a.kind === "setField" ? (a.form === "load" ? "set_field" : a.form) : a.kind);
}

function written(a: OvsAction): OvsField | null {
  if (a.kind === "move" || (a.kind === "setField" && (a.form === "set_field" || a.form === "load"))) return ovsField(a.dst.field);
  return null;
}

const OF_CT = new Set(["ct_mark", "ct_label"]);

/** ofpacts_verify; nested lists first, as they are parsed first. */
export function verifyOrder(list: readonly OvsAction[], instructions: boolean, outer: Outer = ""): void {
  for (const a of list) {
    if (a.kind === "ct") verifyOrder(a.exec, false, "ct");
    else if (a.kind === "clone") verifyOrder(a.actions, false, "clone");
    else if (a.kind === "writeActions") verifyOrder(a.actions, false, "write_actions");
  }
  let now = 0;
  for (const [i, a] of list.entries()) {
    if (a.kind === "conjunction") {
      const other = list.find((x) => x.kind !== "conjunction" && x.kind !== "note");
      if (other)
        bad(
          `"conjunction" actions may be used along with "note" but not any other kind of action (such as the "${actionName(other)}" action used here)`,
        );
      return;
    }
    const f = written(a);
    if (f && OF_CT.has(f.name) && outer !== "ct") bad("cannot set CT fields outside of ct action");
    if (outer === "ct") {
      if (!f) bad(`ct action doesn't support nested action ${actionName(a)}`);
      if (!OF_CT.has(f.name)) bad(`ct action doesn't support nested modification of ${f.name}`);
    }
    if (outer !== "" && a.kind === "meter") bad(`${outer} action doesn't support nested action meter`);
    const next = instructionOf(a);
    if (i > 0 && (now === 1 ? next < now : next <= now))
      bad(
        next === now
          ? `duplicate ${INSTRUCTIONS[now]} instruction not allowed, for OpenFlow 1.1+ compatibility`
          : `invalid instruction ordering: ${INSTRUCTIONS[next]} must appear before ${INSTRUCTIONS[now]}, for OpenFlow 1.1+ compatibility`,
      );
    if (!instructions && next > 1) bad(`${INSTRUCTIONS[next]} instruction not allowed here`);
    now = next;
  }
}

/**
 * Protocols that have words for these actions, whatever the match. A `clone` forgets what the actions before it said
 * (parse_CLONE).
 */
export function protocolsOfActions(list: readonly OvsAction[]): number {
  let usable: number = P.any;
  for (const a of list)
    switch (a.kind) {
      case "setField":
        if (a.form === "set_field") usable &= exactProtocols(ovsField(a.dst.field)!);
        break;
      case "pushVlan":
        usable &= P.of11Up;
        break;
      case "encap":
      case "meter":
        usable &= P.of13Up;
        break;
      case "writeMetadata":
        usable &= P.nxmOf11Up;
        break;
      case "ct":
        usable &= protocolsOfActions(a.exec);
        break;
      case "clone":
        usable = protocolsOfActions(a.actions);
        break;
      case "writeActions":
        usable &= protocolsOfActions(a.actions);
        break;
    }
  return usable;
}
