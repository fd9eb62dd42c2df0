/**
 * Reads the list of files of a folder.
 *
 * A link to a file inside the folder is read as that file; any other link is named in a problem and not followed, so that
 * a snapshot cannot show what lies outside of it. Hidden folders (`.git`) are not entered.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, join, sep } from "node:path";
import { PlumblineError, type Problem } from "@plumbline/model";
import type { Holding, RawEntry } from "./entry.js";
import type { Limits } from "./limits.js";
import { NOT_READ } from "./not-read.js";

export function readFolder(root: string, limits: Limits): Holding {
  const entries: RawEntry[] = [];
  const problems: Problem[] = [];
  const real = realpathSync(root);
  const skip = (file: string, message: string) => void problems.push({ severity: "info", file, line: 0, message, hint: "" });

  const walk = (dir: string, prefix: string, depth: number): void => {
    let names: ReturnType<typeof list>;
    try {
      names = list(dir);
    } catch (e) {
      problems.push({ severity: "warning", file: prefix || ".", line: 0, message: `the folder cannot be read: ${reason(e)}`, hint: "" });
      return;
    }
    for (const name of names) {
      const full = join(dir, name.name);
      const path = prefix + name.name;
      if (entries.length >= limits.entries)
        throw new PlumblineError("USAGE", [
          `${root}: the folder holds more than ${limits.entries} files.`,
          "Give the folder of one snapshot, not one above it.",
        ]);
      if (name.isDirectory()) {
        if (name.name.startsWith(".")) skip(path, NOT_READ.hidden);
        else if (depth >= limits.depth) skip(path, `folders nested deeper than ${limits.depth} are not read`);
        else walk(full, `${path}/`, depth + 1);
      } else if (name.isFile()) addFile(full, path);
      else if (name.isSymbolicLink()) addLink(full, path);
      else skip(path, NOT_READ.special);
    }
  };
  const addFile = (full: string, path: string): void => {
    try {
      const { size } = statSync(full);
      entries.push({ path, size, load: () => readFileSync(full), pieces: () => piecesOf(full) });
    } catch (e) {
      problems.push({ severity: "warning", file: path, line: 0, message: `cannot be read: ${reason(e)}`, hint: "" });
    }
  };
  const addLink = (full: string, path: string): void => {
    try {
      const target = realpathSync(full);
      if (!target.startsWith(real + sep)) skip(path, NOT_READ.leaves);
      else if (statSync(target).isFile()) addFile(target, path);
      else skip(path, NOT_READ.folder);
    } catch {
      skip(path, NOT_READ.nowhere);
    }
  };

  walk(root, "", 0);
  return { root, folder: true, name: basename(real), entries, problems };
}

const PIECE_BYTES = 1 << 20;

/** A file's bytes, a MiB at a time. */
function* piecesOf(path: string): Generator<Uint8Array> {
  const file = openSync(path, "r");
  try {
    for (;;) {
      const piece = new Uint8Array(PIECE_BYTES);
      const size = readSync(file, piece);
      if (size === 0) return;
      yield piece.subarray(0, size);
    }
  } finally {
    closeSync(file);
  }
}

function list(dir: string) {
  return readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function reason(e: unknown): string {
  return (e as NodeJS.ErrnoException).code ?? (e instanceof Error ? e.message : String(e));
}
