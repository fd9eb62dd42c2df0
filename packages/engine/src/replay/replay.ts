/**
 * `replay`: a capture runs through the network, every flow gets its fate.
 *
 * The capture streams through the core, which decodes, runs and folds; here each path is told once (paths.ts), each flow gets
 * its record (flow.ts) and is counted (summary.ts). Only packets that enter at the capture point run. What leaves there is
 * evidence: where it shows that the chosen branch was not taken, the branch is taken that fits; where none fits, the flow is
 * contradicted by the capture.
 *
 * Promise: memory is bounded by flows and paths, never by the capture's size. A capture that is cut or damaged is used as
 * far as it goes, and the result says so.
 */
import { Core, type FlowRecord, type ReplayCounters, ReplaySession } from "@plumbline/core-wasm";
import { PlumblineError } from "@plumbline/model";
import type { Session } from "../session.js";
import { type Answer, answerSeen, contradictionOf } from "./answer.js";
import { type Branch, Branches, finalOf, firstPacket } from "./branches.js";
import { type Flow, flowOf } from "./flow.js";
import type { FlowSink } from "./flow-file.js";
import { type KnownPath, PathBook } from "./paths.js";
import { type CapturePoint, pointInName, pointOf } from "./point.js";
import { type CaptureSource, spokenName } from "./source.js";
import { type ReplayStats, StopWatch } from "./stats.js";
import { Summarizer, type Summary } from "./summary.js";

export interface ReplayOptions {
  /** Where the capture was taken, `DEVICE:PORT`; else its name tells. */
  readonly at?: string;
  /** What to do where a branch is not known: the one by the flow's hash (default), or all, with their shares. */
  readonly choose?: "hash" | "enumerate";
  readonly flows?: FlowSink;
  /** Called now and then. */
  readonly progress?: (done: { readonly packets: number; readonly bytes: number; readonly seconds: number }) => void;
  /** The most flows held at a time (default 4194304); beyond it they are written out, and a connection may get a second record. */
  readonly maxFlows?: number;
}

/** What a replay needs of a session. */
export type ReplaySubject = Pick<Session, "net" | "num" | "annotators" | "core">;

export interface CaptureReport {
  readonly name: string;
  /** Capture point, DEVICE:PORT. */
  readonly at: string;
  /** How entering frames are told from leaving ones. */
  readonly direction: string;
  readonly counters: ReplayCounters;
  /** What was wrong with the file, "" if nothing; what stands before it was used. */
  readonly problem: string;
}

export interface ReplayResult extends Summary {
  readonly schema: "plumbline.replay/1";
  readonly captures: readonly CaptureReport[];
  /** What a reader must know to take the numbers for what they are. */
  readonly notes: readonly string[];
  readonly stats: ReplayStats;
}

const MAX_PATHS = 1 << 16;
/** Connections that all trackers together remember: some ten for a client's connection to a service. Takes memory as they come, 144 bytes each. */
const CONNECTIONS = 1 << 22;
/** Flows whose branches are asked because the capture speaks against the chosen one. */
const MOST_ASKED = 5000;

export async function replay(session: ReplaySubject, source: CaptureSource, options: ReplayOptions = {}): Promise<ReplayResult> {
  const point = pointFor(session, source, options.at);
  const run = new Run(session, spokenName(source), point, options);
  await run.read(source);
  return run.result();
}

/** Where a capture was taken: as said, or as its name tells, or its name before it was packed. */
export function pointFor(session: Pick<ReplaySubject, "net">, source: CaptureSource, at: string | undefined): CapturePoint {
  const { net } = session;
  const point =
    at === undefined
      ? (pointInName(net, source.name, source.name) ?? pointInName(net, source.packedName, source.name))
      : pointOf(net, at, source.name);
  if (point) return point;
  const name = source.packedName === "" ? "its name" : `neither its name nor that in it ('${source.packedName}')`;
  throw new PlumblineError("CAPTURE_POINT", [
    spokenName(source),
    `where it was taken is not known: ${name} ${source.packedName === "" ? "does not end" : "ends"} in DEVICE.PORT of this snapshot.`,
  ]);
}

class Run {
  private readonly machine: Core;
  private readonly core: ReplaySession;
  private readonly book: PathBook;
  private readonly branches: Branches;
  private readonly summary = new Summarizer();
  private readonly watch = new StopWatch();
  /** By the core's path numbers. */
  private readonly paths: (KnownPath | null)[] = [];
  private asked = 0;
  private incomplete = 0;
  private handedOut = 0;
  private report: CaptureReport | undefined;

