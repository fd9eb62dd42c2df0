/**
 * A private Open vSwitch: its own database and `ovs-vswitchd` with dummy devices, in a directory of its own.
 *
 * Nothing of the machine's is touched: sockets, logs and database lie in the directory, the kernel's datapath and routes are
 * not opened (`--enable-dummy=override --disable-system --disable-system-route`), and both daemons are children of this
 * process that end with {@link PrivateSwitch.stop}. `ofproto/trace` has no bound on recirculation, so the daemons' memory is
 * capped: a looping pipeline ends the daemon, not the machine.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ControlSocket } from "./unixctl.js";

const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
/** Address space of a daemon, in bytes. */
const MEMORY = 2500 << 20;
export const BRIDGE = "br0";
/** Ports `p1` to `p6` of the bridge, with these OpenFlow and datapath numbers. */
export const PORTS: readonly number[] = [1, 2, 3, 4, 5, 6];
/** Bytes of a pcap file's header and of a record's. */
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const COMMANDS_A_TURN = 10;

/** What `dump-groups` prints where there are none. */
const NO_GROUPS = "OFPST_GROUP_DESC reply (OF1.5) (xid=0x2):\n";
/** Addresses that the bridge has learned, as far as it is concerned: port, VLAN, MAC. */
export const KNOWN_MACS: readonly (readonly [number, number, string])[] = [
  [3, 0, "50:54:00:00:00:01"],
  [4, 10, "50:54:00:00:00:01"],
  [5, 0, "02:00:00:00:00:05"],
];

/** Why no switch can be started here, or null if one can. */
export function whyNoSwitch(): string | null {
  if (process.getuid?.() !== 0) return "this needs root";
  const path = (process.env.PATH ?? "").split(":");
  for (const program of ["ovs-vswitchd", "ovsdb-server", "ovsdb-tool", "ovs-vsctl", "ovs-ofctl", "prlimit"])
    if (!path.some((p) => existsSync(join(p, program)))) return `${program} is not installed`;
  return existsSync(SCHEMA) ? null : `${SCHEMA} is missing`;
}

/** A frame that left by a port. */
export interface Departure {
  readonly port: number;
  readonly frame: Uint8Array;
}

export class PrivateSwitch {
  private readonly children: ChildProcess[] = [];
  private readonly captures = new Map<number, { file: number; at: number }>();
  private control!: ControlSocket;
  /** How many groups the switch holds. */
  private groups = 0;
  /** What the commands print that tell of the bridge and its ports, once for all. */
  private description: { show: string; ports: string } = { show: "", ports: "" };

  private constructor(readonly directory: string) {}

  static async start(): Promise<PrivateSwitch> {
    const sw = new PrivateSwitch(mkdtempSync(join(tmpdir(), "plumbline-ovs-")));
    try {
      await sw.boot();
      return sw;
    } catch (e) {
      await sw.stop();
      throw e;
    }
  }

  private async boot(): Promise<void> {
    const { directory: d } = this;
    const socket = `unix:${d}/db.sock`;
    await this.program("ovsdb-tool", ["create", `${d}/conf.db`, SCHEMA]);
    this.daemon("ovsdb-server", [`${d}/conf.db`, `--remote=punix:${d}/db.sock`, `--log-file=${d}/ovsdb.log`, "-vconsole:off"]);
    await this.appears(`${d}/db.sock`);
    await this.program("ovs-vsctl", [`--db=${socket}`, "--no-wait", "init"]);
    const own = ["--enable-dummy=override", "--disable-system", "--disable-system-route", "-vconsole:off", "-vfile:warn"];
    const daemon = this.daemon("ovs-vswitchd", [socket, ...own, `--log-file=${d}/vswitchd.log`]);
    await this.appears(`${d}/ovs-vswitchd.${daemon.pid}.ctl`);
    const ports = PORTS.flatMap((n) => [
      ...["--", "add-port", BRIDGE, `p${n}`, "--", "set", "Interface", `p${n}`, "type=dummy"],
      ...[`ofport_request=${n}`, `options:tx_pcap=${d}/p${n}.pcap`],
    ]);
    const versions = "protocols=[OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15]";
    const bridge = ["datapath_type=dummy", "fail-mode=secure", "other-config:hwaddr=02:00:00:00:00:ff", versions];
    const vsctl = [`--db=${socket}`, "add-br", BRIDGE, "--", "set", "bridge", BRIDGE, ...bridge, ...ports];
    await this.program("ovs-vsctl", vsctl);
    this.control = await ControlSocket.open(`${d}/ovs-vswitchd.${daemon.pid}.ctl`);
    // Sequence numbers and reassembly are no part of the model: packets here have the numbers 1 throughout.
    await this.ask("dpctl/ct-disable-tcp-seq-chk");
    for (const family of ["v4", "v6"]) await this.ask("dpctl/ipf-set-disabled", family);
    for (const n of PORTS) {
      await this.appears(`${d}/p${n}.pcap`);
      this.captures.set(n, { file: openSync(`${d}/p${n}.pcap`, "r"), at: FILE_HEADER });
    }
    this.description = {
      show: await this.program("ovs-vsctl", [`--db=${socket}`, "show"]),
      ports: await this.ofctl(["dump-ports-desc", BRIDGE]),
    };
  }

