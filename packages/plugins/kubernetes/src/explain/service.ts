/** A Service by Kubernetes' and MetalLB's objects: itself, its endpoints, who is to announce its addresses and to whom. */
import type { ExplainItem, ExplainSection, Fact, FactBase, FactKind, K8sServiceFact, KnownService } from "@plumbline/model";
import { addressPort, covers, parsePrefix } from "@plumbline/plugin-sdk";
import "../facts.js";
import { advertisementsOf, nodesSelected, poolsOf } from "./announcement.js";
import { cookieItems } from "./cookie.js";
import { serviceObjects } from "./known.js";
import { selects } from "./selectors.js";

const at = (f: Fact<FactKind>, text: string, more: Partial<ExplainItem> = {}): ExplainItem => ({
  text,
  file: f.origin.file,
  line: f.origin.line,
  links: [],
  ...more,
});
const section = (layer: string, title: string, items: readonly ExplainItem[], nodes?: readonly string[]): ExplainSection => ({
  layer,
  title,
  host: "",
  items,
  ...(nodes === undefined ? {} : { nodes }),
});
const listed = (names: readonly string[], none: string) => (names.length === 0 ? none : names.join(", "));

export function explainService(facts: FactBase, service: KnownService): ExplainSection[] {
  const object = serviceObjects(facts).get(service.name);
  const cookies = section("object", "cookies of its flows on the external bridge", cookieItems(facts, service));
  if (!object) return cookies.items.length > 0 ? [cookies] : [];
  return [
    section("object", "Service", [at(object, objectText(object.data)), ...portItems(object)]),
    cookies,
    ...endpointSections(facts, object.data, service),
    ...announcementSections(facts, object.data),
  ];
}

function objectText(s: K8sServiceFact): string {
  const selector = Object.entries(s.selector).map(([k, v]) => `${k}=${v}`);
  return `Service ${s.namespace}/${s.name}: type ${s.type}, externalTrafficPolicy ${s.externalTrafficPolicy}, internalTrafficPolicy ${s.internalTrafficPolicy}, selector ${listed(selector, "none")}`;
}

function portItems(f: Fact<"k8s.service">): ExplainItem[] {
  const s = f.data;
  return s.ports.map((p) => {
    const asked = [
      ...s.vips.map((a) => `VIP ${addressPort(a, p.port)}`),
      ...s.externalIPs.map((a) => `external IP ${addressPort(a, p.port)}`),
      ...s.clusterIPs.map((a) => `cluster IP ${addressPort(a, p.port)}`),
      ...(p.nodePort > 0 ? [`node port ${p.nodePort}`] : []),
    ];
    return at(f, `port ${p.name === "" ? p.port : p.name} (${p.protocol}): ${asked.join(", ")} -> target port ${p.targetPort}`);
  });
}

function endpointSections(facts: FactBase, s: K8sServiceFact, service: KnownService): ExplainSection[] {
  const slices = facts.all("k8s.endpoint-slice").filter((f) => f.data.namespace === s.namespace && f.data.service === s.name);
  if (slices.length === 0 && service.endpoints.length === 0) {
    if (facts.all("k8s.endpoint-slice").length === 0) return [];
    return [section("endpoints", "endpoints", [{ text: "no EndpointSlice is of this Service", file: "", line: 0, links: [] }])];
  }
  const pods = new Map(facts.all("k8s.pod").map((p) => [`${p.data.namespace}/${p.data.name}`, p]));
  const items = service.endpoints.map((e): ExplainItem => {
    const slice = slices.find((f) => f.data.endpoints.some((x) => x.addresses.includes(e.address)));
    const text = `${addressPort(e.address, e.port)}${e.pod === "" ? "" : ` pod ${e.pod}`}${e.node === "" ? "" : ` on ${e.node}`}, ${e.ready ? "ready" : "not ready"}${slice ? "" : " (by the Service's selector; no EndpointSlice is in evidence)"}`;
    const origin = (slice ?? pods.get(e.pod))?.origin;
    const links = e.pod === "" ? [] : [{ kind: "pod", name: e.pod, text: e.address }];
    return { text, file: origin?.file ?? "", line: origin?.line ?? 0, links, ...(e.node === "" ? {} : { nodes: [e.node] }) };
  });
  const policies = policyItems(facts, service);
  return [
    section("endpoints", "endpoints", items),
    ...(policies.length > 0 ? [section("endpoints", "network policies on its endpoints", policies)] : []),
  ];
}

