/**
 * Values of fields, with or without a mask (lib/meta-flow.c, mf_parse and what it calls; messages are OVS's).
 */
import { ipv4Number, ipv6Number, macNumber } from "@plumbline/model";
import type { OvsField } from "../fields.js";
import { bad } from "./badArgument.js";
import { type Names, portFromText } from "./names.js";
import { scanInteger } from "./numbers.js";

export interface FieldValue {
  readonly value: bigint;
  /** All bits of the value's bytes where the text has no mask. */
  readonly mask: bigint;
  /** A port's name; `value` is then 0. */
  readonly port?: string;
}

export const CT_STATE: readonly string[] = ["new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat"];
export const TCP_FLAGS: readonly string[] = ["fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns", "[200]", "[400]", "[800]"];
export const TUN_FLAGS: readonly string[] = ["oam", "df", "csum", "key"];
/** Name, mask, value; bit 0: any fragment, bit 1: not the first. The first that fits a name or a value counts. */
export const FRAGMENTS: readonly (readonly [name: string, mask: number, value: number])[] = [
  ["no", 3, 0],
  ["first", 3, 1],
  ["later", 3, 3],
  ["no", 1, 0],
  ["yes", 1, 1],
  ["not_later", 2, 0],
  ["later", 2, 2],
];

/** All bits of `n` bytes. */
export function bytesMask(n: number): bigint {
  return (1n << BigInt(8 * n)) - 1n;
}

/**
 * Throws {@link BadArgument}, with OVS's message, where the text is no value of the field. `anyMask`: a dump shows `load` to a part of a
 * field as a masked `set_field`, of fields too of which OVS itself reads no mask.
 */
export function parseFieldValue(f: OvsField, text: string, names: Names, anyMask = false): FieldValue {
  if (text === "*") return { value: 0n, mask: 0n };
  const v = parse(f, text, names);
  if (!anyMask && !f.maskable && v.mask !== 0n && v.mask !== bytesMask(f.bytes)) bad(`${text}: invalid mask for field ${f.name}`);
  return v;
}

function parse(f: OvsField, text: string, names: Names): FieldValue {
  const all = bytesMask(f.bytes);
  switch (f.format) {
    case "dec":
    case "hex":
      return integer(f, text);
    case "mac": {
      const [head, tail, more] = text.split("/");
      const value = macNumber(head);
      const mask = tail === undefined ? all : macNumber(tail);
      if (value === null || mask === null || more !== undefined) bad(`${text}: invalid Ethernet address`);
      return { value, mask };
    }
    case "ipv4":
      return ipv4(text);
    case "ipv6":
      return ipv6(text);
    case "ct_state":
      return flags(text, CT_STATE, "ct_state", 0xff, all);
    case "tcp_flags":
      return flags(text, TCP_FLAGS, "TCP", 0xfff, all);
    case "tun_flags":
      return flags(text, TUN_FLAGS, "tunnel", 1, all);
    case "frag": {
      const lower = text.toLowerCase();
      const h = FRAGMENTS.find((x) => x[0] === lower);
      if (!h) bad(`${text}: unknown fragment type (valid types are "no", "yes", "first", "later", "not_later"`);
      // The other bits count as given, so that the mask of both bits is an exact one.
      return { value: BigInt(h[2]), mask: BigInt(h[1] | 0xfc) };
    }
    case "port":
    case "port32": {
      const p = portFromText(text, names);
      if (p === null)
        bad(f.format === "port" ? `${text}: invalid or unknown port for ${f.name}` : `${text}: port value out of range for ${f.name}`);
      if (typeof p === "string") return { value: 0n, mask: all, port: p };
      return { value: f.format === "port32" && p >= 0xff00 ? BigInt(p) + 0xffff0000n : BigInt(p), mask: all };
    }
    case "packet_type":
      return packetType(text);
  }
}

function integer(f: OvsField, text: string): FieldValue {
  const syntax = (what: string, range: boolean): never =>
    bad(range ? `${text}: ${what} too large for ${f.bytes}-byte field ${f.name}` : `${text}: bad syntax for ${f.name} ${what}`);
  const v = scanInteger(text, f.bytes);
  if (v === null || v === "range") return syntax("value", v === "range");
  if (v.rest === "") return { value: v.value, mask: bytesMask(f.bytes) };
  if (v.rest[0] !== "/") return syntax("value", false);
  const m = scanInteger(v.rest.slice(1), f.bytes);
  if (m === null || m === "range" || m.rest !== "") return syntax("mask", m === "range");
  return { value: v.value, mask: m.value };
}

