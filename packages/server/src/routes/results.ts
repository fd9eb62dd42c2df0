/** What came of a replay: the summary, flows, groups, time, paths. */
import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { type Static, Type } from "@fastify/type-provider-typebox";
import { callerOf } from "../auth/guard.js";
import { ApiError } from "../errors.js";
import type { ReplayRecord, ReplayResults } from "../metadata/records.js";
import { csvOf } from "../results/csv.js";
import { allFlows, COLUMNS, type Column, type Filter, flowPage, flowRecord, groups, pathHops } from "../results/flows.js";
import { timeline } from "../results/timeline.js";
import type { Routes } from "./app.js";
import { replayOf } from "./replays.js";
import { FAULTS, IdParams } from "./schemas.js";
import { sendJsonFile } from "./snapshots.js";

const Texts = Type.Optional(Type.Array(Type.String({ maxLength: 500 }), { maxItems: 100 }));
const Ports = Type.Optional(Type.Array(Type.Integer({ minimum: 0, maximum: 65_535 }), { maxItems: 100 }));

/** Repeated, one of them must be it. */
const FilterQuery = {
  verdict: Texts,
  node: Texts,
  to: Texts,
  backend: Type.Optional(Type.Array(Type.String({ maxLength: 500 }), { maxItems: 100, description: "The same as `to`." })),
  toKind: Texts,
  toNode: Texts,
  proto: Texts,
  src: Texts,
  dst: Texts,
  srcPort: Ports,
  dstPort: Ports,
  finalDst: Texts,
  finalDstPort: Ports,
  path: Texts,
  chosen: Texts,
  certainty: Texts,
  answer: Texts,
  reply: Texts,
  reason: Texts,
  at: Texts,
  contradicted: Type.Optional(Type.Boolean({ description: "Whether the capture contradicts the prediction." })),
};
const Filters = Type.Object(FilterQuery);
const By = Type.String({ pattern: `^(${COLUMNS.join("|")})(,(${COLUMNS.join("|")}))*$`, maxLength: 300 });

function filterOf(query: Static<typeof Filters>): Filter {
  const filter: Record<string, readonly (string | number)[]> = {};
  for (const c of COLUMNS) {
    const wanted = (query as Record<string, unknown>)[c];
    if (Array.isArray(wanted) && wanted.length > 0) filter[c] = wanted as (string | number)[];
  }
  if (query.backend && query.backend.length > 0) filter.to = [...(filter.to ?? []), ...query.backend];
  return filter as Filter;
}

function resultsOf(replay: ReplayRecord): ReplayResults {
  if (replay.results) return replay.results;
  if (replay.status === "failed") throw new ApiError("CONFLICT", `the replay has failed: ${replay.error?.message ?? ""}`);
  throw new ApiError("CONFLICT", `the replay is ${replay.status}: it has no results yet.`);
}

const Numbers = { flows: Type.Number(), packets: Type.Number(), bytes: Type.Number() };

