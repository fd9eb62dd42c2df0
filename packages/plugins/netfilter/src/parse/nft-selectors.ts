/**
 * nft expressions that name something of the packet: `ip daddr`, `meta l4proto . th dport`, `fib daddr type`.
 *
 * Payload of a transport (`tcp dport`) is the selector `th dport` and a match on the transport before it, as nft itself
 * compiles it.
 */
import type { Lottery, Selector, Statement } from "../ast.js";
import { type Cursor, NotUnderstood } from "./nft-lex.js";
import { exact } from "./values.js";

export interface SelectorList {
  readonly selectors: Selector[];
  /** Matches that the selectors imply. */
  readonly implied: Statement[];
  /** fib: the interface that narrows the answer. */
  readonly iface?: "in" | "out";
}

const TRANSPORTS: ReadonlyMap<string, number> = new Map([
  ["tcp", 6],
  ["udp", 17],
  ["dccp", 33],
  ["sctp", 132],
  ["udplite", 136],
]);

/** Words that stand for `meta WORD`. */
const UNQUALIFIED_META = new Set(["mark", "iif", "iifname", "oif", "oifname", "pkttype", "l4proto", "nfproto", "protocol", "length"]);
const META: ReadonlyMap<string, Selector> = new Map([
  ["mark", "meta mark"],
  ["iif", "meta iifname"],
  ["iifname", "meta iifname"],
  ["oif", "meta oifname"],
  ["oifname", "meta oifname"],
  ["pkttype", "meta pkttype"],
  ["l4proto", "meta l4proto"],
  ["nfproto", "meta nfproto"],
  ["protocol", "meta protocol"],
  ["length", "meta length"],
]);
const FIELDS: Readonly<Record<string, ReadonlyMap<string, Selector>>> = {
  ip: new Map<string, Selector>([
    ["saddr", "ip saddr"],
    ["daddr", "ip daddr"],
    ["protocol", "ip protocol"],
    ["dscp", "ip dscp"],
    ["ecn", "ip ecn"],
    ["ttl", "ip ttl"],
  ]),
  ip6: new Map<string, Selector>([
    ["saddr", "ip6 saddr"],
    ["daddr", "ip6 daddr"],
    ["nexthdr", "ip6 nexthdr"],
    ["dscp", "ip6 dscp"],
    ["ecn", "ip6 ecn"],
    ["hoplimit", "ip6 hoplimit"],
    ["flowlabel", "ip6 flowlabel"],
  ]),
  icmp: new Map<string, Selector>([
    // What nft's JSON calls the destination port's place where it has seen that the packet is ICMP.
    ["checksum", "th dport"],
    ["type", "icmp type"],
    ["code", "icmp code"],
    ["id", "icmp id"],
  ]),
  icmpv6: new Map<string, Selector>([
    ["checksum", "th dport"],
    ["type", "icmpv6 type"],
    ["code", "icmpv6 code"],
    ["id", "icmpv6 id"],
  ]),
  ether: new Map<string, Selector>([
    ["saddr", "ether saddr"],
    ["daddr", "ether daddr"],
    ["type", "meta protocol"],
  ]),
};
const CT: ReadonlyMap<string, Selector> = new Map([
  ["state", "ct state"],
  ["status", "ct status"],
  ["mark", "ct mark"],
  ["direction", "ct direction"],
  ["zone", "ct zone"],
  ["l3proto", "meta nfproto"],
  ["protocol", "ct original protocol"],
]);

export const l4 = (proto: number): Statement => ({
  s: "match",
  selectors: ["meta l4proto"],
  not: false,
  set: { tuples: [[exact(proto)]] },
});

