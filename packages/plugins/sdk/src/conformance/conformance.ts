/**
 * The conformance kit: what every plugin owes to its users, checked on its own fixtures.
 *
 * - `claims`: every fixture is claimed, with a score and a name; empty and foreign files are no fault.
 * - `facts`: their data look as declared.
 * - `origins`: every fact points at its line and repeats what stands there; every problem names a line that there is.
 * - `damaged`: fixtures that were cut, and fixtures with faults, neither crash it nor make it run for ever, and what it still
 *   reads in them is as true to the lines as before.
 * - `linear`: four times as much takes four times as long.
 * - `lowering`: the same facts make the same network, of well-formed rules; facts of damaged files do no harm.
 *
 * Promise: all that is drawn comes from the seed. Cost: seconds; the time goes into `damaged` and `linear`.
 */
import type { CaptureDecoder, Fact, Plugin, Problem, ReadContext, RecordedFrame } from "@plumbline/model";
import { FactStore } from "../facts.js";
import { isBinary } from "../lines.js";
import { readFile } from "../read.js";
import { wholeFactFault } from "../shape.js";
import { inlineFile } from "../testkit.js";
import { type Damaged, mutations, randomOf, repeated, truncations } from "./fixtures.js";
import { growthOf } from "./growth.js";
import { limited } from "./limited.js";
import { loweredText, nothingLowered } from "./lowering.js";
import { type KnownLines, originFault, summaryFault } from "./origins.js";

/** A file as the plugin is to read it. */
export interface Fixture {
  /** As in a snapshot: "node-1/host/ip_route". */
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Where the path does not tell. */
  readonly host?: string;
  readonly command?: string;
}

export interface ConformanceOptions {
  readonly fixtures: readonly Fixture[];
  readonly seed?: number;
  /** Cut forms of each fixture. */
  readonly truncations?: number;
  /** Faulty forms of each fixture. */
  readonly mutations?: number;
  /** Milliseconds that one call may take. */
  readonly limit?: number;
  /** Plugins that read and lower beside it: those whose facts or chains it needs. Fixtures that they claim, and it does not, are theirs. */
  readonly around?: readonly Plugin[];
  /** Kinds of facts whose origin's text names an object instead of repeating its lines. */
  readonly summaries?: (kind: string) => boolean;
  /** Fixtures that are claimed to be named, and hold no facts (a recording), by their path. */
  readonly factless?: (path: string) => boolean;
  /** Makes a fixture so many times as large, where repeating its text does not: a JSON list. */
  readonly grow?: (fixture: Fixture, times: number) => string | Uint8Array;
  /** Runs a call; by default in this thread, broken off behind `limit`. For plugins that run elsewhere and are limited there. */
  readonly run?: <T>(work: () => T) => T;
}

/** One of the promises. */
export interface Check {
  readonly id: "claims" | "facts" | "origins" | "damaged" | "linear" | "lowering" | "decode";
  readonly title: string;
  readonly verdict: "passed" | "failed" | "skipped";
  /** What was tried, or why nothing was. */
  readonly tried: string;
  /** What was found, {@link FAULTS} at most. */
  readonly faults: readonly string[];
}

export interface ConformanceReport {
  readonly plugin: string;
  readonly seed: number;
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

const FAULTS = 10;
const DEFAULTS = { seed: 1, truncations: 40, mutations: 120, limit: 10_000 };
/** Damaged files whose facts are lowered too. */
const LOWERED = 40;

/** What a plugin said of one file. */
interface Said {
  readonly facts: Fact[];
  readonly problems: Problem[];
  /** "" if it came to its end. */
  readonly crash: string;
}

/** Faults, one of each kind: what differs only in numbers and quoted texts is the same fault again. */
class Faults {
  private readonly kinds = new Map<string, { readonly first: string; more: number }>();
  get none(): boolean {
    return this.kinds.size === 0;
  }
  /** @param where left out of the comparison with others */
  add(where: string, fault: string): void {
    const kind = fault.replace(/"(?:[^"\\]|\\.)*"|'[^']*'|\d+/g, "#");
    const known = this.kinds.get(kind);
    if (known) known.more++;
    else this.kinds.set(kind, { first: where === "" ? fault : `${where}: ${fault}`, more: 0 });
  }
  done(): readonly string[] {
    const list = [...this.kinds.values()].map(({ first, more }) => (more > 0 ? `${first} (and ${more} like it)` : first));
    return list.length > FAULTS ? [...list.slice(0, FAULTS), `and ${list.length - FAULTS} faults of other kinds`] : list;
  }
}

