/**
 * The layout of a snapshot: folders around its content that say nothing, and lists of the commands that wrote its files.
 */
import type { Problem } from "@plumbline/model";
import { isLayerFolder, isWrapperFolder, sosreportHost } from "@plumbline/plugin-sdk";
import type { Holding, RawEntry } from "./entry.js";

/**
 * Takes away a folder that all entries lie in and that is only a wrapper: an archive's own name, a must-gather's image.
 * A folder that is a host stays: a sosreport, or one that holds files and layer folders only.
 */
export function unwrap(holding: Holding): Holding {
  let { entries, root, name } = holding;
  for (;;) {
    const top = soleFolder(entries);
    if (top === null || !isWrapper(top, entries)) break;
    entries = entries.map((e) => ({ path: e.path.slice(top.length + 1), size: e.size, load: () => e.load() }));
    if (holding.folder) root = `${root}/${top}`;
    name = top;
  }
  return { ...holding, entries, root, name };
}

function soleFolder(entries: readonly RawEntry[]): string | null {
  const top = entries[0]?.path.split("/")[0];
  return top !== undefined && entries.every((e) => e.path.startsWith(`${top}/`)) ? top : null;
}

/** Folders that only the root of a cluster's evidence has. */
const CLUSTER_FOLDERS = new Set(["pods", "cluster-scoped-resources", "namespaces"]);

function isWrapper(top: string, entries: readonly RawEntry[]): boolean {
  if (isWrapperFolder(top)) return true;
  if (sosreportHost(top) !== null || isLayerFolder(top) || top === "pods") return false;
  return entries.some((e) => {
    const [, below, deeper] = e.path.split("/");
    if (deeper === undefined) return below === "commands.tsv";
    return CLUSTER_FOLDERS.has(below) || !isLayerFolder(below);
  });
}

/**
 * Top folders that are no hosts but hold hosts: several states of one cluster side by side (before/router, after/router), or a
 * cluster's folder beside its objects. Such a folder holds folders only, at least two, none of them a layer's; and it shares a
 * host with another such folder, or is the only one that could be a host.
 */
export function groupFolders(entries: readonly RawEntry[]): ReadonlyMap<string, ReadonlySet<string>> {
  const tops = new Map<string, Set<string>>();
  const withFiles = new Set<string>();
  for (const { path } of entries) {
    const [top, below, deeper] = path.split("/");
    if (below === undefined || isLayerFolder(top) || isWrapperFolder(top) || sosreportHost(top) !== null) continue;
    if (deeper === undefined) withFiles.add(top);
    else tops.set(top, (tops.get(top) ?? new Set()).add(below));
  }
  const could = [...tops].filter(([top, inside]) => !withFiles.has(top) && inside.size > 1 && ![...inside].some((f) => isLayerFolder(f)));
  const alone = tops.size + [...withFiles].filter((t) => !tops.has(t)).length === 1;
  const shared = ([top, inside]: [string, Set<string>]) =>
    could.some(([other, its]) => other !== top && [...inside].some((f) => its.has(f)));
  return new Map(could.filter((c) => alone || shared(c)));
}

/** Hosts whose evidence lies in several groups: it is taken together, which is right only if it is of one moment. */
export function mixedHosts(groups: ReadonlyMap<string, ReadonlySet<string>>): Problem[] {
  const homes = new Map<string, string[]>();
  for (const [group, hosts] of groups) for (const h of hosts) homes.set(h, [...(homes.get(h) ?? []), group]);
  return [...homes]
    .filter(([, list]) => list.length > 1)
    .map(([host, list]) => ({
      severity: "warning",
      file: `${list[0]}/${host}`,
      line: 0,
      message: `evidence of ${host} lies in ${list.map((g) => `${g}/${host}`).join(" and ")}: it is taken together, though it may be of different states`,
      hint: `If they are different states, give one alone: ${list.join(" or ")}.`,
    }));
}

/** What a snapshot says itself about the commands that wrote its files. */
export interface Recorded {
  /** Path → command line. */
  readonly commands: ReadonlyMap<string, string>;
  /** Files that are such lists, and no evidence themselves. */
  readonly lists: ReadonlySet<string>;
}

/** Reads every `commands.tsv` (path, tab, command line; paths relative to its folder) and every sosreport's `manifest.json`. */
export function recordedCommands(entries: readonly RawEntry[]): Recorded {
  const commands = new Map<string, string>();
  const lists = new Set<string>();
  for (const entry of entries) {
    if (/(^|\/)commands\.tsv$/.test(entry.path)) {
      const folder = entry.path.slice(0, -"commands.tsv".length);
      lists.add(entry.path);
      for (const line of decode(entry).split(/\r?\n/)) {
        const tab = line.indexOf("\t");
        if (tab > 0) commands.set(folder + line.slice(0, tab), line.slice(tab + 1).split("\t")[0]);
      }
    } else if (/(^|\/)sos_reports\/manifest\.json$/.test(entry.path)) {
      lists.add(entry.path);
      const folder = entry.path.slice(0, -"sos_reports/manifest.json".length);
      for (const [path, command] of manifestCommands(decode(entry))) commands.set(folder + path, command);
    }
  }
  return { commands, lists };
}

function decode(entry: RawEntry): string {
  try {
    return new TextDecoder().decode(entry.load());
  } catch {
    // The list cannot be read: file names alone must tell.
    return "";
  }
}

/** `exec` and `filepath` of every command in a sosreport's manifest, wherever they stand in it. */
function manifestCommands(text: string): [string, string][] {
  const found: [string, string][] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const v of value) visit(v);
    else if (typeof value === "object" && value !== null) {
      const { exec, filepath } = value as Record<string, unknown>;
      if (typeof exec === "string" && typeof filepath === "string") found.push([filepath.replace(/^\.?\//, ""), exec]);
      else for (const v of Object.values(value)) visit(v);
    }
  };
  try {
    visit(JSON.parse(text));
  } catch {
    return [];
  }
  return found;
}
