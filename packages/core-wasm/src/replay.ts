/**
 * Replay of a capture: the bytes of a pcap or pcapng go in as they come, flows and paths come out.
 *
 * The bytes are staged in the core's memory in pieces of a few MiB; records are decoded, told apart by direction, run and
 * folded there. A record may straddle two chunks: what is left of a chunk is staged again before the next. JavaScript has
 * work to do only for a path that is seen for the first time, and when the flow table needs room.
 *
 * Packets that leave are evidence and never run. But once an answer to a flow has left at the capture point, the
 * connections that the flow's next packets meet count as answered, on every tracker of the path (an answer that came
 * back another way, past one of them, is not told apart).
 *
 * Promise: memory is bounded by the number of flows, never by the size of the capture; nothing is dropped in silence, every
 * frame is in one of the counters.
 */
import { type Event, field, PlumblineError, ROW_WORDS, type Row } from "@plumbline/model";
import type { Core } from "./core.js";
import {
  FIRST,
  FLOW,
  FLOW_BYTES,
  FLOW_GONE,
  FLOW_FIRST_BYTES,
  FLOW_LEAVING,
  FLOW_TUNNELLED,
  ABSENT_BYTES,
  ABSENT_CHAINS,
  FRAME_KIND,
  INTERFACE_BYTES,
  INTERFACE_MOST,
  LEAF_REJECTED,
  LINE_BYTES,
  PATH,
  PATH_BYTES,
  POINT,
  REPLAY,
  REPLAY_BYTES,
  REPLAY_COUNTER_BASE,
  REPLAY_COUNTERS,
  REPLAY_STATUS,
  S_INNER_ROW,
  S_INPUT_ROW,
  SEEN,
  STATE,
  TIMED_EVERY,
  TUPLE_DST,
  TUPLE_PORTS,
  UNWRAP_STATUS,
} from "./layout.js";
import { notEthernet, PCAP_HEADER_BYTES, type PcapHeader, parsePcapHeader } from "./pcap.js";
import { align } from "./state.js";

/** Bytes staged at a time; larger pieces fall out of the processor's cache. */
const STAGE_BYTES = 1 << 20;
/** The longest record that tcpdump writes (MAXIMUM_SNAPLEN). A longer one means that the file is damaged. */
const MAX_RECORD = 262144;
/** Flows that the index has room for at first. */
const FIRST_FLOWS = 1 << 14;
/** Numbers of flows have 24 bits. */
const MOST_FLOWS = 0xfffffe;
/** Flows by which the time is told before which half of them were quiet. */
const SAMPLED = 4096;
/** Absences that trajectories may depend on. */
const MOST_ABSENCES = 1 << 20;
/** The two MACs stand side by side in a row; bytes from the first. */
const SRC_MAC = 4 * (field("eth_src").word - Math.min(field("eth_src").word, field("eth_dst").word));
const DST_MAC = 4 * (field("eth_dst").word - Math.min(field("eth_src").word, field("eth_dst").word));

/** How a frame's direction at the capture point is told. */
export type Direction =
  /** All frames enter. */
  | { readonly kind: "all" }
  /** Frames for the port's own MAC enter, and those for a group that are not from it; frames from it leave; others' are counted as foreign. */
  | { readonly kind: "to"; readonly mac: bigint }
  /** Frames enter that are not from one of these MACs (of the device, or behind it). */
  | { readonly kind: "from"; readonly macs: readonly bigint[] }
  /** Frames enter that are from one of these MACs (of what is beyond the port). */
  | { readonly kind: "by"; readonly macs: readonly bigint[] };

/** Where geneve tunnels end. */
export interface TunnelEnds {
  /** UDP port. */
  readonly port: number;
  /** IPv4 addresses of the host. */
  readonly addresses: readonly number[];
  /** The option that is seen as tun_metadata0: class << 8 | type; 0: the first that has four bytes. */
  readonly option: number;
}

