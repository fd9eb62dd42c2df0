/**
 * The worker of one plugin: loads it behind the guard, and answers calls for as long as the engine has some.
 */
import { type MessagePort, workerData } from "node:worker_threads";
import type {
  Annotator,
  CaptureDecoder,
  Device,
  EvidenceFile,
  HookChain,
  Line,
  LowerContext,
  Plugin,
  Problem,
  Question,
  RecordedFrame,
  Rule,
  Stage,
} from "@plumbline/model";
import { isBinary, linesOf, PARTS, shapeFault } from "@plumbline/plugin-sdk";
import { Channel } from "./channel.js";
import { guard } from "./guard.js";
import { MirrorNetwork } from "./mirror.js";
import { RemoteFacts } from "./remote-facts.js";
import type { Described, FileHead, NetworkChange, NetworkState, ToldFact, ToldProblem, WorkerStart } from "./wire.js";

const start = workerData as WorkerStart & { readonly port: MessagePort };
const channel = new Channel(start.port, new Int32Array(start.counts), 1);
const FOREVER = Number.POSITIVE_INFINITY;
/** Facts that are told at once. */
const BATCH = 500;

/** Asks the engine in the midst of a call. */
function ask(what: string, ...args: readonly unknown[]): unknown {
  channel.post({ kind: "ask", what, args });
  const answer = channel.next(FOREVER);
  if (answer?.kind === "done") return answer.value;
  throw new Error(answer?.kind === "threw" ? answer.message : "the engine does not answer");
}

/** A file whose content comes when asked for, in pieces for {@link EvidenceFile.lines}. */
function remoteFile(head: FileHead): EvidenceFile {
  let bytes: Uint8Array | null = null;
  let text: string | null = null;
  const all = () => (bytes ??= ask("bytes", head.number) as Uint8Array);
  function* pieces(): Generator<Uint8Array> {
    if (bytes) yield bytes;
    else
      for (let first = true; ; first = false) {
        const piece = ask("piece", head.number, first) as Uint8Array | null;
        if (!piece) return;
        yield piece;
      }
  }
  const { path, host, command, size } = head;
  return {
    path,
    host,
    command,
    size,
    bytes: all,
    text: () => (text ??= isBinary(all()) ? "" : new TextDecoder("utf-8").decode(all())),
    lines: (): Iterable<Line> => linesOf(pieces()),
  };
}

const factBases = new Map<number, RemoteFacts>();
function factsOf(number: number): RemoteFacts {
  let facts = factBases.get(number);
  if (!facts) {
    // A worker serves one snapshot after the other: facts of earlier ones are forgotten.
    factBases.clear();
    facts = new RemoteFacts((what, kind) => ask(what, number, kind));
    factBases.set(number, facts);
  }
  return facts;
}

class Desk {
  private readonly annotators = new Map<number, Annotator>();
  private readonly devices = new Map<number, Device>();
  private readonly chains: HookChain[] = [];
  private readonly decoders: CaptureDecoder[] = [];
  private net = new MirrorNetwork((table) => ask("rules", table) as Rule[]);
  private nodes = new Map<string, string>();

  constructor(private readonly plugin: Plugin) {}

  describe(): Described {
    const { id, title, facts, collects, lower } = this.plugin;
    return {
      id,
      title,
      parts: PARTS.filter((p) => this.plugin[p] !== undefined),
      stages: Object.keys(lower ?? {}) as Stage[],
      facts,
      collects,
    };
  }

  claims(head: FileHead) {
    return this.plugin.claims?.(remoteFile(head)) ?? null;
  }

  parse(head: FileHead): null {
    let facts: ToldFact[] = [];
    let problems: ToldProblem[] = [];
    const tell = () => {
      channel.post({ kind: "tell", what: "read", args: [facts, problems] });
      [facts, problems] = [[], []];
    };
    try {
      this.plugin.parse?.(remoteFile(head), {
        fact: (kind, data, line, text) => {
          if (facts.push({ kind, data, line, text }) >= BATCH) tell();
        },
        problem: (severity, line, message, hint = "") => {
          if (problems.push({ severity, line, message, hint }) >= BATCH) tell();
        },
      });
    } finally {
      tell();
    }
    return null;
  }

