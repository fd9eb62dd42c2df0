/**
 * Microflows: expressions that describe one packet, as ovn-trace takes them: `inport == "p1" && ip4 && tcp.dst == 80`
 * (lib/expr.c of OVN, expr_parse_microflow; ovn-trace(8)).
 *
 * What is neither said nor implied is 0. An expression that leaves a choice is ambiguous, one that nothing fulfils contradictory.
 */
import { get, newRow, type Row, set } from "@plumbline/model";
import { annotate, resolveConditions } from "./annotate.js";
import type { Expr } from "./ast.js";
import { formatExpr } from "./format.js";
import { OvnSyntaxError } from "./lex.js";
import { normalize } from "./normalize.js";
import { parseExpression, type Sets } from "./parse.js";
import { comparisonMatch, isLost, type LookupPort } from "./rows.js";
import { simplify } from "./simplify.js";
import type { SymbolTable } from "./symbols.js";

export interface MicroflowContext extends Sets {
  readonly symbols: SymbolTable;
}

/** The packet that the text describes; throws {@link OvnSyntaxError}. */
export function parseMicroflow(text: string, context: MicroflowContext, lookupPort: LookupPort): Row {
  return microflowOf(parseExpression(text, context), context, lookupPort);
}

export function microflowOf(parsed: Expr, context: MicroflowContext, lookupPort: LookupPort): Row {
  const annotated = annotate(parsed, context.symbols);
  const e = normalize(resolveConditions(simplify(annotated), () => true));
  const row = newRow();
  const terms = e.type === "and" ? e.subs : [e];
  for (const t of terms) {
    if (t.type === "or") throw new OvnSyntaxError(`Constraints are ambiguous: ${formatExpr(annotated)}.`);
    if (t.type === "boolean" && !t.value) throw new OvnSyntaxError("Constraints are contradictory.");
    if (t.type !== "cmp" || (t.symbol.field && isLost(t.symbol.field))) continue;
    // A port that is not there leaves the field as it is.
    for (const x of comparisonMatch(t, lookupPort) ?? []) row[x.w] = ((row[x.w]! & ~x.m) | x.v) >>> 0;
  }
  // Open vSwitch keeps 8 bits of an ARP operation (struct flow, nw_proto).
  set(row, "arp_op", get(row, "arp_op") & 0xff);
  return row;
}

/** The port that an expression says the packet comes in by; ovn-trace needs exactly one (expr_find_inport). */
export function inportOf(e: Expr): string {
  const found = new Set<string>();
  const visit = (x: Expr): void => {
    if (x.type === "and" || x.type === "or") x.subs.forEach(visit);
    else if (x.type === "cmp" && x.symbol.name === "inport" && x.relop === "==") found.add(x.text);
  };
  visit(e);
  if (found.size === 0) throw new OvnSyntaxError("flow match expression does not match on inport");
  if (found.size > 1) throw new OvnSyntaxError("flow match expression matches on multiple inports");
  return [...found][0]!;
}
