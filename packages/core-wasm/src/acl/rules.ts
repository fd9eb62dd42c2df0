/**
 * Rule sets of five ranges: source and destination prefixes, source and destination ports, protocols; the first rule that matches counts. It is what
 * packet filters of routers are made of, and benchmarks of classifiers (ClassBench). Ports are ranges, which masked words cannot say: a table of the IR
 * needs up to 30 rows a range, the structures of this folder one rule.
 */

export type Range = readonly [low: number, high: number];
export interface Prefix {
  readonly value: number;
  readonly length: number;
}

export interface AclRule {
  readonly src: Prefix;
  readonly dst: Prefix;
  readonly srcPort: Range;
  readonly dstPort: Range;
  readonly protocol: Range;
}

export interface AclPacket {
  readonly src: number;
  readonly dst: number;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly protocol: number;
}

/** Lanes of a packet, 16 bits each: addresses in halves, ports, protocol, nothing. */
export const LANES = 8;
/** Lanes that tell something. */
export const USED_LANES = 7;
export const KEY_BYTES = 2 * LANES;

export const maskOf = (length: number): number => (length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0);

/** The lowest and highest values of a rule's lanes: `LANES` low ends and as many high ends, a rule behind the other. */
export function rangesOf(rules: readonly AclRule[]): Uint16Array {
  const out = new Uint16Array(2 * LANES * rules.length);
  rules.forEach((r, i) => {
    const lows: number[] = [];
    const highs: number[] = [];
    for (const { value, length } of [r.src, r.dst]) {
      const mask = maskOf(length);
      const low = (value & mask) >>> 0;
      const high = (low | ~mask) >>> 0;
      lows.push(low >>> 16, low & 0xffff);
      highs.push(high >>> 16, high & 0xffff);
    }
    for (const [low, high] of [r.srcPort, r.dstPort, r.protocol]) {
      lows.push(low);
      highs.push(high);
    }
    out.set([...lows, 0, ...highs, 0], 2 * LANES * i);
  });
  return out;
}

/** Packets as lanes. */
export function packPackets(packets: readonly AclPacket[]): Uint16Array {
  const out = new Uint16Array(LANES * packets.length);
  packets.forEach((p, i) => {
    out.set([p.src >>> 16, p.src & 0xffff, p.dst >>> 16, p.dst & 0xffff, p.srcPort, p.dstPort, p.protocol, 0], LANES * i);
  });
  return out;
}

/** The first rule that matches, by looking at one after the other: what the structures are checked against. -1: none. */
export function linearSearch(ranges: Uint16Array, keys: Uint16Array, packet: number): number {
  const key = LANES * packet;
  for (let at = 0; at < ranges.length; at += 2 * LANES) {
    let lane = 0;
    while (lane < USED_LANES && keys[key + lane] >= ranges[at + lane] && keys[key + lane] <= ranges[at + LANES + lane]) lane++;
    if (lane === USED_LANES) return at / (2 * LANES);
  }
  return -1;
}

/** Packets at the corners and in the middle of rules, and some of no rule: what candidates are measured with. */
export function samplePackets(rules: readonly AclRule[], count: number): Uint16Array {
  const ranges = rangesOf(rules);
  const out = new Uint16Array(LANES * count);
  let state = 0x2545f491;
  const random = (n: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
  for (let i = 0; i < count; i++) {
    const at = rules.length === 0 ? -1 : 2 * LANES * random(rules.length);
    const stray = at < 0 || random(16) === 0;
    // Both halves of an address at the same end, as the corner of a prefix has them.
    const ends = [random(2), random(2)];
    for (let lane = 0; lane < USED_LANES; lane++) {
      const most = lane === USED_LANES - 1 ? 256 : 65536;
      const end = lane < 4 ? ends[lane >> 1] : random(2);
      out[LANES * i + lane] = stray ? random(most) : ranges[at + LANES * end + lane];
    }
  }
  return out;
}
