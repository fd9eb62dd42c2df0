/**
 * The real `ovn-trace` over a southbound database: as a daemon that answers many questions, or once.
 *
 * The daemon takes `--ct` at its start only and gives each state once, to whichever question comes first to need one: so it is started
 * with a long list, and what a question gets begins where the last one stopped. `--lb-dst` likewise is used up by the first load balancer.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ControlError, ControlSocket, SwitchGone } from "../ovs/unixctl.js";
import { appears, command, ROOT } from "./private-southbound.js";
import { fileText, type Southbound, without } from "./southbound-file.js";

const run = promisify(execFile);
/** Address space of an `ovn-trace`, in bytes: it has no bound of its own, a packet that is flooded in a circle takes all there is. */
const MEMORY = 256 * 2 ** 20;
/** Processor time that a daemon may use. */
const SECONDS = 60;

/** What is asked: a microflow that enters a datapath, and what is decided for it. */
export interface Question {
  readonly datapath: string;
  /** Terms, joined by `&&`. */
  readonly terms: readonly string[];
  /** `new`, `est,rpl`: in order. */
  readonly ct: readonly string[];
  readonly lbDst?: string;
}

export const microflow = (q: Question) => q.terms.join(" && ");

export class Tracer {
  private constructor(
    private readonly directory: string,
    private readonly control: ControlSocket,
  ) {}

  /** @param database `unix:SOCKET` */
  static async start(database: string, ct: readonly string[]): Promise<Tracer> {
    const d = mkdtempSync(join(tmpdir(), "plumbline-ovn-trace-"));
    const env = { ...process.env, OVS_RUNDIR: d, OVS_LOGDIR: d, OVN_RUNDIR: d, OVN_LOGDIR: d };
    const [program, ...args] = command("ovn-trace", MEMORY);
    args.unshift(`--cpu=${SECONDS}`);
    const files = [`--pidfile=${d}/ovn-trace.pid`, `--unixctl=${d}/trace.ctl`, "--log-file=/dev/null", "-vconsole:off"];
    // It serves only if it is told to detach. What is left alone ends by itself when it has used that much of a processor.
    const asked = [`--db=${database}`, "--no-leader-only", ...files, "--detach", "--no-chdir", ...ct.map((s) => `--ct=${s}`)];
    await run(program, [...args, ...asked], { env, cwd: d });
    await appears(`${d}/trace.ctl`);
    return new Tracer(d, await ControlSocket.open(`${d}/trace.ctl`));
  }

  /** The detailed text, or its complaint behind `error: `. Rejects with SwitchGone where the packet has been too much for it. */
  async ask(q: Question): Promise<string> {
    try {
      return await this.control.call("trace", "--detailed", q.datapath, microflow(q));
    } catch (e) {
      if (!(e instanceof ControlError)) throw e;
      return `error: ${e.message.trim()}`;
    }
  }

  async stop(): Promise<void> {
    await this.control.call("exit").catch(() => "");
    this.control.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The detailed text of an `ovn-trace` of its own, for this question alone; its complaint behind `error: `. Rejects as the daemon does. */
export async function askOnce(database: string, q: Question): Promise<string> {
  const [program, ...args] = command("ovn-trace", MEMORY);
  const decided = [...q.ct.map((s) => `--ct=${s}`), ...(q.lbDst === undefined ? [] : [`--lb-dst=${q.lbDst}`])];
  const asked = [`--db=${database}`, "--no-leader-only", "-vconsole:off", "--detailed", ...decided, q.datapath, microflow(q)];
  try {
    return (await run(program, [...args, ...asked], { maxBuffer: 1 << 26 })).stdout;
  } catch (e) {
    const { stdout, stderr, signal } = e as { stdout?: string; stderr?: string; signal?: string | null };
    if (signal || stdout === undefined) throw new SwitchGone(`ovn-trace ended by ${signal}`);
    return `error: ${(stdout || stderr || "").trim()}`;
  }
}

/** A southbound database of given rows, for as long as `use` takes. */
export async function withSouthbound<T>(rows: Southbound, use: (database: string) => Promise<T>): Promise<T> {
  const d = mkdtempSync(join(tmpdir(), "plumbline-ovn-sb-"));
  let server: ChildProcess | undefined;
  const kill = () => void server?.kill("SIGKILL");
  process.once("exit", kill);
  try {
    const schema = readFileSync(`${ROOT}/usr/share/ovn/ovn-sb.ovsschema`, "utf8");
    writeFileSync(`${d}/sb.db`, fileText(schema, without(rows, new Set())));
    const [program, ...args] = command("ovsdb-server");
    const files = [`${d}/sb.db`, `--remote=punix:${d}/sb.sock`, `--unixctl=${d}/sb.ctl`, "-vconsole:off", "--log-file=/dev/null"];
    server = spawn(program, [...args, ...files], { env: { ...process.env, OVS_RUNDIR: d }, cwd: d, stdio: "ignore" });
    await appears(`${d}/sb.sock`);
    return await use(`unix:${d}/sb.sock`);
  } finally {
    process.off("exit", kill);
    kill();
    rmSync(d, { recursive: true, force: true });
  }
}
