/**
 * The bridges that random tables are loaded into: three that patch ports join, one with tunnels. Numbers of OpenFlow and of the
 * datapath differ, but for the first bridge. A dummy datapath takes a port's number from its name.
 */

export interface BridgePort {
  readonly number: number;
  readonly name: string;
  /** Number in the datapath; null for a patch port. */
  readonly datapath: number | null;
  readonly up: boolean;
  /** Name of the patch port at the other end. */
  readonly peer?: string;
  /** Type and options of a tunnel. */
  readonly tunnel?: readonly string[];
}
export interface Bridge {
  readonly name: string;
  readonly ports: readonly BridgePort[];
}

const port = (number: number, datapath: number, up = true): BridgePort => ({ number, name: `p${datapath}`, datapath, up });
const patch = (number: number, name: string, peer: string): BridgePort => ({ number, name, datapath: null, up: true, peer });
const tunnel = (number: number, name: string, datapath: number, ...options: string[]): BridgePort => ({
  ...{ number, name, datapath, up: true },
  tunnel: options,
});

/** The datapath that all bridges share. */
export const DATAPATH = "ovs-dummy";
/** `LOCAL`. */
export const LOCAL = 65534;
/** Datapath numbers of the bridges' own ports begin here. */
const OWN_PORTS = 100;

export const BRIDGES: readonly Bridge[] = [
  {
    name: "br0",
    ports: [
      ...[1, 2, 3, 4, 5].map((n) => port(n, n)),
      port(6, 6, false),
      patch(10, "to-br1", "br1-to-br0"),
      patch(11, "to-br2", "br2-to-br0"),
    ],
  },
  { name: "br1", ports: [...[1, 2, 3, 4].map((n) => port(n, 20 + n)), patch(10, "br1-to-br0", "to-br1")] },
  { name: "br2", ports: [...[1, 2, 3].map((n) => port(n, 30 + n)), patch(11, "br2-to-br0", "to-br2")] },
  {
    name: "br3",
    ports: [
      ...[1, 2].map((n) => port(n, 40 + n)),
      tunnel(20, "gnv", 6081, "type=geneve", "options:key=flow", "options:remote_ip=flow"),
      tunnel(
        21,
        "gnv-fixed",
        6081,
        "type=geneve",
        "options:key=7",
        "options:remote_ip=1.1.2.1",
        "options:csum=true",
        "options:tos=inherit",
      ),
      tunnel(22, "vxl", 4789, "type=vxlan", "options:key=flow", "options:remote_ip=1.1.2.2", "options:local_ip=1.1.2.9", "options:ttl=9"),
      tunnel(23, "gre0", 7, "type=gre", "options:key=flow", "options:remote_ip=1.1.2.3", "options:df_default=false"),
    ],
  },
].map((b, i) => ({
  ...b,
  ports: [...b.ports, { number: LOCAL, name: b.name, datapath: OWN_PORTS + i, up: true }],
}));

/** Addresses that bridges have learned, as far as they are concerned: bridge, port, VLAN, MAC. */
export const LEARNED: readonly (readonly [string, string, number, string])[] = [
  ["br0", "p3", 0, "50:54:00:00:00:01"],
  ["br0", "p4", 10, "50:54:00:00:00:01"],
  ["br0", "p5", 0, "50:54:00:00:00:03"],
  ["br0", "to-br1", 0, "50:54:00:00:00:02"],
  ["br1", "p22", 0, "50:54:00:00:00:02"],
  ["br2", "p33", 0, "50:54:00:00:00:02"],
];

/** Geneve options: what `add-tlv-map` takes. Widths in bytes. */
export const OPTIONS = [4, 4, 8, 16].map((length, i) => ({ field: `tun_metadata${i}`, class: 0x102, type: 0x80 + i, length }));
export const TLV_MAP = OPTIONS.map(
  (o) => `{class=0x${o.class.toString(16)},type=0x${o.type.toString(16)},len=${o.length}}->${o.field}`,
).join(",");

/** What `dump-ports-desc` and `dpif/show` print of the bridges, where there is no switch to ask: as far as it is read. */
export function portsText(b: Bridge): string {
  const down = b.ports.filter((p) => !p.up).map((p) => ` ${p.number}(${p.name}): addr:00:00:00:00:00:00\n     state:      LINK_DOWN\n`);
  const kind = (p: BridgePort) => {
    if (p.peer) return `(patch: peer=${p.peer})`;
    const [type, ...options] = p.tunnel ?? [p.number === LOCAL ? "dummy-internal" : "dummy"];
    const given = options.map((o) => o.replace("options:", "")).join(", ");
    return `(${type.replace("type=", "")}${given ? `: ${given}` : ""})`;
  };
  const shown = BRIDGES.map(
    (x) => `  ${x.name}:\n${x.ports.map((p) => `    ${p.name} ${p.number}/${p.datapath ?? "none"}: ${kind(p)}\n`).join("")}`,
  );
  return `${down.join("")}dummy@${DATAPATH}: hit:0 missed:0\n${shown.join("")}`;
}
