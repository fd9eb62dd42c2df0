/**
 * A router of a random net: a network namespace of its own with FRR's daemons in it, their sockets in a folder of their own. Everything
 * is started here and ended here by its process id.
 *
 * PLUMBLINE_FRR_ROOT names a root file system whose FRR is asked instead of this machine's.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Vty } from "./vty.js";

const run = promisify(execFile);
const ROOT = process.env["PLUMBLINE_FRR_ROOT"] ?? "";
const DAEMONS = "/usr/lib/frr";

/** Why there can be no router here, or null. */
export function whyNoFrr(): string | null {
  if (process.platform !== "linux") return "network namespaces are Linux's";
  if (process.getuid?.() !== 0) return "starting network namespaces needs root";
  for (const d of ["zebra", "bgpd", "staticd", "bfdd"])
    if (!existsSync(`${ROOT}${DAEMONS}/${d}`)) return `${ROOT}${DAEMONS}/${d} is not installed`;
  try {
    execFileSync("unshare", ["--net", "true"], { stdio: "ignore" });
    execFileSync("nsenter", ["--version"], { stdio: "ignore" });
  } catch {
    return "unshare and nsenter do not work here";
  }
  return null;
}

/** A command inside the root that FRR is taken from; its /proc and /dev are this machine's. */
function inRoot(command: readonly string[]): string[] {
  if (ROOT === "") return [...command];
  const script = 'mount --make-rprivate /; mount -t proc proc "$0/proc"; mount --rbind /dev "$0/dev"; exec chroot "$0" "$@"';
  return ["unshare", "--mount", "sh", "-c", script, ROOT, ...command];
}

export class Router {
  private readonly children: ChildProcess[] = [];
  private constructor(
    readonly name: string,
    private readonly holder: ChildProcess,
    /** As the daemons see it. */
    private readonly folder: string,
  ) {}

  static async start(name: string): Promise<Router> {
    const holder = spawn("unshare", ["--net", "sleep", "600"], { stdio: "ignore" });
    const parent = `${ROOT}/tmp`;
    const folder = mkdtempSync(join(parent, "plumbline-frr-"));
    chmodSync(folder, 0o777);
    const router = new Router(name, holder, folder.slice(ROOT.length));
    // Until the child is in its namespace, a command would run in this one.
    for (let i = 0; i < 100 && !router.apart(); i++) await sleep(20);
    if (!router.apart()) throw new Error("no network namespace came up");
    await router.ip("link set lo up");
    await router.command("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
    return router;
  }

  get pid(): number {
    return this.holder.pid!;
  }

  private apart(): boolean {
    try {
      const link = (pid: number | "self") => execFileSync("readlink", [`/proc/${pid}/ns/net`], { encoding: "utf8" });
      return link(this.pid) !== link("self");
    } catch {
      return false;
    }
  }

  private inside(command: readonly string[]): string[] {
    return ["nsenter", "-t", String(this.pid), "-n", ...command];
  }

  async command(...command: string[]): Promise<string> {
    const [file, ...args] = this.inside(command);
    return (await run(file, args, { encoding: "utf8", maxBuffer: 1 << 26 })).stdout;
  }

  ip(line: string): Promise<string> {
    return this.command("ip", ...line.split(" "));
  }

  /** Starts the daemons with a configuration. */
  async configure(config: string): Promise<void> {
    const d = this.folder;
    const inHere = (file: string) => `${ROOT}${d}/${file}`;
    writeFileSync(inHere("frr.conf"), config, { mode: 0o666 });
    mkdirSync(inHere("empty"), { mode: 0o777 });
    const daemons = ["mgmtd", "zebra", "staticd", "bfdd", "bgpd"].filter((x) => existsSync(`${ROOT}${DAEMONS}/${x}`));
    for (const name of daemons) {
      const args = [
        "-i",
        `${d}/${name}.pid`,
        "-f",
        "/dev/null",
        "--vty_socket",
        d,
        "-z",
        `${d}/zserv`,
        "-P",
        "0",
        "--log",
        `file:${d}/${name}.log`,
      ];
      // Newer ones have no socket of their own for commands.
      if (name === "bfdd" && (await this.hasControl())) args.push("--bfdctl", `${d}/bfdd.sock`);
      const [file, ...rest] = this.inside(inRoot([`${DAEMONS}/${name}`, ...args]));
      this.children.push(spawn(file, rest, { stdio: "ignore" }));
      for (let i = 0; i < 100 && !existsSync(inHere(`${name}.vty`)); i++) await sleep(20);
    }
    await this.vtysh(["-f", `${d}/frr.conf`]);
  }

  private async hasControl(): Promise<boolean> {
    const [file, ...args] = inRoot([`${DAEMONS}/bfdd`, "--help"]);
    return (await run(file, args, { encoding: "utf8" })).stdout.includes("--bfdctl");
  }

  private async vtysh(args: readonly string[]): Promise<string> {
    const [file, ...rest] = this.inside(inRoot(["vtysh", "--vty_socket", this.folder, ...args]));
    const env = { ...process.env, PAGER: "cat", VTYSH_PAGER: "cat", LANG: "C" };
    try {
      return (await run(file, rest, { encoding: "utf8", maxBuffer: 1 << 26, env })).stdout;
    } catch (e) {
      // A command that FRR refuses fails, and has said so.
      return (e as { stdout?: string }).stdout ?? "";
    }
  }

  show(command: string): Promise<string> {
    return this.vtysh(["-c", command]);
  }

  /** Many commands, each of the daemon that knows it. */
  async showAll(commands: readonly string[]): Promise<Map<string, string>> {
    const out = new Map<string, string>();
    const open = new Map<string, Vty>();
    try {
      for (const c of commands) {
        const daemon = /^show (ip |ipv6 )?bgp/.test(c) ? "bgpd" : c.startsWith("show bfd") ? "bfdd" : "zebra";
        let vty = open.get(daemon);
        if (!vty) open.set(daemon, (vty = await Vty.open(`${ROOT}${this.folder}/${daemon}.vty`)));
        out.set(c, await vty.ask(c));
      }
    } finally {
      for (const v of open.values()) v.close();
    }
    return out;
  }

  log(daemon: string): string {
    const file = `${ROOT}${this.folder}/${daemon}.log`;
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  async stop(): Promise<void> {
    const ended = (c: ChildProcess) =>
      new Promise<void>((done) => (c.exitCode !== null || c.signalCode !== null ? done() : c.once("exit", () => done())));
    for (const c of [...this.children].reverse()) c.kill("SIGTERM");
    await Promise.race([Promise.all(this.children.map(ended)), sleep(3000)]);
    for (const c of [...this.children, this.holder]) if (c.exitCode === null && c.signalCode === null) c.kill("SIGKILL");
    await Promise.all([...this.children, this.holder].map(ended));
    rmSync(`${ROOT}${this.folder}`, { recursive: true, force: true });
  }
}

/** A cable between two routers. */
export async function cable(a: Router, aName: string, b: Router, bName: string): Promise<void> {
  await run("ip", ["link", "add", aName, "netns", String(a.pid), "type", "veth", "peer", "name", bName, "netns", String(b.pid)]);
}
