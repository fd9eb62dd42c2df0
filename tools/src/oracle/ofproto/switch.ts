/** A private Open vSwitch with the {@link BRIDGES}, asked by `ofproto/trace` over one connection that stays open. */
import { Daemons } from "../ovs/daemons.js";
import { addFlows, EVERY_VERSION } from "../ovs/private-switch.js";
import { ControlError } from "../ovs/unixctl.js";
import { flowLine, groupLine, type TableSet } from "./tables.js";
import { BRIDGES, type BridgePort, LEARNED, LOCAL, TLV_MAP } from "./topology.js";

/** Questions under way at a time: more only queue up in the socket. */
const PIPELINED = 64;

/** What was asked of `ofproto/trace`, and its text; or why it could not answer. */
export type Told = { readonly text: string } | { readonly error: string };

/** What a bridge's own commands print of it. */
export interface Printed {
  readonly fdb: string;
  readonly tlvMap: string;
  /** `dump-ports-desc`, and behind it `dpif/show`. */
  readonly ports: string;
}

export class TraceSwitch {
  private printed = new Map<string, Printed>();
  /** Bridges that hold flows, and groups. */
  private readonly filled = new Set<string>();
  private readonly grouped = new Set<string>();

  private constructor(private readonly daemons: Daemons) {}

  static async start(): Promise<TraceSwitch> {
    const sw = new TraceSwitch(await Daemons.start(false));
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
    const added = (bridge: string, ports: readonly BridgePort[]) =>
      ports.flatMap((p) => [
        ...["--", "add-port", bridge, p.name, "--", "set", "Interface", p.name, `ofport_request=${p.number}`],
        ...(p.peer ? ["type=patch", `options:peer=${p.peer}`] : (p.tunnel ?? ["type=dummy"])),
      ]);
    const bridges = BRIDGES.flatMap((b, i) => [
      ...["--", "add-br", b.name, "--", "set", "bridge", b.name, "datapath-type=dummy", "fail-mode=secure", EVERY_VERSION],
      `other-config:hwaddr=02:00:00:00:00:${(0xf0 + i).toString(16)}`,
      `other-config:datapath-id=${(0xfedc0000 + i).toString(16).padStart(16, "0")}`,
      ...added(
        b.name,
        b.ports.filter((p) => p.number !== LOCAL && !p.tunnel),
      ),
    ]);
    await daemons.vsctl(bridges.slice(1));
    // Behind the others, whose numbers they would take.
    for (const b of BRIDGES) {
      const tunnels = added(
        b.name,
        b.ports.filter((p) => p.tunnel),
      );
      if (tunnels.length > 0) await daemons.vsctl(tunnels.slice(1));
    }
    const shown = await this.ask("dpif/show");
    for (const p of BRIDGES.flatMap((b) => b.ports))
      if (!shown.includes(` ${p.name} ${p.number}/${p.datapath ?? "none"}:`))
        throw new Error(`port ${p.name} has another number: ${shown}`);
    // Tunnels of the kernel: what is printed is the tunnel itself, not the way to its end.
    await this.ask("dpif/set-dp-features", BRIDGES[0].name, "tnl_push_pop", "false");
    for (const [bridge, port, vlan, mac] of LEARNED) await this.ask("fdb/add", bridge, port, String(vlan), mac);
    for (const b of BRIDGES) {
      await daemons.ofctl(["add-tlv-map", b.name, TLV_MAP]);
      for (const meter of [1, 2])
        await daemons.ofctl(["-OOpenFlow13", "add-meter", b.name, `meter=${meter},kbps,band=type=drop,rate=1000`]);
      for (const p of b.ports) if (!p.up) await this.ask("netdev-dummy/set-admin-state", p.name, "down");
      this.printed.set(b.name, {
        fdb: await this.ask("fdb/show", b.name),
        tlvMap: await daemons.ofctl(["dump-tlv-map", b.name]),
        ports: `${await daemons.ofctl(["-OOpenFlow15", "dump-ports-desc", b.name])}${shown}`,
      });
    }
  }

  stop(): Promise<void> {
    return this.daemons.stop();
  }
  get isAlive(): boolean {
    return this.daemons.isAlive;
  }
  ask(method: string, ...params: string[]): Promise<string> {
    return this.daemons.ask(method, ...params);
  }
  /** What its commands print of a bridge, whatever its tables are. */
  printedOf(bridge: string): Printed {
    return this.printed.get(bridge)!;
  }

  /** Replaces all flows and groups. Returns what it refuses, with the reason; groups that it refuses end the loading. */
  async load(set: TableSet): Promise<readonly Refusal[]> {
    const { daemons } = this;
    const refused = await Promise.all(
      BRIDGES.map(async ({ name }): Promise<Refusal[]> => {
        const { flows, groups } = set.bridges.find((b) => b.name === name) ?? { flows: [], groups: [] };
        // Flows that lead to groups go first: with them the groups may take the daemon along (OVS 3.1). The new ones wait until the old
        // are gone for good: which of two of a priority is found depends on what stood in the table while they came.
        if (this.filled.delete(name)) await daemons.ofctl(["-OOpenFlow15", "del-flows", name]);
        if (groups.length > 0 || this.grouped.delete(name))
          await daemons.ofctl(["-OOpenFlow15", "add-groups", name, "-"], ["delete", ...groups.map(groupLine)].join("\n"));
        if (groups.length > 0) this.grouped.add(name);
        if (flows.length === 0) return [];
        this.filled.add(name);
        const bad = await addFlows(daemons, name, set.version, flows.map(flowLine));
        return [...bad].map(([flow, why]) => ({ bridge: name, flow, why }));
      }),
    );
    return refused.flat();
  }

  /** The flows of a bridge as `ovs-ofctl dump-flows` prints them with these options. */
  dumpFlows(bridge: string, options: readonly string[]): Promise<string> {
    return this.daemons.ofctl([...options, "dump-flows", bridge]);
  }
  dumpGroups(bridge: string): Promise<string> {
    return this.daemons.ofctl(["-OOpenFlow15", "dump-groups", bridge]);
  }

  /** Traces questions, each `[bridge, packet, …options]`. Rejects with SwitchGone where the daemon ends. */
  async trace(questions: readonly (readonly string[])[]): Promise<Told[]> {
    const out: Told[] = new Array(questions.length);
    let next = 0;
    const asker = async (): Promise<void> => {
      while (next < questions.length) {
        const i = next++;
        try {
          out[i] = { text: await this.ask("ofproto/trace", ...questions[i]) };
        } catch (e) {
          if (!(e instanceof ControlError)) throw e;
          out[i] = { error: e.message };
        }
      }
    };
    await Promise.all(Array.from({ length: PIPELINED }, asker));
    return out;
  }
}

/** A flow that the switch refused, by its index. */
export interface Refusal {
  readonly bridge: string;
  readonly flow: number;
  readonly why: string;
}
