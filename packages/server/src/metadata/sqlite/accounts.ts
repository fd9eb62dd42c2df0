/** Projects, their tokens, and the one-time set-up. */
import type { Metadata } from "../metadata.js";
import type { Project, Scope, Token } from "../records.js";
import type { Db, Row } from "./database.js";

export function accounts(db: Db): Pick<Metadata, "projects" | "tokens" | "setup"> {
  const addProject = db.prepare("INSERT INTO projects (id, name, operator, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING");
  const addToken = db.prepare("INSERT INTO tokens (id, project, name, hash, scopes, created_at) VALUES (?, ?, ?, ?, ?, ?)");
  const allProjects = db.prepare("SELECT * FROM projects ORDER BY created_at, id");
  const oneProject = db.prepare("SELECT * FROM projects WHERE id = ?");
  const byHash = db.prepare("SELECT * FROM tokens WHERE hash = ?");
  const ofProject = db.prepare("SELECT * FROM tokens WHERE project = ? ORDER BY created_at, id");
  const removeToken = db.prepare("DELETE FROM tokens WHERE project = ? AND id = ?");
  const used = db.prepare("UPDATE tokens SET last_used_at = ? WHERE id = ?");
  const offer = db.prepare("INSERT INTO setup (one, hash) VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET hash = excluded.hash");
  const claim = db.prepare("UPDATE setup SET hash = NULL WHERE one = 1 AND hash = ?");

  const insertProject = (p: Project) => addProject.run(p.id, p.name, p.operator ? 1 : 0, p.createdAt).changes === 1;
  const insertToken = (t: Token, hash: string) => addToken.run(t.id, t.project, t.name, hash, t.scopes.join(" "), t.createdAt);
  const claimAll = db.transaction((hash: string, project: Project, token: Token, tokenHash: string) => {
    if (claim.run(hash).changes !== 1) return false;
    insertProject(project);
    insertToken(token, tokenHash);
    return true;
  });

  return {
    projects: {
      all: async () => (allProjects.all() as Row[]).map(projectOf),
      get: async (id) => one(oneProject.get(id), projectOf),
      add: async (project) => (insertProject(project) ? project : null),
    },
    tokens: {
      add: async (token, hash) => void insertToken(token, hash),
      byHash: async (hash) => one(byHash.get(hash), tokenOf),
      list: async (project) => (ofProject.all(project) as Row[]).map(tokenOf),
      remove: async (project, id) => removeToken.run(project, id).changes === 1,
      used: async (id, at) => void used.run(at, id),
    },
    setup: {
      offer: async (hash) => void offer.run(hash),
      claim: async (hash, project, token, tokenHash) => claimAll(hash, project, token, tokenHash) as boolean,
    },
  };
}

/** A row, if there is one. */
export function one<T>(row: unknown, of: (row: Row) => T): T | null {
  return row === undefined || row === null ? null : of(row as Row);
}

function projectOf(r: Row): Project {
  return { id: String(r.id), name: String(r.name), operator: r.operator === 1, createdAt: String(r.created_at) };
}

function tokenOf(r: Row): Token {
  return {
    id: String(r.id),
    project: String(r.project),
    name: String(r.name),
    scopes: String(r.scopes).split(" ") as Scope[],
    createdAt: String(r.created_at),
    lastUsedAt: r.last_used_at === null ? null : String(r.last_used_at),
  };
}
