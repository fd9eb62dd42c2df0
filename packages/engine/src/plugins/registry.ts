/**
 * The plugins of a run: those that come with Plumbline, and those that are found.
 *
 * Promise: a plugin that cannot be used costs itself: it is listed with the reason, and the others are there. Of two with one
 * name the one that was named more exactly is used; none takes the name of one that comes with Plumbline.
 */
import { pathToFileURL } from "node:url";
import type { Plugin } from "@plumbline/model";
import { partsOf, shapeFault } from "@plumbline/plugin-sdk";
import { discover, type Found, type Where } from "./discover.js";
import { type Capability, readManifest } from "./manifest.js";
import { SANDBOX_LIMITS } from "./sandbox/process.js";
import { sandboxed } from "./sandbox/sandboxed.js";

/** A plugin as `plumbline plugin list` tells it. */
export interface PluginEntry {
  /** "" for one that could not be loaded. */
  readonly id: string;
  readonly title: string;
  /** Name of its package; "" for those that come with Plumbline. */
  readonly package: string;
  readonly version: string;
  readonly source: "built-in" | Found["source"];
  readonly folder: string;
  readonly capabilities: readonly Capability[];
  /** Parts that it has. */
  readonly parts: readonly string[];
  /** Parts that it has, and does not declare: they are not used. */
  readonly undeclared: readonly string[];
  readonly runs: "in process" | "worker";
  readonly state: "loaded" | "refused";
  /** Why it is refused, "" if it is not. */
  readonly why: string;
  readonly plugin: Plugin | null;
}

export interface PluginSet {
  /** In order of preference. */
  readonly plugins: readonly Plugin[];
  readonly entries: readonly PluginEntry[];
  /** Ends the workers. */
  close(): void;
}

/** The plugins of a run. Throws PlumblineError only where what the user named cannot be used. */
export async function loadPlugins(builtIn: readonly Plugin[], where: Where): Promise<PluginSet> {
  const entries: PluginEntry[] = builtIn.map(builtInEntry);
  const closers: (() => void)[] = [];
  for (const found of discover(where)) {
    const { entry, close } = await loadPlugin(found);
    const twin = entries.find((e) => e.state === "loaded" && e.id === entry.id);
    if (entry.state === "loaded" && twin) {
      close();
      const other = twin.source === "built-in" ? "comes with Plumbline" : `is ${twin.folder}`;
      entries.push({ ...entry, state: "refused", why: `plugin '${entry.id}' ${other}`, plugin: null });
    } else {
      entries.push(entry);
      closers.push(close);
    }
  }
  return {
    plugins: entries.flatMap((e) => e.plugin ?? []),
    entries,
    close: () => {
      for (const close of closers) close();
    },
  };
}

function builtInEntry(plugin: Plugin): PluginEntry {
  return {
    id: plugin.id,
    title: plugin.title,
    package: "",
    version: "",
    source: "built-in",
    folder: "",
    capabilities: [],
    parts: partsOf(plugin),
    undeclared: [],
    runs: "in process",
    state: "loaded",
    why: "",
    plugin,
  };
}

/** One plugin from its folder. */
export async function loadPlugin(found: Found): Promise<{ entry: PluginEntry; close(): void }> {
  const told = { folder: found.folder, source: found.source, runs: found.trusted ? "in process" : "worker" } as const;
  const none = { id: "", title: "", package: "", version: "", capabilities: [], parts: [], undeclared: [] };
  let entry: PluginEntry = { ...none, ...told, state: "refused", why: "", plugin: null };
  try {
    const manifest = readManifest(found.folder);
    const { name, version, capabilities } = manifest;
    entry = { ...entry, package: name, version, capabilities };
    const { plugin, undeclared, close } = found.trusted
      ? await inProcess(manifest.entry)
      : sandboxed(pathToFileURL(manifest.entry).href, capabilities, { ...SANDBOX_LIMITS, ...found.limits });
    const { id, title } = plugin;
    return { entry: { ...entry, id, title, parts: partsOf(plugin), undeclared, state: "loaded", plugin }, close };
  } catch (e) {
    return { entry: { ...entry, why: e instanceof Error ? e.message : String(e) }, close: () => {} };
  }
}

async function inProcess(entry: string): Promise<{ plugin: Plugin; undeclared: readonly string[]; close(): void }> {
  const module = (await import(pathToFileURL(entry).href)) as { default?: unknown };
  const wrong = shapeFault(module.default);
  if (wrong !== "") throw new Error(wrong);
  return { plugin: module.default as Plugin, undeclared: [], close: () => {} };
}
