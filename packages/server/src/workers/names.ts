/**
 * Names of a snapshot that a person may want to say: Services with their ports, pods, nodes, routers, devices. For completion.
 */
import type { BuiltNetwork, Snapshot } from "@plumbline/engine";

export interface NameEntry {
  readonly name: string;
  readonly kind: "service" | "pod" | "node" | "router" | "device";
  readonly addresses: readonly string[];
  readonly ports: readonly { readonly port: number; readonly protocol: string }[];
}

const ORDER = ["service", "pod", "node", "router", "device"];

export function namesOf({ facts, plugins }: Snapshot, { net }: BuiltNetwork): NameEntry[] {
  const entries = new Map<
    string,
    { name: string; kind: NameEntry["kind"]; addresses: Set<string>; ports: Map<string, { port: number; protocol: string }> }
  >();
  const entry = (kind: NameEntry["kind"], name: string) => {
    const key = `${kind} ${name}`;
    let e = entries.get(key);
    if (!e) {
      e = { name, kind, addresses: new Set(), ports: new Map() };
      entries.set(key, e);
    }
    return e;
  };
  const nodeAddresses = new Set(facts.all("k8s.node").flatMap((n) => n.data.addresses));
  for (const p of plugins)
    for (const s of p.services?.(facts) ?? []) {
      const e = entry("service", s.name);
      for (const f of s.frontends) {
        // A node's own address with a port is a node port: the node is listed for itself.
        if (f.address === "" || nodeAddresses.has(f.address)) continue;
        e.addresses.add(f.address);
        const protocol = f.protocol || "tcp";
        if (f.port > 0) e.ports.set(`${protocol} ${f.port}`, { port: f.port, protocol });
      }
    }
  for (const { data } of facts.all("k8s.pod")) {
    if (data.hostNetwork) continue;
    const e = entry("pod", `${data.namespace}/${data.name}`);
    for (const a of data.ips) e.addresses.add(a.split("/")[0]);
  }
  for (const { data } of facts.all("k8s.node")) for (const a of data.addresses) entry("node", data.name).addresses.add(a);
  for (const d of net.devices) {
    if (d.origin < 0 || d.kind === "segment" || d.kind === "tunnel" || d.kind === "logical" || d.kind === "outside") continue;
    const e =
      d.kind === "pod" && d.pod !== ""
        ? entry("pod", d.pod)
        : d.node !== "" && d.kind !== "pod"
          ? entry("node", d.node)
          : entry(d.kind === "router" ? "router" : "device", d.name);
    for (const p of d.ports)
      if (p.attachment.kind === "netdev")
        for (const a of p.attachment.addresses ?? []) if (isHostAddress(a.address)) e.addresses.add(a.address);
  }
  return [...entries.values()]
    .map((e) => ({ name: e.name, kind: e.kind, addresses: [...e.addresses], ports: [...e.ports.values()] }))
    .sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || (a.name < b.name ? -1 : 1));
}

/** Loopback and link-local addresses say nothing about who has them. */
function isHostAddress(address: string): boolean {
  return !/^(?:127\.|169\.254\.|::1$|fe80:)/i.test(address);
}
