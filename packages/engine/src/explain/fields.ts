/** What a match says of a field. */
import { chunks, type Field, field, ipv4Text, ipv6Text, lowMask, type Match, slice } from "@plumbline/model";

export interface Masked {
  readonly value: bigint;
  readonly mask: bigint;
}

/** Value and mask of a field within a match; a mask of 0 where it asks nothing. */
export function maskedOf(match: Match, name: string): Masked {
  let value = 0n;
  let mask = 0n;
  for (const c of chunks(slice(name))) {
    const m = match.find((x) => x.w === c.word);
    if (!m) continue;
    const bits = (lowMask(c.bits) << c.shift) >>> 0;
    value |= BigInt(((m.v & bits) >>> c.shift) >>> 0) << BigInt(c.at);
    mask |= BigInt(((m.m & bits) >>> c.shift) >>> 0) << BigInt(c.at);
  }
  return { value, mask };
}

export function allBits(f: Field): bigint {
  return (1n << BigInt(f.bits)) - 1n;
}

/** The one value that a field may have; undefined where the match leaves bits of it open. */
export function exactly(match: Match, name: string): bigint | undefined {
  const { value, mask } = maskedOf(match, name);
  return mask === allBits(field(name)) ? value : undefined;
}

/** An address by its number: of IPv4 below 2^32. */
export function addressText(n: bigint): string {
  return n < 1n << 32n ? ipv4Text(n) : ipv6Text(n);
}

/** Whether every packet that matches `inner` matches `outer`. */
export function within(inner: Match, outer: Match): boolean {
  return outer.every((o) => {
    const i = inner.find((x) => x.w === o.w);
    return i !== undefined && (i.m & o.m) >>> 0 === o.m && (i.v & o.m) >>> 0 === o.v;
  });
}
