/**
 * The parser of OVN's match language (ovn-sb(5), Logical_Flow, "match"; lib/expr.c of OVN), with OVN's error texts.
 */
import { booleanExpr, type Comparison, type Condition, combine, type Expr, negated, type Relop, turned } from "./ast.js";
import type { FieldRef, SymbolSource } from "./fields.js";
import { Lexer } from "./lex.js";
import type { IntegerConstant } from "./token.js";

/** What `$name` and `@name` stand for. */
export interface Sets {
  /** Constants as the database has them: `10.0.0.0/8`. */
  readonly addressSets?: ReadonlyMap<string, readonly IntegerConstant[]> | undefined;
  /** Names of ports. */
  readonly portGroups?: ReadonlyMap<string, readonly string[]> | undefined;
  /**
   * Tunnel key of the datapath whose flow it is: its part of the group `pg` is stored as `KEY_pg` (lib/ovn-util.c,
   * get_sb_port_group_name); without it, or where there is none, `pg` itself is looked for.
   */
  readonly datapath?: number | undefined;
}
export interface ParseContext extends Sets {
  readonly symbols: SymbolSource;
}

/** Constants of one kind. */
export type ConstantSet = { readonly curly: boolean } & (
  | { readonly kind: "integer"; readonly values: readonly IntegerConstant[] }
  | { readonly kind: "string"; readonly values: readonly string[] }
);

const DEEPEST_PARENTHESES = 100;
const RELOPS: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">="]);

/** An expression; throws {@link OvnSyntaxError} with OVN's text. */
export function parseExpression(text: string, context: ParseContext): Expr {
  const lexer = new Lexer(text);
  const e = new ExpressionParser(lexer, context).expression();
  lexer.forceEnd();
  return e;
}

/** An address set's elements as constants, by value as OVN orders them; an element that is none is left out, as OVN does. */
export function addressSetConstants(elements: readonly string[]): IntegerConstant[] {
  const out: IntegerConstant[] = [];
  for (const text of elements) {
    const t = new Lexer(text).token;
    if (t.type === "integer" || t.type === "masked")
      out.push({ value: t.value, mask: t.type === "masked" ? t.mask : undefined, format: t.format });
  }
  return out.sort((a, b) => (a.value < b.value ? -1 : a.value > b.value ? 1 : 0));
}

/** `name`, `name[3]` or `name[0..7]`. */
export function parseField(lexer: Lexer, symbols: SymbolSource): FieldRef {
  const symbol = lexer.token.type === "id" ? symbols.find(lexer.token.text) : undefined;
  if (!symbol) lexer.syntaxError("expecting field name");
  lexer.advance();
  if (!lexer.match("[")) return { symbol, ofs: 0, bits: symbol.width };
  if (symbol.width === 0) lexer.fail(`Cannot select subfield of string field ${symbol.name}.`);
  const low = lexer.forceInt();
  const high = lexer.match("..") ? lexer.forceInt() : low;
  lexer.force("]");
  if (low > high) lexer.fail(`Invalid bit range ${low} to ${high}.`);
  if (high >= symbol.width) lexer.fail(`Cannot select bits ${low} to ${high} of ${symbol.width}-bit field ${symbol.name}.`);
  if (symbol.level === "nominal" && (low !== 0 || high !== symbol.width - 1))
    lexer.fail(`Cannot select subfield of nominal field ${symbol.name}.`);
  return { symbol, ofs: low, bits: high - low + 1 };
}

/** One constant, `{…}` around several, `$set` or `@group`. */
export function parseConstantSet(lexer: Lexer, sets: Sets = {}): ConstantSet {
  const curly = lexer.match("{");
  const found = new Constants(lexer, sets);
  if (!curly) found.one();
  else
    do {
      found.one();
      lexer.match(",");
    } while (!lexer.match("}"));
  return found.result(curly);
}

/** One constant that fits a field. */
export function parseConstant(lexer: Lexer, f: FieldRef): IntegerConstant | string {
  const found = new Constants(lexer, {});
  found.one();
  const set = found.result(false);
  checkType(lexer, f, set);
  return set.values[0]!;
}

class Constants {
  private kind: "integer" | "string" = "integer";
  private readonly integers: IntegerConstant[] = [];
  private readonly strings: string[] = [];

  constructor(
    private readonly lexer: Lexer,
    private readonly sets: Sets,
  ) {}

