/**
 * Faults as the interface tells them: a status, a code, what happened, what to do.
 *
 * A fault of the input that the engine finds ({@link PlumblineError}) keeps its code and becomes 422. A full disk is 507: nothing of the
 * request was kept, and it may be sent again. Anything else is 500, with a text that tells nothing of the inside; the log has it whole.
 */
import { PlumblineError } from "@plumbline/engine";

/** Code → status, what happened (`%s` is what the thrower adds), what to do. */
const TEXT = {
  BAD_REQUEST: [400, "%s", "GET /docs describes every request."],
  UNAUTHENTICATED: [401, "%s", "Send a token of the project: 'Authorization: Bearer plb_…'."],
  FORBIDDEN: [403, "the token has no scope '%s'.", "Ask an administrator of the project for a token with it."],
  OPERATOR_ONLY: [403, "%s", "Use an admin token of the project that was made by the first set-up."],
  NOT_FOUND: [404, "%s", "It may have been deleted, or belong to another project."],
  METHOD_NOT_ALLOWED: [405, "%s", "GET /docs lists what there is."],
  NOT_ACCEPTABLE: [406, "%s", "Accept text/event-stream."],
  CONFLICT: [409, "%s", "Look at its present state first."],
  TOO_LARGE: [413, "%s", "Send less at once, or let the operator raise the limit."],
  UNSUPPORTED_MEDIA: [415, "%s", "Send application/json; archives and captures as application/octet-stream or multipart/form-data."],
  UNUSABLE: [422, "%s", "Correct what is named, and send it again."],
  RATE_LIMITED: [429, "%s", "Wait as long as Retry-After says."],
  INTERNAL: [500, "internal error (request %s).", "This is a bug: report it with the service's log lines of this request."],
  BUSY: [503, "%s", "Try again in a moment."],
  TOO_SLOW: [503, "%s", "Ask for less at once."],
  NO_SPACE: [507, "the service's disk is full; nothing of this request was kept.", "Free some space, and send it again."],
} as const;

export type ApiErrorCode = keyof typeof TEXT;

export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly status: number;
  readonly hint: string;
  constructor(code: ApiErrorCode, what: string) {
    super(TEXT[code][1].replace("%s", what));
    this.name = "ApiError";
    this.code = code;
    this.status = TEXT[code][0];
    this.hint = TEXT[code][2];
  }
}

export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export interface Fault {
  readonly status: number;
  readonly body: { readonly error: ErrorBody };
}

export function errorBody(e: { code: string; message: string; hint: string }): ErrorBody {
  return { code: e.code, message: e.message, hint: e.hint };
}

/** Whether an error says that there is no room left on the disk. */
export function isFull(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return (
    code === "ENOSPC" || code === "EDQUOT" || code === "SQLITE_FULL" || code === "SQLITE_IOERR_WRITE" || code === "SQLITE_IOERR_SHMSIZE"
  );
}

/** Fastify's own refusals, by their status. */
const OF_STATUS: Readonly<Record<number, ApiErrorCode>> = {
  400: "BAD_REQUEST",
  404: "NOT_FOUND",
  405: "METHOD_NOT_ALLOWED",
  406: "NOT_ACCEPTABLE",
  413: "TOO_LARGE",
  415: "UNSUPPORTED_MEDIA",
  429: "RATE_LIMITED",
  503: "BUSY",
};

/** What to answer to an error. `request` is its id in the log. */
export function faultOf(error: unknown, request: string): Fault {
  const tell = (e: ApiError): Fault => ({ status: e.status, body: { error: errorBody(e) } });
  if (error instanceof ApiError) return tell(error);
  if (error instanceof PlumblineError && error.code !== "INTERNAL") return { status: 422, body: { error: errorBody(error) } };
  if (isFull(error)) return tell(new ApiError("NO_SPACE", ""));
  const { statusCode, validation, validationContext, message } = error as {
    statusCode?: number;
    validation?: unknown;
    validationContext?: string;
    message?: string;
  };
  // An id that cannot be one is an id that nothing has.
  if (validation && validationContext === "params") return tell(new ApiError("NOT_FOUND", "there is nothing of that id."));
  const code =
    OF_STATUS[statusCode ?? 0] ?? (statusCode !== undefined && statusCode >= 400 && statusCode < 500 ? "BAD_REQUEST" : undefined);
  if (code) return tell(new ApiError(code, `${(message ?? "the request cannot be used").replace(/\.$/, "")}.`));
  return tell(new ApiError("INTERNAL", request));
}
