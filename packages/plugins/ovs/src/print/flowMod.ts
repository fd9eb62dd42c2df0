/**
 * A flow as `ovs-ofctl parse-flow` prints it: once it has been said in the first protocol that can say it (ovs-ofctl.c,
 * ofctl_parse_flows__; lib/ofp-flow.c, ofputil_flow_mod_format).
 */
import type { OvsAction } from "../ast.js";
import { ovsField } from "../fields.js";
import { bad } from "../parse/badArgument.js";
import { packetHas } from "../parse/check.js";
import { ETH, type FlowMatch } from "../parse/flowMatch.js";
import type { FlowCommand, FlowMod } from "../parse/flowMod.js";
import { firstProtocol, P, protocolsText } from "../parse/protocols.js";
import { sentBy10 } from "../parse/sentActions.js";
import { sentBy10 as matchSentBy10, sent } from "../parse/sentMatch.js";
import { printActions } from "./actions.js";
import { formatMatch } from "./match.js";
import { hexDigits, nameText, portText } from "./value.js";

const COMMANDS: Readonly<Record<FlowCommand, string>> = {
  add: "ADD",
  modify: "MOD",
  modify_strict: "MOD_STRICT",
  delete: "DEL",
  delete_strict: "DEL_STRICT",
};
/** Actions that have no number in OpenFlow 1.0. */
export const NOT_IN_10 = new Set<string>(["decap", "decNshTtl", "debugRecirc", "debugSlow"]);
const NXM = new Set(["NXM-table_id", "NXM+table_id"]);

/** The lines of `parse-flow`; `xid` numbers the message. Throws {@link BadArgument} where OpenFlow 1.0 has no words for it. */
export function printFlowMods(mods: readonly FlowMod[], usable: number): string[] {
  const out = [`usable protocols: ${protocolsText(usable)}`];
  const chosen = firstProtocol(usable & P.of10Any);
  if (!chosen) bad("no usable protocol");
  out.push(`chosen protocol: ${chosen.name}`);
  mods.forEach((m, i) => void out.push(printFlowMod(m, chosen.name, i + 1)));
  return out;
}

/** What OVS finds wrong with its own message when it reads it again to print it; "" if nothing. */
function refusal(sent: FlowMatch, actions: readonly OvsAction[]): string {
  for (const [place] of sent.entries())
    if ((place.startsWith("nsh_") && sent.ethType() !== ETH.nsh) || (OF_CONNECTION.has(place) && !packetHas(sent, "ct")))
      return "OFPBMC_BAD_PREREQ";
  for (const a of actions) {
    if (NOT_IN_10.has(a.kind)) return "OFPBAC_BAD_VENDOR_TYPE";
    const loaded = a.kind === "setField" && a.form === "load" ? ovsField(a.dst.field) : null;
    if (loaded && !loaded.inMessages) return "OFPBAC_BAD_SET_LEN";
    if (loaded && !loaded.writable) return "OFPBAC_BAD_SET_ARGUMENT";
    if ((a.kind === "push" || a.kind === "pop") && ovsField(a.kind === "push" ? a.src.field : a.dst.field)?.inMessages === false)
      return "OFPBMC_BAD_FIELD";
  }
  return "";
}
const OF_CONNECTION = new Set(["ct_nw_proto", "ct_nw_src", "ct_nw_dst", "ct_ipv6_src", "ct_ipv6_dst", "ct_tp_src", "ct_tp_dst"]);

function printFlowMod(m: FlowMod, protocol: string, xid: number): string {
  const nxm = NXM.has(protocol);
  const parts = [`${nxm ? "NXT" : "OFPT"}_FLOW_MOD (xid=0x${xid.toString(16)}):`, COMMANDS[m.command]];
  const left = nxm ? sent(m.match, false) : matchSentBy10(m.match);
  const refused = refusal(left, m.actions);
  if (refused !== "") return `${parts[0]} ***decode error: ${refused}***`;
  const table = protocol.endsWith("+table_id") ? m.table : 0;
  if (table !== 0) parts.push(`table:${typeof table === "number" ? table : nameText(table)}`);
  const match = formatMatch(left, m.priority);
  if (match !== "") parts.push(match);
  if (m.cookie !== null && m.cookie !== 0n) parts.push(`cookie:${hexDigits(m.cookie, 1)}`);
  if (m.cookieMask !== 0n) parts.push(`cookie:${hexDigits(m.cookieValue & m.cookieMask, 1)}/${hexDigits(m.cookieMask, 1)}`);
  const { idleTimeout, hardTimeout, flags = [] } = m.about;
  if (idleTimeout) parts.push(`idle:${idleTimeout}`);
  if (hardTimeout) parts.push(`hard:${hardTimeout}`);
  if (m.outPort !== null) parts.push(`out_port:${portText(m.outPort)}`);
  for (const f of ["send_flow_rem", "check_overlap"]) if (flags.includes(f)) parts.push(f);
  parts.push(`actions=${printActions(sentBy10(m.actions))}`);
  return parts.join(" ");
}