export interface ReplayOptions {
  /** Name of the capture, for messages. */
  readonly name: string;
  /** Where the entering packets are injected. */
  readonly device: number;
  readonly port: number;
  readonly direction: Direction;
  /** Tunnels that end at the point's host: their packets are those of the flows inside. */
  readonly tunnels?: TunnelEnds;
  /** Addresses of the device: what leaves from one of them, and answers nothing, runs from the device's socket. */
  readonly own?: readonly bigint[];
  /** Keep the headers of each flow's first packet (FlowRecord.begin). */
  readonly keepFirst?: boolean;
  /** False: decode and fold, but run nothing (what is the cost of decoding?). */
  readonly run?: boolean;
  /** The most flows held at a time (default 4194304). */
  readonly maxFlows?: number;
  /**
   * How many flows may have their trajectory remembered at a time, so that packets which can only take the same are counted and not run (default:
   * all; 0: none). The result is the same.
   */
  readonly maxTrajectories?: number;
  /** The most paths told apart (default 65536); packets of further ones are counted as `pathless`. */
  readonly maxPaths?: number;
  /** A path was taken for the first time. The core must not run other packets before this returns. */
  readonly onPath?: (sample: PathSample) => void;
  /**
   * `maxFlows` are held: those that were quiet longest, about half of them, are handed out here (a later packet of such a connection begins another
   * record). Without it further flows are counted as `flowless`.
   */
  readonly onFull?: (flows: Iterable<FlowRecord>) => void;
}

export interface PathSample {
  /** Its number, as in FlowRecord.path. */
  readonly path: number;
  readonly hash: bigint;
  /** The packet as it entered. */
  readonly row: Row;
  /** The packet inside, where it came in a tunnel that ends here. */
  readonly inner?: Row;
  /** It was sent by the device's socket. */
  readonly sent: boolean;
  /** Its run, recorded on the very state that it met; null if that state could not be restored (a run of extreme length). */
  readonly events: Event[] | null;
}

export interface TupleRecord {
  readonly v6: boolean;
  readonly proto: number;
  readonly src: bigint;
  readonly dst: bigint;
  /** Ports; for ICMP both are the identifier. */
  readonly srcPort: number;
  readonly dstPort: number;
  /** ICMP type << 8 | code, else 0. */
  readonly icmp: number;
}

/** Headers of a flow's first packet. */
export interface FirstHeaders {
  readonly ethSrc: bigint;
  readonly ethDst: bigint;
  /** 0x1000 | tag, 0 without. */
  readonly vlanTci: number;
  readonly ttl: number;
  readonly tos: number;
  readonly tcpFlags: number;
  readonly length: number;
  readonly tunnel?: TunnelHeaders;
}

export interface TunnelHeaders {
  readonly key: number;
  readonly option: number;
  readonly src: number;
  readonly dst: number;
  readonly ethSrc: bigint;
  readonly ethDst: bigint;
  readonly srcPort: number;
}

export interface FlowRecord extends TupleRecord {
  /** Entered the device at the capture point; else it left there. */
  readonly entering: boolean;
  readonly packets: number;
  /** Bytes on the wire, Ethernet header included. */
  readonly bytes: number;
  /** Nanoseconds since 1970. */
  readonly first: bigint;
  readonly last: bigint;
  /** All TCP flags seen. */
  readonly tcpFlags: number;
  readonly seen: Seen;
  /** In a tunnel that ends at the point's host. */
  readonly tunnelled: boolean;
  /** With `keepFirst`. */
  readonly begin?: FirstHeaders;
  /** Path of its first packet; -1: did not run, or no room for its path. */
  readonly path: number;
  /** Packets that took another path than the first. */
  readonly otherPath: number;
  /** Fate of the first packet (see Fate), null if it did not run. */
  readonly fate: {
    readonly leaf: number;
    readonly text: number;
    readonly rejected: boolean;
    readonly device: number;
    readonly final: TupleRecord;
  } | null;
}

/** See ReplaySession.briefly. */
export interface FlowBrief {
  readonly kind: number;
  readonly packets: number;
  readonly bytes: number;
  readonly record: () => FlowRecord;
}

