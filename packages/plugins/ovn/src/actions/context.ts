/** What parsers of actions have in common: the text, where the flow stands, and the prerequisites gathered on the way. */
import { ipv4Number, ipv6Number } from "@plumbline/model";
import { prerequisites } from "../expr/annotate.js";
import { combine, type Expr } from "../expr/ast.js";
import { type FieldRef, fieldComplaint, type WriteScope } from "../expr/fields.js";
import type { Lexer } from "../expr/lex.js";
import type { SymbolRelease } from "../expr/logical-fields.js";
import { parseExpression, parseField } from "../expr/parse.js";
import type { SymbolTable } from "../expr/symbols.js";
import type { TokenType } from "../expr/token.js";
import type { Address, Endpoint, Pipeline } from "./ast.js";
import type { OptionTable } from "./options.js";

export interface ActionContext {
  readonly symbols: SymbolTable;
  /** Where the flow stands. */
  readonly pipeline: Pipeline;
  readonly table: number;
  /** Tables of a pipeline. */
  readonly tables: number;
  /** Whose actions they are: as of this release and until the next. */
  readonly release: SymbolRelease;
  /** Options of DHCP and DHCPv6 as the southbound database names them (DHCP_Options, DHCPv6_Options); by default all that OVN knows. */
  readonly dhcpOptions?: OptionTable;
  readonly dhcpv6Options?: OptionTable;
}

export const DEEPEST_NESTING = 32;

export class ActionReader {
  prereqs: Expr | undefined;

  constructor(
    readonly lexer: Lexer,
    readonly context: ActionContext,
    /** What may be written here. */
    readonly scope: WriteScope,
    readonly depth: number,
  ) {}

  get old(): boolean {
    return this.context.release === "21.12";
  }

  /** `text` must hold wherever the action runs. */
  require(text: string): void {
    const { symbols } = this.context;
    let e = symbols.parsed.get(text);
    if (!e) {
      e = parseExpression(text, { symbols });
      symbols.parsed.set(text, e);
    }
    this.prereqs = combine("and", this.prereqs, e);
  }

  /** A field or part of one, of any kind; with what it requires. */
  anyField(): FieldRef {
    const { lexer } = this;
    const f = parseField(lexer, this.context.symbols);
    if (f.symbol.predicate !== undefined) lexer.fail(`Predicate symbol ${f.symbol.name} used where lvalue required.`);
    const needs = prerequisites(f.symbol, this.context.symbols);
    if (needs) this.prereqs = combine("and", this.prereqs, needs);
    return f;
  }
  /** A field of `bits` bits (0: a string). */
  field(bits: number): FieldRef {
    const f = this.anyField();
    this.check(f, bits, false);
    return f;
  }
  check(f: FieldRef, bits: number, write: boolean): void {
    const complaint = fieldComplaint(f, bits, write ? this.scope : undefined);
    if (complaint !== undefined) this.lexer.fail(complaint);
  }
  /** A result goes here: one bit that may be written. */
  checkBit(f: FieldRef): void {
    this.check(f, 1, true);
  }

  uint16(what: string): number {
    const { lexer } = this;
    if (!lexer.isInt() || lexer.token.value > 0xffffn) lexer.syntaxError(`expecting ${what}`);
    const n = Number(lexer.token.value);
    lexer.advance();
    return n;
  }
  uint32(what: string): number {
    const { lexer } = this;
    const { type, format, value } = lexer.token;
    if (type !== "integer" || format !== "decimal" || value > 0xffffffffn) lexer.syntaxError(`expecting ${what}`);
    lexer.advance();
    return Number(value);
  }
  /** What the current token is if it is an address; does not go on. */
  address(): Address | undefined {
    const { type, format, value } = this.lexer.token;
    if (type !== "integer" || (format !== "ipv4" && format !== "ipv6")) return undefined;
    return { family: format === "ipv4" ? 4 : 6, value };
  }
  string(what: string): string {
    const { lexer } = this;
    if (lexer.token.type !== "string") lexer.syntaxError(what);
    const { text } = lexer.token;
    lexer.advance();
    return text;
  }
  /** `"true"` or `true`. */
  matchWord(word: string): boolean {
    const { type, text } = this.lexer.token;
    if ((type !== "string" && type !== "id") || text !== word) return false;
    this.lexer.advance();
    return true;
  }
  /** The name of a function behind `dst =`, and its parenthesis: both known to be there. */
  skipCall(): void {
    this.lexer.advance();
    this.lexer.advance();
  }
  /** Flows of the last table have no next one. */
  checkNotLast(name: string): void {
    if (this.context.table >= this.context.tables) this.lexer.fail(`"${name}" action not allowed in last table.`);
  }
  get nextTable(): number {
    return this.context.table + 1;
  }
  lookaheadIs(type: TokenType): boolean {
    return this.lexer.lookahead() === type;
  }
}

/** `192.0.2.1:80`, `[2001:db8::1]:80` or an address alone, as keys of load balancers are; undefined if it is none. A bracket may stay open, as in OVS. */
export function endpoint(text: string): Endpoint | undefined {
  const m = /^(?:\[([^\]]*)\]?|([0-9.]+))(?::(\d+))?$/.exec(text.trim());
  const address = addressOf(m ? (m[1] ?? m[2] ?? "") : text.trim());
  const port = Number(m?.[3] ?? 0);
  return address && port <= 0xffff ? { address, port } : undefined;
}

export function addressOf(text: string): Address | undefined {
  const v4 = ipv4Number(text);
  if (v4 !== null) return { family: 4, value: BigInt(v4) };
  const v6 = ipv6Number(text);
  return v6 === null ? undefined : { family: 6, value: v6 };
}
