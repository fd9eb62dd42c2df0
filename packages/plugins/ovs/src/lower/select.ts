/**
 * How a select group takes a bucket (ofproto-dpif.c, group_set_selection_method and group_setup_dp_hash_table;
 * ofproto-dpif-xlate.c, pick_select_group).
 */
import { type ChooseBy, slice } from "@plumbline/model";
import type { Bucket, OvsGroup } from "../ast.js";
import { ovsField } from "../fields.js";
import { FIELD_TABLE } from "../fieldTable.js";
import { whenPresent } from "./presence.js";

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
  /** hash: OVS's names of the fields that `by` has. */
  readonly names: readonly string[];
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
      names: [],
    };
  }
  const { fields, names } = asked === "hash" ? hashedFields(g) : { fields: [], names: [] };
  if (fields.length > 0)
    return {
      method: "hash",
      algorithm: 0,
      basis: 0,
      options,
      map: [],
      by: { kind: "fields", param: g.selectionParam, fields, ids: options.map((b) => b.id ?? g.buckets.indexOf(b)) },
      names,
    };
  return { method: "default", algorithm: 0, basis: 0, options, map: [], by: undefined, names: [] };
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

type HashFields = Extract<ChooseBy, { kind: "fields" }>["fields"];

/** Places of OVS's fields in its own order (meta-flow.h). */
const ORDER = new Map(
  FIELD_TABLE.trim()
    .split("\n")
    .map((row, i) => [row.slice(0, row.indexOf(" ")), i]),
);

/** `fields(ip_src,nw_proto,tcp_src=0xff)`, in OVS's order of fields. */
function hashedFields(g: OvsGroup): { fields: HashFields; names: readonly string[] } {
  const asked = g.fields.flatMap((text) => {
    const [name, mask] = text.split("=");
    const f = ovsField(name);
    // OVS hashes a tag's number with the bit that says that there is a tag.
    const slice = f?.name === "vlan_vid" && f.slice ? { ...f.slice, n: 13 } : f?.slice;
    return f && slice ? [{ f, slice, mask: mask === undefined ? null : maskValue(mask) }] : [];
  });
  asked.sort((a, b) => placeOf(a.f.name) - placeOf(b.f.name));
  const fields = asked.map(({ f, slice: s, mask }) => {
    const when = whenPresent(f.needs);
    return { slice: s, mask: mask ?? (1n << BigInt(s.n)) - 1n, bytes: f.bytes, ...(when ? { when } : {}) };
  });
  return { fields, names: asked.map(({ f }) => f.name) };
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
