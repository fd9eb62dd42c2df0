/**
 * A scenario: flows, groups and packets for one bridge, in parts that shrinking can drop, and as text that a person can read
 * and a test can keep (`tools/test/cases/`).
 */
import { FIELDS, formatValue, get, getBig, parsePacket, type Row } from "@plumbline/model";
import type { FlowSpec, GroupSpec } from "../ofproto/tables.js";

export interface Scenario {
  /** What is asked of both sides: the pipeline's trace, frames sent through it, or both. */
  readonly ask: { readonly trace: boolean; readonly wire: boolean };
  /** OpenFlow version in which flows are given and dumped: `OpenFlow15`. */
  readonly version: string;
  readonly flows: readonly FlowSpec[];
  readonly groups: readonly GroupSpec[];
  /** Rows with `in_port`; where only traced, with registers and connection fields to begin with. */
  readonly packets: readonly Row[];
}

const PROTOCOLS: Record<number, Record<number, string>> = {
  2048: { 1: "icmp", 6: "tcp", 17: "udp", 132: "sctp" },
  34525: { 6: "tcp6", 17: "udp6", 58: "icmp6", 132: "sctp6" },
};
const NAMES: Record<number, string> = { 2048: "ip", 34525: "ipv6", 2054: "arp", 32821: "rarp" };
/** What the packet's bytes say, and Open vSwitch has no field for. */
const OURS_ALONE = new Set(["icmp_id", "packet_len", "inner_proto", "inner_src", "inner_dst", "inner_tp_src", "inner_tp_dst"]);
/** Spellings that `ofproto/trace` takes where the registry's name is another. */
const SPELLING: Record<string, string> = {
  ip_ttl: "nw_ttl",
  ip_frag: "nw_frag",
  ip_proto: "nw_proto",
  eth_src: "dl_src",
  eth_dst: "dl_dst",
};
const BY_PROTOCOL: Record<string, string> = { tp_src: "src", tp_dst: "dst" };

/** The packet in the syntax of `ofproto/trace`. `ours` adds what that has no name for. */
export function packetLine(row: Row, ours = true): string {
  const type = get(row, "eth_type");
  const proto = get(row, "ip_proto");
  const known = PROTOCOLS[type]?.[proto];
  const name = known ?? NAMES[type];
  const out = [`in_port=${get(row, "in_port")}`, name ?? `dl_type=0x${type.toString(16)}`];
  for (const f of FIELDS) {
    if (/^x+reg/.test(f.name) || f.name === "in_port" || f.name === "eth_type") continue;
    const v = getBig(row, f.name);
    if (v === 0n || (f.name === "ip_proto" && known)) continue;
    if (OURS_ALONE.has(f.name)) {
      if (ours && f.name !== "packet_len") out.push(`${f.name}=${formatValue(f, v)}`);
      continue;
    }
    const plain = f.format === "tcp_flags" || f.name === "nw_tos" ? `0x${v.toString(16)}` : formatValue(f, v);
    // nw_tos in a flow is DSCP alone; ECN is a field of its own.
    if (f.name === "nw_tos") {
      if (v >> 2n) out.push(`ip_dscp=${v >> 2n}`);
      if (v & 3n) out.push(`nw_ecn=${v & 3n}`);
    } else if (BY_PROTOCOL[f.name] && !ours) out.push(`${(name ?? "").replace("6", "")}_${BY_PROTOCOL[f.name]}=${plain}`);
    else if (/^icmp_(type|code)$/.test(f.name) && name === "icmp6") out.push(`${f.name.replace("icmp", "icmpv6")}=${plain}`);
    else out.push(`${SPELLING[f.name] ?? f.name}=${plain}`);
  }
  return out.join(",");
}

export function packetOf(line: string): Row {
  return parsePacket(line).row;
}