/** What the capture shows of a flow besides its own packets. */
export interface Seen {
  /** Its first packet was the connection's first: a SYN, an echo request. */
  readonly opening: boolean;
  /** It answers a flow of the other direction, which was seen before, or a connection whose SYN was not. It does not run where it enters. */
  readonly asReply: boolean;
  /** And that flow ran from the device's socket: its own record tells what became of it. */
  readonly toSender: boolean;
  /** In packets of the other direction: an answer other than a reset; a reset; ICMP errors about it. */
  readonly answer: boolean;
  readonly reset: boolean;
  readonly refused: boolean;
  readonly unreachable: boolean;
  readonly expired: boolean;
}

/** Milliseconds of the packets that were decoded here (others are only counted, see ReplayCounters.hits), estimated from one in {@link TIMED_EVERY}. */
export interface ReplayTimes {
  readonly decode: number;
  readonly run: number;
  readonly fold: number;
}

export interface PathRecord {
  readonly path: number;
  readonly hash: bigint;
  readonly packets: number;
  readonly bytes: number;
  /** Flows whose first packet took it. */
  readonly flows: number;
}

/** Every frame is counted in one of the first eight. */
export interface ReplayCounters {
  readonly ipv4: number;
  readonly ipv6: number;
  readonly arp: number;
  /** Other EtherTypes and 802.3 frames. */
  readonly other: number;
  /** The capture cut the frame within its Ethernet, IP (or ARP) or transport header. */
  readonly shortEthernet: number;
  readonly shortNetwork: number;
  readonly shortTransport: number;
  readonly badIp: number;
  readonly frames: number;
  readonly bytes: number;
  /** IP packets by direction; those that ran. */
  readonly entering: number;
  readonly leaving: number;
  readonly run: number;
  readonly fragments: number;
  /** ICMP errors without the packet that they are about. */
  readonly unquoted: number;
  readonly flowless: number;
  readonly pathless: number;
  /** IP packets that neither enter nor leave: for and from others. */
  readonly foreign: number;
  /** Entering packets that answer what left here; they do not run, for the state that they would meet is not there. */
  readonly replies: number;
  /** Packets in tunnels that end here. */
  readonly tunnelled: number;
  /** Leaving packets that ran, from the device's socket. */
  readonly sent: number;
  /** Packets that were like one of their flow before, and followed its trajectory. They are counted in all of the above. */
  readonly hits: number;
  /** Trajectories remembered; forgotten since something that they met had changed; forgotten for want of room. */
  readonly remembered: number;
  readonly dropped: number;
  readonly evicted: number;
  /** Packets of interfaces that are not Ethernet (of a pcapng); they are no frames, and in none of the above. */
  readonly otherLinks: number;
}

/** What was wrong with the capture's bytes; what stood before it was used. */
export interface CaptureProblem {
  readonly kind: "cut" | "damaged" | "empty";
  /** Byte offset of the record (or header) in the file. */
  readonly offset: number;
  readonly text: string;
}

export class ReplaySession {
  private readonly inside: Core["inside"];
  private readonly r: number;
  private readonly stage: number;
  private readonly flowsAt: number;
  private readonly linesAt: number;
  private readonly pathsAt: number;
  private readonly maxFlows: number;
  private readonly stride: number;
  private header: PcapHeader | undefined;
  /** Bytes before the first record, as long as they are not complete. */
  private head = new Uint8Array(0);
  private staged = 0;
  /** Where the file's bytes are staged: its records, or the blocks of a pcapng. */
  private bytesAt = 0;
  private readonly blocks: number;
  /** File offset of the first staged byte. */
  private offset = 0;
  private wrong: CaptureProblem | undefined;

