/**
 * Crossings: where a run's packet passed capture points, and as what.
 *
 * A run's events say which packet crossed which port. At a tunnel's ends a tunnelled packet counts as the one inside, with the
 * tunnel's key and addresses; so the last packet that was not the outer one of a tunnel is remembered along each thread.
 */
import type { FlowRecord, TunnelHeaders, TupleRecord } from "@plumbline/core-wasm";
import { EV, type Event, get, getBig, type Network, type Row } from "@plumbline/model";
import { tupleOf } from "./branches.js";
import type { CapturePoint } from "./point.js";

export interface Crossing {
  /** Index of the capture point. */
  readonly point: number;
  readonly entering: boolean;
  /** The packet without its tunnel. */
  readonly row: Row;
  /** The outer packet, where it is in a tunnel that ends at the point's host. */
  readonly outer: Row | null;
  /** As {@link flowKey}. */
  readonly key: string;
}

/** A connection's direction, wherever it is seen. */
export function tupleText(t: TupleRecord): string {
  return `${t.v6 ? 6 : 4} ${t.proto} ${t.src} ${t.srcPort} ${t.dst} ${t.dstPort} ${t.icmp}`;
}

/** The tuple of the answer to a packet of that tuple; an echo request is answered by type 0 (129), code 0. */
export function answerTuple(tuple: string): string {
  const [v, proto, src, sport, dst, dport] = tuple.split(" ");
  return [v, proto, dst, dport, src, sport, proto === "58" ? 129 << 8 : 0].join(" ");
}

function keyOf(point: number, entering: boolean, tuple: string, tunnel: Pick<TunnelHeaders, "key" | "src" | "dst"> | undefined): string {
  return `${point} ${entering ? "in" : "out"} ${tunnel ? `${tunnel.key} ${tunnel.src} ${tunnel.dst}` : ""} ${tuple}`;
}

/** A flow at a capture point. */
export function flowKey(point: number, f: FlowRecord): string {
  return keyOf(point, f.entering, tupleText(f), f.begin?.tunnel);
}

/** Looks events through for crossings of capture points. */
export class Crossings {
  /** Capture points by `device:port`. */
  private readonly points = new Map<string, number>();
  /** UDP ports of tunnels. */
  private readonly tunnelPorts: ReadonlySet<number>;

  constructor(
    net: Network,
    private readonly at: readonly CapturePoint[],
  ) {
    this.tunnelPorts = new Set(
      net.devices.flatMap((d) => d.ports.flatMap((p) => (p.attachment.kind === "tunnel" ? [p.attachment.udpPort] : []))),
    );
    at.forEach((p, i) => {
      this.points.set(`${p.device.id}:${p.port.number}`, i);
    });
  }

  /** Of one line of events, in order. `inside`: the packet inside, where the line begins in a tunnel. */
  ofLine(line: readonly Event[], inside: Row | undefined): Crossing[] {
    const walk: Walk = { device: -1, plain: inside ?? null };
    return line.flatMap((e) => this.step(e, walk));
  }

  /** Of all threads of a run. */
  ofAll(events: readonly Event[], inside: Row | undefined): Crossing[] {
    const threads = new Map<number, Walk>([[events[0]?.thread ?? 0, { device: -1, plain: inside ?? null }]]);
    return events.flatMap((e) => {
      const walk = threads.get(e.thread)!;
      const found = this.step(e, walk);
      const child = e.kind === EV.spawn ? e.b : e.kind === EV.output && e.c !== NONE ? e.c : -1;
      if (child >= 0) threads.set(child, { ...walk });
      return found;
    });
  }

  private step(e: Event, walk: Walk): Crossing[] {
    if (e.kind === EV.enter) walk.device = e.a;
    const entering = e.kind === EV.enter && e.c === 0;
    const outer = this.isOuter(e.row) && walk.plain !== null;
    if (!outer) walk.plain = e.row;
    if (!entering && e.kind !== EV.output) return [];
    const index = this.points.get(`${walk.device}:${entering ? e.b : e.a}`);
    if (index === undefined || !isIp(e.row)) return [];
    const point = this.at[index];
    const end = get(e.row, entering ? "ip_dst" : "ip_src");
    const inner = outer && point.tunnels?.addresses.includes(end) ? walk.plain : null;
    const row = inner ?? e.row;
    const tunnel = inner
      ? { key: Number(getBig(inner, "tun_id") & 0xffffffn), src: get(e.row, "ip_src"), dst: get(e.row, "ip_dst") }
      : undefined;
    const key = keyOf(index, entering, tupleText(tupleOf(row)), tunnel);
    return [{ point: index, entering, row, outer: inner ? e.row : null, key }];
  }

  /** The outer packet of a geneve tunnel between hosts of the network. */
  private isOuter(row: Row): boolean {
    if (get(row, "eth_type") !== 0x0800 || get(row, "ip_proto") !== 17) return false;
    return this.tunnelPorts.has(get(row, "tp_dst"));
  }
}

/** Where a thread is, and its last packet outside a tunnel. */
interface Walk {
  device: number;
  plain: Row | null;
}

const NONE = 0xffffffff;
const isIp = (row: Row) => get(row, "eth_type") === 0x0800 || get(row, "eth_type") === 0x86dd;
