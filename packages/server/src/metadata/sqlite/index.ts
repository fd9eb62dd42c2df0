/** Metadata in SQLite (libsql), embedded in the process. */
import { mkdirSync } from "node:fs";
import type { Metadata } from "../metadata.js";
import { accounts } from "./accounts.js";
import { audit, retention } from "./audit.js";
import { openDatabase, type Row } from "./database.js";
import { evidence } from "./evidence.js";
import { jobs, replays } from "./replays.js";

export function openSqlite(folder: string): Metadata {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { db, close } = openDatabase(folder);
  const keys = db.prepare(`
    SELECT json_extract(l.value, '$.pack') AS key FROM snapshots, json_each(layers) l
    UNION SELECT inspection FROM snapshots UNION SELECT names FROM snapshots UNION SELECT sha256 FROM captures
    UNION SELECT json_extract(results, '$.flows') FROM replays UNION SELECT json_extract(results, '$.summary') FROM replays
    UNION SELECT json_extract(results, '$.paths') FROM replays`);
  const touch = db.prepare("INSERT INTO setup (one, hash) VALUES (1, NULL) ON CONFLICT (one) DO UPDATE SET one = 1");
  return {
    ...accounts(db),
    ...evidence(db),
    replays: replays(db),
    jobs: jobs(db),
    audit: audit(db),
    retention: retention(db),
    async blobs() {
      return new Set((keys.all() as Row[]).flatMap((r) => (typeof r.key === "string" ? [r.key] : [])));
    },
    async check() {
      touch.run();
    },
    async close() {
      close();
    },
  };
}
