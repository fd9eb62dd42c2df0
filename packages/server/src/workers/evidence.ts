/** Loading snapshots from packs, within a worker. */
import { pathToFileURL } from "node:url";
import { archiveName, type BuiltNetwork, buildNetwork, type Holding, loadSnapshot, type Plugin, type Snapshot } from "@plumbline/engine";
import { Pack } from "../packs/pack.js";
import type { EvidencePlace, PluginSource } from "./protocol.js";

export async function loadPlugins({ module, name }: PluginSource): Promise<readonly Plugin[]> {
  const url = module.startsWith("file:") ? module : pathToFileURL(module).href;
  const exported = ((await import(url)) as Record<string, unknown>)[name];
  const plugins = typeof exported === "function" ? await (exported as () => unknown)() : await exported;
  if (!Array.isArray(plugins)) throw new Error(`${module} exports no list of plugins as '${name}'`);
  return plugins as readonly Plugin[];
}

export interface Loaded {
  readonly snapshot: Snapshot;
  readonly built: BuiltNetwork;
  /** Bytes of the evidence, unpacked. */
  readonly bytes: number;
  close(): void;
}

export async function loadEvidence(place: EvidencePlace, plugins: readonly Plugin[]): Promise<Loaded> {
  const packs: Pack[] = [];
  const close = () => {
    for (const p of packs) p.close();
  };
  try {
    const holdings = place.layers.map((layer, i): Holding => {
      const pack = Pack.open(layer.path);
      packs.push(pack);
      return pack.holding(archiveName(layer.name), i === 0 ? place.name : layer.name);
    });
    const snapshot = await loadSnapshot(holdings[0], { plugins, overlays: holdings.slice(1) });
    const bytes = packs.reduce((sum, p) => sum + p.files.reduce((n, f) => n + (f.withheld ? 0 : f.size), 0), 0);
    return { snapshot, built: buildNetwork(snapshot.facts, plugins), bytes, close };
  } catch (e) {
    close();
    throw e;
  }
}
