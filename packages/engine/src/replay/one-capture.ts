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
import { Core, type FlowRecord, type ReplayCounters, ReplaySession } from "@plumbline/core-wasm";
import { type Answer, answerSeen, cameBack, contradictionOf } from "./answer.js";
import { type Branch, Branches, finalOf, firstPacket } from "./branches.js";
import { type Flow, flowOf } from "./flow.js";
import { type KnownPath, PathBook, type PathStory } from "./paths.js";
import type { CapturePoint } from "./point.js";
import { readCapture } from "./reading.js";
import { type CaptureReport, frameNotes, notesOf, type ReplayOptions, type ReplayResult, type ReplaySubject } from "./result.js";
import { type CaptureSource, spokenName } from "./source.js";
import { StopWatch } from "./stats.js";
import { Summarizer } from "./summary.js";

/** The most paths that are told apart. */
export const MAX_PATHS = 1 << 16;
/** Connections that all trackers together remember: some ten for a client's connection to a service. Takes memory as they come, 144 bytes each. */
const CONNECTIONS = 1 << 22;
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
  private readonly machine: Core;
  private core: ReplaySession | undefined;
  private readonly book: PathBook;
  private readonly branches: Branches;
  private readonly summary = new Summarizer();
  private readonly watch = new StopWatch();
  /** By the core's path numbers. */
  private readonly paths: (KnownPath | null)[] = [];
  /** What became of the last flow, if others of its kind come to the same. */
  private alone: Alike | null = null;
  private asked = 0;
  private incomplete = 0;
  private handedOut = 0;
  private report: CaptureReport | undefined;

  constructor(
    session: ReplaySubject,
    private readonly point: CapturePoint,
    private readonly options: ReplayOptions,
  ) {
    const { net, num, annotators, core } = session;
    const known = options.conntrack === "dumped" ? (session.dumped?.().entries ?? []) : [];
    this.book = new PathBook({ net, num, annotators, ...(options.paths ? { paths: options.paths } : {}) }, MAX_PATHS);
    core.know(known);
    this.branches = new Branches(core, num, this.book);
    this.machine = this.watch.during("compile", () => Core.createSync(net, { connections: CONNECTIONS }));
    this.machine.know(known);
  }

  private makeCore(name: string): ReplaySession {
    const { point, options } = this;
    return new ReplaySession(this.machine, {
      name,
      device: point.device.id,
      port: point.port.number,
      direction: point.direction,
      maxPaths: MAX_PATHS,
      ...(point.tunnels ? { tunnels: point.tunnels } : {}),
      ...(options.maxFlows === undefined ? {} : { maxFlows: options.maxFlows }),
      ...(options.maxTrajectories === undefined ? {} : { maxTrajectories: options.maxTrajectories }),
      own: point.own,
      onPath: ({ path, hash, events, sent, ...packet }) => {
        this.watch.during("tell", () => {
          this.paths[path] = this.book.path(hash, packet, events, point.device, sent ? null : point.port.number);
        });
      },
      onFull: (flows) => {
        this.watch.during("records", () => {
          for (const f of flows) this.take(f);
          this.handedOut++;
        });
      },
    });
  }

  async read(source: CaptureSource): Promise<void> {
    this.core = this.makeCore(spokenName(source));
    const { core, watch } = this;
    this.report = await readCapture(source, this.point, core, watch, (packets, bytes) =>
      this.options.progress?.({ packets, bytes, connections: 0, seconds: watch.seconds }),
    );
  }

  result(): ReplayResult {
    const { core, report } = this;
    if (!core || !report) throw new Error("no capture has been read");
    this.watch.during("records", () => {
      if (this.options.flows || this.options.choose === "enumerate") for (const f of core.flows()) this.take(f);
      else this.takeAlike(core);
      this.options.flows?.close();
    });
    return {
      schema: "plumbline.replay/1",
      captures: [report],
      ...this.summary.result,
      notes: this.notes(report.counters),
      stats: this.watch.stats(report.counters.frames, core.times),
    };
  }

  /** Where nobody wants their records: of flows that have all but addresses, ports and counts in common one is told, and the others are added to it. */
  private takeAlike(core: ReplaySession): void {
    const kinds: (Alike | null)[] = [];
    for (const f of core.briefly()) {
      const alike = kinds[f.kind];
      if (alike) {
        alike.flows++;
        alike.packets += f.packets;
        alike.bytes += f.bytes;
      } else {
        this.alone = null;
        this.take(f.record());
        // A flow that the capture contradicts is asked about for itself.
        if (alike === undefined) kinds[f.kind] = this.alone;
      }
    }
    for (const k of kinds) if (k?.flow) this.summary.addLike(k.flow, k.story, k);
  }

  /** The records of a flow that the core has folded. */
  private take(f: FlowRecord): void {
    // Evidence: what leaves and was not sent here, and the answers to what was.
    if ((!f.entering && f.fate === null) || f.seen.toSender) {
      this.alone = alike(null, null);
      return;
    }
    const known = f.path < 0 ? null : (this.paths[f.path] ?? null);
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
      this.alone = alike(flowOf(f, { story, final, chosen: probability === 1 ? "only" : "hash", probability, answer, contradiction }, this.point.text), story);
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
    const { known, forgotten, refused } = this.machine.connectionCounts;
    return [
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
