/** A match as conditions on a packet row, and the match that such conditions make together. */
import type { MatchTerm } from "../ast.js";
import { type OvsField, ovsField, plainField, storageBits } from "../fields.js";
import { bytesMask } from "./fieldValue.js";
import { ETH, FlowMatch, type OptionMatch, PROTO } from "./flowMatch.js";

/** The match as conditions on a packet row. `nameOf`: what the text called a place; `meant`: the field that the text named. */
export function termsOf(m: FlowMatch, nameOf?: (place: string) => string | undefined, meant: OvsField | null = null): MatchTerm[] {
  const out: MatchTerm[] = [];
  for (const [place, { value, mask }] of m.entries()) {
    // That a packet begins with Ethernet is what all packets do where nothing else is said.
    if (place === "packet_type" && m.hasDefaultPacketType()) continue;
    // OVS does not send these with the value 0, to whichever version of OpenFlow (lib/nx-match.c, nx_put_raw).
    if (value === 0n && (place === "tun_erspan_dir" || place === "tun_erspan_hwid")) continue;
    const f = meant?.storage === place && SHARED.has(place) ? meant : fieldOf(m, place);
    const name = nameOf?.(place) ?? f?.name ?? place;
    const port = m.portNames.get(place);
    out.push({ ...inRows(name, place, f, value, mask), ...(port === undefined ? {} : { portName: port }) });
  }
  for (const [i, o] of m.options) out.push(optionTerm(i, o));
  return out;
}

/** The field that a place means in this match. */
function fieldOf(m: FlowMatch, place: string): OvsField | null {
  const arp = m.isArp();
  const icmp = m.ethType() === ETH.ip && m.value("nw_proto") === PROTO.icmp;
  const icmp6 = m.ethType() === ETH.ipv6 && m.value("nw_proto") === PROTO.icmp6;
  const name = ((): string => {
    switch (place) {
      case "nw_src":
        return arp ? "arp_spa" : "ip_src";
      case "nw_dst":
        return arp ? "arp_tpa" : "ip_dst";
      case "nw_proto":
        return arp ? "arp_op" : "nw_proto";
      case "nw_frag":
        return "ip_frag";
      case "tp_src":
        return icmp || icmp6 ? "icmp_type" : "tcp_src";
      case "tp_dst":
        return icmp || icmp6 ? "icmp_code" : "tcp_dst";
      case "tcp_flags":
        return icmp6 ? "nd_options_type" : "tcp_flags";
      case "arp_sha":
        return icmp6 ? "nd_sll" : "arp_sha";
      case "arp_tha":
        return icmp6 ? "nd_tll" : "arp_tha";
      case "igmp":
        return "nd_reserved";
      default:
        return place;
    }
  })();
  return ovsField(name);
}

const WIDER_IN_ROWS: Readonly<Record<string, bigint>> = { in_port: 0xffffn, actset_output: 0xffffn, ct_state: 0xffn };

/** Places with several names. */
const SHARED = new Set(["nw_src", "nw_dst", "nw_proto", "tp_src", "tp_dst", "tcp_flags", "arp_sha", "arp_tha"]);

/** A term where rows have the place, else one that names it. */
function inRows(name: string, place: string, f: OvsField | null, value: bigint, mask: bigint): MatchTerm {
  const field = place === "mpls_lse" ? "mpls_lse" : null;
  const slice = field ? { field, ofs: 0, n: 32 } : (f?.slice ?? null);
  if (!slice) return { name, slice: null, beyond: { field: place, ofs: 0 }, value, mask };
  if (f?.name === "arp_op" && mask === 0xffn) return { name, slice, value, mask: 0xffffn };
  // Rows have more bits of these than OVS has; all that count are all.
  const wide = WIDER_IN_ROWS[place];
  if (wide !== undefined && mask === wide) return { name, slice: { field: place, ofs: 0, n: 32 }, value, mask: 0xffffffffn };
  const all = (1n << BigInt(slice.n)) - 1n;
  return { name, slice, value: value & all, mask: mask & all };
}

function optionTerm(i: number, o: OptionMatch): MatchTerm {
  const name = `tun_metadata${i}`;
  const held = plainField(name)?.slice;
  const whole = !o.masked && o.value >> 128n === 0n;
  if (held && o.present && (whole || (o.mask !== 0n && o.mask >> BigInt(held.n) === 0n)))
    // The option as a whole, however long the mapping of options makes it.
    return { name, slice: held, value: o.value, mask: whole ? (1n << BigInt(held.n)) - 1n : o.mask, bytes: o.bytes };
  return {
    name,
    slice: null,
    beyond: { field: name, ofs: 0 },
    value: o.value,
    mask: o.mask,
    bytes: o.bytes,
    ...(o.present ? {} : { absent: true }),
  };
}

/** Places in a match by what rows call them: the inverse of {@link termsOf}. */
const PLACE_OF: Readonly<Record<string, string>> = {
  ip_src: "nw_src",
  arp_spa: "nw_src",
  ip_dst: "nw_dst",
  arp_tpa: "nw_dst",
  ip_proto: "nw_proto",
  arp_op: "nw_proto",
  ip_ttl: "nw_ttl",
  ip_frag: "nw_frag",
  icmp_type: "tp_src",
  icmp_code: "tp_dst",
  nd_sll: "arp_sha",
  nd_tll: "arp_tha",
  nd_options: "tcp_flags",
  nd_reserved: "igmp",
  vlan_tci2: "vlan_tci1",
};

/** The match that terms make together. */
export function matchOf(terms: readonly MatchTerm[]): FlowMatch {
  const m = new FlowMatch();
  for (const t of terms) {
    const where = t.slice ?? t.beyond;
    if (!where) continue;
    const option = /^tun_metadata(\d+)$/.exec(where.field);
    if (option) {
      const i = Number(option[1]);
      const old = m.options.get(i);
      const whole = t.slice !== null && t.slice.ofs === 0 && t.mask === (1n << BigInt(t.slice.n)) - 1n;
      const given = whole ? bytesMask(t.bytes ?? Math.ceil(t.value.toString(16).length / 2)) : t.mask << BigInt(where.ofs);
      const mask = given | (old?.mask ?? 0n);
      const bytes = Math.max(t.bytes ?? (mask === 0n ? 0 : Math.ceil(mask.toString(16).length / 2)), old?.bytes ?? 0);
      m.options.set(i, {
        value: (t.value << BigInt(where.ofs)) | (old?.value ?? 0n),
        mask,
        bytes,
        masked: !whole && (mask === 0n || mask !== bytesMask(bytes)),
        present: t.absent !== true,
      });
      continue;
    }
    const place = PLACE_OF[where.field] ?? where.field;
    const wide = /^(xx?)reg(\d+)$/.exec(place);
    if (wide) {
      const f = ovsField(place)!;
      m.addToField(f, (t.value & t.mask) << BigInt(where.ofs), t.mask << BigInt(where.ofs));
      continue;
    }
    let value = (t.value & t.mask) << BigInt(where.ofs);
    let mask = t.mask << BigInt(where.ofs);
    // Rows have 8 bits of an ICMP type where OVS has 16.
    if ((where.field === "icmp_type" || where.field === "icmp_code" || where.field === "nd_options") && mask === 0xffn) mask = 0xffffn;
    const width = (1n << BigInt(where.field === "nd_options" ? 16 : storageBits(place))) - 1n;
    mask &= place === "in_port" ? 0xffffn : width;
    value &= mask;
    const old = m.get(place);
    m.put(place, old.value | value, old.mask | mask);
    if (t.portName !== undefined) m.portNames.set(place, t.portName);
  }
  return m;
}
