/** Replays: begin, watch, cancel, repeat. What came of them: results.ts. */
import { Type } from "@fastify/type-provider-typebox";
import { callerOf } from "../auth/guard.js";
import { ApiError } from "../errors.js";
import { newId } from "../ids.js";
import type { ReplayRecord } from "../metadata/records.js";
import type { Service } from "../service/service.js";
import { readySnapshot } from "../service/snapshots.js";
import type { Routes } from "./app.js";
import { pageOf, pageQuery } from "./page.js";
import { FAULTS, IdParams, PageOf, PageQuery, ReplayBody, ReplaySchema } from "./schemas.js";

const ENDED: ReadonlySet<string> = new Set(["done", "failed", "cancelled"]);
/** An event at least so often, and at most: whoever watches sees that it lives. */
const SLOWEST_MS = 10_000;
const FASTEST_MS = 100;

function replayView(r: ReplayRecord, { runner }: Pick<Service, "runner">) {
  return {
    schema: "plumbline.replay-job/1" as const,
    id: r.id,
    snapshot: r.snapshot,
    captures: r.question.captures.map((c) => ({ ...c })),
    choose: r.question.choose,
    conntrack: r.question.conntrack,
    status: r.status,
    createdAt: r.createdAt,
    startedAt: r.startedAt,
    finishedAt: r.finishedAt,
    attempt: r.attempt,
    progress: (r.status === "running" ? runner.progressOf(r.id) : undefined) ?? r.progress,
    ...(r.error === null ? {} : { error: r.error }),
  };
}

export async function replayOf({ metadata }: Pick<Service, "metadata">, project: string, id: string): Promise<ReplayRecord> {
  const replay = await metadata.replays.get(project, id);
  if (!replay) throw new ApiError("NOT_FOUND", `there is no replay '${id}'.`);
  return replay;
}

export const replayRoutes: Routes = (app, service) => {
  const { metadata, runner } = service;
  const view = (r: ReplayRecord) => replayView(r, service);

  app.post(
    "/v1/replays",
    {
      config: { scope: "run", audit: "replay.create" },
      schema: {
        tags: ["replays"],
        summary: "Begins a replay of captures through a snapshot.",
        body: ReplayBody,
        response: { 202: ReplaySchema, ...FAULTS },
      },
    },
    async (request, reply) => {
      const { project } = callerOf(request);
      const { snapshot, captures, choose = "hash", conntrack = "empty" } = request.body;
      await readySnapshot(service, project.id, snapshot);
      let bytesTotal = 0;
      for (const { id } of captures) {
        const capture = await metadata.captures.get(project.id, id);
        if (!capture) throw new ApiError("NOT_FOUND", `there is no capture '${id}'.`);
        bytesTotal += capture.bytes;
      }
      const replay: ReplayRecord = {
        id: newId("replay"),
        project: project.id,
        snapshot,
        question: { captures, choose, conntrack },
        status: "queued",
        attempt: 0,
        lost: 0,
        progress: { packets: 0, bytes: 0, bytesTotal },
        error: null,
        results: null,
        createdAt: new Date().toISOString(),
        startedAt: null,
        finishedAt: null,
      };
      await metadata.replays.add(replay);
      request.target = replay.id;
      runner.look();
      return reply.code(202).send(view(replay) as never);
    },
  );

  app.get(
    "/v1/replays",
    {
      config: { scope: "read" },
      schema: {
        tags: ["replays"],
        summary: "The project's replays, newest first.",
        querystring: PageQuery,
        response: { 200: PageOf(ReplaySchema), ...FAULTS },
      },
    },
    async (request) => {
      const { limit, page } = pageQuery(request.query);
      return pageOf(await metadata.replays.list(callerOf(request).project.id, page), limit, view) as never;
    },
  );

  app.get(
    "/v1/replays/:id",
    { config: { scope: "read" }, schema: { tags: ["replays"], params: IdParams, response: { 200: ReplaySchema, ...FAULTS } } },
    async (request) => view(await replayOf(service, callerOf(request).project.id, request.params.id)) as never,
  );

  app.post(
    "/v1/replays/:id/cancel",
    {
      config: { scope: "run", audit: "replay.cancel" },
      schema: { tags: ["replays"], summary: "Ends it, if it has not ended.", params: IdParams, response: { 200: ReplaySchema, ...FAULTS } },
    },
    async (request) => {
      const { project } = callerOf(request);
      const { id } = request.params;
      request.target = id;
      if (await metadata.jobs.cancel(project.id, id)) runner.cancelled(id);
      else {
        const { status } = await replayOf(service, project.id, id);
        if (status !== "cancelled") throw new ApiError("CONFLICT", `the replay is ${status} already.`);
      }
      return view(await replayOf(service, project.id, id)) as never;
    },
  );

  app.post(
    "/v1/replays/:id/retry",
    {
      config: { scope: "run", audit: "replay.retry" },
      schema: {
        tags: ["replays"],
        summary: "Queues it again, if it failed or was cancelled.",
        params: IdParams,
        response: { 202: ReplaySchema, ...FAULTS },
      },
    },
    async (request, reply) => {
      const { project } = callerOf(request);
      const { id } = request.params;
      request.target = id;
      if (await metadata.jobs.retry(project.id, id)) runner.look();
      else throw new ApiError("CONFLICT", `the replay is ${(await replayOf(service, project.id, id)).status}.`);
      return reply.code(202).send(view(await replayOf(service, project.id, id)) as never);
    },
  );

  app.delete(
    "/v1/replays/:id",
    {
      config: { scope: "run", audit: "replay.delete" },
      schema: {
        tags: ["replays"],
        summary: "Deletes it with its results; one that runs is ended.",
        params: IdParams,
        response: { 204: Type.Null(), ...FAULTS },
      },
    },
    async (request, reply) => {
      const { project } = callerOf(request);
      const { id } = request.params;
      request.target = id;
      if (!(await metadata.replays.remove(project.id, id))) throw new ApiError("NOT_FOUND", `there is no replay '${id}'.`);
      runner.cancelled(id);
      return reply.code(204).send(null);
    },
  );

  app.get(
    "/v1/replays/:id/events",
    {
      sse: "only",
      config: { scope: "read" },
      schema: {
        tags: ["replays"],
        summary: "Server-sent events: `progress` with the job as its data; `end` with it is the last.",
        produces: ["text/event-stream"],
        params: IdParams,
      },
    },
    async (request, reply) => {
      const { project } = callerOf(request);
      const { id } = request.params;
      await replayOf(service, project.id, id);
      let changed = true;
      let wake = () => {};
      let gone = false;
      const onChange = () => {
        changed = true;
        wake();
      };
      runner.on(id, onChange);
      request.raw.once("close", () => {
        gone = true;
        wake();
      });
      try {
        while (!gone) {
          changed = false;
          const now = await metadata.replays.get(project.id, id);
          if (!now) {
            await reply.sse.send({ event: "end", data: null });
            return;
          }
          await reply.sse.send({ event: ENDED.has(now.status) ? "end" : "progress", data: view(now) });
          if (ENDED.has(now.status)) return;
          await new Promise((resolve) => setTimeout(resolve, FASTEST_MS));
          if (!changed && !gone)
            await new Promise<void>((resolve) => {
              const timer = setTimeout(resolve, SLOWEST_MS);
              wake = () => {
                clearTimeout(timer);
                resolve();
              };
            });
        }
      } finally {
        runner.off(id, onChange);
      }
    },
  );
};
