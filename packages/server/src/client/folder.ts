/**
 * A folder as a tar stream, holding what `plumbline` itself would read of it: files, and links to files inside it as these files; no
 * hidden folders, no other links.
 */
import { createReadStream, readdirSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pack } from "tar-stream";

export function packFolder(root: string): Readable {
  const tar = pack();
  const real = realpathSync(root);
  const add = async (dir: string, prefix: string): Promise<void> => {
    const names = readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    for (const entry of names) {
      const full = join(dir, entry.name);
      const name = prefix + entry.name;
      if (entry.isDirectory()) {
        if (!entry.name.startsWith(".")) await add(full, `${name}/`);
        continue;
      }
      const path = entry.isFile() ? full : entry.isSymbolicLink() ? inside(full, real) : null;
      if (path !== null) await file(path, name);
    }
  };
  const file = async (path: string, name: string): Promise<void> => {
    const { size } = statSync(path);
    const entry = tar.entry({ name, size, mode: 0o600, mtime: new Date(0) });
    // What is appended meanwhile is left out.
    await pipeline(size === 0 ? [] : createReadStream(path, { end: size - 1 }), entry);
  };
  add(root, "").then(
    () => tar.finalize(),
    (e) => tar.destroy(e as Error),
  );
  return tar as unknown as Readable;
}

/** The file that a link leads to, if it is inside; null if not. */
function inside(link: string, root: string): string | null {
  try {
    const target = realpathSync(link);
    return target.startsWith(root + sep) && statSync(target).isFile() ? target : null;
  } catch {
    return null;
  }
}
