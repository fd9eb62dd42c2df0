/**
 * `ip -j route`: the same routes as objects. `table` is there only when it is not main, `type` only when it is not
 * unicast (both always with `-d`); the MTU hides in `metrics`.
 */
import type { ReadContext, RouteFact } from "@plumbline/model";
import { canonicalPrefix, parsePrefix } from "../address.js";
import { tableName } from "../command.js";
import { dsfield } from "./dsfield.js";
import { jsonElements, list, num, obj, str } from "./json-array.js";
import { addHop, ROUTE_TYPES, type RouteDefaults, type RouteDraft } from "./routes.js";

export function readRoutesJson(text: string, defaults: RouteDefaults, ctx: ReadContext): RouteDraft[] {
  const drafts: RouteDraft[] = [];
  for (const e of jsonElements(text)) {
    const v = e.value;
    const dst = str(v["dst"]);
    const type = v["type"] === undefined ? "unicast" : str(v["type"]);
    const family = familyOf(dst, v, defaults.family);
    const prefix = dst === "default" ? (family === 6 ? "::/0" : "0.0.0.0/0") : canonicalPrefix(dst);
    if (!parsePrefix(prefix) || !ROUTE_TYPES.has(type)) {
      ctx.problem("warning", e.line, `not a route: '${e.text}'`);
      continue;
    }
    const draft: RouteDraft = {
      route: {
        family,
        table: v["table"] === undefined ? defaults.table : tableName(str(v["table"])),
        type: type as RouteFact["type"],
        prefix,
        nexthops: [],
        src: str(v["prefsrc"]),
        metric: num(v["metric"]),
        proto: str(v["protocol"]),
        scope: str(v["scope"]),
        mtu: list(v["metrics"]).reduce((m: number, x) => num(obj(x)["mtu"]) || m, 0),
      },
      nhid: num(v["nhid"]),
      opaque: v["encap"] !== undefined ? "the route encapsulates" : "",
      dead: 0,
      line: e.line,
      text: e.text,
    };
    const tos = v["tos"] === undefined ? 0 : dsfield(str(v["tos"]));
    if (tos === null) draft.opaque = `the route is for a type of service that is not understood: '${str(v["tos"])}'`;
    else if (tos !== 0) draft.route.tos = tos;
    const pref = str(v["pref"]);
    if (pref === "low" || pref === "high") draft.route.pref = pref;
    const from = str(v["from"]) || str(v["src"]);
    if (from !== "" && from !== "all" && from !== "default") draft.route.from = canonicalPrefix(from);
    const hops = list(v["nexthops"]).map(obj);
    for (const h of hops) {
      if (h["encap"] !== undefined) draft.opaque = "the route encapsulates";
      hop(draft, h);
    }
    if (hops.length === 0 && (v["gateway"] !== undefined || v["via"] !== undefined || v["dev"] !== undefined)) hop(draft, v);
    drafts.push(draft);
  }
  return drafts;
}

function hop(draft: RouteDraft, h: Readonly<Record<string, unknown>>): void {
  const flags = list(h["flags"]);
  const via = str(h["gateway"]) || str(obj(h["via"])["host"]);
  const linkdown = flags.includes("linkdown") ? { linkdown: true } : {};
  const to = { via, dev: str(h["dev"]), weight: num(h["weight"]) || 1, onlink: flags.includes("onlink"), ...linkdown };
  addHop(draft, to, flags.includes("dead"));
}

function familyOf(dst: string, v: Readonly<Record<string, unknown>>, asked: 0 | 4 | 6): 4 | 6 {
  if (dst !== "default") return dst.includes(":") ? 6 : 4;
  if (asked !== 0) return asked;
  const told = str(v["prefsrc"]) || str(v["gateway"]) || str(obj(list(v["nexthops"])[0])["gateway"]);
  if (told !== "") return told.includes(":") ? 6 : 4;
  return v["pref"] !== undefined ? 6 : 4;
}
