/**
 * A replay of one capture: it streams through the core, which decodes, runs and folds; here each path is told once
 * (paths.ts), each flow gets its record (flow.ts) and is counted (summary.ts).
 *
 * Packets that enter at the capture point run, and those that leave the device which sent them: these from its socket.
 * What else leaves, and answers to what was sent, are evidence: where they show that the chosen branch was not taken, the
 * branch is taken that fits; where none fits, the flow is contradicted by the capture.
 *
 * Promise: memory is bounded by flows and paths, never by the capture's size. A capture that is cut or damaged is used as
 * far as it goes, and the result says so.
 */
import {
  Core,
  type ReplayOptions as CoreReplayOptions,
  checkLinks,
  compileNetwork,
  type FlowRecord,
  joinsOf,
  type PathSample,
  type ReplayCounters,
  ReplaySession,
  readsOf,
  SharedReplay,
} from "@plumbline/core-wasm";
import type { KnownConnection } from "@plumbline/model";
import { type Answer, answerSeen, cameBack, contradictionOf } from "./answer.js";
import { type Branch, Branches, finalOf, firstPacket } from "./branches.js";
import { type Flow, flowOf } from "./flow.js";
import { connectionsOf, countersOf, flowsOf, type Part, timesOf } from "./parts.js";
import { type KnownPath, PathBook, type PathStory } from "./paths.js";
import type { CapturePoint } from "./point.js";
import { readCapture } from "./reading.js";
import { type CaptureReport, frameNotes, notesOf, type ReplayOptions, type ReplayResult, type ReplaySubject } from "./result.js";
import { type CaptureSource, spokenName } from "./source.js";
import { StopWatch } from "./stats.js";
import { Summarizer } from "./summary.js";

/** The most paths that are told apart. */
export const MAX_PATHS = 1 << 16;
/** Connections that all trackers together remember: five to ten for a client's connection to a service. Takes memory as they come, 128 bytes each. */
const CONNECTIONS = 1 << 23;
/** Flows whose branches are asked because the capture speaks against the chosen one. */
const MOST_ASKED = 5000;

/** Flows like one that was told (null: they are evidence, and not told). */
interface Alike {
  readonly flow: Flow | null;
  readonly story: PathStory | null;
  flows: number;
  packets: number;
  bytes: number;
}

const alike = (flow: Flow | null, story: PathStory | null): Alike => ({ flow, story, flows: 0, packets: 0, bytes: 0 });

export class OneCapture {
  private readonly known: readonly KnownConnection[];
  /** What has read the capture: a session of the core, or the shares of several threads. */
  private parts: Part[] = [];
  private readonly book: PathBook;
  private readonly branches: Branches;
  private readonly summary = new Summarizer();
  private readonly watch = new StopWatch();
  /** What became of the last flow, if others of its kind come to the same. */
  private alone: Alike | null = null;
  /** Why only one thread may work, "" if several may. */
  private joined = "";
  private asked = 0;
  private incomplete = 0;
  private handedOut = 0;
  private report: CaptureReport | undefined;

  constructor(
    private readonly session: ReplaySubject,
    private readonly point: CapturePoint,
    private readonly options: ReplayOptions,
  ) {
    const { net, num, annotators, core } = session;
    this.known = options.conntrack === "dumped" ? (session.dumped?.().entries ?? []) : [];
    this.book = new PathBook({ net, num, annotators, ...(options.paths ? { paths: options.paths } : {}) }, MAX_PATHS);
    core.know(this.known);
    this.branches = new Branches(core, num, this.book);
  }

  /** What the core is asked, but for who is told of paths and flows. */
  private settings(name: string): Omit<CoreReplayOptions, "onPath" | "onFull"> {
    const { point, options } = this;
    return {
      name,
      device: point.device.id,
      port: point.port.number,
      direction: point.direction,
      maxPaths: MAX_PATHS,
      ...(point.tunnels ? { tunnels: point.tunnels } : {}),
      ...(options.maxFlows === undefined ? {} : { maxFlows: options.maxFlows }),
      ...(options.maxTrajectories === undefined ? {} : { maxTrajectories: options.maxTrajectories }),
      own: point.own,
    };
  }

  async read(source: CaptureSource): Promise<void> {
    const { watch } = this;
    const wanted = this.options.workers ?? 1;
    this.joined = wanted > 1 ? joinsOf(this.session.net, this.known) : "";
    const progress = (packets: number, bytes: number) =>
      this.options.progress?.({ packets, bytes, connections: 0, seconds: watch.seconds });
    if (wanted > 1 && this.joined === "") this.report = await this.readShared(source, wanted, progress);
    else this.report = await readCapture(source, this.point, this.single(spokenName(source)), watch, progress);
  }

