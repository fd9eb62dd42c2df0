/** What the data of this plugin's kinds of facts look like: rule sets and ipsets. A table's rules are told by ast.ts. */
import type { Plugin } from "@plumbline/model";

export const SHAPES: Plugin["facts"] = {
  "netfilter.table": {
    object: {
      form: { oneOf: ["iptables-save", "iptables -S", "iptables -L", "nft"] },
      table: {
        object: {
          family: { oneOf: ["ip", "ip6", "inet", "arp", "bridge", "netdev"] },
          name: "string",
          chains: {
            listOf: {
              object: {
                name: "string",
                line: "number",
                text: "string",
                base: "any",
                rules: { listOf: { object: { line: "any", text: "any", target: "any", statements: "any" } } },
              },
            },
          },
          sets: {
            listOf: {
              object: {
                name: "string",
                line: "number",
                tuples: { listOf: { listOf: "any" } },
                "verdicts?": { listOf: { object: { key: "any", verdict: "any", text: "any", line: "any" } } },
                "data?": { listOf: { object: { key: "any", data: "any", text: "any", line: "any" } } },
                dynamic: "boolean",
                "unreadable?": "string",
              },
            },
          },
          source: { oneOf: ["nft", "iptables"] },
          line: "number",
          variant: { oneOf: ["", "nf_tables", "legacy"] },
          whole: "boolean",
          cut: "boolean",
          dormant: "boolean",
        },
      },
    },
  },
  "netfilter.ruleset": {
    object: {
      form: { oneOf: ["iptables-save", "iptables -S", "iptables -L", "nft"] },
      family: { oneOf: ["ip", "ip6", "all"] },
      variant: { oneOf: ["", "nf_tables", "legacy"] },
    },
  },
  "netfilter.partial": { object: { family: { oneOf: ["ip", "ip6"] }, table: "string", chains: { listOf: "string" } } },
  "netfilter.listing": { object: { family: { oneOf: ["ip", "ip6"] }, table: "string" } },
  "netfilter.no-nft": { object: {} },
  "netfilter.ipset": {
    object: {
      name: "string",
      type: "string",
      family: "integer",
      parts: { listOf: { oneOf: ["address", "port", "mac", "mark", "interface"] } },
      elements: { listOf: { object: { values: { listOf: "any" }, nomatch: "boolean" } } },
      members: { listOf: "string" },
      timeout: "boolean",
    },
  },
};
