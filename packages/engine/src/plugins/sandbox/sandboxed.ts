/**
 * A plugin in a worker, as a plugin like any other: its functions are calls into the worker, and what comes back is checked.
 *
 * What its manifest does not declare is left out: a plugin that declares `parse` alone is never asked to lower.
 */
import type {
  Claim,
  Device,
  EvidenceFile,
  ExplainSection,
  Fact,
  FactBase,
  FactKind,
  KnownService,
  LowerContext,
  NetworkBuilder,
  Plugin,
  Rule,
  Stage,
  TableId,
} from "@plumbline/model";
import { factFault } from "@plumbline/plugin-sdk";
import type { Capability } from "../manifest.js";
import { applyChange, changeFault, checkedAnswer, checkedClaim } from "./border.js";
import { type Answers, SANDBOX_LIMITS, type SandboxLimits, SandboxProcess } from "./process.js";
import type { FileHead, NetworkChange, NetworkState, ToldFact, ToldProblem } from "./wire.js";

/** Reading may take so much longer a MiB. */
const MILLISECONDS_A_MIB = 2000;
/** More facts than this come out of no file. */
const FACTS_A_FILE = 5_000_000;
/** Kinds of problems with facts that are told a file. */
const BAD_FACTS = 20;

export interface Sandboxed {
  readonly plugin: Plugin;
  /** Parts that it has and that its manifest does not declare. */
  readonly undeclared: readonly string[];
  close(): void;
}

const PARTS_OF: Readonly<Record<Capability, readonly string[]>> = {
  parse: ["claims", "parse", "facts"],
  lower: ["lower"],
  explain: ["annotator", "services", "explain", "announcements"],
  decode: ["decode"],
};

/** Starts a plugin's worker. Throws an Error that says why the plugin cannot be used. */
export function sandboxed(entry: string, capabilities: readonly Capability[], limits: SandboxLimits = SANDBOX_LIMITS): Sandboxed {
  const worker = new SandboxProcess(entry, limits);
  const described = worker.describe();
  const allowed = new Set(["collects", ...capabilities.flatMap((c) => PARTS_OF[c])]);
  const has = (part: string) => described.parts.includes(part) && allowed.has(part);
  const foreign = Object.keys(described.facts ?? {}).find((kind) => !kind.startsWith(`${described.id}.`));
  if (foreign !== undefined) {
    worker.close();
    throw new Error(`its kind of facts '${foreign}' does not begin with '${described.id}.'`);
  }
  const border = new Border(worker, described.id, described.facts, limits);
  const stages = Object.fromEntries(described.stages.map((s) => [s, (ctx: LowerContext) => border.lower(s, ctx)]));
  const plugin: Plugin = {
    id: described.id,
    title: described.title,
    ...(has("claims") && { claims: (f) => border.claims(f), parse: (f, ctx) => border.parse(f, ctx) }),
    ...(has("facts") && { facts: described.facts }),
    ...(has("lower") && { lower: stages }),
    ...(has("annotator") && { annotator: (facts) => (rule, device) => border.annotate(facts, rule, device) }),
    ...(has("services") && { services: (facts) => border.ask<readonly KnownService[]>("services", facts) }),
    ...(has("explain") && { explain: (facts, question) => border.ask<readonly ExplainSection[]>("explain", facts, question) }),
    ...(has("announcements") && { announcements: (facts, prefix) => border.ask("announcements", facts, prefix) }),
    ...(has("decode") && { decode: (head, name) => border.decode(head, name) }),
    ...(described.collects && { collects: described.collects }),
  };
  return { plugin, undeclared: described.parts.filter((p) => !allowed.has(p)), close: () => worker.close() };
}

/** The engine's side of the border. */
class Border {
  private readonly files = new WeakMap<EvidenceFile, number>();
  private nextFile = 1;
  private readonly bases = new WeakMap<FactBase, number>();
  private nextBase = 1;
  private readonly own = { devices: new Set<number>(), tables: new Set<number>() };
  /** What the worker's copy of the network holds. */
  private known = { devices: 0, tables: 0, links: 0, generation: -1 };
  private told = { base: 0, generation: -1, devices: new Set<number>() };

  constructor(
    private readonly worker: SandboxProcess,
    private readonly id: string,
    private readonly kinds: Plugin["facts"],
    private readonly limits: SandboxLimits,
  ) {}

