/**
 * From facts to a network: plugins lower, links are joined, plugins finish.
 *
 * Stages in order: `hooks` (netfilter chains and punt interpreters register), `devices` (each plugin makes its devices),
 * joining (here: join.ts), `linked` (what needs to know the neighbourhood). Hosts of which only fragments are known get their
 * devices behind `devices` and their links behind `linked` (partial.ts).
 */
import { type DerivedUse, type FactBase, type LowerContext, NetworkBuilder, type Plugin, type Problem, type Stage } from "@plumbline/model";
import { joinLinks } from "./join.js";
import { joinFragments, lowerFragments } from "./partial.js";
import type { JoinNote } from "./ports.js";
import { standInBridges } from "./stand-in.js";

export interface BuiltNetwork {
  readonly net: NetworkBuilder;
  readonly problems: readonly Problem[];
  /** Ports that could not be joined, and why. */
  readonly unjoined: readonly JoinNote[];
}

/** Node names by the names and addresses of hosts. */
function nodeNames(facts: FactBase): (host: string) => string {
  const nodes = facts.all("k8s.node").map((f) => f.data);
  const byAddress = new Map<string, string>();
  for (const n of nodes) for (const a of n.addresses) byAddress.set(a, n.name);
  const cache = new Map<string, string>();
  return (host) => {
    let name = cache.get(host);
    if (name !== undefined) return name;
    name = nodes.find((n) => n.name === host || n.name.split(".")[0] === host)?.name ?? "";
    if (!name && !host.startsWith("pods/")) for (const a of facts.of("linux.address", host)) name ||= byAddress.get(a.data.address) ?? "";
    cache.set(host, name);
    return name;
  };
}

/** @param use when flows that follow from other evidence stand in for a switch's own */
export function buildNetwork(facts: FactBase, plugins: readonly Plugin[], use: DerivedUse = "missing"): BuiltNetwork {
  const net = new NetworkBuilder();
  const problems: Problem[] = [];
  const ctx: LowerContext = {
    facts,
    net,
    hooks: [],
    punts: [],
    derived: { switches: [], use },
    nodeOf: nodeNames(facts),
    problem: (p) => problems.push(p),
  };
  const stage = (s: Stage) => {
    for (const p of plugins) p.lower?.[s]?.(ctx);
  };
  stage("hooks");
  stage("devices");
  standInBridges(ctx);
  lowerFragments(ctx);
  const unjoined = joinLinks(net, facts);
  stage("linked");
  joinFragments(ctx);
  return { net, problems, unjoined };
}
