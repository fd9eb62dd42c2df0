/**
 * A table of which somebody kept only some `-A` lines.
 *
 * Lines of built-in chains hang where they belong. A chain of nat that nothing in evidence jumps to is taken to be reached
 * from PREROUTING, as the service chains of a node are; each piece is `inferred` and says what would show it. What the
 * lines left out of the table do is unknown, and is remembered as such on the way.
 */
import type { Problem } from "@plumbline/model";
import type { ChainAst, RuleAst, TableAst } from "../ast.js";
import { builtin } from "../parse/iptables.js";

interface PartialChain {
  readonly chain: ChainAst;
  /** Why its rules are only inferred to run. */
  readonly why: string;
}

/** The order in which OVN-Kubernetes' PREROUTING jumps to its chains; others behind them in the order of the lines. */
const USUAL_ORDER = ["OVN-KUBE-ETP", "OVN-KUBE-EXTERNALIP", "OVN-KUBE-NODEPORT"];

const place = (name: string) => {
  const at = USUAL_ORDER.indexOf(name);
  return at < 0 ? USUAL_ORDER.length : at;
};

function targetsOf(r: RuleAst): string[] {
  return r.statements.flatMap((s) => (s.s === "verdict" && (s.verdict.v === "jump" || s.verdict.v === "goto") ? [s.verdict.chain] : []));
}

export function partialChains(table: TableAst, file: string, problem: (p: Problem) => void): PartialChain[] {
  const tool = table.family === "ip6" ? "ip6tables" : "iptables";
  const bases = new Map<string, ChainAst>();
  const loose: ChainAst[] = [];
  const reached = new Set(table.chains.flatMap((c) => c.rules.flatMap(targetsOf)));
  for (const c of table.chains) {
    const base = c.base ?? builtin(table.name, c.name, "accept");
    if (base) bases.set(c.name, { ...c, base });
    else if (c.rules.length > 0 && !reached.has(c.name)) loose.push(c);
  }
  const some = `only some lines of table ${table.name} are in evidence (${tool} -t ${table.name} -S shows all)`;
  const out: PartialChain[] = [];
  for (const [name, chain] of bases)
    if (chain.rules.length > 0 && (name !== "PREROUTING" || loose.length === 0 || table.name !== "nat")) out.push({ chain, why: some });
  if (loose.length === 0) return out;
  if (table.name !== "nat") {
    for (const c of loose)
      problem({
        severity: "warning",
        file,
        line: c.rules[0].line,
        message: `nothing in evidence jumps to chain ${c.name} of table ${table.name}: it is not evaluated`,
        hint: `Collect ${tool}-save.`,
      });
    return out;
  }
  const jumps = [...loose]
    .sort((a, b) => place(a.name) - place(b.name))
    .map((c): RuleAst => ({ line: 0, text: "", target: c.name, statements: [{ s: "verdict", verdict: { v: "jump", chain: c.name } }] }));
  const known = bases.get("PREROUTING");
  const chain: ChainAst = {
    name: "PREROUTING",
    line: 0,
    text: "",
    base: builtin("nat", "PREROUTING", "accept"),
    rules: [...(known?.rules ?? []), ...jumps],
  };
  out.push({ chain, why: `the chain's jump from PREROUTING is not in evidence (${tool} -t nat -S shows it)` });
  return out;
}
