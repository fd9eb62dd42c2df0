/** A group as `ovs-ofctl parse-group` and dumps print it (lib/ofp-group.c, ofp_print_group). */
import type { OvsGroup } from "../ast.js";
import { bad } from "../parse/badArgument.js";
import { bytesMask } from "../parse/fieldValue.js";
import type { GroupCommand, GroupMod } from "../parse/groupMod.js";
import { firstProtocol, P, protocolsText } from "../parse/protocols.js";
import { sentBy10 } from "../parse/sentActions.js";
import { printActions } from "./actions.js";
import { NOT_IN_10 } from "./flowMod.js";
import { portText, valueText } from "./value.js";

const COMMANDS: Readonly<Record<GroupCommand, string>> = {
  add: "ADD",
  modify: "MOD",
  delete: "DEL",
  add_or_mod: "ADD_OR_MOD",
  insert_bucket: "INSERT_BUCKET",
  remove_bucket: "REMOVE_BUCKET",
};

/** The lines of `parse-group`. Throws {@link BadArgument} where OpenFlow 1.0 has no words for it. */
export function printGroupMod(g: GroupMod): string[] {
  const out = [`usable protocols: ${protocolsText(g.usable)}`];
  if (!firstProtocol(g.usable & P.of10Any)) bad("no usable protocol");
  out.push("chosen version: OpenFlow10");
  const refused = decodeError(g);
  if (refused !== "") return [...out, `NXT_GROUP_MOD (xid=0x1): ***decode error: ${refused}***`];
  out.push("NXT_GROUP_MOD (xid=0x1):");
  const parts = [`group_id=${g.id === "all" ? 0xfffffffc : g.id}`, `type=${g.type}`];
  if (g.selectionMethod !== "") {
    parts.push(`selection_method=${g.selectionMethod}`);
    if (g.selectionParam !== 0n) parts.push(`selection_method_param=${g.selectionParam}`);
    const fields = g.fields.map(({ field, mask }) =>
      mask === bytesMask(field.bytes) ? field.name : `${field.name}=${valueText(field, mask, bytesMask(field.bytes))}`,
    );
    if (fields.length === 1) parts.push(`fields=${fields[0]}`);
    else if (fields.length > 1) parts.push(`fields(${fields.join(",")})`);
  }
  const taken = new Set(g.buckets.flatMap((b) => b.id ?? []));
  let free = 0;
  for (const b of g.buckets) {
    while (b.id === null && taken.has(free)) free++;
    const id = b.id ?? free++;
    const watch = [
      ...(b.weight === (g.type === "select" ? 1 : 0) ? [] : [`weight:${b.weight}`]),
      ...(b.watchPort === null ? [] : [`watch_port:${portText(b.watchPort)}`]),
      ...(b.watchGroup === null ? [] : [`watch_group:${b.watchGroup}`]),
    ];
    parts.push([`bucket=bucket_id:${id}`, ...watch, `actions=${printActions(sentBy10(b.actions))}`].join(","));
  }
  out.push(` ${COMMANDS[g.command]} ${parts.join(",")}`);
  return out;
}

/** What OVS finds wrong with its own message, "" if nothing (ofputil_check_group_mod). */
function decodeError(g: GroupMod): string {
  for (const b of g.buckets) if (b.actions.some((a) => NOT_IN_10.has(a.kind))) return "OFPBAC_BAD_VENDOR_TYPE";
  if (g.type === "indirect" && g.command !== "delete" && g.buckets.length !== 1) return "OFPGMFC_INVALID_GROUP";
  const watched = g.buckets.some((b) => b.watchPort !== null || b.watchGroup !== null);
  return watched && (g.type === "all" || g.type === "indirect") ? "OFPGMFC_WATCH_UNSUPPORTED" : "";
}

/** A group of a dump, on one line as OpenFlow 1.5 prints it. */
export function printGroup(g: OvsGroup): string {
  const parts = [`group_id=${g.id}`, `type=${g.type}`];
  if (g.selectionMethod !== "") parts.push(`selection_method=${g.selectionMethod}`);
  if (g.selectionParam !== 0n) parts.push(`selection_method_param=${g.selectionParam}`);
  if (g.fields.length === 1) parts.push(`fields=${g.fields[0]}`);
  else if (g.fields.length > 1) parts.push(`fields(${g.fields.join(",")})`);
  for (const b of g.buckets)
    parts.push(
      [
        `bucket=${b.id === null ? "" : `bucket_id:${b.id},`}`,
        b.weight === (g.type === "select" ? 1 : 0) ? "" : `weight:${b.weight},`,
        b.watchPort === null ? "" : `watch_port:${portText(b.watchPort)},`,
        b.watchGroup === null ? "" : `watch_group:${b.watchGroup},`,
        `actions=${printActions(b.actions)}`,
      ].join(""),
    );
  return parts.join(",");
}
