/**
 * `ip route`, text: one route a line, next hops of a multipath route on lines of their own below it.
 *
 * A route that does what is not modelled (encapsulation) or whose next hop is not printed with it
 * becomes an opaque route: a packet that takes it is *unknown*, and no less specific route is taken in its place.
 */
import type { NexthopFact, ReadContext, RouteFact } from "@plumbline/model";
import { canonicalPrefix, parsePrefix } from "../address.js";
import { tableName } from "../command.js";
import { dsfield } from "./dsfield.js";

type RouteType = RouteFact["type"];

export const ROUTE_TYPES: ReadonlySet<string> = new Set<RouteType>([
  "unicast",
  "local",
  "broadcast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
  "throw",
  "anycast",
]);

/** Words with a value that change nothing of where a packet goes. */
const WITH_VALUE = new Set(
  "error expires hoplimit advmss window cwnd initcwnd initrwnd rtt rttvar rto_min quickack congctl features ssthresh reordering fastopen_no_cookie age realm realms users used fastmtu".split(
    " ",
  ),
);
const FLAGS = new Set(
  "onlink pervasive offload trap rt_offload rt_trap rt_offload_failed offload_failed unresolved cache notify".split(" "),
);
/** Words that change where it goes, or for which packets, in ways that are not modelled. */
const OPAQUE: Readonly<Record<string, string>> = {
  encap: "the route encapsulates",
  as: "the route swaps labels",
};

/** A route as it is being read. */
export interface RouteDraft {
  route: RouteFact;
  nhid: number;
  opaque: string;
  /** Next hops whose interface is down: the kernel leaves them out. */
  dead: number;
  line: number;
  text: string;
}

export interface RouteDefaults {
  /** Family of a `default` route that does not tell. */
  readonly family: 0 | 4 | 6;
  readonly table: string;
}

export function readRoutesText(text: string, defaults: RouteDefaults, ctx: ReadContext): RouteDraft[] {
  const drafts: RouteDraft[] = [];
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const words = lines[i].trim().split(/\s+/).filter(Boolean);
    if (words.length === 0) continue;
    const last = drafts.at(-1);
    if (/^\s/.test(lines[i]) && words[0] === "nexthop" && last) {
      hopWords(last, words.slice(1), i + 1, ctx);
      last.text += ` ${words.join(" ")}`;
    } else if (/^\s/.test(lines[i]) && (words[0] === "cache" || words[0] === "nh_info")) {
      // Lifetime of a cached entry; what `-d` repeats of a next hop object.
    } else {
      const draft = head(words, defaults, i + 1, lines[i].trim(), ctx);
      if (draft) drafts.push(draft);
      else
        ctx.problem(
          "warning",
          i + 1,
          `not a route: '${lines[i].trim()}'`,
          "Give the output of `ip route show table all` as it is printed.",
        );
    }
  }
  return drafts;
}

function head(words: readonly string[], defaults: RouteDefaults, line: number, text: string, ctx: ReadContext): RouteDraft | null {
  let i = 0;
  const type = ROUTE_TYPES.has(words[0]) ? (words[i++] as RouteType) : "unicast";
  const dst = words[i++] ?? "";
  const family = familyOf(dst, words, defaults.family);
  const prefix = dst === "default" ? (family === 6 ? "::/0" : "0.0.0.0/0") : canonicalPrefix(dst);
  if (!parsePrefix(prefix)) return null;
  const route: RouteFact = { family, table: defaults.table, type, prefix, nexthops: [], src: "", metric: 0, proto: "", scope: "", mtu: 0 };
  const draft: RouteDraft = { route, nhid: 0, opaque: "", dead: 0, line, text };
  routeWords(draft, words.slice(i), line, ctx);
  return draft;
}

/** The family of a route; a `default` tells by its gateway or its source, or by what only IPv6 routes have. */
function familyOf(dst: string, words: readonly string[], asked: 0 | 4 | 6): 4 | 6 {
  if (dst !== "default") return dst.includes(":") ? 6 : 4;
  if (asked !== 0) return asked;
  for (const key of ["src", "via", "from"]) {
    const at = words.indexOf(key);
    if (at >= 0 && words[at + 1] !== "inet6") return words[at + 1]?.includes(":") ? 6 : 4;
  }
  return words.includes("pref") ? 6 : 4;
}