  annotate(facts: number, rule: Rule, device: Device | number) {
    let annotator = this.annotators.get(facts);
    if (!annotator) {
      this.annotators.clear();
      this.devices.clear();
      annotator = this.plugin.annotator?.(factsOf(facts)) ?? (() => []);
      this.annotators.set(facts, annotator);
    }
    if (typeof device !== "number") this.devices.set(device.id, device);
    return annotator(rule, this.devices.get(typeof device === "number" ? device : device.id) as Device);
  }

  services(facts: number) {
    return this.plugin.services?.(factsOf(facts)) ?? [];
  }
  explain(facts: number, question: Question) {
    return this.plugin.explain?.(factsOf(facts), question) ?? [];
  }
  announcements(facts: number, prefix: { family: 4 | 6; value: bigint; len: number }) {
    return this.plugin.announcements?.(factsOf(facts), prefix) ?? [];
  }

  /** @param others chains that are registered already */
  lower(
    facts: number,
    stage: Stage,
    state: NetworkState,
    others: readonly Omit<HookChain, "build">[],
    nodes: [string, string][],
  ): NetworkChange {
    if (stage === "hooks") {
      this.net = new MirrorNetwork((table) => ask("rules", table) as Rule[]);
      this.chains.length = 0;
    }
    this.nodes = new Map(nodes);
    this.net.take(state);
    const foreign = others.map((o) => ({
      ...o,
      build(): never {
        throw new Error("a chain of another plugin is not built from here");
      },
    }));
    const problems: Problem[] = [];
    const ctx: LowerContext = {
      facts: factsOf(facts),
      net: this.net,
      hooks: [...foreign],
      punts: [],
      nodeOf: (host) => this.nodes.get(host) ?? "",
      problem: (p) => void problems.push(p),
    };
    this.plugin.lower?.[stage]?.(ctx);
    const first = this.chains.length;
    this.chains.push(...ctx.hooks.filter((h) => !foreign.includes(h as (typeof foreign)[number])));
    const hooks = this.chains.slice(first).map(({ host, hook, priority, type }, i) => ({ host, hook, priority, type, number: first + i }));
    return { ...this.net.changes(), hooks, punts: ctx.punts.length, problems };
  }

  build(chain: number, state: NetworkState, device: Device, next: number): { table: number; change: NetworkChange } {
    this.net.take(state, device);
    const table = this.chains[chain].build(this.net.devices[device.id], next);
    return { table, change: { ...this.net.changes(), hooks: [], punts: 0, problems: [] } };
  }

  decode(head: Uint8Array, name: string): number | null {
    const decoder = this.plugin.decode?.(head, name);
    return decoder ? this.decoders.push(decoder) - 1 : null;
  }
  push(decoder: number, bytes: Uint8Array): RecordedFrame[] {
    const frames: RecordedFrame[] = [];
    this.decoders[decoder].push(bytes, (f) => void frames.push(f));
    return frames;
  }
  end(decoder: number): { frames: RecordedFrame[]; wrong: string } {
    const frames: RecordedFrame[] = [];
    const wrong = this.decoders[decoder].end((f) => void frames.push(f));
    return { frames, wrong };
  }
}

/** A call's answer, or what it threw. */
function answer(work: () => unknown): void {
  try {
    channel.post({ kind: "done", value: work() });
  } catch (e) {
    const { message, name } = e instanceof Error ? e : { message: String(e), name: "Error" };
    channel.post({ kind: "threw", message, name });
  }
}

let desk: Desk | null = null;
let fault = "";
try {
  guard();
  const module = (await import(start.entry)) as { default?: unknown };
  fault = shapeFault(module.default);
  if (fault === "") desk = new Desk(module.default as Plugin);
} catch (e) {
  fault = e instanceof Error ? e.message : String(e);
}
answer(() => {
  if (!desk) throw new Error(fault);
  return desk.describe();
});
for (;;) {
  const message = channel.next(FOREVER);
  if (message?.kind !== "call") continue;
  answer(() => (desk as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[message.what](...message.args));
}