export const resultRoutes: Routes = (app, service) => {
  const { blobs, results } = service;
  const of = async (request: Parameters<typeof callerOf>[0] & { readonly params: { readonly id: string } }) =>
    resultsOf(await replayOf(service, callerOf(request).project.id, request.params.id));

  app.get(
    "/v1/replays/:id/summary",
    {
      config: { scope: "read" },
      schema: {
        tags: ["results"],
        summary: "What `plumbline replay --format json` prints.",
        params: IdParams,
        response: { 200: Type.Unsafe<unknown>({ type: "object", description: "plumbline.replay/1" }), ...FAULTS },
      },
    },
    async (request, reply) => sendJsonFile(reply, blobs.path((await of(request)).summary)),
  );

  app.get(
    "/v1/replays/:id/flows",
    {
      config: { scope: "read" },
      schema: {
        tags: ["results"],
        summary: "Flows that match, in pages; or all of them as CSV or Parquet.",
        params: IdParams,
        querystring: Type.Object({
          ...FilterQuery,
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 100 })),
          after: Type.Optional(Type.String({ pattern: "^[0-9]{1,15}$", description: "`next` of the page before." })),
          format: Type.Optional(Type.Union([Type.Literal("json"), Type.Literal("ndjson"), Type.Literal("csv"), Type.Literal("parquet")])),
        }),
        produces: ["application/json", "application/x-ndjson", "text/csv", "application/vnd.apache.parquet"],
        response: {
          200: Type.Unsafe<unknown>({ type: "object", description: "{items: [plumbline.flow/1…], next}" }),
          ...FAULTS,
        },
      },
    },
    async (request, reply) => {
      const { limit = 100, after, format = "json", contradicted } = request.query;
      const filter = withContradicted(filterOf(request.query), contradicted);
      const keys = await of(request);
      const file = blobs.path(keys.flows);
      const named = (type: string, ending: string) =>
        reply.type(type).header("content-disposition", `attachment; filename="${request.params.id}.${ending}"`);
      switch (format) {
        case "parquet": {
          named("application/vnd.apache.parquet", "parquet");
          if (Object.keys(filter).length === 0) return reply.send(createReadStream(file));
          const draft = await results.parquet(allFlows(file, filter));
          const stream = createReadStream(draft);
          stream.once("close", () => void rm(draft, { force: true }));
          return reply.send(stream);
        }
        case "csv":
          return named("text/csv; charset=utf-8", "csv").send(Readable.from(csvOf(results.stream(allFlows(file, filter)))));
        case "ndjson":
          return named("application/x-ndjson", "ndjson").send(Readable.from(linesOf(results.stream(allFlows(file, filter)))));
        case "json": {
          const rows = await results.rows(flowPage(file, filter, after === undefined ? -1 : Number(after), limit + 1));
          const shown = rows.slice(0, limit);
          const next = rows.length > limit ? String(shown[shown.length - 1]._row) : null;
          return reply.type("application/json; charset=utf-8").send(JSON.stringify({ items: shown.map(flowRecord), next }));
        }
      }
    },
  );

  app.get(
    "/v1/replays/:id/groups",
    {
      config: { scope: "read" },
      schema: {
        tags: ["results"],
        summary: "Flows, packets and bytes by the values of columns, most flows first.",
        params: IdParams,
        querystring: Type.Object({
          ...FilterQuery,
          by: Type.Optional(By),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000, default: 10_000 })),
        }),
        response: {
          200: Type.Object({
            items: Type.Array(Type.Object(Numbers, { additionalProperties: true })),
            complete: Type.Boolean({ description: "False where there are more groups than `limit`." }),
          }),
          ...FAULTS,
        },
      },
    },
    async (request, reply) => {
      const { by = "verdict", limit = 10_000, contradicted } = request.query;
      const columns = [...new Set(by.split(","))] as Column[];
      const filter = withContradicted(filterOf(request.query), contradicted);
      const rows = await results.rows(groups(blobs.path((await of(request)).flows), filter, columns, limit + 1));
      const text = JSON.stringify({ items: rows.slice(0, limit), complete: rows.length <= limit });
      return reply.type("application/json; charset=utf-8").send(text as never);
    },
  );

  app.get(
    "/v1/replays/:id/timeline",
    {
      config: { scope: "read" },
      schema: {
        tags: ["results"],
        summary: "Flows over time, each where it begins, by the value of a column.",
        params: IdParams,
        querystring: Type.Object({
          ...FilterQuery,
          by: Type.Optional(Type.String({ pattern: `^(${COLUMNS.join("|")})$` })),
          buckets: Type.Optional(Type.Integer({ minimum: 1, maximum: 2000, default: 60 })),
        }),
        response: {
          200: Type.Object({
            from: Type.Union([Type.String(), Type.Null()]),
            to: Type.Union([Type.String(), Type.Null()]),
            seconds: Type.Number(),
            series: Type.Array(Type.Object({ value: Type.String(), flows: Type.Array(Type.Number()), packets: Type.Array(Type.Number()) })),
          }),
          ...FAULTS,
        },
      },
    },
    async (request) => {
      const { by = "verdict", buckets = 60, contradicted } = request.query;
      const filter = withContradicted(filterOf(request.query), contradicted);
      return (await timeline(results, blobs.path((await of(request)).flows), filter, by as Column, buckets)) as never;
    },
  );

  app.get(
    "/v1/replays/:id/paths/:path",
    {
      config: { scope: "read" },
      schema: {
        tags: ["results"],
        summary: "A path hop by hop, as its first packet took it, and how many flows took it.",
        params: Type.Object({ ...IdParams.properties, path: Type.String({ pattern: "^p[0-9]{1,7}$" }) }),
        response: {
          200: Type.Object({
            path: Type.String(),
            flows: Type.Number(),
            hops: Type.Array(Type.Unsafe<unknown>({ type: "object", additionalProperties: true })),
          }),
          ...FAULTS,
        },
      },
    },
    async (request, reply) => {
      const { path } = request.params;
      const keys = await of(request);
      const [row] = await results.rows(pathHops(blobs.path(keys.paths), path));
      if (!row) throw new ApiError("NOT_FOUND", `the replay has no path '${path}', or there are too many for its hops to be kept.`);
      const [sum] = await results.rows(groups(blobs.path(keys.flows), { path: [path] }, ["path"], 1));
      const text = `{"path":${JSON.stringify(path)},"flows":${Number(sum?.flows ?? 0)},"hops":${String(row.hops)}}`;
      return reply.type("application/json; charset=utf-8").send(text as never);
    },
  );
};

function withContradicted(filter: Filter, contradicted: boolean | undefined): Filter {
  return contradicted === undefined ? filter : { ...filter, contradicted };
}

async function* linesOf(rows: AsyncIterable<Readonly<Record<string, unknown>>>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify(flowRecord(row))}\n`;
}
