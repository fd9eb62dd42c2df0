/** Frozen translations: what tells one from another, and how one recirculates (ofproto-dpif-xlate.c, finish_freezing). */
import { TUNNEL_FIELDS } from "@plumbline/model";
import type { Context } from "./context.js";

/** All that tells one frozen translation from another: two alike have the same id. */
export function frozenState(c: Context, table: number): string {
  const { flow } = c;
  const metadata = ["metadata", "in_port", ...Array.from({ length: 16 }, (_, i) => `reg${i}`), ...TUNNEL_FIELDS]
    .map((f) => flow.big(f))
    .join(",");
  // An option of value 0 is not one that is not there.
  return [
    flow.options,
    table,
    c.bridge.name,
    c.entry,
    c.stack.map((v) => `${v.value}:${v.bits}`).join(","),
    c.conntracked,
    c.wasMpls,
    c.ids.nameOf(c.frozen),
    c.ids.nameOf(c.actionSet),
    metadata,
  ].join(";");
}