/** Holds a plugin against its promises. Throws only where the fixtures cannot be used. */
export function conformance(plugin: Plugin, options: ConformanceOptions): ConformanceReport {
  const how = { ...DEFAULTS, ...options };
  const run = options.run ?? (<T>(work: () => T) => limited(how.limit, work));
  const kit = new Kit(plugin, how, run);
  const checks = [kit.claims(), kit.facts(), kit.origins(), kit.damaged(), kit.linear(), kit.lowering(), kit.decoding()];
  return { plugin: plugin.id, seed: how.seed, ok: checks.every((c) => c.verdict !== "failed"), checks };
}

class Kit {
  private readonly files: readonly { fixture: Fixture; bytes: Uint8Array }[];
  /** Facts of the fixtures that other plugins read. */
  private readonly others: readonly Fact[];
  private readonly whole = new Map<string, Said>();
  private readonly damagedFacts: { of: string; facts: Fact[] }[] = [];

  constructor(
    private readonly plugin: Plugin,
    private readonly how: ConformanceOptions & typeof DEFAULTS,
    private readonly run: <T>(work: () => T) => T,
  ) {
    const all = how.fixtures.map((fixture) => ({
      fixture,
      bytes: typeof fixture.content === "string" ? new TextEncoder().encode(fixture.content) : fixture.content,
    }));
    const foreign = new Map(
      all.flatMap((f) => {
        const file = inlineFile(f.fixture.path, f.bytes, f.fixture);
        if (run(() => plugin.claims?.(file))?.score) return [];
        const by = how.around?.find((p) => p.claims?.(file)?.score);
        return by ? [[f, readFile(by, file).facts] as const] : [];
      }),
    );
    this.files = all.filter((f) => !foreign.has(f));
    this.others = [...foreign.values()].flat();
  }

  private read(fixture: Fixture, content: Uint8Array, keep = true): Said {
    const file = inlineFile(fixture.path, content, fixture);
    const facts: Fact[] = [];
    const problems: Problem[] = [];
    const ctx: ReadContext = {
      fact(kind, data, line, text) {
        if (keep) facts.push({ kind, host: file.host, origin: { file: file.path, line, text }, data });
      },
      problem(severity, line, message, hint = "") {
        if (keep) problems.push({ severity, file: file.path, line, message, hint });
      },
    };
    try {
      this.run(() => {
        // As in a snapshot: what is not claimed is not read.
        if (this.plugin.claims?.(file)) this.plugin.parse?.(file, ctx);
      });
      return { facts, problems, crash: "" };
    } catch (e) {
      return { facts, problems, crash: e instanceof Error ? `${e.name}: ${e.message}` : String(e) };
    }
  }

  private check(id: Check["id"], title: string, tried: string, work: (faults: Faults) => void): Check {
    const faults = new Faults();
    try {
      work(faults);
    } catch (e) {
      faults.add("", `it threw ${e instanceof Error ? `${e.name}: ${e.message}` : String(e)}`);
    }
    return { id, title, tried, verdict: !faults.none ? "failed" : "passed", faults: faults.done() };
  }

  private skipped(id: Check["id"], title: string, why: string): Check {
    return { id, title, tried: why, verdict: "skipped", faults: [] };
  }

  /** The fixtures that are evidence: recordings are decoded, not read. */
  private evidence() {
    return this.plugin.parse ? this.files : [];
  }

  claims(): Check {
    const title = "claims its files, and no others";
    if (!this.plugin.claims) return this.skipped("claims", title, "it reads no files");
    return this.check("claims", title, `${this.files.length} fixtures, 3 foreign files`, (faults) => {
      if (this.files.length === 0) faults.add("", "there are no fixtures: give it files as the commands print them");
      for (const { fixture, bytes } of this.files) {
        const claim = this.run(() => this.plugin.claims?.(inlineFile(fixture.path, bytes, fixture)) ?? null);
        if (!claim || claim.score === 0) faults.add(fixture.path, `is not claimed`);
        else if (!(claim.score > 0 && claim.score <= 1) || !claim.what || typeof claim.form !== "number")
          faults.add(fixture.path, `a claim has a score from 0 to 1, a 'what' and a 'form'`);
      }
      const draw = randomOf(this.how.seed);
      const noise = Uint8Array.from({ length: 4096 }, () => draw(256));
      const foreign: readonly [string, Uint8Array][] = [
        ["node-1/host/empty", new Uint8Array(0)],
        ["node-1/host/noise", noise],
        ["node-1/host/letter.txt", new TextEncoder().encode("Dear reader,\n\nnothing of this is the output of a command.\n")],
      ];
      for (const [path, content] of foreign) {
        const claim = this.run(() => this.plugin.claims?.(inlineFile(path, content)) ?? null);
        if (claim && claim.score > 0) faults.add(path, `is claimed, though it is no evidence`);
      }
    });
  }