  private head(file: EvidenceFile): FileHead {
    let number = this.files.get(file);
    if (number === undefined) this.files.set(file, (number = this.nextFile++));
    const { path, host, command, size } = file;
    return { number, path, host, command, size };
  }

  private content(file: EvidenceFile): Answers["ask"] {
    let lines: Iterator<Uint8Array> | null = null;
    return (what, args) => {
      if (what === "bytes") return file.bytes();
      if (what !== "piece") throw new Error(`'${what}' cannot be asked here`);
      if (args[1] || !lines) lines = pieces(file);
      const next = lines.next();
      return next.done ? null : next.value;
    };
  }

  claims(file: EvidenceFile): Claim | null {
    return checkedClaim(this.worker.call("claims", [this.head(file)], { ask: this.content(file) }));
  }

  parse(file: EvidenceFile, ctx: Parameters<NonNullable<Plugin["parse"]>>[1]): void {
    let facts = 0;
    let bad = 0;
    const read = (told: readonly ToldFact[], problems: readonly ToldProblem[]) => {
      for (const p of problems) ctx.problem(p.severity, p.line, String(p.message), String(p.hint));
      for (const f of told) {
        if (++facts > FACTS_A_FILE) throw new Error(`more than ${FACTS_A_FILE} facts came out of it`);
        const wrong =
          typeof f.text !== "string" || !Number.isInteger(f.line) || f.line < 0
            ? "its origin is a line and the text that stands there"
            : factFault(f.kind, f.data, this.kinds);
        if (wrong === "") ctx.fact(f.kind as FactKind, f.data as never, f.line, f.text);
        else if (++bad <= BAD_FACTS)
          ctx.problem("error", Number(f.line) || 0, `the ${this.id} plugin told a fact of kind '${f.kind}' that is none: ${wrong}`);
      }
    };
    const milliseconds = this.limits.milliseconds + (file.size / (1 << 20)) * MILLISECONDS_A_MIB;
    const tell: Answers["tell"] = (_, [told, problems]) => read(told as ToldFact[], problems as ToldProblem[]);
    this.worker.call("parse", [this.head(file)], { ask: this.content(file), tell }, milliseconds);
  }

  private base(facts: FactBase): number {
    let number = this.bases.get(facts);
    if (number === undefined) this.bases.set(facts, (number = this.nextBase++));
    return number;
  }

  private library(facts: FactBase, net?: NetworkBuilder): Answers {
    return {
      ask: (what, args) => {
        if (what === "facts") return facts.all(args[1] as FactKind) as readonly Fact[];
        if (what === "hosts") return facts.hosts();
        if (what === "rules" && net) return args[0] === null ? net.rules : (net.tables[args[0] as number]?.rules ?? []);
        throw new Error(`'${what}' cannot be asked here`);
      },
    };
  }

  ask<T>(part: "services" | "explain" | "announcements", facts: FactBase, ...args: readonly unknown[]): T {
    return checkedAnswer<T>(part, this.worker.call(part, [this.base(facts), ...args], this.library(facts)));
  }

  annotate(facts: FactBase, rule: Rule, device: Device) {
    const base = this.base(facts);
    if (this.told.base !== base || this.told.generation !== this.worker.generation)
      this.told = { base, generation: this.worker.generation, devices: new Set() };
    const sent = this.told.devices.has(device.id);
    this.told.devices.add(device.id);
    return checkedAnswer<ReturnType<ReturnType<NonNullable<Plugin["annotator"]>>>>(
      "annotate",
      this.worker.call("annotate", [base, rule, sent ? device.id : device], this.library(facts)),
    );
  }

  /** What the worker's copy of the network has to take in. */
  private state(net: NetworkBuilder, whole: boolean): NetworkState {
    if (whole || this.known.generation !== this.worker.generation)
      this.known = { devices: 0, tables: 0, links: 0, generation: this.worker.generation };
    const { devices, tables, links } = this.known;
    const state: NetworkState = {
      whole: devices === 0 && tables === 0 && links === 0,
      devices: net.devices.slice(devices),
      tables: net.tables.slice(tables).map(({ rules: _, ...head }) => head),
      links: net.links.slice(links),
      trackers: net.trackers,
      rules: net.rules.length,
    };
    return state;
  }

