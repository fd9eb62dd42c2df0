/** Fixtures that lie in a folder, with the paths that they would have in a snapshot. */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import type { Fixture } from "./conformance.js";

/** All files under a folder (a path, or its file URL), in order of their paths. */
export function fixturesIn(folder: string | URL): Fixture[] {
  const root = typeof folder === "string" ? folder : decodeURIComponent(folder.pathname);
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((e) => e.isFile())
    .map((e) => join(e.parentPath, e.name))
    .sort()
    .map((path) => ({ path: relative(root, path).split(sep).join("/"), content: readFileSync(path) }));
}
