/**
 * Seeded random choices. All that an oracle test draws comes from one of these, so that a printed seed repeats a case.
 */

export class Random {
  private state: number;

  constructor(readonly seed: number) {
    this.state = seed >>> 0;
  }

  /** From 0 to 1, 1 excluded (mulberry32). */
  fraction(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  /** From 0 to `below` - 1. */
  int(below: number): number {
    return Math.floor(this.fraction() * below);
  }
  /** From `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.int(high - low + 1);
  }
  chance(share: number): boolean {
    return this.fraction() < share;
  }
  pick<T>(of: readonly T[]): T {
    return of[this.int(of.length)];
  }
  /** `count` different ones (fewer where there are not so many), in random order. */
  sample<T>(of: readonly T[], count: number): T[] {
    const rest = [...of];
    const out: T[] = [];
    while (out.length < count && rest.length > 0) out.push(...rest.splice(this.int(rest.length), 1));
    return out;
  }
  /** A number of `bits` bits. */
  bits(bits: number): bigint {
    let v = 0n;
    for (let i = 0; i < bits; i += 16) v = (v << 16n) | BigInt(this.int(0x10000));
    return v & ((1n << BigInt(bits)) - 1n);
  }
}
