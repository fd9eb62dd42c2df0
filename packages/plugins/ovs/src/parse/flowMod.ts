/**
 * A flow as `ovs-ofctl` reads it from its arguments and from files of `add-flows` (lib/ofp-flow.c, parse_ofp_str__): accepted
 * and refused as there, with its messages.
 */
import type { FlowAbout, OvsAction, PortRef, TableRef } from "../ast.js";
import { ovsField, parseFieldSlice, plainField } from "../fields.js";
import { parseActionsStrictly } from "./actions.js";
import { bad } from "./badArgument.js";
import { checkActions } from "./check.js";
import { parseFieldValue } from "./fieldValue.js";
import { ETH, FlowMatch } from "./flowMatch.js";
import { applyKey, type MatchOptions, shorthand } from "./match.js";
import { type Names, NO_NAMES, portFromText, tableFromText } from "./names.js";
import { unsigned, unsigned32, unsigned64 } from "./numbers.js";
import { protocolsOfActions, verifyOrder } from "./order.js";
import { P, protocolsOfMatch } from "./protocols.js";
import { nextKeyValue } from "./scan.js";

export type FlowCommand = "add" | "modify" | "modify_strict" | "delete" | "delete_strict";

export interface FlowMod {
  readonly command: FlowCommand;
  /** 255: none is named. */
  readonly table: TableRef;
  readonly priority: number;
  readonly match: FlowMatch;
  readonly actions: readonly OvsAction[];
  /** What the flow gets; null where a change leaves it. */
  readonly cookie: bigint | null;
  /** Which flows are meant. */
  readonly cookieValue: bigint;
  readonly cookieMask: bigint;
  readonly about: FlowAbout;
  readonly outPort: PortRef | null;
  readonly outGroup: number | null;
  /** Protocols that can say all this, see `protocols.ts`. */
  readonly usable: number;
}

export interface FlowModOptions {
  readonly names?: Names;
  /** Null: the text may begin with a command, `add` if it does not. */
  readonly command?: FlowCommand | null;
}

const COMMANDS: readonly FlowCommand[] = ["add", "delete", "delete_strict", "modify", "modify_strict"];
const FLAGS: Readonly<Record<string, number>> = {
  send_flow_rem: P.any,
  check_overlap: P.any,
  reset_counts: P.of12Up,
  no_packet_counts: P.of13Up,
  no_byte_counts: P.of13Up,
};
const IGNORED = new Set(["duration", "n_packets", "n_bytes", "idle_age", "hard_age"]);
const DEFAULT_PRIORITY = 32768;

/** Splits off what is behind the first "action…=": OVS looks for these letters anywhere. */
function splitActions(text: string): [before: string, actions: string | null] {
  const i = text.indexOf("action");
  if (i < 0) return [text, null];
  const eq = text.indexOf("=", i + 1);
  return [text.slice(0, i), eq < 0 ? null : text.slice(eq + 1)];
}