  facts(): Check {
    const title = "facts look as declared";
    if (this.evidence().length === 0) return this.skipped("facts", title, "it reads no files");
    for (const { fixture, bytes } of this.files) this.whole.set(fixture.path, this.read(fixture, bytes));
    const count = [...this.whole.values()].reduce((n, s) => n + s.facts.length, 0);
    return this.check("facts", title, `${count} facts`, (faults) => {
      for (const [path, said] of this.whole) {
        if (said.crash !== "") faults.add(path, said.crash);
        if (said.facts.length === 0 && said.problems.length === 0 && !this.how.factless?.(path))
          faults.add(path, `neither a fact nor a problem comes of it`);
        for (const fact of said.facts) {
          const wrong = wholeFactFault(fact, this.plugin.facts);
          if (wrong !== "") faults.add(`${path}:${fact.origin.line}`, wrong);
        }
      }
    });
  }

  origins(): Check {
    const title = "origins point at the right lines";
    if (this.evidence().length === 0) return this.skipped("origins", title, "it reads no files");
    return this.check("origins", title, `${[...this.whole.values()].reduce((n, s) => n + s.facts.length, 0)} facts`, (faults) => {
      for (const { fixture, bytes } of this.files)
        for (const fault of placeFaults(this.whole.get(fixture.path)!, fixture.path, bytes, this.how.summaries))
          faults.add(fixture.path, fault);
    });
  }

  damaged(): Check {
    const title = "damaged files neither crash it nor hold it up";
    if (this.evidence().length === 0) return this.skipped("damaged", title, "it reads no files");
    let tried = 0;
    const check = this.check("damaged", title, "", (faults) => {
      for (const [i, { fixture, bytes }] of this.files.entries()) {
        const forms: Damaged[] = [
          ...truncations(bytes, this.how.truncations, this.how.seed + i),
          ...mutations(bytes, this.how.mutations, this.how.seed + 1000 + i),
        ];
        for (const { how, content } of forms) {
          tried++;
          const said = this.read(fixture, content);
          if (said.crash !== "") faults.add(`${fixture.path}, ${how}`, said.crash);
          for (const fact of said.facts) {
            const wrong = wholeFactFault(fact, this.plugin.facts);
            if (wrong !== "") faults.add(`${fixture.path}, ${how}`, `line ${fact.origin.line}: ${wrong}`);
          }
          for (const fault of placeFaults(said, fixture.path, content, this.how.summaries)) faults.add(`${fixture.path}, ${how}`, fault);
          if (this.damagedFacts.length < LOWERED * this.files.length)
            this.damagedFacts.push({ of: `${fixture.path}, ${how}`, facts: said.facts });
        }
      }
    });
    return { ...check, tried: `${tried} damaged files, seed ${this.how.seed}` };
  }

  linear(): Check {
    const title = "time is linear in size";
    if (this.evidence().length === 0) return this.skipped("linear", title, "it reads no files");
    const told: string[] = [];
    const check = this.check("linear", title, "", (faults) => {
      for (const { fixture, bytes } of this.files) {
        if (bytes.length === 0) continue;
        const forms = new Map<number, Uint8Array>();
        const growth = growthOf(bytes.length, (times) => {
          let content = forms.get(times);
          if (!content) {
            const grown = this.how.grow ? this.how.grow(fixture, times) : repeated(bytes, times);
            forms.set(times, (content = typeof grown === "string" ? new TextEncoder().encode(grown) : grown));
          }
          const { crash } = this.read(fixture, content, false);
          if (crash !== "") throw new Error(`${times} times over: ${crash}`);
        });
        told.push(`${fixture.path}: ${growth.text}`);
        if (!growth.ok) faults.add(fixture.path, growth.text);
      }
    });
    return { ...check, tried: told.join("; ") };
  }