  constructor(
    session: ReplaySubject,
    private readonly name: string,
    private readonly point: CapturePoint,
    private readonly options: ReplayOptions,
  ) {
    const { net, num, annotators } = session;
    this.book = new PathBook({ net, num, annotators }, MAX_PATHS);
    this.branches = new Branches(session.core, num, this.book);
    this.machine = this.watch.during("compile", () => Core.createSync(net, { connections: CONNECTIONS }));
    this.core = new ReplaySession(this.machine, {
      name,
      device: point.device.id,
      port: point.port.number,
      direction: point.direction,
      maxPaths: MAX_PATHS,
      ...(options.maxFlows === undefined ? {} : { maxFlows: options.maxFlows }),
      onPath: ({ path, hash, row, events }) => {
        this.watch.during("tell", () => {
          this.paths[path] = this.book.path(hash, row, events, point.device, point.port.number);
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
    const { name } = this;
    const unusable = (text: string) => new PlumblineError("CAPTURE_BAD", [name, text]);
    let bytes = 0;
    for await (const piece of source.pieces) {
      bytes += piece.length;
      this.watch.during("core", () => this.core.feed(piece));
      this.options.progress?.({ packets: this.core.frames, bytes, seconds: this.watch.seconds });
    }
    const wrong = this.core.finish();
    const { counters } = this.core;
    const damage = source.damage === "" ? [] : [source.damage];
    if (wrong?.kind === "empty" && damage.length === 0) throw unusable("the file is empty.");
    if (counters.frames === 0 && (wrong || damage.length > 0))
      throw unusable(`${[...damage, wrong?.text ?? ""].filter(Boolean).join("; ")}; it holds no whole packet.`);
    if (wrong) damage.push(`${wrong.text}, at byte ${wrong.offset}, behind packet ${counters.frames}`);
    this.report = {
      name,
      at: this.point.text,
      direction: this.point.why,
      counters,
      problem: damage.length === 0 ? "" : `${damage.join("; ")}; the ${counters.frames} packets before it are used`,
    };
  }

  result(): ReplayResult {
    this.watch.during("records", () => {
      for (const f of this.core.flows()) this.take(f);
      this.options.flows?.close();
    });
    const report = this.report!;
    return {
      schema: "plumbline.replay/1",
      captures: [report],
      ...this.summary.result,
      notes: this.notes(report.counters),
      stats: this.watch.stats(report.counters.frames, this.core.times),
    };
  }

  /** The records of a flow that the core has folded. */
  private take(f: FlowRecord): void {
    if (!f.entering) return;
    const known = f.path < 0 ? null : (this.paths[f.path] ?? null);
    const answer = answerSeen(f);
    if (this.options.choose === "enumerate" && known) this.takeAll(f, known, answer);
    else this.takeOne(f, known, answer);
  }

  private takeOne(f: FlowRecord, known: KnownPath | null, answer: Answer): void {
    const story = known?.story ?? null;
    const contradiction = story ? contradictionOf(story.verdict, answer, this.point.text) : "";
    const other = contradiction !== "" && known ? this.fitting(f, known, answer) : null;
    if (other) {
      this.write(f, { story: other.story, final: other.final, chosen: "evidence", probability: other.probability, answer, contradiction: "" }, 1);
      return;
    }
    const probability = story?.probability ?? 1;
    const final = f.fate ? finalOf(f.fate.final, story) : f;
    this.write(f, { story, final, chosen: probability === 1 ? "only" : "hash", probability, answer, contradiction }, 1);
  }

  /** The likeliest branch that fits what the capture shows, with its share among those that do. */
  private fitting(f: FlowRecord, known: KnownPath, answer: Answer): Branch | null {
    if (known.story?.probability === 1 || this.asked >= MOST_ASKED) return null;
    this.asked++;
    const { branches } = this.all(f, known);
    const fit = branches.filter((b) => contradictionOf(b.story.verdict, answer, this.point.text) === "");
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
    const against = branches.map((b) => contradictionOf(b.story.verdict, answer, this.point.text));
    const none = against.every((x) => x !== "");
    branches.forEach((b, i) => {
      const contradiction = none ? against[i] : "";
      this.write(f, { ...b, chosen: branches.length === 1 ? "only" : "enumerated", answer, contradiction }, b.probability);
    });
  }

  private all(f: FlowRecord, known: KnownPath): { branches: Branch[]; complete: boolean } {
    return this.branches.of(firstPacket(known.row, f), this.point.device, this.point.port.number);
  }

  private write(f: FlowRecord, outcome: Parameters<typeof flowOf>[1], share: number): void {
    const flow: Flow = flowOf(f, outcome, this.point.text);
    this.summary.add(flow, outcome.story, share);
    this.options.flows?.write(flow);
  }

  private notes(c: ReplayCounters): string[] {
    const { known, forgotten, refused } = this.machine.connectionCounts;
    const notes: [number, string][] = [
      [c.foreign, `${c.foreign} packets neither enter nor leave here: they are from and for others`],
      [c.arp, `${c.arp} ARP frames are not run`],
      [c.other, `${c.other} frames are neither IP nor ARP`],
      [c.shortEthernet + c.shortNetwork + c.shortTransport, `${c.shortEthernet + c.shortNetwork + c.shortTransport} frames were cut within their headers by the capture's snapshot length`],
      [c.badIp, `${c.badIp} packets have an IP header that contradicts itself`],
      [c.replies, `${c.replies} packets answer connections that left here, and are not run`],
      [c.pathless, `${c.pathless} packets took paths beyond the ${MAX_PATHS} that are told apart`],
      [c.flowless, `${c.flowless} packets belong to flows for which there was no memory; they are in no record`],
      [this.handedOut, `flows were written out ${this.handedOut} times to make room: a connection may have several records`],
      [forgotten, `${forgotten} connections were forgotten for want of room (${known} are known): their later packets ran as new ones`],
      [refused, `${refused} packets found no room in the connection tables`],
      [this.incomplete, `${this.incomplete} flows have more branches than are listed: their shares sum to less than 1`],
      [this.asked >= MOST_ASKED ? 1 : 0, `only the first ${MOST_ASKED} flows that the capture speaks against were asked for another branch`],
    ];
    return notes.filter(([n]) => n > 0).map(([, text]) => text);
  }
}
