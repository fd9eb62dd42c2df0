/** Parsers of actions about connections: ct_next, ct_commit, translation, load balancing, select. */

import type { FieldRef } from "../expr/fields.js";
import type { Lexer } from "../expr/lex.js";
import type { IntegerConstant } from "../expr/token.js";
import type { Address, Backend, LogicalAction, Zone } from "./ast.js";
import type { ActionReader } from "./context.js";

type CtNat = Extract<LogicalAction, { type: "ct_nat" }>;
type CtLb = Extract<LogicalAction, { type: "ct_lb" }>;

/** `dnat` or `snat` in parentheses. */
function zoneIn(r: ActionReader, name: string): Zone {
  const lexer: Lexer = r.lexer;
  let zone: Zone = "dnat";
  if (lexer.matchId("snat")) zone = "snat";
  else if (!lexer.matchId("dnat")) lexer.fail(`"${name}" action accepts only "dnat" or "snat" parameter.`);
  lexer.force(")");
  return zone;
}

/** With a zone, or without: then it is `dnat`, where zones are written at all. */
function optionalZone(r: ActionReader, name: string): Zone | undefined {
  if (r.lexer.match("(")) return zoneIn(r, name);
  return r.old ? undefined : "dnat";
}

export function parseCtNext(r: ActionReader): LogicalAction {
  r.checkNotLast("ct_next");
  r.require("ip");
  return { type: "ct_next", zone: optionalZone(r, "ct_next"), table: r.nextTable };
}

export function parseCtCommitToZone(r: ActionReader): LogicalAction {
  r.require("ip");
  r.checkNotLast("ct_commit_to_zone");
  r.lexer.force("(");
  return { type: "ct_commit_to_zone", zone: zoneIn(r, "ct_commit_to_zone"), table: r.nextTable };
}

export function parseCtCommitNat(r: ActionReader): LogicalAction {
  r.require("ip");
  r.checkNotLast(r.old ? "ct_commit_related" : "ct_commit_nat");
  return { type: "ct_commit_nat", zone: optionalZone(r, "ct_commit_nat"), table: r.nextTable };
}

/** `ct_commit(ct_mark=1/1, ct_label=2)`, as releases up to 24.03 had it. */
export function parseOldCtCommit(r: ActionReader): LogicalAction {
  const lexer: Lexer = r.lexer;
  r.require("ip");
  let mark: IntegerConstant | undefined;
  let label: IntegerConstant | undefined;
  lexer.force("(");
  const value = (): IntegerConstant => {
    lexer.force("=");
    const { type, value, mask, format } = lexer.token;
    if (type !== "integer" && type !== "masked") lexer.syntaxError("expecting integer");
    lexer.advance();
    return { value, mask: type === "masked" ? mask : undefined, format };
  };
  while (!lexer.match(")")) {
    if (lexer.matchId("ct_mark")) mark = value();
    else if (lexer.matchId("ct_label")) label = value();
    else lexer.syntaxError();
    lexer.match(",");
  }
  return { type: "ct_commit old", mark, label };
}

export function parseCtNat(r: ActionReader, name: CtNat["name"]): LogicalAction {
  const lexer: Lexer = r.lexer;
  r.require("ip");
  r.checkNotLast(name);
  let address: Address | undefined;
  let ports: CtNat["ports"];
  if (lexer.match("(")) {
    address = r.address();
    if (!address) lexer.syntaxError("expecting IPv4 or IPv6 address");
    lexer.advance();
    if (lexer.match(",")) ports = portRange(r);
    lexer.force(")");
  }
  return { type: "ct_nat", name, address, ports, table: r.nextTable };
}

function portRange(r: ActionReader): { low: number; high: number } {
  const lexer: Lexer = r.lexer;
  if (lexer.token.type !== "integer" || lexer.token.format !== "decimal") lexer.syntaxError("expecting Integer for port range");
  const low = Number(lexer.token.value & 0xffffn);
  if (low === 0) lexer.syntaxError("range can't be 0");
  lexer.advance();
  if (!lexer.match("-")) return { low, high: 0 };
  if (lexer.token.type !== "integer") lexer.syntaxError("expecting Integer for port range");
  const high = Number(lexer.token.value & 0xffffn);
  if (high <= low) lexer.syntaxError("range high should be greater than range low");
  lexer.advance();
  return { low, high };
}

