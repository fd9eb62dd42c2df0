/**
 * The HTTP application: what holds for every request, and the routes.
 *
 * For every request: a token and its scope before the body is read, limits on rate and size, a content security policy without anything
 * inline, one form of errors, a line in the log, a number in the metrics, and for what changes something an entry in the audit log.
 */
import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import * as sse from "@fastify/sse";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import underPressure from "@fastify/under-pressure";
import Fastify, { type FastifyRequest, LogController } from "fastify";
import { addGuard } from "./auth/guard.js";
import { Refusals } from "./auth/refusals.js";
import { bearerOf, hashOf } from "./auth/tokens.js";
import { ApiError, faultOf } from "./errors.js";
import { type Metrics, newMetrics } from "./metrics.js";
import { accountRoutes } from "./routes/accounts.js";
import type { App } from "./routes/app.js";
import { captureRoutes } from "./routes/captures.js";
import { healthRoutes } from "./routes/health.js";
import { questionRoutes } from "./routes/questions.js";
import { replayRoutes } from "./routes/replays.js";
import { resultRoutes } from "./routes/results.js";
import { snapshotRoutes } from "./routes/snapshots.js";
import { servePage } from "./routes/static.js";
import type { Service } from "./service/service.js";
import { WorkerFault } from "./workers/fault.js";

export interface AppOptions {
  /** Folder of the built page. */
  readonly page: string;
  readonly trustProxy: boolean;
  readonly stopping: () => boolean;
}

export async function makeApp(service: Service, options: AppOptions): Promise<App> {
  const { limits, log, metadata } = service;
  const app = Fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: options.trustProxy,
    bodyLimit: limits.bodyBytes,
    // An upload may take as long as it comes; that it comes at all is watched by the socket's time-out.
    requestTimeout: 0,
    connectionTimeout: 120_000,
    keepAliveTimeout: 30_000,
    routerOptions: { maxParamLength: 200 },
    return503OnClosing: true,
    forceCloseConnections: "idle",
    genReqId: () => hashOf(String(Math.random())).slice(0, 12),
    ajv: { customOptions: { removeAdditional: false, coerceTypes: "array", allErrors: false } },
    schemaErrorFormatter: (errors, context) => new Error(`${context}${errors[0].instancePath} ${errors[0].message ?? "is not valid"}`),
  }).withTypeProvider<TypeBoxTypeProvider>() as unknown as App;

  const metrics = newMetrics(async () => ({
    questions_waiting: service.asks.waiting,
    questions_running: service.asks.busy,
    replays_running: service.runner.active,
    ...Object.fromEntries(Object.entries(await metadata.jobs.counts()).map(([k, n]) => [`replays_${k}`, n])),
    disk_free_bytes: await service.blobs.free(),
  }));

  await app.register(helmet, {
    global: true,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", "data:"],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // The service speaks plain HTTP; whoever puts TLS before it says so there.
    strictTransportSecurity: false,
    referrerPolicy: { policy: "no-referrer" },
  });
  await app.register(underPressure, {
    // Work waits in bounded queues, which refuse what is too much. A slow event loop is mostly a busy machine: refusing helps nobody.
    maxHeapUsedBytes: 1536 * 1024 ** 2,
    message: "the service is overloaded.",
    retryAfter: 5,
    customError: class extends ApiError {
      constructor() {
        super("BUSY", "the service is overloaded.");
      }
    } as never,
  });
  await app.register(rateLimit, {
    global: true,
    max: limits.requestsPerMinute,
    timeWindow: 60_000,
    hook: "onRequest",
    // Of a token, whatever address it is used from.
    keyGenerator: (request) => {
      const secret = bearerOf(request.headers.authorization);
      return secret === null ? `address ${request.ip}` : `token ${hashOf(secret)}`;
    },
    errorResponseBuilder: (_request, { after }) => new ApiError("RATE_LIMITED", `too many requests; the next one in ${after}.`),
  });
  const refusals = new Refusals(limits.refusalsPerMinute);
  await app.register(sse.default as never, { heartbeatInterval: 15_000 });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Plumbline",
        version: service.version,
        description: "Follows a packet through collected evidence. docs/http-api.md has the whole story.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      components: { securitySchemes: { token: { type: "http", scheme: "bearer", description: "plb_…" } } },
      security: [{ token: [] }],
    },
    transform: ({ schema, url, route }) => {
      const scope = route.config?.scope;
      if (!schema || scope === undefined) return { schema: schema ?? {}, url };
      const needs = scope === "open" ? "No token is needed." : `Needs the scope \`${scope}\`.`;
      return { schema: { ...schema, description: [schema.description, needs].filter(Boolean).join(" ") }, url };
    },
  });
  await app.register(swaggerUi, { routePrefix: "/docs", uiConfig: { deepLinking: false, persistAuthorization: false } });

  addGuard(app as never, metadata, (request) => {
    metrics.refused.inc();
    return refusals.count(request.address);
  });
  watch(app, service, metrics);

  app.addHook("preHandler", async (request) => {
    // A number in text that says Infinity passes the schema's bounds: they are asked of finite numbers only.
    if (holdsInfinity(request.query) || (!isStream(request.body) && holdsInfinity(request.body)))
      throw new ApiError("BAD_REQUEST", "a number is not finite.");
  });
  app.setErrorHandler((error, request, reply) => {
    const told = error instanceof WorkerFault ? workerFault(error, request) : faultOf(error, request.id);
    if (told.status >= 500 && told.status !== 503 && told.status !== 507) request.log.error({ err: error }, "request failed");
    else if (told.status >= 500) request.log.warn({ err: error }, "request refused");
    if (told.status === 429 && !reply.hasHeader("retry-after")) reply.header("retry-after", "60");
    if (told.status === 503) reply.header("retry-after", "5");
    if (told.status === 401) reply.header("www-authenticate", 'Bearer realm="plumbline"');
    return reply.code(told.status).type("application/json; charset=utf-8").send(told.body);
  });
  app.setNotFoundHandler({ preHandler: [] }, (request, reply) => {
    const { status, body } = faultOf(
      new ApiError("NOT_FOUND", `there is no ${request.method} ${request.url.split("?")[0].slice(0, 200)}.`),
      request.id,
    );
    return reply.code(status).send(body);
  });

  healthRoutes(app, service, metrics, options.stopping);
  for (const routes of [accountRoutes, snapshotRoutes, questionRoutes, captureRoutes, replayRoutes, resultRoutes])
    await routes(app, service);
  await servePage(app, options.page);
  return app;
}

