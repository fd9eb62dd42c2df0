/**
 * The match of a flow: conditions parted by commas, with the protocol shorthands of ovs-ofctl(8).
 */
import type { MatchTerm, ParseProblem } from "../ast.js";
import { DSCP_MASK, type OvsField, ovsField, parseFieldSlice } from "../fields.js";
import { type KeyValue, nextKeyValue } from "./scan.js";
import { parseFieldValue, parseInteger } from "./values.js";

const ETH_TYPE = ovsField("eth_type")!.slice!;
const IP_PROTO = ovsField("ip_proto")!.slice!;
const VLAN_TCI = ovsField("vlan_tci")!.slice!;
const VLAN_TCI2 = ovsField("vlan_tci2")!.slice!;
const ALL_16 = 0xffffn;

/** Shorthand → eth_type, ip_proto (ovs-fields(7)); null where any protocol matches. */
const SHORTHANDS: Record<string, readonly [ethType: bigint, proto: bigint | null]> = {
  ip: [0x0800n, null],
  icmp: [0x0800n, 1n],
  tcp: [0x0800n, 6n],
  udp: [0x0800n, 17n],
  sctp: [0x0800n, 132n],
  igmp: [0x0800n, 2n],
  ipv6: [0x86ddn, null],
  ip6: [0x86ddn, null],
  icmp6: [0x86ddn, 58n],
  icmpv6: [0x86ddn, 58n],
  tcp6: [0x86ddn, 6n],
  udp6: [0x86ddn, 17n],
  sctp6: [0x86ddn, 132n],
  arp: [0x0806n, null],
  rarp: [0x8035n, null],
  mpls: [0x8847n, null],
  mplsm: [0x8848n, null],
};

const TCI = { cfi: 0x1000n, vid: 0x0fffn, pcp: 0xe000n };

/** Adds what one key says to `terms`. Returns false if the key is no condition. */
export function matchKey(kv: KeyValue, terms: MatchTerm[], problems: ParseProblem[]): boolean {
  const { key, value, at } = kv;
  if (value === null) {
    if (Object.hasOwn(SHORTHANDS, key)) {
      const [ethType, proto] = SHORTHANDS[key];
      terms.push({ name: key, at, slice: ETH_TYPE, value: ethType, mask: ALL_16 });
      if (proto !== null) terms.push({ name: key, at, slice: IP_PROTO, value: proto, mask: 0xffn });
      return true;
    }
    // `eth` says that the packet has an Ethernet header, which all packets here have.
    if (key === "eth") return true;
    const f = ovsField(key);
    if (!f) return false;
    // A geneve option without a value: that it is present, which rows do not tell.
    terms.push({ name: key, at, slice: null, value: 0n, mask: 0n });
    return true;
  }
  const vlan = /^(dl_vlan|dl_vlan_pcp|vlan_tci)(\d?)$/.exec(key);
  if (vlan) return vlanKey(kv, vlan[1], vlan[2], terms, problems);
  if (key.endsWith("]")) return partKey(kv, terms, problems);
  const f = ovsField(key);
  if (!f) return false;
  if (key === "packet_type") return packetType(kv, terms);
  if (!f.slice) {
    terms.push({ name: key, at, slice: null, value: 0n, mask: 0n });
    return true;
  }
  const v = parseFieldValue(f, value);
  if (!v) {
    problems.push({ at: kv.valueAt, token: value, message: `'${value}' is not a value of ${key}` });
    terms.push({ name: key, at, slice: null, value: 0n, mask: 0n });
    return true;
  }
  terms.push(term(f, at, v.value, v.mask, v.port));
  return true;
}

function term(f: OvsField, at: number, value: bigint, given: bigint | null, portName?: string): MatchTerm {
  const s = f.slice!;
  let mask = given ?? (1n << BigInt(s.n)) - 1n;
  if (s.field === "nw_tos" && s.n === 8) mask &= DSCP_MASK;
  return { name: f.name, at, slice: s, value: value & mask, mask, ...(portName === undefined ? {} : { portName }) };
}

/** `tp_src[6..10]=19`: bits of a field. */
function partKey(kv: KeyValue, terms: MatchTerm[], problems: ParseProblem[]): boolean {
  const part = parseFieldSlice(kv.key);
  if (!part) return false;
  const value = parseInteger(kv.value!);
  if (value === null) problems.push({ at: kv.valueAt, token: kv.value!, message: `'${kv.value}' is not a value of ${kv.key}` });
  terms.push({
    name: kv.key,
    at: kv.at,
    slice: value === null ? null : part.slice,
    value: value ?? 0n,
    mask: (1n << BigInt(part.bits)) - 1n,
  });
  return true;
}

/**
 * lib/match.c, match_set_dl_vlan and match_set_dl_vlan_pcp: both ask for a tag; 0xffff for none. A `1` behind the name
 * means the second tag.
 */
function vlanKey(kv: KeyValue, name: string, index: string, terms: MatchTerm[], problems: ParseProblem[]): boolean {
  const slice = index === "" ? VLAN_TCI : index === "1" ? VLAN_TCI2 : null;
  const [head, tail] = kv.value!.split("/");
  const n = parseInteger(head);
  const mask = tail === undefined ? ALL_16 : parseInteger(tail);
  if (n === null || n > ALL_16 || mask === null || (tail !== undefined && name !== "vlan_tci"))
    problems.push({ at: kv.valueAt, token: kv.value!, message: `'${kv.value}' is not a value of ${kv.key}` });
  const add = (value: bigint, m: bigint) => terms.push({ name: kv.key, at: kv.at, slice, value: value & m, mask: m });
  if (n === null || mask === null || slice === null) terms.push({ name: kv.key, at: kv.at, slice: null, value: 0n, mask: 0n });
  else if (name === "vlan_tci") add(n, mask);
  else if (name === "dl_vlan_pcp") add(((n & 7n) << 13n) | TCI.cfi, TCI.pcp | TCI.cfi);
  else if (n === ALL_16) add(0n, ALL_16);
  else add((n & TCI.vid) | TCI.cfi, TCI.vid | TCI.cfi);
  return true;
}

/** `packet_type=(0,0)` is Ethernet; others are packets without an Ethernet header, which rows do not hold. */
function packetType(kv: KeyValue, terms: MatchTerm[]): boolean {
  if (/^\(0,(0x)?0+\)$/.test(kv.value!)) return true;
  terms.push({ name: kv.key, at: kv.at, slice: null, value: 0n, mask: 0n });
  return true;
}

/** A match by itself: `tcp,nw_dst=192.0.2.1,tp_dst=80`. */
export function parseMatch(text: string): { terms: MatchTerm[]; problems: ParseProblem[] } {
  const terms: MatchTerm[] = [];
  const problems: ParseProblem[] = [];
  for (let kv = nextKeyValue(text, 0); kv; kv = nextKeyValue(text, kv.end))
    if (!matchKey(kv, terms, problems)) problems.push({ at: kv.at, token: kv.key, message: `'${kv.key}' is not a match field` });
  return { terms, problems };
}
