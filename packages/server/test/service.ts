/** A service for tests: the built one, with the built-in plugins, on data of its own. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ServeOptions, type Serving, serve } from "@plumbline/server";
import { pack } from "tar-stream";

const root = fileURLToPath(new URL("../../..", import.meta.url));

export const example = (name: string): Buffer => readFileSync(join(root, "examples", name));

export interface TestService {
  readonly url: string;
  /** Token of the first project with all scopes. */
  readonly admin: string;
  /** Sends a request; `as` is a token, "" for none. */
  send(method: string, path: string, as: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  token(scopes: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the service answers
  readonly json: any;
}

export async function startService(options: Partial<ServeOptions> = {}): Promise<TestService> {
  const data = mkdtempSync(join(tmpdir(), "plumbline-server-test-"));
  const serving: Serving = await serve({
    host: "127.0.0.1",
    port: 0,
    data,
    plugins: { module: join(root, "packages/cli/dist/plugins.js"), name: "PLUGINS" },
    version: "0.0.0",
    logLevel: "silent",
    threads: 1,
    ...options,
  });
  const send: TestService["send"] = async (method, path, as, body, headers = {}) => {
    const raw = body instanceof Uint8Array || typeof body === "string";
    const response = await fetch(serving.url + path, {
      method,
      headers: {
        ...(as === "" ? {} : { authorization: `Bearer ${as}` }),
        ...(body === undefined ? {} : { "content-type": raw ? "application/octet-stream" : "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    });
    const text = await response.text();
    let json: unknown = null;
    try {
      json = JSON.parse(text);
    } catch {
      // Not every answer is JSON.
    }
    return { status: response.status, headers: response.headers, text, json };
  };
  const first = await send("POST", "/v1/setup", "", { setupToken: serving.setupToken, name: "first" });
  const admin = first.json.token as string;
  return {
    url: serving.url,
    admin,
    send,
    token: async (scopes) => (await send("POST", "/v1/tokens", admin, { name: scopes.join(" "), scopes })).json.token,
    async stop() {
      await serving.stop();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** A tar archive of files. */
export async function tarOf(files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name, mtime: new Date(0) }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
