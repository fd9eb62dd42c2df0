/** Snapshots and captures. */
import type { Metadata, Page } from "../metadata.js";
import type { CaptureRecord, SnapshotRecord } from "../records.js";
import { one } from "./accounts.js";
import type { Db, Row } from "./database.js";

export function evidence(db: Db): Pick<Metadata, "snapshots" | "captures"> {
  const addSnapshot = db.prepare(
    `INSERT INTO snapshots (id, project, name, sha256, bytes, files, masked, status, error, hosts, problems, layers, inspection, names, over, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const snapshotOfContent = db.prepare("SELECT * FROM snapshots WHERE project = ? AND sha256 = ? AND ifnull(over, '') = ?");
  const addCapture = db.prepare(
    "INSERT INTO captures (id, project, name, sha256, bytes, format, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const captureOfContent = db.prepare("SELECT * FROM captures WHERE project = ? AND sha256 = ? AND name = ?");
  const snapshotTable = pages(db, "snapshots", snapshotOf);
  const captureTable = pages(db, "captures", captureOf);
  const bySha256 = (project: string, sha256: string, over: string | null) =>
    one(snapshotOfContent.get(project, sha256, over ?? ""), snapshotOf);
  return {
    snapshots: {
      ...snapshotTable,
      async add(s) {
        const { changes } = addSnapshot.run(
          ...[s.id, s.project, s.name, s.sha256, s.bytes, s.files, s.masked, s.status, json(s.error), s.hosts, json(s.problems)],
          ...[json(s.layers), s.inspection, s.names, s.over, s.createdAt],
        );
        return changes === 1 ? s : (bySha256(s.project, s.sha256, s.over) ?? s);
      },
      bySha256: async (project, sha256, over) => bySha256(project, sha256, over),
    },
    captures: {
      ...captureTable,
      async add(c) {
        const { changes } = addCapture.run(c.id, c.project, c.name, c.sha256, c.bytes, c.format, c.createdAt);
        return changes === 1 ? c : (one(captureOfContent.get(c.project, c.sha256, c.name), captureOf) ?? c);
      },
    },
  };
}

/** What tables with an id, a project and a number of order have in common. */
export function pages<T>(db: Db, table: "snapshots" | "captures" | "replays", of: (row: Row) => T) {
  const get = db.prepare(`SELECT * FROM ${table} WHERE project = ? AND id = ?`);
  // An id that is gone, or never was, ends the list.
  const list = db.prepare(
    `SELECT * FROM ${table} WHERE project = ?1 AND (?2 = '' OR seq < (SELECT seq FROM ${table} WHERE project = ?1 AND id = ?2)) ORDER BY seq DESC LIMIT ?3`,
  );
  const remove = db.prepare(`DELETE FROM ${table} WHERE project = ? AND id = ?`);
  return {
    get: async (project: string, id: string): Promise<T | null> => one(get.get(project, id), of),
    list: async (project: string, page: Page): Promise<readonly T[]> => (list.all(project, page.after ?? "", page.limit) as Row[]).map(of),
    remove: async (project: string, id: string): Promise<boolean> => remove.run(project, id).changes === 1,
  };
}

export function json(value: unknown): string | null {
  return value === null || value === undefined ? null : JSON.stringify(value);
}

export function parsed<T>(value: string | number | null): T {
  return (value === null ? null : JSON.parse(String(value))) as T;
}

export function textOrNull(value: string | number | null): string | null {
  return value === null ? null : String(value);
}

function snapshotOf(r: Row): SnapshotRecord {
  return {
    id: String(r.id),
    project: String(r.project),
    name: String(r.name),
    sha256: String(r.sha256),
    bytes: Number(r.bytes),
    files: Number(r.files),
    masked: Number(r.masked),
    status: r.status as SnapshotRecord["status"],
    error: parsed(r.error),
    hosts: Number(r.hosts),
    problems: parsed(r.problems),
    layers: parsed(r.layers),
    inspection: textOrNull(r.inspection),
    names: textOrNull(r.names),
    over: textOrNull(r.over),
    createdAt: String(r.created_at),
  };
}

function captureOf(r: Row): CaptureRecord {
  return {
    id: String(r.id),
    project: String(r.project),
    name: String(r.name),
    sha256: String(r.sha256),
    bytes: Number(r.bytes),
    format: String(r.format),
    createdAt: String(r.created_at),
  };
}
