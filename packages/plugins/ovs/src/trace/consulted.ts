/**
 * Which bits of a packet a look-up reads (lib/classifier.c, classifier_lookup__, find_match_wc, check_tries).
 *
 * OVS keeps rules of one mask together in a subtable and goes through subtables by their highest priority. In each it compares fields
 * in stages (metadata, link, network, transport) and reads no further stage than the one that settles that nothing there matches; prefixes of
 * IPv4 addresses and ports tell even less of themselves. Header changes are written with the bits that were read, so this shows.
 */
import { FIELDS, field, type Match, type Row } from "@plumbline/model";
import { CT_TUPLE } from "../lower/switch.js";
import { maskKey, rise } from "../lower/tie-order.js";
import type { Context, LookUpAs } from "./context.js";
import type { TracedBridge, TracedRule } from "./world.js";

const IN_PORT = field("in_port").word;
const OPTION_TYPE = field("nd_options").word;
const CONJ_ID = field("conj_id").word;
const PORT_WORDS = ["tp_src", "tp_dst", "icmp_type", "icmp_code"].map((f) => field(f).word);

/** Stage of each word: that of its field's place in OVS's flow structure. */
const STAGE: number[] = [];
const LINK = /^(eth_|vlan_|mpls_)/;
// What OVS keeps behind the network header: also addresses of ARP's hardware, neighbour discovery, NSH.
const TRANSPORT = /^(tp_|icmp_|ct_tp_|nd_|arp_sha|arp_tha|nsh_|tcp_flags)/;
const NETWORK = /^(ip_|nw_|ipv6_|arp_|ct_nw_(src|dst)|ct_ipv6_)/;
for (const f of FIELDS)
  for (let i = 0; i < f.words; i++) STAGE[f.word + i] = LINK.test(f.name) ? 1 : TRANSPORT.test(f.name) ? 3 : NETWORK.test(f.name) ? 2 : 0;

/** Fields with a trie for the whole table; the same place holds ARP's addresses. */
const TRIES = [
  ["ip_dst", "arp_tpa"],
  ["ip_src", "arp_spa"],
].map((names) => names.map((n) => field(n).word));
const IPV4_ONLY = 0x0800;
const ETH_TYPE = field("eth_type").word;

type Word = readonly [word: number, mask: number];

/** Prefixes, and how far a value follows them. */
class Trie {
  private readonly inner = new Set<string>();
  private readonly ends = new Map<string, number>();

  constructor(private readonly bits: number) {}
  private key(value: number, length: number): string {
    return `${length}:${length === 0 ? 0 : value >>> (32 - length)}`;
  }
  add(value: number, length: number): void {
    const top = this.ends.get(this.key(value, length)) ?? 0;
    this.ends.set(this.key(value, length), top + 1);
    for (let l = length - 1; l >= 0; l--) {
      const k = this.key(value, l);
      if (this.inner.has(k)) break;
      this.inner.add(k);
    }
  }
  /** Lengths of prefixes that the value has, and how many bits tell that it has no others. */
  lookUp(value: number): { has: (length: number) => boolean; bits: number } {
    let l = 0;
    while (l < this.bits && (this.inner.has(this.key(value, l + 1)) || this.ends.has(this.key(value, l + 1)))) l++;
    const longer = this.inner.has(this.key(value, l));
    return { has: (length) => this.ends.has(this.key(value, length)), bits: l >= this.bits ? this.bits : longer ? l + 1 : l };
  }
}

interface Subtable {
  readonly words: readonly Word[];
  /** Words by stage, empty stages left out; the last is compared with the rules themselves. */
  readonly stages: readonly (readonly Word[])[];
  /** What rules have in the stages up to each but the last. */
  readonly seen: readonly Set<string>[];
  readonly rules: Map<string, TracedRule[]>;
  /** Length of the prefix of each trie's field, 0 where it is no prefix. */
  readonly prefixes: readonly number[];
  readonly ports: { readonly words: readonly [number, number]; readonly mask: number; readonly trie: Trie } | null;
  top: number;
}

interface Classifier {
  readonly subtables: readonly Subtable[];
  readonly tries: readonly Trie[];
}

const CLASSIFIERS = new WeakMap<TracedBridge, Map<number, Classifier>>();

