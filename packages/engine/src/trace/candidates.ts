/**
 * What fragments of evidence say about a packet that cannot be followed.
 *
 * Where a packet's way is unknown (the table that would decide is not in evidence), other evidence may still speak of its
 * destination: a DNAT rule for that address, a load balancer's flow, a group with the backends. This finds rules whose
 * header conditions hold and that name the destination exactly, on the hosts where the packet may be, and follows the
 * translations they would make. Conditions on registers, connection state and ports of a switch are not asked, so each is
 * *assumed*: it would apply if the packet came by.
 */
import {
  type Action,
  type Annotator,
  addressOf,
  chunks,
  FIELDS,
  get,
  getBits,
  ipv4Text,
  type Match,
  type Network,
  nested,
  type Row,
  type Rule,
  set,
  slice,
  type Table,
  wordsOf,
} from "@plumbline/model";
import type { Hop } from "./hops.js";

const HEADER = new Set(wordsOf("header"));
const DST = FIELDS.find((f) => f.name === "ip_dst")!.word;
const STAGE_ORDER = ["netfilter", "fib", "logical", "openflow"];

/** Whether a row of header conditions holds and names the destination. */
function speaksOf(match: Match, row: Row): boolean {
  let names = false;
  for (const x of match) {
    if (!HEADER.has(x.w)) continue;
    if ((row[x.w] & x.m) >>> 0 !== x.v) return false;
    if (x.w === DST && x.m === 0xffffffff) names = true;
  }
  return names;
}

/** Destinations that a program would translate to. */
function translations(program: readonly Action[], out: { address: bigint; port?: number }[] = []): { address: bigint; port?: number }[] {
  for (const a of program) {
    const nat = a.op === "nat" ? { type: a.type, range: a.range } : a.op === "ct" && a.nat !== null && a.nat !== "existing" ? a.nat : null;
    if (nat?.type === "dst" && nat.range.min !== undefined) out.push({ address: nat.range.min, port: nat.range.portMin });
    for (const p of nested(a)) translations(p, out);
  }
  return out;
}

/**
 * Rules that speak of the packet's destination, in the order in which they would apply: host by host, the one with most to say
 * first, within a host translation by translation. `hosts`: where the packet may be; null if nothing tells.
 * What is known of no host in particular (a cluster's logical flows) counts for each.
 */
export function candidatesFor(row: Row, hosts: ReadonlySet<string> | null, net: Network, annotators: readonly Annotator[]): Hop[] {
  const tables = net.tables.filter((t) => {
    const { kind } = net.devices[t.device];
    return STAGE_ORDER.includes(t.stage) && kind !== "router" && kind !== "pod";
  });
  const hostOf = (t: Table) => net.devices[t.device].host;
  const where = hosts ?? new Set(tables.map(hostOf).filter((h) => h !== ""));
  const lists = [...where].map((host) =>
    onHost(
      row,
      tables.filter((t) => hostOf(t) === host || hostOf(t) === ""),
      net,
      annotators,
    ),
  );
  if (lists.length === 0)
    lists.push(
      onHost(
        row,
        tables.filter((t) => hostOf(t) === ""),
        net,
        annotators,
      ),
    );
  const told = new Set<Rule>();
  return lists
    .sort((a, b) => b.length - a.length)
    .flat()
    .filter((c) => !told.has(c.rule) && told.add(c.rule))
    .map((c) => c.hop);
}

interface Candidate {
  readonly rule: Rule;
  readonly hop: Hop;
}

function onHost(row: Row, tables: readonly Table[], net: Network, annotators: readonly Annotator[]): Candidate[] {
  const candidates: Candidate[] = [];
  const seen = new Set<Rule>();
  let front: Row[] = [row];
  for (let depth = 0; depth < 6 && front.length > 0; depth++) {
    const next: Row[] = [];
    for (const r of front) {
      const found: { rule: Rule; table: Table }[] = [];
      for (const table of tables)
        for (const rule of table.rules)
          if (!seen.has(rule) && rule.origin && (rule.prefix ? lpmNames(table, rule, r) : rule.rows.some((m) => speaksOf(m, r))))
            found.push({ rule, table });
      found.sort((a, b) => STAGE_ORDER.indexOf(a.table.stage) - STAGE_ORDER.indexOf(b.table.stage) || a.table.id - b.table.id);
      for (const { rule, table } of found) {
        seen.add(rule);
        const to = translations(rule.program);
        candidates.push({ rule, hop: hopOf(rule, table, r, to, net, annotators) });
        for (const t of to) {
          const n = r.slice();
          set(n, "ip_dst", t.address);
          if (t.port !== undefined) set(n, "tp_dst", t.port);
          if (![...front, ...next].some((x) => same(x, n))) next.push(n);
        }
      }
    }
    front = next;
  }
  return candidates;
}

type Translation = ReturnType<typeof translations>[number];

function hopOf(rule: Rule, table: Table, row: Row, to: readonly Translation[], net: Network, annotators: readonly Annotator[]): Hop {
  const d = net.devices[table.device];
  const before = addressOf(row, "dst");
  return {
    device: d.name,
    node: d.node,
    stage: `${table.stage} ${table.name}`,
    rule: { text: rule.origin!.text, file: rule.origin!.file, line: rule.origin!.line },
    certainty: "assumed",
    why: [`would apply if a packet to ${before}:${get(row, "tp_dst")} comes to ${d.node || d.host || "a node"}`, rule.why]
      .filter(Boolean)
      .join("; "),
    before: "",
    after: "",
    changes: to.map((t) => ({ field: "ip_dst", before, after: `${ipv4Text(t.address)}${t.port === undefined ? "" : `:${t.port}`}` })),
    links: annotators.flatMap((a) => a(rule, d)),
  };
}

function lpmNames(table: Table, rule: Rule, row: Row): boolean {
  const key = table.key;
  return (
    key !== undefined &&
    rule.prefix !== undefined &&
    rule.prefix.len === key.n &&
    chunks(key)[0].word === DST &&
    getBits(row, key) === rule.prefix.value
  );
}
const same = (a: Row, b: Row) => getBits(a, slice("ip_dst")) === getBits(b, slice("ip_dst")) && get(a, "tp_dst") === get(b, "tp_dst");
