/** Services as Kubernetes' objects tell them: where they are asked for, who answers, and what is right to differ between nodes. */
import type { Endpoint, Fact, FactBase, Frontend, K8sServiceFact, KnownService, ServiceException } from "@plumbline/model";
import "../facts.js";
import { nodesLeftOut } from "./announcement.js";
import { selects } from "./selectors.js";

/** Service objects by `namespace/name`, each once. */
export function serviceObjects(facts: FactBase): ReadonlyMap<string, Fact<"k8s.service">> {
  const out = new Map<string, Fact<"k8s.service">>();
  for (const f of facts.all("k8s.service")) {
    const name = `${f.data.namespace}/${f.data.name}`;
    if (!out.has(name)) out.set(name, f);
  }
  return out;
}

export function knownServices(facts: FactBase): KnownService[] {
  return [...serviceObjects(facts)].map(([name, { data }]) => {
    const endpoints = endpointsOf(facts, data);
    return { name, frontends: frontendsOf(data), endpoints: endpoints ?? [], exceptions: exceptionsOf(facts, data, endpoints) };
  });
}

function frontendsOf(s: K8sServiceFact): Frontend[] {
  const addresses: [string, string][] = [
    ...s.vips.map((a): [string, string] => ["VIP", a]),
    ...s.externalIPs.map((a): [string, string] => ["external IP", a]),
    ...s.clusterIPs.map((a): [string, string] => ["cluster IP", a]),
  ];
  return s.ports.flatMap((p) => {
    const protocol = p.protocol.toLowerCase();
    return [
      ...addresses.map(([what, address]) => ({ what, address, protocol, port: p.port })),
      ...(p.nodePort > 0 ? [{ what: "node port", address: "", protocol, port: p.nodePort }] : []),
    ];
  });
}

/** By its endpoint slices; without any, by the pods that its selector selects. Undefined where neither is in evidence. */
function endpointsOf(facts: FactBase, s: K8sServiceFact): Endpoint[] | undefined {
  const slices = facts.all("k8s.endpoint-slice").filter((f) => f.data.namespace === s.namespace && f.data.service === s.name);
  const out = new Map<string, Endpoint>();
  for (const { data } of slices)
    for (const e of data.endpoints)
      for (const address of e.addresses)
        for (const p of data.ports)
          out.set(`${address} ${p.port} ${p.protocol}`, { address, port: p.port, node: e.node, pod: e.pod, ready: e.ready });
  if (slices.length > 0) return [...out.values()];
  if (Object.keys(s.selector).length === 0 || facts.all("k8s.pod").length === 0) return undefined;
  return facts
    .all("k8s.pod")
    .filter((p) => p.data.namespace === s.namespace && selects({ matchLabels: s.selector, matchExpressions: [] }, p.data.labels))
    .flatMap(({ data: p }) =>
      p.ips.flatMap((address) =>
        s.ports
          .filter((x) => /^\d+$/.test(x.targetPort))
          .map((x) => ({ address, port: Number(x.targetPort), node: p.node, pod: `${p.namespace}/${p.name}`, ready: true })),
      ),
    );
}

/** Layers that announce an address. */
const ANNOUNCING = ["announcement", "bgp"];
/** Layers that differ with the node's own endpoints: what OVN makes of a load balancer. */
const BALANCING = ["load-balancers", "logical", "br-int", "groups"];

function exceptionsOf(facts: FactBase, s: K8sServiceFact, endpoints: readonly Endpoint[] | undefined): ServiceException[] {
  const nodes = facts.all("k8s.node").map((n) => n.data.name);
  const out: ServiceException[] = [];
  if (s.externalTrafficPolicy === "Local" && endpoints !== undefined)
    for (const node of nodes.filter((n) => !endpoints.some((e) => e.node === n && e.ready))) {
      const why = `externalTrafficPolicy is Local and no ready endpoint is on ${node}`;
      out.push({ node, layers: ANNOUNCING, why, forbidden: true }, { node, layers: BALANCING, why, forbidden: false });
    }
  for (const address of s.vips)
    for (const node of nodesLeftOut(facts, address) ?? [])
      out.push({ node, layers: ANNOUNCING, why: `no BGPAdvertisement of ${address} selects ${node}`, forbidden: true });
  return out;
}
