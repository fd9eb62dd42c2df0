/** The tables, as steps: each brings a file from the one before. Steps that were released never change. */
export const SCHEMA: readonly string[] = [
  `
  CREATE TABLE projects (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, operator INTEGER NOT NULL, created_at TEXT NOT NULL
  ) STRICT;
  CREATE TABLE tokens (
    id TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES projects, name TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, scopes TEXT NOT NULL,
    created_at TEXT NOT NULL, last_used_at TEXT
  ) STRICT;
  CREATE TABLE setup (one INTEGER PRIMARY KEY CHECK (one = 1), hash TEXT) STRICT;
  CREATE TABLE snapshots (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL REFERENCES projects, name TEXT NOT NULL,
    sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, files INTEGER NOT NULL, masked INTEGER NOT NULL, status TEXT NOT NULL, error TEXT,
    hosts INTEGER NOT NULL, problems TEXT NOT NULL, layers TEXT NOT NULL, inspection TEXT, names TEXT, over TEXT, created_at TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX snapshots_content ON snapshots (project, sha256, ifnull(over, ''));
  CREATE TABLE captures (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL REFERENCES projects, name TEXT NOT NULL,
    sha256 TEXT NOT NULL, bytes INTEGER NOT NULL, format TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE (project, sha256, name)
  ) STRICT;
  CREATE TABLE replays (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, project TEXT NOT NULL REFERENCES projects, snapshot TEXT NOT NULL,
    question TEXT NOT NULL, status TEXT NOT NULL, attempt INTEGER NOT NULL, lost INTEGER NOT NULL, progress TEXT NOT NULL, error TEXT,
    results TEXT, created_at TEXT NOT NULL, started_at TEXT, finished_at TEXT, owner TEXT, leased_until INTEGER, not_before INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX replays_queue ON replays (status, not_before, seq);
  CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, project TEXT, token TEXT, address TEXT NOT NULL, action TEXT NOT NULL,
    target TEXT NOT NULL, status INTEGER NOT NULL, request TEXT NOT NULL
  ) STRICT;
  CREATE INDEX audit_project ON audit (project, id);
  `,
];
