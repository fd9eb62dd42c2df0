/**
 * Values as iptables and nft print them: addresses, prefixes, ports, protocols, flags.
 *
 * Every function returns null for what it does not know; the caller says so with file and line.
 */
import { ipv4Number, ipv6Number } from "@plumbline/model";
import type { Tuple, Value } from "../ast.js";
import { DSCP, ICMP, ICMP_CODES, ICMP6, ICMP6_CODES, PROTOCOLS, SERVICES, TCP_FLAGS } from "./names.js";

export const exact = (v: bigint | number): Value => ({ k: "range", lo: BigInt(v), hi: BigInt(v) });
export const range = (lo: bigint | number, hi: bigint | number): Value => ({ k: "range", lo: BigInt(lo), hi: BigInt(hi) });
export const masked = (value: bigint | number, mask: bigint | number): Value => ({
  k: "mask",
  value: BigInt(value) & BigInt(mask),
  mask: BigInt(mask),
});
export const single = (values: readonly Value[]): Tuple[] => values.map((v) => [v]);

/** A decimal or hexadecimal number, or null. */
export function number(text: string): number | null {
  if (/^\d+$/.test(text)) return Number(text);
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) return Number.parseInt(text, 16);
  return null;
}

export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** An IPv4 or IPv6 address without prefix. */
export function address(text: string): Address | null {
  const v4 = ipv4Number(text);
  if (v4 !== null) return { family: 4, value: BigInt(v4) };
  const v6 = ipv6Number(text);
  return v6 === null ? null : { family: 6, value: v6 };
}

/** `192.0.2.0/24`, `192.0.2.0/255.255.0.255`, `192.0.2.1-192.0.2.9`, `2001:db8::/32` and plain addresses. */
export function network(text: string): { family: 4 | 6; value: Value } | null {
  const dash = text.indexOf("-");
  if (dash > 0) {
    const lo = address(text.slice(0, dash));
    const hi = address(text.slice(dash + 1));
    return lo && hi && lo.family === hi.family ? { family: lo.family, value: range(lo.value, hi.value) } : null;
  }
  const slash = text.indexOf("/");
  const a = address(slash < 0 ? text : text.slice(0, slash));
  if (!a) return null;
  const bits = a.family === 4 ? 32n : 128n;
  if (slash < 0) return { family: a.family, value: exact(a.value) };
  const tail = text.slice(slash + 1);
  if (/^\d+$/.test(tail)) {
    const len = BigInt(tail);
    if (len > bits) return null;
    const host = (1n << (bits - len)) - 1n;
    return { family: a.family, value: range(a.value & ~host, a.value | host) };
  }
  const mask = address(tail);
  return mask && mask.family === a.family ? { family: a.family, value: masked(a.value, mask.value) } : null;
}

/** An IP protocol by name or number. */
export function protocol(text: string): number | null {
  const n = number(text) ?? PROTOCOLS.get(text.toLowerCase()) ?? null;
  return n !== null && n <= 255 ? n : null;
}

export function port(text: string): number | null {
  const n = number(text) ?? SERVICES.get(text) ?? null;
  return n !== null && n <= 65535 ? n : null;
}

/** `80`, `8000:8080` (iptables), `8000-8080` (nft and NAT); an open end is 0 or 65535. */
export function portRange(text: string, separator: ":" | "-"): { lo: number; hi: number } | null {
  const at = text.indexOf(separator);
  if (at < 0 || SERVICES.has(text)) {
    const p = port(text);
    return p === null ? null : { lo: p, hi: p };
  }
  const lo = at === 0 ? 0 : port(text.slice(0, at));
  const hi = at === text.length - 1 ? 65535 : port(text.slice(at + 1));
  return lo === null || hi === null || lo > hi ? null : { lo, hi };
}

/** `FIN,SYN`, `ALL`, `NONE`. */
export function tcpFlags(text: string): number | null {
  let v = 0;
  for (const name of text.split(",")) {
    const bit = TCP_FLAGS.get(name.trim().toLowerCase()) ?? number(name.trim());
    if (bit === null || bit === undefined) return null;
    v |= bit;
  }
  return v;
}

/** `8`, `3/4`, `echo-request`: type and code (undefined: any). */
export function icmpType(text: string, family: 4 | 6): { type: number; code?: number } | null {
  const named = (family === 4 ? ICMP : ICMP6).get(text);
  if (named) return { type: named[0], code: named[1] };
  const m = /^(\d+)(?:\/(\d+))?$/.exec(text);
  return m ? { type: Number(m[1]), code: m[2] === undefined ? undefined : Number(m[2]) } : null;
}

export function icmpCode(text: string, family: 4 | 6): number | null {
  return number(text) ?? (family === 4 ? ICMP_CODES : ICMP6_CODES).get(text) ?? null;
}

/** `0x12`, `af21`, `CS3`, `EF`. */
export function dscp(text: string): number | null {
  const n = number(text);
  if (n !== null) return n <= 63 ? n : null;
  const t = text.toLowerCase();
  const cs = /^cs([0-7])$/.exec(t);
  if (cs) return Number(cs[1]) * 8;
  const af = /^af([1-4])([1-3])$/.exec(t);
  if (af) return Number(af[1]) * 8 + Number(af[2]) * 2;
  return DSCP.get(t) ?? null;
}

/** `0x3f0`, `0x1/0xff`: value and mask (all 32 bits if none). */
export function valueMask(text: string): { value: number; mask: number } | null {
  const [v, m] = text.split("/");
  const value = number(v);
  const mask = m === undefined ? 0xffffffff : number(m);
  return value === null || mask === null ? null : { value, mask };
}

/** An interface name; one ending in `+` (iptables) or `*` (nft) stands for all that begin so. */
export function interfaceName(text: string, wild: "+" | "*"): Value {
  return text.endsWith(wild) ? { k: "ifname", name: text.slice(0, -1), wildcard: true } : { k: "ifname", name: text, wildcard: false };
}
