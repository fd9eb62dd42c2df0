/** Set-up, session, projects, tokens, and the audit log. */
import { Type } from "@fastify/type-provider-typebox";
import { callerOf } from "../auth/guard.js";
import { draftToken, hashOf, issue, newSecret } from "../auth/tokens.js";
import { ApiError } from "../errors.js";
import { newId } from "../ids.js";
import type { Project, Scope, Token } from "../metadata/records.js";
import type { Routes } from "./app.js";
import {
  AuditQuery,
  AuditSchema,
  FAULTS,
  IdParams,
  NewProjectSchema,
  NewTokenSchema,
  PageOf,
  ProjectBody,
  ProjectSchema,
  SessionSchema,
  SetupBody,
  TokenBody,
  TokenSchema,
} from "./schemas.js";

/** Set-ups of one address in a minute. */
const SETUPS = 30;
const ALL: readonly Scope[] = ["read", "run", "admin"];

const newToken = (token: Token, secret: string) => ({ ...token, scopes: [...token.scopes], token: secret });
const projectOf = ({ id, name, createdAt }: Project) => ({ id, name, createdAt });

export const accountRoutes: Routes = (app, { metadata, version, demo }) => {
  app.post(
    "/v1/setup",
    {
      config: { scope: "open", audit: "setup", rateLimit: { max: SETUPS, timeWindow: "1 minute" } },
      schema: {
        tags: ["accounts"],
        security: [],
        summary: "The first admin token, for the set-up token that the service prints at its first start. Works once.",
        body: SetupBody,
        response: { 201: NewTokenSchema, ...FAULTS },
      },
    },
    async (request, reply) => {
      const { setupToken, name } = request.body;
      const project: Project = { id: newId("project"), name: "main", operator: true, createdAt: new Date().toISOString() };
      const secret = newSecret("plb");
      const token = draftToken(project.id, name, ALL);
      if (!(await metadata.setup.claim(hashOf(setupToken), project, token, hashOf(secret))))
        throw new ApiError("UNAUTHENTICATED", "the set-up token is not valid, or was used.");
      request.target = token.id;
      return reply.code(201).send(newToken(token, secret));
    },
  );

  app.get(
    "/v1/session",
    {
      config: { scope: "read" },
      schema: { tags: ["accounts"], summary: "Whose token this is, and what it may.", response: { 200: SessionSchema, ...FAULTS } },
    },
    async (request) => {
      const { token, project } = callerOf(request);
      return { project: project.name, scopes: [...token.scopes], name: token.name, version, demo };
    },
  );

  app.post(
    "/v1/tokens",
    {
      config: { scope: "admin", audit: "token.create" },
      schema: {
        tags: ["accounts"],
        summary: "A new token of this project.",
        body: TokenBody,
        response: { 201: NewTokenSchema, ...FAULTS },
      },
    },
    async (request, reply) => {
      const { name, scopes } = request.body;
      const { token, secret } = await issue(metadata, callerOf(request).project.id, name, scopes as Scope[]);
      request.target = token.id;
      return reply.code(201).send(newToken(token, secret));
    },
  );

  app.get(
    "/v1/tokens",
    {
      config: { scope: "admin" },
      schema: {
        tags: ["accounts"],
        summary: "The project's tokens, without the tokens themselves.",
        response: { 200: Type.Object({ items: Type.Array(TokenSchema) }), ...FAULTS },
      },
    },
    async (request) => ({
      items: (await metadata.tokens.list(callerOf(request).project.id)).map((t) => ({ ...t, scopes: [...t.scopes] })),
    }),
  );

  app.delete(
    "/v1/tokens/:id",
    {
      config: { scope: "admin", audit: "token.delete" },
      schema: { tags: ["accounts"], summary: "Revokes a token, at once.", params: IdParams, response: { 204: Type.Null(), ...FAULTS } },
    },
    async (request, reply) => {
      request.target = request.params.id;
      if (!(await metadata.tokens.remove(callerOf(request).project.id, request.params.id)))
        throw new ApiError("NOT_FOUND", `there is no token '${request.params.id}'.`);
      return reply.code(204).send(null);
    },
  );

  app.post(
    "/v1/projects",
    {
      config: { scope: "admin", audit: "project.create" },
      schema: {
        tags: ["accounts"],
        summary: "A new project with its first admin token. Only for admins of the first project.",
        body: ProjectBody,
        response: { 201: NewProjectSchema, ...FAULTS },
      },
    },
    async (request, reply) => {
      if (!callerOf(request).project.operator) throw new ApiError("OPERATOR_ONLY", "only admins of the first project make projects.");
      const project: Project = { id: newId("project"), name: request.body.name, operator: false, createdAt: new Date().toISOString() };
      if (!(await metadata.projects.add(project))) throw new ApiError("CONFLICT", `there is a project '${project.name}' already.`);
      const { token, secret } = await issue(metadata, project.id, "admin", ALL);
      request.target = project.id;
      return reply.code(201).send({ ...projectOf(project), token: newToken(token, secret) });
    },
  );

  app.get(
    "/v1/projects",
    {
      config: { scope: "admin" },
      schema: {
        tags: ["accounts"],
        summary: "All projects, for admins of the first; to others their own.",
        response: { 200: Type.Object({ items: Type.Array(ProjectSchema) }), ...FAULTS },
      },
    },
    async (request) => {
      const { project } = callerOf(request);
      return { items: (project.operator ? await metadata.projects.all() : [project]).map(projectOf) };
    },
  );

  app.get(
    "/v1/audit",
    {
      config: { scope: "admin" },
      schema: {
        tags: ["accounts"],
        summary: "Who changed what in this project, newest first.",
        querystring: AuditQuery,
        response: { 200: PageOf(AuditSchema), ...FAULTS },
      },
    },
    async (request) => {
      const { limit = 100, after } = request.query;
      const entries = await metadata.audit.list(callerOf(request).project.id, {
        limit: limit + 1,
        ...(after === undefined ? {} : { before: Number(after) }),
      });
      const items = entries.slice(0, limit).map(({ project: _, ...e }) => ({ ...e, id: String(e.id) }));
      return { items, next: entries.length > limit ? items[items.length - 1].id : null };
    },
  );
};
