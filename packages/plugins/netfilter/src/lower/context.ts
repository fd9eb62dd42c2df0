/**
 * What a rule needs of its surroundings to become IR, and what the parts of its lowering share.
 */
import type { Action, NetworkBuilder, Slice, Table } from "@plumbline/model";
import type { BaseChain, Statement, TableAst } from "../ast.js";
import type { ConditionContext, Opaque, Rows } from "./conditions.js";
import type { HostView } from "./host.js";
import type { IpSets } from "./ipset.js";
import type { NatTables } from "./nat.js";
import type { RejectContext } from "./reject.js";

/** Rows and what is done with packets that they match. */
export interface Alternative {
  readonly rows: Rows;
  readonly program: readonly Action[];
  /** What is done is done, but the rule fails behind it. */
  readonly failed?: boolean;
}

/** An element of a map: packets with its key, and what becomes of them. */
export interface LookUp {
  readonly rows: Rows;
  readonly program: readonly Action[];
  /** As printed. */
  readonly text: string;
  /** The catch-all element: taken where no other is. */
  readonly otherwise: boolean;
}

/** What a rule needs of its surroundings. */
export interface RuleContext extends ConditionContext {
  readonly table: TableAst;
  readonly base: BaseChain;
  readonly view: HostView;
  readonly nat: NatTables;
  readonly reject: RejectContext;
  readonly ipsets: IpSets;
  /** Makes tables of the rule's own. */
  readonly tables: {
    readonly net: NetworkBuilder;
    open(name: string, kind: Table["kind"], key?: Slice): Table;
    make(name: string, family: 4 | 6, fill: (t: Table) => void): Table;
  };
  /** What ACCEPT does. */
  readonly accept: readonly Action[];
  /** What a translation does behind itself: nothing, or the mark that keeps the hook's other nat chains from running. */
  readonly translated: readonly Action[];
  /** What RETURN does in this chain: the policy in a base chain. */
  readonly end: readonly Action[];
  /** The table of a user chain, null if it is not in evidence. */
  chain(name: string): number | null;
  /** True in a base chain: nobody waits for its end. */
  readonly isBase: boolean;
  /** Where the rule stands, for `unknown`: "filter FORWARD". */
  readonly where: string;
  /** Rows of the rule's matches, once worked out. */
  readonly known: Map<Statement, Rows | Opaque>;
  /** Goes on with the chain behind this rule; null where falling through does that. */
  readonly leave: Action | null;
  /** Goes on where the rule has failed: behind it. Null in a part that is its whole rule. */
  readonly fail: Action | null;
  /** Nothing of the rule stands behind this part. */
  readonly last: boolean;
  /** Makes the table of a map or set: what each element does; without one the rule fails, if nothing else is said. */
  lookup(elements: readonly LookUp[], otherwise?: Action): Action;
  /** Something about the rule that is not translated. */
  complain(message: string, hint: string): void;
  /** A command that shows the rule's chain. */
  readonly command: string;
}

export function unknown(o: Opaque, ctx: RuleContext): Action {
  return { op: "unknown", why: `${ctx.where}: ${o.why}`, command: o.command || ctx.command, on: ctx.view.host };
}

/** What the IR cannot say: complained about, and unknown where it is met. */
export function notTranslated(what: string, ctx: RuleContext): Action {
  ctx.complain(`${what} is not translated`, "Packets that match the rule end as unknown here.");
  return { op: "unknown", why: `${ctx.where}: ${what} is not translated`, command: ctx.command, on: ctx.view.host };
}