function classifierOf(c: Context, bridge: TracedBridge, table: number): Classifier {
  let all = CLASSIFIERS.get(bridge);
  if (!all) {
    all = new Map();
    const byTable = new Map<number, TracedRule[]>();
    for (const r of c.world.rulesOf(bridge)) {
      const t = r.flow.table as number;
      const list = byTable.get(t);
      if (list) list.push(r);
      else byTable.set(t, [r]);
    }
    for (const [t, rules] of byTable) all.set(t, build(rules));
    CLASSIFIERS.set(bridge, all);
  }
  let found = all.get(table);
  if (!found) all.set(table, (found = { subtables: [], tries: [new Trie(32), new Trie(32)] }));
  return found;
}

function build(rules: readonly TracedRule[]): Classifier {
  const tries = TRIES.map(() => new Trie(32));
  const subtables = new Map<string, Subtable>();
  // Subtables of OVS's; where one place of its stands for two of a row, several of ours are one of these.
  const groups = new Map<string, { top: number; readonly parts: Subtable[] }>();
  const order: { top: number; readonly parts: Subtable[] }[] = [];
  for (const r of rules) {
    const key = r.row.map((x) => `${x.w}:${x.m}`).join(" ");
    let s = subtables.get(key);
    if (!s) {
      subtables.set(key, (s = subtableOf(r.row)));
      const held = maskKey(r.row);
      let g = groups.get(held);
      if (!g) {
        groups.set(held, (g = { top: 0, parts: [] }));
        order.push(g);
      }
      g.parts.push(s);
    }
    const group = groups.get(maskKey(r.row))!;
    group.top = Math.max(group.top, r.flow.priority);
    rise(order, group);
    const value = valuesOf(r.row);
    s.stages.slice(0, -1).forEach((_, i) => void s.seen[i].add(keyOf(value, s.stages, i)));
    const own = keyOf(value, s.stages, s.stages.length - 1);
    const same = s.rules.get(own);
    if (same) same.push(r);
    else s.rules.set(own, [r]);
    s.prefixes.forEach((length, i) => {
      if (length > 0) tries[i].add(r.row.find((x) => TRIES[i].includes(x.w))!.v, length);
    });
    if (s.ports) s.ports.trie.add(portsOf(value, s.ports.words, s.ports.mask), portsLength(s.ports.mask));
  }
  for (const g of order) for (const s of g.parts) s.top = g.top;
  return { subtables: order.flatMap((g) => g.parts), tries };
}

function subtableOf(row: Match): Subtable {
  const words: Word[] = row.map((x) => [x.w, x.m]);
  const stages = [0, 1, 2, 3].map((n) => words.filter(([w]) => STAGE[w] === n)).filter((s) => s.length > 0);
  if (stages.length === 0) stages.push([]);
  const prefixes = TRIES.map((fields) => prefixLength(row.find((x) => fields.includes(x.w))?.m ?? 0));
  const [src, dst] = row.some((x) => x.w === PORT_WORDS[2] || x.w === PORT_WORDS[3])
    ? [PORT_WORDS[2], PORT_WORDS[3]]
    : [PORT_WORDS[0], PORT_WORDS[1]];
  const maskOf = (w: number) => row.find((x) => x.w === w)?.m ?? 0;
  const wide = (w: number) => (w === PORT_WORDS[2] || w === PORT_WORDS[3] ? (maskOf(w) === 0xff ? 0xffff : maskOf(w)) : maskOf(w));
  const mask = ((wide(src) << 16) | wide(dst)) >>> 0;
  return {
    words,
    stages,
    seen: stages.slice(0, -1).map(() => new Set<string>()),
    rules: new Map(),
    prefixes,
    ports: mask === 0 ? null : { words: [src, dst], mask, trie: new Trie(portsLength(mask)) },
    top: 0,
  };
}

function prefixLength(mask: number): number {
  const inverse = ~mask >>> 0;
  return mask !== 0 && (inverse & (inverse + 1)) === 0 ? Math.clz32(inverse) : 0;
}
/** Bits from the top down to the last that counts. */
function portsLength(mask: number): number {
  return 32 - (31 - Math.clz32(mask & -mask));
}
function portsOf(row: { readonly [w: number]: number }, [src, dst]: readonly [number, number], mask: number): number {
  return ((((row[src] ?? 0) << 16) | (row[dst] ?? 0)) & mask) >>> 0;
}
function valuesOf(row: Match): { readonly [w: number]: number } {
  return Object.fromEntries(row.map((x) => [x.w, x.v]));
}
function keyOf(row: { readonly [w: number]: number }, stages: Subtable["stages"], upTo: number): string {
  let key = "";
  for (let i = 0; i <= upTo; i++) for (const [w, m] of stages[i]) key += `${((row[w] ?? 0) & m) >>> 0},`;
  return key;
}

