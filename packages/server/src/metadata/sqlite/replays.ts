/**
 * Replays, and the queue of the jobs that make them: rows of one table, so that "the results are there" and "the job is done" are the
 * same commit.
 *
 * Who works on a job holds a lease on its row. Every change that the worker makes asks for the lease: one that was lost changes nothing.
 */
import type { Jobs, Replays } from "../metadata.js";
import type { ReplayRecord } from "../records.js";
import type { Db, Row } from "./database.js";
import { json, pages, parsed, textOrNull } from "./evidence.js";

export function replays(db: Db): Replays {
  const add = db.prepare(
    `INSERT INTO replays (id, project, snapshot, question, status, attempt, lost, progress, created_at, not_before)
     VALUES (?, ?, ?, ?, 'queued', 0, 0, ?, ?, 0)`,
  );
  const needing = db.prepare(
    `SELECT id FROM replays WHERE project = ?1 AND status IN ('queued', 'running')
     AND (snapshot = ?2 OR EXISTS (SELECT 1 FROM json_each(question, '$.captures') c WHERE json_extract(c.value, '$.id') = ?2))`,
  );
  return {
    ...pages(db, "replays", replayOf),
    add: async (r) => void add.run(r.id, r.project, r.snapshot, json(r.question), json(r.progress), r.createdAt),
    needing: async (project, id) => (needing.all(project, id) as Row[]).map((r) => String(r.id)),
  };
}

export function jobs(db: Db): Jobs {
  const candidate = db.prepare("SELECT id FROM replays WHERE status = 'queued' AND not_before <= ? ORDER BY seq LIMIT 1");
  const take = db.prepare(
    `UPDATE replays SET status = 'running', attempt = attempt + 1, lost = lost + 1, owner = ?, leased_until = ?, started_at = ?, error = NULL
     WHERE id = ? AND status = 'queued' RETURNING *`,
  );
  const mine = "WHERE id = ? AND status = 'running' AND owner = ? AND attempt = ?";
  const renew = db.prepare(`UPDATE replays SET leased_until = ?, progress = ? ${mine}`);
  const finish = db.prepare(
    `UPDATE replays SET status = 'done', results = ?, progress = ?, finished_at = ?, owner = NULL, lost = 0, error = NULL ${mine}`,
  );
  const fail = db.prepare(`UPDATE replays SET status = 'failed', error = ?, finished_at = ?, owner = NULL, lost = 0 ${mine}`);
  const putBack = db.prepare(`UPDATE replays SET status = 'queued', owner = NULL, not_before = ?, lost = ? ${mine}`);
  const reclaim = db.prepare(
    "UPDATE replays SET status = 'queued', owner = NULL WHERE status = 'running' AND (?2 = 1 OR leased_until < ?1)",
  );
  const cancel = db.prepare(
    "UPDATE replays SET status = 'cancelled', finished_at = ?, owner = NULL WHERE project = ? AND id = ? AND status IN ('queued', 'running')",
  );
  const retry = db.prepare(
    `UPDATE replays SET status = 'queued', not_before = 0, lost = 0, error = NULL, started_at = NULL, finished_at = NULL
     WHERE project = ? AND id = ? AND status IN ('failed', 'cancelled')`,
  );
  const next = db.prepare("SELECT min(not_before) AS at FROM replays WHERE status = 'queued'");
  const counts = db.prepare("SELECT status, count(*) AS n FROM replays GROUP BY status");
  const now = () => new Date().toISOString();
  const leaseOne = db.transaction((owner: string, at: number, ms: number) => {
    const found = candidate.get(at) as Row | undefined;
    return found ? ((take.get(owner, at + ms, now(), found.id) as Row | undefined) ?? null) : null;
  });
  return {
    async lease(owner, at, ms) {
      const row = leaseOne(owner, at, ms) as Row | null;
      return row ? { replay: replayOf(row), owner } : null;
    },
    renew: async ({ replay: r, owner }, at, ms, progress) => renew.run(at + ms, json(progress), r.id, owner, r.attempt).changes === 1,
    finish: async ({ replay: r, owner }, results, progress) =>
      finish.run(json(results), json(progress), now(), r.id, owner, r.attempt).changes === 1,
    fail: async ({ replay: r, owner }, error) => fail.run(json(error), now(), r.id, owner, r.attempt).changes === 1,
    putBack: async ({ replay: r, owner }, notBefore, lost) => putBack.run(notBefore, lost, r.id, owner, r.attempt).changes === 1,
    reclaim: async (at, everybody) => reclaim.run(at, everybody ? 1 : 0).changes,
    cancel: async (project, id) => cancel.run(now(), project, id).changes === 1,
    retry: async (project, id) => retry.run(project, id).changes === 1,
    async next() {
      const at = (next.get() as Row | undefined)?.at;
      return typeof at === "number" ? at : null;
    },
    counts: async () => Object.fromEntries((counts.all() as Row[]).map((r) => [String(r.status), Number(r.n)])),
  };
}

function replayOf(r: Row): ReplayRecord {
  return {
    id: String(r.id),
    project: String(r.project),
    snapshot: String(r.snapshot),
    question: parsed(r.question),
    status: r.status as ReplayRecord["status"],
    attempt: Number(r.attempt),
    lost: Number(r.lost),
    progress: parsed(r.progress),
    error: parsed(r.error),
    results: parsed(r.results),
    createdAt: String(r.created_at),
    startedAt: textOrNull(r.started_at),
    finishedAt: textOrNull(r.finished_at),
  };
}
