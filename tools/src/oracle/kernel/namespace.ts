/**
 * A fresh network namespace whose kernel is asked: the other end of namespace.py, which holds it.
 */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";

// The script stands beside the source, also for what was compiled to dist/.
const SCRIPT = fileURLToPath(new URL("../../../src/oracle/kernel/namespace.py", import.meta.url));

/** A network interface of the namespace: a TAP device, so that frames can be given to it and taken from it. */
export interface TestInterface {
  readonly name: string;
  readonly mac: string;
  readonly mtu?: number;
}

export interface NamespaceSpec {
  readonly interfaces: readonly TestInterface[];
  /** Below /proc/sys: "net/ipv4/ip_forward" → "1". Set before the interfaces are made. */
  readonly sysctl: Readonly<Record<string, string>>;
  /** Lines of `ip -batch`. */
  readonly batch: readonly string[];
}

/** A packet to be received at an interface (a frame), or to be sent by a raw socket (an IP packet). */
export type Injection =
  | { readonly in: string; readonly hex: string }
  | { readonly in: null; readonly hex: string; readonly src: string; readonly dst: string };

/** [family, table, chain, kind, handle or number, verdict, target, packet mark, packet id, network header, transport header], see namespace.py. */
export type TraceEvent = readonly [
  family: number,
  table: string,
  chain: string,
  kind: "rule" | "policy" | "return" | null,
  rule: number,
  verdict: string | null,
  target: string | null,
  mark: number,
  id: number,
  network: string | null,
  transport: string | null,
];

export interface Observation {
  readonly trace: readonly TraceEvent[];
  /** What left: interface and frame in hexadecimal. */
  readonly out: readonly (readonly [dev: string, frame: string])[];
  /** Why a raw socket refused to send ("EPERM"), null if nothing did. */
  readonly error: string | null;
}

export interface CommandResult {
  readonly rc: number;
  readonly out: string;
  readonly err: string;
}

/** Why the kernel cannot be asked here; null if it can. */
export function whyNoNamespace(...tools: readonly string[]): string | null {
  if (process.platform !== "linux") return "this is not Linux";
  if (process.getuid?.() !== 0) return "a network namespace needs root";
  for (const tool of ["python3", "ip", ...tools])
    if (spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0) return `there is no ${tool} here`;
  const tried = spawnSync("sh", ["-c", "unshare -n true"]);
  if (tried.status !== 0) return "a network namespace cannot be made here";
  return spawnSync("sh", ["-c", "test -c /dev/net/tun"]).status === 0 ? null : "there is no /dev/net/tun here";
}

/** Answers come in the order of the questions. */
export class Namespace {
  private readonly waiting: ((line: string) => void)[] = [];
  private readonly lines: Interface;
  private dead: Error | null = null;

  private constructor(private readonly child: ChildProcessWithoutNullStreams) {
    this.lines = createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY });
    this.lines.on("line", (l) => this.waiting.shift()?.(l));
    let told = "";
    child.stderr.on("data", (d) => {
      told += d;
    });
    child.on("exit", (code) => {
      this.dead = new Error(`namespace.py ended with ${code}: ${told.slice(-500)}`);
      for (const w of this.waiting.splice(0)) w(JSON.stringify({ failed: this.dead.message }));
    });
  }

  /** Starts the helper; {@link fresh} makes the namespace. */
  static open(): Namespace {
    return new Namespace(spawn("python3", [SCRIPT], { stdio: "pipe" }));
  }

  private async ask<T>(question: unknown): Promise<T> {
    if (this.dead) throw this.dead;
    const line = await new Promise<string>((resolve) => {
      this.waiting.push(resolve);
      this.child.stdin.write(`${JSON.stringify(question)}\n`);
    });
    const answer = JSON.parse(line);
    if (answer.failed) throw new Error(answer.failed);
    return answer;
  }

  /** A new namespace instead of the present one. What `ip` complained of comes back. */
  async fresh(spec: NamespaceSpec): Promise<string> {
    return (await this.ask<{ err: string }>({ do: "fresh", ...spec })).err;
  }
  run(command: readonly string[], input = ""): Promise<CommandResult> {
    return this.ask({ do: "run", command, input });
  }
  /** Loads the nft rules that switch tracing on, and listens. */
  watch(rules: string): Promise<CommandResult> {
    return this.ask({ do: "watch", rules });
  }
  async packets(packets: readonly Injection[]): Promise<readonly Observation[]> {
    return (await this.ask<{ answers: Observation[] }>({ do: "packets", packets })).answers;
  }
  /** Frames received at an interface, one after the other, `rounds` times: seconds a frame, of the fastest 64 in a row. */
  async pump(iface: string, frames: readonly string[], rounds: number): Promise<number> {
    return (await this.ask<{ seconds: number }>({ do: "pump", in: iface, packets: frames, rounds })).seconds;
  }
  /** Empties the connection table. */
  async forget(): Promise<void> {
    await this.ask({ do: "forget" });
  }
  /** Ends the namespace. */
  async close(): Promise<void> {
    if (this.dead) return;
    const gone = new Promise<void>((resolve) => this.child.once("exit", () => resolve()));
    this.child.stdin.end();
    await gone;
  }
}
