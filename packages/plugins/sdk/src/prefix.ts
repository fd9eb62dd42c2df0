/** Prefixes of addresses: parsing, containment and text, for both families. */
import { ipv4Number, ipv4Text, ipv6Number, ipv6Text } from "@plumbline/model";

export interface Prefix {
  readonly family: 4 | 6;
  /** The address, bits behind the prefix cleared. */
  readonly value: bigint;
  readonly len: number;
}

const BITS = { 4: 32, 6: 128 } as const;

function cut(family: 4 | 6, value: bigint, len: number): bigint {
  const host = BigInt(BITS[family] - len);
  return (value >> host) << host;
}

/** "192.0.2.0/24", "2001:db8::/32", an address alone (all its bits), or "default" (of IPv4); null if it is none of these. */
export function parsePrefix(text: string): Prefix | null {
  if (text === "default") return { family: 4, value: 0n, len: 0 };
  const m = /^([^/]+?)(?:\/(\d{1,3}))?$/.exec(text.trim());
  if (!m) return null;
  const v4 = ipv4Number(m[1]!);
  const v6 = v4 === null ? ipv6Number(m[1]!) : null;
  if (v4 === null && v6 === null) return null;
  const family = v4 === null ? 6 : 4;
  const len = m[2] === undefined ? BITS[family] : Number(m[2]);
  return len > BITS[family] ? null : { family, value: cut(family, v4 === null ? v6! : BigInt(v4), len), len };
}

/** Whether all of `inner` lies in `outer`. */
export function covers(outer: Prefix, inner: Prefix): boolean {
  return outer.family === inner.family && outer.len <= inner.len && cut(outer.family, inner.value, outer.len) === outer.value;
}

export function prefixText(p: Prefix): string {
  return `${p.family === 4 ? ipv4Text(p.value) : ipv6Text(p.value)}/${p.len}`;
}

/** "192.0.2.1:80", "[2001:db8::1]:80". */
export function addressPort(address: string, port: number): string {
  return `${address.includes(":") ? `[${address}]` : address}:${port}`;
}
