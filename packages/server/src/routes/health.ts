/** Whether it lives, whether it can work, and numbers. */
import { Type } from "@fastify/type-provider-typebox";
import type { Metrics } from "../metrics.js";
import type { Service } from "../service/service.js";
import type { App } from "./app.js";

/** Below this nothing can be taken in. */
const LEAST_FREE = 64 << 20;

export function healthRoutes(app: App, { metadata, blobs }: Service, metrics: Metrics, stopping: () => boolean): void {
  const open = { scope: "open" as const, rateLimit: false as const };
  const State = Type.Object({ status: Type.String(), why: Type.Optional(Type.String()) });
  app.get(
    "/healthz",
    { config: open, schema: { tags: ["health"], security: [], summary: "The process answers.", response: { 200: State } } },
    async () => ({
      status: "ok",
    }),
  );
  app.get(
    "/readyz",
    {
      config: open,
      schema: {
        tags: ["health"],
        security: [],
        summary: "It can take requests: its data can be written.",
        response: { 200: State, 503: State },
      },
    },
    async (_request, reply) => {
      const why = stopping() ? "stopping" : await unready();
      return why === "" ? { status: "ok" } : reply.code(503).send({ status: "unready", why });
    },
  );
  app.get(
    "/metrics",
    { config: open, schema: { tags: ["health"], security: [], summary: "Numbers, as Prometheus reads them.", produces: ["text/plain"] } },
    async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );

  async function unready(): Promise<string> {
    try {
      await metadata.check();
      if ((await blobs.free()) < LEAST_FREE) return "the disk is almost full";
      return "";
    } catch {
      return "the data cannot be written";
    }
  }
}
