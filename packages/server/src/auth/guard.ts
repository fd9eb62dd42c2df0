/**
 * Who may do what. Every route says which scope it needs, or that it is open to all; one that says neither cannot be registered.
 *
 * The token is looked at before the body is read: who may not, sends nothing.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { ApiError } from "../errors.js";
import type { Metadata } from "../metadata/metadata.js";
import type { Project, Scope, Token } from "../metadata/records.js";
import { bearerOf, hashOf } from "./tokens.js";

export interface Caller {
  readonly token: Token;
  readonly project: Project;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Needed of the token; "open": none is asked for. */
    scope?: Scope | "open";
    /** What the audit log calls it; left out: it is not logged. */
    audit?: string;
  }
  interface FastifyRequest {
    caller: Caller | null;
    /** What was acted on, for the audit log. */
    target: string;
    /** Where it comes from: noted at once, since a connection that was closed does not tell it any more. */
    address: string;
  }
}

/** Use is noted once in this time. */
const NOTE_MS = 60_000;

/** @param refused counts a refusal; false: the address has had too many */
export function addGuard(app: FastifyInstance, metadata: Metadata, refused: (request: FastifyRequest) => boolean): void {
  const noted = new Map<string, number>();
  app.decorateRequest("caller", null);
  app.decorateRequest("target", "");
  app.decorateRequest("address", "");
  app.addHook("onRoute", (route) => {
    if (route.config?.scope === undefined && !isOwn(route.url)) throw new Error(`${route.url} does not say which scope it needs`);
  });
  app.addHook("onRequest", async (request) => {
    request.address = request.ip ?? "";
    const { scope } = request.routeOptions.config;
    if (scope === undefined || scope === "open") return;
    const secret = bearerOf(request.headers.authorization);
    const token = secret === null ? null : await metadata.tokens.byHash(hashOf(secret));
    const project = token === null ? null : await metadata.projects.get(token.project);
    if (!token || !project) {
      if (!refused(request)) throw new ApiError("RATE_LIMITED", "too many requests without a valid token.");
      const given = request.headers.authorization !== undefined;
      throw new ApiError("UNAUTHENTICATED", given ? "the token is not valid." : "a token is needed.");
    }
    request.caller = { token, project };
    const now = Date.now();
    if (now - (noted.get(token.id) ?? 0) > NOTE_MS) {
      noted.set(token.id, now);
      // A full disk is no reason to refuse a reader.
      await metadata.tokens.used(token.id, `${new Date(now).toISOString().slice(0, 16)}:00.000Z`).catch(() => {});
    }
    if (!token.scopes.includes(scope)) {
      refused(request);
      throw new ApiError("FORBIDDEN", scope);
    }
  });
}

/** Routes of the documentation's and the page's plugins. */
function isOwn(url: string): boolean {
  return url === "/docs" || url.startsWith("/docs/") || url === "/" || url === "/*";
}

/** The caller of a route that needs a scope. */
export function callerOf(request: FastifyRequest): Caller {
  if (!request.caller) throw new Error("a route without a scope asks for its caller");
  return request.caller;
}
