/**
 * Which prefixes each node should announce to each peer, by MetalLB's and FRR-K8s' objects (metallb internal/config, speaker/bgp_controller.go;
 * frr-k8s internal/controller).
 *
 * MetalLB announces an address of a Service from a node if the address is in a pool, an advertisement of that pool selects the node, the node is not
 * kept out of external load balancing, and an endpoint can serve: with externalTrafficPolicy Local one on that very node. The prefix is the address cut
 * to the advertisement's aggregation length, the peers are the advertisement's, of those that select the node. What FRR-K8s is given for a node
 * (FRRConfiguration) is a stage of its own; where no MetalLB object is about a prefix, it is the wish itself.
 */
import type { AnnouncementStep, Fact, FactBase, K8sServiceFact } from "@plumbline/model";
import { covers, type Prefix, parsePrefix, prefixText } from "@plumbline/plugin-sdk";
import { advertisementsOf, nodesSelected, poolsOf } from "./explain/announcement.js";
import { serviceObjects } from "./explain/known.js";
import { anySelects, selects } from "./explain/selectors.js";
import "./facts.js";

/** Nodes with this label get no traffic of load balancers; its value does not matter. */
const EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers";

type Node = Fact<"k8s.node">;
type Advertisement = Fact<"metallb.advertisement">;
type Peer = Fact<"metallb.peer">;

/** A reason, and where it stands. */
interface Because {
  readonly is: boolean;
  readonly text: string;
  readonly object: string;
  readonly file: string;
  readonly line: number;
}

export function announcements(facts: FactBase, wanted: Prefix): AnnouncementStep[] {
  const desired = desiredSteps(facts, wanted);
  const told = new Set(desired.map((d) => d.prefix));
  const configured = configuredSteps(facts, wanted);
  // What only FRRConfigurations want is wanted by them.
  const own = configured.filter((c) => !told.has(c.prefix)).map((c): AnnouncementStep => ({ ...c, stage: "desired" }));
  return [...desired, ...own, ...configured];
}

const near = (p: Prefix, wanted: Prefix) => p.family === wanted.family && p.len > 0 && (covers(p, wanted) || covers(wanted, p));

function desiredSteps(facts: FactBase, wanted: Prefix): AnnouncementStep[] {
  const nodes = facts.all("k8s.node");
  const peers = facts.all("metallb.peer");
  if (nodes.length === 0 || facts.all("metallb.pool").length === 0) return [];
  /** By prefix, node and peer: who wants it, else who does not. */
  const found = new Map<string, AnnouncementStep>();
  for (const [name, service] of serviceObjects(facts)) {
    if (service.data.type !== "LoadBalancer") continue;
    for (const vip of service.data.vips) {
      const address = parsePrefix(vip);
      if (!address) continue;
      const pools = poolsOf(facts, vip);
      const advertisements = advertisementsOf(facts, pools).filter((a) => a.data.type === "bgp");
      const prefixes = advertisements.length > 0 ? advertisements.map((a) => aggregated(address, a)) : [address];
      for (const node of nodes)
        prefixes.forEach((prefix, i) => {
          if (!near(prefix, wanted)) return;
          const advertisement = advertisements[i];
          const because = whyOn(facts, name, service, vip, pools, advertisement, node);
          for (const peer of peersOf(peers, advertisement, node)) {
            const key = `${prefixText(prefix)} ${node.data.name} ${peer.address}`;
            const step: AnnouncementStep = {
              stage: "desired",
              prefix: prefixText(prefix),
              node: node.data.name,
              peer: peer.address,
              ...because,
              ...sessionSays(because, peer),
            };
            // One Service or advertisement that wants it is enough.
            const before = found.get(key);
            if (!before || (!before.is && step.is)) found.set(key, step);
          }
        });
    }
  }
  return [...found.values()];
}

function aggregated(address: Prefix, a: Advertisement): Prefix {
  const bits = address.family === 4 ? 32 : 128;
  const len = Math.min(bits, address.family === 4 ? a.data.aggregationLength : a.data.aggregationLengthV6);
  const host = (1n << BigInt(bits - len)) - 1n;
  return { family: address.family, value: address.value & ~host, len };
}

