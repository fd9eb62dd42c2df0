/** Names kube-proxy's rules, whoever lowered them: the Service, the endpoint and its pod. */
import type { Annotator, EvidenceLink, FactBase } from "@plumbline/model";
import { addressPort } from "@plumbline/plugin-sdk";
import { lineKey, proxyRules } from "./services.js";

export function annotator(facts: FactBase): Annotator {
  const { meanings } = proxyRules(facts);
  const pods = new Map(facts.all("k8s.pod").flatMap((f) => f.data.ips.map((ip) => [ip, `${f.data.namespace}/${f.data.name}`] as const)));
  return (rule) => {
    const meaning = rule.origin ? meanings.get(lineKey(rule.origin.file, rule.origin)) : undefined;
    if (!meaning) return [];
    const { service, endpoint, text } = meaning;
    const links: EvidenceLink[] = [];
    if (service) links.push({ kind: "service", name: service.service, ...(text !== "" && { text }) });
    else links.push({ kind: "kube-proxy", text });
    if (endpoint) {
      links.push({ kind: "endpoint", name: addressPort(endpoint.address, endpoint.port) });
      const pod = pods.get(endpoint.address);
      if (pod !== undefined) links.push({ kind: "pod", name: pod });
    }
    return links;
  };
}