  private single(name: string): ReplaySession {
    const machine = this.watch.during("compile", () => Core.createSync(this.session.net, { connections: CONNECTIONS }));
    machine.know(this.known);
    const paths: (KnownPath | null)[] = [];
    const session = new ReplaySession(machine, {
      ...this.settings(name),
      onPath: (sample) => this.tell(sample, paths),
      onFull: (flows) => this.handOut(flows, paths),
    });
    this.parts = [
      {
        reader: session,
        paths,
        get connections() {
          return machine.connectionCounts;
        },
      },
    ];
    return session;
  }

  /** By several threads: paths are told in the order in which one thread would have met them. */
  private async readShared(
    source: CaptureSource,
    parts: number,
    progress: (packets: number, bytes: number) => void,
  ): Promise<CaptureReport> {
    const self = this;
    const { net } = this.session;
    const name = spokenName(source);
    const paths: (KnownPath | null)[][] = Array.from({ length: parts }, () => []);
    let samples: { readonly share: number; readonly sample: PathSample }[] = [];
    const tellAll = () => {
      samples.sort((a, b) => a.sample.order - b.sample.order);
      for (const { share, sample } of samples) this.tell(sample, paths[share]);
      samples = [];
    };
    const compiled = this.watch.during("compile", () => compileNetwork(net));
    const data = { compiled, connections: CONNECTIONS, known: this.known, options: { ...this.settings(name), reads: readsOf(net) } };
    const shared = new SharedReplay(data, parts, {
      onPath: (share, sample) => samples.push({ share, sample }),
      onFull: (share, flows) => {
        // A flow's record needs its path's name: here that is given in order of arrival.
        tellAll();
        this.handOut(flows, paths[share]);
      },
    });
    try {
      return await readCapture(
        source,
        this.point,
        {
          feed: (piece) => shared.feed(piece),
          feedFrom: (read) => shared.feedFrom(read),
          finish: async () => {
            const results = await shared.finish();
            checkLinks(
              results.map((r) => r.reader),
              name,
            );
            this.parts = results.map((r, i) => ({ reader: r.reader, connections: r.connections, paths: paths[i] }));
            tellAll();
            return results[0].problem;
          },
          get frames() {
            return shared.frames;
          },
          get counters() {
            return countersOf(self.parts);
          },
        },
        this.watch,
        progress,
      );
    } finally {
      await shared.close();
    }
  }

  private tell({ path, hash, events, sent, order: _, ...packet }: PathSample, paths: (KnownPath | null)[]): void {
    this.watch.during("tell", () => {
      paths[path] = this.book.path(hash, packet, events, this.point.device, sent ? null : this.point.port.number);
    });
  }

  private handOut(flows: Iterable<FlowRecord>, paths: (KnownPath | null)[]): void {
    this.watch.during("records", () => {
      for (const f of flows) this.take(f, paths);
      this.handedOut++;
    });
  }

  result(): ReplayResult {
    const { parts, report } = this;
    if (!report) throw new Error("no capture has been read");
    this.watch.during("records", () => {
      if (this.options.flows || this.options.choose === "enumerate") for (const f of flowsOf(parts)) this.take(f.record(), f.part.paths);
      else this.takeAlike();
      this.options.flows?.close();
    });
    return {
      schema: "plumbline.replay/1",
      captures: [report],
      ...this.summary.result,
      notes: this.notes(report.counters),
      workers: parts.length,
      stats: this.watch.stats(report.counters.frames, timesOf(parts), parts.length),
    };
  }

  /** Where nobody wants their records: of flows that have all but addresses, ports and counts in common one is told, and the others are added to it. */
  private takeAlike(): void {
    const kinds = new Map<Part, (Alike | null)[]>(this.parts.map((p) => [p, []]));
    for (const f of flowsOf(this.parts)) {
      const known = kinds.get(f.part)!;
      const like = f.kind === null ? null : known[f.kind];
      if (like) {
        like.flows++;
        like.packets += f.packets;
        like.bytes += f.bytes;
      } else {
        this.alone = null;
        this.take(f.record(), f.part.paths);
        // A flow that the capture contradicts is asked about for itself.
        if (f.kind !== null && like === undefined) known[f.kind] = this.alone;
      }
    }
    for (const k of [...kinds.values()].flat()) if (k?.flow) this.summary.addLike(k.flow, k.story, k);
  }

