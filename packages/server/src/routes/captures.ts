/** Captures: upload, list, delete. */
import { Type } from "@fastify/type-provider-typebox";
import { callerOf } from "../auth/guard.js";
import { ApiError } from "../errors.js";
import type { CaptureRecord } from "../metadata/records.js";
import { takeCapture } from "../service/captures.js";
import type { App, Routes } from "./app.js";
import { pageOf, pageQuery } from "./page.js";
import { CaptureSchema, FAULTS, IdParams, PageOf, PageQuery } from "./schemas.js";
import { acceptUploads, closeAfter, incoming } from "./upload.js";

function captureView({ id, name, sha256, bytes, createdAt, format }: CaptureRecord) {
  return { schema: "plumbline.capture/1" as const, id, name, sha256, bytes, createdAt, format };
}

export const captureRoutes: Routes = async (app, service) => {
  const { metadata, limits } = service;
  let uploads = 0;

  await app.register(async (instance) => {
    const scoped = instance as App;
    await acceptUploads(scoped, limits.captureBytes);
    scoped.post(
      "/v1/captures",
      {
        config: { scope: "run", audit: "capture.create" },
        schema: {
          tags: ["captures"],
          summary:
            "Uploads a capture (pcap, maybe gzipped), raw or as the one file of a form. Its name may tell where it was taken: DEVICE.PORT.pcap.",
          consumes: ["application/octet-stream", "application/vnd.tcpdump.pcap", "application/gzip", "multipart/form-data"],
          querystring: Type.Object({ name: Type.Optional(Type.String({ minLength: 1, maxLength: 300 })) }),
          response: { 200: CaptureSchema, 201: CaptureSchema, ...FAULTS },
        },
      },
      async (request, reply) => {
        if (uploads >= limits.uploads) {
          closeAfter(request, reply);
          throw new ApiError("BUSY", `${limits.uploads} uploads are being taken in already.`);
        }
        uploads++;
        try {
          const { name, input } = await incoming(request, request.query.name, "capture.pcap");
          const { capture, isNew } = await takeCapture(service, { project: callerOf(request).project.id, name, input });
          request.target = capture.id;
          return reply.code(isNew ? 201 : 200).send(captureView(capture));
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
    "/v1/captures",
    {
      config: { scope: "read" },
      schema: {
        tags: ["captures"],
        summary: "The project's captures, newest first.",
        querystring: PageQuery,
        response: { 200: PageOf(CaptureSchema), ...FAULTS },
      },
    },
    async (request) => {
      const { limit, page } = pageQuery(request.query);
      return pageOf(await metadata.captures.list(callerOf(request).project.id, page), limit, captureView);
    },
  );

  app.get(
    "/v1/captures/:id",
    { config: { scope: "read" }, schema: { tags: ["captures"], params: IdParams, response: { 200: CaptureSchema, ...FAULTS } } },
    async (request) => {
      const capture = await metadata.captures.get(callerOf(request).project.id, request.params.id);
      if (!capture) throw new ApiError("NOT_FOUND", `there is no capture '${request.params.id}'.`);
      return captureView(capture);
    },
  );

  app.delete(
    "/v1/captures/:id",
    {
      config: { scope: "run", audit: "capture.delete" },
      schema: { tags: ["captures"], params: IdParams, response: { 204: Type.Null(), ...FAULTS } },
    },
    async (request, reply) => {
      const { project } = callerOf(request);
      const { id } = request.params;
      request.target = id;
      const needing = await metadata.replays.needing(project.id, id);
      if (needing.length > 0) throw new ApiError("CONFLICT", `the replay '${needing[0]}' needs it.`);
      if (!(await metadata.captures.remove(project.id, id))) throw new ApiError("NOT_FOUND", `there is no capture '${id}'.`);
      return reply.code(204).send(null);
    },
  );
};
