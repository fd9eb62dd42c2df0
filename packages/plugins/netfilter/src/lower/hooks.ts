/**
 * Registers a host's base chains, and says where its rules are not, or not all, in evidence.
 */
import type { Action, FactBase, Hook, HookChain, LowerContext } from "@plumbline/model";
import type { ChainAst, HookName, IpSet } from "../ast.js";
import { buildBaseChain, chainName } from "./chains.js";
import { CONFIRMED } from "./fields.js";
import { hostView } from "./host.js";
import { missingRules } from "./missing.js";
import { NatTables } from "./nat.js";
import { partialChains } from "./partial.js";
import type { PendingGoto } from "./reject.js";
import { type SelectedTable, selectTables } from "./tables.js";

const HOOKS: ReadonlySet<HookName> = new Set(["prerouting", "input", "forward", "output", "postrouting"]);

/** Gotos to a host's own output path, whose table is known when all devices are made. */
const PENDING = new WeakMap<FactBase, PendingGoto[]>();

/**
 * Stage `hooks`.
 * @param known "rules alone": what was given is all there is; nobody asks for rules of another kind
 */
export function registerHooks(ctx: LowerContext, known: "a snapshot" | "rules alone" = "a snapshot"): void {
  const pending: PendingGoto[] = [];
  PENDING.set(ctx.facts, pending);
  const said = new Set<string>();
  const problem: LowerContext["problem"] = (p) => {
    // A chain that several base chains reach is lowered for each of them.
    const key = `${p.file}:${p.line}:${p.message}`;
    if (said.has(key)) return;
    said.add(key);
    ctx.problem(p);
  };
  const quiet: LowerContext = { ...ctx, problem };
  for (const host of ctx.facts.hosts()) {
    const tables = selectTables(ctx.facts, host, problem);
    const peers = new Map<HookName, number>();
    const chains: { chain: HookChain; made: number }[] = [];
    for (const t of tables) chains.push(...tableChains(t, { host, ctx: quiet, pending, peers }));
    for (const { chain } of chains) if (chain.type === "nat") peers.set(chain.hook, (peers.get(chain.hook) ?? 0) + 1);
    // Later made, earlier run; the sort by priority that follows keeps this order.
    chains.sort((a, b) => b.made - a.made);
    if (chains.length > 0) ctx.hooks.push(...confirming(host, quiet));
    ctx.hooks.push(...(known === "a snapshot" ? missingRules(host, quiet) : []), ...chains.map((c) => c.chain));
  }
}

/** Behind all other chains, where the kernel enters a new connection in its table (NF_IP_PRI_CONNTRACK_CONFIRM): it is marked as known. */
function confirming(host: string, ctx: LowerContext): HookChain[] {
  return (["input", "postrouting"] as const satisfies readonly Hook[]).map((hook) => ({
    host,
    hook,
    priority: 2 ** 31 - 1,
    type: "filter",
    build(device, next) {
      const t = ctx.net.table(device, `${hook} known from now on`, "hook", "priority");
      t.miss = [
        { op: "set", dst: CONFIRMED, value: 1n },
        { op: "goto", table: next, unwind: true },
      ];
      return t.id;
    },
  }));
}

/** After all devices are there: answers of REJECT go out by their host's own output path. */
export function finishPending(ctx: LowerContext): void {
  for (const p of PENDING.get(ctx.facts) ?? []) {
    if (p.device.origin < 0) throw new Error(`device ${p.device.name} has no table for packets of its own, which REJECT needs`);
    p.action.table = p.device.origin;
  }
}

const tool = (family: string) => (family === "ip6" ? "ip6tables" : "iptables");

interface HostContext {
  readonly host: string;
  readonly ctx: LowerContext;
  readonly pending: PendingGoto[];
  /** nat chains a hook, counted when all are known. */
  readonly peers: ReadonlyMap<HookName, number>;
}

function tableChains(selected: SelectedTable, hc: HostContext): { chain: HookChain; made: number }[] {
  const { table, file } = selected;
  const { host, ctx } = hc;
  const based = table.chains.filter((c) => c.base);
  if (table.family === "arp" || table.family === "bridge" || table.family === "netdev") {
    if (based.length > 0)
      ctx.problem({
        severity: "info",
        file,
        line: table.line,
        message: `table ${table.family} ${table.name} is not evaluated`,
        hint: "Only tables of the families ip, ip6 and inet are on the path of a routed packet.",
      });
    return [];
  }
  if (!table.whole)
    return partialChains(table, file, ctx.problem).map(({ chain, why }) => {
      const rest: Action = {
        op: "unknown",
        why: `${chainName(table, chain.name)}: only some of its rules are in evidence`,
        command: `${tool(table.family)} -t ${table.name} -S`,
        on: host,
        go: true,
      };
      return { made: selected.made, chain: hookChain(selected, chain, [rest], why, hc) };
    });
  return based.flatMap((chain, i) => {
    const base = chain.base!;
    if (!HOOKS.has(base.hook)) {
      ctx.problem({
        severity: "warning",
        file,
        line: chain.line,
        message: `${chainName(table, chain.name)} hangs at ${base.hook} and is not evaluated`,
        hint: "",
      });
      return [];
    }
    return [{ made: selected.made + i / (based.length + 1), chain: hookChain(selected, chain, [], "", hc) }];
  });
}

function hookChain(selected: SelectedTable, chain: ChainAst, atEnd: readonly Action[], why: string, hc: HostContext): HookChain {
  const { table, file } = selected;
  const { host, ctx, pending } = hc;
  const base = chain.base!;
  return {
    host,
    hook: base.hook as Hook,
    priority: base.priority,
    type: base.type,
    build(device, next) {
      const view = hostView(ctx.facts, device);
      const ipsets = new Map<string, IpSet>(ctx.facts.of("netfilter.ipset", host).map((f) => [f.data.name, f.data]));
      return buildBaseChain(
        chain,
        base,
        {
          net: ctx.net,
          device,
          view,
          table,
          file,
          ipsets,
          nat: new NatTables(ctx.net, view),
          pending,
          next,
          natPeers: (hc.peers.get(base.hook) ?? 0) > 1,
          certainty: why === "" ? "proven" : "inferred",
          why,
          problem: ctx.problem,
        },
        atEnd,
      );
    },
  };
}