  lowering(): Check {
    const title = "lowering is deterministic and well formed";
    const { plugin, run } = this;
    if (!plugin.lower && !plugin.annotator && !plugin.services) return this.skipped("lowering", title, "it lowers and names nothing");
    const around = this.how.around ?? [];
    return this.check("lowering", title, `twice, and with the facts of ${this.damagedFacts.length} damaged files`, (faults) => {
      const base = (facts: readonly Fact[]) => {
        const store = new FactStore();
        for (const f of [...this.others, ...facts]) store.add(f);
        return store;
      };
      const all = [...this.whole.values()].flatMap((s) => s.facts);
      const [first, second] = [0, 1].map(() => run(() => loweredText(plugin, base(all), around)));
      if (first.fault !== "") faults.add("", first.fault);
      if (first.text !== second.text) faults.add("", `two runs differ: ${firstDifference(first.text, second.text)}`);
      const fromNothing = run(() => nothingLowered(plugin, new FactStore()));
      if (fromNothing !== "") faults.add("", fromNothing);
      for (const { of, facts } of this.damagedFacts) {
        try {
          const { fault } = run(() => loweredText(plugin, base(facts), around));
          if (fault !== "") faults.add(of, fault);
        } catch (e) {
          faults.add(of, `lowering threw ${e instanceof Error ? `${e.name}: ${e.message}` : String(e)}`);
        }
      }
    });
  }

  decoding(): Check {
    const title = "recordings decode alike in pieces of any size";
    const { plugin, run } = this;
    if (!plugin.decode) return this.skipped("decode", title, "it decodes no recordings");
    const decoderOf = (name: string, bytes: Uint8Array) => run(() => plugin.decode?.(bytes.subarray(0, 64), name) ?? null);
    const recordings = this.files.filter(({ fixture, bytes }) => decoderOf(fixture.path, bytes));
    return this.check("decode", title, `${recordings.length} recordings`, (faults) => {
      if (recordings.length === 0) faults.add("", "none of the fixtures is a recording that it decodes");
      for (const { fixture, bytes } of recordings) {
        const whole = this.frames(decoderOf(fixture.path, bytes)!, bytes, bytes.length);
        for (const piece of [1, 7, 1000])
          if (this.frames(decoderOf(fixture.path, bytes)!, bytes, piece) !== whole)
            faults.add(fixture.path, `in pieces of ${piece} bytes other frames come out`);
        for (const { how, content } of [...truncations(bytes, 20, this.how.seed), ...mutations(bytes, 40, this.how.seed)]) {
          const decoder = decoderOf(fixture.path, content);
          if (!decoder) continue;
          try {
            this.frames(decoder, content, content.length || 1);
          } catch (e) {
            // A recording that cannot be read on is said so by an Error; anything else is a fault of the code.
            if (!(e instanceof Error) || e instanceof TypeError || e instanceof RangeError || e.name === "TookTooLong")
              faults.add(`${fixture.path}, ${how}`, `${String(e)}`);
          }
        }
      }
    });
  }

  private frames(decoder: CaptureDecoder, bytes: Uint8Array, piece: number): string {
    return this.run(() => {
      const out: string[] = [];
      const frame = (f: RecordedFrame) =>
        void out.push(`${f.seconds}.${f.nanoseconds} ${f.link} ${f.length} ${Buffer.from(f.bytes).toString("hex")}`);
      for (let at = 0; at < bytes.length; at += piece) decoder.push(bytes.subarray(at, at + piece), frame);
      out.push(decoder.end(frame));
      return out.join("\n");
    });
  }
}

function placeFaults(said: Said, path: string, content: Uint8Array, summaries?: (kind: string) => boolean): string[] {
  const lines = isBinary(content) ? null : new TextDecoder("utf-8").decode(content).split("\n");
  const file: KnownLines = { path, lines };
  const out: string[] = [];
  for (const f of said.facts) {
    const wrong = (summaries?.(f.kind) ? summaryFault : originFault)(f.origin, file);
    if (wrong !== "") out.push(`${f.kind}: ${wrong}`);
  }
  for (const p of said.problems)
    if (!Number.isInteger(p.line) || p.line < 0 || (lines !== null && p.line > lines.length))
      out.push(`problem '${p.message}': line ${p.line} is not one of the file's ${lines?.length ?? 0}`);
  return out;
}

function firstDifference(a: string, b: string): string {
  const [x, y] = [a.split("\n"), b.split("\n")];
  const at = x.findIndex((line, i) => line !== y[i]);
  return at < 0 ? "one has more lines" : `'${x[at]}' and '${y[at]}'`;
}
