/**
 * Captured frames held against the frames of a run.
 *
 * A run's events say which packet crossed which port; a port that stands for a network interface is a capture point. So each
 * frame that was captured (addresses, ports, TTL and both MACs, within tunnels too) must have crossed that port in the run of
 * the branch that reality took. The way there is asked of the first packet's run, the way back of the answer's.
 */
import {
  addressOf,
  EV,
  type Event,
  get,
  getBig,
  type KnownConnection,
  type Machine,
  type Network,
  type Row,
  type RunOptions,
} from "@plumbline/model";
import type { Frame, Probe } from "./probes.js";

/** The runs of one script: the packet, and where it was asked for its answer. */
export interface RunPair {
  /** What the first run was asked. */
  readonly start: { readonly row: Row; readonly device: number; readonly port: number | null };
  readonly forward: readonly Event[];
  readonly back: readonly Event[] | null;
}

/** A machine that remembers its runs, a pair for each script. */
export class Recorder implements Machine {
  readonly pairs: { start: RunPair["start"]; forward: Event[]; back: Event[] | null }[] = [];
  private fresh = true;
  constructor(private readonly machine: Machine) {}
  reset(): void {
    this.machine.reset();
    this.fresh = true;
  }
  know(connections: readonly KnownConnection[]): void {
    this.machine.know(connections);
    this.fresh = true;
  }
  run(row: Row, device: number, port: number | null, options: RunOptions): Event[] {
    const events = this.machine.run(row, device, port, options);
    if (this.fresh) this.pairs.push({ start: { row, device, port }, forward: events, back: null });
    else this.pairs[this.pairs.length - 1].back = events;
    this.fresh = false;
    return events;
  }
  forget(): void {
    this.pairs.length = 0;
  }
}

const macText = (v: bigint) => v.toString(16).padStart(12, "0").match(/../g)!.join(":");

function key(row: Row): string {
  const icmp = get(row, "ip_proto") === 1;
  const about = get(row, "inner_proto") !== 0;
  const [s, d] = icmp ? (about ? ["-", "-"] : [get(row, "icmp_id"), get(row, "icmp_id")]) : [get(row, "tp_src"), get(row, "tp_dst")];
  return `${macText(getBig(row, "eth_src"))} > ${macText(getBig(row, "eth_dst"))} ${addressOf(row, "src")}:${s} > ${addressOf(row, "dst")}:${d} ttl ${get(row, "ip_ttl")}`;
}

function keyOf(f: Frame): string {
  const about = f.icmp_type !== undefined && f.icmp_type !== 0 && f.icmp_type !== 8;
  const [s, d] = about ? ["-", "-"] : [f.sport, f.dport];
  return `${f.eth_src} > ${f.eth_dst} ${f.src}:${s} > ${f.dst}:${d} ttl ${f.ttl}`;
}

/** What crossed capture points in one run: "HOST INTERFACE FRAME" each, tunnelled frames as "tunnel OUTERSRC > OUTERDST VNI FRAME". */
export function crossings(events: readonly Event[], net: Network): Set<string> {
  const out = new Set<string>();
  const device = new Map<number, number>();
  const parent = new Map<number, number>();
  for (const e of events) {
    if (e.kind === EV.spawn) device.set(e.b, device.get(e.thread) ?? 0);
    if (e.kind === EV.output && e.c !== 0xffffffff) {
      device.set(e.c, device.get(e.thread) ?? 0);
      parent.set(e.c, e.thread);
    }
    if (e.kind === EV.enter) device.set(e.thread, e.a);
    const d = net.devices[e.kind === EV.enter ? e.a : (device.get(e.thread) ?? 0)];
    const number = e.kind === EV.enter && e.c === 0 ? e.b : e.kind === EV.output ? e.a : -1;
    const a = d.ports.find((p) => p.number === number)?.attachment;
    if (!a || get(e.row, "eth_type") !== 0x0800) continue;
    if (a.kind === "netdev") out.add(`${a.host.split("/").at(-1)} ${a.name} ${key(e.row)}`);
    if (a.kind === "tunnel" && e.kind === EV.output)
      out.add(`tunnel ${a.localIp} > ${a.remoteIp} ${getBig(e.row, "tun_id")} ${key(e.row)}`);
  }
  return out;
}

/** TCP sends a SYN again after a second. What the network does to that one is not what a trace of the first packet tells. */
const FIRST_PACKET_US = 900_000;

/** Captured frames of a probe that crossed nothing in a run: of its first packet there, and of what came back for it. */
export function notCrossed(p: Probe, r: RunPair, net: Network): string[] {
  const there = crossings(r.forward, net);
  const back = r.back ? new Set([...there, ...crossings(r.back, net)]) : there;
  const missing = (frames: readonly Frame[], crossed: ReadonlySet<string>) =>
    frames
      .filter((f) => f.us < FIRST_PACKET_US)
      .map((f) => (f.tunnel ? `tunnel ${f.tunnel.src} > ${f.tunnel.dst} ${f.tunnel.vni} ${keyOf(f)}` : `${f.at} ${f.if} ${keyOf(f)}`))
      .filter((k) => !crossed.has(k));
  return [...missing(p.hops, there), ...missing(p.reply_hops, back)];
}

/** Options taken at the choices of a run, in order. */
export const choices = (events: readonly Event[]) => events.filter((e) => e.kind === EV.choice).map((e) => e.b);

/** Whether a flow that met a chooser again got another option there: the trace puts such a run away and runs again. */
export function isWavering(events: readonly Event[]): boolean {
  const taken = new Map<string, number>();
  return events.some((e) => {
    if (e.kind !== EV.choice) return false;
    const k = `${e.a} ${addressOf(e.row, "src")} ${get(e.row, "tp_src")} ${addressOf(e.row, "dst")} ${get(e.row, "tp_dst")}`;
    const before = taken.get(k) ?? e.b;
    taken.set(k, before);
    return before !== e.b;
  });
}
