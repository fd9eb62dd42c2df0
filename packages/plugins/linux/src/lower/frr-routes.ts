/**
 * A router's own view of its routes (FRR) beside the kernel's.
 *
 * Where the kernel's table is in evidence it decides, and FRR's line is the origin of the routes that FRR put there; a difference is
 * reported. With FRR alone its selected routes in the FIB stand for the kernel's table. With BGP paths alone, the best path and
 * its multipath companions do.
 */
import type { BgpPathFact, Fact, FactBase, FrrRouteFact, NexthopFact, Origin, Problem } from "@plumbline/model";
import { BITS, contains, parseAddress, parsePrefix } from "../address.js";
import { type HostEvidence, type Interface, interfaceNamed, type Route, UNNAMED } from "./evidence.js";

type FrrFact = Fact<"frr.route">;

/** Protocols whose routes FRR only mirrors from the kernel. */
const MIRRORED = new Set(["kernel", "connected", "local"]);
const KERNEL_ALONE = "the kernel's own table (ip route) is not in evidence";

const at = (o: Origin) => `${o.file}:${o.line}`;
const key = (d: FrrRouteFact) => `${d.family} ${d.vrf} ${d.prefix}`;

/** Next hops that are in the FIB. */
const installed = (d: FrrRouteFact) => d.nexthops.filter((h) => h.fib);
const hopSet = (hops: readonly NexthopFact[]) =>
  hops
    .map((h) => `${h.via} ${h.dev}`)
    .sort()
    .join(", ");

/**
 * The selected route of each prefix. A prefix may have been asked for by itself as well, at another time: then the larger output, the table, is
 * taken, and a difference is reported.
 */
function selectedRoutes(facts: readonly FrrFact[], problem: (p: Problem) => void): FrrFact[] {
  const size = new Map<string, number>();
  for (const f of facts) size.set(f.origin.file, (size.get(f.origin.file) ?? 0) + 1);
  const chosen = new Map<string, FrrFact>();
  for (const f of facts) {
    if (!f.data.selected) continue;
    const other = chosen.get(key(f.data));
    if (!other) {
      chosen.set(key(f.data), f);
      continue;
    }
    const [kept, set] = size.get(f.origin.file)! > size.get(other.origin.file)! ? [f, other] : [other, f];
    chosen.set(key(f.data), kept);
    if (kept.data.protocol === set.data.protocol && hopSet(installed(kept.data)) === hopSet(installed(set.data))) continue;
    problem({
      severity: "warning",
      file: set.origin.file,
      line: set.origin.line,
      message: `the route to ${set.data.prefix} is ${set.data.protocol} by ${hopSet(installed(set.data))} here, but ${kept.data.protocol} by ${hopSet(installed(kept.data))} at ${at(kept.origin)}, which is used`,
      hint: "The two outputs are of different moments. Collect both again.",
    });
  }
  return [...chosen.values()];
}

/** Lets FRR's evidence of `host` into what is known of it. Returns true if the host is to be taken for a router. */
export function applyFrr(facts: FactBase, e: HostEvidence, problem: (p: Problem) => void): boolean {
  const all = facts.of("frr.route", e.host);
  const paths = facts.of("frr.bgp-path", e.host);
  for (const vrf of new Set(all.map((f) => f.data.vrf)))
    if (vrf !== "default") {
      const first = all.find((f) => f.data.vrf === vrf)!;
      problem({
        severity: "info",
        file: first.origin.file,
        line: first.origin.line,
        message: `routes of VRF ${vrf} are not followed`,
        hint: "",
      });
    }
  const routes = selectedRoutes(all, problem).filter((f) => f.data.vrf === "default");
  if (routes.length === 0 && paths.length === 0) return false;
  if (e.covers(4, "main")) compare(e, routes, problem);
  else if (routes.length > 0) standIn(e, routes);
  else bgpAlone(e, paths);
  if (!e.interfaces.some((i) => i.addresses.length > 0)) claimed(facts, e, routes);
  return true;
}

/** Gives a router of which no address is known those that other evidence claims for it: its BGP router ID. */
function claimed(facts: FactBase, e: HostEvidence, routes: readonly FrrFact[]): void {
  for (const f of facts.of("host.address-claim", e.host)) {
    const address = parseAddress(f.data.address);
    if (!address) continue;
    const network = routes.find((r) => r.data.protocol === "connected" && contains(parsePrefix(r.data.prefix)!, address));
    const i = e.interfaces.find((x) => x.name === (network?.data.nexthops[0]?.dev ?? UNNAMED));
    if (!i || i.addresses.some((a) => a.address === f.data.address)) continue;
    i.addresses.push({
      ifname: i.name,
      address: f.data.address,
      prefixLen: network ? Number(network.data.prefix.split("/")[1]) : BITS[address.family],
      family: address.family,
      scope: "global",
      secondary: false,
      origin: f.origin,
      certainty: "assumed",
      why: f.data.why,
    });
  }
}

