/**
 * A private southbound database with hand-made logical flows, and the real `ovn-trace` that reads it.
 *
 * Nothing of the machine's is touched: database, sockets and logs lie in a directory of their own, and the daemons are children
 * of this process (or, `ovn-trace`, told to end by its socket) that end with {@link PrivateSouthbound.stop}.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ControlSocket } from "../ovs/unixctl.js";

/** A root with another release's programs, which run with its own libraries. */
export const ROOT = process.env.ORACLE_OVN_ROOT ?? "";
const SCHEMA = `${ROOT}/usr/share/ovn/ovn-sb.ovsschema`;
const run = promisify(execFile);
/** Bytes of one transaction on a command line (MAX_ARG_STRLEN is 128 KiB). */
const TRANSACTION = 100_000;
/** Address space of a daemon, in bytes. */
const MEMORY = 2500 * 2 ** 20;

/** Why `ovn-trace` cannot be asked here, or null if it can. */
export function whyNoOvnTrace(): string | null {
  for (const program of ["ovn-trace", "ovsdb-server", "ovsdb-tool"]) if (!found(program)) return `${program} is not installed`;
  return existsSync(SCHEMA) ? null : `${SCHEMA} is missing`;
}

/** Where a program of the release asked for lies. */
export function found(program: string): string | undefined {
  return ["/usr/bin", "/usr/sbin"].map((d) => join(`${ROOT}${d}`, program)).find((p) => existsSync(p));
}

/** The command that runs a program of the release asked for, its memory capped; it does not outlive its parent, unless it detaches. */
export function command(program: string, memory = MEMORY): string[] {
  const limits = ["prlimit", `--as=${memory}`, "--core=0", "setpriv", "--pdeathsig", "KILL"];
  if (ROOT === "") return [...limits, program];
  const libraries = ["/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu"].map((d) => ROOT + d).join(":");
  return [...limits, `${ROOT}/lib64/ld-linux-x86-64.so.2`, "--library-path", libraries, found(program) ?? program];
}

/** The release of OVN that is asked: `23.03`; nothing where none can be. */
export async function ovnRelease(): Promise<string> {
  if (whyNoOvnTrace() !== null) return "";
  const [program, ...args] = command("ovn-trace");
  const { stdout } = await run(program, [...args, "--version"]);
  return /^ovn-trace (\d+\.\d+)/.exec(stdout)?.[1] ?? "";
}

/** An operation of an OVSDB transaction (RFC 7047, 5.2). */
export type Operation = { readonly op: string; readonly table: string } & Record<string, unknown>;

export class PrivateSouthbound {
  private readonly directory = mkdtempSync(join(tmpdir(), "plumbline-ovn-"));
  private server: ChildProcess | undefined;
  private control: ControlSocket | undefined;

  private constructor() {}

  /** Operations in groups that belong together (named UUIDs), each applied whole. */
  static async start(groups: readonly (readonly Operation[])[]): Promise<PrivateSouthbound> {
    const s = new PrivateSouthbound();
    try {
      await s.boot(groups);
      return s;
    } catch (e) {
      await s.stop();
      throw e;
    }
  }

  private async boot(groups: readonly (readonly Operation[])[]): Promise<void> {
    const d = this.directory;
    const env = { ...process.env, OVS_RUNDIR: d, OVS_LOGDIR: d, OVN_RUNDIR: d, OVN_LOGDIR: d };
    const [tool, ...toolArgs] = command("ovsdb-tool");
    await run(tool, [...toolArgs, "create", `${d}/sb.db`, SCHEMA]);
    for (const text of transactions(groups)) {
      const { stdout } = await run(tool, [...toolArgs, "transact", `${d}/sb.db`, text], { maxBuffer: 1 << 26 });
      if (stdout.includes('"error"')) throw new Error(`ovsdb-tool transact: ${stdout.slice(0, 500)}`);
    }
    const [daemon, ...daemonArgs] = command("ovsdb-server");
    const [tracer, ...tracerArgs] = command("ovn-trace");
    const server = [`${d}/sb.db`, `--remote=punix:${d}/sb.sock`, `--unixctl=${d}/sb.ctl`, "-vconsole:off"];
    this.server = spawn(daemon, [...daemonArgs, ...server], { env, cwd: d, stdio: "ignore" });
    const end = () => void this.server?.kill("SIGKILL");
    process.once("exit", end);
    this.server.once("exit", () => process.off("exit", end));
    await appears(`${d}/sb.sock`);
    const files = [`--pidfile=${d}/ovn-trace.pid`, `--unixctl=${d}/trace.ctl`, `--log-file=${d}/trace.log`];
    const trace = [`--db=unix:${d}/sb.sock`, "--no-leader-only", ...files, "--detach", "--no-chdir", "-vconsole:off", "-vfile:warn"];
    await run(tracer, [...tracerArgs, ...trace], { env, cwd: d });
    await appears(`${d}/trace.ctl`);
    this.control = await ControlSocket.open(`${d}/trace.ctl`);
  }

  /** `ovn-trace`'s text for a packet that enters a datapath. Rejects with its complaint. */
  trace(datapath: string, microflow: string): Promise<string> {
    return this.control!.call("trace", "--detailed", datapath, microflow);
  }

  /** What it says against matches and actions, by their text. */
  complaints(): ReadonlyMap<string, string> {
    const log = readFileSync(`${this.directory}/trace.log`, "utf8");
    const out = new Map<string, string>();
    for (const [, text, why] of log.matchAll(/\|WARN\|(.*): parsing (?:expression|actions) failed \((.*)\)$/gm)) out.set(text, why);
    return out;
  }

  async stop(): Promise<void> {
    await this.control?.call("exit").catch(() => "");
    this.control?.close();
    const { server } = this;
    if (server && server.exitCode === null && server.signalCode === null) {
      const ended = new Promise<void>((resolve) => void server.once("exit", () => resolve()));
      server.kill("SIGTERM");
      const late = setTimeout(() => server.kill("SIGKILL"), 3000);
      await ended;
      clearTimeout(late);
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** As few transactions as fit command lines. */
function* transactions(groups: readonly (readonly Operation[])[]): Generator<string> {
  let parts: string[] = [];
  let size = 0;
  const text = () => `["OVN_Southbound",${parts.join(",")}]`;
  for (const group of groups) {
    const json = group.map((o) => JSON.stringify(o));
    const length = json.reduce((n, s) => n + s.length + 1, 0);
    if (size > 0 && size + length > TRANSACTION) {
      yield text();
      parts = [];
      size = 0;
    }
    parts.push(...json);
    size += length;
  }
  if (parts.length > 0) yield text();
}

/** Waits for a file or socket. */
export async function appears(path: string): Promise<void> {
  for (const until = Date.now() + 20_000; !existsSync(path); ) {
    if (Date.now() > until) throw new Error(`${path} did not appear`);
    await new Promise((r) => void setTimeout(r, 10));
  }
}
