/**
 * Private daemons of Open vSwitch: a database and `ovs-vswitchd` with dummy devices, in a directory of their own.
 *
 * Nothing of the machine's is touched: sockets, logs and database lie in the directory, the kernel's datapath and routes are
 * not opened (`--enable-dummy --disable-system --disable-system-route`), and both daemons are children of this
 * process that end with {@link Daemons.stop}. `ofproto/trace` has no bound on recirculation, so the daemons' memory is
 * capped: a looping pipeline ends the daemon, not the machine.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Shell } from "./shell.js";
import { ControlSocket } from "./unixctl.js";

const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
/** Address space of a daemon, in bytes. */
const MEMORY = 2500 * 2 ** 20;

/** Why no switch can be started here, or null if one can. */
export function whyNoSwitch(): string | null {
  if (process.getuid?.() !== 0) return "this needs root";
  const path = (process.env.PATH ?? "").split(":");
  for (const program of ["ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovs-vsctl", "ovs-ofctl", "prlimit"])
    if (!path.some((p) => existsSync(join(p, program)))) return `${program} is not installed`;
  return existsSync(SCHEMA) ? null : `${SCHEMA} is missing`;
}

export class Daemons {
  private readonly children: ChildProcess[] = [];
  private control!: ControlSocket;

  private readonly shell: Shell;

  private constructor(readonly directory: string) {
    this.shell = new Shell(directory, this.environment);
  }

  /** Starts both and opens the control socket. `override`: devices of every type are dummies, tunnels too. */
  static async start(override = true): Promise<Daemons> {
    const d = new Daemons(mkdtempSync(join(tmpdir(), "plumbline-ovs-")));
    try {
      await d.boot(override);
      return d;
    } catch (e) {
      await d.stop();
      throw e;
    }
  }

  private async boot(override: boolean): Promise<void> {
    const { directory: d } = this;
    await this.program("ovsdb-tool", ["create", `${d}/conf.db`, SCHEMA]);
    this.daemon("ovsdb-server", [`${d}/conf.db`, `--remote=punix:${d}/db.sock`, `--log-file=${d}/ovsdb.log`, "-vconsole:off"]);
    await this.appears(`${d}/db.sock`);
    await this.vsctl(["--no-wait", "init"]);
    const own = [
      `--enable-dummy${override ? "=override" : ""}`,
      "--disable-system",
      "--disable-system-route",
      "-vconsole:off",
      "-vfile:warn",
    ];
    const daemon = this.daemon("ovs-vswitchd", [`unix:${d}/db.sock`, ...own, `--log-file=${d}/vswitchd.log`]);
    await this.appears(`${d}/ovs-vswitchd.${daemon.pid}.ctl`);
    this.control = await this.opened(`${d}/ovs-vswitchd.${daemon.pid}.ctl`);
  }

  /** Ends the daemons and removes the directory. */
  async stop(): Promise<void> {
    this.control?.close();
    this.shell.stop();
    for (const child of this.children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
      child.kill("SIGTERM");
      const late = setTimeout(() => child.kill("SIGKILL"), 3000);
      await ended;
      clearTimeout(late);
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  get isAlive(): boolean {
    return this.control.isOpen && this.children.every((c) => c.exitCode === null && c.signalCode === null);
  }

  /** A command of `ovs-vswitchd`'s control socket. */
  ask(method: string, ...params: string[]): Promise<string> {
    return this.control.call(method, ...params);
  }

  vsctl(args: readonly string[]): Promise<string> {
    return this.program("ovs-vsctl", [`--db=unix:${this.directory}/db.sock`, ...args]);
  }

  /** Rejects too where the switch refuses something, of which `ovs-ofctl` tells and ends well. */
  ofctl(args: readonly string[], input = ""): Promise<string> {
    return this.program("ovs-ofctl", args, input);
  }

  /** The daemon binds a socket first, and listens a moment later. */
  private async opened(path: string): Promise<ControlSocket> {
    for (const until = Date.now() + 2000; ; ) {
      try {
        return await ControlSocket.open(path);
      } catch (e) {
        if (Date.now() > until) throw e;
        await new Promise((r) => void setTimeout(r, 5));
      }
    }
  }

  async appears(path: string): Promise<void> {
    for (const until = Date.now() + 10_000; !existsSync(path); ) {
      if (Date.now() > until) throw new Error(`${path} did not appear`);
      await new Promise((r) => void setTimeout(r, 10));
    }
  }

  private get environment(): NodeJS.ProcessEnv {
    const d = this.directory;
    return { ...process.env, OVS_RUNDIR: d, OVS_LOGDIR: d, OVS_DBDIR: d, OVS_SYSCONFDIR: d };
  }
  private async program(name: string, args: readonly string[], input = ""): Promise<string> {
    const { code, out, err } = await this.shell.run(name, args, input);
    if (code !== 0 || err.includes("OFPT_ERROR")) throw new Error(`${name} ${args.join(" ")}: ${err || `it ended with ${code}`}`);
    return out;
  }
  private daemon(name: string, args: readonly string[]): ChildProcess {
    const child = spawn("prlimit", [`--as=${MEMORY}`, "--core=0", name, ...args], {
      env: this.environment,
      cwd: this.directory,
      stdio: "ignore",
    });
    this.children.push(child);
    // Whatever ends this process ends the daemon.
    const end = () => void child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
    return child;
  }
}