  /** One session at a time on a core: a new one takes the memory of the last. Connections stay as they are (see Core.reset). */
  constructor(
    core: Core,
    private readonly options: ReplayOptions,
  ) {
    this.inside = core.inside;
    const { arena } = this.inside;
    this.maxFlows = Math.min(MOST_FLOWS, Math.max(1, options.maxFlows ?? 1 << 22));
    this.stride = options.keepFirst ? FLOW_FIRST_BYTES : FLOW_BYTES;
    const maxPaths = Math.max(1, options.maxPaths ?? 1 << 16);
    const macs = options.direction.kind === "all" ? [] : options.direction.kind === "to" ? [options.direction.mac] : options.direction.macs;
    let end = align(this.inside.end, 64);
    const area = (bytes: number): number => {
      const at = end;
      end = align(end + bytes, 64);
      return at;
    };
    this.r = area(REPLAY_BYTES);
    const macsAt = area(8 * macs.length);
    const ends = options.tunnels?.addresses ?? [];
    const endsAt = area(4 * ends.length);
    const own = options.own ?? [];
    const ownAt = area(16 * own.length);
    this.stage = area(STAGE_BYTES + 2 * MAX_RECORD + 64);
    this.blocks = area(STAGE_BYTES + 2 * MAX_RECORD + 64);
    const interfaces = area(INTERFACE_BYTES * INTERFACE_MOST);
    const pathSlots = slotsFor(maxPaths);
    const pathIndex = area(4 * pathSlots);
    this.pathsAt = area(maxPaths * PATH_BYTES);
    const flagMap = area(256);
    const rowMask = area(4 * ROW_WORDS);
    const absentHeads = area(4 * ABSENT_CHAINS);
    const absent = area(ABSENT_BYTES * MOST_ABSENCES);
    // What is not used of what follows costs address space, not memory.
    let index = 0;
    let most = this.maxFlows;
    const from = end;
    for (;;) {
      end = from;
      index = area(16 * bucketsFor(most));
      this.linesAt = area(LINE_BYTES * most);
      this.flowsAt = area(this.stride * most);
      try {
        arena.reserve(end);
        break;
      } catch (e) {
        if (!(e instanceof PlumblineError) || most < 2) throw e;
        most >>>= 1;
      }
    }
    this.maxFlows = most;
    arena.zero(this.r, this.r + align(REPLAY_BYTES, 4));
    arena.zero(pathIndex, pathIndex + 4 * pathSlots);
    arena.zero(absentHeads, absentHeads + 4 * ABSENT_CHAINS);
    macs.forEach((mac, i) => {
      arena.put(macsAt + 8 * i, Number(mac >> 32n));
      arena.put(macsAt + 8 * i + 4, Number(mac & 0xffffffffn));
    });
    arena.words.set(ends, endsAt >>> 2);
    const put = (name: keyof typeof REPLAY, value: number) => arena.put(this.r + REPLAY[name], value);
    put("R_FLOW_STRIDE", this.stride);
    put("R_TUNNEL_PORT", options.tunnels?.port ?? 0);
    put("R_TUNNEL_ADDRESSES", endsAt);
    put("R_TUNNEL_COUNT", ends.length);
    put("R_TUNNEL_OPTION", options.tunnels?.option ?? 0);
    own.forEach((address, i) => {
      for (let k = 0; k < 4; k++) arena.put(ownAt + 16 * i + 4 * k, Number((address >> BigInt(96 - 32 * k)) & 0xffffffffn));
    });
    put("R_OWN", ownAt);
    put("R_OWN_COUNT", own.length);
    put("R_MAX_RECORD", MAX_RECORD);
    put("R_DEVICE", options.device);
    put("R_PORT", options.port);
    put("R_POINT", { all: POINT.POINT_ALL, to: POINT.POINT_TO, from: POINT.POINT_FROM, by: POINT.POINT_BY }[options.direction.kind]);
    put("R_MACS", macsAt);
    put("R_MAC_COUNT", macs.length);
    put("R_RUN", options.run === false ? 0 : 1);
    put("R_STAGE", this.stage);
    put("R_INDEX", index);
    put("R_INDEX_MASK", bucketsFor(Math.min(FIRST_FLOWS, most)) - 1);
    put("R_FLOWS", this.flowsAt);
    put("R_FLOW_CAPACITY", Math.min(FIRST_FLOWS, most));
    put("R_FLOW_MOST", most);
    put("R_LINES", this.linesAt);
    put("R_CACHE_LIMIT", Math.min(options.maxTrajectories ?? most, most));
    const reads = this.inside.reads();
    arena.bytes.set(reads.flagMap, flagMap);
    arena.words.set(reads.rowMask, rowMask >>> 2);
    put("R_TOS_MASK", reads.tos);
    put("R_FLAG_MAP", flagMap);
    put("R_HIGH_FLAGS", reads.highFlags);
    put("R_LENGTH_MASK", reads.length ? 0xffffffff : 0);
    put("R_ROW_MASK", rowMask);
    put("R_ABSENT_HEADS", absentHeads);
    put("R_ABSENT", absent);
    put("R_ABSENT_LIMIT", MOST_ABSENCES);
    put("R_BLOCKS", this.blocks);
    put("R_INTERFACES", interfaces);
    put("R_SPAN_FROM", 0xffffffff);
    put("R_SPAN_FROM_HIGH", 0xffffffff);
    // With someone to hand flows to there is no limit: the table is emptied when it is full.
    put("R_FLOW_LIMIT", options.onFull ? 0xffffffff : most);
    put("R_PATH_INDEX", pathIndex);
    put("R_PATH_INDEX_MASK", pathSlots - 1);
    put("R_PATHS", this.pathsAt);
    put("R_PATH_LIMIT", maxPaths);
    arena.exports.indexFlows(this.r);
  }

