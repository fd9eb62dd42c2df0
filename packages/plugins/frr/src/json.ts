/**
 * The JSON forms: `show ip route json` (prefix → routes) and `show ip bgp json` (`routes`: prefix → paths).
 */
import type { ReadContext } from "@plumbline/model";
import { claimRouterId } from "./bgp-text.js";

type Json = Readonly<Record<string, unknown>>;

export const obj = (v: unknown): Json => (typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Json) : {});
export const list = (v: unknown): readonly unknown[] => (Array.isArray(v) ? v : []);
export const str = (v: unknown): string => (typeof v === "string" ? v : "");
export const num = (v: unknown): number => (typeof v === "number" ? v : 0);

/** The line on which the key `prefix` stands, from 1. */
function lineOf(text: string, prefix: string): number {
  const at = text.indexOf(`"${prefix}"`);
  return at < 0 ? 1 : text.slice(0, at).split("\n").length;
}

/** The object that `text` is. With `vrf all`, FRR 8 prints one a VRF, one behind the other: then they are one, the default VRF's keys first. */
export function parsed(text: string, ctx: ReadContext): Json | null {
  try {
    const parts = text.split(/(?<=^\})\s*(?=^\{)/m);
    if (parts.length > 1) return Object.assign({}, ...parts.map((p) => obj(JSON.parse(p))).reverse()) as Json;
    return obj(JSON.parse(text));
  } catch (e) {
    ctx.problem("error", 0, `not JSON: ${e instanceof Error ? e.message : String(e)}`, "The file may have been cut; collect it again.");
    return null;
  }
}

export function readRouteJson(text: string, request: { family: 4 | 6; vrf: string }, ctx: ReadContext): void {
  const top = parsed(text, ctx);
  if (!top) return;
  // From FRR 9 on, `vrf all` has the prefixes below their VRF.
  const tables = Object.entries(top).flatMap(([key, v]): [string, unknown][] => (Array.isArray(v) ? [[key, v]] : Object.entries(obj(v))));
  for (const [prefix, routes] of tables) {
    for (const r of list(routes).map(obj)) {
      const nexthops = list(r["nexthops"])
        .map(obj)
        .map((h) => ({
          via: str(h["ip"]),
          dev: str(h["interfaceName"]),
          weight: num(h["weight"]) || 1,
          onlink: h["onLink"] === true,
          // The mark stays on next hops of a route that another one has displaced.
          fib: h["fib"] === true && r["installed"] === true,
          recursive: h["recursive"] === true,
          blackhole: h["unreachable"] === true || h["blackhole"] === true,
        }))
        .sort((a, b) => Number(b.fib) - Number(a.fib));
      ctx.fact(
        "frr.route",
        {
          family: prefix.includes(":") ? 6 : request.family,
          vrf: str(r["vrfName"]) || request.vrf,
          prefix,
          protocol: str(r["protocol"]),
          selected: r["selected"] === true,
          fib: nexthops.some((h) => h.fib),
          distance: num(r["distance"]),
          metric: num(r["metric"]),
          nexthops,
        },
        lineOf(text, prefix),
        JSON.stringify(r),
      );
    }
  }
}

export function readBgpJson(text: string, ctx: ReadContext): void {
  const all = parsed(text, ctx);
  if (!all) return;
  // `vrf all` has one table a VRF.
  const top = "routes" in all ? all : obj(all["default"]);
  const id = str(top["routerId"]);
  if (id !== "") claimRouterId(id, lineOf(text, id), `"routerId":"${id}"`, ctx);
  const defaultPref = num(top["defaultLocPrf"]) || 100;
  for (const [prefix, paths] of Object.entries(obj(top["routes"]))) {
    for (const p of list(paths).map(obj)) {
      const hops = list(p["nexthops"]).map(obj);
      // Of a global and a link-local IPv6 next hop one is marked as used.
      const hop = hops.find((h) => h["used"] === true) ?? hops[0] ?? {};
      ctx.fact(
        "frr.bgp-path",
        {
          prefix,
          nexthop: str(hop["ip"]),
          valid: p["valid"] === true,
          best: p["bestpath"] === true,
          // The text form marks the best path `>` alone.
          multipath: p["multipath"] === true && p["bestpath"] !== true,
          internal: p["pathFrom"] === "internal",
          localPref: p["locPrf"] === undefined ? defaultPref : num(p["locPrf"]),
          weight: num(p["weight"]),
          asPath: str(p["path"]),
        },
        lineOf(text, prefix),
        JSON.stringify(p),
      );
    }
  }
}
