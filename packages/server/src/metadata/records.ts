/** What the service remembers: records, as its code uses them. Times are ISO 8601 UTC. */
import type { ErrorBody } from "../errors.js";

export const SCOPES = ["read", "run", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

export interface Project {
  readonly id: string;
  readonly name: string;
  /** Its admins may make projects. */
  readonly operator: boolean;
  readonly createdAt: string;
}

export interface Token {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly createdAt: string;
  /** To the minute; null if it was not used yet. */
  readonly lastUsedAt: string | null;
}

interface ProblemCounts {
  readonly error: number;
  readonly warning: number;
  readonly info: number;
}

/** One uploaded archive of a snapshot, as it is kept. */
interface Layer {
  /** The archive's name as uploaded; messages and host names may come from it. */
  readonly name: string;
  /** Key of the pack. */
  readonly pack: string;
}

export interface SnapshotRecord {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  /** Of the archive as it was sent, and its size. */
  readonly sha256: string;
  readonly bytes: number;
  readonly files: number;
  /** Secrets that were masked. */
  readonly masked: number;
  readonly status: "ready" | "failed";
  readonly error: ErrorBody | null;
  readonly hosts: number;
  readonly problems: ProblemCounts;
  /** The evidence from the bottom to the top. */
  readonly layers: readonly Layer[];
  /** Keys of what was found out on arrival; null where it failed. */
  readonly inspection: string | null;
  readonly names: string | null;
  /** The snapshot that it is laid over, null if none. */
  readonly over: string | null;
  readonly createdAt: string;
}

export interface CaptureRecord {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  /** Of its content, which is the key of its blob. */
  readonly sha256: string;
  readonly bytes: number;
  /** "pcap", "pcap.gz", "pcapng", … */
  readonly format: string;
  readonly createdAt: string;
}

type ReplayStatus = "queued" | "running" | "done" | "failed" | "cancelled";

export interface ReplayQuestion {
  readonly captures: readonly { readonly id: string; readonly at?: string }[];
  readonly choose: "hash" | "enumerate";
  readonly conntrack: "empty" | "dumped";
}

export interface ReplayProgress {
  readonly packets: number;
  readonly bytes: number;
  readonly bytesTotal: number;
}

/** Keys of the results of the attempt that counts. */
export interface ReplayResults {
  /** Parquet, a row a flow. */
  readonly flows: string;
  /** JSON: plumbline.replay/1. */
  readonly summary: string;
  /** Parquet: path, hops. */
  readonly paths: string;
}

export interface ReplayRecord {
  readonly id: string;
  readonly project: string;
  readonly snapshot: string;
  readonly question: ReplayQuestion;
  readonly status: ReplayStatus;
  /** Attempts that were begun. */
  readonly attempt: number;
  /** Attempts in a row that ended without a word (the process or its worker died). */
  readonly lost: number;
  readonly progress: ReplayProgress;
  readonly error: ErrorBody | null;
  readonly results: ReplayResults | null;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

export interface AuditRecord {
  readonly id: number;
  readonly at: string;
  /** Null where there was no valid token. */
  readonly project: string | null;
  readonly token: string | null;
  readonly address: string;
  /** "snapshot.create", "token.delete", "auth.refused", … */
  readonly action: string;
  /** Id of what was acted on, "" if there is none. */
  readonly target: string;
  readonly status: number;
  readonly request: string;
}
