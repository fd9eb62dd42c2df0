/** Random matches, and what a packet must be to meet them. */
import type { Random } from "../random.js";
import { drawValue, MATCH_FIELDS, type MatchField, maskedText, type Subject } from "./fields.js";
import type { Protocol } from "./protocols.js";

/** Bits of a packet, as {@link MatchField.kept} names them. */
export interface Demand {
  readonly in: string;
  readonly value: bigint;
  readonly mask: bigint;
}
/** A rule's match with what it demands. */
export interface Aim {
  readonly protocol: Protocol;
  readonly demands: readonly Demand[];
}
export interface Condition {
  readonly texts: readonly string[];
  readonly demands: readonly Demand[];
}

/** Connection states as bits: new 1, est 2, rel 4, rpl 8, inv 0x10, trk 0x20, snat 0x40, dnat 0x80. */
const STATES: readonly (readonly [text: string, value: number, mask: number])[] = [
  ["+trk", 0x20, 0x20],
  ["-trk", 0, 0x20],
  ["+new+trk", 0x21, 0x21],
  ["+est+trk", 0x22, 0x22],
  ["-new+est-rel+rpl+trk", 0x2a, 0x2f],
  ["+inv+trk", 0x30, 0x30],
  ["-inv+trk", 0x20, 0x30],
  ["+trk+snat", 0x60, 0x60],
  ["+est+trk+dnat", 0xa2, 0xa2],
  ["-rpl+trk", 0x20, 0x28],
  ["+rel+trk", 0x24, 0x24],
  ["0x22/0x23", 0x22, 0x23],
];
/** With one of these a match may ask for the original tuple. */
const TUPLE_STATES = STATES.filter(([t]) => t === "+new+trk" || t === "+est+trk");

/** Demands of a field's value. */
export function demandsOf(f: MatchField, value: bigint, mask: bigint): Demand[] {
  let rest = f.bits;
  return f.kept.map((k) => {
    rest -= k.bits;
    const cut = (v: bigint) => ((v >> BigInt(rest)) & ((1n << BigInt(k.bits)) - 1n)) << BigInt(k.at);
    return { in: k.in, value: cut(value & mask), mask: cut(mask) };
  });
}

function condition(r: Random, f: MatchField, p: Protocol, reading: Reading): Condition {
  if (f.name === "ct_state") {
    const [text, value, mask] = r.pick(STATES);
    return { texts: [`ct_state=${text}`], demands: [{ in: "ct_state", value: BigInt(value), mask: BigInt(mask) }] };
  }
  if (f.name === "tun_flags") {
    const on = r.chance(0.5);
    return { texts: [`tun_flags=${on ? "+" : "-"}oam`], demands: [{ in: "tun_flags", value: on ? 1n : 0n, mask: 1n }] };
  }
  if (f.name === "nw_frag") {
    const [text, value, mask] = r.pick([
      ["no", 0, 3],
      ["yes", 1, 1],
      ["first", 1, 3],
      ["later", 3, 3],
      ["not_later", 0, 2],
    ] as const);
    return { texts: [`nw_frag=${text}`], demands: [{ in: "nw_frag", value: BigInt(value), mask: BigInt(mask) }] };
  }
  if (f.name === "tcp_flags" && r.chance(0.5)) {
    const [text, value, mask] = r.pick([
      ["+syn-ack", 2, 0x12],
      ["+ack", 0x10, 0x10],
      ["-rst", 0, 4],
      ["+syn+ack", 0x12, 0x12],
    ] as const);
    return { texts: [`tcp_flags=${text}`], demands: [{ in: "tcp_flags", value: BigInt(value), mask: BigInt(mask) }] };
  }
  if (f.name === "vlan_tci" && r.chance(0.3))
    return { texts: ["vlan_tci=0x0000/0x1fff"], demands: [{ in: "vlan_tci", value: 0n, mask: 0x1fffn }] };
  // Later OpenFlow makes a condition on fewer bits of this one, and so it is printed.
  if (f.name === "vlan_tci" && reading.asHeld && r.chance(0.2))
    return { texts: ["vlan_tci=0"], demands: [{ in: "vlan_tci", value: 0n, mask: 0xffffn }] };
  let { value, mask } = drawValue(r, f, 0.3, reading.asWritten);
  if (f.name === "vlan_pcp" || f.name === "mpls_bos") mask = (1n << BigInt(f.bits)) - 1n;
  if (f.name === "nw_tos") value &= 0xfcn;
  const texts = [`${f.name}=${maskedText(f, value, mask)}`];
  const demands = demandsOf(f, value, f.name === "nw_tos" ? 0xfcn : mask);
  // A tag there must be, if it is to have parts.
  if (/^dl_vlan|^vlan_pcp/.test(f.name)) demands.push({ in: "vlan_tci", value: 0x1000n, mask: 0x1000n });
  // Of other versions OVS matches these and does not print them, so that a dump would lose them.
  if (f.name === "tun_erspan_idx") {
    texts.unshift("tun_erspan_ver=1");
    demands.push({ in: "tun_erspan_ver", value: 1n, mask: 15n });
  }
  if (f.name === "tun_erspan_dir" || f.name === "tun_erspan_hwid") {
    texts.unshift("tun_erspan_ver=2");
    demands.push({ in: "tun_erspan_ver", value: 2n, mask: 15n });
  }
  // Contexts are printed, and of use, in this kind of header.
  if (f.name.startsWith("nsh_c")) {
    texts.unshift("nsh_mdtype=1");
    demands.push({ in: "nsh_mdtype", value: 1n, mask: 255n });
  }
  if (f.name === "vlan_pcp") texts.unshift("vlan_tci=0x1000/0x1000");
  if (/^ct_(nw|ipv6|tp)_/.test(f.name)) {
    const [text, v, m] = r.pick(TUPLE_STATES);
    texts.unshift(`ct_state=${text}`);
    demands.push({ in: "ct_state", value: BigInt(v), mask: BigInt(m) });
    if (f.name.startsWith("ct_tp_")) {
      const proto = p.has.includes("tcp") ? 6n : p.has.includes("udp") ? 17n : 132n;
      texts.unshift(`ct_nw_proto=${proto}`);
      demands.push({ in: "ct_nw_proto", value: proto, mask: 255n });
    }
  }
  return { texts, demands };
}

