/**
 * One rule of nft's text form as statements.
 *
 * Promise: what is understood before an unknown word stands; from that word on the rule is an opaque match and an opaque
 * effect, so that packets which pass what stands before it end as unknown, and no others.
 * Sources: nft(8); nftables 1.1 src/parser_bison.y, and the text that 1.0.6 and 1.1.3 print for iptables-nft's rules.
 */
import type { DataElement, MapKey, Statement } from "../ast.js";
import { beyondThePacket } from "./nft-beyond.js";
import { Cursor, NotUnderstood, type Token } from "./nft-lex.js";
import { markExpression } from "./nft-marks.js";
import { matchStatement } from "./nft-match.js";
import { interfaceNat, mapKey, natStatement } from "./nft-nat.js";
import { rawEthernet } from "./nft-raw.js";
import { rejectStatement } from "./nft-reject.js";
import { lottery, selectorList } from "./nft-selectors.js";
import { braced, dataElements, verdictElements } from "./nft-sets.js";
import { type Kind, kindOf, typedValue } from "./nft-values.js";
import { exact, number } from "./values.js";

/** What the last of a rule's statements that do something is called. */
export function targetOf(statements: readonly Statement[]): string {
  for (let i = statements.length - 1; i >= 0; i--) {
    const s = statements[i];
    switch (s.s) {
      case "verdict":
        return s.verdict.v === "jump" || s.verdict.v === "goto" ? `${s.verdict.v} ${s.verdict.chain}` : s.verdict.v;
      case "nat":
        return s.to === "given" ? (s.type === "dst" ? "dnat" : "snat") : s.to;
      case "natMap":
        return s.to === "given" ? (s.type === "dst" ? "dnat" : "snat") : s.to;
      case "netmap":
        return "netmap";
      case "vmap":
      case "reject":
      case "notrack":
        return s.s;
      case "mark":
      case "markMap":
        return `${s.dst} set`;
      case "set":
        return `${s.selector} set`;
      default:
    }
  }
  return "";
}

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
      return interfaceNat(c, word);
    case "snat":
    case "dnat":
      return natStatement(c, word);
    case "flow":
    case "dup":
      // Packets of an established connection may pass by the hooks in a flowtable; which ones is not followed.
      skipAll(c);
      return [{ s: "note", text: c.between(start, c.position) }];
    case "queue":
      skipAll(c);
      return [{ s: "handed", how: `${c.between(start, c.position)}: the program at the queue` }];
    case "tproxy":
      c.next();
      c.take("ip", "ip6");
      c.expect("to");
      c.next();
      return [{ s: "outside", usual: false, how: `${c.between(start, c.position)}: whether a socket listens there` }];
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
  const beyond = rawEthernet(c) ?? beyondThePacket(c) ?? routeQuestion(c);
  if (beyond) return beyond;
  if (word === "ct" && c.peek(1) === "count") {
    c.next();
    return [rate(c, start)];
  }
  if ((word === "meta" || word === "ct" || word === "ip" || word === "ip6" || word === "mark") && setsSomething(c))
    return setStatement(c, start);
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
  const how = c.between(start, c.position);
  return { s: "outside", how, usual: !/\bover\b/.test(how) };
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
  return limited ? { s: "outside", how: text, usual: !/\bover\b/.test(text) } : { s: "note", text };
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

/** `fib saddr . iif oif missing`, `fib daddr oif "eth0"`, `fib saddr check exists`; null if it is none. */
function routeQuestion(c: Cursor): Statement[] | null {
  const start = c.position;
  if (c.take("fib") === null) return null;
  const keys = [c.next().text];
  while (c.take(".")) keys.push(c.next().text);
  const result = c.next().text;
  if (result !== "oif" && result !== "oifname" && result !== "check") {
    c.seek(start);
    return null;
  }
  const ends = keys.filter((k) => k === "saddr" || k === "daddr");
  const iface = keys.includes("iif") ? "in" : keys.includes("oif") ? "out" : null;
  if (ends.length !== 1 || keys.some((k) => !["saddr", "daddr", "iif", "oif", "mark"].includes(k)))
    throw new NotUnderstood(`'${c.rest()}' behind 'fib'`);
  const not = c.take("==", "!=") === "!=";
  const value = c.next().text;
  const absent = value === "missing" || value === "0" || value === "";
  const present = value === "exists" || value === "1";
  const how = c.between(start, c.position);
  const end = ends[0] === "saddr" ? "src" : "dst";
  if (absent || present) return [{ s: "route", how, end, iface, wants: absent !== not ? "missing" : "exists", local: false }];
  if (not || iface !== null) throw new NotUnderstood(`'${how}'`);
  return [{ s: "route", how, end, iface, wants: { device: value }, local: false }];
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

/** Looks ahead for `… set`. */
function setsSomething(c: Cursor): boolean {
  if (c.peek() === "mark") return c.peek(1) === "set";
  return c.peek(2) === "set";
}

/** Marks that a draw may give. */
const DRAWN_MARKS = 256;

function setStatement(c: Cursor, start: number): Statement[] {
  const bare = c.take("mark") !== null;
  const group = bare ? "meta" : c.next().text;
  const key = bare ? "mark" : c.next().text;
  c.expect("set");
  const what = `${group} ${key}`;
  if (what === "meta mark" || what === "ct mark") {
    const drawn = c.peek() === "numgen" || c.peek() === "jhash" || c.peek() === "symhash" ? lottery(c) : null;
    if (drawn && c.peek() !== "map") {
      // The number itself is the mark.
      if (drawn.modulus > DRAWN_MARKS) throw new NotUnderstood(`'${drawn.how}' as a mark`);
      const drawnMarks = Array.from({ length: drawn.modulus }, (_, i): DataElement => {
        const n = exact(drawn.offset + i);
        return { key: [n], data: [n], text: String(drawn.offset + i), line: c.line };
      });
      return [{ s: "markMap", dst: what, key: { lottery: drawn }, map: { elements: drawnMarks } }];
    }
    const implied: Statement[] = [];
    const mk: MapKey | null = drawn ? { lottery: drawn } : mapKey(c, implied);
    if (mk) {
      c.expect("map");
      const kinds: Kind[] = "lottery" in mk ? ["number"] : mk.selectors.map(kindOf);
      if (c.peek().startsWith("@")) return [...implied, { s: "markMap", dst: what, key: mk, map: { name: c.next().text.slice(1) } }];
      const elements = dataElements(braced(c), kinds, ["mark"]);
      if (typeof elements === "string") throw new NotUnderstood(elements);
      return [...implied, { s: "markMap", dst: what, key: mk, map: { elements } }];
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
  if (what === "ct zone") {
    const n = number(c.next().text);
    if (n === null) throw new NotUnderstood("'ct zone set' to something else than a number");
    return [{ s: "zone", zone: n }];
  }
  if (
    [
      "meta nftrace",
      "meta priority",
      "ct helper",
      "ct event",
      "ct timeout",
      "ct expectation",
      "ct label",
      "meta secmark",
      "ct secmark",
      "meta pkttype",
    ].includes(what)
  ) {
    c.next();
    while (c.take(":", ",")) c.next();
    return [{ s: "note", text: c.between(start, c.position) }];
  }
  throw new NotUnderstood(`'${what} set'`);
}
