/**
 * Addresses and prefixes of either family as numbers: IPv4 in 32 bits, IPv6 in 128.
 */
import { ipv4Number, ipv6Number } from "@plumbline/model";

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

export interface Prefix extends Address {
  /** Prefix length in bits; host bits of `value` are zero. */
  readonly len: number;
}

export const BITS: Readonly<Record<Family, number>> = { 4: 32, 6: 128 };

/** An address, or null. */
export function parseAddress(text: string): Address | null {
  const v4 = ipv4Number(text);
  if (v4 !== null) return { family: 4, value: BigInt(v4) };
  const v6 = text.includes(":") ? ipv6Number(text) : null;
  return v6 === null ? null : { family: 6, value: v6 };
}

/** The bits of a netmask. */
export function maskOf(family: Family, len: number): bigint {
  return ((1n << BigInt(len)) - 1n) << BigInt(BITS[family] - len);
}

/** `192.0.2.0/24`, or an address alone for all its bits; null if it is neither. Host bits are cleared. */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf("/");
  const a = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (!a) return null;
  const len = slash < 0 ? BITS[a.family] : Number(text.slice(slash + 1));
  if (!Number.isInteger(len) || len < 0 || len > BITS[a.family]) return null;
  return { family: a.family, value: a.value & maskOf(a.family, len), len };
}

export function contains(prefix: Prefix, a: Address): boolean {
  return prefix.family === a.family && (a.value & maskOf(prefix.family, prefix.len)) === prefix.value;
}

/** A prefix as `ip` prints it, with the length always there. */
export function canonicalPrefix(text: string): string {
  return text.includes("/") ? text : `${text}/${text.includes(":") ? 128 : 32}`;
}
