/**
 * Loading: a folder or an archive of command outputs becomes a {@link Snapshot}.
 *
 * Every file is offered to every plugin; the surest claim wins. Of one host's files with the same `what` (the same evidence
 * in several forms) the one of the highest form is read, the others are set aside and listed. What an overlay holds of a
 * host and `what`, or under the same path, replaces the snapshot's; a later overlay replaces an earlier one's.
 *
 * Promise: one bad file costs that file. A plugin's exception, a file that cannot be read or unpacked, is a problem that
 * names the file; the rest is used. Only a snapshot from which nothing can be read is an error.
 * Cost: one pass over the bytes; text is decoded when a plugin first asks and forgotten after the file is done.
 */
import { existsSync, statSync } from "node:fs";
import { type Claim, type Plugin, PlumblineError, type Problem } from "@plumbline/model";
import { FactStore, readFile } from "@plumbline/plugin-sdk";
import { readArchive } from "./archive.js";
import { type Holding, LazyFile } from "./entry.js";
import { readFolder } from "./folder.js";
import { groupFolders, mixedHosts, recordedCommands, unwrap } from "./layout.js";
import { LIMITS, type Limits } from "./limits.js";
import type { SetAsideFile, Snapshot, SourceFile, UnrecognisedFile } from "./snapshot.js";

export interface LoadOptions {
  /** In order of preference where claims are equally sure. */
  readonly plugins: readonly Plugin[];
  /** Folders or archives laid over the snapshot, the last on top. */
  readonly overlays?: readonly (string | Holding)[];
  readonly limits?: Partial<Limits>;
}

/** A file that some plugin claims. */
interface Candidate {
  readonly file: LazyFile;
  readonly plugin: Plugin;
  readonly claim: Claim;
  /** 0 for the snapshot, n for the nth overlay. */
  readonly layer: number;
}

/** @param path a folder or an archive, or what one holds where that has been read already */
export async function loadSnapshot(path: string | Holding, options: LoadOptions): Promise<Snapshot> {
  const limits: Limits = { ...LIMITS, ...options.limits };
  const places = [path, ...(options.overlays ?? [])];
  const overlays = places.slice(1).map(nameOf);
  const problems: Problem[] = [];
  const candidates: Candidate[] = [];
  const unrecognised: UnrecognisedFile[] = [];
  let root = nameOf(path);

  for (const [layer, place] of places.entries()) {
    const holding = unwrap(await readHolding(place, limits));
    if (layer === 0) root = holding.root;
    problems.push(...holding.problems);
    const recorded = recordedCommands(holding.entries);
    const groups = groupFolders(holding.entries);
    problems.push(...mixedHosts(groups));
    let claimed = 0;
    for (const entry of holding.entries) {
      if (recorded.lists.has(entry.path)) continue;
      const file = new LazyFile(entry, holding.name, recorded.commands.get(entry.path), limits, groups);
      const best = surestClaim(file, options.plugins, problems);
      if (best) {
        claimed++;
        candidates.push({ file, ...best, layer });
      } else {
        file.release();
        unrecognised.push({ file, overlay: layer === 0 ? "" : nameOf(place) });
      }
    }
    if (claimed === 0) throw new PlumblineError("SNAPSHOT_UNRECOGNISED", [nameOf(place), holding.entries.length]);
  }

  const { chosen, setAside } = choose(candidates, overlays);
  const facts = new FactStore();
  const files: SourceFile[] = [];
  for (const c of chosen) {
    const read = readFile(c.plugin, c.file);
    for (const fact of read.facts) facts.add(fact);
    problems.push(...read.problems);
    const overlay = c.layer === 0 ? "" : overlays[c.layer - 1];
    files.push({ file: c.file, plugin: c.plugin.id, what: c.claim.what, form: c.claim.form, facts: read.facts.length, overlay });
    c.file.release();
  }
  return { root, overlays, plugins: options.plugins, files, facts, problems, setAside, unrecognised };
}

function nameOf(place: string | Holding): string {
  return typeof place === "string" ? place : place.root;
}

async function readHolding(path: string | Holding, limits: Limits): Promise<Holding> {
  if (typeof path !== "string") return path;
  if (!existsSync(path)) throw new PlumblineError("SNAPSHOT_MISSING", [path]);
  const folder = statSync(path).isDirectory();
  const holding = folder ? readFolder(path, limits) : await readArchive(path, limits);
  if (holding.entries.length === 0)
    throw folder ? new PlumblineError("SNAPSHOT_EMPTY", [path]) : new PlumblineError("ARCHIVE_BAD", [path, "it holds no files."]);
  return holding;
}

function surestClaim(file: LazyFile, plugins: readonly Plugin[], problems: Problem[]): { plugin: Plugin; claim: Claim } | null {
  let best: { plugin: Plugin; claim: Claim } | null = null;
  for (const plugin of plugins) {
    try {
      const claim = plugin.claims?.(file) ?? null;
      if (claim && claim.score > (best?.claim.score ?? 0)) best = { plugin, claim };
    } catch (e) {
      if (e instanceof PlumblineError || (e as NodeJS.ErrnoException).code !== undefined) {
        // The file itself cannot be read or unpacked: no plugin can.
        const message =
          e instanceof PlumblineError ? e.message.replace(`${file.path}: `, "") : `cannot be read: ${(e as NodeJS.ErrnoException).code}`;
        problems.push({ severity: "error", file: file.path, line: 0, message, hint: e instanceof PlumblineError ? e.hint : "" });
        return null;
      }
      const message = `the ${plugin.id} plugin could not look at it: ${e instanceof Error ? e.message : String(e)}`;
      problems.push({ severity: "error", file: file.path, line: 0, message, hint: "Please report it, with the file if you can." });
    }
    if (best?.claim.score === 1) break;
  }
  return best;
}

/** Which files are read, in order of their paths, and which are set aside. */
function choose(candidates: readonly Candidate[], overlays: readonly string[]): { chosen: Candidate[]; setAside: SetAsideFile[] } {
  const top = new Map<string, number>();
  const groups = new Map<string, Candidate[]>();
  for (const c of candidates) {
    top.set(c.file.path, Math.max(top.get(c.file.path) ?? 0, c.layer));
    const key = `${c.file.host}\n${c.claim.what}`;
    const group = groups.get(key);
    if (group) group.push(c);
    else groups.set(key, [c]);
  }
  const chosen: Candidate[] = [];
  const setAside: SetAsideFile[] = [];
  const aside = (c: Candidate, because: SetAsideFile["because"], instead: string) => {
    c.file.release();
    setAside.push({
      file: c.file,
      plugin: c.plugin.id,
      what: c.claim.what,
      overlay: c.layer === 0 ? "" : overlays[c.layer - 1],
      because,
      instead,
    });
  };
  for (const group of groups.values()) {
    const present = group.filter((c) => {
      const hidden = top.get(c.file.path)! > c.layer;
      if (hidden) aside(c, "overlay", c.file.path);
      return !hidden;
    });
    if (present.length === 0) continue;
    const best = present.reduce((a, b) => ((b.layer - a.layer || b.claim.form - a.claim.form) > 0 ? b : a));
    chosen.push(best);
    for (const c of present) if (c !== best) aside(c, c.layer < best.layer ? "overlay" : "form", best.file.path);
  }
  const byPath = (a: { file: LazyFile | SetAsideFile["file"] }, b: { file: LazyFile | SetAsideFile["file"] }) =>
    a.file.path < b.file.path ? -1 : a.file.path > b.file.path ? 1 : 0;
  return { chosen: chosen.sort(byPath), setAside: setAside.sort(byPath) };
}
