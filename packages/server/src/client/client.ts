/**
 * A client of the service: what the command line needs of it. No dependency of its own but Node's fetch.
 */
import { openAsBlob, readFileSync } from "node:fs";
import { Readable } from "node:stream";
import type { Explanation, Inspection, logicalAgreement, ReplayResult, TraceResult } from "@plumbline/engine";

/** The service refused, or could not be asked. */
export class ServiceError extends Error {
  readonly code: string;
  readonly hint: string;
  /** 0: no answer. */
  readonly status: number;
  constructor(status: number, code: string, message: string, hint: string) {
    super(message);
    this.name = "ServiceError";
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

export interface RemoteSnapshot {
  readonly id: string;
  readonly name: string;
  readonly status: "ready" | "failed";
  readonly problems: { readonly error: number; readonly warning: number; readonly info: number };
  readonly masked: number;
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
}

export interface RemoteReplay {
  readonly id: string;
  readonly status: "queued" | "running" | "done" | "failed" | "cancelled";
  readonly progress: { readonly packets: number; readonly bytes: number; readonly bytesTotal: number };
  readonly error?: { readonly code: string; readonly message: string; readonly hint: string };
}

/** A trace's answer, or why there is none; as `plumbline trace --packets` prints it. */
export type TraceItem =
  | TraceResult
  | { readonly error: { readonly code: string; readonly message: string; readonly hint: string }; readonly packet: string };

export interface TraceQuestion {
  readonly packet?: string;
  readonly packets?: readonly string[];
  readonly from?: string;
  readonly reply?: boolean;
  readonly conntrack?: "empty" | "dumped";
  readonly limit?: number;
  readonly compare?: "logical";
  readonly whyNot?: string;
}

/** Bytes to send: a file by its path, or a stream. */
export type Sendable = { readonly path: string } | { readonly stream: Readable };

export class ServiceClient {
  constructor(
    private readonly base: string,
    private readonly token: string,
  ) {}

  async uploadSnapshot(name: string, content: Sendable, over?: string): Promise<RemoteSnapshot> {
    const query = new URLSearchParams({ name, ...(over === undefined ? {} : { over }) });
    return this.json(`/v1/snapshots?${query}`, await upload(content));
  }

  snapshot(id: string): Promise<RemoteSnapshot> {
    return this.json(`/v1/snapshots/${encodeURIComponent(id)}`);
  }

  /** The newest of that name. */
  async findSnapshot(name: string): Promise<RemoteSnapshot | null> {
    for (let after = ""; ; ) {
      const page = await this.json<{ items: RemoteSnapshot[]; next: string | null }>(`/v1/snapshots?limit=1000${after}`);
      const found = page.items.find((s) => s.name === name);
      if (found || page.next === null) return found ?? null;
      after = `&after=${page.next}`;
    }
  }

  inspect(id: string): Promise<Inspection> {
    return this.json(`/v1/snapshots/${id}/inspect`);
  }

  trace(id: string, question: TraceQuestion & { readonly packet: string }): Promise<TraceResult> {
    return this.post(`/v1/snapshots/${id}/traces`, question);
  }

  async traces(id: string, question: TraceQuestion & { readonly packets: readonly string[] }): Promise<readonly TraceItem[]> {
    return (await this.post<{ items: TraceItem[] }>(`/v1/snapshots/${id}/traces`, question)).items;
  }

  explain(id: string, question: { readonly question: string; readonly what: string; readonly table?: number }): Promise<Explanation> {
    return this.post(`/v1/snapshots/${id}/explain`, question);
  }

  /** Whether switches do what logical flows say; of one node, or of all. */
  agreement(id: string, node: string | undefined): Promise<ReturnType<typeof logicalAgreement>> {
    return this.post(`/v1/snapshots/${id}/explain`, { question: "logical", ...(node === undefined ? {} : { what: node }) });
  }

  async uploadCapture(name: string, content: Sendable): Promise<{ readonly id: string }> {
    return this.json(`/v1/captures?${new URLSearchParams({ name })}`, await upload(content));
  }

  startReplay(question: {
    readonly snapshot: string;
    readonly captures: readonly { readonly id: string; readonly at?: string }[];
    readonly choose: string;
    readonly conntrack: string;
  }): Promise<RemoteReplay> {
    return this.post("/v1/replays", question);
  }

  replay(id: string): Promise<RemoteReplay> {
    return this.json(`/v1/replays/${id}`);
  }

  summary(id: string): Promise<ReplayResult> {
    return this.json(`/v1/replays/${id}/summary`);
  }

  /** All flows' records, in a format. */
  async flows(id: string, format: "ndjson" | "parquet"): Promise<Readable> {
    const response = await this.fetch(`/v1/replays/${id}/flows?format=${format}`, {});
    return Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  }

  private post<T>(path: string, body: unknown): Promise<T> {
    return this.json(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  }

  private async json<T>(path: string, init: RequestInit = {}): Promise<T> {
    return (await (await this.fetch(path, init)).json()) as T;
  }

  private async fetch(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(this.base + path, { ...init, headers: { ...init.headers, authorization: `Bearer ${this.token}` } });
    } catch (e) {
      const cause = (e as { cause?: { code?: string; message?: string } }).cause;
      throw new ServiceError(
        0,
        "UNREACHABLE",
        `${this.base}: the service cannot be reached (${cause?.code ?? cause?.message ?? String(e)}).`,
        "Check the address, and that the service runs: plumbline serve.",
      );
    }
    if (response.ok) return response;
    const text = await response.text();
    let told: { code: string; message: string; hint: string } | undefined;
    try {
      told = (JSON.parse(text) as { error?: typeof told }).error;
    } catch {
      // Not the service, but something before it, has answered.
    }
    throw new ServiceError(
      response.status,
      told?.code ?? "HTTP",
      told?.message ?? `${this.base}: HTTP status ${response.status}.`,
      told?.hint ?? "Check the address: is it Plumbline's?",
    );
  }
}

/** A client for an address and a token. Throws ServiceError for what is no address. */
export function connect(server: string, token: string | undefined): ServiceClient {
  let url: URL;
  try {
    url = new URL(server);
  } catch {
    throw new ServiceError(0, "USAGE", `--server '${server}' is not an address.`, "Say it as --server http://127.0.0.1:8080.");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new ServiceError(0, "USAGE", `--server '${server}' is neither http nor https.`, "Say it as --server http://127.0.0.1:8080.");
  const given = token ?? new URLSearchParams(url.hash.slice(1)).get("token") ?? "";
  if (given === "")
    throw new ServiceError(
      0,
      "USAGE",
      "the service wants a token.",
      "Give it with --token T, or in the environment as PLUMBLINE_TOKEN; @FILE reads it from a file.",
    );
  const secret = given.startsWith("@") ? readFileSync(given.slice(1), "utf8").trim() : given;
  return new ServiceClient(url.origin + url.pathname.replace(/\/$/, ""), secret);
}

async function upload(content: Sendable): Promise<RequestInit> {
  const headers = { "content-type": "application/octet-stream" };
  if ("path" in content) return { method: "POST", headers, body: await openAsBlob(content.path) };
  return {
    method: "POST",
    headers,
    body: Readable.toWeb(content.stream) as unknown as NonNullable<RequestInit["body"]>,
    duplex: "half",
  } as RequestInit;
}