function isStream(body: unknown): boolean {
  return typeof (body as { pipe?: unknown } | null)?.pipe === "function";
}

/** Numbers that schemas ask for stand at most two levels deep. */
function holdsInfinity(value: unknown, depth = 0): boolean {
  if (typeof value === "number") return !Number.isFinite(value);
  if (typeof value !== "object" || value === null || depth > 2) return false;
  return Object.values(value).some((v) => holdsInfinity(v, depth + 1));
}

function workerFault(error: WorkerFault, request: FastifyRequest) {
  if (error.kind === "input") return { status: 422, body: { error: error.body } };
  return faultOf(error.kind === "full" ? new ApiError("NO_SPACE", "") : error, request.id);
}

/** A line in the log and a number for each answer; for what changes something, and for what was refused, an entry in the audit log. */
function watch(app: App, { metadata, log }: Service, metrics: Metrics): void {
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    const seconds = reply.elapsedTime / 1000;
    metrics.request(route, request.method, reply.statusCode, seconds);
    const who = request.caller;
    const line = {
      request: request.id,
      method: request.method,
      route,
      status: reply.statusCode,
      ms: Math.round(seconds * 1e5) / 100,
      project: who?.project.id,
      token: who?.token.id,
      address: request.address,
    };
    if (route === "/healthz" || route === "/readyz" || route === "/metrics") log.trace(line, "answered");
    else log.info(line, "answered");
    const { audit, scope } = request.routeOptions.config;
    const refused = scope !== undefined && scope !== "open" && (reply.statusCode === 401 || reply.statusCode === 403);
    if (audit === undefined && !refused) return;
    await metadata.audit
      .add({
        at: new Date().toISOString(),
        project: who?.project.id ?? null,
        token: who?.token.id ?? null,
        address: request.address,
        action: refused ? "refused" : (audit ?? ""),
        target: request.target,
        status: reply.statusCode,
        request: request.id,
      })
      .catch((e) => log.error({ err: e, ...line }, "the audit log could not be written"));
  });
}
