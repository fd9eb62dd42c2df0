/**
 * Pods: the folders `pods/NAME` are given their names, and pods of which only the Kubernetes object is known are built from it.
 */
import type { Fact, FactBase, K8sPodFact, LowerContext } from "@plumbline/model";
import { contains, parseAddress, parsePrefix } from "../address.js";
import type { HostEvidence, Interface, Sourced } from "./evidence.js";

type PodFact = Fact<"k8s.pod">;

export const podName = (p: K8sPodFact): string => `${p.namespace}/${p.name}`;

/** The pod that has one of the host's addresses. Pods in the node's network have the node's addresses and are not meant. */
export function podWith(facts: FactBase, e: HostEvidence): PodFact | undefined {
  const own = new Set(
    e.interfaces
      .flatMap((i) => i.addresses)
      .filter((a) => a.scope !== "host")
      .map((a) => parseAddress(a.address)?.value),
  );
  return facts.all("k8s.pod").find((p) => !p.data.hostNetwork && p.data.ips.some((ip) => own.has(parseAddress(bare(ip))?.value)));
}

const bare = (ip: string) => ip.split("/")[0];

/** Subnets of a node's pods, from OVN-Kubernetes' annotation `{"default":["10.0.0.0/23"]}` (older: a string). */
function nodeSubnets(facts: FactBase, node: string): string[] {
  const text = facts.all("k8s.node").find((n) => n.data.name === node)?.data.annotations["k8s.ovn.org/node-subnets"];
  if (text === undefined) return [];
  try {
    const value = (JSON.parse(text) as Record<string, unknown>)["default"];
    return (Array.isArray(value) ? value : [value]).filter((v): v is string => typeof v === "string");
  } catch {
    return [];
  }
}

/** Interface index of a pod's eth0: the second in its namespace, behind `lo`. */
const ETH0 = 2;

/** What a pod's object (and its node's annotations) tell; null if it has no address of its own. */
export function podEvidence(ctx: LowerContext, pod: PodFact): HostEvidence | null {
  const d = pod.data;
  const addresses = d.ips.map((ip) => ({ ip, parsed: parseAddress(bare(ip)) })).filter((a) => a.parsed !== null);
  if (d.hostNetwork || addresses.length === 0) return null;
  const host = podName(d);
  const source = (why: string): Sourced => ({ origin: pod.origin, certainty: "inferred", why });
  const fromObject = source("from the pod's object; its own namespace is not in evidence");
  const subnets = nodeSubnets(ctx.facts, d.node)
    .map(parsePrefix)
    .filter((p) => p !== null);
  const eth0: Interface = {
    name: "eth0",
    ifindex: ETH0,
    number: ETH0,
    mac: d.mac,
    peerIndex: 0,
    linkNetns: "",
    up: true,
    mtu: 0,
    type: "veth",
    master: "",
    addresses: [],
    ...fromObject,
  };
  const e: HostEvidence = {
    host,
    interfaces: [eth0],
    routes: [],
    opaqueRoutes: [],
    rules: { 4: null, 6: null },
    // A pod has no entries but those that it learns.
    neighbours: [],
    hasNeighbours: () => true,
    sockets: null,
    covers: (family, table) => table === "main" && e.routes.some((r) => r.family === family && r.prefix.endsWith("/0")),
    sysctl: () => undefined,
  };
  for (const { ip, parsed } of addresses) {
    const a = parsed!;
    const subnet = subnets.find((s) => contains(s, a));
    const printed = ip.includes("/") ? Number(ip.split("/")[1]) : undefined;
    const prefixLen = printed ?? subnet?.len ?? (a.family === 4 ? 32 : 128);
    eth0.addresses.push({
      ifname: "eth0",
      address: bare(ip),
      prefixLen,
      family: a.family,
      scope: "global",
      secondary: false,
      ...fromObject,
    });
    if (subnet) {
      const prefix = `${subnetText(a.family, subnet.value)}/${subnet.len}`;
      e.routes.push({
        family: a.family,
        table: "main",
        type: "unicast",
        prefix,
        nexthops: [{ via: "", dev: "eth0", weight: 1, onlink: false }],
        src: bare(ip),
        metric: 0,
        proto: "kernel",
        scope: "link",
        mtu: 0,
        ...source("the pod's node has this subnet (k8s.ovn.org/node-subnets)"),
      });
    }
    const annotated = d.gateway !== "" && parseAddress(d.gateway)?.family === a.family ? d.gateway : "";
    // OVN-Kubernetes gives its router the first address of a node's subnet.
    const gateway = annotated !== "" ? annotated : subnet ? subnetText(a.family, subnet.value + 1n) : "";
    if (gateway === "") continue;
    const why =
      annotated !== "" ? "from the pod's annotation" : "the first address of the node's subnet, where OVN-Kubernetes has its router";
    e.routes.push({
      family: a.family,
      table: "main",
      type: "unicast",
      prefix: a.family === 4 ? "0.0.0.0/0" : "::/0",
      nexthops: [{ via: gateway, dev: "eth0", weight: 1, onlink: false }],
      src: "",
      metric: 0,
      proto: "",
      scope: "",
      mtu: 0,
      ...source(why),
    });
  }
  return e;
}

function subnetText(family: 4 | 6, v: bigint): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((s) => (v >> s) & 255n).join(".");
  return [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((s) => ((v >> s) & 0xffffn).toString(16)).join(":");
}
