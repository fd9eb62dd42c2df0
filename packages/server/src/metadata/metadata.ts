/**
 * Metadata: what there is, whose it is, and in what state. One embedded implementation (sqlite/); the promises are there for a server
 * beside the process.
 *
 * Every method is one transaction: it happens whole or not at all, and what it has returned from survives a crash. Whoever asks for a
 * thing says of which project: another project's is not there.
 */

import type { ErrorBody } from "../errors.js";
import type { AuditRecord, CaptureRecord, Project, ReplayProgress, ReplayRecord, ReplayResults, SnapshotRecord, Token } from "./records.js";

/** A page of a list: at most `limit`, those after the one with the id `after`, newest first. */
export interface Page {
  readonly limit: number;
  readonly after?: string;
}

interface Projects {
  all(): Promise<readonly Project[]>;
  get(id: string): Promise<Project | null>;
  /** Null if the name is taken. */
  add(project: Project): Promise<Project | null>;
}

interface Tokens {
  /** `hash`: SHA-256 of the token, hexadecimal. The token itself is never kept. */
  add(token: Token, hash: string): Promise<void>;
  byHash(hash: string): Promise<Token | null>;
  list(project: string): Promise<readonly Token[]>;
  remove(project: string, id: string): Promise<boolean>;
  used(id: string, at: string): Promise<void>;
}

interface Setup {
  /** The hash of the set-up token that is valid now; null if none is. */
  offer(hash: string | null): Promise<void>;
  /** Uses the set-up token up: of several that come at once one gets true, and only if `hash` is the offered one. With it come the project and the token. */
  claim(hash: string, project: Project, token: Token, tokenHash: string): Promise<boolean>;
}

interface Snapshots {
  /** Adds it, or returns what the project has of the same content over the same snapshot. */
  add(snapshot: SnapshotRecord): Promise<SnapshotRecord>;
  bySha256(project: string, sha256: string, over: string | null): Promise<SnapshotRecord | null>;
  get(project: string, id: string): Promise<SnapshotRecord | null>;
  list(project: string, page: Page): Promise<readonly SnapshotRecord[]>;
  remove(project: string, id: string): Promise<boolean>;
}

interface Captures {
  /** Adds it, or returns what the project has of the same content and name. */
  add(capture: CaptureRecord): Promise<CaptureRecord>;
  get(project: string, id: string): Promise<CaptureRecord | null>;
  list(project: string, page: Page): Promise<readonly CaptureRecord[]>;
  remove(project: string, id: string): Promise<boolean>;
}

/** Replays: results, and the jobs that make them. */
export interface Replays {
  add(replay: ReplayRecord): Promise<void>;
  get(project: string, id: string): Promise<ReplayRecord | null>;
  list(project: string, page: Page): Promise<readonly ReplayRecord[]>;
  remove(project: string, id: string): Promise<boolean>;
  /** Replays that are queued or running and need this snapshot or capture. */
  needing(project: string, id: string): Promise<readonly string[]>;
}

/** What somebody who took a job holds. */
export interface Lease {
  readonly replay: ReplayRecord;
  readonly owner: string;
}

export interface Jobs {
  /** Takes the oldest queued job whose time has come, for `ms`. Null if there is none. */
  lease(owner: string, now: number, ms: number): Promise<Lease | null>;
  /** Keeps it. False: it is not ours any more (cancelled, or taken by another). */
  renew(lease: Lease, now: number, ms: number, progress: ReplayProgress): Promise<boolean>;
  /** Makes these results the current ones, if the job is still ours. */
  finish(lease: Lease, results: ReplayResults, progress: ReplayProgress): Promise<boolean>;
  fail(lease: Lease, error: ErrorBody): Promise<boolean>;
  /** Puts it back, to be taken at `notBefore` (ms since 1970) or later. `lost`: see {@link ReplayRecord.lost}. */
  putBack(lease: Lease, notBefore: number, lost: number): Promise<boolean>;
  /** Puts back what is held by others whose time is over, or by anybody where `everybody`. Returns how many. */
  reclaim(now: number, everybody: boolean): Promise<number>;
  cancel(project: string, id: string): Promise<boolean>;
  /** From failed or cancelled to queued. */
  retry(project: string, id: string): Promise<boolean>;
  /** When the next queued job's time comes (ms since 1970); null if none is queued. */
  next(): Promise<number | null>;
  counts(): Promise<Readonly<Record<string, number>>>;
}

export interface Audit {
  add(entry: Omit<AuditRecord, "id">): Promise<void>;
  list(project: string, page: { readonly limit: number; readonly before?: number }): Promise<readonly AuditRecord[]>;
}

/** What is older than a time, and may go. */
export interface Retention {
  /** Removes finished replays, snapshots and captures made before `before` that no unfinished job needs; the audit log's entries before `auditBefore`. */
  expire(before: {
    readonly replays?: string;
    readonly snapshots?: string;
    readonly captures?: string;
    readonly audit?: string;
  }): Promise<number>;
}

export interface Metadata {
  readonly projects: Projects;
  readonly tokens: Tokens;
  readonly setup: Setup;
  readonly snapshots: Snapshots;
  readonly captures: Captures;
  readonly replays: Replays;
  readonly jobs: Jobs;
  readonly audit: Audit;
  readonly retention: Retention;
  /** Keys of all blobs that something refers to. */
  blobs(): Promise<ReadonlySet<string>>;
  /** Throws if it cannot be written to. */
  check(): Promise<void>;
  close(): Promise<void>;
}
