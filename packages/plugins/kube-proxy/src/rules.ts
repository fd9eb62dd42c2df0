/**
 * kube-proxy's rules as the netfilter plugin read them, in either mode, and what the words in them say.
 *
 * Sources: Kubernetes pkg/proxy/iptables/proxier.go (chains KUBE-SERVICES, KUBE-NODEPORTS, KUBE-SVC-*, KUBE-SVL-*, KUBE-EXT-*, KUBE-FW-*,
 * KUBE-SEP-*; before 1.24 KUBE-XLB-*) and pkg/proxy/nftables/proxier.go (table kube-proxy of families ip and ip6: maps service-ips,
 * service-nodeports, no-endpoint-services, no-endpoint-nodeports, firewall-ips; chains service-*, local-*, external-*, firewall-*, endpoint-*).
 */
import type { FactBase } from "@plumbline/model";
import { otherFacts } from "@plumbline/plugin-sdk";

/** What of the netfilter plugin's tables is looked at (its ast.ts). */
export interface RuleText {
  readonly line: number;
  readonly text: string;
}
export interface ChainText {
  readonly name: string;
  readonly rules: readonly RuleText[];
}
interface NamedMap {
  readonly name: string;
  readonly verdicts?: readonly (RuleText & { readonly verdict: { readonly v: string; readonly chain?: string } })[];
}
interface ProxyTable {
  readonly family: string;
  readonly name: string;
  readonly chains: readonly ChainText[];
  readonly sets: readonly NamedMap[];
  readonly source: "iptables" | "nft";
}

/** One host's table that kube-proxy writes into, and its file. */
export interface PlacedTable {
  readonly host: string;
  readonly file: string;
  readonly table: ProxyTable;
}

const NFT_TABLE = "kube-proxy";

/** The tables with kube-proxy's rules, richest form of each host first. */
export function proxyTables(facts: FactBase): PlacedTable[] {
  return otherFacts<{ readonly table: ProxyTable }>(facts, "netfilter.table")
    .filter(({ data: { table } }) =>
      table.source === "nft"
        ? table.name === NFT_TABLE || table.chains.some((c) => c.name === "KUBE-SERVICES")
        : table.chains.some((c) => c.name.startsWith("KUBE-")),
    )
    .map(({ host, origin, data }) => ({ host, file: origin.file, table: data.table }));
}

/** The words of an iptables rule that matter here. */
export interface IptablesWords {
  readonly comment: string;
  /** "" for any. */
  readonly destination: string;
  readonly source: string;
  readonly protocol: string;
  readonly port: number;
  readonly target: string;
  readonly dnat: string;
  /** 1 if none is said. */
  readonly probability: number;
  readonly recent: boolean;
}

const word = (text: string, pattern: RegExp): string => pattern.exec(text)?.[1] ?? "";

/** Reads a rule as iptables-save and `iptables -S` print it. */
export function iptablesWords(text: string): IptablesWords {
  const comment = /--comment (?:"((?:[^"\\]|\\.)*)"|(\S+))/.exec(text);
  // What stands in a comment is nobody's option.
  const rest = comment ? text.replace(comment[0], "") : text;
  return {
    comment: comment?.[1] ?? comment?.[2] ?? "",
    destination: word(rest, /(?:^|[^!]) -d (\S+)/).replace(/\/(32|128)$/, ""),
    source: word(rest, /(?:^|[^!]) -s (\S+)/).replace(/\/(32|128)$/, ""),
    protocol: word(rest, / -p (\S+)/),
    port: Number(word(rest, / --dport (\d+)(?= |$)/)),
    target: word(rest, / -[jg] (\S+)/),
    dnat: word(rest, / --to-destination (\S+)/),
    probability: Number(word(rest, / --probability ([\d.]+)/) || 1),
    recent: / -m recent .*--rcheck/.test(rest),
  };
}

/** "ns/svc:port" or "ns/svc" at the head of a comment: the Service's name and its port's. */
export function portName(comment: string): { service: string; port: string } | null {
  const m = /^([a-z0-9][a-z0-9.-]*\/[a-z0-9][a-z0-9.-]*)(?::(\S*))?(?: |$)/.exec(comment);
  return m ? { service: m[1], port: m[2] ?? "" } : null;
}

/** "10.0.0.1:80" or "[fd00::1]:80". */
export function addressAndPort(text: string): { address: string; port: number } | null {
  const m = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text);
  return m ? { address: m[1] ?? m[2], port: Number(m[3]) } : null;
}

/** A chain of the nftables mode: `service-ULMVA6XW-ns1/svc1/tcp/p80`, `endpoint-5OJB2KTY-ns1/svc1/tcp/p80__10.180.0.1/80`. */
export interface NftChain {
  readonly kind: "service" | "local" | "external" | "firewall" | "endpoint";
  readonly service: string;
  readonly protocol: string;
  readonly port: string;
  readonly address: string;
  readonly addressPort: number;
}

export function nftChain(name: string): NftChain | null {
  const m = /^(service|local|external|firewall|endpoint)-[A-Z0-9]+-([^/]+)\/([^/]+)\/([a-z]+)\/(.*?)(?:__(.+)\/(\d+))?$/.exec(name);
  if (!m) return null;
  return {
    kind: m[1] as NftChain["kind"],
    service: `${m[2]}/${m[3]}`,
    protocol: m[4],
    port: m[5],
    // Colons are written as dots in names of chains.
    address: m[6] === undefined ? "" : /^\d+\.\d+\.\d+\.\d+$/.test(m[6]) ? m[6] : m[6].replaceAll(".", ":"),
    addressPort: Number(m[7] ?? 0),
  };
}
