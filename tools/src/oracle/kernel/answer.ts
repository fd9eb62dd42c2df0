/**
 * What became of one packet, said the same way by the kernel and by us, so that two answers can be held side by side.
 */
import { field, formatValue, get, getBig, ipv4Text, ipv6Text, type Row } from "@plumbline/model";
import type { Observation, TraceEvent } from "./namespace.js";
import { rowOfHeaders, rowOfHex } from "./wire.js";

/** Where a packet ended: at a socket of the host, out of an interface, or nowhere. */
export interface Answer {
  /** Rules in the order in which they were hit: "nat PREROUTING 3", "inet ovn-kubernetes mgmtport-snat 2", "filter FORWARD policy". */
  readonly steps: readonly string[];
  /** "local", "forward eth1", "gone"; "unknown: why" where the rules alone do not tell. */
  readonly end: string;
  /** The packet as it ended, with its mark; "" if it is gone. */
  readonly packet: string;
  /** What the host made in answer to it (a reset, an ICMP error), as it would leave. */
  readonly made: readonly string[];
}

const family = { 1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6" } as const;

/** Names of rules by nft's handles: "ip nat PREROUTING 12" → 3, the rule's number in its chain. */
export type Handles = ReadonlyMap<string, number>;

/** The handles of `nft -j -a list ruleset`. */
export function handlesOf(json: string): Handles {
  const out = new Map<string, number>();
  const counts = new Map<string, number>();
  const { nftables } = JSON.parse(json) as { nftables: { rule?: { family: string; table: string; chain: string; handle: number } }[] };
  for (const { rule } of nftables) {
    if (!rule) continue;
    const chain = `${rule.family} ${rule.table} ${rule.chain}`;
    const n = (counts.get(chain) ?? 0) + 1;
    counts.set(chain, n);
    out.set(`${chain} ${rule.handle}`, n);
  }
  return out;
}

export interface HowToName {
  readonly tool: "legacy" | "iptables-nft" | "nft";
  /** Version of the packets: legacy traces name tables of both alike. */
  readonly version: 4 | 6;
  readonly handles: Handles;
  /** Rules in each chain: "nat PREROUTING" → 3. */
  readonly lengths: ReadonlyMap<string, number>;
}

/** Chain lengths of an iptables-save. */
export function lengthsOf(save: string): Map<string, number> {
  const out = new Map<string, number>();
  let table = "";
  for (const line of save.split("\n")) {
    if (line.startsWith("*")) table = line.slice(1);
    const chain = /^-A (\S+)/.exec(line)?.[1];
    if (chain) out.set(`${table} ${chain}`, (out.get(`${table} ${chain}`) ?? 0) + 1);
  }
  return out;
}

/** A table as we name it: iptables' IPv4 tables by name alone. */
function tableName(e: TraceEvent, how: HowToName): string {
  const of = how.tool === "legacy" ? (how.version === 6 ? "ip6" : "ip") : (family[e[0] as keyof typeof family] ?? `family ${e[0]}`);
  return how.tool !== "nft" && of === "ip" ? e[1] : `${of} ${e[1]}`;
}

function stepOf(e: TraceEvent, how: HowToName): string | null {
  const [, table, chain, kind, rule] = e;
  const name = `${tableName(e, how)} ${chain}`;
  // Legacy tables call an unconditional ACCEPT, DROP or RETURN a policy or return, too (get_chainname_rulenum(), ip_tables.c).
  if (how.tool === "legacy" && rule <= (how.lengths.get(`${table} ${chain}`) ?? 0)) return `${name} ${rule}`;
  if (kind === "policy") return `${name} policy`;
  if (kind !== "rule") return null;
  // The end of a chain is told as a rule without a handle.
  if (rule === 0) return null;
  const of = family[e[0] as keyof typeof family];
  return `${name} ${how.handles.get(`${of} ${e[1]} ${chain} ${rule}`) ?? `handle ${rule}`}`;
}

const ICMP6_REDIRECT = 137;

/** The kernel's answer from what was observed. */
export function kernelAnswer(o: Observation, how: HowToName): Answer {
  const steps: string[] = [];
  const made: string[] = [];
  let local: TraceEvent | undefined;
  let left: TraceEvent | undefined;
  for (const [i, e] of o.trace.entries()) {
    if (e[1] !== "oracle") {
      const step = stepOf(e, how);
      if (step !== null) steps.push(step);
      continue;
    }
    // The first event of a hook holds the headers.
    if (e[9] === null) continue;
    // What the host sent to itself comes in again.
    if (e[2] === "pre") left = undefined;
    if (e[2] === "in") local = e;
    if (e[2] === "post") left = e;
    const next = o.trace.slice(i + 1).find((x) => x[1] === "oracle" && x[8] === e[8]);
    if (e[2] === "out" && next?.[5] === "drop") {
      const row = rowOfHeaders(e[9], e[10] ?? "");
      // Multicast listener reports come of themselves, and redirects advise a neighbour.
      if (!address(row, "dst").startsWith("ff") && get(row, "icmp_type") !== ICMP6_REDIRECT) made.push(describeMade(row));
    }
  }
  // What a socket, or the lack of one, answers is not netfilter's.
  if (local) return { steps, made: [], end: "local", packet: describe(rowOfHeaders(local[9] ?? "", local[10] ?? ""), local[7]) };
  const [out] = o.out;
  if (out && left) return { steps, made, end: `forward ${out[0]}`, packet: describe(rowOfHex(out[1]), left[7]) };
  if (left) return { steps, made, end: "left, but was not seen", packet: describe(rowOfHeaders(left[9] ?? "", left[10] ?? ""), left[7]) };
  return { steps, made, end: "gone", packet: "" };
}

const address = (row: Row, end: "src" | "dst") =>
  get(row, "eth_type") === 0x86dd ? ipv6Text(getBig(row, `ipv6_${end}`)) : ipv4Text(get(row, `ip_${end}`));

function transport(row: Row): string {
  const proto = get(row, "ip_proto");
  const ends = (sport: string, dport: string) => `${address(row, "src")}${sport} > ${address(row, "dst")}${dport}`;
  if (proto === 1 || proto === 58)
    return `${proto === 1 ? "icmp" : "icmp6"} ${ends("", "")} type ${get(row, "icmp_type")}/${get(row, "icmp_code")} id ${get(row, "icmp_id")}`;
  if (proto !== 6 && proto !== 17 && proto !== 132) return `proto ${proto} ${ends("", "")}`;
  const flags = proto === 6 ? ` flags ${formatValue(field("tcp_flags"), BigInt(get(row, "tcp_flags")))}` : "";
  return `${{ 6: "tcp", 17: "udp", 132: "sctp" }[proto]} ${ends(`:${get(row, "tp_src")}`, `:${get(row, "tp_dst")}`)}${flags}`;
}

/** A packet as text: all that netfilter and routing may change. */
export function describe(row: Row, mark: number): string {
  return `${transport(row)} ttl ${get(row, "ip_ttl")} tos ${get(row, "nw_tos")} mark ${mark}`;
}

/** A packet of the host's own making: what it says. Its addresses may still be translated on its way out. */
export function describeMade(row: Row): string {
  const proto = get(row, "ip_proto");
  if (proto === 1 || proto === 58) return `${proto === 1 ? "icmp" : "icmp6"} type ${get(row, "icmp_type")}/${get(row, "icmp_code")}`;
  return `tcp flags ${formatValue(field("tcp_flags"), BigInt(get(row, "tcp_flags")))}`;
}

/** What differs, one line each; empty if nothing does. A step of `optional` may be on either side alone. */
export function differences(kernel: Answer, ours: Answer, optional: ReadonlySet<string>): string[] {
  const out: string[] = [];
  const told = (a: Answer) => a.steps.filter((s) => !optional.has(s)).join(", ");
  const say = (what: string, a: string, b: string) => {
    if (a !== b) out.push(`${what}: kernel ${a || "nothing"} | ours ${b || "nothing"}`);
  };
  say("steps", told(kernel), told(ours));
  say("end", kernel.end, ours.end);
  say("packet", kernel.packet, ours.packet);
  say("made", kernel.made.join(", "), ours.made.join(", "));
  return out;
}
