/**
 * Blobs as files of a folder: `ab/abcdef…`. A blob comes into being by a rename after its content has reached the disk, so that a
 * blob which is there is whole.
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, unlinkSync } from "node:fs";
import { open, readdir, rename, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Blobs } from "./blobs.js";

const KEY = /^[0-9a-f]{64}$/;

export class FileBlobs implements Blobs {
  private readonly held = new Map<string, number>();
  /** While a sweep runs: keys that were held at any time since it began. */
  private sweeping: Set<string> | undefined;

  private constructor(
    private readonly root: string,
    private readonly drafts: string,
  ) {}

  /** Opens a folder, which is made if it is not there, and removes the drafts of an earlier process. */
  static async open(root: string): Promise<FileBlobs> {
    const drafts = join(root, "drafts");
    mkdirSync(drafts, { recursive: true, mode: 0o700 });
    for (const name of await readdir(drafts)) await rm(join(drafts, name), { recursive: true, force: true });
    return new FileBlobs(root, drafts);
  }

  draft(ending = ""): string {
    return join(this.drafts, randomBytes(12).toString("hex") + ending);
  }

  async keep(draft: string, key: string): Promise<void> {
    const path = this.path(key);
    const folder = join(path, "..");
    await sync(draft);
    const made = !existsSync(folder);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    await rename(draft, path);
    await sync(folder);
    if (made) await sync(this.root);
  }

  async discard(draft: string): Promise<void> {
    await rm(draft, { force: true });
  }

  path(key: string): string {
    if (!KEY.test(key)) throw new Error(`'${key}' is no key of a blob`);
    return join(this.root, key.slice(0, 2), key);
  }

  hold(key: string): () => void {
    this.sweeping?.add(key);
    this.held.set(key, (this.held.get(key) ?? 0) + 1);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const n = this.held.get(key)! - 1;
      if (n === 0) this.held.delete(key);
      else this.held.set(key, n);
    };
  }

  async sweep(used: () => Promise<ReadonlySet<string>>): Promise<{ blobs: number; bytes: number }> {
    const swept = { blobs: 0, bytes: 0 };
    if (this.sweeping) return swept;
    this.sweeping = new Set(this.held.keys());
    try {
      const referred = await used();
      for (const folder of await readdir(this.root)) {
        if (!/^[0-9a-f]{2}$/.test(folder)) continue;
        for (const key of await readdir(join(this.root, folder))) {
          if (!KEY.test(key) || referred.has(key)) continue;
          const path = this.path(key);
          const { size } = await stat(path);
          // Removed at once: whoever holds the blob from now on writes it anew.
          if (this.sweeping.has(key)) continue;
          unlinkSync(path);
          swept.blobs++;
          swept.bytes += size;
        }
      }
      return swept;
    } finally {
      this.sweeping = undefined;
    }
  }

  async free(): Promise<number> {
    const { bavail, bsize } = await statfs(this.root);
    return bavail * bsize;
  }
}

/** Brings a file, or a folder's list of names, to the disk. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