  one(): void {
    const lexer: Lexer = this.lexer;
    const { token } = lexer;
    switch (token.type) {
      case "string":
        this.become("string");
        this.strings.push(token.text);
        break;
      case "integer":
      case "masked":
        this.become("integer");
        this.integers.push({ value: token.value, mask: token.type === "masked" ? token.mask : undefined, format: token.format });
        break;
      case "macro": {
        const set = this.sets.addressSets?.get(token.text);
        if (!set) lexer.syntaxError("expecting address set name");
        this.become("integer");
        for (const c of set) this.integers.push(c);
        break;
      }
      case "port group": {
        const { portGroups, datapath } = this.sets;
        const group = portGroups?.get(`${datapath}_${token.text}`) ?? portGroups?.get(token.text);
        if (!group) lexer.syntaxError("expecting port group name");
        this.become("string");
        for (const port of group) this.strings.push(port);
        break;
      }
      default:
        lexer.syntaxError("expecting constant");
    }
    lexer.advance();
  }

  private become(kind: "integer" | "string"): void {
    if (this.integers.length + this.strings.length > 0 && this.kind !== kind) this.lexer.syntaxError(`expecting ${this.kind}`);
    this.kind = kind;
  }

  result(curly: boolean): ConstantSet {
    return this.kind === "integer" ? { kind: "integer", values: this.integers, curly } : { kind: "string", values: this.strings, curly };
  }
}

/** Bits that a constant needs at least. */
function constantWidth(c: IntegerConstant): number {
  const bitLength = (v: bigint) => (v === 0n ? 0 : v.toString(2).length);
  if (c.mask !== undefined) return bitLength(c.mask);
  switch (c.format) {
    case "ipv4":
      return 32;
    case "ipv6":
      return 128;
    case "ethernet":
      return 48;
    default:
      return bitLength(c.value);
  }
}

function checkType(lexer: Lexer, f: FieldRef, set: ConstantSet): void {
  const { symbol } = f;
  if (set.kind !== (symbol.width > 0 ? "integer" : "string"))
    lexer.fail(`${symbol.width > 0 ? "Integer" : "String"} field ${symbol.name} is not compatible with ${set.kind} constant.`);
  if (set.kind === "string") return;
  for (const c of set.values) {
    const w = constantWidth(c);
    if (w > symbol.width) lexer.fail(`${w}-bit constant is not compatible with ${symbol.width}-bit field ${symbol.name}.`);
  }
}

/** A part of an expression, and whether `!` may stand before it without parentheses. */
interface Primary {
  readonly e: Expr;
  readonly atomic: boolean;
}

export class ExpressionParser {
  /** Inside of an odd number of `!`. */
  private not = false;
  private depth = 0;

  constructor(
    private readonly lexer: Lexer,
    private readonly context: ParseContext,
  ) {}

  expression(): Expr {
    const { lexer } = this;
    let e = this.negatable();
    const op = lexer.token.type;
    if (op !== "&&" && op !== "||") return e;
    lexer.advance();
    const subs: Expr[] = [e];
    do subs.push(this.negatable());
    while (lexer.match(op));
    const after: string = lexer.token.type;
    if (after === "&&" || after === "||") lexer.fail("&& and || must be parenthesized when used together.");
    const type = op === "&&" ? "and" : "or";
    e = { type, subs: subs.flatMap((s) => (s.type === type ? s.subs : [s])) };
    return e;
  }

  private negatable(): Expr {
    if (!this.lexer.match("!")) return this.primary().e;
    this.not = !this.not;
    const { e, atomic } = this.primary();
    this.not = !this.not;
    if (!atomic) this.lexer.fail("Missing parentheses around operand of !.");
    return negated(e);
  }

  private primary(): Primary {
    const { lexer } = this;
    if (lexer.match("(")) {
      if (this.depth >= DEEPEST_PARENTHESES) lexer.fail("Parentheses nested too deeply.");
      this.depth++;
      const e = this.expression();
      this.depth--;
      lexer.force(")");
      return { e, atomic: true };
    }
    return lexer.token.type === "id" ? this.fieldFirst() : this.constantFirst();
  }

  /** `field relop constants`, a field alone, or a function. */
  private fieldFirst(): Primary {
    const { lexer } = this;
    if (lexer.lookahead() === "(") {
      if (!lexer.matchId("is_chassis_resident")) lexer.fail("parsing function name");
      lexer.advance();
      return { e: this.chassisResident(), atomic: true };
    }
    const f = parseField(lexer, this.context.symbols);
    const op = lexer.token.type;
    if (RELOPS.has(op)) {
      lexer.advance();
      return { e: this.comparison(f, op as Relop, parseConstantSet(lexer, this.context)), atomic: false };
    }
    if (f.bits === 0 || op === "=") lexer.syntaxError("expecting relational operator");
    if (f.bits > 1 && !this.not) lexer.fail("Explicit `!= 0' is required for inequality test of multibit field against 0.");
    const zero: IntegerConstant = { value: 0n, mask: undefined, format: "hexadecimal" };
    return { e: this.comparison(f, "!=", { kind: "integer", values: [zero], curly: false }), atomic: true };
  }

