/** The nftables mode: Services by the names of their chains, and by the elements of kube-proxy's maps. */
import { percent } from "./from-iptables.js";
import { type NftChain, nftChain, type PlacedTable, portName, type RuleText } from "./rules.js";
import type { Collector, FrontendKind, ProxyFrontend, ProxyService } from "./services.js";

/** Rules of fixed chains, in words. */
const FIXED: Readonly<Record<string, string>> = {
  "mark-for-masquerade": "kube-proxy: marks for masquerade",
  services: "kube-proxy: whose address and port this is",
  masquerading: "kube-proxy: masquerades what is marked",
  "reject-chain": "kube-proxy: rejects what has no endpoints",
  "cluster-ips-check": "kube-proxy: no other ports of a cluster IP",
};

export function fromNft(placed: PlacedTable, into: Collector): void {
  const { chains, sets } = placed.table;
  const serviceOf = (c: NftChain) => into.service(placed, c.service, c.port, c.protocol);
  const frontends = new Map<string, { what: FrontendKind; at: RuleText }>();
  for (const map of sets)
    for (const element of map.verdicts ?? []) {
      const owner = ownerOf(element, placed, into, serviceOf);
      const key = keyOf(element.text);
      if (!owner || !key) continue;
      owner.chains.add(element.verdict.chain ?? "");
      if (map.name === "firewall-ips") {
        into.mean(placed, element, { service: owner, endpoint: null, text: "sources that are not allowed are dropped" });
        continue;
      }
      const target = element.verdict.chain ? nftChain(element.verdict.chain) : null;
      const what: FrontendKind =
        key.address === "" ? "node port" : target?.kind === "service" || target?.kind === "local" ? "cluster IP" : "load balancer";
      const refused = refusal(map.name, element.verdict.v);
      const place = key.address === "" ? `node port ${key.port}` : `${what} ${key.address}:${key.port}`;
      into.mean(placed, element, { service: owner, endpoint: null, text: refused === "" ? place : `${place}, ${refused}` });
      const known = frontends.get(`${key.address} ${key.protocol} ${key.port}`);
      if (!known) owner.frontends.push({ what, address: key.address, port: key.port, refused, at: element });
      frontends.set(`${key.address} ${key.protocol} ${key.port}`, { what, at: element });
    }
  for (const chain of chains) {
    const fixed = FIXED[chain.name];
    if (fixed !== undefined) for (const rule of chain.rules) into.mean(placed, rule, { service: null, endpoint: null, text: fixed });
    const named = nftChain(chain.name);
    if (!named) continue;
    const service = serviceOf(named);
    service.chains.add(chain.name);
    const endpoint = named.kind === "endpoint" ? { address: named.address, port: named.addressPort } : null;
    for (const rule of chain.rules) {
      const targets = endpointsOf(rule.text);
      const kept = /@affinity-/.test(rule.text) && targets.length > 0;
      if (kept) service.affinity = true;
      else
        for (const to of targets)
          service.endpoints.push({
            address: to.address,
            port: to.addressPort,
            share: 1 / targets.length,
            local: named.kind === "local",
            at: rule,
          });
      const text = kept
        ? "a client that it knows keeps its endpoint"
        : targets.length > 0
          ? `${percent(1 / targets.length)} of new connections to each of ${targets.length}`
          : /mark-for-masquerade/.test(rule.text)
            ? "to be masqueraded"
            : "";
      into.mean(placed, rule, { service, endpoint, text });
    }
  }
}

/** Whose an element is: by the chain that it leads to, or by the comment on one that leads to none. */
function ownerOf(
  element: RuleText & { readonly verdict: { readonly chain?: string } },
  placed: PlacedTable,
  into: Collector,
  serviceOf: (c: NftChain) => ProxyService,
): ProxyService | null {
  const target = element.verdict.chain ? nftChain(element.verdict.chain) : null;
  if (target) return serviceOf(target);
  const name = portName(/comment "([^"]*)"/.exec(element.text)?.[1] ?? "");
  return name ? into.service(placed, name.service, name.port, keyOf(element.text)?.protocol ?? "") : null;
}

function refusal(map: string, verdict: string): ProxyFrontend["refused"] {
  if (!map.startsWith("no-endpoint")) return "";
  return verdict === "drop" ? "dropped: no local endpoints" : "rejected: no endpoints";
}

/** "172.30.0.41 . tcp . 80 …" or "tcp . 30080 …". */
function keyOf(text: string): { address: string; protocol: string; port: number } | null {
  const m = /^(?:(\S+) \. )?(tcp|udp|sctp) \. (\d+)(?= |$)/.exec(text.trim());
  return m ? { address: m[1] ?? "", protocol: m[2], port: Number(m[3]) } : null;
}

/** The endpoints that a rule leads to. */
function endpointsOf(text: string): NftChain[] {
  return [...text.matchAll(/goto "?(endpoint-[^\s,}"]+)/g)].flatMap((m) => nftChain(m[1]) ?? []);
}
