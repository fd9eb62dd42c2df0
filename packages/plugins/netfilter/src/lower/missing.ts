/**
 * Where a host's rules are not in evidence, its packets say so: one remembered `unknown` on the way in, one on the way out.
 *
 * iptables-save alone is not all: nftables' own tables (OVN-Kubernetes', firewalld's, kube-proxy's) are in no dump of iptables. A
 * listing of nft tells, an empty one too.
 *
 * A host is asked for its rules if it has interfaces, routes or some rules in evidence. Pods are not: their own rules are
 * hardly ever collected and hardly ever there (docs/limitations.md).
 */
import { type Hook, type HookChain, type LowerContext, matchField } from "@plumbline/model";
import { ETH_IPV4, ETH_IPV6 } from "./fields.js";

const COMMANDS = { 4: "iptables-save -c; nft -a list ruleset", 6: "ip6tables-save -c; nft -a list ruleset" } as const;

export function missingRules(host: string, ctx: LowerContext): HookChain[] {
  if (host.startsWith("pods/")) return [];
  const { facts } = ctx;
  const tables = facts.of("netfilter.table", host);
  const asked = (["linux.interface", "linux.address", "linux.route", "frr.route"] as const).some((k) => facts.of(k, host).length > 0);
  if (!asked && tables.length === 0) return [];
  const rulesets = facts.of("netfilter.ruleset", host);
  const nft = rulesets.some((r) => r.data.form === "nft");
  const saved = (family: "ip" | "ip6") => rulesets.some((r) => r.data.form === "iptables-save" && r.data.family === family);
  // Where iptables is the old implementation and there is no nft, nobody has made nftables' own rules.
  const legacyAlone =
    facts.of("netfilter.no-nft", host).length > 0 &&
    rulesets.length > 0 &&
    rulesets.every((r) => r.data.form === "iptables-save" && r.data.variant === "legacy");
  for (const l of facts.of("netfilter.listing", host)) {
    const read =
      tables.some((t) => t.data.table.name === l.data.table && t.data.table.family === l.data.family && t.data.table.whole) ||
      saved(l.data.family);
    if (!read)
      ctx.problem({
        severity: "warning",
        file: l.origin.file,
        line: 1,
        message: `table ${l.data.table} is in evidence as a list for people (iptables -L), which leaves the interfaces out and is not read`,
        hint: "Collect iptables-save -c.",
      });
  }
  const missing: { family: 4 | 6; why: string; command: string }[] = [];
  const seen = [...new Set(tables.map((t) => `${t.data.table.name}${t.data.table.whole ? "" : " (some lines)"}`))];
  for (const family of [4, 6] as const) {
    if (nft) continue;
    if (!saved(family === 4 ? "ip" : "ip6"))
      missing.push({
        family,
        why:
          seen.length === 0
            ? `the netfilter rules of ${host} are not in evidence`
            : `of the netfilter rules of ${host} only these are in evidence: table ${seen.join(", ")}`,
        command: COMMANDS[family],
      });
    else if (!legacyAlone)
      missing.push({
        family,
        why: `nftables' own tables of ${host} are not in evidence, iptables-save does not list them`,
        command: "nft -j list ruleset",
      });
  }
  if (missing.length === 0) return [];
  return (["prerouting", "output"] as const satisfies readonly Hook[]).map((hook) => ({
    host,
    hook,
    // Before everything else, so that it stands first in the path.
    priority: -400,
    type: "filter",
    build(device, next) {
      const t = ctx.net.table(device, `netfilter ${hook}`, "netfilter", "sequence");
      for (const { family, why, command } of missing)
        ctx.net.rule(t, {
          rows: [matchField([], "eth_type", family === 4 ? ETH_IPV4 : ETH_IPV6)],
          program: [{ op: "unknown", why, command, on: host, go: true }],
          certainty: "assumed",
          why,
        });
      t.miss = [{ op: "goto", table: next, unwind: true }];
      return t.id;
    },
  }));
}