  /** `0`, `1`, `constants relop field`, or a range `1 < field < 4`. */
  private constantFirst(): Primary {
    const { lexer } = this;
    const c1 = parseConstantSet(lexer, this.context);
    if (!RELOPS.has(lexer.token.type) && c1.kind === "integer" && c1.values.length === 1 && !c1.curly) {
      const c = c1.values[0]!;
      if (c.format === "decimal" && c.mask === undefined && c.value <= 1n) return { e: booleanExpr(c.value === 1n), atomic: true };
    }
    const r1 = this.relop();
    const f = parseField(lexer, this.context.symbols);
    if (!RELOPS.has(lexer.token.type)) return { e: this.comparison(f, turned(r1), c1), atomic: false };
    const r2 = this.relop();
    const c2 = parseConstantSet(lexer, this.context);
    if (!((r1[0] === "<" && r2[0] === "<") || (r1[0] === ">" && r2[0] === ">")))
      lexer.fail(
        "Range expressions must have the form `x < field < y' or `x > field > y', with each `<' optionally replaced by `<=' or `>' by `>=').",
      );
    return { e: combine("and", this.comparison(f, turned(r1), c1), this.comparison(f, r2, c2)), atomic: false };
  }

  private relop(): Relop {
    const { type } = this.lexer.token;
    if (!RELOPS.has(type)) this.lexer.syntaxError("expecting relational operator");
    this.lexer.advance();
    return type as Relop;
  }

  private chassisResident(): Condition {
    const { lexer } = this;
    if (lexer.token.type !== "string") lexer.syntaxError("expecting string");
    const port = lexer.token.text;
    lexer.advance();
    lexer.force(")");
    return { type: "condition", port, not: false };
  }

  /** The comparison with each constant: `==` any of them, `!=` all. */
  private comparison(f: FieldRef, relop: Relop, set: ConstantSet): Expr {
    const { lexer } = this;
    const { symbol } = f;
    checkType(lexer, f, set);
    const equality = relop === "==" || relop === "!=";
    if (!equality) {
      if (set.curly) lexer.fail("Only == and != operators may be used with value sets.");
      if (symbol.level === "nominal" || symbol.level === "boolean")
        lexer.fail(`Only == and != operators may be used with ${symbol.level === "nominal" ? "nominal" : "Boolean"} field ${symbol.name}.`);
      if (set.values.length === 0) lexer.fail("Only == and != operators may be used to compare a field against an empty value set.");
      if (set.kind === "integer" && set.values[0]!.mask !== undefined)
        lexer.fail(
          "Only == and != operators may be used with masked constants.  Consider using subfields instead (e.g. eth.src[0..15] > 0x1111 in place of eth.src > 00:00:00:00:11:11/00:00:00:00:ff:ff).",
        );
    }
    if (symbol.level === "nominal") this.checkNominal(f, relop, set);
    const cmps: Comparison[] =
      set.kind === "integer"
        ? set.values.map((c) => integerComparison(f, relop, c))
        : set.values.map((text) => ({ type: "cmp", symbol, relop, value: 0n, mask: 0n, text }));
    if (cmps.length === 0) return booleanExpr(relop === "!=");
    return cmps.length === 1 ? cmps[0]! : { type: relop === "==" ? "or" : "and", subs: cmps };
  }

  /** Nominal fields are tested positively only: their negation has no rows. */
  private checkNominal({ symbol }: FieldRef, relop: Relop, set: ConstantSet): void {
    const { lexer } = this;
    const name = symbol.name;
    if (symbol.predicate === undefined) {
      if (relop !== (this.not ? "!=" : "=="))
        lexer.fail(`Nominal field ${name} may only be tested for equality (taking enclosing \`!' operators into account).`);
    } else if (set.kind === "integer")
      for (const c of set.values) {
        const positive = (((c.value & 1n) === 1n) !== (relop === "!=")) !== this.not;
        if (!positive)
          lexer.fail(
            `Nominal predicate ${name} may only be tested positively, e.g. \`${name}' or \`${name} == 1' but not \`!${name}' or \`${name} == 0'.`,
          );
      }
  }
}

function integerComparison(f: FieldRef, relop: Relop, c: IntegerConstant): Comparison {
  const low = (1n << BigInt(f.bits)) - 1n;
  const ofs = BigInt(f.ofs);
  const mask = ((c.mask ?? low) & low) << ofs;
  return { type: "cmp", symbol: f.symbol, relop, value: (c.value & low) << ofs, mask, text: "" };
}
