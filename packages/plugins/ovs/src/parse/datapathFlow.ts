/**
 * A packet in the datapath's words, as `ovs-appctl dpctl/dump-flows` prints flows and `ofproto/trace` takes packets:
 * `in_port(1),eth(src=…,dst=…),eth_type(0x0800),ipv4(src=…,dst=…,proto=6,frag=no),tcp(src=…,dst=…)` (lib/odp-util.c,
 * odp_flow_from_string, odp_flow_key_to_flow). A mask behind a value is read over: it says what of the packet a flow looks at.
 */
import { ipv4Number, ipv6Number, macNumber, newRow, type Row, set } from "@plumbline/model";
import type { OvsTlvFact } from "../facts.js";
import { bad } from "./badArgument.js";
import { CT_STATE, TCP_FLAGS, TUN_FLAGS } from "./fieldValue.js";
import { ETH } from "./flowMatch.js";
import { NO_ETHERNET_TYPE, VLAN_LIMIT } from "./frame.js";
import { scanInteger } from "./numbers.js";
import { type KeyValue, keyValues } from "./scan.js";

export interface DatapathFlow {
  readonly row: Row;
  /** Number or name of the datapath's port; null if none is given. */
  readonly port: number | string | null;
}

/** Arguments of an attribute: name → field of the row. */
type Fields = Readonly<Record<string, string>>;
const ATTRIBUTES: Readonly<Record<string, Fields>> = {
  eth: { src: "eth_src", dst: "eth_dst" },
  ipv4: { src: "ip_src", dst: "ip_dst", proto: "ip_proto", tos: "nw_tos", ttl: "ip_ttl", frag: "ip_frag" },
  ipv6: { src: "ipv6_src", dst: "ipv6_dst", label: "ipv6_label", proto: "ip_proto", tclass: "nw_tos", hlimit: "ip_ttl", frag: "ip_frag" },
  tcp: { src: "tp_src", dst: "tp_dst" },
  udp: { src: "tp_src", dst: "tp_dst" },
  sctp: { src: "tp_src", dst: "tp_dst" },
  icmp: { type: "icmp_type", code: "icmp_code" },
  icmpv6: { type: "icmp_type", code: "icmp_code" },
  arp: { sip: "arp_spa", tip: "arp_tpa", op: "arp_op", sha: "arp_sha", tha: "arp_tha" },
  nd: { target: "nd_target", sll: "nd_sll", tll: "nd_tll" },
  nd_ext: { nd_reserved: "nd_reserved", nd_options_type: "nd_options" },
  ct_tuple4: { src: "ct_nw_src", dst: "ct_nw_dst", proto: "ct_nw_proto", tp_src: "ct_tp_src", tp_dst: "ct_tp_dst" },
  ct_tuple6: { src: "ct_ipv6_src", dst: "ct_ipv6_dst", proto: "ct_nw_proto", tp_src: "ct_tp_src", tp_dst: "ct_tp_dst" },
  nsh: {
    flags: "nsh_flags",
    ttl: "nsh_ttl",
    mdtype: "nsh_mdtype",
    np: "nsh_np",
    spi: "nsh_spi",
    si: "nsh_si",
    c1: "nsh_c1",
    c2: "nsh_c2",
    c3: "nsh_c3",
    c4: "nsh_c4",
  },
};
const TUNNEL: Fields = {
  tun_id: "tun_id",
  src: "tun_src",
  dst: "tun_dst",
  ipv6_src: "tun_ipv6_src",
  ipv6_dst: "tun_ipv6_dst",
  tos: "tun_tos",
  ttl: "tun_ttl",
};
/** Attributes with one value. */
const SINGLE: Fields = {
  skb_priority: "skb_priority",
  skb_mark: "pkt_mark",
  recirc_id: "recirc_id",
  dp_hash: "dp_hash",
  ct_zone: "ct_zone",
  ct_mark: "ct_mark",
  ct_label: "ct_label",
  eth_type: "eth_type",
};
const FRAGMENTS: Readonly<Record<string, bigint>> = { no: 0n, first: 1n, later: 3n, yes: 1n };
/** What tunnels have that rows have no fields for, or that no flow can ask for. */
const READ_OVER = new Set(["tp_src", "tp_dst"]);

