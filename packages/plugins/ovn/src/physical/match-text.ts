/** Rows of the IR as matches that `ovs-ofctl` takes: fields by OVS's names, values and masks in full. */
import { FIELDS, type Field, ipv4Text, ipv6Text, type Match, macText } from "@plumbline/model";

const OWNER: (Field | undefined)[] = [];
for (const f of FIELDS) if (!/^xx?reg/.test(f.name)) for (let i = 0; i < f.words; i++) OWNER[f.word + i] = f;

/** Where OVS has another name than the registry. */
const NAMES: { readonly [field: string]: string } = {
  eth_type: "dl_type",
  eth_src: "dl_src",
  eth_dst: "dl_dst",
  ip_proto: "nw_proto",
  ip_src: "nw_src",
  ip_dst: "nw_dst",
  ip_ttl: "nw_ttl",
};
/** `nw_frag` has words for its values (ovs-fields(7)). */
const FRAGMENTS: { readonly [valueAndMask: string]: string } = {
  "0/3": "no",
  "1/1": "yes",
  "1/3": "first",
  "3/3": "later",
  "0/2": "not_later",
};

export function matchText(match: Match): string {
  const values = new Map<Field, { v: bigint; m: bigint }>();
  for (const x of match) {
    const f = OWNER[x.w];
    if (!f) throw new Error(`word ${x.w} belongs to no field`);
    const shift = BigInt(32 * (f.words - 1 - (x.w - f.word)));
    const old = values.get(f) ?? { v: 0n, m: 0n };
    values.set(f, { v: old.v | (BigInt(x.v) << shift), m: old.m | (BigInt(x.m) << shift) });
  }
  return [...values]
    .sort((a, b) => a[0].word - b[0].word)
    .map(([f, { v, m }]) => term(f, v, m))
    .join(",");
}

function term(f: Field, v: bigint, m: bigint): string {
  const full = (1n << BigInt(f.bits)) - 1n;
  const name = NAMES[f.name] ?? f.name;
  if (f.name === "ip_frag") return `nw_frag=${FRAGMENTS[`${v}/${m}`] ?? (v === 0n ? "no" : "yes")}`;
  if (f.name === "nw_tos" && (m & 3n) === 0n) return `nw_tos=${v}`;
  if (f.name === "nw_tos" && m === 3n) return `nw_ecn=${v}`;
  if (f.name === "conj_id") return `conj_id=${v}`;
  const text = (x: bigint) =>
    f.format === "mac" ? macText(x) : f.format === "ipv4" ? ipv4Text(x) : f.format === "ipv6" ? ipv6Text(x) : hex(x);
  if (m === full) return f.format === "dec" || f.format === "port" ? `${name}=${v}` : `${name}=${text(v)}`;
  return `${name}=${text(v)}/${text(m)}`;
}

export const hex = (x: bigint | number): string => `0x${x.toString(16)}`;
