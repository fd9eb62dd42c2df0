/** A service in a process of its own, to be measured, killed and started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../..", import.meta.url));

/** More memory than this is a fault, not a machine's end. */
const MOST_MEMORY = 6 * 1024 ** 3;

export class ServiceProcess {
  token = "";

  private constructor(
    readonly process: ChildProcess,
    readonly url: string,
    readonly setupToken: string | null,
  ) {}

  /** Starts it and waits until it listens. */
  static async start(data: string, args: readonly string[] = []): Promise<ServiceProcess> {
    const child = spawn(
      "prlimit",
      [
        `--data=${MOST_MEMORY}`,
        process.execPath,
        `${root}/packages/cli/bin/plumbline.js`,
        "serve",
        "--port",
        "0",
        "--data",
        data,
        "--log-level",
        "error",
        ...args,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    let text = "";
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill("SIGKILL");
        reject(new Error(`the service did not start: ${text}`));
      }, 120_000);
      child.stdout!.on("data", (d) => {
        text += d;
        const url = /serves (\S+)/.exec(text)?.[1];
        // What follows the address comes in the same breath.
        if (url)
          setTimeout(() => {
            clearTimeout(timer);
            resolve(new ServiceProcess(child, url, /setup_[\w-]+/.exec(text)?.[0] ?? null));
          }, 50);
      });
      child.once("exit", (code) => {
        clearTimeout(timer);
        reject(new Error(`the service ended with ${code}: ${text}`));
      });
    });
  }

  async setUp(): Promise<string> {
    const answer = await this.send("POST", "/v1/setup", { setupToken: this.setupToken, name: "check" });
    this.token = (answer.json as { token: string }).token;
    return this.token;
  }

  async send(method: string, path: string, body?: unknown, type?: string): Promise<{ status: number; text: string; json: unknown }> {
    const raw = body instanceof Uint8Array || body instanceof ReadableStream || body instanceof Blob;
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
        ...(body === undefined ? {} : { "content-type": type ?? (raw ? "application/octet-stream" : "application/json") }),
      },
      ...(body === undefined ? {} : { body: raw ? (body as Blob) : JSON.stringify(body), duplex: "half" }),
    } as RequestInit);
    const text = await response.text();
    let json: unknown = null;
    try {
      json = JSON.parse(text);
    } catch {
      // Some answers are no JSON.
    }
    return { status: response.status, text, json };
  }

  /** Ends it without warning. */
  kill(): Promise<void> {
    return this.end("SIGKILL");
  }

  stop(): Promise<void> {
    return this.end("SIGTERM");
  }

  private end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      this.process.once("exit", () => resolve());
      this.process.kill(signal);
    });
  }

  /** Resident memory in MiB: now, and the most so far. */
  memory(): { readonly now: number; readonly peak: number } {
    const status = readFileSync(`/proc/${this.process.pid}/status`, "utf8");
    const of = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) / 1024);
    return { now: of("VmRSS"), peak: of("VmHWM") };
  }

  async ended(replay: string): Promise<{ status: string; attempt: number; error?: unknown }> {
    for (;;) {
      const { json } = await this.send("GET", `/v1/replays/${replay}`);
      const job = json as { status: string; attempt: number };
      if (job.status !== "queued" && job.status !== "running") return job;
      await sleep(200);
    }
  }
}

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
