/** Frozen translations: what tells one from another, and how one recirculates (ofproto-dpif-xlate.c, finish_freezing). */
import type { Context } from "./context.js";

/** All that tells one frozen translation from another: two alike have the same id. */
export function frozenState(c: Context, table: number): string {
  const { flow } = c;
  const metadata = ["metadata", "in_port", ...Array.from({ length: 16 }, (_, i) => `reg${i}`), ...FROZEN_TUNNEL]
    .map((f) => flow.big(f))
    .join(",");
  return [
    table,
    c.bridge.name,
    c.stack.map((v) => `${v.value}:${v.bits}`).join(","),
    c.conntracked,
    c.wasMpls,
    c.ids.nameOf(c.frozen),
    c.ids.nameOf(c.actionSet),
    metadata,
  ].join(";");
}
const FROZEN_TUNNEL = [
  "tun_id",
  "tun_src",
  "tun_dst",
  "tun_ipv6_src",
  "tun_ipv6_dst",
  "tun_flags",
  "tun_tos",
  "tun_ttl",
  "tun_gbp_id",
  "tun_metadata0",
  "tun_metadata1",
  "tun_metadata2",
];