  /** Takes the next bytes of the file, any number of them (1 to 4 MiB are best). */
  feed(chunk: Uint8Array): void {
    if (this.wrong) return;
    let rest = chunk;
    if (!this.header) {
      const joined = new Uint8Array(this.head.length + chunk.length);
      joined.set(this.head);
      joined.set(chunk, this.head.length);
      if (joined.length < PCAP_HEADER_BYTES) {
        this.head = joined;
        return;
      }
      this.header = parsePcapHeader(this.options.name, joined);
      this.put("R_SWAPPED", this.header.swapped ? 1 : 0);
      this.put("R_TICK", this.header.nanoseconds ? 1 : 1000);
      this.offset = this.header.blocks ? 0 : PCAP_HEADER_BYTES;
      this.bytesAt = this.header.blocks ? this.blocks : this.stage;
      rest = joined.subarray(this.offset);
    }
    this.working(() => {
      while (rest.length > 0 && !this.wrong) {
        const n = Math.min(rest.length, STAGE_BYTES);
        this.inside.arena.bytes.set(rest.subarray(0, n), this.bytesAt + this.staged);
        this.staged += n;
        rest = rest.subarray(n);
        this.work();
      }
    });
  }

  /** Has the core for itself during `work`. */
  private working(work: () => void): void {
    const { inside } = this;
    inside.hold({ record: false, options: { script: [], beyond: "hash" } });
    inside.keepLog(this.options.onPath !== undefined);
    try {
      work();
    } finally {
      inside.keepLog(false);
      inside.release();
    }
  }

  /**
   * Takes the next bytes where `read` puts them: it gets room in the core's memory, and tells how many bytes it has put there. Returns that number;
   * 0 is the file's end.
   */
  feedFrom(read: (room: Uint8Array) => number): number {
    if (!this.header) {
      const first = new Uint8Array(1 << 16);
      const n = read(first);
      this.feed(first.subarray(0, n));
      return n;
    }
    const { arena } = this.inside;
    const at = this.bytesAt + this.staged;
    const n = read(arena.bytes.subarray(at, at + STAGE_BYTES));
    if (n > 0)
      this.working(() => {
        this.staged += n;
        this.work();
      });
    return n;
  }

  /** Says that no bytes follow. Returns what was wrong with the capture, if anything. */
  finish(): CaptureProblem | undefined {
    if (!this.wrong && !this.header) {
      if (this.head.length > 0) throw new PlumblineError("CAPTURE_BAD", [this.options.name, "the file is shorter than a pcap header."]);
      this.wrong = { kind: "empty", offset: 0, text: "the file is empty" };
    }
    const { otherLinks } = this.counters;
    if (this.frames === 0 && otherLinks > 0) throw notEthernet(this.options.name, this.get("R_LINK"));
    if (!this.wrong && (this.staged > 0 || this.get("R_SKIP") > 0))
      this.wrong = {
        kind: "cut",
        offset: this.offset,
        text: this.header?.blocks
          ? "the file ends in the middle of a block"
          : `the file ends in the middle of a record (${this.staged} bytes of it are there)`,
      };
    return this.wrong;
  }

