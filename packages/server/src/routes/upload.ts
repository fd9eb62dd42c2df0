/**
 * Uploads: the body raw, whatever it calls itself, or the first file of a form. Streamed; how much of it there may be is the taker's business.
 */
import multipart from "@fastify/multipart";
import type { FastifyReply, FastifyRequest } from "fastify";
import { ApiError } from "../errors.js";
import type { App } from "./app.js";

/** Lets the routes of this scope take uploads. `most`: bytes of a file in a form. */
export async function acceptUploads(app: App, most: number): Promise<void> {
  await app.register(multipart, { limits: { files: 1, fields: 20, fieldSize: 10_000, headerPairs: 100, fileSize: most } });
  // JSON, too, is bytes here: what it is will be seen by its content.
  app.removeContentTypeParser(["application/json", "text/plain"]);
  app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
}

export interface Incoming {
  readonly name: string;
  readonly input: AsyncIterable<Uint8Array>;
}

/** The uploaded bytes and their name: `?name=`, or the form's file name, or `fallback`. */
export async function incoming(request: FastifyRequest, name: string | undefined, fallback: string): Promise<Incoming> {
  if (!request.isMultipart()) {
    const body = request.body as AsyncIterable<Uint8Array> | undefined | null;
    if (!body) throw new ApiError("BAD_REQUEST", "the request has no body.");
    return { name: plain(name ?? fallback), input: sound(body, request) };
  }
  const part = await request.file().catch((e: unknown) => {
    throw broken(e);
  });
  if (!part) throw new ApiError("BAD_REQUEST", "the form has no file.");
  const input = async function* () {
    yield* sound(part.file as AsyncIterable<Uint8Array>, request);
    if (part.file.truncated) throw new ApiError("TOO_LARGE", "the file is larger than the service takes.");
  };
  return { name: plain(name ?? (part.filename || fallback)), input: input() };
}

/** Whatever goes wrong while a body comes in is the sender's. */
async function* sound(body: AsyncIterable<Uint8Array>, request: FastifyRequest): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
    // Taking it in may last longer than a connection may be silent while it is read.
    request.raw.socket.setTimeout(0);
  } catch (e) {
    throw broken(e);
  }
}

function broken(e: unknown): ApiError {
  const { code, message } = e as { code?: string; message?: string };
  if (code === "FST_REQ_FILE_TOO_LARGE") return new ApiError("TOO_LARGE", "the file is larger than the service takes.");
  return new ApiError("BAD_REQUEST", `the body cannot be read: ${message ?? String(e)}.`);
}

/** A name as people and messages can bear it: the last part of a path, without control characters. */
function plain(name: string): string {
  const last = name.split(/[/\\]/).at(-1) ?? "";
  const text = last.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "").slice(0, 200);
  return text === "" || text === "." || text === ".." ? "upload" : text;
}

/** What is left of a refused body is not read to its end: the connection is closed behind the answer. */
export function closeAfter(request: FastifyRequest, reply: FastifyReply): void {
  if (request.raw.complete) return;
  reply.header("connection", "close");
  // Read on for a moment, so that a client that is still sending gets to see the answer.
  request.raw.resume();
  const timer = setTimeout(() => request.raw.destroy(), 2000);
  timer.unref();
  request.raw.once("close", () => clearTimeout(timer));
}