/** NetworkPolicies that select a pod behind the Service: what they let through is in OVN's ACLs. */
function policyItems(facts: FactBase, service: KnownService): ExplainItem[] {
  const names = new Set(service.endpoints.map((e) => e.pod));
  const pods = facts.all("k8s.pod").filter((p) => names.has(`${p.data.namespace}/${p.data.name}`));
  return facts.all("k8s.network-policy").flatMap((f): ExplainItem[] => {
    const chosen = pods.filter((p) => p.data.namespace === f.data.namespace && selects(f.data.podSelector, p.data.labels));
    if (chosen.length === 0) return [];
    const name = `${f.data.namespace}/${f.data.name}`;
    const text = `NetworkPolicy ${name} (${listed(f.data.policyTypes, "Ingress")}) selects ${chosen.length} of its pods`;
    return [at(f, text, { links: [{ kind: "network_policy", name }] })];
  });
}

function announcementSections(facts: FactBase, s: K8sServiceFact): ExplainSection[] {
  const sections: ExplainSection[] = [];
  for (const address of s.vips) {
    const pools = poolsOf(facts, address);
    const advertisements = advertisementsOf(facts, pools);
    const items = [
      ...pools.map((p) => at(p, `IPAddressPool ${p.data.name}: ${p.data.addresses.join(", ")}`)),
      ...advertisements.map((a) => at(a, advertisementText(facts, a))),
      ...peersOf(facts, advertisements),
    ];
    if (facts.all("metallb.pool").length > 0) {
      const nothing = (text: string) => items.push({ text, file: "", line: 0, links: [] });
      if (pools.length === 0) nothing(`no IPAddressPool holds ${address}: MetalLB does not announce it`);
      else if (advertisements.length === 0) nothing(`no advertisement is for the pool of ${address}: MetalLB does not announce it`);
      sections.push(section("announcement", `MetalLB, ${address}`, items));
    }
    sections.push(...configurationSection(facts, address));
  }
  return sections;
}

function advertisementText(facts: FactBase, { data: a }: Fact<"metallb.advertisement">): string {
  const what = a.type === "bgp" ? "BGPAdvertisement" : "L2Advertisement";
  const nodes = a.nodeSelectors.length === 0 ? "all nodes" : listed(nodesSelected(facts, a), "no node that is in evidence");
  const aggregation = a.type === "bgp" && a.aggregationLength !== 32 ? `, as /${a.aggregationLength}` : "";
  const to = a.type === "l2" ? listed(a.interfaces, "all interfaces") : `peers ${listed(a.peers, "all")}`;
  return `${what} ${a.name}: ${nodes}; ${to}${aggregation}${a.localPref > 0 ? `, local preference ${a.localPref}` : ""}${a.communities.length > 0 ? `, communities ${a.communities.join(" ")}` : ""}`;
}

function peersOf(facts: FactBase, advertisements: readonly Fact<"metallb.advertisement">[]): ExplainItem[] {
  const bgp = advertisements.filter((a) => a.data.type === "bgp");
  if (bgp.length === 0) return [];
  return facts
    .all("metallb.peer")
    .filter((p) => bgp.some((a) => a.data.peers.length === 0 || a.data.peers.includes(p.data.name)))
    .map((f) => {
      const p = f.data;
      const nodes = p.nodeSelectors.length === 0 ? "all nodes" : listed(nodesSelected(facts, p), "no node that is in evidence");
      return at(
        f,
        `BGPPeer ${p.name}: ${addressPort(p.address, p.port)}, AS ${p.asn} (own ${p.myAsn}), ${nodes}${p.bfdProfile === "" ? "" : `, BFD ${p.bfdProfile}`}${p.vrf === "" ? "" : `, VRF ${p.vrf}`}`,
      );
    });
}

/** What FRR-K8s tells each node's FRR to announce of an address. */
function configurationSection(facts: FactBase, address: string): ExplainSection[] {
  const all = facts.all("frrk8s.configuration");
  const wanted = parsePrefix(address);
  if (all.length === 0 || !wanted) return [];
  const nodes = facts.all("k8s.node");
  const items = all.flatMap((f): ExplainItem[] => {
    const to = f.data.routers.flatMap((r) =>
      r.neighbors
        .filter((n) => n.toAdvertise.mode === "all" || n.toAdvertise.prefixes.some((p) => within(p, wanted)))
        .filter(() => r.prefixes.some((p) => within(p, wanted)))
        .map((n) => n.address),
    );
    if (to.length === 0) return [];
    const chosen = nodes.filter((n) => selects(f.data.nodeSelector, n.data.labels)).map((n) => n.data.name);
    const text = `FRRConfiguration ${f.data.name}: ${listed(chosen, "no node that is in evidence")} announces ${address} to ${to.join(", ")}`;
    return [at(f, text, { nodes: chosen, key: `FRRConfiguration announces ${address}` })];
  });
  return [
    section(
      "announcement",
      `FRR-K8s, ${address}`,
      items,
      nodes.map((n) => n.data.name),
    ),
  ];
}

function within(prefix: string, address: NonNullable<ReturnType<typeof parsePrefix>>): boolean {
  const p = parsePrefix(prefix);
  return p !== null && covers(p, address);
}
