/**
 * A base chain and the chains it reaches, as sequence tables of one device.
 *
 * A user chain is a table that `jump` calls and that returns to its caller. Because ACCEPT goes to what comes behind this
 * base chain, each base chain has tables of its own for the chains it reaches.
 *
 * A rule in several parts (nft: a match behind an effect) cuts its chain: what is behind it becomes a table of the same
 * name, to which the parts go on. Rule numbers count from 1 in the chain all the same.
 */
import {
  type Action,
  type Certainty,
  type Device,
  type Match,
  matchField,
  type NetworkBuilder,
  type Origin,
  type Problem,
  slice,
  type Table,
  type TableId,
} from "@plumbline/model";
import type { BaseChain, ChainAst, HookName, RuleAst, TableAst } from "../ast.js";
import type { RuleContext } from "./context.js";
import { ETH_IPV4, ETH_IPV6 } from "./fields.js";
import type { HostView } from "./host.js";
import type { IpSets } from "./ipset.js";
import type { NatTables } from "./nat.js";
import { harmless, mustLeave, type Part, partsOf } from "./parts.js";
import type { PendingGoto } from "./reject.js";
import { lowerPart, narrowParts } from "./rules.js";

interface ChainContext {
  readonly net: NetworkBuilder;
  readonly device: Device;
  readonly view: HostView;
  readonly table: TableAst;
  readonly file: string;
  readonly ipsets: IpSets;
  readonly nat: NatTables;
  readonly pending: PendingGoto[];
  readonly next: TableId;
  /** The hook has other nat chains: the first that translates keeps the rest from running. */
  readonly natPeers: boolean;
  /** Of the rules: inferred where their being reached is not in evidence. */
  readonly certainty: Certainty;
  readonly why: string;
  problem(p: Problem): void;
}

/** "nat PREROUTING", "ip6 nat PREROUTING"; nft tables with their family: "inet ovn-kubernetes mgmtport-snat". */
export function chainName(t: TableAst, chain: string): string {
  const table = t.source === "iptables" && t.family === "ip" ? t.name : `${t.family} ${t.name}`;
  return `${table} ${chain}`;
}

/** The command that lists a chain with its counters. */
export function listing(t: TableAst, chain: string): string {
  if (t.source === "nft") return `nft -a list chain ${t.family} ${t.name} ${chain}`;
  return `${t.family === "ip6" ? "ip6tables" : "iptables"} -t ${t.name} -nvL ${chain} --line-numbers`;
}

/**
 * One bit a hook: a nat chain of the hook translated the packet. nf_nat_inet_fn runs the nat chains of a hook in order of
 * priority until the connection has its translation, be it one to what it was already.
 */
const TRANSLATED = "reg7";
const TRANSLATED_BITS: Readonly<Partial<Record<HookName, number>>> = { prerouting: 1, input: 2, output: 4, postrouting: 8 };

/** Priority of connection tracking (enum nf_ip_hook_priorities). */
const CONNTRACK = -200;

const BACK: readonly Action[] = [{ op: "return" }];

/** Builds the tables of a base chain; `extra` is run at its end where the evidence does not show the whole chain. */
export function buildBaseChain(chain: ChainAst, base: BaseChain, ctx: ChainContext, atEnd: readonly Action[] = []): TableId {
  const accept: Action[] = [{ op: "goto", table: ctx.next, unwind: true }];
  const policy: Action[] =
    base.policy === "accept" ? accept : [{ op: "drop", reason: `dropped by the policy of ${chainName(ctx.table, chain.name)}` }];
  const builder = new ChainBuilder(ctx, base, accept);
  return builder.build(chain, true, [...atEnd, ...policy]);
}

/** A rule in its chain. */
interface RulePlace {
  readonly rule: RuleAst;
  readonly number: number;
  /** The chain as tables name it. */
  readonly name: string;
  readonly chain: ChainAst;
  readonly isBase: boolean;
  readonly end: readonly Action[];
}

class ChainBuilder {
  private readonly tables = new Map<string, TableId>();
  private readonly userChains: ReadonlyMap<string, ChainAst>;

  constructor(
    private readonly ctx: ChainContext,
    private readonly base: BaseChain,
    private readonly accept: readonly Action[],
  ) {
    this.userChains = new Map(ctx.table.chains.filter((c) => !c.base).map((c) => [c.name, c]));
  }

