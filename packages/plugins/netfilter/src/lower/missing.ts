/**
 * Where a host's rules are not in evidence, its packets say so: one remembered `unknown` on the way in, one on the way out.
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
  if (!nft && saved("ip")) {
    const [first] = rulesets;
    ctx.problem({
      severity: "info",
      file: first.origin.file,
      line: 0,
      message: `nftables' own tables of ${host} are not in evidence, iptables-save does not list them`,
      hint: "Collect `nft -a list ruleset`.",
    });
  }
  for (const l of facts.of("netfilter.listing", host)) {
    const read =
      tables.some((t) => t.data.table.name === l.data.table && t.data.table.family === l.data.family && t.data.table.whole) ||
      saved(l.data.family);
    if (!read)
      ctx.problem({
        severity: "warning",
        file: l.origin.file,
        line: 1,
        message: `table ${l.data.table} is in evidence as a list for people (iptables -L), which is not read`,
        hint: "Collect iptables-save -c.",
      });
  }
  const missing = ([4, 6] as const).filter((f) => !nft && !saved(f === 4 ? "ip" : "ip6"));
  if (missing.length === 0) return [];
  const seen = [...new Set(tables.map((t) => `${t.data.table.name}${t.data.table.whole ? "" : " (some lines)"}`))];
  const why =
    seen.length === 0
      ? `the netfilter rules of ${host} are not in evidence`
      : `of the netfilter rules of ${host} only these are in evidence: table ${seen.join(", ")}`;
  return (["prerouting", "output"] as const satisfies readonly Hook[]).map((hook) => ({
    host,
    hook,
    // Before everything else, so that it stands first in the path.
    priority: -400,
    type: "filter",
    build(device, next) {
      const t = ctx.net.table(device, `netfilter ${hook}`, "netfilter", "sequence");
      for (const f of missing)
        ctx.net.rule(t, {
          rows: [matchField([], "eth_type", f === 4 ? ETH_IPV4 : ETH_IPV6)],
          program: [{ op: "unknown", why, command: COMMANDS[f], on: host, go: true }],
          certainty: "assumed",
          why,
        });
      t.miss = [{ op: "goto", table: next, unwind: true }];
      return t.id;
    },
  }));
}
