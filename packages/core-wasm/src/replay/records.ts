/** What a replay is asked, and what it tells of flows, paths and packets. */
import type { Event, Row } from "@plumbline/model";
import type { Reads } from "../reads.js";

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
  /** Works on a share of the capture's connections only: that of number `part`, from 0, of `parts`. */
  readonly share?: { readonly part: number; readonly parts: number };
  /** What of a packet's headers the network can tell apart, where the core does not know (default: the core's). */
  readonly reads?: Reads;
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
  /** Which record of the capture took it first. */
  readonly order: number;
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
  /** Which record of the capture was its first packet. */
  readonly order: number;
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

/** See ReplayReader.briefly. */
export interface FlowBrief {
  /** Where it stands: ReplayReader.record. */
  readonly number: number;
  /** One number for all flows that have path, fate, direction and what was seen of them in common. */
  readonly kind: number;
  readonly icmp: boolean;
  readonly order: number;
  readonly packets: number;
  readonly bytes: number;
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

/** Milliseconds of the packets that were decoded here (others are only counted, see ReplayCounters.hits), estimated from one in TIMED_EVERY (layout.ts). */
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
  /** Which record of the capture took it first. */
  readonly order: number;
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
