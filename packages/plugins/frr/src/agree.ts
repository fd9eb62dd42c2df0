/**
 * Whether the BGP table and the route table of a router are of one state: a BGP route's next hops are those of the best path and
 * of the paths beside it (`=`), and zebra has no others. Where they differ, the two were printed at different moments.
 */
import type { BgpPathFact, Fact, FrrRouteFact, LowerContext, Origin } from "@plumbline/model";

const at = (o: Origin) => `${o.file}:${o.line}`;

/** Gateways as BGP gave them: a recursive next hop is printed before the ones that it was resolved to. */
function gateways(d: FrrRouteFact): string[] {
  const given = d.nexthops.some((h) => h.recursive) ? d.nexthops.filter((h) => h.recursive) : d.nexthops;
  return [...new Set(given.map((h) => h.via))].filter((via) => via !== "").sort();
}

function usedPaths(paths: readonly Fact<"frr.bgp-path">[]): Map<string, Fact<"frr.bgp-path">[]> {
  const used = new Map<string, Fact<"frr.bgp-path">[]>();
  for (const f of paths) {
    const d: BgpPathFact = f.data;
    if (!d.valid || !(d.best || d.multipath)) continue;
    const list = used.get(d.prefix);
    if (list) list.push(f);
    else used.set(d.prefix, [f]);
  }
  return used;
}

/** Stage `devices`: reports prefixes whose BGP route has other next hops than BGP's paths. */
export function reportDisagreement(ctx: LowerContext): void {
  const { facts } = ctx;
  for (const host of facts.hosts()) {
    const used = usedPaths(facts.of("frr.bgp-path", host));
    if (used.size === 0) continue;
    for (const f of facts.of("frr.route", host)) {
      const paths = used.get(f.data.prefix);
      if (!paths || f.data.protocol !== "bgp" || f.data.vrf !== "default" || f.data.nexthops.some((h) => h.blackhole)) continue;
      const bgp = [...new Set(paths.map((p) => p.data.nexthop))].sort();
      const routed = gateways(f.data);
      // A link-local next hop stands in for the global one.
      if (routed.length === 0 || routed.some((a) => a.startsWith("fe80:")) || bgp.join() === routed.join()) continue;
      ctx.problem({
        severity: "warning",
        file: f.origin.file,
        line: f.origin.line,
        message: `${host} routes ${f.data.prefix} to ${routed.join(", ")}, but its BGP table has ${bgp.join(", ")} at ${at(paths[0].origin)}: the two are of different states; the routes are used`,
        hint: "Collect `show ip bgp` and `show ip route` again, together.",
      });
    }
  }
}
