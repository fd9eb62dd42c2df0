/**
 * What is said between the service and its worker threads. Answers are JSON in bytes already: the thread that made them has done the work,
 * and the one that serves requests only sends it.
 */
import type { ErrorBody } from "../errors.js";
import type { ReplayQuestion } from "../metadata/records.js";
import type { IngestLimits } from "../packs/ingest.js";
import type { SpoolKey } from "../spool/spool.js";

/** A module and the name under which it exports a list of plugins: functions cannot be sent to a thread, a module's address can. */
export interface PluginSource {
  /** file: URL. */
  readonly module: string;
  readonly name: string;
}

/** A snapshot's evidence, from the bottom to the top. */
export interface EvidencePlace {
  readonly id: string;
  /** As answers call it. */
  readonly name: string;
  readonly layers: readonly { readonly name: string; readonly path: string }[];
}

export interface TraceAsk {
  readonly packets: readonly string[];
  /** One answer, or a list of them. */
  readonly list: boolean;
  readonly from?: string;
  readonly reply?: boolean;
  readonly conntrack?: "empty" | "dumped";
  readonly limit?: number;
  readonly compare?: "logical";
  readonly whyNot?: string;
}

type ExplainAsk =
  | { readonly kind: "cookie" | "service" | "route" | "rule"; readonly name: string; readonly table?: number }
  /** A node, or all. */
  | { readonly kind: "logical"; readonly name: string | undefined };

export type Ask =
  | { readonly op: "trace"; readonly evidence: EvidencePlace; readonly ask: TraceAsk }
  | { readonly op: "explain"; readonly evidence: EvidencePlace; readonly ask: ExplainAsk }
  | { readonly op: "lines"; readonly evidence: EvidencePlace; readonly file: string; readonly line: number; readonly around: number };

export interface IngestTask {
  readonly task: "ingest";
  readonly spool: SpoolKey;
  /** The archive's name. */
  readonly name: string;
  readonly limits: IngestLimits;
  /** What it is laid over, from the bottom to the top. */
  readonly below: EvidencePlace["layers"];
  readonly plugins: PluginSource;
  /** Drafts to write into. */
  readonly pack: string;
  readonly inspection: string;
  readonly names: string;
}

export interface ReplayTask {
  readonly task: "replay";
  readonly evidence: EvidencePlace;
  readonly plugins: PluginSource;
  readonly captures: readonly { readonly name: string; readonly path: string; readonly at?: string }[];
  readonly question: Pick<ReplayQuestion, "choose" | "conntrack">;
  /** Drafts to write into. */
  readonly flows: string;
  readonly paths: string;
  readonly summary: string;
}

export type Task = IngestTask | ReplayTask;

/** How a thread says that something went wrong. */
export interface TaskFault {
  readonly fault: ErrorBody;
  /** The input's fault, a full disk, or ours. */
  readonly kind: "input" | "full" | "internal";
  /** For the log. */
  readonly stack: string;
}