/** Whether a text is in the datapath's words. */
export function isDatapathFlow(text: string): boolean {
  return /^[\s,]*(?:ufid:[0-9a-f-]+\s*,?\s*)?(?:skb_priority|skb_mark|recirc_id|dp_hash|ct_state|ct_zone|ct_mark|ct_label|ct_tuple[46]|tunnel|in_port|eth|vlan|eth_type|mpls|ipv4|ipv6|tcp|tcp_flags|udp|sctp|icmp|icmpv6|arp|nd|nd_ext|packet_type|nsh|encap)\(/.test(
    text,
  );
}

/** Throws {@link BadArgument}. `options`: the mapping of geneve options, for those that a packet has. */
export function parseDatapathFlow(text: string, options: readonly OvsTlvFact[] = [], vlanLimit = VLAN_LIMIT): DatapathFlow {
  const reader = new Reader(options, vlanLimit);
  reader.read(text.replace(/^[\s,]*ufid:[0-9a-f-]+\s*,?\s*/, ""), 0);
  return reader.end();
}

class Reader {
  private readonly row = newRow();
  private port: number | string | null = null;
  private readonly seen = new Set<string>();
  private tags = 0;

  constructor(
    private readonly options: readonly OvsTlvFact[],
    private readonly vlanLimit: number,
  ) {}

  end(): DatapathFlow {
    const { row, seen } = this;
    if (!seen.has("eth_type"))
      set(row, "eth_type", seen.has("ipv4") ? ETH.ip : seen.has("ipv6") ? ETH.ipv6 : seen.has("mpls") ? ETH.mpls : NO_ETHERNET_TYPE);
    // Without an Ethernet header the packet begins with what its type says.
    if (!seen.has("eth") && seen.has("eth_type") && !seen.has("packet_type")) this.number("packet_type", 0x10000n | BigInt(this.type));
    return { row, port: this.port };
  }

  private type = 0;

  /** @param depth tags around these attributes */
  read(text: string, depth: number): void {
    for (const kv of keyValues(text)) {
      if (kv.delimiter !== "(") bad(`syntax error at ${text.slice(kv.at)}`);
      this.attribute(kv, text, depth);
      // The type of a tagged packet stands within the tag.
      if (depth === 0 || kv.key !== "eth_type") this.seen.add(kv.key);
    }
  }

  private attribute(kv: KeyValue, text: string, depth: number): void {
    const argument = kv.value ?? "";
    const wrong = (): never => bad(`syntax error at ${text.slice(kv.at)}`);
    switch (kv.key) {
      case "in_port": {
        const n = scanInteger(argument, 4);
        this.port = n !== null && n !== "range" && /^(\/.*)?$/.test(n.rest) ? Number(n.value) : argument;
        return;
      }
      case "ct_state":
        this.number("ct_state", flags(argument, CT_STATE) ?? wrong());
        return;
      case "tcp_flags":
        this.number("tcp_flags", flags(argument, TCP_FLAGS) ?? wrong());
        return;
      case "vlan":
        this.vlan(argument, depth);
        return;
      case "encap":
        // A tag beyond the limit is not looked into: the packet's type is that of the tag.
        if (this.tags <= this.vlanLimit && depth < this.vlanLimit) this.read(argument, depth + 1);
        return;
      case "mpls":
        this.mpls(argument);
        return;
      case "packet_type": {
        const ns = /ns=([^,/]*)/.exec(argument);
        const id = /id=([^,/]*)/.exec(argument);
        this.number("packet_type", (BigInt(ns?.[1] || 0) << 16n) | BigInt(id?.[1] || 0));
        return;
      }
      case "tunnel":
        this.tunnel(argument, wrong);
        return;
    }
    if (Object.hasOwn(SINGLE, kv.key)) {
      const v = value(SINGLE[kv.key], argument) ?? wrong();
      if (kv.key === "eth_type") this.type = Number(v);
      this.number(SINGLE[kv.key], v);
      return;
    }
    if (!Object.hasOwn(ATTRIBUTES, kv.key)) wrong();
    this.fields(ATTRIBUTES[kv.key], argument, wrong);
  }

  private fields(fields: Fields, text: string, wrong: () => never): void {
    for (const a of keyValues(text)) {
      if (!Object.hasOwn(fields, a.key) || a.value === null) wrong();
      this.number(fields[a.key], value(fields[a.key], a.value!) ?? wrong());
    }
  }

  private number(field: string, v: bigint): void {
    set(this.row, field, v);
  }

  private vlan(text: string, depth: number): void {
    const parts = Object.fromEntries(keyValues(text).map((a) => [a.key, Number(value("vlan_tci", a.value ?? "") ?? 0n)]));
    const tci = ((parts.vid ?? 0) & 0xfff) | (((parts.pcp ?? 0) & 7) << 13) | (parts.cfi === 0 ? 0 : 0x1000);
    this.tags++;
    if (depth < this.vlanLimit && depth < 2) set(this.row, depth === 0 ? "vlan_tci" : "vlan_tci2", tci);
  }

  /** Up to three entries in a row: `label=1,tc=0,ttl=64,bos=0,label=2,…`. */
  private mpls(text: string): void {
    let entry = -1;
    const shift: Readonly<Record<string, number>> = { label: 12, tc: 9, bos: 8, ttl: 0 };
    const entries = [0, 0, 0];
    for (const a of keyValues(text)) {
      if (a.key === "label") entry++;
      if (entry >= 0 && entry < 3 && a.key in shift) entries[entry] += Number(value("mpls_lse", a.value ?? "") ?? 0n) * 2 ** shift[a.key];
    }
    for (const [i, e] of entries.entries()) set(this.row, i === 0 ? "mpls_lse" : `mpls_lse${i}`, e);
  }

  private tunnel(text: string, wrong: () => never): void {
    for (const a of keyValues(text)) {
      const v = a.value ?? "";
      if (Object.hasOwn(TUNNEL, a.key)) this.number(TUNNEL[a.key], value(TUNNEL[a.key], v) ?? wrong());
      else if (a.key === "flags") this.number("tun_flags", flags(v.replace(/^[-+]|\/.*$/g, ""), TUN_FLAGS) ?? 0n);
      else if (a.key === "geneve") this.geneve(v);
      else if (a.key === "vxlan") {
        const id = /id=(\w+)/.exec(v);
        const gbp = /flags=(\w+)/.exec(v);
        if (id) this.number("tun_gbp_id", BigInt(id[1]));
        if (gbp) this.number("tun_gbp_flags", BigInt(gbp[1]));
      } else if (a.key === "gtpu" || a.key === "erspan") {
        for (const [, name, n] of v.matchAll(/(\w+)=(\w+)/g)) if (name !== "sid") this.number(`tun_${a.key}_${name}`, BigInt(n));
      } else if (!READ_OVER.has(a.key)) wrong();
    }
  }

  /** `{class=0x102,type=0x80,len=4,0x00010002}`, one after the other. */
  private geneve(text: string): void {
    for (const [, cls, type, , content] of text.matchAll(/\{class=(\w+)(?:\/\w+)?,type=(\w+)(?:\/\w+)?,len=(\w+),(\w+)[^}]*\}/g)) {
      const option = this.options.find((o) => o.class === Number(cls) && o.type === Number(type));
      const field = option?.field ?? "";
      if (/^tun_metadata([0-9]|1[0-5])$/.test(field)) this.number(field, BigInt(content) & ((1n << 128n) - 1n));
    }
  }
}

