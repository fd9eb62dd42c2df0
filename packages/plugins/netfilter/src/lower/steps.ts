/**
 * Which rule of which chain each rule of the network was made of: what a rule trace is told with.
 *
 * A rule of a chain may become several of the network (parts, map elements, families). It is hit, as the kernel counts hits, when
 * the last of its parts is: a rule whose first matches hold and whose later ones do not is none that a trace lists.
 */
import type { Network, TableId } from "@plumbline/model";
import type { ChainAst, RuleAst, TableAst } from "../ast.js";

/** The rule of a chain behind a rule of the network. */
interface RuleStep {
  readonly table: TableAst;
  readonly chain: ChainAst;
  readonly rule: RuleAst;
  /** Within its chain, from 1. */
  readonly number: number;
  /** Nothing of the rule stands behind this part. */
  readonly whole: boolean;
  /** The element of the map that decided. */
  readonly element?: string;
}

/** The policy behind a table's end. */
interface PolicyStep {
  readonly table: TableAst;
  readonly chain: ChainAst;
}

export interface Steps {
  /** By rule id. */
  readonly rules: Map<number, RuleStep>;
  readonly policies: Map<TableId, PolicyStep>;
}

const STEPS = new WeakMap<Network, Steps>();

/** The steps of a network, filled while its chains are built. */
export function stepsOf(net: Network): Steps {
  let s = STEPS.get(net);
  if (!s) STEPS.set(net, (s = { rules: new Map(), policies: new Map() }));
  return s;
}
