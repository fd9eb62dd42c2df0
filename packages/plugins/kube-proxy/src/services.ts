/**
 * The Services of a host's kube-proxy: for each port of a Service where it is asked for, who answers with which share, and by which lines.
 */
import type { FactBase } from "@plumbline/model";
import { fromIptables } from "./from-iptables.js";
import { fromNft } from "./from-nft.js";
import { type PlacedTable, proxyTables, type RuleText } from "./rules.js";

/** How a Service's port is reached. */
export type FrontendKind = "cluster IP" | "external IP" | "load balancer" | "node port";

export interface ProxyFrontend {
  readonly what: FrontendKind;
  /** "" for a node port. */
  readonly address: string;
  readonly port: number;
  /** What becomes of packets to it, where they reach no endpoint. */
  readonly refused: "" | "rejected: no endpoints" | "dropped: no local endpoints";
  readonly at: RuleText;
}

interface ProxyEndpoint {
  readonly address: string;
  readonly port: number;
  /** Of the Service's new connections, 0 to 1. */
  readonly share: number;
  /** Only for traffic from outside, under externalTrafficPolicy Local. */
  readonly local: boolean;
  readonly at: RuleText;
}

/** One port of a Service on one host. */
export interface ProxyService {
  readonly host: string;
  readonly file: string;
  readonly family: 4 | 6;
  /** `namespace/name`. */
  readonly service: string;
  readonly port: string;
  readonly protocol: string;
  readonly frontends: ProxyFrontend[];
  readonly endpoints: ProxyEndpoint[];
  /** A client keeps its endpoint. */
  affinity: boolean;
  /** Chains that are this port's. */
  readonly chains: Set<string>;
}

/** What a line of the rules stands for. */
export interface Meaning {
  readonly service: ProxyService | null;
  readonly endpoint: { readonly address: string; readonly port: number } | null;
  /** In words: "cluster IP 172.30.0.1:443", "marks for masquerade". */
  readonly text: string;
}

/** All of one snapshot. */
export interface ProxyRules {
  readonly services: readonly ProxyService[];
  /** By {@link lineKey}. */
  readonly meanings: ReadonlyMap<string, Meaning>;
}

/** A line of a file; one file may hold all rules in one line (JSON). */
export const lineKey = (file: string, at: RuleText): string => `${file}\n${at.line}\n${at.text.trim()}`;

/** Collects a table's Services and meanings. */
export class Collector {
  readonly services = new Map<string, ProxyService>();
  readonly meanings = new Map<string, Meaning>();

  service(placed: PlacedTable, name: string, port: string, protocol: string): ProxyService {
    const family = placed.table.family === "ip6" ? 6 : 4;
    const key = `${placed.host}\n${family}\n${name}\n${port}\n${protocol}`;
    let known = this.services.get(key);
    if (!known)
      this.services.set(
        key,
        (known = {
          host: placed.host,
          file: placed.file,
          family,
          service: name,
          port,
          protocol,
          frontends: [],
          endpoints: [],
          affinity: false,
          chains: new Set(),
        }),
      );
    return known;
  }

  mean(placed: PlacedTable, at: RuleText, meaning: Meaning): void {
    this.meanings.set(lineKey(placed.file, at), meaning);
  }
}

const KNOWN = new WeakMap<FactBase, ProxyRules>();

/** kube-proxy's Services in the facts; read once. */
export function proxyRules(facts: FactBase): ProxyRules {
  let rules = KNOWN.get(facts);
  if (!rules) {
    const into = new Collector();
    for (const placed of proxyTables(facts)) {
      if (placed.table.source === "nft" && placed.table.name === "kube-proxy") fromNft(placed, into);
      else fromIptables(placed, into);
    }
    KNOWN.set(facts, (rules = { services: [...into.services.values()], meanings: into.meanings }));
  }
  return rules;
}