/** Throws {@link BadArgument} with OVS's message where OVS refuses the text. */
export function parseFlowMod(line: string, options: FlowModOptions = {}): FlowMod {
  const names = options.names ?? NO_NAMES;
  const o: MatchOptions = { names, strict: true };
  let text = line;
  let command: FlowCommand = options.command ?? "add";
  if (options.command === null) {
    text = text.replace(/^[ \t\r\n]+/, "");
    const word = /^[^, \t\r\n]*/.exec(text)![0];
    // A command may be cut short: "mod" is modify.
    const named = COMMANDS.find((c) => c.startsWith(word) && word !== "");
    if (named !== undefined) text = text.slice(word.length);
    command = named ?? "add";
  }
  const adds = command === "add";
  const deletes = command.startsWith("delete");
  const usesActions = !deletes;
  let actionText: string | null = null;
  if (usesActions) {
    [text, actionText] = splitActions(text);
    if (actionText === null) bad("must specify an action");
  }

  let usable: number = P.any;
  const match = new FlowMatch();
  const about: { -readonly [K in keyof FlowAbout]: FlowAbout[K] } = {};
  const flags: string[] = [];
  let table: TableRef = 255;
  let priority = DEFAULT_PRIORITY;
  let cookie: bigint | null = adds ? 0n : null;
  let cookieValue = 0n;
  let cookieMask = 0n;
  let outPort: PortRef | null = null;
  let outGroup: number | null = null;
  for (let kv = nextKeyValue(text, 0); kv; kv = nextKeyValue(text, kv.end)) {
    const { key } = kv;
    const value = kv.value ?? "";
    if (shorthand(key) || key === "eth") {
      applyKey(match, key, "", o);
      continue;
    }
    if (usesActions && Object.hasOwn(FLAGS, key)) {
      if (!flags.includes(key)) flags.push(key);
      usable &= FLAGS[key];
      continue;
    }
    if (key === "no_readonly_table" || key === "allow_hidden_fields") continue;
    const f = plainField(key);
    if ((f && !f.newer) || key.includes("[")) {
      const field = f && !key.includes("[") ? f : (parseFieldSlice(key) && ovsField(parseFieldSlice(key)!.field)) || null;
      if (f && !key.includes("[")) usable &= protocolsOfMatch(f, parseFieldValue(f, value === "" ? "0/0" : value, names).mask);
      if (field?.storage.startsWith("tun_metadata") && match.options.has(Number(field.storage.slice(12))) && !key.includes("["))
        bad(`field ${field.name} set multiple times`);
      applyKey(match, key, value, o);
      if (key.includes("[") && field)
        usable &= protocolsOfMatch(
          field,
          match.read(field).mask === (1n << BigInt(field.bits)) - 1n ? (1n << BigInt(8 * field.bytes)) - 1n : match.read(field).mask,
        );
      checkOptions(match, field?.name ?? key);
      continue;
    }
    if (value === "") bad(`field ${key} missing value`);
    switch (key) {
      case "table": {
        const t = tableFromText(value, names);
        if (t === null) bad(`unknown table "${value}"`);
        table = t;
        if (t !== 255) usable &= P.tableId;
        continue;
      }
      case "out_port":
        if (!deletes) break;
        outPort = portFromText(value, names) ?? bad(`${value} is not a valid OpenFlow port`);
        continue;
      case "out_group":
        if (!deletes) break;
        usable &= P.of11Up;
        outGroup = unsigned32(value);
        continue;
      case "priority":
        if (command === "delete") break;
        priority = unsigned(value, key, 0xffff);
        continue;
      case "idle_timeout":
      case "hard_timeout":
        if (deletes) break;
        about[key === "idle_timeout" ? "idleTimeout" : "hardTimeout"] = unsigned(value, key, 0xffff);
        continue;
      case "importance":
        if (!adds) break;
        about.importance = unsigned(value, key, 0xffff);
        continue;
      case "cookie": {
        const slash = value.indexOf("/");
        if (slash >= 0) {
          if (adds) bad("flow additions cannot use a cookie mask");
          cookieValue = unsigned64(value.slice(0, slash));
          cookieMask = unsigned64(value.slice(slash + 1));
          if (cookieMask !== 0n) usable &= P.nxmOf11Up;
        } else {
          if (deletes) bad(`cannot set cookie (to match on a cookie, specify a mask, e.g. cookie=${value}/-1)`);
          cookie = unsigned64(value);
        }
        continue;
      }
    }
    if (!IGNORED.has(key)) bad(`unknown keyword ${key}`);
  }
  const type = match.get("packet_type");
  if (match.ethType() === ETH.ipv6 && ["nw_proto", "nw_tos", "tp_src", "tp_dst"].some((p) => match.has(p))) usable &= P.nxmOxm;
  // A change without a mask adds a flow where there is none.
  if (cookieMask === 0n && cookie === null && !deletes) cookie = 0n;
  if (flags.length > 0) about.flags = flags;
  let actions: OvsAction[] = [];
  if (actionText !== null) {
    actions = parseActionsStrictly(actionText, names);
    verifyOrder(actions, true);
    const checked = match.copy();
    if (type.mask === 0xffffffffn && type.value >> 16n === 1n) checked.put("eth_type", type.value & 0xffffn, 0xffffn);
    usable &= protocolsOfActions(actions) & checkActions(actions, checked, table);
    if (usable === 0) bad("actions are invalid with specified match (OFPBAC_MATCH_INCONSISTENT)");
  }
  return { command, table, priority, match, actions, cookie, cookieValue, cookieMask, about, outPort, outGroup, usable };
}

/** All geneve options of a flow have a bounded room. */
function checkOptions(match: FlowMatch, name: string): void {
  let used = 0;
  for (const o of match.options.values()) used += o.bytes;
  if (used > 256) bad(`field ${name} exceeds maximum size for tunnel metadata (used ${used}, max 256)`);
}