/** Gives the kernel's routes FRR's lines as their origin. */
function compare(e: HostEvidence, routes: readonly FrrFact[], problem: (p: Problem) => void): void {
  for (const f of routes) {
    const d = f.data;
    if (MIRRORED.has(d.protocol) || !d.fib || d.family !== 4) continue;
    const index = e.routes.findIndex(
      (r) => r.table === "main" && r.family === d.family && r.prefix === d.prefix && (r.nexthops.length > 0 || r.type === "blackhole"),
    );
    const kernel = e.routes[index];
    const blackhole = d.nexthops.some((h) => h.blackhole);
    if (kernel && (blackhole ? kernel.type !== "unicast" : hopSet(kernel.nexthops) === hopSet(installed(d)))) {
      e.routes[index] = { ...kernel, origin: f.origin, why: kernel.origin ? `kernel: ${kernel.origin.text} (${at(kernel.origin)})` : "" };
      continue;
    }
    problem({
      severity: "warning",
      file: f.origin.file,
      line: f.origin.line,
      message: kernel?.origin
        ? `FRR has ${d.prefix} by ${hopSet(installed(d))}, the kernel has it by ${hopSet(kernel.nexthops)} at ${at(kernel.origin)}, which is used`
        : `FRR has ${d.prefix} in its FIB, the kernel's table (ip route) does not have it`,
      hint: "The two outputs are of different moments, or FRR could not install the route. Collect both again.",
    });
  }
}

/** FRR's FIB in place of the kernel's table. */
function standIn(e: HostEvidence, routes: readonly FrrFact[]): void {
  for (const f of routes) {
    const d = f.data;
    if (!d.fib) continue;
    const known = e.routes.some((r) => r.table === "main" && r.family === d.family && r.prefix === d.prefix);
    if (known) continue;
    const hops = installed(d).filter((h) => !h.blackhole);
    for (const h of hops)
      if (h.dev !== "")
        interfaceNamed(e.interfaces, h.dev, (i) => e.interfaces.push(i), "FRR's routes name it, its link is not in evidence", f.origin);
    const source = { origin: f.origin, certainty: "inferred" as const, why: KERNEL_ALONE };
    const base = { family: d.family, prefix: d.prefix, src: "", metric: d.metric, proto: d.protocol, mtu: 0, ...source };
    if (d.protocol === "local") {
      const i = e.interfaces.find((x) => x.name === hops[0]?.dev);
      const [address] = d.prefix.split("/");
      if (!i || i.addresses.some((a) => a.address === address)) continue;
      // A local route is an address of that interface; its network is the connected route that has it.
      const net = routes.find(
        (r) =>
          r.data.protocol === "connected" &&
          hopSet(r.data.nexthops) === hopSet(d.nexthops) &&
          contains(parsePrefix(r.data.prefix)!, parseAddress(address)!),
      );
      i.addresses.push({
        ifname: i.name,
        address,
        prefixLen: Number((net?.data ?? d).prefix.split("/")[1]),
        family: d.family,
        scope: "global",
        secondary: false,
        ...source,
        why: "a local route of FRR",
      });
    } else if (hops.length === 0) e.routes.push({ ...base, table: "main", type: "blackhole", nexthops: [], scope: "" });
    else
      e.routes.push({
        ...base,
        table: "main",
        type: "unicast",
        nexthops: hops.map(({ via, dev, weight, onlink }) => ({ via, dev, weight, onlink })),
        scope: hops.every((h) => h.via === "") ? "link" : "",
      });
  }
}

/** The best paths in place of a table: only what BGP brought, and only the next hops' addresses. */
function bgpAlone(e: HostEvidence, paths: readonly Fact<"frr.bgp-path">[]): void {
  const byPrefix = new Map<string, Fact<"frr.bgp-path">[]>();
  for (const f of paths) {
    const d: BgpPathFact = f.data;
    if (!d.valid || !(d.best || d.multipath)) continue;
    const list = byPrefix.get(d.prefix);
    if (list) list.push(f);
    else byPrefix.set(d.prefix, [f]);
  }
  for (const [prefix, list] of byPrefix) {
    if (e.routes.some((r) => r.table === "main" && r.prefix === prefix)) continue;
    const family = prefix.includes(":") ? (6 as const) : (4 as const);
    const origin: Origin = { ...list[0].origin, text: list.map((f) => f.origin.text).join(" ") };
    const source = { origin, certainty: "inferred" as const };
    // A path without a next hop is the router's own announcement.
    if (list.some((f) => f.data.nexthop === "0.0.0.0" || f.data.nexthop === "::")) {
      e.opaqueRoutes.push({
        family,
        table: "main",
        prefix,
        metric: 0,
        nhid: 0,
        src: "",
        scope: "",
        proto: "bgp",
        why: "the router announces it itself; where it leads is in its own table, which is not in evidence",
        ...source,
      });
      continue;
    }
    const nexthops = list.map((f) => ({ via: f.data.nexthop, dev: interfaceTo(e, f.data.nexthop).name, weight: 1, onlink: false }));
    const route: Route = {
      family,
      table: "main",
      type: "unicast",
      prefix,
      nexthops,
      src: "",
      metric: 0,
      proto: "bgp",
      scope: "",
      mtu: 0,
      ...source,
      why: "the BGP table's best paths; neither the router's routes nor the kernel's are in evidence",
    };
    e.routes.push(route);
  }
}

/** The interface in whose network `via` is, or one that stands for the unknown one. */
function interfaceTo(e: HostEvidence, via: string): Interface {
  const address = parseAddress(via);
  const known =
    address && e.interfaces.find((i) => i.addresses.some((a) => contains(parsePrefix(`${a.address}/${a.prefixLen}`)!, address)));
  return (
    known ??
    interfaceNamed(
      e.interfaces,
      UNNAMED,
      (i) => e.interfaces.push(i),
      "it leads to BGP next hops; which interface it is, is not in evidence",
      null,
    )
  );
}
