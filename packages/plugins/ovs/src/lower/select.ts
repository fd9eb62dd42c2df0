/**
 * How a select group takes a bucket (ofproto-dpif.c, group_set_selection_method and group_setup_dp_hash_table;
 * ofproto-dpif-xlate.c, pick_select_group).
 */
import { type ChooseBy, type Match, matchField, slice } from "@plumbline/model";
import type { Bucket, OvsGroup } from "../ast.js";
import { type Needs, ovsField } from "../fields.js";
import { FIELD_TABLE } from "../fieldTable.js";

/** Values of the hash that are told apart: at most, and at least. */
const MOST = 256;
const FEWEST = 16;

export interface Selection {
  /** `default`: a symmetric hash of OVS's own, where the weights are too uneven for the datapath's. */
  readonly method: "dp_hash" | "hash" | "default";
  /** Of the datapath's hash: 0 over the 5-tuple, 1 symmetric. */
  readonly algorithm: number;
  readonly basis: number;
  /** Buckets that may be taken, in the group's order. */
  readonly options: readonly Bucket[];
  /** dp_hash: option by value of the hash's low bits. */
  readonly map: readonly number[];
  readonly by: ChooseBy | undefined;
  /** Fields of the packet that are read for it. */
  reads(ethType: number): readonly string[];
}

export function selection(g: OvsGroup, isLive: (b: Bucket) => boolean): Selection {
  const options = g.buckets.filter((b) => isLive(b) && b.weight > 0);
  const asked = g.selectionMethod;
  const table = asked === "hash" ? null : hashTable(g);
  if (table) {
    const algorithm = asked === "" ? 1 : Number(g.selectionParam >> 32n);
    const map = options.length === 0 ? [] : table.map((_, h) => firstLive(table, h, options));
    return {
      method: "dp_hash",
      algorithm: algorithm > 1 ? 0 : algorithm,
      basis: asked === "" ? 0 : Number(g.selectionParam & 0xffffffffn),
      options,
      map,
      by: map.length === 0 ? undefined : { kind: "map", field: slice("dp_hash"), map },
      reads: () => [],
    };
  }
  const fields = asked === "hash" ? hashedFields(g) : [];
  if (fields.length > 0)
    return {
      method: "hash",
      algorithm: 0,
      basis: 0,
      options,
      map: [],
      by: { kind: "fields", param: g.selectionParam, fields, ids: options.map((b) => b.id ?? g.buckets.indexOf(b)) },
      reads: () => fields.map((f) => f.slice.field),
    };
  return { method: "default", algorithm: 0, basis: 0, options, map: [], by: undefined, reads: symmetricL4 };
}

/** Webster's method: every value of the hash goes to the bucket that is furthest behind its weight. Null if too many values are needed. */
function hashTable(g: OvsGroup): Bucket[] | null {
  const weights = g.buckets.map((b) => b.weight);
  const total = weights.reduce((a, b) => a + b, 0);
  if (total === 0) return null;
  const least = Math.min(...weights.filter((w) => w > 0));
  const slots = Math.max(FEWEST, 2 ** Math.ceil(Math.log2(Math.ceil(total / least))));
  if (slots > MOST) return null;
  const state = g.buckets.map((bucket) => ({ bucket, divisor: 1, value: bucket.weight }));
  return Array.from({ length: slots }, () => {
    let winner = state[0];
    for (const s of state) if (s.value > winner.value) winner = s;
    winner.divisor += 2;
    winner.value = winner.bucket.weight / winner.divisor;
    return winner.bucket;
  });
}

function firstLive(table: readonly Bucket[], hash: number, options: readonly Bucket[]): number {
  for (let i = 0; i < table.length; i++) {
    const at = options.indexOf(table[(hash + i) % table.length]);
    if (at >= 0) return at;
  }
  return 0;
}

function symmetricL4(ethType: number): string[] {
  const l2 = ["eth_src", "eth_dst", "vlan_tci"];
  if (ethType === 0x0800) return [...l2, "ip_src", "ip_dst", "ip_proto", "tp_src", "tp_dst"];
  if (ethType === 0x86dd) return [...l2, "ipv6_src", "ipv6_dst", "ip_proto", "tp_src", "tp_dst"];
  return l2;
}

type HashFields = Extract<ChooseBy, { kind: "fields" }>["fields"];

/** Places of OVS's fields in its own order (meta-flow.h). */
const ORDER = new Map(
  FIELD_TABLE.trim()
    .split("\n")
    .map((row, i) => [row.slice(0, row.indexOf(" ")), i]),
);

/** `fields(ip_src,nw_proto,tcp_src=0xff)`, in OVS's order of fields. */
function hashedFields(g: OvsGroup): HashFields {
  const asked = g.fields.flatMap((text) => {
    const [name, mask] = text.split("=");
    const f = ovsField(name);
    // OVS hashes a tag's number with the bit that says that there is a tag.
    const slice = f?.name === "vlan_vid" && f.slice ? { ...f.slice, n: 13 } : f?.slice;
    return f && slice ? [{ f, slice, mask: mask === undefined ? null : maskValue(mask) }] : [];
  });
  asked.sort((a, b) => placeOf(a.f.name) - placeOf(b.f.name));
  return asked.map(({ f, slice: s, mask }) => {
    const when = whenPresent(f.needs);
    return { slice: s, mask: mask ?? (1n << BigInt(s.n)) - 1n, bytes: f.bytes, ...(when ? { when } : {}) };
  });
}
function placeOf(name: string): number {
  return ORDER.get(name) ?? (name.startsWith("tun_metadata") ? (ORDER.get("metadata") ?? 0) - 0.5 : (ORDER.get("eth_src") ?? 0) - 0.5);
}

function maskValue(text: string): bigint | null {
  if (/^(0x[0-9a-fA-F]+|\d+)$/.test(text)) return BigInt(text);
  const octets = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (octets) return octets.slice(1).reduce((v, o) => (v << 8n) | BigInt(o), 0n);
  if (/^[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}$/.test(text)) return text.split(":").reduce((v, o) => (v << 8n) | BigInt(`0x${o}`), 0n);
  return null;
}

/** Packets that have a field of these needs; null: all have. */
function whenPresent(needs: Needs): readonly Match[] | null {
  const type = (...types: number[]) => types.map((t) => matchField([], "eth_type", t));
  const proto = (p: number, on: readonly Match[]) => on.map((m) => matchField(matchField(m, "ip_proto", p), "ip_frag", 0, 2));
  const nd = (...types: number[]) =>
    types.flatMap((t) => proto(58, type(0x86dd)).map((m) => matchField(matchField(m, "icmp_type", t), "icmp_code", 0)));
  switch (needs) {
    case "-":
    case "eth":
    case "ct":
      return null;
    case "vlan":
      return [matchField([], "vlan_tci", 0x1000, 0x1000)];
    case "arp":
      return type(0x0806, 0x8035);
    case "ip4":
      return type(0x0800);
    case "ip6":
      return type(0x86dd);
    case "ip":
      return type(0x0800, 0x86dd);
    case "mpls":
      return type(0x8847, 0x8848);
    case "nsh":
      return type(0x894f);
    case "tcp":
      return proto(6, type(0x0800, 0x86dd));
    case "udp":
      return proto(17, type(0x0800, 0x86dd));
    case "sctp":
      return proto(132, type(0x0800, 0x86dd));
    case "icmp4":
      return proto(1, type(0x0800));
    case "icmp6":
      return proto(58, type(0x86dd));
    case "nd":
      return nd(135, 136);
    case "ns":
      return nd(135);
    case "na":
      return nd(136);
  }
}