export function parseCtLb(r: ActionReader, name: CtLb["name"]): LogicalAction {
  const lexer: Lexer = r.lexer;
  // OVN's text names ct_lb whichever of them it is.
  r.checkNotLast("ct_lb");
  r.require("ip");
  const backends: Backend[] = [];
  let hashFields = "";
  let flag: CtLb["flag"];
  if (lexer.match("(") && !lexer.match(")")) {
    if (!lexer.matchId("backends")) lexer.syntaxError("expecting backends");
    lexer.force("=");
    let closed = false;
    while (!lexer.match(";")) {
      closed = lexer.match(")");
      if (closed) break;
      backends.push(parseBackend(r, name === "ct_lb_mark_local"));
      lexer.match(",");
    }
    if (!closed && lexer.matchId("hash_fields")) {
      hashFields = parseHashFields(r);
      closed = !lexer.match(";");
      // As OVN has it, whatever stands here is taken for the parenthesis.
      if (closed) lexer.advance();
    }
    if (!closed) flag = parseFlag(lexer);
    // What is none of these is left for the end of the action to complain of.
  }
  return { type: "ct_lb", name, backends, hashFields, flag, table: r.nextTable };
}

function parseFlag(lexer: Lexer): CtLb["flag"] {
  const flag = lexer.matchId("skip_snat") ? "skip_snat" : lexer.matchId("force_snat") ? "force_snat" : undefined;
  if (flag) lexer.advance();
  return flag;
}

/** Behind the word: `="eth_src,ip_dst"`. */
function parseHashFields(r: ActionReader): string {
  const { lexer } = r;
  if (!lexer.match("=") || lexer.token.type !== "string") lexer.syntaxError("invalid hash_fields");
  const { text } = lexer.token;
  lexer.advance();
  return text;
}

/** `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`; local ones with `"port":` before. */
function parseBackend(r: ActionReader, local: boolean): Backend {
  const lexer: Lexer = r.lexer;
  let logicalPort: string | undefined;
  if (local) {
    logicalPort = r.string("expecting logical port name for distributed load balancer");
    lexer.force(":");
  }
  const brackets = lexer.match("[");
  const address = r.address();
  if (!address || (brackets && address.family !== 6)) lexer.syntaxError(brackets ? "expecting IPv6 address" : "expecting IP address");
  lexer.advance();
  if (brackets && !lexer.match("]")) lexer.syntaxError("no closing square bracket");
  let port = 0;
  if (lexer.match(":")) {
    if (!brackets && address.family === 6) lexer.syntaxError("IPv6 address needs square brackets if port is included");
    port = r.uint16("port number");
  }
  return logicalPort === undefined ? { address, port } : { logicalPort, address, port };
}

/** `dst = select(1=50, 2; hash…)`: the function's name is the current token. */
export function parseSelect(r: ActionReader, dst: FieldRef): LogicalAction {
  const lexer: Lexer = r.lexer;
  r.check(dst, dst.bits, true);
  if (dst.bits < 16)
    lexer.fail(
      `cannot use ${dst.bits}-bit field ${dst.symbol.name}[${dst.ofs}..${dst.ofs + dst.bits - 1}] for "select", which requires at least 16 bits.`,
    );
  r.checkNotLast("select");
  r.skipCall();
  const values = lexer.matchId("values");
  if (values) {
    lexer.force("=");
    lexer.force("(");
  }
  const members: { id: number; weight: number }[] = [];
  while (!lexer.match(")")) {
    const id = r.uint16("id");
    let weight = 100;
    if (lexer.match("=")) {
      weight = r.uint16("weight");
      if (weight === 0) lexer.syntaxError("weight can't be 0");
    }
    lexer.match(",");
    members.push({ id, weight });
  }
  if (members.length <= 1) lexer.syntaxError("expecting at least 2 group members");
  let hashFields = "";
  if (values) {
    lexer.force(";");
    if (!lexer.matchId("hash_fields")) lexer.syntaxError("expecting hash_fields");
    hashFields = parseHashFields(r);
    lexer.force(")");
  }
  return { type: "select", dst, members, hashFields, table: r.nextTable };
}