/** Adds what the look-up of `table` reads to the bits that were read. `hit`: what it found. */
export function consultLookUp(c: Context, table: number, hit: TracedRule | null, as: LookUpAs): void {
  const cls = classifierOf(c, c.bridge, table);
  const row = c.flow.row.slice();
  const masks = c.masks.row;
  if (as.inPort !== null) row[IN_PORT] = as.inPort;
  if (c.flow.get("ip_frag") & 1) for (const w of PORT_WORDS) row[w] = 0;
  if (as.swapped) {
    swap(row, c.flow.ethType);
    swap(masks, c.flow.ethType);
  }
  const optionType = masks[OPTION_TYPE];
  masks[OPTION_TYPE] = 0;
  search(cls, row, masks);
  if (masks[OPTION_TYPE] !== 0) c.optionTypeLookedUp = true;
  masks[OPTION_TYPE] |= optionType;
  const conjunction = hit?.row.find((x) => x.w === CONJ_ID);
  if (conjunction) {
    const conjId = masks[CONJ_ID];
    row[CONJ_ID] = conjunction.v;
    search(cls, row, masks);
    masks[CONJ_ID] = conjId;
  }
  if (as.swapped) swap(masks, c.flow.ethType);
}

/** The packet's tuple and its connection's change places; of addresses those of the packet's family. */
function swap(row: Row, ethType: number): void {
  const other = ethType === IPV4_ONLY ? "ipv6_" : "ip_";
  for (const [a, b] of CT_TUPLE) {
    if (a !== "ip_proto" && a.startsWith(other)) continue;
    const [fa, fb] = [field(a), field(b)];
    for (let i = 0; i < fa.words; i++) [row[fa.word + i], row[fb.word + i]] = [row[fb.word + i], row[fa.word + i]];
  }
}

function search(cls: Classifier, row: Row, masks: Row): void {
  let best = -1;
  const tries = TRIES.map((fields, i) => {
    let done: ReturnType<Trie["lookUp"]> | null = null;
    return {
      word: fields[0],
      lookUp: () => (done ??= row[ETH_TYPE] === IPV4_ONLY ? cls.tries[i].lookUp(row[fields[0]]) : { has: () => true, bits: 0 }),
    };
  });
  for (const s of cls.subtables) {
    if (s.top <= best) break;
    const found = match(s, row, masks, tries);
    if (!found) continue;
    // A part of a conjunction settles nothing by itself, and hides what stands behind it.
    const head = found.reduce((a, b) => (b.flow.priority > a.flow.priority ? b : a));
    if (!head.flow.actions.some((a) => a.kind === "conjunction") && head.flow.priority > best) best = head.flow.priority;
  }
}

type TrieContext = readonly { readonly word: number; readonly lookUp: () => ReturnType<Trie["lookUp"]> }[];

/** find_match_wc: the rules of this mask that match, highest first. */
function match(s: Subtable, row: Row, masks: Row, tries: TrieContext): readonly TracedRule[] | null {
  const last = s.stages.length - 1;
  const fold = (upTo: number) => {
    for (let i = 0; i <= upTo; i++) for (const [w, m] of s.stages[i]) masks[w] |= m;
  };
  for (let i = 0; i <= last; i++) {
    if (skippedByTrie(s, i, masks, tries)) {
      fold(i - 1);
      return null;
    }
    if (i < last && !s.seen[i].has(keyOf(row, s.stages, i))) {
      fold(i);
      return null;
    }
  }
  const found = s.rules.get(keyOf(row, s.stages, last)) ?? null;
  if (!found && s.ports) {
    fold(last - 1);
    const { words: portWords, mask, trie } = s.ports;
    const { bits } = trie.lookUp(portsOf(row, portWords, mask));
    const read = (mask & (bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0)) >>> 0;
    for (const [w, m] of s.stages[last]) if (!portWords.includes(w)) masks[w] |= m;
    masks[portWords[0]] |= read >>> 16;
    masks[portWords[1]] |= read & 0xffff;
    return null;
  }
  fold(last);
  return found;
}

function skippedByTrie(s: Subtable, stage: number, masks: Row, tries: TrieContext): boolean {
  return tries.some(({ word, lookUp }, i) => {
    const length = s.prefixes[i];
    if (length === 0 || !s.stages[stage].some(([w]) => TRIES[i].includes(w))) return false;
    const { has, bits } = lookUp();
    if (has(length)) return false;
    const read = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
    if (bits <= length) {
      masks[word] |= read;
      return true;
    }
    return (masks[word] & read) >>> 0 === read;
  });
}
