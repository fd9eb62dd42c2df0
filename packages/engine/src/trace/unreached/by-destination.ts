/**
 * Which rules of a network speak of a destination: those that ask for exactly that address, those that ask for its port and for no
 * address (node ports), and routes to it.
 *
 * Made once for a network, when first asked for; a question costs what it finds.
 */
import { addressOf, FIELDS, get, getBig, type Match, type Network, type Row, type Rule, type Table, wordsOf } from "@plumbline/model";
import { exactly } from "../../explain/fields.js";

const word = (name: string) => FIELDS.find((f) => f.name === name)!.word;
const HEADER = new Set(wordsOf("header"));
/** What changes on the way without being what a packet is about: its frame, its length, its TTL. */
for (const f of FIELDS)
  if (/^(eth_src|eth_dst|packet_len|ip_ttl|vlan_tci2?)$/.test(f.name)) for (let i = 0; i < f.words; i++) HEADER.delete(f.word + i);
const ADDRESS_WORDS = new Set([word("ip_dst"), word("ipv6_dst")]);
const PORT_WORD = word("tp_dst");

/** Kinds of decision in which the evidence speaks of destinations. */
const STAGES: ReadonlySet<string> = new Set(["netfilter", "fib", "policy", "openflow", "logical"]);

interface Index {
  /** Rules with a row for exactly this address. IPv4 addresses are numbers below 2^32. */
  readonly byAddress: ReadonlyMap<bigint, readonly Rule[]>;
  /** Rules with a row for exactly this port and any address. */
  readonly byPort: ReadonlyMap<bigint, readonly Rule[]>;
  /** Routing tables by the host that has them. */
  readonly routes: readonly Table[];
}

const INDEXES = new WeakMap<Network, Index>();

function indexOf(net: Network): Index {
  const known = INDEXES.get(net);
  if (known) return known;
  const byAddress = new Map<bigint, Rule[]>();
  const byPort = new Map<bigint, Rule[]>();
  const enter = (map: Map<bigint, Rule[]>, key: bigint, rule: Rule) => {
    const list = map.get(key);
    if (!list) map.set(key, [rule]);
    else if (list.at(-1) !== rule) list.push(rule);
  };
  const routes: Table[] = [];
  for (const table of net.tables) {
    const { kind } = net.devices[table.device];
    if (!STAGES.has(table.stage) || kind === "pod" || kind === "outside") continue;
    if (table.kind === "lpm") {
      routes.push(table);
      continue;
    }
    for (const rule of table.rules) {
      if (!rule.origin) continue;
      for (const m of rule.rows) {
        const address = addressAsked(m);
        if (address !== undefined) enter(byAddress, address, rule);
        else if (table.stage !== "logical" && m.some((x) => x.w === PORT_WORD) && !m.some((x) => ADDRESS_WORDS.has(x.w))) {
          const port = exactly(m, "tp_dst");
          if (port !== undefined) enter(byPort, port, rule);
        }
      }
    }
  }
  const index = { byAddress, byPort, routes };
  INDEXES.set(net, index);
  return index;
}

function addressAsked(m: Match): bigint | undefined {
  if (!m.some((x) => ADDRESS_WORDS.has(x.w))) return undefined;
  return exactly(m, "ip_dst") ?? exactly(m, "ipv6_dst");
}

/** Whether what a row asks of headers holds; what it asks of registers, ports of the device, connection state is another question. */
export function headersHold(m: Match, row: Row): boolean {
  return m.every((x) => !HEADER.has(x.w) || (row[x.w] & x.m) >>> 0 === x.v);
}

/** Whether a row asks for an address as the destination. */
export const namesDestination = (m: Match): boolean => addressAsked(m) !== undefined;

/** The packet's destination as {@link indexOf} has it; undefined where it has none (ARP). */
export function destinationOf(row: Row): bigint | undefined {
  const type = get(row, "eth_type");
  return type === 0x0800 ? getBig(row, "ip_dst") : type === 0x86dd ? getBig(row, "ipv6_dst") : undefined;
}

/** The rules that speak of the packet's destination and whose header conditions it meets, each once, in the network's order. */
export function rulesAbout(net: Network, row: Row): Rule[] {
  const to = destinationOf(row);
  if (to === undefined) return [];
  const { byAddress, byPort, routes } = indexOf(net);
  const found = new Set<Rule>();
  for (const r of byAddress.get(to) ?? []) if (r.rows.some((m) => addressAsked(m) === to && headersHold(m, row))) found.add(r);
  const port = get(row, "tp_dst");
  if (port !== 0)
    for (const r of byPort.get(BigInt(port)) ?? [])
      if (isTranslating(r) && r.rows.some((m) => addressAsked(m) === undefined && headersHold(m, row))) found.add(r);
  const six = addressOf(row, "dst").includes(":");
  for (const t of routes) {
    if (!t.key || t.key.field !== (six ? "ipv6_dst" : "ip_dst")) continue;
    for (const r of t.rules) if (r.origin && r.prefix && r.prefix.len === t.key.n && r.prefix.value === to) found.add(r);
  }
  return [...found];
}

/** A rule for a port alone speaks of a node port if it translates; that it lets a port pass says nothing of a destination. */
const isTranslating = (r: Rule) => r.program.some((a) => a.op === "nat" || (a.op === "ct" && a.nat !== null && a.nat !== "existing"));
