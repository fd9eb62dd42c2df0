/**
 * A private OVN control plane: northbound and southbound databases, `ovn-northd`, and `ovn-nbctl` as a daemon that takes commands.
 *
 * It lives in a directory of its own, with its own sockets; no switch and no chassis' daemon is there, so nothing of the machine's
 * is touched. One is used for many topologies, one after the other: {@link PrivateOvn.clear} empties it.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ControlError, ControlSocket } from "../ovs/unixctl.js";
import { appears, command, found, type Operation, ROOT } from "./private-southbound.js";
import { readDump, type Southbound } from "./southbound-file.js";

const run = promisify(execFile);
const SCHEMAS = ["nb", "sb"].map((db) => `${ROOT}/usr/share/ovn/ovn-${db}.ovsschema`);
/** Seconds that northd may take for one topology. */
const NORTHD_PATIENCE = 20;

/** Why OVN's control plane cannot be run here, or null if it can. */
export function whyNoOvn(): string | null {
  for (const program of ["ovn-trace", "ovn-northd", "ovn-nbctl", "ovn-sbctl", "ovsdb-server", "ovsdb-client", "ovsdb-tool"])
    if (!found(program)) return `${program} is not installed`;
  const missing = SCHEMAS.find((s) => !existsSync(s));
  return missing === undefined ? null : `${missing} is missing`;
}

/** northd has not brought the southbound database up to date. */
export class NorthdStuck extends Error {}

/** A command of `ovn-nbctl`, word by word. */
export type Command = readonly string[];

export class PrivateOvn {
  readonly directory = mkdtempSync(join(tmpdir(), "plumbline-ovn-"));
  private readonly children: ChildProcess[] = [];
  private readonly killChildren = () => {
    for (const c of this.children) c.kill("SIGKILL");
  };
  private nbctl: ControlSocket | undefined;

  private constructor() {
    process.once("exit", this.killChildren);
  }

  static async start(chassis: readonly string[]): Promise<PrivateOvn> {
    const o = new PrivateOvn();
    try {
      await o.boot(chassis);
      return o;
    } catch (e) {
      await o.stop();
      throw e;
    }
  }

  /** Where `ovn-trace` finds the southbound database. */
  get southbound(): string {
    return `unix:${this.directory}/sb.sock`;
  }

  private get env(): NodeJS.ProcessEnv {
    const d = this.directory;
    return { ...process.env, OVS_RUNDIR: d, OVS_LOGDIR: d, OVN_RUNDIR: d, OVN_LOGDIR: d };
  }
  private async once(program: string, ...args: string[]): Promise<string> {
    const [first, ...rest] = command(program);
    return (await run(first, [...rest, ...args], { env: this.env, cwd: this.directory, maxBuffer: 1 << 28 })).stdout;
  }
  private background(program: string, ...args: string[]): void {
    const [first, ...rest] = command(program);
    this.children.push(spawn(first, [...rest, ...args], { env: this.env, cwd: this.directory, stdio: "ignore" }));
  }

  private async boot(chassis: readonly string[]): Promise<void> {
    const d = this.directory;
    const quiet = ["-vconsole:off", "--log-file=/dev/null"];
    for (const [i, db] of ["nb", "sb"].entries()) {
      await this.once("ovsdb-tool", "create", `${d}/${db}.db`, SCHEMAS[i]);
      this.background("ovsdb-server", `${d}/${db}.db`, `--remote=punix:${d}/${db}.sock`, `--unixctl=${d}/${db}.ctl`, ...quiet);
    }
    await Promise.all([appears(`${d}/nb.sock`), appears(`${d}/sb.sock`)]);
    const [nb, sb] = [`unix:${d}/nb.sock`, this.southbound];
    const added = chassis.flatMap((name, i) => ["--", "chassis-add", name, "geneve", `192.0.2.${i + 1}`]);
    await this.once("ovn-sbctl", `--db=${sb}`, "--no-leader-only", "init", ...added);
    await this.once("ovn-nbctl", `--db=${nb}`, "--no-leader-only", "init");
    this.background("ovn-northd", `--ovnnb-db=${nb}`, `--ovnsb-db=${sb}`, `--unixctl=${d}/northd.ctl`, ...quiet);
    const files = [`--pidfile=${d}/nbctl.pid`, `--unixctl=${d}/nbctl.ctl`];
    await this.once("ovn-nbctl", `--db=${nb}`, "--no-leader-only", "--detach", "--no-chdir", ...files, ...quiet);
    await appears(`${d}/nbctl.ctl`);
    this.nbctl = await ControlSocket.open(`${d}/nbctl.ctl`);
  }

  /** Runs commands, each for itself. Those that are refused, with why. */
  async configure(commands: readonly Command[]): Promise<{ readonly command: Command; readonly why: string }[]> {
    const refused: { command: Command; why: string }[] = [];
    await Promise.all(
      commands.map((c) =>
        this.nbctl!.call("run", ...c).catch((e: unknown) => {
          if (!(e instanceof ControlError)) throw e;
          refused.push({ command: c, why: e.message.trim() });
        }),
      ),
    );
    await this.settle();
    return refused;
  }

  /** Waits until northd has made the southbound database of it all. */
  private async settle(): Promise<void> {
    try {
      await this.nbctl!.call("run", "--wait=sb", `--timeout=${NORTHD_PATIENCE}`, "sync");
    } catch (e) {
      if (!(e instanceof ControlError)) throw e;
      const northd = this.children.at(-1);
      throw new NorthdStuck(`northd ${northd?.signalCode ? `ended by ${northd.signalCode}` : `is not done: ${e.message.trim()}`}`);
    }
  }

  /** Rows that a chassis would have written. */
  async write(operations: readonly Operation[]): Promise<void> {
    if (operations.length === 0) return;
    const text = await this.once("ovsdb-client", "transact", this.southbound, JSON.stringify(["OVN_Southbound", ...operations]));
    if (text.includes('"error"')) throw new Error(`ovsdb-client transact: ${text.slice(0, 500)}`);
    await this.settle();
  }

  /** The southbound database as it is. */
  async dump(): Promise<Southbound> {
    return readDump(await this.once("ovsdb-client", "-f", "json", "dump", this.southbound, "OVN_Southbound"));
  }

  /** Empties the northbound database; northd follows. */
  async clear(): Promise<void> {
    const users = ["Logical_Switch", "Logical_Router", "Load_Balancer_Group", "Port_Group"];
    const used = ["Load_Balancer", "Address_Set", "DHCP_Options", "DNS", "Meter", "Copp", "HA_Chassis_Group", "Static_MAC_Binding", "BFD"];
    for (const tables of [users, used])
      await this.nbctl!.call(
        "run",
        ...tables.flatMap((t) => ["--", "--all", "destroy", t]).slice(1),
        "--",
        "clear",
        "nb_global",
        ".",
        "options",
      );
    const learned = ["MAC_Binding", "FDB", "IGMP_Group"].map((table): Operation => ({ op: "delete", table, where: [] }));
    await this.write(learned);
  }

  async stop(): Promise<void> {
    await this.nbctl?.call("exit").catch(() => "");
    this.nbctl?.close();
    process.off("exit", this.killChildren);
    await Promise.all(this.children.splice(0).map(ended));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Ends a child, by force where it does not want to. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => void child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 3000);
  await gone;
  clearTimeout(late);
}
