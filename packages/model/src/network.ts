/**
 * The network: devices that hold pipelines, joined by links; and the builder that plugins lower into.
 */

import type { Certainty, Origin } from "./facts.js";
import { FIELDS } from "./fields.js";
import type { Action, Conjunction, Match, Rule, Table, TableId, WordMatch } from "./ir.js";
import { type Slice, slice } from "./row.js";

export type DeviceKind = "router" | "host" | "bridge" | "pod" | "segment" | "tunnel" | "logical" | "outside";

/** What stands at the other end of a port, as far as the plugin that made it can tell; links are joined from these. */
export type Attachment =
  /** A port of the switch or the stack that is the network interface `name` of `host`. `internal`: made by the switch, so that the host's stack is its other end. */
  | {
      readonly kind: "netdev";
      readonly host: string;
      readonly name: string;
      readonly internal: boolean;
      readonly mac: string;
      readonly ifaceId?: string;
      readonly peerIndex?: number;
      readonly linkNetns?: string;
      readonly ifindex?: number;
      readonly master?: string;
      readonly addresses?: readonly { readonly address: string; readonly prefixLen: number }[];
      readonly up?: boolean;
      readonly pod?: string;
    }
  /** A patch port: the other end is the patch port named `peer` on the same host. */
  | { readonly kind: "patch"; readonly host: string; readonly name: string; readonly peer: string }
  /** A tunnel port of a switch: leaves encapsulated to `remoteIp`. */
  | {
      readonly kind: "tunnel";
      readonly host: string;
      readonly name: string;
      readonly localIp: string;
      readonly remoteIp: string;
      readonly udpPort: number;
      readonly datapath: "netdev" | "system";
    }
  /** Joined by whoever made it. */
  | { readonly kind: "none" };

/** Fields that go with a packet between a switch's tunnel port and the place where its tunnel begins and ends. */
export const TUNNEL_FIELDS: readonly string[] = FIELDS.filter((f) => f.cls === "tunnel").map((f) => f.name);

export interface Port {
  readonly number: number;
  readonly name: string;
  readonly attachment: Attachment;
  readonly origin: Origin | null;
}

export interface Device {
  readonly id: number;
  /** Unique: "router", "master-01-demo", "master-01-demo/br-ex", "demo-client/client-1". */
  readonly name: string;
  /** Other names a user may say (folder in the snapshot, node name). */
  readonly aliases: string[];
  readonly kind: DeviceKind;
  /** Evidence host (folder). */
  readonly host: string;
  /** Kubernetes node it is on or is, "" if none. */
  node: string;
  /** `namespace/name` if it is a pod. */
  pod: string;
  /** Table for packets that enter at a port. */
  entry: TableId;
  /** Table for packets from a socket; -1 if nothing is sent from here. */
  origin: TableId;
  readonly ports: Port[];
}

/** One direction: what leaves (device, port) enters (toDevice, toPort). */
export interface Link {
  readonly device: number;
  readonly port: number;
  readonly toDevice: number;
  readonly toPort: number;
  /** Fields of class `device` that survive the link (pkt_mark between an OVS patch pair). */
  readonly keeps: readonly string[];
  /** What leaves is processed by the other end before the sender goes on (an OVS patch port). See the head of ir.ts. */
  readonly inline?: boolean;
  readonly certainty: Certainty;
  /** Why the two are taken to be joined. */
  readonly why: string;
}

export interface Tracker {
  readonly name: string;
  /** userspace: OVS's own (a RST opens a connection); linux: the kernel's. */
  readonly flavour: "userspace" | "linux";
}

export interface Network {
  readonly devices: Device[];
  readonly tables: Table[];
  readonly rules: Rule[];
  readonly links: Link[];
  readonly trackers: Tracker[];
}

export interface RuleSpec {
  priority?: number;
  rows?: readonly Match[];
  prefix?: { value: bigint; len: number };
  metric?: number;
  conj?: readonly Conjunction[];
  program: readonly Action[];
  origin?: Origin | null;
  certainty?: Certainty;
  why?: string;
  cookie?: bigint;
  derived?: string;
  number?: number;
}

/** Collects devices, tables, rules and links while plugins lower. Ids are indexes into the arrays. */
export class NetworkBuilder implements Network {
  readonly devices: Device[] = [];
  readonly tables: Table[] = [];
  readonly rules: Rule[] = [];
  readonly links: Link[] = [];
  readonly trackers: Tracker[] = [];

