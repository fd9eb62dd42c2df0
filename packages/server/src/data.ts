/** The data folder. */
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Blobs } from "./blobs/blobs.js";
import { FileBlobs } from "./blobs/files.js";
import type { Metadata } from "./metadata/metadata.js";
import { openSqlite } from "./metadata/sqlite/index.js";

export interface Data {
  readonly metadata: Metadata;
  readonly blobs: Blobs;
}

/** Opens it, or makes it: readable for its owner alone. Throws PlumblineError where another process has it. */
export async function openData(folder: string): Promise<Data> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const metadata = openSqlite(folder);
  try {
    return { metadata, blobs: await FileBlobs.open(join(folder, "blobs")) };
  } catch (e) {
    await metadata.close();
    throw e;
  }
}
