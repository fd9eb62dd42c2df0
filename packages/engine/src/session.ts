/** A session: a snapshot, read, lowered and compiled, ready to be asked. */
import { Core } from "@plumbline/core-wasm";
import { type Annotator, type EvidenceLink, type Machine, type Numbering, numbering, type Plugin } from "@plumbline/model";
import { conntrackEntries, type DumpedConnections } from "./connections.js";
import { type BuiltNetwork, buildNetwork } from "./network/build.js";
import { loadSnapshot, type Snapshot } from "./snapshot/index.js";

export interface Session {
  readonly snapshot: Snapshot;
  readonly built: BuiltNetwork;
  readonly net: BuiltNetwork["net"];
  readonly num: Numbering;
  readonly machine: Machine;
  readonly core: Core;
  readonly annotators: readonly Annotator[];
  /** The connections of the evidence, made ready when first asked for. */
  dumped(): DumpedConnections;
}

/** Reads a snapshot and compiles its network into the core. Throws PlumblineError for input that cannot be used. */
export async function openSession(
  path: string,
  options: { readonly plugins: readonly Plugin[]; readonly overlays?: readonly string[] },
): Promise<Session> {
  const snapshot = await loadSnapshot(path, { plugins: options.plugins, overlays: options.overlays ?? [] });
  return compileSession(snapshot, buildNetwork(snapshot.facts, options.plugins));
}

/** Compiles a network that has been built already. */
export async function compileSession(snapshot: Snapshot, built: BuiltNetwork): Promise<Session> {
  const core = await Core.create(built.net);
  const annotators = snapshot.plugins.flatMap((p) => (p.annotator ? [remembered(p.annotator(snapshot.facts))] : []));
  let dumped: DumpedConnections | undefined;
  return {
    snapshot,
    built,
    net: built.net,
    num: numbering(built.net),
    machine: core,
    core,
    annotators,
    dumped: () => (dumped ??= conntrackEntries(snapshot.facts, built.net)),
  };
}

/** An annotator that looks at each rule once: branches and replies meet the same rules again and again. */
function remembered(annotator: Annotator): Annotator {
  const known = new Map<number, readonly EvidenceLink[]>();
  return (rule, device) => {
    let links = known.get(rule.id);
    if (!links) {
      links = annotator(rule, device);
      known.set(rule.id, links);
    }
    return links;
  };
}