  device(spec: { name: string; kind: DeviceKind; host: string; aliases?: string[]; node?: string; pod?: string }): Device {
    if (this.devices.some((d) => d.name === spec.name)) throw new Error(`device ${spec.name} exists`);
    const d: Device = { id: this.devices.length, aliases: [], node: "", pod: "", entry: -1, origin: -1, ports: [], ...spec };
    this.devices.push(d);
    return d;
  }
  findDevice(name: string): Device | undefined {
    return this.devices.find((d) => d.name === name);
  }
  port(device: Device, number: number, name: string, attachment: Attachment, origin: Origin | null = null): Port {
    if (device.ports.some((p) => p.number === number)) throw new Error(`port ${number} of ${device.name} exists`);
    const p: Port = { number, name, attachment, origin };
    device.ports.push(p);
    return p;
  }
  table(device: Device, name: string, stage: string, kind: Table["kind"], key?: Slice): Table {
    const t: Table = { id: this.tables.length, device: device.id, name, stage, kind, key, rules: [], miss: [], missOrigin: null };
    this.tables.push(t);
    return t;
  }
  rule(table: Table, spec: RuleSpec): Rule {
    const r: Rule = {
      id: this.rules.length,
      table: table.id,
      priority: 0,
      rows: [[]],
      origin: null,
      certainty: "proven",
      why: "",
      ...spec,
    };
    this.rules.push(r);
    table.rules.push(r);
    return r;
  }
  tracker(name: string, flavour: Tracker["flavour"]): number {
    const i = this.trackers.findIndex((t) => t.name === name);
    if (i >= 0) return i;
    this.trackers.push({ name, flavour });
    return this.trackers.length - 1;
  }
  /** Links two ports both ways; `inline` as in {@link Link}. */
  join(
    a: Device,
    aPort: number,
    b: Device,
    bPort: number,
    certainty: Certainty,
    why: string,
    keeps: readonly string[] = [],
    inline = false,
  ): void {
    const how = { keeps, certainty, why, ...(inline ? { inline } : {}) };
    this.links.push({ device: a.id, port: aPort, toDevice: b.id, toPort: bPort, ...how });
    this.links.push({ device: b.id, port: bPort, toDevice: a.id, toPort: aPort, ...how });
  }
  linkAt(device: Device, port: number): Link | undefined {
    return this.links.find((l) => l.device === device.id && l.port === port);
  }

  /**
   * A learning switch's decision: known MACs to their ports, all else to every port in `flood` (never back where it came from).
   * This is what OVS `NORMAL`, a Linux bridge and an L2 segment are lowered to.
   */
  l2Table(
    device: Device,
    name: string,
    stage: string,
    macs: readonly { mac: bigint; port: number; origin: Origin | null; certainty: Certainty; why: string }[],
    flood: readonly number[],
  ): Table {
    const t = this.table(device, name, stage, "priority");
    for (const m of macs)
      this.rule(t, {
        priority: 1,
        rows: [matchField([], "eth_dst", m.mac)],
        program: [{ op: "output", port: m.port }],
        origin: m.origin,
        certainty: m.certainty,
        why: m.why,
      });
    t.miss = flood.map((port) => ({ op: "output", port }));
    return t;
  }
}

/** Adds `field = value/mask` to a match (mask defaults to all bits of the field). Returns null if it contradicts what is there. */
export function addMatch(match: Match, s: Slice, value: bigint, mask?: bigint): Match | null {
  const full = (1n << BigInt(s.n)) - 1n;
  const mk = (mask ?? full) & full;
  const own: WordMatch[] = [];
  // Least significant first: words in descending order.
  for (const c of chunksOf(s)) {
    const m = (Number((mk >> BigInt(c.at)) & BigInt(c.lo)) << c.shift) >>> 0;
    if (m === 0) continue;
    const v = ((Number(((value & mk) >> BigInt(c.at)) & BigInt(c.lo)) << c.shift) & m) >>> 0;
    own.push({ w: c.word, v, m });
  }
  return intersect(match, own.length > 1 ? own.reverse() : own);
}

/** {@link addMatch} on a whole field; a contradiction is a bug of the caller. */
export function matchField(match: Match, name: string, value: bigint | number, mask?: bigint | number): Match {
  const r = addMatch(match, slice(name), BigInt(value), mask === undefined ? undefined : BigInt(mask));
  if (!r) throw new Error(`contradicting match on ${name}`);
  return r;
}

/** The match that holds where both hold, or null if none can. */
export function intersect(a: Match, b: Match): Match | null {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const out: WordMatch[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a[i];
    const y = b[j];
    if (x.w < y.w) {
      out.push(x);
      i++;
    } else if (x.w > y.w) {
      out.push(y);
      j++;
    } else {
      if (((x.v ^ y.v) & x.m & y.m) !== 0) return null;
      out.push({ w: x.w, v: (x.v | y.v) >>> 0, m: (x.m | y.m) >>> 0 });
      i++;
      j++;
    }
  }
  for (; i < a.length; i++) out.push(a[i]);
  for (; j < b.length; j++) out.push(b[j]);
  return out;
}

import { type Chunk, chunks, lowMask } from "./row.js";

type MatchChunk = Chunk & { readonly lo: number };
/** By slice: plugins match the same few again and again. */
const CHUNKS = new WeakMap<Slice, readonly MatchChunk[]>();

function chunksOf(s: Slice): readonly MatchChunk[] {
  let known = CHUNKS.get(s);
  if (!known) CHUNKS.set(s, (known = chunks(s).map((c) => ({ ...c, lo: lowMask(c.bits) }))));
  return known;
}