  build(chain: ChainAst, isBase: boolean, end: readonly Action[]): TableId {
    const { ctx } = this;
    const { net } = ctx;
    const name = chainName(ctx.table, chain.name);
    const open = (): Table => net.table(ctx.device, name, "netfilter", "sequence");
    let table = open();
    const entry = table.id;
    this.tables.set(chain.name, entry);
    if (isBase) this.passing(table);
    chain.rules.forEach((rule, i) => {
      const place: RulePlace = { rule, number: i + 1, name, chain, isBase, end };
      const parts = partsOf(rule.statements).flatMap((p) => narrowParts(p, this.ruleContext(place, true, null)));
      if (parts.length === 1 && !mustLeave(parts[0])) {
        this.addPart(table, parts[0], place, true, null);
        return;
      }
      const rest = open();
      const leaveTo = (t: Table): Action => ({ op: "goto", table: t.id });
      let at = table;
      parts.forEach((part, k) => {
        const last = k === parts.length - 1;
        const following = last ? rest : open();
        this.addPart(at, part, place, last, leaveTo(following));
        at.miss = [leaveTo(rest)];
        at = following;
      });
      table = rest;
    });
    if (ctx.table.cut)
      table.miss = [
        {
          op: "unknown",
          why: `${name}: the dump was cut off, rules may follow`,
          command: listing(ctx.table, chain.name),
          on: ctx.view.host,
        },
      ];
    else table.miss = isBase ? end : [];
    if (isBase && chain.line > 0) table.missOrigin = this.origin(chain);
    return entry;
  }

  /** Packets that do not see this base chain: those of another family, and those that another nat chain of the hook translated. */
  private passing(table: Table): void {
    const { family } = this.ctx.table;
    const rows: Match[] = [];
    if (family === "ip" || family === "ip6") rows.push(matchField([], "eth_type", family === "ip" ? ETH_IPV6 : ETH_IPV4));
    const bound = this.bound();
    if (bound) rows.push(matchField([], TRANSLATED, bound, bound));
    if (rows.length > 0) this.ctx.net.rule(table, { rows, program: this.accept });
  }

  /** The bit that says that this hook's translation is decided; 0 if nobody asks for it. */
  private bound(): number {
    return this.ctx.natPeers && this.base.type === "nat" ? (TRANSLATED_BITS[this.base.hook] ?? 0) : 0;
  }

  private ruleContext(p: RulePlace, last: boolean, leave: Action | null): RuleContext {
    const { ctx } = this;
    const { hook, priority } = this.base;
    const where = `${p.name} rule ${p.number}`;
    return {
      view: ctx.view,
      family: ctx.table.family,
      table: ctx.table,
      early: priority < CONNTRACK && (hook === "prerouting" || hook === "output"),
      base: this.base,
      nat: ctx.nat,
      reject: { device: ctx.device, hook, pending: ctx.pending },
      ipsets: ctx.ipsets,
      accept: this.accept,
      translated: this.bound() ? [{ op: "set", dst: slice(TRANSLATED, Math.log2(this.bound()), 1), value: 1n }] : [],
      end: p.isBase ? p.end : BACK,
      chain: (name) => this.chain(name),
      isBase: p.isBase,
      where,
      leave,
      last,
      complain: (message, hint) =>
        ctx.problem({ severity: "warning", file: ctx.file, line: p.rule.line, message: `${where}: ${message}`, hint }),
      command: listing(ctx.table, p.chain.name),
    };
  }

  private addPart(table: Table, part: Part, p: RulePlace, last: boolean, leave: Action | null): void {
    // A rule without effect only counts; it is kept out of the walk.
    if (last && leave === null && harmless(part) && part.effects.length === 0) return;
    const { ctx } = this;
    const { file, certainty, why } = ctx;
    const shown = part.incomplete
      ? {}
      : { number: p.number, origin: p.rule.line === 0 ? null : ({ file, line: p.rule.line, text: p.rule.text } satisfies Origin) };
    for (const a of lowerPart(part, this.ruleContext(p, last, leave)))
      ctx.net.rule(table, { rows: a.rows, program: a.program, certainty, why, ...shown });
  }

  /** The table of a user chain, made when first reached. */
  private chain(name: string): TableId | null {
    const made = this.tables.get(name);
    if (made !== undefined) return made;
    const chain = this.userChains.get(name);
    // A chain without rules that was not declared either is a name only.
    if (!chain || (chain.line === 0 && chain.rules.length === 0)) return null;
    return this.build(chain, false, []);
  }

  private origin(chain: ChainAst): Origin {
    return { file: this.ctx.file, line: chain.line, text: chain.text };
  }
}
