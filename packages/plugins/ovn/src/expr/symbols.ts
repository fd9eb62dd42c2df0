/**
 * The symbol table: names that expressions and actions may use, and what they stand for.
 *
 * A symbol is a field, part of another symbol, or a predicate (an expression with a name). A reference to it may have
 * prerequisites: `tcp.dst` makes sense in TCP packets only. Semantics: include/ovn/expr.h and lib/expr.c of OVN.
 */
import { type Expr, uniqueLevel } from "./ast.js";
import type { LogicalSymbol, PacketField, SymbolSource, WriteScope } from "./fields.js";
import { Lexer } from "./lex.js";
import { parseExpression, parseField } from "./parse.js";

const EVERYWHERE: readonly WriteScope[] = ["default", "ct_commit"];

export class SymbolTable implements SymbolSource {
  private readonly byName = new Map<string, LogicalSymbol>();
  /** What is parsed or annotated again and again, by its text: prerequisites and predicates. */
  readonly parsed = new Map<string, Expr>();
  readonly annotated = new Map<string, Expr>();

  find(name: string): LogicalSymbol | undefined {
    return this.byName.get(name);
  }
  /** In byte order of names. */
  all(): LogicalSymbol[] {
    return [...this.byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  private add(spec: Partial<LogicalSymbol> & Pick<LogicalSymbol, "name" | "width" | "level">): LogicalSymbol {
    if (this.byName.has(spec.name)) throw new Error(`symbol ${spec.name} exists`);
    const s: LogicalSymbol = {
      prereqs: undefined,
      parent: undefined,
      predicate: undefined,
      field: undefined,
      controllerField: false,
      mustCrossproduct: false,
      writable: new Set(),
      ...spec,
    };
    this.byName.set(s.name, s);
    return s;
  }

  addField(
    name: string,
    field: PacketField,
    more: { prereqs?: string | undefined; mustCrossproduct?: boolean; scopes?: readonly WriteScope[] } = {},
  ): LogicalSymbol {
    return this.add({
      name,
      width: field.bits,
      level: field.maskable ? "ordinal" : "nominal",
      prereqs: more.prereqs,
      mustCrossproduct: more.mustCrossproduct ?? false,
      writable: new Set(field.writable ? (more.scopes ?? ["default"]) : []),
      field,
    });
  }
  /** A field whose values are names of ports. */
  addString(name: string, field: PacketField): LogicalSymbol {
    return this.add({ name, width: 0, level: "nominal", writable: new Set(field.writable ? ["default" as const] : []), field });
  }
  /** `of` is a field reference: `vlan.tci[0..11]`. */
  addSubfield(name: string, of: string, more: { prereqs?: string; scopes?: readonly WriteScope[] } = {}): LogicalSymbol {
    const lexer = new Lexer(of);
    const f = parseField(lexer, this);
    lexer.forceEnd();
    return this.add({
      name,
      width: f.bits,
      level: f.symbol.level,
      prereqs: more.prereqs,
      writable: new Set(f.symbol.writable.size > 0 ? (more.scopes ?? ["default"]) : []),
      parent: { symbol: f.symbol, ofs: f.ofs },
    });
  }
  addPredicate(name: string, expansion: string): LogicalSymbol {
    return this.add({ name, width: 1, level: uniqueLevel(parseExpression(expansion, { symbols: this })), predicate: expansion });
  }
  addControllerField(name: string, width: number): LogicalSymbol {
    return this.add({ name, width, level: "nominal", controllerField: true, writable: new Set(EVERYWHERE) });
  }
}
