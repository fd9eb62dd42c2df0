/**
 * A folder as a tar stream, holding what `plumbline` itself would read of it: files, and links to files inside it as these files. Hidden
 * folders, other links and devices are named and not sent, so that the service says of them what is said of a folder that is read here.
 */
import { createReadStream, readdirSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { NOT_READ_KEY, type NotRead } from "@plumbline/engine";
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
        if (entry.name.startsWith(".")) notRead(name, "hidden");
        else await add(full, `${name}/`);
        continue;
      }
      const found = entry.isFile() ? { path: full } : entry.isSymbolicLink() ? inside(full, real) : "special";
      if (typeof found === "string") notRead(name, found);
      else await file(found.path, name);
    }
  };
  const notRead = (name: string, why: NotRead): void => {
    // Nothing of where a link leads is told: only that there is one.
    tar.entry({ name, type: "symlink", linkname: ".", pax: { [NOT_READ_KEY]: why }, mtime: new Date(0) });
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

/** The file that a link leads to, if it is inside; else why it is not followed. */
function inside(link: string, root: string): { readonly path: string } | NotRead {
  try {
    const target = realpathSync(link);
    if (!target.startsWith(root + sep)) return "leaves";
    return statSync(target).isFile() ? { path: target } : "folder";
  } catch {
    return "nowhere";
  }
}
