/**
 * One rule of nft's text form as statements.
 *
 * Promise: what is understood before an unknown word stands; from that word on the rule is an opaque match and an opaque
 * effect, so that packets which pass what stands before it end as unknown, and no others.
 * Sources: nft(8); nftables 1.1 src/parser_bison.y, and the text that 1.0.6 and 1.1.3 print for iptables-nft's rules.
 */
import type { MapKey, Statement } from "../ast.js";
import { Cursor, NotUnderstood, type Token } from "./nft-lex.js";
import { markExpression } from "./nft-marks.js";
import { matchStatement } from "./nft-match.js";
import { interfaceNat, mapKey, natStatement } from "./nft-nat.js";
import { rejectStatement } from "./nft-reject.js";
import { lottery, selectorList } from "./nft-selectors.js";
import { braced, dataElements, verdictElements } from "./nft-sets.js";
import { type Kind, kindOf, typedValue } from "./nft-values.js";
import { number } from "./values.js";

interface RuleText {
  readonly list: readonly Token[];
  /** A command that shows the rule's chain. */
  readonly command: string;
}

/** Statements of a rule; `why` is what was not understood, if anything. */
export function parseRule(rule: RuleText): { statements: Statement[]; why: string | null } {
  const c = new Cursor(rule.list);
  const statements: Statement[] = [];
  try {
    while (!c.done) statements.push(...statement(c));
    return { statements, why: null };
  } catch (e) {
    if (!(e instanceof NotUnderstood)) throw e;
    const why = `not understood: ${e.message}`;
    return {
      statements: [...statements, { s: "opaque", why, command: rule.command }, { s: "opaqueEffect", why, command: rule.command }],
      why,
    };
  }
}

function statement(c: Cursor): Statement[] {
  const start = c.position;
  const word = c.peek();
  switch (word) {
    case "accept":
    case "drop":
    case "return":
    case "continue":
      c.next();
      return [{ s: "verdict", verdict: { v: word } }];
    case "jump":
    case "goto":
      c.next();
      return [{ s: "verdict", verdict: { v: word, chain: c.next().text } }];
    case "counter":
      c.next();
      if (c.take("packets")) {
        c.next();
        c.expect("bytes");
        c.next();
      } else if (c.take("name")) c.next();
      return [];
    case "comment":
      c.next();
      c.next();
      return [];
    case "log":
      c.next();
      return [{ s: "note", text: logText(c, start) }];
    case "notrack":
      c.next();
      return [{ s: "notrack" }];
    case "last":
      c.next();
      if (c.take("used")) c.next();
      return [];
    case "limit":
    case "quota":
      return [rate(c, start)];
    case "reject":
      c.next();
      return rejectStatement(c);
    case "masquerade":
    case "redirect":
      return [interfaceNat(c, word)];
    case "snat":
    case "dnat":
      return natStatement(c, word);
    case "flow":
      skipAll(c);
      return [{ s: "note", text: c.between(start, c.position) }];
    case "add":
    case "update":
    case "delete":
      if (c.peek(1).startsWith("@")) return [dynamicSet(c, start)];
      break;
    case "xt":
      return xtables(c);
  }
  const gate = lotteryStatement(c);
  if (gate) return gate;
  if (word === "ct" && c.peek(1) === "count") {
    c.next();
    return [rate(c, start)];
  }
  if ((word === "meta" || word === "ct" || word === "ip" || word === "ip6" || word === "mark") && setsSomething(c))
    return setStatement(c, start);
  if (word === "meta" && ["time", "hour", "day", "skuid", "skgid", "cgroup", "cpu", "random"].includes(c.peek(1)))
    return [outsideMatch(c, start, c.peek(1))];
  if (word === "skuid" || word === "skgid") return [outsideMatch(c, start, word)];
  const selectors = selectorList(c);
  if (!selectors) throw new NotUnderstood(`'${c.rest()}'`);
  return [...selectors.implied, ...matchStatement(c, selectors)];
}

function skipAll(c: Cursor): void {
  while (!c.done) c.next();
}

function logText(c: Cursor, start: number): string {
  for (
    let w = c.take("prefix", "level", "group", "snaplen", "queue-threshold", "flags");
    w;
    w = c.take("prefix", "level", "group", "snaplen", "queue-threshold", "flags")
  ) {
    const v = c.next().text;
    if (w === "flags" && (v === "tcp" || v === "ip")) {
      c.next();
      while (c.take(",")) c.next();
    }
  }
  return c.between(start, c.position);
}

const RATE_WORDS = new Set(["rate", "over", "until", "burst", "packets", "bytes", "kbytes", "mbytes", "name", "used", "count"]);

/** `limit rate over 10/second burst 5 packets`, `quota over 1 mbytes used 0 bytes`, `ct count over 20`. */
function rate(c: Cursor, start: number): Statement {
  c.next();
  while (!c.done) {
    const t = c.peek();
    if (RATE_WORDS.has(t) || /^\w+\/\w+$|^\d+$/.test(t)) c.next();
    else if (c.position > start + 1 && c.between(c.position - 1, c.position) === "name") c.next();
    else break;
  }
  return { s: "outside", how: c.between(start, c.position) };
}