function whyOn(
  facts: FactBase,
  name: string,
  service: Fact<"k8s.service">,
  vip: string,
  pools: readonly Fact<"metallb.pool">[],
  advertisement: Advertisement | undefined,
  node: Node,
): Because {
  const at = (f: Fact, is: boolean, text: string, object: string): Because => ({
    is,
    text,
    object,
    file: f.origin.file,
    line: f.origin.line,
  });
  const of = `Service ${name}`;
  if (pools.length === 0) return at(service, false, `no IPAddressPool holds ${vip}`, of);
  const pool = pools[0];
  if (!advertisement) {
    const l2 = advertisementsOf(facts, pools).find((a) => a.data.type === "l2");
    const arp = l2 ? ` (L2Advertisement ${l2.data.name} has one node answer for it by ARP)` : "";
    return at(pool, false, `no BGPAdvertisement takes IPAddressPool ${pool.data.name}${arp}`, `IPAddressPool ${pool.data.name}`);
  }
  const by = `BGPAdvertisement ${advertisement.data.name}`;
  if (!nodesSelected(facts, advertisement.data).includes(node.data.name))
    return at(advertisement, false, `${by} does not select ${node.data.name}`, by);
  if (EXCLUDED in node.data.labels) return at(node, false, `${node.data.name} has the label ${EXCLUDED}`, `Node ${node.data.name}`);
  const serving = servingNodes(facts, service.data);
  if (serving !== null) {
    if (serving.size === 0) return at(service, false, `${name} has no endpoint that can serve`, of);
    if (service.data.externalTrafficPolicy === "Local" && !serving.has(node.data.name))
      return at(service, false, `externalTrafficPolicy of ${name} is Local, and no endpoint on ${node.data.name} can serve`, of);
  }
  const barred = notAllocated(facts, service.data, pool, vip);
  if (barred !== "") return at(pool, false, barred, `IPAddressPool ${pool.data.name}`);
  return at(advertisement, true, `${vip} of ${name}, IPAddressPool ${pool.data.name}, ${by}`, of);
}

/** Nodes of endpoints that are ready, or still serve while they end; null where no endpoint slices are in evidence. */
function servingNodes(facts: FactBase, s: K8sServiceFact): ReadonlySet<string> | null {
  if (facts.all("k8s.endpoint-slice").length === 0) return null;
  const slices = facts.all("k8s.endpoint-slice").filter((f) => f.data.namespace === s.namespace && f.data.service === s.name);
  return new Set(slices.flatMap((f) => f.data.endpoints.filter((e) => e.ready || e.serving).map((e) => e.node)));
}

/** Why the pool would not have given its address to the Service, "" if it would. */
function notAllocated(facts: FactBase, s: K8sServiceFact, pool: Fact<"metallb.pool">, vip: string): string {
  if (pool.data.avoidBuggyIPs && /\.(0|255)$/.test(vip)) return `IPAddressPool ${pool.data.name} keeps ${vip} back (avoidBuggyIPs)`;
  const to = pool.data.allocateTo;
  if (!to) return "";
  const { namespaces, namespaceSelectors, serviceSelectors } = to;
  if (namespaces.length > 0 || namespaceSelectors.length > 0) {
    const labels = facts.all("k8s.namespace").find((n) => n.data.name === s.namespace)?.data.labels;
    const selected = namespaceSelectors.length > 0 && labels !== undefined && anySelects(namespaceSelectors, labels);
    // Labels that are not in evidence may select it.
    if (!namespaces.includes(s.namespace) && !selected && (labels !== undefined || namespaceSelectors.length === 0))
      return `IPAddressPool ${pool.data.name} is not for namespace ${s.namespace}`;
  }
  if (serviceSelectors.length > 0 && s.labels !== undefined && !anySelects(serviceSelectors, s.labels))
    return `IPAddressPool ${pool.data.name} does not select ${s.namespace}/${s.name}`;
  return "";
}

