/** Snapshots: upload, list, what is in them. */
import { createReadStream } from "node:fs";
import { Type } from "@fastify/type-provider-typebox";
import type { FastifyReply } from "fastify";
import { callerOf } from "../auth/guard.js";
import { ApiError } from "../errors.js";
import type { SnapshotRecord } from "../metadata/records.js";
import { evidenceOf, readySnapshot, takeSnapshot } from "../service/snapshots.js";
import type { Routes } from "./app.js";
import { pageOf, pageQuery } from "./page.js";
import { FAULTS, IdParams, LinesSchema, NamesSchema, PageOf, PageQuery, SnapshotSchema } from "./schemas.js";
import { acceptUploads, closeAfter, incoming } from "./upload.js";

function snapshotView(s: SnapshotRecord) {
  return {
    schema: "plumbline.snapshot/1" as const,
    id: s.id,
    name: s.name,
    sha256: s.sha256,
    bytes: s.bytes,
    files: s.files,
    createdAt: s.createdAt,
    status: s.status,
    hosts: s.hosts,
    problems: s.problems,
    masked: s.masked,
    ...(s.over === null ? {} : { over: s.over }),
    ...(s.error === null ? {} : { error: s.error }),
  };
}

/** The answer for a file that is not there. */
const NO_FILE = Buffer.from("null");

/** A file that holds JSON already. */
export function sendJsonFile(reply: FastifyReply, path: string) {
  return reply.type("application/json; charset=utf-8").send(createReadStream(path));
}

export const snapshotRoutes: Routes = async (app, service) => {
  const { metadata, blobs, asks, limits } = service;
  let uploads = 0;

  await app.register(async (scoped) => {
    await acceptUploads(scoped as typeof app, limits.archiveBytes);
    (scoped as typeof app).post(
      "/v1/snapshots",
      {
        config: { scope: "run", audit: "snapshot.create" },
        schema: {
          tags: ["snapshots"],
          summary:
            "Uploads an archive (tar, tar.gz, zip) of command outputs, raw or as the one file of a form. Secrets are masked before anything is stored.",
          consumes: ["application/octet-stream", "application/x-tar", "application/gzip", "application/zip", "multipart/form-data"],
          querystring: Type.Object({
            name: Type.Optional(Type.String({ minLength: 1, maxLength: 300 })),
            over: Type.Optional(Type.String({ pattern: "^[a-z0-9]{2,40}$", description: "A snapshot that this evidence is laid over." })),
          }),
          response: { 200: SnapshotSchema, 201: SnapshotSchema, ...FAULTS },
        },
      },
      async (request, reply) => {
        const { project } = callerOf(request);
        if (uploads >= limits.uploads) {
          closeAfter(request, reply);
          throw new ApiError("BUSY", `${limits.uploads} uploads are being taken in already.`);
        }
        uploads++;
        try {
          const over = request.query.over === undefined ? null : await readySnapshot(service, project.id, request.query.over);
          const { name, input } = await incoming(request, request.query.name, "snapshot");
          const { snapshot, isNew } = await takeSnapshot(service, { project: project.id, name, input, over });
          request.target = snapshot.id;
          return reply.code(isNew ? 201 : 200).send(snapshotView(snapshot));
        } catch (e) {
          closeAfter(request, reply);
          throw e;
        } finally {
          uploads--;
        }
      },
    );
  });

  app.get(
    "/v1/snapshots",
    {
      config: { scope: "read" },
      schema: {
        tags: ["snapshots"],
        summary: "The project's snapshots, newest first.",
        querystring: PageQuery,
        response: { 200: PageOf(SnapshotSchema), ...FAULTS },
      },
    },
    async (request) => {
      const { limit, page } = pageQuery(request.query);
      return pageOf(await metadata.snapshots.list(callerOf(request).project.id, page), limit, snapshotView);
    },
  );

  app.get(
    "/v1/snapshots/:id",
    { config: { scope: "read" }, schema: { tags: ["snapshots"], params: IdParams, response: { 200: SnapshotSchema, ...FAULTS } } },
    async (request) => {
      const snapshot = await metadata.snapshots.get(callerOf(request).project.id, request.params.id);
      if (!snapshot) throw new ApiError("NOT_FOUND", `there is no snapshot '${request.params.id}'.`);
      return snapshotView(snapshot);
    },
  );

  app.delete(
    "/v1/snapshots/:id",
    {
      config: { scope: "run", audit: "snapshot.delete" },
      schema: {
        tags: ["snapshots"],
        summary: "Deletes it; replays of it keep their results.",
        params: IdParams,
        response: { 204: Type.Null(), ...FAULTS },
      },
    },
    async (request, reply) => {
      const { project } = callerOf(request);
      const { id } = request.params;
      request.target = id;
      const needing = await metadata.replays.needing(project.id, id);
      if (needing.length > 0) throw new ApiError("CONFLICT", `the replay '${needing[0]}' needs it.`);
      if (!(await metadata.snapshots.remove(project.id, id))) throw new ApiError("NOT_FOUND", `there is no snapshot '${id}'.`);
      return reply.code(204).send(null);
    },
  );

  app.get(
    "/v1/snapshots/:id/inspect",
    {
      config: { scope: "read" },
      schema: {
        tags: ["snapshots"],
        summary: "What `plumbline inspect --format json` prints.",
        params: IdParams,
        response: { 200: Type.Unsafe<unknown>({ type: "object", description: "plumbline.inspect/1" }), ...FAULTS },
      },
    },
    async (request, reply) => {
      const { inspection } = await readySnapshot(service, callerOf(request).project.id, request.params.id);
      return sendJsonFile(reply, blobs.path(inspection!));
    },
  );

  app.get(
    "/v1/snapshots/:id/names",
    {
      config: { scope: "read" },
      schema: {
        tags: ["snapshots"],
        summary: "Names to complete: Services, pods, nodes, routers, devices.",
        params: IdParams,
        response: { 200: NamesSchema, ...FAULTS },
      },
    },
    async (request, reply) => {
      const { names } = await readySnapshot(service, callerOf(request).project.id, request.params.id);
      return sendJsonFile(reply, blobs.path(names!)) as never;
    },
  );

  app.get(
    "/v1/snapshots/:id/evidence",
    {
      config: { scope: "read" },
      schema: {
        tags: ["snapshots"],
        summary: "A line of a file among its neighbours, as stored: secrets masked.",
        params: IdParams,
        querystring: Type.Object({
          file: Type.String({ minLength: 1, maxLength: 4096 }),
          line: Type.Optional(Type.Integer({ minimum: 0, maximum: 2 ** 31, default: 1 })),
          around: Type.Optional(Type.Integer({ minimum: 0, maximum: 500, default: 10 })),
        }),
        response: { 200: LinesSchema, ...FAULTS },
      },
    },
    async (request, reply) => {
      const snapshot = await readySnapshot(service, callerOf(request).project.id, request.params.id);
      const { file, line = 1, around = 10 } = request.query;
      const answer = await asks.ask({ op: "lines", evidence: evidenceOf(service, snapshot), file, line, around });
      if (answer.equals(NO_FILE)) throw new ApiError("NOT_FOUND", `the snapshot has no file '${file.slice(0, 200)}'.`);
      return reply.type("application/json; charset=utf-8").send(answer as never);
    },
  );
};
