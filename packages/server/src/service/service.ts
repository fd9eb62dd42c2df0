/** What the routes work with. */
import type { Logger } from "pino";
import type { Blobs } from "../blobs/blobs.js";
import type { ReplayRunner } from "../jobs/runner.js";
import type { ServiceLimits } from "../limits.js";
import type { Metadata } from "../metadata/metadata.js";
import type { ResultStore } from "../results/store.js";
import type { AskPool } from "../workers/ask-pool.js";
import type { PluginSource } from "../workers/protocol.js";

export interface Service {
  readonly metadata: Metadata;
  readonly blobs: Blobs;
  readonly asks: AskPool;
  readonly runner: ReplayRunner;
  readonly results: ResultStore;
  readonly limits: ServiceLimits;
  readonly plugins: PluginSource;
  readonly version: string;
  readonly demo: boolean;
  readonly log: Logger;
}
