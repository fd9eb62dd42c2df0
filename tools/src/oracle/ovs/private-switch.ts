/** A private Open vSwitch with one bridge, through which packets are traced and frames are sent. */
import { closeSync, openSync, readSync } from "node:fs";
import { Daemons } from "./daemons.js";

export const BRIDGE = "br0";
/** Ports `p1` to `p6` of the bridge, with these OpenFlow and datapath numbers. */
export const PORTS: readonly number[] = [1, 2, 3, 4, 5, 6];
/** Bytes of a pcap file's header and of a record's. */
const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const COMMANDS_A_TURN = 10;

/** A bridge's setting by which it speaks every version of OpenFlow. */
export const EVERY_VERSION = "protocols=[OpenFlow10,OpenFlow11,OpenFlow12,OpenFlow13,OpenFlow14,OpenFlow15]";

/** What `dump-groups` prints where there are none. */
const NO_GROUPS = "OFPST_GROUP_DESC reply (OF1.5) (xid=0x2):\n";
/** Addresses that the bridge has learned, as far as it is concerned: port, VLAN, MAC. */
export const KNOWN_MACS: readonly (readonly [number, number, string])[] = [
  [3, 0, "50:54:00:00:00:01"],
  [4, 10, "50:54:00:00:00:01"],
  [5, 0, "02:00:00:00:00:05"],
];

/** A frame that left by a port. */
export interface Departure {
  readonly port: number;
  readonly frame: Uint8Array;
}

export class PrivateSwitch {
  private readonly captures = new Map<number, { file: number; at: number }>();
  /** How many groups the switch holds. */
  private groups = 0;
  /** What the commands print that tell of the bridge and its ports, once for all. */
  private description: { show: string; ports: string } = { show: "", ports: "" };

  private constructor(private readonly daemons: Daemons) {}

  static async start(): Promise<PrivateSwitch> {
    const sw = new PrivateSwitch(await Daemons.start());
    try {
      await sw.boot();
      return sw;
    } catch (e) {
      await sw.stop();
      throw e;
    }
  }

  private async boot(): Promise<void> {
    const { daemons } = this;
    const d = daemons.directory;
    const ports = PORTS.flatMap((n) => [
      ...["--", "add-port", BRIDGE, `p${n}`, "--", "set", "Interface", `p${n}`, "type=dummy"],
      ...[`ofport_request=${n}`, `options:tx_pcap=${d}/p${n}.pcap`],
    ]);
    const bridge = ["datapath_type=dummy", "fail-mode=secure", "other-config:hwaddr=02:00:00:00:00:ff", EVERY_VERSION];
    await daemons.vsctl(["add-br", BRIDGE, "--", "set", "bridge", BRIDGE, ...bridge, ...ports]);
    // Sequence numbers and reassembly are no part of the model: packets here have the numbers 1 throughout.
    await this.ask("dpctl/ct-disable-tcp-seq-chk");
    for (const family of ["v4", "v6"]) await this.ask("dpctl/ipf-set-disabled", family);
    for (const n of PORTS) {
      await daemons.appears(`${d}/p${n}.pcap`);
      this.captures.set(n, { file: openSync(`${d}/p${n}.pcap`, "r"), at: FILE_HEADER });
    }
    this.description = { show: await daemons.vsctl(["show"]), ports: await daemons.ofctl(["dump-ports-desc", BRIDGE]) };
  }

  async stop(): Promise<void> {
    for (const c of this.captures.values()) closeSync(c.file);
    await this.daemons.stop();
  }

  get isAlive(): boolean {
    return this.daemons.isAlive;
  }

  /** A command of the daemon's control socket. */
  ask(method: string, ...params: string[]): Promise<string> {
    return this.daemons.ask(method, ...params);
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
    const { daemons } = this;
    await daemons.ofctl(["-OOpenFlow15", "del-flows", BRIDGE]);
    if (this.groups > 0) await daemons.ofctl(["-OOpenFlow15", "del-groups", BRIDGE]);
    this.groups = groups.length;
    if (groups.length > 0) await daemons.ofctl(["-OOpenFlow15", "add-groups", BRIDGE, "-"], groups.join("\n"));
    const refused = await addFlows(daemons, BRIDGE, version, flows);
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
      flows: await this.daemons.ofctl(["-O", version, "dump-flows", BRIDGE]),
      groups: this.groups > 0 ? await this.daemons.ofctl(["-O", "OpenFlow15", "dump-groups", BRIDGE]) : NO_GROUPS,
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
}

/** Adds flows to a bridge. Returns indexes of those that it refuses, with the reason. */
export async function addFlows(daemons: Daemons, bridge: string, version: string, flows: readonly string[]): Promise<Map<number, string>> {
  const refused = new Map<number, string>();
  const add = async (some: readonly { line: string; index: number }[]): Promise<void> => {
    if (some.length === 0) return;
    try {
      await daemons.ofctl(["-O", version, "add-flows", bridge, "-"], some.map((f) => f.line).join("\n"));
    } catch (e) {
      if (some.length === 1) {
        refused.set(some[0].index, `${e}`);
        return;
      }
      // What does not parse is named by its line, and none is sent; what the switch refuses is shown with its cookie, and those before it are there.
      const line = Number(/: -:(\d+): /.exec(`${e}`)?.[1] ?? 0);
      const cookie = / cookie:(0x[0-9a-f]+) /.exec(`${e}`)?.[1];
      const at = line > 0 ? line - 1 : cookie ? some.findIndex((f) => new RegExp(`cookie=${cookie}[, ]`).test(f.line)) : -1;
      if (at >= 0) {
        refused.set(some[at].index, `${e}`);
        await add(line > 0 ? some.filter((_, i) => i !== at) : some.slice(at + 1));
      } else for (const half of [some.slice(0, some.length >>> 1), some.slice(some.length >>> 1)]) await add(half);
    }
  };
  await add(flows.map((line, index) => ({ line, index })));
  return refused;
}
