/** Questions about a snapshot: traces and explanations. */
import { Type } from "@fastify/type-provider-typebox";
import { callerOf } from "../auth/guard.js";
import { ApiError } from "../errors.js";
import { evidenceOf, readySnapshot } from "../service/snapshots.js";
import type { Routes } from "./app.js";
import { ExplainBody, FAULTS, IdParams, TraceBody } from "./schemas.js";

export const questionRoutes: Routes = (app, service) => {
  const { asks, limits } = service;

  app.post(
    "/v1/snapshots/:id/traces",
    {
      config: { scope: "read" },
      schema: {
        tags: ["questions"],
        summary: "Follows a packet, or several: what `plumbline trace --format json` prints.",
        params: IdParams,
        body: TraceBody,
        response: { 200: Type.Unsafe<unknown>({ type: "object", description: "plumbline.trace/1, or {items: […]} of them" }), ...FAULTS },
      },
    },
    async (request, reply) => {
      const { packet, packets, allBranches: _, ...rest } = request.body;
      if ((packet === undefined) === (packets === undefined)) throw new ApiError("BAD_REQUEST", "give either 'packet' or 'packets'.");
      if (packets && packets.length > limits.packets)
        throw new ApiError("TOO_LARGE", `more than ${limits.packets} packets are not taken at once.`);
      const snapshot = await readySnapshot(service, callerOf(request).project.id, request.params.id);
      const answer = await asks.ask({
        op: "trace",
        evidence: evidenceOf(service, snapshot),
        ask: { packets: packets ?? [packet!], list: packets !== undefined, limit: limits.branches, ...rest },
      });
      return reply.type("application/json; charset=utf-8").send(answer);
    },
  );

  app.post(
    "/v1/snapshots/:id/explain",
    {
      config: { scope: "read" },
      schema: {
        tags: ["questions"],
        summary: "What a thing is, and all that belongs to it: what `plumbline explain --format json` prints.",
        params: IdParams,
        body: ExplainBody,
        response: { 200: Type.Unsafe<unknown>({ type: "object", description: "plumbline.explain/1" }), ...FAULTS },
      },
    },
    async (request, reply) => {
      const { question, what, table } = request.body;
      if (table !== undefined && question !== "cookie") throw new ApiError("BAD_REQUEST", `'table' says nothing of a ${question}.`);
      if (what === undefined && question !== "logical") throw new ApiError("BAD_REQUEST", `'what' must name the ${question}.`);
      const snapshot = await readySnapshot(service, callerOf(request).project.id, request.params.id);
      const answer = await asks.ask({
        op: "explain",
        evidence: evidenceOf(service, snapshot),
        ask:
          question === "logical"
            ? { kind: question, name: what }
            : { kind: question, name: what ?? "", ...(table === undefined ? {} : { table }) },
      });
      return reply.type("application/json; charset=utf-8").send(answer);
    },
  );
};