/** A value of a row's field, without its mask; null if it is none. */
function value(field: string, text: string): bigint | null {
  const head = text.replace(/\/.*$/s, "");
  if (head.includes(".") && !head.includes(":")) {
    const n = ipv4Number(head);
    return n === null ? null : BigInt(n);
  }
  if (/^([0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}$/.test(head)) return macNumber(head);
  if (head.includes(":")) return ipv6Number(head);
  if (field === "ip_frag") return FRAGMENTS[head] ?? null;
  const n = scanInteger(head, 16);
  return n === null || n === "range" || n.rest !== "" ? null : n.value;
}

/** `0x2`, `syn|ack`, `+syn-ack`; of a masked value, what is set. */
function flags(text: string, names: readonly string[]): bigint | null {
  const head = text.replace(/\/.*$/s, "");
  const n = scanInteger(head, 4);
  if (n !== null && n !== "range" && n.rest === "") return n.value;
  let v = 0n;
  if (/^[+-]/.test(head)) {
    for (const [, sign, name] of head.matchAll(/([+-])([^+-]+)/g)) {
      if (!names.includes(name)) return null;
      if (sign === "+") v |= 1n << BigInt(names.indexOf(name));
    }
    return v;
  }
  for (const name of head.split("|")) {
    if (name === "") continue;
    if (!names.includes(name)) return null;
    v |= 1n << BigInt(names.indexOf(name));
  }
  return v;
}
