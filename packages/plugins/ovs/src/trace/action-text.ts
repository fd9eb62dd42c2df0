/** Actions as `ofproto/trace` prints them, one a line. */
import type { CtSpec, NatSpec, OvsAction } from "../ast.js";
import { printAction, printActions } from "../print/actions.js";

export { printAction as actionText, printActions as actionsText };

/** `nat(src=…)`: an action inside of `ct`, to OVS. */
export function natActionText(nat: NatSpec): string {
  const ct: CtSpec = { kind: "ct", commit: false, force: false, zone: 0, table: null, nat, exec: [], alg: "" };
  return printAction(ct as OvsAction).slice("ct(".length, -1);
}
