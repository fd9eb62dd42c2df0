/**
 * One rule of nft's text form as statements.
 *
 * Promise: what is understood before an unknown word stands; from that word on the rule is an opaque match and an opaque
 * effect, so that packets which pass what stands before it end as unknown, and no others.
 * Sources: nft(8); nftables 1.1 src/parser_bison.y, and the text that 1.0.6 and 1.1.3 print for iptables-nft's rules.
 */
import type { MapKey, RejectWith, Statement, Value } from "../ast.js";
import { type Cursor, NotUnderstood, type Token, Cursor as Words } from "./nft-lex.js";
import { markExpression } from "./nft-marks.js";
import { l4, lottery, type SelectorList, selectorList } from "./nft-selectors.js";
import { braced, dataElements, tuple, verdictElements } from "./nft-sets.js";
import { type Kind, kindOf, maskOf, typedValue } from "./nft-values.js";
import { address, exact, icmpCode, masked, network, number, portRange, range, tcpFlags } from "./values.js";

export interface RuleText {
  readonly list: readonly Token[];
  readonly family: string;
  /** A command that shows the rule's chain. */
  readonly command: string;
}

/** Statements of a rule; `why` is what was not understood, if anything. */
export function parseRule(rule: RuleText): { statements: Statement[]; why: string | null } {
  const c = new Words(rule.list);
  const statements: Statement[] = [];
  try {
    while (!c.done) statements.push(...statement(c, rule));
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

function statement(c: Cursor, rule: RuleText): Statement[] {
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
      return rejectStatement(c, rule.family);
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
      return xtables(c, rule);
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
function xtables(c: Cursor, rule: RuleText): Statement[] {
  c.next();
  const kind = c.next().text;
  const name = c.next().text;
  return lostXtables(kind, name, rule.command);
}

export function lostXtables(kind: string, name: string, command: string): Statement[] {
  const save = "iptables-save";
  if (kind === "match")
    return name === "comment" ? [] : [{ s: "opaque", why: `iptables match ${name}, of which nft prints the name only`, command: save }];
  if (["LOG", "NFLOG", "TRACE", "CHECKSUM", "TCPMSS"].includes(name)) return [{ s: "note", text: `iptables target ${name}` }];
  void command;
  return [{ s: "opaqueEffect", why: `iptables target ${name}, of which nft prints the name only`, command: save }];
}

function rejectStatement(c: Cursor, family: string): Statement[] {
  let w: RejectWith = { kind: "icmp", v4: [3, 3], v6: [1, 4] };
  if (c.take("with")) {
    if (c.take("tcp")) {
      c.expect("reset");
      return [l4(6), { s: "reject", with: { kind: "tcp-reset" } }];
    }
    const kind = c.take("icmp", "icmpv6", "icmpx");
    if (!kind) throw new NotUnderstood(`'${c.rest()}' behind 'reject with'`);
    c.take("type");
    const code = c.next().text;
    const found = rejectWith(kind, code);
    if (!found) throw new NotUnderstood(`reject with ${kind} ${code}`);
    w = found;
  }
  void family;
  return [{ s: "reject", with: w }];
}

/** icmpx: one name for both families (net/netfilter/nft_reject.c). */
const ICMPX: ReadonlyMap<string, readonly [v4: number, v6: number]> = new Map([
  ["no-route", [0, 0]],
  ["port-unreachable", [3, 4]],
  ["host-unreachable", [1, 3]],
  ["admin-prohibited", [13, 1]],
]);

export function rejectWith(kind: string, code: string): RejectWith | null {
  if (kind === "icmpx") {
    const codes = ICMPX.get(code);
    return codes ? { kind: "icmp", v4: [3, codes[0]], v6: [1, codes[1]] } : null;
  }
  const n = icmpCode(code, kind === "icmp" ? 4 : 6);
  if (n === null) return null;
  return kind === "icmp" ? { kind: "icmp", v4: [3, n], v6: null } : { kind: "icmp", v4: null, v6: [1, n] };
}

const NAT_FLAGS = ["random", "fully-random", "persistent", ","];

function natFlags(c: Cursor): boolean {
  let random = false;
  for (let f = c.take(...NAT_FLAGS); f; f = c.take(...NAT_FLAGS)) if (f === "random" || f === "fully-random") random = true;
  return random;
}

function interfaceNat(c: Cursor, word: "masquerade" | "redirect"): Statement {
  c.next();
  let port = null;
  if (c.take("to")) {
    const text = c.next().text;
    port = portRange(text.replace(/^:/, ""), "-");
    if (!port) throw new NotUnderstood(`'${text}' behind '${word} to'`);
  }
  const random = natFlags(c);
  return { s: "nat", type: word === "masquerade" ? "src" : "dst", to: word, address: null, port, family: "", random };
}

function natStatement(c: Cursor, word: "snat" | "dnat"): Statement[] {
  c.next();
  const type = word === "snat" ? "src" : "dst";
  let family = (c.take("ip", "ip6") ?? "") as "ip" | "ip6" | "";
  if (c.peek() === "prefix") throw new NotUnderstood(`'${word} prefix'`);
  let fields: ("address" | "port")[] | null = null;
  if (c.take("addr")) {
    fields = ["address"];
    if (c.take(".")) {
      c.expect("port");
      fields.push("port");
    }
  }
  c.expect("to");
  const drawn = lottery(c);
  const key: MapKey | null = drawn ? { lottery: drawn } : mapKey(c);
  if (key) {
    const colonPort = fields === null && !c.done && c.peek() === ":";
    if (colonPort) throw new NotUnderstood(`'${c.rest()}' behind '${word} to'`);
    c.expect("map");
    const kinds: Kind[] = "lottery" in key ? ["number"] : key.selectors.map(kindOf);
    if (c.peek().startsWith("@")) {
      const name = c.next().text.slice(1);
      natFlags(c);
      return [{ s: "natMap", type, family, key, map: { name }, fields: fields ?? [] }];
    }
    const elements = dataElements(braced(c), kinds, null);
    if (typeof elements === "string") throw new NotUnderstood(elements);
    natFlags(c);
    return [
      {
        s: "natMap",
        type,
        family,
        key,
        map: { elements },
        fields: fields ?? (elements[0]?.data.length === 2 ? ["address", "port"] : ["address"]),
      },
    ];
  }
  const text = c.next().text;
  const where = natAddress(text);
  if (!where) throw new NotUnderstood(`'${text}' behind '${word} to'`);
  if (where.family !== "") family = where.family;
  return [{ s: "nat", type, to: "given", address: where.address, port: where.port, family, random: natFlags(c) }];
}

/** `192.0.2.1:80`, `192.0.2.1-192.0.2.9`, `:8080-8090`, `[2001:db8::1]:80`. */
export function natAddress(
  text: string,
): { address: { lo: bigint; hi: bigint } | null; port: { lo: number; hi: number } | null; family: "ip" | "ip6" | "" } | null {
  const m = /^(?:\[([^\]]+)\](?:-\[([^\]]+)\])?|([^:[\]]*)|([^[\]]*:[^[\]]*:[^[\]]*))(?::([\w-]+))?$/.exec(text);
  if (!m) return null;
  const hosts = m[1] !== undefined ? (m[2] ? `${m[1]}-${m[2]}` : m[1]) : (m[3] ?? m[4]);
  const port = m[5] === undefined ? null : portRange(m[5], "-");
  if (m[5] !== undefined && !port) return null;
  if (hosts === "") return port ? { address: null, port, family: "" } : null;
  if (hosts.includes("/")) return null;
  const n = network(hosts);
  return n?.value.k === "range" ? { address: { lo: n.value.lo, hi: n.value.hi }, port, family: n.family === 4 ? "ip" : "ip6" } : null;
}

/** Selectors before `map` or `vmap`; null if something else stands there. */
function mapKey(c: Cursor): MapKey | null {
  const start = c.position;
  if (address(c.peek()) || /^\d/.test(c.peek())) return null;
  const s = selectorList(c);
  if (s && (c.peek() === "map" || c.peek() === "vmap")) return { selectors: s.selectors };
  c.seek(start);
  return null;
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

const COMPARISONS = ["==", "!=", "<", "<=", ">", ">=", "!"];

/** What stands behind selectors: a comparison, a set, a map of verdicts. */
function matchStatement(c: Cursor, list: SelectorList): Statement[] {
  const { selectors } = list;
  if (c.take("vmap")) {
    if (c.peek().startsWith("@")) return [{ s: "vmap", key: { selectors }, map: { name: c.next().text.slice(1) } }];
    const elements = verdictElements(braced(c), selectors.map(kindOf));
    if (typeof elements === "string") throw new NotUnderstood(elements);
    return [{ s: "vmap", key: { selectors }, map: { elements } }];
  }
  const kind = kindOf(selectors[0]);
  if (selectors.length === 1 && (c.peek() === "&" || c.peek() === "and")) return [maskedMatch(c, list, kind)];
  const op = c.take(...COMPARISONS);
  const not = op === "!=" || op === "!";
  if (c.peek().startsWith("@")) return [{ s: "match", selectors, not, set: { name: c.next().text.slice(1) } }];
  if (c.peek() === "{") {
    const tuples = braced(c).map((e) => {
      const t = tuple(e.key, selectors.map(kindOf));
      if (typeof t === "string") throw new NotUnderstood(t);
      return withInterface(t, list);
    });
    return [{ s: "match", selectors, not, set: { tuples } }];
  }
  if (selectors.length > 1) {
    const parts: string[] = [c.next().text];
    while (c.take(".")) parts.push(c.next().text);
    const t = tuple(parts, selectors.map(kindOf));
    if (typeof t === "string") throw new NotUnderstood(t);
    return [{ s: "match", selectors, not, set: { tuples: [t] } }];
  }
  if (kind === "tcpflags") return [flagsMatch(c, list, op)];
  if (op === "<" || op === "<=" || op === ">" || op === ">=") {
    const v = typedValue(kind, c.next().text);
    if (v?.k !== "range") throw new NotUnderstood(`the value behind '${op}'`);
    const far = (1n << 128n) - 1n;
    const values: Value[] =
      op === "<"
        ? v.lo === 0n
          ? []
          : [range(0n, v.lo - 1n)]
        : op === "<="
          ? [range(0n, v.lo)]
          : op === ">"
            ? [range(v.lo + 1n, far)]
            : [range(v.lo, far)];
    return [{ s: "match", selectors, not: false, set: { tuples: values.map((x) => [x]) } }];
  }
  const values: Value[] = [];
  do {
    const text = c.next().text;
    const v = typedValue(kind, text);
    if (!v) throw new NotUnderstood(`the value '${text}' of '${selectors[0]}'`);
    values.push(v);
  } while (c.take(","));
  if (kind === "status" && not && values.length > 0 && op === "!=") throw new NotUnderstood("'ct status !='");
  return [{ s: "match", selectors, not, set: { tuples: values.map((v) => withInterface([v], list)) } }];
}

function withInterface(t: readonly Value[], list: SelectorList): readonly Value[] {
  const { iface } = list;
  return iface === undefined ? t : t.map((v) => (v.k === "addrtype" ? { ...v, iface } : v));
}

/** Flag names joined by `,` or `|`, perhaps in parentheses. */
function flagNames(c: Cursor): bigint {
  const open = c.take("(");
  const names: string[] = [];
  do names.push(c.next().text);
  while (c.take(",", "|"));
  if (open) c.expect(")");
  const v = tcpFlags(names.join(","));
  if (v === null) throw new NotUnderstood(`TCP flags '${names.join(",")}'`);
  return BigInt(v);
}

/** `tcp flags syn` (any of), `tcp flags == syn`, `tcp flags syn / fin,syn,rst,ack`, `tcp flags ! rst`. */
function flagsMatch(c: Cursor, list: SelectorList, op: string | null): Statement {
  const { selectors } = list;
  const flags = flagNames(c);
  if (c.take("/")) return { s: "match", selectors, not: op === "!=", set: { tuples: [[masked(flags, flagNames(c))]] } };
  if (op === "==" || op === "!=") return { s: "match", selectors, not: op === "!=", set: { tuples: [[exact(flags)]] } };
  return { s: "match", selectors, not: op !== "!", set: { tuples: [[masked(0n, flags)]] } };
}

/** `meta mark & 0xff == 0x1`, `tcp flags & (fin | syn) != 0`, `ct mark & 0x1 != 0`. */
function maskedMatch(c: Cursor, list: SelectorList, kind: Kind): Statement {
  const { selectors } = list;
  c.next();
  if (kind === "state" || kind === "status") throw new NotUnderstood(`'${selectors[0]} &'`);
  const mask = kind === "tcpflags" ? flagNames(c) : maskOf(kind, c.next().text);
  if (mask === null) throw new NotUnderstood(`the mask of '${selectors[0]}'`);
  const op = c.take("==", "!=");
  const value = c.peek() === "{" ? null : kind === "tcpflags" && number(c.peek()) === null ? flagNames(c) : maskOf(kind, c.next().text);
  if (value === null) throw new NotUnderstood(`the value behind the mask of '${selectors[0]}'`);
  // A bit outside the mask can never come up.
  const tuples = (value & ~mask) === 0n ? [[masked(value, mask)]] : [];
  return { s: "match", selectors, not: op === "!=", set: { tuples } };
}