  get counters(): ReplayCounters {
    this.settle();
    const at = (n: number) => this.inside.arena.getCount(this.r + REPLAY_COUNTER_BASE + 8 * n);
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
    return this.inside.arena.getCount(this.r + REPLAY_COUNTER_BASE + 8 * REPLAY_COUNTERS.COUNT_FRAMES);
  }

  /** Earliest and latest time of its frames, nanoseconds since 1970; null before the first. */
  get span(): { readonly from: bigint; readonly to: bigint } | null {
    const at = (name: keyof typeof REPLAY) => this.inside.arena.getBig(this.r + REPLAY[name]);
    return this.frames === 0 ? null : { from: at("R_SPAN_FROM"), to: at("R_SPAN_TO") };
  }

  get times(): ReplayTimes {
    const at = (name: keyof typeof REPLAY) => TIMED_EVERY * this.inside.arena.getFloat(this.r + REPLAY[name]);
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
    for (let n = 0; n < count; n++) if (!this.isGone(n)) yield this.flow(this.flowsAt + n * this.stride);
  }

  /**
   * The flows held, in the same order, without what only their records tell: `kind` is one number for all flows that have path, fate, direction and
   * what was seen of them in common; `flow` makes the record.
   */
  *briefly(): Generator<FlowBrief> {
    this.settle();
    const { arena } = this.inside;
    const kinds = new Map<string, number>();
    const count = this.get("R_FLOW_COUNT");
    for (let n = 0; n < count; n++) {
      if (this.isGone(n)) continue;
      const at = this.flowsAt + n * this.stride;
      const key = [FLOW.W_PATH, FLOW.W_SEEN, FLOW.W_LEAF].map((o) => arena.get(at + o)).join() + (arena.get(at + FLOW.W_KIND) & FLOW_LEAVING);
      let kind = kinds.get(key);
      if (kind === undefined) {
        kind = kinds.size;
        kinds.set(key, kind);
      }
      yield { kind, packets: arena.getCount(at + FLOW.W_PACKETS), bytes: arena.getCount(at + FLOW.W_BYTES), record: () => this.flow(at) };
    }
  }

  /** The paths taken, in order of first sight. */
  paths(): PathRecord[] {
    this.settle();
    const { arena } = this.inside;
    return Array.from({ length: this.get("R_PATH_COUNT") }, (_, path) => {
      const at = this.pathsAt + path * PATH_BYTES;
      return {
        path,
        hash: arena.getBig(at + PATH.A_HASH),
        packets: arena.getCount(at + PATH.A_PACKETS),
        bytes: arena.getCount(at + PATH.A_BYTES),
        flows: arena.getCount(at + PATH.A_FLOWS),
      };
    });
  }

  /** Works through what is staged, and keeps the rest for the next chunk. */
  private work(): void {
    const used = this.header?.blocks ? this.workBlocks() : this.workRecords();
    this.inside.arena.bytes.copyWithin(this.bytesAt, this.bytesAt + used, this.bytesAt + this.staged);
    this.staged -= used;
    this.offset += used;
  }

  /** Rewrites the staged blocks as records and works through these. Returns how many bytes are used. */
  private workBlocks(): number {
    this.put("R_BLOCKS_STAGED", this.staged);
    this.put("R_BLOCKS_USED", 0);
    this.put("R_STAGED", 0);
    const status = this.inside.arena.exports.unwrap(this.r);
    const used = this.get("R_BLOCKS_USED");
    this.replay();
    if (status === UNWRAP_STATUS.UNWRAP_CORRUPT) {
      const offset = this.offset + used;
      this.wrong ??= { kind: "damaged", offset, text: `the block at byte ${offset} contradicts itself` };
    }
    return used;
  }

  private workRecords(): number {
    this.put("R_STAGED", this.staged);
    return this.replay();
  }