  /** The records of a flow that the core has folded. */
  private take(f: FlowRecord, paths: readonly (KnownPath | null)[]): void {
    // Evidence: what leaves and was not sent here, and the answers to what was.
    if ((!f.entering && f.fate === null) || f.seen.toSender) {
      this.alone = alike(null, null);
      return;
    }
    const known = f.path < 0 ? null : (paths[f.path] ?? null);
    const answer = answerSeen(f);
    if (this.options.choose === "enumerate" && known) this.takeAll(f, known, answer);
    else this.takeOne(f, known, answer);
  }

  private takeOne(f: FlowRecord, known: KnownPath | null, answer: Answer): void {
    const story = known?.story ?? null;
    const contradiction = story ? contradictionOf(story.verdict, answer, cameBack(f, this.point.text)) : "";
    const other = contradiction !== "" && known ? this.fitting(f, known, answer) : null;
    if (other) {
      this.write(
        f,
        {
          story: other.story,
          final: other.final,
          chosen: other.probability === 1 ? "proven" : "evidence",
          probability: other.probability,
          answer,
          contradiction: "",
        },
        1,
      );
      return;
    }
    const probability = story?.probability ?? 1;
    const final = f.fate ? finalOf(f.fate.final, story) : f;
    if (contradiction === "")
      this.alone = alike(
        flowOf(f, { story, final, chosen: probability === 1 ? "only" : "hash", probability, answer, contradiction }, this.point.text),
        story,
      );
    this.write(f, { story, final, chosen: probability === 1 ? "only" : "hash", probability, answer, contradiction }, 1);
  }

  /** The likeliest branch that fits what the capture shows, with its share among those that do. */
  private fitting(f: FlowRecord, known: KnownPath, answer: Answer): Branch | null {
    if (known.story?.probability === 1 || this.asked >= MOST_ASKED) return null;
    this.asked++;
    const { branches } = this.all(f, known);
    const fit = branches.filter((b) => contradictionOf(b.story.verdict, answer, cameBack(f, this.point.text)) === "");
    const share = fit.reduce((sum, b) => sum + b.probability, 0);
    const best = fit.sort((a, b) => b.probability - a.probability)[0];
    return best ? { ...best, probability: best.probability / share } : null;
  }

  private takeAll(f: FlowRecord, known: KnownPath, answer: Answer): void {
    const { branches, complete } = this.all(f, known);
    if (branches.length === 0) {
      this.takeOne(f, known, answer);
      return;
    }
    if (!complete) this.incomplete++;
    const against = branches.map((b) => contradictionOf(b.story.verdict, answer, cameBack(f, this.point.text)));
    const none = against.every((x) => x !== "");
    branches.forEach((b, i) => {
      const contradiction = none ? against[i] : "";
      this.write(f, { ...b, chosen: branches.length === 1 ? "only" : "enumerated", answer, contradiction }, b.probability);
    });
  }

  private all(f: FlowRecord, known: KnownPath): { branches: Branch[]; complete: boolean } {
    return this.branches.of(firstPacket(known.packet, f), this.point.device, known.port);
  }

  private write(f: FlowRecord, outcome: Parameters<typeof flowOf>[1], share: number): void {
    const flow: Flow = flowOf(f, outcome, this.point.text);
    this.summary.add(flow, outcome.story, share);
    this.options.flows?.write(flow);
  }

  private notes(c: ReplayCounters): string[] {
    const { known, forgotten, refused } = connectionsOf(this.parts);
    return [
      ...(this.joined === "" ? [] : [`one worker: what becomes of one connection may depend on others (${this.joined})`]),
      ...frameNotes(c),
      ...notesOf([
        [c.sent, (n) => `${n} that left ran from the socket of ${this.point.device.name}, which sent them`, "packet"],
        [c.replies, (n) => `${n} not run: they answer connections that left here`, "packet"],
        [c.pathless, (n) => `${n} on paths beyond the ${MAX_PATHS} that are told apart`, "packet"],
        [this.handedOut, (n) => `flows were written out ${n} to make room: a connection may have several records`, "time"],
        [forgotten, (n) => `${n} forgotten for want of room (${known} known): later packets of them ran as new ones`, "connection"],
        [refused, (n) => `${n} found no room in the connection tables`, "packet"],
        [this.incomplete, (n) => `${n} with more branches than are listed: the shares sum to less than 1`, "flow"],
        [
          this.asked >= MOST_ASKED ? this.asked : 0,
          (n) => `only the first ${n} that the capture speaks against were asked for another branch`,
          "flow",
        ],
      ]),
    ];
  }
}
