/**
 * `ip rule`, text and JSON. A rule with a condition that is not modelled becomes an opaque rule: packets pass it, and what
 * follows is marked as depending on it.
 */
import type { PolicyRuleFact, ReadContext } from "@plumbline/model";
import { tableName } from "../command.js";
import { dsfield } from "./dsfield.js";
import { jsonElements, num, str } from "./json-array.js";

const empty = (family: 4 | 6, priority: number): PolicyRuleFact => ({
  family,
  priority,
  not: false,
  from: "",
  to: "",
  iif: "",
  oif: "",
  ipproto: "",
  sport: "",
  dport: "",
  action: "lookup",
  table: "",
});

function mark(text: string): { value: number; mask: number } {
  const [value, mask] = text.split("/");
  return { value: Number(value) >>> 0, mask: mask === undefined ? 0xffffffff : Number(mask) >>> 0 };
}

/** The families a rule belongs to: without `-6`, `ip rule` prints those of IPv4. */
export function readRulesText(text: string, family: 4 | 6, ctx: ReadContext): void {
  text.split("\n").forEach((raw, i) => {
    const m = /^(\d+):\s+(.*)$/.exec(raw.trim());
    if (raw.trim() === "") return;
    if (!m) {
      ctx.problem("warning", i + 1, `not a policy rule: '${raw.trim()}'`);
      return;
    }
    const rule = empty(family, Number(m[1]));
    const opaque = ruleWords(rule, m[2].split(/\s+/));
    if (opaque !== "") ctx.fact("linux.rule-opaque", { family, priority: rule.priority, why: opaque }, i + 1, raw.trim());
    else ctx.fact("linux.rule", rule, i + 1, raw.trim());
  });
}

/** Fills `rule`; returns why it cannot be modelled, or "". */
function ruleWords(rule: PolicyRuleFact, words: readonly string[]): string {
  let opaque = "";
  for (let i = 0; i < words.length; i++) {
    const value = words[i + 1] ?? "";
    switch (words[i]) {
      case "not":
        rule.not = true;
        break;
      case "from":
        rule.from = value === "all" ? "" : value;
        i++;
        break;
      case "to":
        rule.to = value === "all" ? "" : value;
        i++;
        break;
      case "iif":
        rule.iif = value;
        i++;
        break;
      case "oif":
        rule.oif = value;
        i++;
        break;
      case "fwmark":
        rule.fwmark = mark(value);
        i++;
        break;
      case "uidrange": {
        const [from, to] = value.split("-").map(Number);
        rule.uidrange = { from, to: to ?? from };
        i++;
        break;
      }
      case "ipproto":
        rule.ipproto = value;
        i++;
        break;
      case "sport":
        rule.sport = value;
        i++;
        break;
      case "dport":
        rule.dport = value;
        i++;
        break;
      case "lookup":
      case "table":
        if (value === "[l3mdev-table]") rule.l3mdev = true;
        else rule.table = tableName(value);
        i++;
        break;
      case "suppress_prefixlength":
        rule.suppressPrefixlen = Number(value);
        i++;
        break;
      case "suppress_ifgroup":
        rule.suppressIfgroup = value;
        i++;
        break;
      case "tos":
      case "dsfield": {
        const tos = dsfield(value);
        if (tos === null) opaque = `its type of service '${value}' is not understood`;
        else if (tos !== 0) rule.tos = tos;
        i++;
        break;
      }
      case "dscp": {
        const tos = /^\d+$/.test(value) ? Number(value) * 4 : dsfield(value);
        if (tos === null) opaque = `its DSCP '${value}' is not understood`;
        else rule.dscp = tos >> 2;
        i++;
        break;
      }
      case "goto":
        rule.action = "goto";
        rule.table = value;
        i++;
        break;
      case "blackhole":
      case "unreachable":
      case "prohibit":
      case "nop":
        rule.action = words[i] as PolicyRuleFact["action"];
        break;
      case "l3mdev":
      case "[l3mdev-table]":
        rule.l3mdev = true;
        break;
      case "proto":
      case "protocol":
      case "realms":
        i++;
        break;
      case "[detached]":
      case "[unresolved]":
        break;
      default:
        return `its condition '${words[i]}' is not modelled`;
    }
  }
  return opaque;
}

const KNOWN_KEYS = new Set(
  "priority src srclen dst dstlen not fwmark fwmask iif iif_detached oif oif_detached uid_start uid_end ipproto sport sport_start sport_end dport dport_start dport_end table suppress_prefixlen action goto protocol family unresolved suppress_ifgroup tos dscp l3mdev proto".split(
    " ",
  ),
);

export function readRulesJson(text: string, family: 4 | 6, ctx: ReadContext): void {
  for (const e of jsonElements(text)) {
    const v = e.value;
    const rule = empty(family, num(v["priority"]));
    const unknown = Object.keys(v).find((k) => !KNOWN_KEYS.has(k));
    if (unknown !== undefined) {
      ctx.fact("linux.rule-opaque", { family, priority: rule.priority, why: `its condition '${unknown}' is not modelled` }, e.line, e.text);
      continue;
    }
    const side = (key: string) => {
      const a = str(v[key]);
      return a === "all" || a === "" ? "" : v[`${key}len`] === undefined ? a : `${a}/${num(v[`${key}len`])}`;
    };
    const ports = (key: string) => (v[`${key}_start`] === undefined ? str(v[key]) : `${num(v[`${key}_start`])}-${num(v[`${key}_end`])}`);
    rule.not = "not" in v;
    rule.from = side("src");
    rule.to = side("dst");
    rule.iif = str(v["iif"]);
    rule.oif = str(v["oif"]);
    if (v["fwmark"] !== undefined)
      rule.fwmark = mark(v["fwmask"] === undefined ? str(v["fwmark"]) : `${str(v["fwmark"])}/${str(v["fwmask"])}`);
    if (v["uid_start"] !== undefined) rule.uidrange = { from: num(v["uid_start"]), to: num(v["uid_end"]) };
    rule.ipproto = str(v["ipproto"]);
    rule.sport = ports("sport");
    rule.dport = ports("dport");
    rule.table = tableName(str(v["table"]));
    if (v["suppress_prefixlen"] !== undefined) rule.suppressPrefixlen = num(v["suppress_prefixlen"]);
    if (v["suppress_ifgroup"] !== undefined) rule.suppressIfgroup = str(v["suppress_ifgroup"]);
    if (v["l3mdev"] !== undefined) rule.l3mdev = true;
    const tos = v["tos"] === undefined ? 0 : dsfield(str(v["tos"]));
    const dscp = str(v["dscp"]);
    const dscpBits = dscp === "" ? null : /^\d+$/.test(dscp) ? Number(dscp) * 4 : dsfield(dscp);
    if (tos === null || (dscp !== "" && dscpBits === null)) {
      const why = "its type of service is not understood";
      ctx.fact("linux.rule-opaque", { family, priority: rule.priority, why }, e.line, e.text);
      continue;
    }
    if (tos !== 0) rule.tos = tos;
    if (dscpBits !== null) rule.dscp = dscpBits >> 2;
    const action = str(v["action"]);
    if (v["goto"] !== undefined) {
      rule.action = "goto";
      rule.table = str(v["goto"]);
    } else if (action === "blackhole" || action === "unreachable" || action === "prohibit" || action === "nop") rule.action = action;
    ctx.fact("linux.rule", rule, e.line, e.text);
  }
}