/** Adding to a set is of no effect on this packet, but a rate inside the braces decides. */
function dynamicSet(c: Cursor, start: number): Statement {
  c.next();
  c.next();
  let limited = false;
  if (c.take("{")) {
    for (let depth = 1; depth > 0; ) {
      const t = c.next().text;
      if (t === "{") depth++;
      else if (t === "}") depth--;
      else if (t === "limit" || t === "count" || t === "quota") limited = true;
    }
  }
  const text = c.between(start, c.position);
  return limited ? { s: "outside", how: text } : { s: "note", text };
}

/** iptables-nft's matches and targets that nft has no words for. */
function xtables(c: Cursor): Statement[] {
  c.next();
  const kind = c.next().text;
  const name = c.next().text;
  return lostXtables(kind, name);
}

/** iptables' own tool shows them whole. */
function lostXtables(kind: string, name: string): Statement[] {
  const save = "iptables-save";
  if (kind === "match")
    return name === "comment" ? [] : [{ s: "opaque", why: `iptables match ${name}, of which nft prints the name only`, command: save }];
  if (["LOG", "NFLOG", "TRACE", "CHECKSUM", "TCPMSS"].includes(name)) return [{ s: "note", text: `iptables target ${name}` }];
  return [{ s: "opaqueEffect", why: `iptables target ${name}, of which nft prints the name only`, command: save }];
}

/** `numgen … vmap { … }`, `numgen random mod 10 < 3`. */
function lotteryStatement(c: Cursor): Statement[] | null {
  const draw = lottery(c);
  if (!draw) return null;
  if (c.take("vmap")) {
    if (c.peek().startsWith("@")) return [{ s: "vmap", key: { lottery: draw }, map: { name: c.next().text.slice(1) } }];
    const elements = verdictElements(braced(c), ["number"]);
    if (typeof elements === "string") throw new NotUnderstood(elements);
    return [{ s: "vmap", key: { lottery: draw }, map: { elements } }];
  }
  const not = c.take("!=", "==", "<", "<=", ">", ">=");
  const n = number(c.next().text);
  if (n === null) throw new NotUnderstood(`${draw.how} compared with something else than a number`);
  const at = n - draw.offset;
  const hits =
    not === "<"
      ? at
      : not === "<="
        ? at + 1
        : not === ">"
          ? draw.modulus - at - 1
          : not === ">="
            ? draw.modulus - at
            : not === "!="
              ? draw.modulus - 1
              : 1;
  return [{ s: "chance", how: draw.how, share: Math.max(0, Math.min(draw.modulus, hits)), of: draw.modulus }];
}

/** Clocks, sockets' owners: their answer is in no dump. */
function outsideMatch(c: Cursor, start: number, key: string): Statement {
  if (c.take("meta")) c.next();
  else c.next();
  c.take("==", "!=", "<", "<=", ">", ">=");
  if (c.peek() === "{") braced(c);
  else {
    c.next();
    while (c.take("-", ",")) c.next();
  }
  return {
    s: "outside",
    how: c.between(start, c.position),
    ...((key === "skuid" || key === "skgid" || key === "cgroup") && { local: true }),
  };
}

/** Looks ahead for `… set`. */
function setsSomething(c: Cursor): boolean {
  if (c.peek() === "mark") return c.peek(1) === "set";
  return c.peek(2) === "set";
}

function setStatement(c: Cursor, start: number): Statement[] {
  const bare = c.take("mark") !== null;
  const group = bare ? "meta" : c.next().text;
  const key = bare ? "mark" : c.next().text;
  c.expect("set");
  const what = `${group} ${key}`;
  if (what === "meta mark" || what === "ct mark") {
    const drawn = c.peek() === "numgen" || c.peek() === "jhash" || c.peek() === "symhash" ? lottery(c) : null;
    const mk: MapKey | null = drawn ? { lottery: drawn } : mapKey(c);
    if (mk) {
      c.expect("map");
      const kinds: Kind[] = "lottery" in mk ? ["number"] : mk.selectors.map(kindOf);
      if (c.peek().startsWith("@")) return [{ s: "markMap", dst: what, key: mk, map: { name: c.next().text.slice(1) } }];
      const elements = dataElements(braced(c), kinds, ["mark"]);
      if (typeof elements === "string") throw new NotUnderstood(elements);
      return [{ s: "markMap", dst: what, key: mk, map: { elements } }];
    }
    const value = markExpression(c);
    if (!value) throw new NotUnderstood(`'${c.rest()}' behind '${what} set'`);
    return [{ s: "mark", dst: what, value }];
  }
  if (
    what === "ip dscp" ||
    what === "ip6 dscp" ||
    what === "ip ttl" ||
    what === "ip6 hoplimit" ||
    what === "ip ecn" ||
    what === "ip6 ecn"
  ) {
    const v = typedValue(kindOf(what), c.next().text);
    if (!v) throw new NotUnderstood(`the value of '${what} set'`);
    return [{ s: "set", selector: what, value: v }];
  }
  if (["meta nftrace", "meta priority", "ct helper", "ct event", "ct timeout", "meta secmark", "ct secmark"].includes(what)) {
    c.next();
    while (c.take(":", ",")) c.next();
    return [{ s: "note", text: c.between(start, c.position) }];
  }
  throw new NotUnderstood(`'${what} set'`);
}
