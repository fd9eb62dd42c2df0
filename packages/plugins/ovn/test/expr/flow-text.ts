/** A flow as `ovs-ofctl` writes its match: enough of it for the flows that expressions become. */
import { FIELDS, type Field, formatValue } from "@plumbline/model";
import type { FlowMatch } from "../../src/expr/rows.js";

const NAMES: Record<string, string> = { ip_src: "nw_src", ip_dst: "nw_dst", eth_src: "dl_src", eth_dst: "dl_dst" };
const STATES = ["new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"];
/** Order in which a match is written. */
const ORDER = [
  "conj_id",
  "ct_state",
  "ct_mark",
  "ct_label",
  "",
  "reg14",
  "reg15",
  "eth_src",
  "eth_dst",
  "ipv6_src",
  "ip_src",
  "ip_dst",
  "tp_src",
  "tp_dst",
];

export function flowText(f: FlowMatch): string {
  const values = new Map<Field, { v: bigint; m: bigint }>();
  for (const x of f.match) {
    const owner = FIELDS.find((o) => !/^xx?reg/.test(o.name) && x.w >= o.word && x.w < o.word + o.words)!;
    const shift = BigInt(32 * (owner.words - 1 - (x.w - owner.word)));
    const old = values.get(owner) ?? { v: 0n, m: 0n };
    values.set(owner, { v: old.v | (BigInt(x.v) << shift), m: old.m | (BigInt(x.m) << shift) });
  }
  const has = (name: string, v: number) => [...values].some(([k, x]) => k.name === name && x.v === BigInt(v));
  const ip = has("eth_type", 0x800);
  const ipv6 = has("eth_type", 0x86dd);
  const tcp = has("ip_proto", 6);
  const protocol = tcp && ip ? "tcp" : tcp && ipv6 ? "tcp6" : ip ? "ip" : ipv6 ? "ipv6" : "";
  const parts: [number, string][] = protocol ? [[ORDER.indexOf(""), protocol]] : [];
  for (const [field, x] of values) {
    if (field.name === "eth_type" || field.name === "ip_proto") continue;
    parts.push([ORDER.indexOf(field.name), `${NAMES[field.name] ?? field.name}=${valueText(field, x.v, x.m)}`]);
  }
  const match = parts
    .sort((a, b) => a[0] - b[0])
    .map((p) => p[1])
    .join(",");
  const conj = f.conj.map((c, i) => `${i === 0 ? ":" : ","} conjunction(${c.id}, ${c.clause - 1}/${c.of})`).join("");
  return match + conj;
}

function valueText(field: Field, v: bigint, m: bigint): string {
  const full = (1n << BigInt(field.bits)) - 1n;
  if (field.name === "ct_state")
    return STATES.map((s, i) => ((m >> BigInt(i)) & 1n ? `${(v >> BigInt(i)) & 1n ? "+" : "-"}${s}` : "")).join("");
  if (m === full) return formatValue(field, v);
  if (field.format === "ipv4") return `${formatValue(field, v)}/${32 - (full ^ m).toString(2).length}`;
  return `0x${v.toString(16)}/0x${m.toString(16)}`;
}
