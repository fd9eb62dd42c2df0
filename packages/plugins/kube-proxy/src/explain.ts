/** What kube-proxy's rules have to say on a question: a Service on every host, and whose an address is. */
import type { ExplainItem, ExplainSection, FactBase, KnownService, Question } from "@plumbline/model";
import { addressPort } from "@plumbline/plugin-sdk";
import { percent } from "./from-iptables.js";
import { type ProxyService, proxyRules } from "./services.js";

/** The Services that kube-proxy's rules tell of: all hosts' together. */
export function knownServices(facts: FactBase): KnownService[] {
  const out = new Map<
    string,
    { frontends: Map<string, KnownService["frontends"][number]>; endpoints: Map<string, KnownService["endpoints"][number]> }
  >();
  for (const s of proxyRules(facts).services) {
    let known = out.get(s.service);
    if (!known) out.set(s.service, (known = { frontends: new Map(), endpoints: new Map() }));
    for (const f of s.frontends)
      known.frontends.set(`${f.address} ${s.protocol} ${f.port}`, { what: f.what, address: f.address, protocol: s.protocol, port: f.port });
    for (const e of s.endpoints)
      known.endpoints.set(`${e.address} ${e.port}`, { address: e.address, port: e.port, node: "", pod: "", ready: true });
  }
  return [...out].map(([name, s]) => ({
    name,
    frontends: [...s.frontends.values()],
    endpoints: [...s.endpoints.values()],
    exceptions: [],
  }));
}

export function explain(facts: FactBase, question: Question): ExplainSection[] {
  const { services } = proxyRules(facts);
  if (question.kind === "owners") {
    const items = question.addresses.flatMap((address) => owners(services, address));
    return items.length === 0 ? [] : [{ layer: "object", title: "Services by kube-proxy's rules", host: "", items }];
  }
  if (question.kind !== "service") return [];
  const hosts = [...new Set(services.map((s) => s.host))].sort();
  return hosts.map((host) => ({
    layer: "netfilter",
    title: "kube-proxy",
    host,
    items: services.filter((s) => s.host === host && s.service === question.service.name).flatMap(itemsOf),
  }));
}

function owners(services: readonly ProxyService[], address: string): ExplainItem[] {
  const found = services.find((s) => s.frontends.some((f) => f.address === address));
  const at = found?.frontends.find((f) => f.address === address)?.at;
  if (!found || !at) return [];
  return [
    { text: `Service ${found.service}`, file: found.file, line: at.line, links: [{ kind: "service", name: found.service }], key: address },
  ];
}

/** A Service's port as one host has it. What every host should have has a key. */
function itemsOf(s: ProxyService): ExplainItem[] {
  const links = [{ kind: "service", name: s.service }];
  const place = s.port === "" ? s.protocol : `${s.port}/${s.protocol}`;
  return [
    ...s.frontends.map((f): ExplainItem => {
      const where = f.address === "" ? `node port ${f.port}` : `${f.what} ${addressPort(f.address, f.port)}`;
      const keeps = s.affinity ? ", a client keeps its endpoint" : "";
      return {
        text: `${place}: ${where}${f.refused === "" ? keeps : `: ${f.refused}`}`,
        file: s.file,
        line: f.at.line,
        links,
        // Without local endpoints a node rejects or drops by itself: that is no difference to be told.
        ...(f.refused === "" && { key: `${s.protocol} ${where}` }),
      };
    }),
    ...s.endpoints.map((e): ExplainItem => {
      const to = addressPort(e.address, e.port);
      return {
        text: `${place}: ${percent(e.share)} to ${to}${e.local ? ", of this node, for traffic from outside" : ""}`,
        file: s.file,
        line: e.at.line,
        links: [...links, { kind: "endpoint", name: to }],
        ...(!e.local && { key: `${place} ${to}` }),
      };
    }),
  ];
}
