/** Traces by a service: several packets go in batches, and a packet that cannot be used costs only itself. */
import { PlumblineError } from "@plumbline/engine";
import type { ServiceClient, TraceItem, TraceQuestion } from "@plumbline/server/client";

/** Packets of one request. */
const BATCH = 50;

/** An answer for each question, in order. `question`: what is the same for all. */
export async function* tracesRemote(
  service: ServiceClient,
  snapshot: string,
  questions: readonly { readonly packet: string; readonly from: string | undefined }[],
  question: TraceQuestion,
): AsyncGenerator<TraceItem> {
  for (let at = 0; at < questions.length; at += BATCH) {
    const packets = questions.slice(at, at + BATCH).map((q) => (q.from === undefined ? q.packet : `@${q.from} ${q.packet}`));
    yield* await service.traces(snapshot, { ...question, packets });
  }
}

/** A service's refusal of one packet, as if it had been found here. */
export class RemoteRefusal extends PlumblineError {
  constructor(readonly answer: Extract<TraceItem, { error: unknown }>) {
    super("USAGE", [answer.error.message, answer.error.hint]);
  }
}