function routeWords(draft: RouteDraft, words: readonly string[], line: number, ctx: ReadContext): void {
  const r = draft.route;
  const hop: NexthopFact = { via: "", dev: "", weight: 1, onlink: false };
  let hasHop = false;
  let dead = false;
  for (let i = 0; i < words.length; i++) {
    const w = words[i];
    const value = words[i + 1] ?? "";
    if (w === "via") {
      const inet = value === "inet6" || value === "inet";
      hop.via = inet ? (words[i + 2] ?? "") : value;
      hasHop = true;
      i += inet ? 2 : 1;
    } else if (w === "dev") {
      hop.dev = value;
      hasHop = true;
      i++;
    } else if (w === "table") {
      r.table = tableName(value);
      i++;
    } else if (w === "proto") {
      r.proto = value;
      i++;
    } else if (w === "scope") {
      r.scope = value;
      i++;
    } else if (w === "src") {
      r.src = value;
      i++;
    } else if (w === "metric") {
      r.metric = numberOf(draft, "metric", value);
      i++;
    } else if (w === "mtu") {
      const lock = value === "lock";
      r.mtu = numberOf(draft, "MTU", lock ? (words[i + 2] ?? "") : value);
      i += lock ? 2 : 1;
    } else if (w === "tos" || w === "dsfield") {
      const tos = dsfield(value);
      if (tos === null) draft.opaque = `the route is for a type of service that is not understood: '${value}'`;
      else if (tos !== 0) r.tos = tos;
      i++;
    } else if (w === "pref") {
      if (value === "low" || value === "high") r.pref = value;
      i++;
    } else if (w === "from") {
      if (value !== "all" && value !== "default" && value !== "::/0") r.from = canonicalPrefix(value);
      i++;
    } else if (w === "nhid") {
      draft.nhid = numberOf(draft, "next hop object", value);
      i++;
    } else if (Object.hasOwn(OPAQUE, w)) {
      draft.opaque = OPAQUE[w];
      // What follows belongs to the encapsulation, up to the next hop.
      while (i + 1 < words.length && words[i + 1] !== "via" && words[i + 1] !== "dev") i++;
    } else if (w === "onlink") hop.onlink = true;
    else if (w === "dead") dead = true;
    else if (w === "linkdown") hop.linkdown = true;
    else if (WITH_VALUE.has(w)) i += value === "lock" ? 2 : 1;
    else if (!FLAGS.has(w)) ctx.problem("warning", line, `'${w}' of a route is not understood; the route is used without it`);
  }
  if (hasHop) addHop(draft, hop, dead);
}

/** A number of a route; one that is none leaves open what the route does. */
function numberOf(draft: RouteDraft, what: string, text: string): number {
  if (/^(\d{1,10}|0x[0-9a-f]{1,8})$/.test(text)) return Number(text);
  draft.opaque = `the route's ${what} is no number: '${text}'`;
  return 0;
}

function hopWords(draft: RouteDraft, words: readonly string[], line: number, ctx: ReadContext): void {
  const hop: NexthopFact = { via: "", dev: "", weight: 1, onlink: false };
  let dead = false;
  for (let i = 0; i < words.length; i++) {
    const w = words[i];
    if (w === "via") {
      if (words[i + 1] === "inet6" || words[i + 1] === "inet") i++;
      hop.via = words[++i] ?? "";
    } else if (w === "dev") hop.dev = words[++i] ?? "";
    else if (w === "weight") hop.weight = Number(words[++i]) || 1;
    else if (w === "onlink") hop.onlink = true;
    else if (w === "dead") dead = true;
    else if (w === "linkdown") hop.linkdown = true;
    else if (Object.hasOwn(OPAQUE, w)) {
      draft.opaque = OPAQUE[w];
      while (i + 1 < words.length && words[i + 1] !== "via" && words[i + 1] !== "dev") i++;
    } else if (w === "realm" || w === "realms" || w === "pref") i++;
    else if (!FLAGS.has(w)) ctx.problem("warning", line, `'${w}' of a next hop is not understood; the next hop is used without it`);
  }
  addHop(draft, hop, dead);
}

/** The kernel does not use a next hop whose interface is down (`dead`). */
export function addHop(draft: RouteDraft, hop: NexthopFact, dead: boolean): void {
  if (dead) draft.dead++;
  else draft.route.nexthops.push(hop);
}

/** Types of routes that lead nowhere, so that they have no next hop. */
const WITHOUT_HOP: ReadonlySet<RouteType> = new Set(["blackhole", "unreachable", "prohibit", "throw"]);

/** Turns what was read into facts, and says how much of the tables is in this file. */
export function routeFacts(
  drafts: readonly RouteDraft[],
  asked: { family: 0 | 4 | 6; table: string; selected: boolean },
  ctx: ReadContext,
): void {
  for (const d of drafts) {
    const r = d.route;
    const { family, table, prefix, metric, src, scope, proto } = r;
    const opaque = (why: string, nhid: number) =>
      ctx.fact("linux.route-opaque", { family, table, prefix, metric, src, scope, proto, why, nhid }, d.line, d.text);
    if (d.opaque !== "") opaque(d.opaque, 0);
    else if (r.nexthops.length > 0 || WITHOUT_HOP.has(r.type))
      ctx.fact("linux.route", d.nhid > 0 ? { ...r, nhid: d.nhid } : r, d.line, d.text);
    else if (d.dead > 0) ctx.problem("info", d.line, `the route to ${prefix} is dead (its interface is down): not used`);
    else if (d.nhid > 0) opaque(`its next hop object ${d.nhid} is not in evidence`, d.nhid);
    else opaque("no next hop is printed with the route", 0);
  }
  const partial = asked.selected || ((asked.table === "main" || asked.table === "all") && drafts.length > 0 && !drafts.some(isOwn));
  if (!partial)
    ctx.fact("linux.routes-read", { family: asked.table === "all" || asked.family !== 0 ? asked.family : 4, table: asked.table }, 0, "");
  else
    for (const family of [4, 6] as const)
      if (drafts.some((d) => d.route.family === family)) ctx.fact("linux.routes-partial", { family }, 1, drafts[0].text);
}

/** A route that every whole table has: to an own address, or to a network that an interface is in. */
function isOwn(d: RouteDraft): boolean {
  const r = d.route;
  return (
    r.type === "local" ||
    (r.type === "unicast" && r.nexthops.length > 0 && r.nexthops.every((h) => h.via === "") && (r.scope === "link" || r.proto === "kernel"))
  );
}
