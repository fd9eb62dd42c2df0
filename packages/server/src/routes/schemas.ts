/** Shapes of the interface, as TypeBox schemas: they check what comes in, write what goes out, and are the OpenAPI description. */
import { type TSchema, Type } from "@fastify/type-provider-typebox";
import { SCOPES } from "../metadata/records.js";

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Count = Type.Integer({ minimum: 0 });
const Time = Type.String({ description: "ISO 8601, UTC" });

const ErrorSchema = Type.Object(
  {
    error: Type.Object({
      code: Type.String(),
      message: Type.String({ description: "What happened." }),
      hint: Type.String({ description: "What to do." }),
    }),
  },
  { description: "What happened, and what to do." },
);
const InnerError = Type.Object({ code: Type.String(), message: Type.String(), hint: Type.String() });

export const IdParams = Type.Object({ id: Type.String({ pattern: "^[a-z0-9]{2,40}$" }) });
export const PageQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  after: Type.Optional(Type.String({ pattern: "^[a-z0-9]{2,40}$", description: "`next` of the page before." })),
});
export const PageOf = <T extends TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), next: Nullable(Type.String({ description: "`after` of the next page." })) });

export const SnapshotSchema = Type.Object({
  schema: Type.Literal("plumbline.snapshot/1"),
  id: Type.String(),
  name: Type.String(),
  sha256: Type.String({ description: "Of the archive as it was sent." }),
  bytes: Count,
  files: Count,
  createdAt: Time,
  status: Type.Union([Type.Literal("ready"), Type.Literal("failed")]),
  hosts: Count,
  problems: Type.Object({ error: Count, warning: Count, info: Count }),
  masked: Type.Integer({ minimum: 0, description: "Secrets that were found, and masked before anything was stored." }),
  over: Type.Optional(Type.String({ description: "The snapshot that it is laid over." })),
  error: Type.Optional(InnerError),
});

export const CaptureSchema = Type.Object({
  schema: Type.Literal("plumbline.capture/1"),
  id: Type.String(),
  name: Type.String(),
  sha256: Type.String(),
  bytes: Count,
  createdAt: Time,
  format: Type.String(),
});

const ReplayCapture = Type.Object({
  id: Type.String({ minLength: 2, maxLength: 40 }),
  at: Type.Optional(
    Type.String({ minLength: 1, maxLength: 300, description: "DEVICE:PORT; left out: the capture's name ends in DEVICE.PORT." }),
  ),
});
export const ReplayBody = Type.Object(
  {
    snapshot: Type.String({ minLength: 2, maxLength: 40 }),
    captures: Type.Array(ReplayCapture, { minItems: 1, maxItems: 100 }),
    choose: Type.Optional(Type.Union([Type.Literal("hash"), Type.Literal("enumerate")])),
    conntrack: Type.Optional(Type.Union([Type.Literal("empty"), Type.Literal("dumped")])),
  },
  { additionalProperties: false },
);
export const ReplaySchema = Type.Object({
  schema: Type.Literal("plumbline.replay-job/1"),
  id: Type.String(),
  snapshot: Type.String(),
  captures: Type.Array(Type.Object({ id: Type.String(), at: Type.Optional(Type.String()) })),
  choose: Type.String(),
  conntrack: Type.String(),
  status: Type.Union(["queued", "running", "done", "failed", "cancelled"].map((s) => Type.Literal(s))),
  createdAt: Time,
  startedAt: Nullable(Time),
  finishedAt: Nullable(Time),
  attempt: Count,
  progress: Type.Object({ packets: Count, bytes: Count, bytesTotal: Count }),
  error: Type.Optional(InnerError),
});

const Packet = Type.String({ minLength: 1, maxLength: 10_000 });
export const TraceBody = Type.Object(
  {
    packet: Type.Optional(Packet),
    packets: Type.Optional(Type.Array(Packet, { minItems: 1, maxItems: 1000, description: "Each maybe led by '@DEVICE[:PORT] '." })),
    from: Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: "DEVICE or DEVICE:PORT." })),
    reply: Type.Optional(Type.Boolean()),
    conntrack: Type.Optional(Type.Union([Type.Literal("empty"), Type.Literal("dumped")])),
    compare: Type.Optional(
      Type.Literal("logical", { description: "The same through the logical flows as well; `compared` has where the two part." }),
    ),
    whyNot: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 2000,
        description: "A rule (FILE:LINE, cookie, UUID or a part of its text): `whyNot` of the answer says why it was not hit.",
      }),
    ),
    allBranches: Type.Optional(Type.Boolean({ description: "Of no effect: the answer always holds every branch." })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 4096, description: "Branches at most." })),
  },
  { additionalProperties: false },
);
export const ExplainBody = Type.Object(
  {
    question: Type.Union([
      Type.Literal("cookie"),
      Type.Literal("service"),
      Type.Literal("route"),
      Type.Literal("rule"),
      Type.Literal("logical"),
    ]),
    what: Type.Optional(Type.String({ minLength: 1, maxLength: 1000, description: "Its name; of `logical` a node, left out: all." })),
    table: Type.Optional(Type.Integer({ minimum: 0, maximum: 254 })),
  },
  { additionalProperties: false },
);

export const NamesSchema = Type.Object({
  items: Type.Array(
    Type.Object({
      name: Type.String(),
      kind: Type.String(),
      addresses: Type.Array(Type.String()),
      ports: Type.Array(Type.Object({ port: Count, protocol: Type.String() })),
    }),
  ),
});
export const LinesSchema = Type.Object({
  file: Type.String(),
  line: Count,
  first: Count,
  lines: Type.Array(Type.String()),
  total: Count,
});

const ScopeSchema = Type.Union(SCOPES.map((s) => Type.Literal(s)));
const Name = Type.String({ minLength: 1, maxLength: 100, pattern: "^[^\\u0000-\\u001f\\u007f]+$" });
export const SetupBody = Type.Object(
  { setupToken: Type.String({ minLength: 1, maxLength: 200 }), name: Name },
  { additionalProperties: false },
);
export const TokenBody = Type.Object(
  { name: Name, scopes: Type.Array(ScopeSchema, { minItems: 1, maxItems: 3, uniqueItems: true }) },
  { additionalProperties: false },
);
export const TokenSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  project: Type.String(),
  scopes: Type.Array(Type.String()),
  createdAt: Time,
  lastUsedAt: Nullable(Time),
});
export const NewTokenSchema = Type.Object({
  ...TokenSchema.properties,
  token: Type.String({ description: "The token itself: told this once." }),
});
export const ProjectBody = Type.Object({ name: Name }, { additionalProperties: false });
export const ProjectSchema = Type.Object({ id: Type.String(), name: Type.String(), createdAt: Time });
export const NewProjectSchema = Type.Object({ ...ProjectSchema.properties, token: NewTokenSchema });
export const SessionSchema = Type.Object({
  project: Type.String(),
  scopes: Type.Array(Type.String()),
  name: Type.String({ description: "The token's name." }),
  version: Type.String(),
  demo: Type.Boolean(),
});
export const AuditQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  after: Type.Optional(Type.String({ pattern: "^[0-9]{1,15}$" })),
});
export const AuditSchema = Type.Object({
  id: Type.String(),
  at: Time,
  token: Nullable(Type.String()),
  address: Type.String(),
  action: Type.String(),
  target: Type.String(),
  status: Count,
  request: Type.String(),
});

/** The answers that any route may give. */
export const FAULTS = {
  "4xx": ErrorSchema,
  "5xx": ErrorSchema,
} as const;
