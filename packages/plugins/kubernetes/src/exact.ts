/** What a rule's match says of a field, where it leaves nothing open. */
import { chunks, lowMask, type Match, slice } from "@plumbline/model";

/** The one value that a field may have, or undefined if the match leaves bits of it open. */
export function exactly(match: Match, name: string): bigint | undefined {
  let value = 0n;
  for (const c of chunks(slice(name))) {
    const m = match.find((x) => x.w === c.word);
    const bits = (lowMask(c.bits) << c.shift) >>> 0;
    if (!m || (m.m & bits) >>> 0 !== bits) return undefined;
    value |= BigInt((m.v & bits) >>> c.shift) << BigInt(c.at);
  }
  return value;
}
