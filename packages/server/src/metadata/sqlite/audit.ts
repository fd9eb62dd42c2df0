/** The audit log, and what grows too old. */
import type { Audit, Retention } from "../metadata.js";
import type { AuditRecord } from "../records.js";
import type { Db, Row } from "./database.js";
import { textOrNull } from "./evidence.js";

export function audit(db: Db): Audit {
  const add = db.prepare(
    "INSERT INTO audit (at, project, token, address, action, target, status, request) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const list = db.prepare("SELECT * FROM audit WHERE project = ? AND id < ? ORDER BY id DESC LIMIT ?");
  return {
    add: async (e) => void add.run(e.at, e.project, e.token, e.address, e.action, e.target, e.status, e.request),
    list: async (project, { limit, before }) => (list.all(project, before ?? Number.MAX_SAFE_INTEGER, limit) as Row[]).map(auditOf),
  };
}

export function retention(db: Db): Retention {
  const needed = (table: string) =>
    `NOT EXISTS (SELECT 1 FROM replays r WHERE r.project = ${table}.project AND r.status IN ('queued', 'running') AND
       (r.snapshot = ${table}.id OR EXISTS (SELECT 1 FROM json_each(r.question, '$.captures') c WHERE json_extract(c.value, '$.id') = ${table}.id)))`;
  const statements = {
    replays: db.prepare("DELETE FROM replays WHERE status NOT IN ('queued', 'running') AND created_at < ?"),
    snapshots: db.prepare(`DELETE FROM snapshots WHERE created_at < ? AND ${needed("snapshots")}`),
    captures: db.prepare(`DELETE FROM captures WHERE created_at < ? AND ${needed("captures")}`),
    audit: db.prepare("DELETE FROM audit WHERE at < ?"),
  };
  return {
    async expire(before) {
      let n = 0;
      for (const what of ["replays", "snapshots", "captures", "audit"] as const) {
        const time = before[what];
        if (time !== undefined) n += statements[what].run(time).changes;
      }
      return n;
    },
  };
}

function auditOf(r: Row): AuditRecord {
  return {
    id: Number(r.id),
    at: String(r.at),
    project: textOrNull(r.project),
    token: textOrNull(r.token),
    address: String(r.address),
    action: String(r.action),
    target: String(r.target),
    status: Number(r.status),
    request: String(r.request),
  };
}