/** A selector by its nft words, as JSON names them: ("tcp", "dport"). Null if there is none. */
function payload(protocol: string, field: string): SelectorList | null {
  const transport = TRANSPORTS.get(protocol);
  if (transport !== undefined || protocol === "th") {
    const implied = transport === undefined ? [] : [l4(transport)];
    if (field === "sport") return { selectors: ["th sport"], implied };
    if (field === "dport") return { selectors: ["th dport"], implied };
    if (protocol === "tcp" && field === "flags") return { selectors: ["tcp flags"], implied: [] };
    return null;
  }
  const s = Object.hasOwn(FIELDS, protocol) ? FIELDS[protocol].get(field) : undefined;
  return s ? { selectors: [s], implied: [] } : null;
}
function meta(key: string): Selector | null {
  return META.get(key) ?? null;
}
function ct(key: string, direction: string | null, family: string | null): Selector | null {
  if (direction === null) return CT.get(key) ?? null;
  if (direction !== "original" && direction !== "reply") return null;
  if (key === "saddr" || key === "daddr") return family === "ip" || family === "ip6" ? `ct ${direction} ${family} ${key}` : null;
  if (key === "proto-src" || key === "proto-dst") return `ct ${direction} ${key}`;
  // Both directions have one protocol and one zone.
  return key === "protocol" ? "ct original protocol" : key === "zone" ? "ct zone" : key === "l3proto" ? "meta nfproto" : null;
}

/** One selector at the cursor, or null (and the cursor where it was) if there is none. */
function selector(c: Cursor): SelectorList | null {
  const start = c.position;
  const word = c.peek();
  const list = ((): SelectorList | null => {
    if (UNQUALIFIED_META.has(word)) {
      c.next();
      const s = meta(word);
      return s && { selectors: [s], implied: [] };
    }
    if (word === "meta") {
      c.next();
      const s = meta(c.next().text);
      return s && { selectors: [s], implied: [] };
    }
    if (word === "ct") {
      c.next();
      const direction = c.take("original", "reply");
      const family = direction ? c.take("ip", "ip6") : null;
      const s = ct(c.next().text, direction, family);
      return s && { selectors: [s], implied: [] };
    }
    if (word === "fib") return fib(c);
    if (TRANSPORTS.has(word) || word === "th" || Object.hasOwn(FIELDS, word)) {
      c.next();
      return payload(word, c.next().text);
    }
    return null;
  })();
  if (!list) c.seek(start);
  return list;
}

function fib(c: Cursor): SelectorList | null {
  c.next();
  const keys: string[] = [c.next().text];
  while (c.take(".")) keys.push(c.next().text);
  return fibSelector(keys, c.next().text);
}

/** `fib daddr . iif type`. */
function fibSelector(keys: readonly string[], result: string): SelectorList | null {
  if (result !== "type") return null;
  const ends = keys.filter((k) => k === "saddr" || k === "daddr");
  const iface = keys.find((k) => k === "iif" || k === "oif");
  if (ends.length !== 1 || keys.length !== ends.length + (iface ? 1 : 0)) return null;
  return {
    selectors: [ends[0] === "saddr" ? "fib saddr type" : "fib daddr type"],
    implied: [],
    ...(iface && { iface: iface === "iif" ? ("in" as const) : ("out" as const) }),
  };
}

/** Selectors joined by `.`, or null if none stands at the cursor. */
export function selectorList(c: Cursor): SelectorList | null {
  const first = selector(c);
  if (!first) return null;
  const out: SelectorList = { ...first, selectors: [...first.selectors], implied: [...first.implied] };
  while (c.peek() === ".") {
    c.next();
    const more = selector(c);
    if (!more) throw new NotUnderstood(`'${c.rest()}' in a concatenation`);
    out.selectors.push(...more.selectors);
    out.implied.push(...more.implied);
  }
  return out;
}

/** `numgen random mod 3`, `jhash ip saddr mod 2 seed 0x1 offset 5`, `symhash mod 2`. */
export function lottery(c: Cursor): Lottery | null {
  const start = c.position;
  const kind = c.take("numgen", "jhash", "symhash");
  if (!kind) return null;
  while (!c.done && c.peek() !== "mod") c.next();
  c.expect("mod");
  const modulus = Number(c.next().text);
  let offset = 0;
  for (let word = c.take("seed", "offset"); word; word = c.take("seed", "offset")) {
    const n = Number(c.next().text);
    if (word === "offset") offset = n;
  }
  if (!Number.isInteger(modulus) || modulus < 1) throw new NotUnderstood(`'${kind}' without a modulus`);
  return { how: c.between(start, c.position), modulus, offset };
}