  /** Works through the staged records. Returns how many bytes of them are used. */
  private replay(): number {
    this.put("R_USED", 0);
    for (;;) {
      const status = this.inside.arena.exports.replay(this.r);
      if (status === REPLAY_STATUS.REPLAY_NEW_PATH) this.newPath();
      else if (status === REPLAY_STATUS.REPLAY_FLOWS_FULL) this.makeRoom();
      else {
        const used = this.get("R_USED");
        if (status === REPLAY_STATUS.REPLAY_CORRUPT) {
          const offset = this.offset + used;
          this.wrong = { kind: "damaged", offset, text: `the record at byte ${offset} claims more than ${MAX_RECORD} captured bytes` };
        }
        return used;
      }
    }
  }

  private newPath(): void {
    const { onPath, device, port } = this.options;
    if (!onPath) return;
    const { arena, base, again } = this.inside;
    const path = this.get("R_PATH_COUNT") - 1;
    const at = (base + S_INPUT_ROW) >>> 2;
    const row = arena.words.slice(at, at + ROW_WORDS);
    const innerAt = (base + S_INNER_ROW) >>> 2;
    const inner = arena.get(base + STATE.S_HAS_INNER) === 0 ? {} : { inner: arena.words.slice(innerAt, innerAt + ROW_WORDS) };
    const hash = arena.getBig(this.pathsAt + path * PATH_BYTES + PATH.A_HASH);
    const sent = this.get("R_SENT") !== 0;
    onPath({ path, hash, row, ...inner, sent, events: again(device, sent ? null : port) });
  }

  /** Hands out the flows that were quiet longest, about half of them, and takes them out. */
  private makeRoom(): void {
    const { arena } = this.inside;
    this.settle();
    const count = this.get("R_FLOW_COUNT");
    const sample = Array.from({ length: Math.min(count, SAMPLED) }, (_, i) => this.lastOf(Math.floor((i * count) / Math.min(count, SAMPLED))));
    const until = sample.sort((x, y) => (x < y ? -1 : 1))[sample.length >>> 1];
    this.options.onFull?.(this.held(until));
    arena.exports.removeFlows(this.r, until);
  }

  private lastOf(n: number): bigint {
    return this.inside.arena.getBig(this.flowsAt + n * this.stride + FLOW.W_LAST);
  }

  /** The flows held whose latest packet is not later than `until`. */
  private *held(until: bigint): Generator<FlowRecord> {
    const count = this.get("R_FLOW_COUNT");
    for (let n = 0; n < count; n++) if (!this.isGone(n) && this.lastOf(n) <= until) yield this.flow(this.flowsAt + n * this.stride);
  }

  private isGone(n: number): boolean {
    return this.inside.arena.get(this.flowsAt + n * this.stride + FLOW.W_KIND) === FLOW_GONE;
  }

  /** Folds what was only counted into flows, paths and counters. */
  private settle(): void {
    this.inside.arena.exports.settleAll(this.r);
  }

  private flow(at: number): FlowRecord {
    const { arena } = this.inside;
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
      ...(this.options.keepFirst ? { begin: this.begin(at, (kind & FLOW_TUNNELLED) !== 0) } : {}),
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
    const { arena } = this.inside;
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
    const { arena } = this.inside;
    const v6 = (kind & 0x100) !== 0;
    const proto = kind & 0xff;
    const address = (from: number) => (v6 ? [0, 4, 8, 12].reduce((v, i) => (v << 32n) | BigInt(arena.get(from + i)), 0n) : BigInt(arena.get(from + 12)));
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

  private get(name: keyof typeof REPLAY): number {
    return this.inside.arena.get(this.r + REPLAY[name]);
  }
  private put(name: keyof typeof REPLAY, value: number): void {
    this.inside.arena.put(this.r + REPLAY[name], value);
  }
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

/** Slots of an index for `count` records: a power of two, at most half full. */
function slotsFor(count: number): number {
  let slots = 16;
  while (slots < 2 * count) slots *= 2;
  return slots;
}

/** Buckets of the flows' index, of four slots each: at most two of them are used on average. */
function bucketsFor(count: number): number {
  let buckets = 16;
  while (2 * buckets < count) buckets *= 2;
  return buckets;
}
