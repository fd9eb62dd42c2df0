/**
 * A replay of captures from several points: each connection once, from the earliest point of its path.
 *
 * First all captures are decoded into sightings: flows at capture points (sightings.ts). Then connections are followed in
 * order of time (follow.ts). One starts where it was first seen entering a device, or leaving the device that sent it: then
 * at that device's socket. What its path, its answer's path and its addresses explain at other points is not started again;
 * clocks may differ: a connection that turns out to be another's, seen further down, is taken back.
 *
 * Of each connection the first packet is run, on empty connection tables (or dumped ones), and what was captured of the rest
 * is counted. Packets for groups (multicast, broadcast), link control, ICMP errors and later fragments are no connections.
 *
 * Promise: memory is bounded by flows times capture points. Cost: every branch of every connection is run.
 */
import { Core, type FlowRecord, ReplaySession } from "@plumbline/core-wasm";
import { answerTuple, Crossings, tupleText } from "./crossings.js";
import { type Flow, flowOf } from "./flow.js";
import { type Followed, Follower, startOf } from "./follow.js";
import { MAX_PATHS } from "./one-capture.js";
import { PathBook } from "./paths.js";
import type { CapturePoint } from "./point.js";
import { readCapture } from "./reading.js";
import { type CaptureReport, frameNotes, notesOf, type ReplayOptions, type ReplayResult, type ReplaySubject } from "./result.js";
import { type Sighting, Sightings } from "./sightings.js";
import { type CaptureSource, spokenName } from "./source.js";
import { StopWatch } from "./stats.js";
import { Summarizer } from "./summary.js";

export class ManyCaptures {
  private readonly watch = new StopWatch();
  private readonly sightings = new Sightings();
  private readonly reports: CaptureReport[] = [];
  private readonly decoder: Core;
  private readonly times = { decode: 0, run: 0, fold: 0 };
  private packets = 0;
  private bytes = 0;

  constructor(
    private readonly session: ReplaySubject,
    private readonly options: ReplayOptions,
  ) {
    this.decoder = this.watch.during("compile", () => Core.createSync(session.net, { connections: 1 }));
  }

  async read(source: CaptureSource, point: CapturePoint): Promise<void> {
    const index = this.sightings.point(point);
    const take = (flows: Iterable<FlowRecord>) => {
      for (const f of flows) this.sightings.add(index, f);
    };
    const core = new ReplaySession(this.decoder, {
      name: spokenName(source),
      device: point.device.id,
      port: point.port.number,
      direction: point.direction,
      ...(point.tunnels ? { tunnels: point.tunnels } : {}),
      ...(this.options.maxFlows === undefined ? {} : { maxFlows: this.options.maxFlows }),
      keepFirst: true,
      run: false,
      onFull: take,
    });
    const report = await readCapture(source, point, core, this.watch, (packets, bytes) =>
      this.progress(this.packets + packets, this.bytes + bytes, 0),
    );
    this.packets += report.counters.frames;
    this.bytes += report.counters.bytes;
    for (const k of ["decode", "run", "fold"] as const) this.times[k] += core.times[k];
    this.watch.during("records", () => take(core.flows()));
    if (core.span) this.sightings.ran(index, core.span);
    this.reports.push(report);
  }

  result(): ReplayResult {
    const followed = this.watch.during("follow", () => this.follow());
    const summary = new Summarizer();
    let sockets = 0;
    let losses = 0;
    this.watch.during("records", () => {
      for (const [s, f] of [...followed].sort((a, b) => Number(a[0].flow.first - b[0].flow.first))) {
        const { start, answer, contradiction, unseen, reply, passes } = f;
        const followup = { start: start.port === null ? ("socket" as const) : ("port" as const), reply, sightings: passes.size, unseen };
        if (start.port === null) sockets++;
        if (unseen !== "") losses++;
        for (const b of f.branches) {
          const flow: Flow = flowOf(s.flow, { ...b, answer, contradiction }, this.sightings.points[s.point].text, followup);
          summary.add(flow, b.story, f.branches.length === 1 ? 1 : b.probability);
          this.options.flows?.write(flow);
        }
      }
      for (const s of this.strayReplies()) {
        const flow = flowOf(s.flow, strayOutcome(s), this.sightings.points[s.point].text, {
          start: "none",
          reply: null,
          sightings: 1,
          unseen: "",
        });
        summary.add(flow, null, 1);
        this.options.flows?.write(flow);
      }
      this.options.flows?.close();
    });
    return {
      schema: "plumbline.replay/1",
      captures: this.reports,
      ...summary.result,
      notes: this.notes(sockets, losses),
      workers: 1,
      stats: this.watch.stats(this.packets, this.times),
    };
  }