function ipv4(text: string): FieldValue {
  const [head, tail, more] = text.split("/");
  const value = ipv4Number(head);
  if (value === null || more !== undefined) bad(`${text}: invalid IP address`);
  if (tail === undefined) return { value: BigInt(value), mask: 0xffffffffn };
  const dotted = ipv4Number(tail);
  if (dotted !== null) return { value: BigInt(value), mask: BigInt(dotted) };
  if (!/^\d+$/.test(tail)) bad(`${text}: invalid IP address`);
  if (Number(tail) > 32) bad(`${text}: IPv4 network bits not between 0 and 32, inclusive`);
  return { value: BigInt(value), mask: prefix(Number(tail), 32) };
}

function ipv6(text: string): FieldValue {
  const slash = text.indexOf("/");
  const value = ipv6Number(slash < 0 ? text : text.slice(0, slash));
  if (value === null) bad(`${text}: invalid IPv6 address`);
  if (slash < 0) return { value, mask: bytesMask(16) };
  const tail = text.slice(slash + 1);
  if (/^\d+$/.test(tail)) {
    if (Number(tail) > 128) bad(`${text}: IPv6 network bits not between 0 and 128, inclusive`);
    return { value, mask: prefix(Number(tail), 128) };
  }
  const mask = ipv6Number(tail);
  if (mask === null) bad(`${text}: invalid IPv6 address`);
  return { value, mask };
}

function prefix(length: number, bits: number): bigint {
  return ((1n << BigInt(length)) - 1n) << BigInt(bits - length);
}

/** `(ns,type)`. */
function packetType(text: string): FieldValue {
  const wrong = (at: string, why: string): never => bad(`${at}: bad syntax for packet type ${why}`);
  if (text[0] !== "(") return wrong(text, "missing '('");
  const ns = scanInteger(text.slice(1), 2);
  if (ns === null || ns === "range") return wrong(text.slice(1), "ns");
  if (ns.rest[0] !== ",") return wrong(text.slice(1), "missing ','");
  const type = scanInteger(ns.rest.slice(1), 2);
  if (type === null || type === "range") return wrong(ns.rest.slice(1), "ns_type");
  if (type.rest[0] !== ")") return wrong(ns.rest.slice(1), "missing ')'");
  return { value: (ns.value << 16n) | type.value, mask: 0xffffffffn };
}

/** parse_flags: `0x1/0x3`, `+est-rel` (masked), `est|trk` or a number (exact). */
function flags(text: string, names: readonly string[], field: string, allowed: number, all: bigint): FieldValue {
  const unknown = (): never => bad(`${text}: unknown ${field} flag(s)`);
  const numeric = /^(0[xX][0-9a-fA-F]+|\d+)\/(0[xX][0-9a-fA-F]+|\d+)$/.exec(text);
  if (numeric) {
    const [value, mask] = [Number(numeric[1]), Number(numeric[2])];
    if (((value | mask) & ~allowed) !== 0) unknown();
    return { value: BigInt(value), mask: BigInt(mask) };
  }
  if (/^[+-]/.test(text)) {
    let value = 0;
    let mask = 0;
    for (let rest = text; rest !== ""; ) {
      const m = /^([+-])([^+-]*)/.exec(rest);
      if (!m) bad(`${rest}: ${field} must be preceded by '+' (for SET) or '-' (NOT SET)`);
      const bit = 1 << names.indexOf(m[2]);
      if (!names.includes(m[2]) || (bit & ~allowed) !== 0) unknown();
      if ((mask & bit) !== 0) bad(`${rest.slice(1)}: Each ${field} flag can be specified only once`);
      mask |= bit;
      if (m[1] === "+") value |= bit;
      rest = rest.slice(m[0].length);
    }
    return { value: BigInt(value), mask: BigInt(mask) };
  }
  let value = 0;
  if (text !== "")
    for (const part of text.split("|")) {
      const i = names.indexOf(part);
      const bits = i >= 0 ? 1 << i : /^(0[xX][0-9a-fA-F]+|\d+)$/.test(part) ? Number(part) : -1;
      if (bits < 0 || (bits & ~allowed) !== 0) unknown();
      value |= bits;
    }
  return { value: BigInt(value), mask: all };
}

/** mf_is_value_valid, for fields that can be written. */
export function isValidValue(f: OvsField, value: bigint): boolean {
  switch (f.name) {
    case "nw_tos":
      return (value & 3n) === 0n;
    case "vlan_vid":
      return value <= 0x1fffn;
    case "arp_op":
      return value <= 0xffn;
    case "in_port_oxm":
      return value < 0xff00n || value >= 0xffffff00n;
    default:
      return value >> BigInt(f.bits) === 0n;
  }
}
