/**
 * The database file: opened for one process alone, in WAL mode with every commit brought to the disk.
 */

import { join } from "node:path";
import { PlumblineError } from "@plumbline/engine";
import Database from "libsql";
import { SCHEMA } from "./schema.js";

export type Db = InstanceType<typeof Database>;

/** Rows are plain objects of what SQLite knows. */
export type Row = Readonly<Record<string, string | number | null>>;

export interface OpenDatabase {
  readonly db: Db;
  close(): void;
}

/**
 * Opens `folder`/plumbline.db. A second process that opens the same folder is refused: a lock in a file of its own, which the system
 * gives back however the process ends.
 */
export function openDatabase(folder: string): OpenDatabase {
  const lock = new Database(join(folder, "lock.db"));
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch {
    lock.close();
    throw new PlumblineError("USAGE", [
      `${folder}: another service uses this folder.`,
      "Stop it, or give this one a folder of its own with --data.",
    ]);
  }
  const db = new Database(join(folder, "plumbline.db"));
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000");
  migrate(db);
  return {
    db,
    close() {
      db.close();
      lock.close();
    },
  };
}

/** Brings an older file up to the present schema, step by step; a newer one is refused. */
function migrate(db: Db): void {
  const { user_version: version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
  if (version > SCHEMA.length)
    throw new PlumblineError("USAGE", ["the data are of a newer Plumbline.", "Use that one, or another folder with --data."]);
  for (let step = version; step < SCHEMA.length; step++)
    db.transaction(() => {
      db.exec(SCHEMA[step]);
      db.exec(`PRAGMA user_version = ${step + 1}`);
    })();
}
