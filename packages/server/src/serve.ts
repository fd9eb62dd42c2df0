/**
 * The service: opens its data, starts its threads, listens, and stops in order.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PlumblineError } from "@plumbline/engine";
import pino, { type Logger } from "pino";
import { makeApp } from "./app.js";
import { hashOf, newSecret } from "./auth/tokens.js";
import { openData } from "./data.js";
import { type DemoData, loadDemo } from "./demo/demo.js";
import { ReplayRunner } from "./jobs/runner.js";
import { SERVICE_LIMITS, type ServiceLimits } from "./limits.js";
import { ResultStore } from "./results/store.js";
import { type Retention, startSweeping } from "./retention.js";
import type { Service } from "./service/service.js";
import { AskPool } from "./workers/ask-pool.js";
import type { PluginSource } from "./workers/protocol.js";

export interface ServeOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Folder of the data; left out: a temporary one, removed at the end. */
  readonly data?: string;
  readonly plugins: PluginSource;
  readonly version: string;
  /** Loaded at the start, with a token of its own. */
  readonly demo?: DemoData;
  readonly limits?: Partial<ServiceLimits>;
  /** Threads that answer questions (default: one a core, at most 8). */
  readonly threads?: number;
  /** Replays at a time (default 1). */
  readonly replays?: number;
  readonly retention?: Retention;
  /** Behind a proxy that sets X-Forwarded-For. */
  readonly trustProxy?: boolean;
  readonly logLevel?: string;
  /** Where log lines go (default: standard error). */
  readonly log?: Logger;
  /** Folder of the page (default: the one that vite builds). */
  readonly page?: string;
}

export interface Serving {
  /** http://HOST:PORT */
  readonly url: string;
  /** Where nobody has set the service up yet. */
  readonly setupToken: string | null;
  /** Token of the demo's project. */
  readonly demoToken: string | null;
  /** Takes no more requests, ends those that are under way, puts running replays back, closes the data. */
  stop(): Promise<void>;
}

export async function serve(options: ServeOptions): Promise<Serving> {
  const log =
    options.log ?? pino({ level: options.logLevel ?? "info", base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
  const limits: ServiceLimits = { ...SERVICE_LIMITS, ...options.limits };
  const temporary = options.data === undefined;
  const folder = options.data ?? mkdtempSync(join(tmpdir(), "plumbline-"));
  const { metadata, blobs } = await openData(folder);
  const threads = options.threads ?? Math.min(8, availableParallelism());
  const { plugins } = options;
  const asks = new AskPool({
    threads,
    plugins,
    loadedBytes: limits.loadedBytes,
    askSeconds: limits.askSeconds,
    waiting: limits.waiting,
    answerBytes: limits.answerBytes,
  });
  const runner = new ReplayRunner({ metadata, blobs, plugins, concurrency: options.replays ?? 1, log });
  const results = await ResultStore.open(folder, blobs);
  const service: Service = {
    metadata,
    blobs,
    asks,
    runner,
    results,
    limits,
    plugins,
    version: options.version,
    demo: options.demo !== undefined,
    log,
  };
  let stopping = false;
  const close = async () => {
    await asks.close();
    await runner.stop();
    await results.close();
    await metadata.close();
    if (temporary) rmSync(folder, { recursive: true, force: true });
  };
  try {
    const app = await makeApp(service, {
      page: options.page ?? fileURLToPath(new URL("../dist-web", import.meta.url)),
      trustProxy: options.trustProxy === true,
      stopping: () => stopping,
    });
    const setupToken = await offerSetup(service);
    const demoToken = options.demo ? await loadDemo(service, options.demo) : null;
    await runner.start();
    const sweeping = startSweeping(service, options.retention ?? {});
    await app.listen({ host: options.host, port: options.port }).catch((e: NodeJS.ErrnoException) => {
      throw cannotListen(e, options);
    });
    const address = app.server.address();
    const port = typeof address === "object" && address ? address.port : options.port;
    const host = options.host.includes(":") ? `[${options.host}]` : options.host;
    log.info({ host: options.host, port, data: folder, threads }, "listening");
    return {
      url: `http://${host}:${port}`,
      setupToken,
      demoToken,
      async stop() {
        if (stopping) return;
        stopping = true;
        log.info("stopping");
        sweeping.stop();
        // Requests that are under way get some time; then their connections are closed.
        const hurry = setTimeout(() => app.server.closeAllConnections(), 10_000);
        await app.close();
        clearTimeout(hurry);
        await close();
        log.info("stopped");
      },
    };
  } catch (e) {
    await close();
    throw e;
  }
}

/** A set-up token, where nobody has set the service up: each start's replaces the one before. */
async function offerSetup({ metadata }: Service): Promise<string | null> {
  const projects = await metadata.projects.all();
  if (projects.some((p) => p.operator)) return null;
  const secret = newSecret("setup");
  await metadata.setup.offer(hashOf(secret));
  return secret;
}

/** Why an address cannot be had, and what to do. */
const NO_LISTENING: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  EADDRINUSE: ["something listens there already", "Give another --port, or 0 for any that is free."],
  EACCES: ["that port is for root only", "Give one above 1023."],
  EADDRNOTAVAIL: ["this machine has no such address", "Give one of its own as --host."],
  ENOTFOUND: ["that host has no address", "Give an address of this machine as --host."],
};

/** An address that cannot be had is the user's to change; anything else goes on as it came. */
function cannotListen(e: NodeJS.ErrnoException, at: { readonly host: string; readonly port: number }): Error {
  const known = NO_LISTENING[e.code ?? ""];
  return known ? new PlumblineError("USAGE", [`cannot listen at ${at.host} port ${at.port}: ${known[0]}.`, known[1]]) : e;
}
