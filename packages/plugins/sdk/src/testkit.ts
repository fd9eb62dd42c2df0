/**
 * The test kit: run a plugin on inline text, as a device prints it, and look at the whole of what comes out.
 *
 *     const r = readInline(plugin, "master-01/host/ip_route", "default via 192.0.2.1 dev br-ex\n");
 *     expect(r.problems).toEqual([]);
 *     expect(r.facts.map(f => f.data)).toMatchInlineSnapshot();
 */
import {
  type Annotator,
  type Claim,
  type EvidenceFile,
  type FactBase,
  type HookChain,
  type LowerContext,
  NetworkBuilder,
  type Plugin,
  type Problem,
  type PuntInterpreter,
  type Stage,
} from "@plumbline/model";
import { FactStore } from "./facts.js";
import { linesOf } from "./lines.js";
import { placeOf } from "./naming.js";
import { type ReadResult, readFile } from "./read.js";

/** A file of a snapshot from text or bytes; host and command follow from the path unless given. */
export function inlineFile(path: string, content: string | Uint8Array, place: { host?: string; command?: string } = {}): EvidenceFile {
  const named = placeOf(path);
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return {
    path,
    host: place.host ?? named.host,
    command: place.command ?? named.command,
    size: bytes.length,
    text: () => (typeof content === "string" ? content : new TextDecoder().decode(content)),
    lines: () => linesOf([bytes]),
    bytes: () => bytes,
  };
}

/** What a plugin says of one file; facts and problems are there only if it claims it. */
export interface InlineResult extends ReadResult {
  readonly claim: Claim | null;
}

export function readInline(
  plugin: Plugin,
  path: string,
  content: string | Uint8Array,
  place: { host?: string; command?: string } = {},
): InlineResult {
  const file = inlineFile(path, content, place);
  const claim = plugin.claims?.(file) ?? null;
  return claim && claim.score > 0 ? { claim, ...readFile(plugin, file) } : { claim: null, facts: [], problems: [] };
}

/** Facts of several files (path → content), each read by the plugin that claims it with the highest score. */
export function readFiles(
  plugins: readonly Plugin[],
  files: Readonly<Record<string, string | Uint8Array>>,
): { facts: FactStore; problems: Problem[]; unclaimed: string[] } {
  const facts = new FactStore();
  const problems: Problem[] = [];
  const unclaimed: string[] = [];
  for (const [path, content] of Object.entries(files)) {
    const file = inlineFile(path, content);
    const best = plugins
      .map((plugin) => ({ plugin, score: plugin.claims?.(file)?.score ?? 0 }))
      .reduce((a, b) => (b.score > a.score ? b : a), { plugin: plugins[0], score: 0 });
    if (best.score === 0) {
      unclaimed.push(path);
      continue;
    }
    const r = readFile(best.plugin, file);
    for (const f of r.facts) facts.add(f);
    problems.push(...r.problems);
  }
  return { facts, problems, unclaimed };
}

/** What lowering left behind. */
export interface Lowered {
  readonly net: NetworkBuilder;
  readonly hooks: readonly HookChain[];
  readonly punts: readonly PuntInterpreter[];
  readonly problems: readonly Problem[];
  readonly annotators: readonly Annotator[];
}

/**
 * Runs the plugins' `lower`, stage by stage, on facts. `join` stands for the engine, which joins links before `linked`.
 * A host is a node if a k8s.node fact has its name, unless `nodeOf` says otherwise.
 */
export function lowerFacts(
  plugins: readonly Plugin[],
  facts: FactBase,
  options: { join?: (net: NetworkBuilder) => void; nodeOf?: (host: string) => string; stages?: readonly Stage[] } = {},
): Lowered {
  const net = new NetworkBuilder();
  const hooks: HookChain[] = [];
  const punts: PuntInterpreter[] = [];
  const problems: Problem[] = [];
  const nodeOf = options.nodeOf ?? ((host: string) => facts.all("k8s.node").find((n) => n.data.name === host)?.data.name ?? "");
  const ctx: LowerContext = { facts, net, hooks, punts, nodeOf, problem: (p) => void problems.push(p) };
  for (const stage of options.stages ?? (["hooks", "devices", "linked"] as const)) {
    if (stage === "linked") options.join?.(net);
    for (const plugin of plugins) plugin.lower?.[stage]?.(ctx);
  }
  return { net, hooks, punts, problems, annotators: plugins.flatMap((p) => (p.annotator ? [p.annotator(facts)] : [])) };
}