  private follow(): Map<Sighting, Followed> {
    const { net, num, annotators, core } = this.session;
    core.know(this.options.conntrack === "dumped" ? (this.session.dumped?.().entries ?? []) : []);
    const book = new PathBook({ net, num, annotators, ...(this.options.paths ? { paths: this.options.paths } : {}) }, MAX_PATHS);
    const crossings = new Crossings(net, this.sightings.points);
    const follower = new Follower(core, net, num, book, this.sightings, crossings);
    const followed = new Map<Sighting, Followed>();
    const every = this.options.choose === "enumerate";
    for (const s of this.candidates()) {
      const start = s.explained ? null : startOf(s, this.sightings);
      if (!start) continue;
      const found = follower.follow(s, start, every);
      const [first, f] = this.upstream(s, found, follower, every) ?? [s, found];
      followed.set(first, f);
      first.explained = true;
      for (const x of f.explains) {
        x.explained = true;
        if (x !== first) followed.delete(x);
      }
      this.progress(this.packets, this.bytes, followed.size);
    }
    return followed;
  }

  /** Where clocks differ: another sighting of the connection from which it comes by here. */
  private upstream(s: Sighting, found: Followed, follower: Follower, every: boolean): [Sighting, Followed] | null {
    for (const other of found.elsewhere) {
      const start = other.explained ? null : startOf(other, this.sightings);
      const f = start && follower.follow(other, start, every);
      if (f?.passes.has(s)) return [other, f];
    }
    return null;
  }

  /** What may start a connection: first what opens one or may, then TCP connections that began before the capture. */
  private candidates(): Sighting[] {
    const all = this.sightings.all().filter((s) => !s.flow.seen.asReply && isConnection(s.flow));
    const isLate = (s: Sighting) => s.flow.proto === 6 && !s.flow.seen.opening;
    const late = all.filter(isLate);
    // Of a connection that began earlier the opener is not known: the side with the higher port is taken for the client.
    const byClient = [...late.filter((s) => s.flow.srcPort > s.flow.dstPort), ...late.filter((s) => s.flow.srcPort <= s.flow.dstPort)];
    return [...all.filter((s) => !isLate(s)), ...byClient];
  }

  /** Entering answers to connections whose beginning no capture shows: each connection once, at its earliest point. */
  private strayReplies(): Sighting[] {
    const told = new Set<string>();
    return this.sightings.all().filter((s) => {
      if (s.explained || !s.flow.entering || !s.flow.seen.asReply || !isConnection(s.flow)) return false;
      const tuple = tupleText(s.flow);
      if (told.has(tuple)) return false;
      told.add(tuple).add(answerTuple(tuple));
      return true;
    });
  }

  private notes(sockets: number, losses: number): string[] {
    const rest = this.sightings.all().filter((s) => !s.explained);
    const control = rest.filter((s) => !isConnection(s.flow)).length;
    const leaving = rest.filter((s) => isConnection(s.flow) && !s.flow.entering).length;
    const sum = (k: keyof CaptureReport["counters"]) => this.reports.reduce((n, r) => n + r.counters[k], 0);
    const counters = Object.fromEntries(Object.keys(this.reports[0].counters).map((k) => [k, sum(k as keyof CaptureReport["counters"])]));
    return [
      ...frameNotes(counters as unknown as CaptureReport["counters"]),
      ...notesOf([
        [sockets, (n) => `${n} started at the socket of the device that sent them`, "connection"],
        [
          losses,
          (n) => `${n} not seen at a point of the path, though the outcome is the predicted one (unseen in the flows' records)`,
          "connection",
        ],
        [control, (n) => `${n} not followed: for groups, link control, ICMP errors or later fragments`, "flow"],
        [leaving, (n) => `${n} only seen leaving, and not sent by that device: evidence without a beginning`, "flow"],
      ]),
    ];
  }

  private progress(packets: number, bytes: number, connections: number): void {
    this.options.progress?.({ packets, bytes, connections, seconds: this.watch.seconds });
  }
}

function strayOutcome(s: Sighting): Parameters<typeof flowOf>[1] {
  return { story: null, final: s.flow, chosen: "only", probability: 1, answer: "none", contradiction: "" };
}

const IGMP = 2;
const ICMP = 1;
const ICMP6 = 58;
/** Unreachable, quench, redirect, expired, parameter problem. */
const ERRORS = new Set([3, 4, 5, 11, 12]);

/**
 * Whether a flow is between two stations and may have been started by one: not link control (neighbour discovery, router and
 * group messages; RFC 4861, RFC 2710, RFC 3810), no ICMP errors, and no later fragments, which have no ports.
 */
function isConnection(f: FlowRecord): boolean {
  const type = f.icmp >> 8;
  if (f.proto === IGMP || (f.proto === ICMP && ERRORS.has(type))) return false;
  if (f.proto === ICMP6 && (type < 128 || (type >= 130 && type <= 137) || type === 143)) return false;
  if ((f.proto === 6 || f.proto === 17) && f.srcPort === 0 && f.dstPort === 0) return false;
  const group = f.v6 ? f.dst >> 120n === 0xffn : f.dst >> 28n === 0xen || f.dst === 0xffffffffn;
  return !group && ((f.begin?.ethDst ?? 0n) & (1n << 40n)) === 0n;
}
