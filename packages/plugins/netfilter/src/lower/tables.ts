/**
 * Which tables of a host run: the same table seen through iptables-save, `iptables -S` and nft is one table.
 *
 * - iptables-save wins over `-S` of the same table, and over a paste of some of its lines.
 * - iptables-nft keeps its tables in nftables (ip and ip6: raw, mangle, nat, filter, security); nft lists them too, but
 *   prints their targets only in part. Where iptables-save is there, nft's listing of them is left out; not so for the
 *   legacy implementation, whose rules are no nftables.
 * - Base chains of one hook and priority run in the opposite order of their making (nf_hook_entries_grow puts a new entry
 *   before those of equal priority; seen on Linux 6.18). nft lists tables and chains in the order of their making.
 */
import type { Fact, FactBase, Problem } from "@plumbline/model";
import type { TableAst } from "../ast.js";

export interface SelectedTable {
  readonly table: TableAst;
  readonly file: string;
  /** Order of making among the host's tables. */
  readonly made: number;
}

const XTABLES = new Set(["raw", "mangle", "nat", "filter", "security"]);

/** All rules of a table as text without counters, to compare two dumps of it. */
function content(t: TableAst): string {
  return t.chains
    .filter((c) => c.rules.length > 0)
    .map((c) => `${c.name}\n${c.rules.map((r) => r.text.trim().replace(/^\[\d+:\d+\] /, "")).join("\n")}`)
    .sort()
    .join("\n");
}

export function selectTables(facts: FactBase, host: string, problem: (p: Problem) => void): SelectedTable[] {
  const all = facts.of("netfilter.table", host);
  const iptables = all.filter((f) => f.data.table.source === "iptables");
  const nft = all.filter((f) => f.data.table.source === "nft");
  const chosen: Fact<"netfilter.table">[] = [];
  const rank = (f: Fact<"netfilter.table">) =>
    f.data.form === "iptables-save" ? 3 : f.data.table.whole ? (f.data.form === "iptables -S" ? 2 : 1) : 0;
  const key = (t: TableAst) => `${t.family} ${t.name} ${t.variant === "legacy" ? "legacy" : ""}`;
  const saved = (t: TableAst) =>
    facts
      .of("netfilter.ruleset", host)
      .some((r) => r.data.form === "iptables-save" && r.data.family === t.family && r.data.variant === t.variant);
  for (const f of iptables) {
    // `iptables -t nat -S` and -L print policies of a table that is not there; iptables-save shows that it is not.
    if (f.data.form !== "iptables-save" && saved(f.data.table) && f.data.table.chains.every((c) => c.rules.length === 0)) continue;
    const rivals = iptables.filter((x) => key(x.data.table) === key(f.data.table));
    const best = rivals.reduce((a, b) => (rank(b) > rank(a) ? b : a));
    if (best === f) chosen.push(f);
    else if (rank(f) > 0 && f.data.form !== "iptables -L" && content(f.data.table) !== content(best.data.table))
      problem({
        severity: "warning",
        file: f.origin.file,
        line: f.origin.line,
        message: `table ${f.data.table.name} differs from that in ${best.origin.file}, which is used`,
        hint: "They were collected at different moments, or from different hosts.",
      });
  }
  const twin = (t: TableAst) =>
    t.family === "ip" || t.family === "ip6"
      ? chosen.find((f) => f.data.table.family === t.family && f.data.table.name === t.name && f.data.table.variant !== "legacy")
      : undefined;
  const out: { f: Fact<"netfilter.table">; made: number }[] = [];
  const placed = new Set<Fact<"netfilter.table">>();
  nft.forEach((f, i) => {
    const t = f.data.table;
    const other = XTABLES.has(t.name) ? twin(t) : undefined;
    if (!other) {
      out.push({ f, made: i });
      return;
    }
    const names = new Set(other.data.table.chains.map((c) => c.name));
    const foreign = t.chains.filter((c) => !names.has(c.name));
    if (!other.data.table.whole) {
      // Nobody's selection of lines can stand for the table that nft shows whole.
      placed.add(other);
      out.push({ f, made: i });
    } else if (foreign.length === 0 || other.data.table.variant === "nf_tables") {
      placed.add(other);
      out.push({ f: other, made: i });
      if (foreign.length > 0)
        problem({
          severity: "warning",
          file: f.origin.file,
          line: foreign[0].line,
          message: `nft lists chain ${foreign[0].name} of table ${t.family} ${t.name}, ${other.origin.file} does not; the latter is used`,
          hint: "They were collected at different moments.",
        });
    } else out.push({ f, made: i });
  });
  // What nft does not place was made at a time unknown; it stands before the rest.
  chosen.forEach((f, i) => {
    if (!placed.has(f)) out.push({ f, made: i - chosen.length });
  });
  return out.filter(({ f }) => !f.data.table.dormant).map(({ f, made }) => ({ table: f.data.table, file: f.origin.file, made }));
}
