/**
 * Which files are netfilter's, by their command, else by their first lines.
 *
 * A file of another network namespace (`ip netns exec X iptables-save`, as sosreports have them) is not the host's: it is
 * left alone, so that `inspect` lists it.
 */
import type { Claim, EvidenceFile } from "@plumbline/model";

export type Source =
  | {
      readonly kind: "save";
      readonly family: "ip" | "ip6";
      readonly variant: "nf_tables" | "legacy" | "";
      readonly counters: boolean;
      readonly table: string | null;
    }
  | { readonly kind: "list"; readonly family: "ip" | "ip6"; readonly variant: "nf_tables" | "legacy" | ""; readonly table: string | null }
  | { readonly kind: "people"; readonly family: "ip" | "ip6"; readonly table: string }
  | {
      readonly kind: "nft";
      readonly json: boolean;
      readonly handles: boolean /** `list table …`: that one alone. */;
      readonly table: string | null;
    }
  | { readonly kind: "ipset" };

/** How many characters of a text are looked at. */
const SNIFFED = 4096;

export function sourceOf(file: EvidenceFile): { source: Source; score: number } | null {
  const command = file.command;
  if (/\bnetns exec\b/.test(command)) return null;
  const tables = /^(ip6?tables)(?:-(nft|legacy))?(-save)?\b(.*)$/.exec(command);
  if (tables) {
    const family = tables[1] === "ip6tables" ? "ip6" : "ip";
    const variant = tables[2] === "legacy" ? "legacy" : tables[2] === "nft" ? "nf_tables" : "";
    const options = tables[4];
    const table = /(?:^|\s)(?:-t|--table)[ =]?(\w+)/.exec(options)?.[1] ?? null;
    // `-save -t nat` prints one table in the form of all.
    if (tables[3]) return { source: { kind: "save", family, variant, counters: /\s-\w*c|--counters/.test(options), table }, score: 1 };
    if (/\s-\w*S|--list-rules/.test(options)) return { source: { kind: "list", family, variant, table: table ?? "filter" }, score: 1 };
    if (/\s-\w*L|--list/.test(options)) return { source: { kind: "people", family, table: table ?? "filter" }, score: 1 };
  }
  if (/^nft\b.*\blist (ruleset|table)\b/.test(command))
    return {
      source: {
        kind: "nft",
        json: /\s-\w*j|--json/.test(command),
        handles: /\s-\w*a|--handle/.test(command),
        table: /\blist table (.+)$/.exec(command)?.[1] ?? null,
      },
      score: 1,
    };
  if (/^ipset\b.*\b(save|list|-S|-L)\b/.test(command)) return { source: { kind: "ipset" }, score: 1 };
  return sniffed(file, command);
}

function sniffed(file: EvidenceFile, command: string): { source: Source; score: number } | null {
  if (file.size === 0 || file.size > 64 * 1024 * 1024) return null;
  const head = file.text().slice(0, SNIFFED);
  // Only IPv6's tools print such addresses and that protocol.
  const six =
    /ip6tables|ip6t/.test(`${command} ${head.slice(0, 200)}`) ||
    /^(\[\d+:\d+\] )?-A .*( -[sd] [0-9a-f]*:[0-9a-f:]+|-p (icmp6|icmpv6|ipv6-icmp)\b)/m.test(head);
  const family = six ? "ip6" : "ip";
  if (/^\s*\{\s*"nftables"\s*:/.test(head)) return { source: { kind: "nft", json: true, handles: false, table: null }, score: 0.9 };
  if (/^(#.*\n)*\*(nat|filter|mangle|raw|security)$/m.test(head) && /^:\S+ (ACCEPT|DROP|-)/m.test(head))
    return { source: { kind: "save", family, variant: "", counters: /^\[\d+:\d+\] -A/m.test(head), table: null }, score: 0.9 };
  if (/^table (ip|ip6|inet|arp|bridge|netdev) \S+ \{/m.test(head))
    return { source: { kind: "nft", json: false, handles: / # handle \d+$/m.test(head), table: null }, score: 0.9 };
  if (/^create \S+ (hash|bitmap|list):/m.test(head)) return { source: { kind: "ipset" }, score: 0.8 };
  if (/^(\[\d+:\d+\] |sudo |ip6?tables )*-[AP] \S+ /m.test(head) && /^\s*(?:\S+ )*-[APN] [A-Z][\w-]*/.test(head))
    return { source: { kind: "list", family, variant: "", table: null }, score: 0.6 };
  return null;
}

export function claim(file: EvidenceFile): Claim | null {
  const found = sourceOf(file);
  if (!found) return null;
  const { source, score } = found;
  const six = "family" in source && source.family === "ip6" ? " IPv6" : "";
  switch (source.kind) {
    case "save":
      if (source.table !== null) return { score, what: `netfilter table ${source.table} (iptables)${six}`, form: 3 };
      return {
        score,
        what: `netfilter rules (iptables${source.variant === "legacy" ? " legacy" : ""})${six}`,
        form: source.counters ? 3 : 2,
      };
    case "list":
      return {
        score,
        what: source.table === null ? `netfilter rules pasted in ${file.path}` : `netfilter table ${source.table} (iptables)${six}`,
        form: 2,
      };
    case "people":
      return { score, what: `netfilter table ${source.table} (iptables)${six}`, form: 0 };
    case "nft":
      // Text has lines that people can open; JSON stands in where there is no text.
      return {
        score,
        what: source.table === null ? "nftables ruleset" : `nftables table ${source.table}`,
        form: source.json ? 1 : source.handles ? 3 : 2,
      };
    case "ipset":
      return { score, what: "ipsets", form: 1 };
  }
}
