/** Opened layers kept in a directory, each in a file of its own. */
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { LayerStore } from "@plumbline/model";

/** Files are written under another name first, so that one that is there is whole. What fails is told and costs nothing else. */
export function diskStore(directory: string, note: (message: string) => void): LayerStore {
  return {
    note,
    read(name) {
      try {
        const bytes = readFileSync(join(directory, `${name}.bin`));
        return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
      } catch (e) {
        if ((e as NodeJS.ErrnoException).code !== "ENOENT") note(`${directory}: ${(e as Error).message}`);
        return undefined;
      }
    },
    write(name, pieces) {
      const file = join(directory, `${name}.bin`);
      const own = `${file}.${process.pid}`;
      try {
        mkdirSync(directory, { recursive: true });
        const to = openSync(own, "w");
        try {
          for (const p of pieces) for (let at = 0; at < p.length; ) at += writeSync(to, p, at);
        } finally {
          closeSync(to);
        }
        renameSync(own, file);
      } catch (e) {
        rmSync(own, { force: true });
        note(`nothing is kept: ${(e as Error).message}`);
      }
    },
  };
}
