/**
 * iptables and nftables: what a host's netfilter hooks do to a packet.
 *
 * Reads iptables-save, `iptables -S`, pasted `-A` lines, `nft list ruleset` (text and JSON) and ipset dumps to one typed
 * form (ast.ts), and lowers base chains to hook chains that the host's stack runs in order of their priority.
 */
import type { ExplainSection, FactBase, Question } from "@plumbline/model";
import { definePlugin } from "@plumbline/plugin-sdk";
import { claim } from "./claim.js";
import "./facts.js";
import { finishPending, registerHooks } from "./lower/hooks.js";
import { read } from "./read.js";
import { SHAPES } from "./shapes.js";

export type * from "./ast.js";
export type { Form } from "./facts.js";
export type { NetfilterAnswer, NetfilterStep } from "./trace/answer.js";
export { type NetfilterOptions, type OneHostNetwork, openNetfilter } from "./trace/open.js";

/** Hosts whose rules are in evidence: where the network has no rule for a Service, there is none. */
function explain(facts: FactBase, question: Question): ExplainSection[] {
  if (question.kind !== "service") return [];
  const hosts = new Set(facts.all("netfilter.ruleset").map((f) => f.host));
  return [...hosts].sort().map((host) => ({ layer: "netfilter", title: "netfilter rules", host, items: [] }));
}

const plugin = definePlugin({
  id: "netfilter",
  title: "iptables and nftables rules: iptables-save, iptables -S, nft list ruleset, ipset save",
  claims: claim,
  parse: read,
  facts: SHAPES,
  lower: { hooks: (ctx) => registerHooks(ctx), linked: finishPending },
  explain,
  collects: [
    { what: "netfilter rules (iptables)", command: "iptables-save -c", on: "node" },
    { what: "nftables ruleset", command: "nft -a list ruleset", on: "node" },
    { what: "netfilter rules (iptables)", command: "iptables-save -c", on: "router" },
    { what: "nftables ruleset", command: "nft -a list ruleset", on: "router" },
  ],
});

export default plugin;

/** The plugin where the rules given are all that the host has: a rule set asked about alone. */
export const netfilterAlone = definePlugin({
  ...plugin,
  lower: { hooks: (ctx) => registerHooks(ctx, "rules alone"), linked: finishPending },
});
