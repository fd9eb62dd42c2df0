/**
 * A thread that answers questions. It keeps the snapshots that were asked last loaded, up to a number of bytes of evidence.
 */
import { parentPort, workerData } from "node:worker_threads";
import {
  compareTraces,
  compileSession,
  explain,
  logicalAgreement,
  logicalSession,
  type Plugin,
  PlumblineError,
  type Session,
  type TraceOptions,
  trace,
} from "@plumbline/engine";
import { errorBody } from "../errors.js";
import { loadEvidence, loadPlugins } from "./evidence.js";
import { taskFault } from "./fault.js";
import { linesAround } from "./lines.js";
import type { Ask, EvidencePlace, PluginSource, TraceAsk } from "./protocol.js";

const { plugins: source, loadedBytes } = workerData as { plugins: PluginSource; loadedBytes: number };
let plugins: Promise<readonly Plugin[]> | undefined;

interface Kept {
  readonly session: Session;
  /** The switches as the logical flows say they should be; made when first asked for. */
  logical?: Promise<Session>;
  readonly bytes: number;
  readonly close: () => void;
}

/** In order of use, the last one last. */
const kept = new Map<string, Kept>();

async function sessionOf(place: EvidencePlace): Promise<Kept> {
  const known = kept.get(place.id);
  if (known) {
    kept.delete(place.id);
    kept.set(place.id, known);
    return known;
  }
  plugins ??= loadPlugins(source);
  const loaded = await loadEvidence(place, await plugins);
  let total = loaded.bytes;
  for (const k of kept.values()) total += k.bytes;
  for (const [id, k] of kept) {
    if (total <= loadedBytes) break;
    total -= k.bytes;
    k.close();
    kept.delete(id);
  }
  const session = await compileSession(loaded.snapshot, loaded.built);
  const k: Kept = { session, bytes: loaded.bytes, close: loaded.close };
  kept.set(place.id, k);
  return k;
}

async function traceAll(k: Kept, ask: TraceAsk): Promise<string> {
  const { session } = k;
  const logical = ask.compare === "logical" ? await (k.logical ??= logicalSession(session)) : undefined;
  const one = (packet: string, options: TraceOptions) => {
    const result = trace(session, packet, options);
    return logical
      ? { ...result, compared: compareTraces(session, result, trace(logical, packet, { ...options, whyNot: undefined })) }
      : result;
  };
  const options: TraceOptions = {
    reply: ask.reply === true,
    conntrack: ask.conntrack ?? "empty",
    ...(ask.from === undefined ? {} : { from: ask.from }),
    ...(ask.limit === undefined ? {} : { limit: ask.limit }),
    ...(ask.whyNot === undefined ? {} : { whyNot: ask.whyNot }),
  };
  if (!ask.list) return JSON.stringify(one(ask.packets[0], options));
  const items = ask.packets.map((line) => {
    const led = /^@(\S+)\s+(.*)$/.exec(line);
    const packet = led ? led[2] : line;
    try {
      return JSON.stringify(one(packet, led ? { ...options, from: led[1] } : options));
    } catch (e) {
      if (!(e instanceof PlumblineError) || e.code === "INTERNAL") throw e;
      return JSON.stringify({ schema: "plumbline.trace/1", packet, error: errorBody(e), verdict: "unknown", branches: [] });
    }
  });
  return `{"items":[${items.join(",")}]}`;
}

async function answer(ask: Ask): Promise<string> {
  switch (ask.op) {
    case "trace":
      return traceAll(await sessionOf(ask.evidence), ask.ask);
    case "explain": {
      const { snapshot, built } = (await sessionOf(ask.evidence)).session;
      const { ask: q } = ask;
      return JSON.stringify(q.kind === "logical" ? logicalAgreement(snapshot, built, q.name) : explain(snapshot, built, q));
    }
    case "lines":
      return JSON.stringify(linesAround(ask.evidence, ask.file, ask.line, ask.around));
  }
}

parentPort!.on("message", ({ id, ask }: { id: number; ask: Ask }) => {
  answer(ask).then(
    (text) => {
      // Moved, not copied: the thread that serves requests only sends it.
      const answer = new TextEncoder().encode(text);
      parentPort!.postMessage({ id, answer }, [answer.buffer]);
    },
    (e) => parentPort!.postMessage({ id, ...taskFault(e) }),
  );
});
