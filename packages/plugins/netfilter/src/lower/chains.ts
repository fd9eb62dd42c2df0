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
import type { LookUp, RuleContext } from "./context.js";
import { ETH_IPV4, ETH_IPV6, IS_CONFIRMED } from "./fields.js";
import type { HostView } from "./host.js";
import type { IpSets } from "./ipset.js";
import type { NatTables } from "./nat.js";
import { asksMap, type Part, partsOf } from "./parts.js";
import type { PendingGoto } from "./reject.js";
import { lowerPart, narrowParts, terminal } from "./rules.js";
import { type Steps, stepsOf } from "./steps.js";

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
function listing(t: TableAst, chain: string): string {
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
/** Priorities at which known connections are translated. */
const DSTNAT = -100;
const SRCNAT = 100;

const BACK: readonly Action[] = [{ op: "return" }];

/** Builds the tables of a base chain; `extra` is run at its end where the evidence does not show the whole chain. */
export function buildBaseChain(chain: ChainAst, base: BaseChain, ctx: ChainContext, atEnd: readonly Action[] = []): TableId {
  const accept: Action[] = [{ op: "goto", table: ctx.next, unwind: true }];
  const policy: Action[] =
    base.policy === "accept" ? accept : [{ op: "drop", reason: `dropped by the policy of ${chainName(ctx.table, chain.name)}` }];
  return new ChainBuilder(ctx, base, chain, accept, [...atEnd, ...policy]).build(chain, true);
}

/** A rule in its chain. */
interface RulePlace {
  readonly rule: RuleAst;
  readonly number: number;
  /** The chain as tables name it. */
  readonly name: string;
  readonly chain: ChainAst;
  readonly isBase: boolean;
}

/** Where a part stands in its rule. */
interface PartPlace {
  readonly last: boolean;
  /** Where it goes when it has passed, and when it has failed; null where falling through does both. */
  readonly leave: Action | null;
  readonly fail: Action | null;
}

class ChainBuilder {
  private readonly tables = new Map<string, TableId>();
  private readonly userChains: ReadonlyMap<string, ChainAst>;
  private readonly steps: Steps;
  private policyTable: TableId | null = null;

  /** @param end what the policy does */
  constructor(
    private readonly ctx: ChainContext,
    private readonly base: BaseChain,
    private readonly baseChain: ChainAst,
    private readonly accept: readonly Action[],
    private readonly end: readonly Action[],
  ) {
    this.userChains = new Map(ctx.table.chains.filter((c) => !c.base).map((c) => [c.name, c]));
    this.steps = stepsOf(ctx.net);
  }

  build(chain: ChainAst, isBase: boolean): TableId {
    const { ctx } = this;
    const { net } = ctx;
    const name = chainName(ctx.table, chain.name);
    const open = (): Table => net.table(ctx.device, name, "netfilter", "sequence");
    const leaveTo = (t: Table): Action => ({ op: "goto", table: t.id });
    let table = open();
    const entry = table.id;
    this.tables.set(chain.name, entry);
    if (isBase) this.passing(table);
    chain.rules.forEach((rule, i) => {
      const place: RulePlace = { rule, number: i + 1, name, chain, isBase };
      const whole: PartPlace = { last: true, leave: null, fail: null };
      const alone = this.ruleContext(place, whole);
      const parts = partsOf(rule.statements).flatMap((p) => narrowParts(p, alone));
      if (parts.length === 1 && !asksMap(parts[0]) && !parts[0].asks) {
        this.addPart(table, parts[0], place, whole, alone);
        return;
      }
      const rest = open();
      let at = table;
      parts.forEach((part, k) => {
        const last = k === parts.length - 1;
        const following = last ? rest : open();
        const to: PartPlace = { last, leave: leaveTo(following), fail: leaveTo(rest) };
        this.addPart(at, part, place, to, this.ruleContext(place, to));
        at.miss = [leaveTo(rest)];
        at = following;
      });
      table = rest;
    });
    if (ctx.table.cut) {
      if (isBase && chain.line > 0) table.missOrigin = this.origin(chain);
      table.miss = [
        {
          op: "unknown",
          why: `${name}: the dump was cut off, rules may follow`,
          command: listing(ctx.table, chain.name),
          on: ctx.view.host,
        },
      ];
    } else if (isBase) this.policy(table);
    return entry;
  }

  /** Ends a table in the base chain's policy. */
  private policy(table: Table): void {
    table.miss = this.end;
    if (this.baseChain.line > 0) table.missOrigin = this.origin(this.baseChain);
    this.steps.policies.set(table.id, { table: this.ctx.table, chain: this.baseChain });
  }

  /** What RETURN does in the base chain. */
  private toPolicy(): readonly Action[] {
    const { net, device, table } = this.ctx;
    if (this.policyTable === null) {
      const t = net.table(device, chainName(table, this.baseChain.name), "netfilter", "sequence");
      this.policy(t);
      this.policyTable = t.id;
    }
    return [{ op: "goto", table: this.policyTable, unwind: true }];
  }

  /** Packets that do not see this base chain: those of another family, and those that another nat chain of the hook translated. */
  private passing(table: Table): void {
    const { family } = this.ctx.table;
    const rows: Match[] = [];
    if (family === "ip" || family === "ip6") rows.push(matchField([], "eth_type", family === "ip" ? ETH_IPV6 : ETH_IPV4));
    const bound = this.bound();
    if (bound) rows.push(matchField([], TRANSLATED, bound, bound));
    // What is in the table has its translations, or has none (nf_nat_inet_fn, net/netfilter/nf_nat_core.c).
    if (this.base.type === "nat") rows.push(IS_CONFIRMED);
    if (rows.length > 0) this.ctx.net.rule(table, { rows, program: this.accept });
  }

  /** The bit that says that this hook's translation is decided; 0 if nobody asks for it. */
  private bound(): number {
    return this.ctx.natPeers && this.base.type === "nat" ? (TRANSLATED_BITS[this.base.hook] ?? 0) : 0;
  }

  private ruleContext(p: RulePlace, part: PartPlace): RuleContext {
    const { ctx } = this;
    const { hook, priority } = this.base;
    const where = `${p.name} rule ${p.number}`;
    const toPolicy = () => this.toPolicy();
    return {
      view: ctx.view,
      family: ctx.table.family,
      table: ctx.table,
      done: {
        dst: (hook !== "prerouting" && hook !== "output") || priority > DSTNAT,
        src: (hook === "postrouting" || hook === "input") && priority > SRCNAT,
      },
      early: priority < CONNTRACK && (hook === "prerouting" || hook === "output"),
      base: this.base,
      nat: ctx.nat,
      reject: { device: ctx.device, hook, pending: ctx.pending },
      ipsets: ctx.ipsets,
      tables: {
        net: ctx.net,
        open: (name, kind, key) => ctx.net.table(ctx.device, name, "netfilter", kind, key),
        make: (name, family, fill) => {
          const t = ctx.net.table(ctx.device, `${name} (IPv${family})`, "netfilter", "priority");
          fill(t);
          return t;
        },
      },
      accept: this.accept,
      translated: this.bound() ? [{ op: "set", dst: slice(TRANSLATED, Math.log2(this.bound()), 1), value: 1n }] : [],
      get end() {
        return p.isBase ? toPolicy() : BACK;
      },
      chain: (name) => this.chain(name),
      isBase: p.isBase,
      known: new Map(),
      where,
      leave: part.leave,
      fail: part.fail,
      last: part.last,
      lookup: (elements, otherwise) => this.lookup(elements, p, part, otherwise ?? part.fail),
      complain: (message, hint) =>
        ctx.problem({ severity: "warning", file: ctx.file, line: p.rule.line, message: `${where}: ${message}`, hint }),
      command: listing(ctx.table, p.chain.name),
    };
  }

  private addPart(table: Table, part: Part, p: RulePlace, place: PartPlace, ctx: RuleContext): void {
    const hidden = part.incomplete === true || asksMap(part);
    for (const a of lowerPart(part, ctx))
      this.addRule(table, a.rows, a.program, p, { shown: !hidden, whole: place.last && !hidden && !a.failed });
  }

  /** A map's table; what no element holds goes on behind the rule. */
  private lookup(elements: readonly LookUp[], p: RulePlace, place: PartPlace, otherwise: Action | null): Action {
    const { net, device } = this.ctx;
    const t = net.table(device, p.name, "netfilter", "priority");
    for (const e of elements) {
      const program = place.leave && !terminal(e.program) ? [...e.program, place.leave] : e.program;
      const shown = e.text !== "";
      const whole = place.last && shown;
      this.addRule(t, e.rows, program, p, { shown, whole, ...(shown && { element: e.text }), priority: e.otherwise ? 0 : 1 });
    }
    t.miss = otherwise ? [otherwise] : [];
    return { op: "goto", table: t.id };
  }

  private addRule(
    table: Table,
    rows: readonly Match[],
    program: readonly Action[],
    p: RulePlace,
    as: { shown: boolean; whole: boolean; element?: string; priority?: number },
  ): void {
    const { file, certainty, why } = this.ctx;
    const { rule, number, chain } = p;
    // A rule is hit when its last part is; before that it has a place, and no number.
    const shown = as.shown
      ? { ...(as.whole && { number }), origin: rule.line === 0 ? null : ({ file, line: rule.line, text: rule.text } satisfies Origin) }
      : {};
    const made = this.ctx.net.rule(table, { rows, program, certainty, why, ...(as.priority && { priority: as.priority }), ...shown });
    this.steps.rules.set(made.id, {
      table: this.ctx.table,
      chain,
      rule,
      number,
      whole: as.whole,
      ...(as.element !== undefined && { element: as.element }),
    });
  }

  /** The table of a user chain, made when first reached. */
  private chain(name: string): TableId | null {
    const made = this.tables.get(name);
    if (made !== undefined) return made;
    const chain = this.userChains.get(name);
    // A chain without rules that was not declared either is a name only.
    if (!chain || (chain.line === 0 && chain.rules.length === 0)) return null;
    return this.build(chain, false);
  }

  private origin(chain: ChainAst): Origin {
    return { file: this.ctx.file, line: chain.line, text: chain.text };
  }
}