/** What the peer has to add: its name, or that it is not for this. */
function sessionSays(because: Because, peer: Session): Partial<Because> {
  if (peer.why !== "") return because.is ? { is: false, text: peer.why, object: peer.object } : {};
  return because.is && peer.object !== "" ? { text: `${because.text}, ${peer.object}` } : {};
}

interface Session {
  readonly address: string;
  /** Why nothing is to be sent there, "" if it is. */
  readonly why: string;
  readonly object: string;
}

/** Peers that a node has, and whether the advertisement is for them. */
function peersOf(peers: readonly Peer[], advertisement: Advertisement | undefined, node: Node): Session[] {
  if (peers.length === 0) return [{ address: "", why: "", object: "" }];
  return peers
    .filter((p) => p.data.address !== "" && (!advertisement || p.data.namespace === advertisement.data.namespace))
    .map((p): Session => {
      const { name, address } = p.data;
      const object = `BGPPeer ${name}`;
      if (!anySelects(p.data.nodeSelectors, node.data.labels))
        return { address, why: `${object} does not select ${node.data.name}`, object };
      const only = advertisement?.data.peers ?? [];
      if (only.length > 0 && !only.includes(name))
        return {
          address,
          why: `BGPAdvertisement ${advertisement!.data.name} is not for ${object}`,
          object: `BGPAdvertisement ${advertisement!.data.name}`,
        };
      return { address, why: "", object };
    });
}

function configuredSteps(facts: FactBase, wanted: Prefix): AnnouncementStep[] {
  const configurations = facts.all("frrk8s.configuration");
  const prefixes = new Set<string>();
  for (const c of configurations)
    for (const r of c.data.routers)
      for (const text of r.prefixes) {
        const p = parsePrefix(text);
        if (p && near(p, wanted)) prefixes.add(prefixText(p));
      }
  const out: AnnouncementStep[] = [];
  for (const node of facts.all("k8s.node")) {
    const mine = configurations.filter((c) => selects(c.data.nodeSelector, node.data.labels));
    const neighbours = new Set(
      mine.flatMap((c) => c.data.routers.filter((r) => r.vrf === "").flatMap((r) => r.neighbors.map((n) => n.address))),
    );
    for (const prefix of prefixes)
      for (const peer of neighbours)
        out.push({ stage: "configured", prefix, node: node.data.name, peer, ...configuredBy(mine, prefix, peer) });
  }
  return out;
}

/** FRR-K8s merges the configurations of a node: prefixes of one may be allowed to a neighbour by another. */
function configuredBy(mine: readonly Fact<"frrk8s.configuration">[], prefix: string, peer: string): Because {
  const same = (text: string) => {
    const p = parsePrefix(text);
    return p !== null && prefixText(p) === prefix;
  };
  const at = (f: Fact<"frrk8s.configuration">, is: boolean, text: string): Because => ({
    is,
    text,
    object: `FRRConfiguration ${f.data.name}`,
    file: f.origin.file,
    line: f.origin.line,
  });
  const routers = mine.flatMap((f) => f.data.routers.filter((r) => r.vrf === "").map((r) => ({ f, r })));
  const has = routers.find(({ r }) => r.prefixes.some(same));
  const neighbours = routers.flatMap(({ f, r }) => r.neighbors.filter((n) => n.address === peer).map((n) => ({ f, n })));
  const allows = neighbours.find(({ n }) => n.toAdvertise.mode === "all" || n.toAdvertise.prefixes.some(same));
  if (has && allows) return at(allows.f, true, `FRRConfiguration ${allows.f.data.name} announces it to ${peer}`);
  const about = has?.f ?? neighbours[0].f;
  if (!has) return at(about, false, `FRRConfiguration ${about.data.name} does not list it among its prefixes`);
  return at(neighbours[0].f, false, `FRRConfiguration ${neighbours[0].f.data.name} does not allow it to be announced to ${peer}`);
}
