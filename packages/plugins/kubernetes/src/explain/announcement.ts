/**
 * MetalLB's logic for an address: the pools that hold it, the advertisements of these pools, the nodes and peers that they
 * are for (metallb.io/v1beta1; internal/config and speaker/bgp_controller.go).
 */
import { type Fact, type FactBase, ipv4Number, ipv6Number } from "@plumbline/model";
import { covers, parsePrefix } from "@plumbline/plugin-sdk";
import "../facts.js";
import { anySelects } from "./selectors.js";

/** Whether an entry of a pool ("192.0.2.0/24", "192.0.2.1-192.0.2.9") holds an address. */
export function holds(entry: string, address: string): boolean {
  const [first, last] = entry.split("-").map((s) => s.trim());
  const a = parsePrefix(address);
  if (!a || first === undefined) return false;
  if (last === undefined) {
    const p = parsePrefix(first);
    return p !== null && covers(p, a);
  }
  const number = (text: string) => (a.family === 4 ? ipv4Number(text) : ipv6Number(text));
  const [lo, hi] = [number(first), number(last)];
  return lo !== null && hi !== null && BigInt(lo) <= a.value && a.value <= BigInt(hi);
}

export function poolsOf(facts: FactBase, address: string): readonly Fact<"metallb.pool">[] {
  return facts.all("metallb.pool").filter((f) => f.data.addresses.some((e) => holds(e, address)));
}

/** Advertisements that take addresses of these pools. */
export function advertisementsOf(facts: FactBase, pools: readonly Fact<"metallb.pool">[]): readonly Fact<"metallb.advertisement">[] {
  return facts.all("metallb.advertisement").filter(({ data: a }) =>
    pools.some(({ data: p }) => {
      if (p.namespace !== a.namespace) return false;
      if (a.pools.length === 0 && a.poolSelectors.length === 0) return true;
      return a.pools.includes(p.name) || (a.poolSelectors.length > 0 && anySelects(a.poolSelectors, p.labels));
    }),
  );
}

/** Nodes that an advertisement or a peer is for, by name. */
export function nodesSelected(facts: FactBase, x: { readonly nodeSelectors: Parameters<typeof anySelects>[0] }): readonly string[] {
  return facts
    .all("k8s.node")
    .filter((n) => anySelects(x.nodeSelectors, n.data.labels))
    .map((n) => n.data.name);
}

/** Nodes that the BGP advertisements of an address leave out; undefined where nothing is known of advertisements. */
export function nodesLeftOut(facts: FactBase, address: string): readonly string[] | undefined {
  const advertisements = advertisementsOf(facts, poolsOf(facts, address)).filter((a) => a.data.type === "bgp");
  if (advertisements.length === 0) return undefined;
  const chosen = new Set(advertisements.flatMap((a) => nodesSelected(facts, a.data)));
  return facts
    .all("k8s.node")
    .map((n) => n.data.name)
    .filter((n) => !chosen.has(n));
}
