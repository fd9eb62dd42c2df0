/** The iptables mode: Services by the comments and jumps of their chains. */
import { addressAndPort, type ChainText, iptablesWords, type PlacedTable, portName, type RuleText } from "./rules.js";
import type { Collector, FrontendKind, ProxyFrontend, ProxyService } from "./services.js";

const ENTRIES = new Set(["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-EXTERNAL-SERVICES", "KUBE-PROXY-FIREWALL"]);
const OF_A_SERVICE = /^KUBE-(SVC|SVL|EXT|XLB|FW)-/;

/** What kube-proxy says in words behind a Service's name. */
function kindOf(comment: string, chain: string): FrontendKind {
  if (/ cluster IP/.test(comment)) return "cluster IP";
  if (/ external IP/.test(comment)) return "external IP";
  if (/ loadbalancer IP/.test(comment)) return "load balancer";
  return chain === "KUBE-NODEPORTS" ? "node port" : "cluster IP";
}

/** Rules of fixed chains, in words. */
const FIXED: Readonly<Record<string, string>> = {
  "KUBE-MARK-MASQ": "kube-proxy: marks for masquerade",
  "KUBE-MARK-DROP": "kube-proxy: marks to be dropped",
  "KUBE-POSTROUTING": "kube-proxy: masquerades what is marked",
  "KUBE-FORWARD": "kube-proxy: lets Service traffic through",
  "KUBE-FIREWALL": "kube-proxy: keeps outsiders from localhost",
};

export function fromIptables(placed: PlacedTable, into: Collector): void {
  const chains = new Map(placed.table.chains.map((c) => [c.name, c]));
  const owners = new Map<string, ProxyService>();
  // Entries first: they say to whom a chain belongs.
  for (const chain of placed.table.chains)
    if (ENTRIES.has(chain.name)) for (const rule of chain.rules) entry(placed, chain.name, rule, owners, into);
  for (const chain of placed.table.chains) {
    const fixed = FIXED[chain.name];
    if (fixed !== undefined) for (const rule of chain.rules) into.mean(placed, rule, { service: null, endpoint: null, text: fixed });
    else if (OF_A_SERVICE.test(chain.name)) serviceChain(placed, chain, chains, owners, into);
  }
}

/** Where a Service's port is asked for. */
function entry(placed: PlacedTable, chain: string, rule: RuleText, owners: Map<string, ProxyService>, into: Collector): void {
  const w = iptablesWords(rule.text);
  const name = portName(w.comment);
  if (!name || w.port === 0) return;
  const service = into.service(placed, name.service, name.port, w.protocol);
  if (chain === "KUBE-PROXY-FIREWALL") {
    into.mean(placed, rule, { service, endpoint: null, text: "sources that are not allowed are dropped" });
    return;
  }
  const refused: ProxyFrontend["refused"] =
    w.target === "REJECT" ? "rejected: no endpoints" : w.target === "DROP" ? "dropped: no local endpoints" : "";
  const what = w.destination === "" ? "node port" : kindOf(w.comment, chain);
  service.frontends.push({ what, address: w.destination, port: w.port, refused, at: rule });
  const place = w.destination === "" ? `node port ${w.port}` : `${what} ${w.destination}:${w.port}`;
  into.mean(placed, rule, { service, endpoint: null, text: refused === "" ? place : `${place}, ${refused}` });
  if (OF_A_SERVICE.test(w.target)) {
    owners.set(w.target, service);
    service.chains.add(w.target);
  }
}

/** A chain of a Service: to its endpoints, or to another chain of it. */
function serviceChain(
  placed: PlacedTable,
  chain: ChainText,
  chains: ReadonlyMap<string, ChainText>,
  owners: Map<string, ProxyService>,
  into: Collector,
): void {
  const own = chain.rules.map((rule) => ({ rule, words: iptablesWords(rule.text) }));
  const named = own
    .map(({ words }) => portName(words.comment.replace(/^(pod traffic for|masquerade( LOCAL)? traffic for|route LOCAL traffic for) /, "")))
    .find((n) => n !== null);
  const protocol = protocolOf(chain, chains, new Set());
  const service = owners.get(chain.name) ?? (named ? into.service(placed, named.service, named.port, protocol) : null);
  if (service) service.chains.add(chain.name);
  const local = chain.name.startsWith("KUBE-SVL-") || chain.name.startsWith("KUBE-XLB-");
  let left = 1;
  for (const { rule, words } of own) {
    if (!words.target.startsWith("KUBE-SEP-")) {
      if (OF_A_SERVICE.test(words.target) && service && !owners.has(words.target)) owners.set(words.target, service);
      const text =
        words.target === "KUBE-MARK-MASQ"
          ? "to be masqueraded"
          : words.target.startsWith("KUBE-SVL-")
            ? "to endpoints of this node alone"
            : "";
      into.mean(placed, rule, { service, endpoint: null, text });
      continue;
    }
    const sep = chains.get(words.target);
    const to = sep?.rules.map((r) => addressAndPort(iptablesWords(r.text).dnat)).find((x) => x !== null) ?? null;
    if (words.recent) {
      if (service) service.affinity = true;
      into.mean(placed, rule, { service, endpoint: to, text: "a client that it knows keeps its endpoint" });
      continue;
    }
    const share = left * words.probability;
    left -= share;
    into.mean(placed, rule, { service, endpoint: to, text: `${percent(share)} of new connections` });
    if (!service || !to) continue;
    service.endpoints.push({ ...to, share, local, at: rule });
    for (const r of sep?.rules ?? []) {
      const masks = iptablesWords(r.text).target === "KUBE-MARK-MASQ";
      into.mean(placed, r, { service, endpoint: to, text: masks ? "an endpoint that asks for itself is masqueraded" : "" });
    }
  }
}

/** The protocol that the chain's endpoints are asked with. */
function protocolOf(chain: ChainText, chains: ReadonlyMap<string, ChainText>, seen: Set<string>): string {
  if (seen.has(chain.name)) return "";
  seen.add(chain.name);
  for (const rule of chain.rules) {
    const w = iptablesWords(rule.text);
    if (w.protocol !== "") return w.protocol;
    const next = chains.get(w.target);
    const inner = next ? protocolOf(next, chains, seen) : "";
    if (inner !== "") return inner;
  }
  return "";
}

export const percent = (share: number): string => `${Math.round(share * 1000) / 10} %`;