  /** Ends the daemons and removes the directory. */
  async stop(): Promise<void> {
    this.control?.close();
    for (const c of this.captures.values()) closeSync(c.file);
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

  /** A command of the daemon's control socket. */
  ask(method: string, ...params: string[]): Promise<string> {
    return this.control.call(method, ...params);
  }

  /** What `ovs-vsctl show` and `ovs-ofctl dump-ports-desc` print. */
  get described(): { show: string; ports: string } {
    return this.description;
  }

  /**
   * Replaces all flows and groups, in an OpenFlow version (later ones rewrite actions: `load` becomes `set_field`).
   * Forgets connections, learned addresses and the datapath's cached flows. Returns indexes of flows that it refuses, with the reason.
   */
  async load(flows: readonly string[], groups: readonly string[], version: string): Promise<Map<number, string>> {
    await this.ofctl(["-OOpenFlow15", "del-flows", BRIDGE]);
    if (this.groups > 0) await this.ofctl(["-OOpenFlow15", "del-groups", BRIDGE]);
    this.groups = groups.length;
    if (groups.length > 0) await this.ofctl(["-OOpenFlow15", "add-groups", BRIDGE, "-"], groups.join("\n"));
    const refused = new Map<number, string>();
    const add = async (some: readonly { line: string; index: number }[]): Promise<void> => {
      if (some.length === 0) return;
      try {
        await this.ofctl(["-O", version, "add-flows", BRIDGE, "-"], some.map((f) => f.line).join("\n"));
      } catch (e) {
        if (some.length === 1) refused.set(some[0].index, `${e}`);
        else for (const half of [some.slice(0, some.length >>> 1), some.slice(some.length >>> 1)]) await add(half);
      }
    };
    await add(flows.map((line, index) => ({ line, index })));
    await Promise.all([
      this.ask("revalidator/purge"),
      this.ask("dpctl/flush-conntrack"),
      this.ask("fdb/flush", BRIDGE),
      ...KNOWN_MACS.map(([port, vlan, mac]) => this.ask("fdb/add", BRIDGE, `p${port}`, String(vlan), mac)),
    ]);
    return refused;
  }

  async dump(version: string): Promise<{ flows: string; groups: string; fdb: string }> {
    return {
      fdb: await this.ask("fdb/show", BRIDGE),
      flows: await this.ofctl(["-O", version, "dump-flows", BRIDGE]),
      groups: this.groups > 0 ? await this.ofctl(["-O", "OpenFlow15", "dump-groups", BRIDGE]) : NO_GROUPS,
    };
  }

  /** Sends a frame in at a port and returns what left by all ports. */
  async inject(port: number, frame: Uint8Array): Promise<Departure[]> {
    const taken = this.ask("netdev-dummy/receive", `p${port}`, Buffer.from(frame).toString("hex"));
    // The daemon's loop runs packets before commands, of which it takes ten a turn (lib/unixctl.c): after more it has run this one.
    await Promise.all([taken, ...Array.from({ length: COMMANDS_A_TURN + 1 }, () => this.ask("version"))]);
    return PORTS.flatMap((n) => this.departed(n).map((f) => ({ port: n, frame: f })));
  }
  /** Frames written to the port's capture since the last look. */
  private departed(port: number): Uint8Array[] {
    const c = this.captures.get(port)!;
    const buffer = Buffer.alloc(1 << 16);
    const n = readSync(c.file, buffer, 0, buffer.length, c.at);
    const out: Uint8Array[] = [];
    for (let at = 0; at + RECORD_HEADER <= n; ) {
      const end = at + RECORD_HEADER + buffer.readUInt32LE(at + 8);
      if (end > n) break;
      out.push(new Uint8Array(buffer.subarray(at + RECORD_HEADER, end)));
      c.at += end - at;
      at = end;
    }
    return out;
  }

  private ofctl(args: readonly string[], input = ""): Promise<string> {
    return this.program("ovs-ofctl", args, input);
  }
  private get environment(): NodeJS.ProcessEnv {
    const d = this.directory;
    return { ...process.env, OVS_RUNDIR: d, OVS_LOGDIR: d, OVS_DBDIR: d, OVS_SYSCONFDIR: d };
  }
  private program(name: string, args: readonly string[], input = ""): Promise<string> {
    return new Promise((resolve, reject) => {
      const p = execFile(name, args, { env: this.environment, timeout: 30_000, maxBuffer: 1 << 26 }, (e, out, err) => {
        // ovs-ofctl prints the switch's refusal and ends well.
        if (e || err.includes("OFPT_ERROR")) reject(new Error(`${name} ${args.join(" ")}: ${err || e?.message}`));
        else resolve(out);
      });
      p.stdin?.on("error", () => {});
      p.stdin?.end(input);
    });
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
  private async appears(path: string): Promise<void> {
    for (const until = Date.now() + 10_000; !existsSync(path); ) {
      if (Date.now() > until) throw new Error(`${path} did not appear`);
      await new Promise((r) => void setTimeout(r, 10));
    }
  }
}
