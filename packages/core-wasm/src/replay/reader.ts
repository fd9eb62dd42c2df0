/** Reads flows, paths and counters out of the memory in which a replay is, or was, at work. */
import { field } from "@plumbline/model";
import type { Arena } from "../arena.js";
import {
  FIRST,
  FLOW,
  FLOW_FIRST_BYTES,
  FLOW_GONE,
  FLOW_LEAVING,
  FLOW_TUNNELLED,
  FRAME_KIND,
  LEAF_REJECTED,
  PATH,
  PATH_BYTES,
  REPLAY,
  REPLAY_COUNTER_BASE,
  REPLAY_COUNTERS,
  SEEN,
  TIMED_EVERY,
  TUPLE_DST,
  TUPLE_PORTS,
} from "../layout.js";
import { notEthernet } from "../pcap.js";
import type { FirstHeaders, FlowBrief, FlowRecord, PathRecord, ReplayCounters, ReplayTimes, Seen, TupleRecord } from "./records.js";

/** Where a replay's areas lie. */
export interface Seat {
  /** Its header. */
  readonly r: number;
  readonly flows: number;
  /** Bytes of a flow's record. */
  readonly stride: number;
  readonly paths: number;
  /** Where bytes are staged: records; blocks of a pcapng. */
  readonly stage: number;
  readonly blocks: number;
}

/** The two MACs stand side by side in a row; bytes from the first. */
const SRC_MAC = 4 * (field("eth_src").word - Math.min(field("eth_src").word, field("eth_dst").word));
const DST_MAC = 4 * (field("eth_dst").word - Math.min(field("eth_src").word, field("eth_dst").word));

export class ReplayReader {
  constructor(
    protected readonly arena: Arena,
    readonly seat: Seat,
  ) {}

  get counters(): ReplayCounters {
    this.settle();
    const at = (n: number) => this.arena.getCount(this.seat.r + REPLAY_COUNTER_BASE + 8 * n);
    return {
      ipv4: at(FRAME_KIND.DECODE_IPV4),
      ipv6: at(FRAME_KIND.DECODE_IPV6),
      arp: at(FRAME_KIND.DECODE_ARP),
      other: at(FRAME_KIND.DECODE_OTHER),
      shortEthernet: at(FRAME_KIND.DECODE_SHORT_ETHERNET),
      shortNetwork: at(FRAME_KIND.DECODE_SHORT_NETWORK),
      shortTransport: at(FRAME_KIND.DECODE_SHORT_TRANSPORT),
      badIp: at(FRAME_KIND.DECODE_BAD_IP),
      frames: at(REPLAY_COUNTERS.COUNT_FRAMES),
      bytes: at(REPLAY_COUNTERS.COUNT_BYTES),
      entering: at(REPLAY_COUNTERS.COUNT_ENTERING),
      leaving: at(REPLAY_COUNTERS.COUNT_LEAVING),
      run: at(REPLAY_COUNTERS.COUNT_RUN),
      fragments: at(REPLAY_COUNTERS.COUNT_FRAGMENTS),
      unquoted: at(REPLAY_COUNTERS.COUNT_UNQUOTED),
      flowless: at(REPLAY_COUNTERS.COUNT_FLOWLESS),
      pathless: at(REPLAY_COUNTERS.COUNT_PATHLESS),
      foreign: at(REPLAY_COUNTERS.COUNT_FOREIGN),
      replies: at(REPLAY_COUNTERS.COUNT_REPLIES),
      tunnelled: at(REPLAY_COUNTERS.COUNT_TUNNELLED),
      sent: at(REPLAY_COUNTERS.COUNT_SENT),
      hits: at(REPLAY_COUNTERS.COUNT_HITS),
      remembered: at(REPLAY_COUNTERS.COUNT_REMEMBERED),
      dropped: at(REPLAY_COUNTERS.COUNT_DROPPED),
      evicted: at(REPLAY_COUNTERS.COUNT_EVICTED),
      otherLinks: at(REPLAY_COUNTERS.COUNT_OTHER_LINK),
    };
  }

  /** Frames so far. */
  get frames(): number {
    return this.arena.getCount(this.seat.r + REPLAY_COUNTER_BASE + 8 * REPLAY_COUNTERS.COUNT_FRAMES);
  }

  /** Link type of an interface of a pcapng that is not Ethernet. */
  get otherLink(): number {
    return this.get("R_LINK");
  }

