/**
 * What one peer was sent or sent itself: `show bgp … neighbors X advertised-routes|received-routes|routes|filtered-routes`, text and JSON. The text is a BGP
 * table; the JSON has the paths under a name of its own (bgpd/bgp_route.c, show_adj_route), but for `routes`, which is as the whole table's.
 *
 * FRR 10's text of what was sent prints all paths that the table has of a sent prefix, with their attributes before the policy; the best of them was sent.
 */
import type { ReadContext } from "@plumbline/model";
import { bgpRows } from "./bgp-text.js";
import { list, num, obj, parsed, str } from "./json.js";
import type { BgpDirection } from "./private-facts.js";

interface Asked {
  readonly neighbour: string;
  readonly direction: BgpDirection;
  readonly family: 4 | 6;
}

export function readNeighbourRoutes(text: string, asked: Asked, ctx: ReadContext): void {
  const { neighbour, direction } = asked;
  if (/^%? ?(No such neighbor|Inbound soft reconfiguration not enabled|No such peer)/m.test(text)) {
    ctx.problem("info", 1, `the list was not given: ${text.trim().split("\n")[0]}`);
    return;
  }
  const { rows } = bgpRows(text, ctx, false);
  const best = new Set(rows.filter((r) => r.fact.best).map((r) => r.fact.prefix));
  for (const r of rows) {
    if (direction === "advertised" && !r.fact.best && best.has(r.fact.prefix)) continue;
    const { prefix, nexthop, localPref, weight, asPath } = r.fact;
    ctx.fact("frr.neighbour-route", { neighbour, direction, prefix, nexthop, localPref, weight, asPath }, r.line, r.text);
  }
  ctx.fact("frr.neighbour-routes-read", { neighbour, direction, family: familyOf(rows[0]?.fact.prefix, asked.family) }, 1, "");
}

const LISTS = ["advertisedRoutes", "receivedRoutes", "filteredRoutes", "routes"] as const;

export function readNeighbourRoutesJson(text: string, asked: Asked, ctx: ReadContext): void {
  const top = parsed(text, ctx);
  if (!top) return;
  const warning = str(top["warning"]);
  if (warning !== "") {
    ctx.problem("info", 1, `the list was not given: ${warning}`);
    return;
  }
  const defaultPref = num(top["defaultLocPrf"]) || 100;
  const { neighbour, direction } = asked;
  let first: string | undefined;
  for (const name of LISTS)
    for (const [prefix, entry] of Object.entries(obj(top[name])))
      for (const p of (Array.isArray(entry) ? entry : [entry]).map(obj)) {
        first ??= prefix;
        const hops = list(p["nexthops"]).map(obj);
        const hop = hops.find((h) => h["used"] === true) ?? hops[0];
        const at = text.indexOf(`"${prefix}"`);
        ctx.fact(
          "frr.neighbour-route",
          {
            neighbour,
            direction,
            prefix,
            nexthop: hop ? str(hop["ip"]) : str(p["nextHop"]) || str(p["nextHopGlobal"]),
            localPref: p["locPrf"] === undefined ? defaultPref : num(p["locPrf"]),
            weight: num(p["weight"]),
            asPath: str(p["path"]),
          },
          at < 0 ? 1 : text.slice(0, at).split("\n").length,
          JSON.stringify(p),
        );
      }
  ctx.fact("frr.neighbour-routes-read", { neighbour, direction, family: familyOf(first, asked.family) }, 1, "");
}

function familyOf(prefix: string | undefined, asked: 4 | 6): 4 | 6 {
  return prefix === undefined ? asked : prefix.includes(":") ? 6 : 4;
}