  private enter(net: NetworkBuilder, change: NetworkChange): string {
    const wrong = changeFault(net, change, this.own);
    if (wrong === "") {
      applyChange(net, change);
      for (const d of change.devices) this.own.devices.add(d.id);
      for (const t of change.tables) this.own.tables.add(t.id);
      this.known = { devices: net.devices.length, tables: net.tables.length, links: net.links.length, generation: this.worker.generation };
      // The worker has what it has made; what it made and was refused it has too, and has to be told all anew.
    } else this.known.generation = -1;
    return wrong;
  }

  lower(stage: Stage, ctx: LowerContext): void {
    if (stage === "hooks") {
      this.own.devices.clear();
      this.own.tables.clear();
    }
    const others = ctx.hooks.map(({ host, hook, priority, type }) => ({ host, hook, priority, type }));
    const nodes = ctx.facts.hosts().map((host) => [host, ctx.nodeOf(host)]);
    try {
      const args = [this.base(ctx.facts), stage, this.state(ctx.net, true), others, nodes];
      const change = this.worker.call("lower", args, this.library(ctx.facts, ctx.net)) as NetworkChange;
      const wrong = this.enter(ctx.net, change);
      if (wrong !== "") throw new Error(wrong);
      for (const p of change.problems) ctx.problem({ ...p, message: String(p.message) });
      if (change.punts > 0) throw new Error("it registers an interpreter of packets to a controller, which cannot leave its worker");
      for (const { number, ...chain } of change.hooks)
        ctx.hooks.push({ ...chain, build: (device, next) => this.build(ctx, number, chain.host, device, next) });
    } catch (e) {
      this.complain(ctx, `stopped lowering (${stage})`, e);
    }
  }

  /** Builds a chain in the host's device. A chain that cannot be built leaves what it does unknown. */
  private build(ctx: LowerContext, chain: number, host: string, device: Device, next: TableId): TableId {
    const { net } = ctx;
    try {
      const args = [chain, this.state(net, false), device, next];
      const { table, change } = this.worker.call("build", args, this.library(ctx.facts, net)) as { table: TableId; change: NetworkChange };
      const wrong =
        this.enter(net, change) || (Number.isInteger(table) && table >= 0 && table < net.tables.length ? "" : `there is no table ${table}`);
      if (wrong !== "") throw new Error(wrong);
      return table;
    } catch (e) {
      this.complain(ctx, `could not lower a chain of ${host}`, e);
      const t = net.table(device, `${this.id} (not lowered)`, "hook", "priority");
      t.miss = [
        { op: "unknown", why: `what the ${this.id} plugin's chain does: it could not be lowered`, command: "", on: host, go: true },
        { op: "goto", table: next, unwind: true },
      ];
      return t.id;
    }
  }

  private complain(ctx: LowerContext, what: string, e: unknown): void {
    const message = `the ${this.id} plugin ${what}: ${e instanceof Error ? e.message : String(e)}`;
    ctx.problem({ severity: "error", file: "", line: 0, message, hint: `Say plumbline plugin test ${this.id}, and tell its author.` });
  }

  decode(head: Uint8Array, name: string): ReturnType<NonNullable<Plugin["decode"]>> {
    const number = this.worker.call("decode", [head, name]) as number | null;
    if (number === null) return null;
    type Frames = Parameters<Parameters<NonNullable<ReturnType<NonNullable<Plugin["decode"]>>>["push"]>[1]>[0][];
    return {
      push: (bytes, frame) => {
        for (const f of this.worker.call("push", [number, bytes]) as Frames) frame(f);
      },
      end: (frame) => {
        const { frames, wrong } = this.worker.call("end", [number]) as { frames: Frames; wrong: string };
        for (const f of frames) frame(f);
        return String(wrong);
      },
    };
  }
}

const PIECE_BYTES = 1 << 20;

/** A file's bytes in pieces; its text is read by lines without its being held whole, where the file can do so. */
function* pieces(file: EvidenceFile): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let lines: string[] = [];
  let size = 0;
  for (const line of file.lines()) {
    lines.push(line.text);
    size += line.text.length + 1;
    if (size < PIECE_BYTES) continue;
    yield encoder.encode(`${lines.join("\n")}\n`);
    [lines, size] = [[], 0];
  }
  if (lines.length > 0) yield encoder.encode(lines.join("\n"));
}