  /** Earliest and latest time of its frames, nanoseconds since 1970; null before the first. */
  get span(): { readonly from: bigint; readonly to: bigint } | null {
    const at = (name: keyof typeof REPLAY) => this.arena.getBig(this.seat.r + REPLAY[name]);
    return this.frames === 0 ? null : { from: at("R_SPAN_FROM"), to: at("R_SPAN_TO") };
  }

  get times(): ReplayTimes {
    const at = (name: keyof typeof REPLAY) => TIMED_EVERY * this.arena.getFloat(this.seat.r + REPLAY[name]);
    return { decode: at("R_DECODING"), run: at("R_RUNNING"), fold: at("R_FOLDING") };
  }

  /** Flows held. */
  get flowCount(): number {
    return this.get("R_FLOW_COUNT") - this.get("R_FLOW_GONE");
  }

  /** The flows held, in order of their first packet in the file (as long as none were handed out). */
  *flows(): Generator<FlowRecord> {
    this.settle();
    const count = this.get("R_FLOW_COUNT");
    for (let n = 0; n < count; n++) if (!this.isGone(n)) yield this.flow(this.seat.flows + n * this.seat.stride);
  }

  /**
   * The flows held, in the same order, without what only their records tell. There may be millions: what is yielded is one object, which holds until the
   * next.
   */
  *briefly(): Generator<FlowBrief> {
    this.settle();
    const { arena } = this;
    const { flows, stride } = this.seat;
    const kinds = new Map<number, number>();
    const count = this.get("R_FLOW_COUNT");
    const brief = { number: 0, kind: 0, icmp: false, order: 0, packets: 0, bytes: 0 };
    let last = -1;
    for (let n = 0; n < count; n++) {
      const at = flows + n * stride;
      const what = arena.get(at + FLOW.W_KIND);
      if (what === FLOW_GONE) continue;
      // Of 17 (none is 0), 16, 10 and 1 bits.
      const path = (arena.get(at + FLOW.W_PATH) + 1) % 2 ** 32;
      const key =
        ((path * 2 ** 16 + arena.get(at + FLOW.W_SEEN)) * 2 ** 10 + arena.get(at + FLOW.W_LEAF)) * 2 +
        ((what & FLOW_LEAVING) === 0 ? 0 : 1);
      if (key !== last) {
        last = key;
        let kind = kinds.get(key);
        if (kind === undefined) {
          kind = kinds.size;
          kinds.set(key, kind);
        }
        brief.kind = kind;
      }
      const proto = what & 0x1ff;
      brief.number = n;
      brief.icmp = proto === 1 || proto === (0x100 | 58);
      brief.order = arena.getCount(at + FLOW.W_ORDER);
      brief.packets = arena.getCount(at + FLOW.W_PACKETS);
      brief.bytes = arena.getCount(at + FLOW.W_BYTES);
      yield brief;
    }
  }

  /** The record of a flow held, by its number (see FlowBrief). */
  record(number: number): FlowRecord {
    return this.flow(this.seat.flows + number * this.seat.stride);
  }

  /** The paths taken, in order of first sight. */
  paths(): PathRecord[] {
    this.settle();
    const { arena } = this;
    return Array.from({ length: this.get("R_PATH_COUNT") }, (_, path) => {
      const at = this.seat.paths + path * PATH_BYTES;
      return {
        path,
        hash: arena.getBig(at + PATH.A_HASH),
        packets: arena.getCount(at + PATH.A_PACKETS),
        bytes: arena.getCount(at + PATH.A_BYTES),
        flows: arena.getCount(at + PATH.A_FLOWS),
        order: arena.getCount(at + PATH.A_ORDER),
      };
    });
  }

  protected lastOf(n: number): bigint {
    return this.arena.getBig(this.seat.flows + n * this.seat.stride + FLOW.W_LAST);
  }

  /** The flows held whose latest packet is not later than `until`. */
  protected *held(until: bigint): Generator<FlowRecord> {
    const count = this.get("R_FLOW_COUNT");
    for (let n = 0; n < count; n++) if (!this.isGone(n) && this.lastOf(n) <= until) yield this.flow(this.seat.flows + n * this.seat.stride);
  }

  private isGone(n: number): boolean {
    return this.arena.get(this.seat.flows + n * this.seat.stride + FLOW.W_KIND) === FLOW_GONE;
  }

  /** Folds what was only counted into flows, paths and counters. */
  protected settle(): void {
    this.arena.exports.settleAll(this.seat.r);
  }