/** How rules come to the reader: as they were written for certain (what a dump would lose is there), or as the switch holds them. */
export interface Reading {
  readonly asWritten: boolean;
  readonly asHeld: boolean;
}

/** Fields that overlap are one. */
function family(f: MatchField): string {
  if (/^(dl_vlan|vlan_)/.test(f.name)) return "vlan";
  if (/^ct_(state|nw|ipv6|tp)/.test(f.name)) return "ct tuple";
  if (/^nw_(tos|ecn)|^ip_(dscp|ecn)/.test(f.name)) return "tos";
  if (/^tun_(metadata|gbp|erspan)/.test(f.name)) return "options";
  if (/^nsh_(mdtype|c\d)$/.test(f.name)) return "nsh contexts";
  return f.kept.map((k) => k.in).join();
}
const overlap = (a: string, b: string) => a.split(",").some((x) => b.split(",").includes(x));

/** Draws conditions for rules that are about some subjects. */
export class Matches {
  /** Favourites, that packets may meet several rules by the same field. */
  private readonly favourites: readonly MatchField[];
  private readonly fields: readonly MatchField[];

  constructor(
    private readonly r: Random,
    subjects: ReadonlySet<Subject>,
    /** Every rule may ask for it: OpenFlow 1.0 has not all. */
    private readonly allowed: (f: MatchField) => boolean = () => true,
    private readonly reading: Reading = { asWritten: false, asHeld: false },
  ) {
    this.fields = MATCH_FIELDS.filter((f) => subjects.has(f.subject) && allowed(f));
    this.favourites = r.sample(this.fields, 10);
  }

  /** A condition on this field; null where no rule may ask for it. */
  on(f: MatchField, p: Protocol): Condition | null {
    return this.allowed(f) ? condition(this.r, f, p, this.reading) : null;
  }

  /** Up to three conditions on packets of a protocol, without its keywords. No field twice. */
  draw(p: Protocol, most = 3): Condition[] {
    const { r } = this;
    const fits = (f: MatchField) => f.needs === "" || p.has.includes(f.needs);
    const pool = [...this.fields, ...this.favourites, ...this.favourites].filter(fits);
    const own = this.fields.filter((f) => f.needs !== "" && fits(f));
    const count = Math.min(most, r.pick([0, 1, 1, 1, 2, 2, 3]));
    const out: Condition[] = [];
    const seen: string[] = [];
    for (const f of [...(own.length > 0 ? r.sample(own, 2) : []), ...r.sample(pool, 3)].sort(() => r.fraction() - 0.5)) {
      if (out.length >= count || seen.some((s) => overlap(s, family(f)))) continue;
      // The type stands in the protocol's own keywords.
      if (/icmpv6_(type|code)/.test(f.name) && p.keywords.length > 1) continue;
      seen.push(family(f));
      out.push(condition(r, f, p, this.reading));
    }
    return out;
  }
}