  private flow(at: number): FlowRecord {
    const { arena } = this;
    const kind = arena.get(at + FLOW.W_KIND);
    const leaf = arena.get(at + FLOW.W_LEAF) & (LEAF_REJECTED - 1);
    const path = arena.get(at + FLOW.W_PATH);
    return {
      ...this.tuple(kind, at + FLOW.W_TUPLE),
      entering: (kind & FLOW_LEAVING) === 0,
      packets: arena.getCount(at + FLOW.W_PACKETS),
      bytes: arena.getCount(at + FLOW.W_BYTES),
      first: arena.getBig(at + FLOW.W_FIRST),
      last: arena.getBig(at + FLOW.W_LAST),
      tcpFlags: arena.get(at + FLOW.W_TCP_FLAGS),
      seen: seenOf(arena.get(at + FLOW.W_SEEN)),
      tunnelled: (kind & FLOW_TUNNELLED) !== 0,
      order: arena.getCount(at + FLOW.W_ORDER),
      ...(this.seat.stride === FLOW_FIRST_BYTES ? { begin: this.begin(at, (kind & FLOW_TUNNELLED) !== 0) } : {}),
      path: path === 0xffffffff ? -1 : path,
      otherPath: arena.get(at + FLOW.W_OTHER_PATH),
      fate:
        leaf === 0
          ? null
          : {
              leaf,
              text: arena.get(at + FLOW.W_TEXT),
              rejected: (arena.get(at + FLOW.W_LEAF) & LEAF_REJECTED) !== 0,
              device: arena.get(at + FLOW.W_LEAF_DEVICE),
              final: this.tuple(arena.get(at + FLOW.W_FINAL_KIND), at + FLOW.W_FINAL),
            },
    };
  }

  private begin(at: number, tunnelled: boolean): FirstHeaders {
    const { arena } = this;
    const mac = (from: number) => (BigInt(arena.get(from)) << 32n) | BigInt(arena.get(from + 4));
    const at32 = (name: keyof typeof FIRST) => arena.get(at + FIRST[name]);
    const tunnel = {
      key: at32("B_TUNNEL_KEY"),
      option: at32("B_TUNNEL_OPTION"),
      src: at32("B_TUNNEL_SRC"),
      dst: at32("B_TUNNEL_DST"),
      ethSrc: mac(at + FIRST.B_TUNNEL_ETH + SRC_MAC),
      ethDst: mac(at + FIRST.B_TUNNEL_ETH + DST_MAC),
      srcPort: at32("B_TUNNEL_PORT"),
    };
    return {
      ethSrc: mac(at + FIRST.B_ETH + SRC_MAC),
      ethDst: mac(at + FIRST.B_ETH + DST_MAC),
      vlanTci: at32("B_TCI"),
      ttl: at32("B_TTL"),
      tos: at32("B_TOS"),
      tcpFlags: at32("B_FLAGS"),
      length: at32("B_LENGTH"),
      ...(tunnelled ? { tunnel } : {}),
    };
  }

  private tuple(kind: number, at: number): TupleRecord {
    const { arena } = this;
    const v6 = (kind & 0x100) !== 0;
    const proto = kind & 0xff;
    const address = (from: number) =>
      v6 ? [0, 4, 8, 12].reduce((v, i) => (v << 32n) | BigInt(arena.get(from + i)), 0n) : BigInt(arena.get(from + 12));
    const ports = arena.get(at + TUPLE_PORTS);
    const icmp = proto === (v6 ? 58 : 1);
    return {
      v6,
      proto,
      src: address(at),
      dst: address(at + TUPLE_DST),
      srcPort: ports >>> 16,
      dstPort: icmp ? ports >>> 16 : ports & 0xffff,
      icmp: icmp ? ports & 0xffff : 0,
    };
  }

  protected get(name: keyof typeof REPLAY): number {
    return this.arena.get(this.seat.r + REPLAY[name]);
  }
}

/** Refuses a capture all of whose packets are of interfaces that are not Ethernet, however many threads have read it. */
export function checkLinks(readers: readonly ReplayReader[], name: string): void {
  if (readers.some((r) => r.frames > 0)) return;
  const other = readers.find((r) => r.counters.otherLinks > 0);
  if (other) throw notEthernet(name, other.otherLink);
}

function seenOf(bits: number): Seen {
  const has = (bit: number) => (bits & bit) !== 0;
  return {
    opening: has(SEEN.SEEN_OPENING),
    asReply: has(SEEN.SEEN_AS_REPLY),
    toSender: has(SEEN.SEEN_TO_SENDER),
    answer: has(SEEN.SEEN_ANSWER),
    reset: has(SEEN.SEEN_RESET),
    refused: has(SEEN.SEEN_REFUSED),
    unreachable: has(SEEN.SEEN_UNREACHABLE),
    expired: has(SEEN.SEEN_EXPIRED),
  };
}
