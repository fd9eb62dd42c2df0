/**
 * What the evidence says of a host's bridges and their ports, put together from all files.
 *
 * `ovs-vsctl show` has bridges, full names, types and options, and no numbers; `list interface` has numbers and no
 * bridges; OpenFlow's port descriptions have both, and names cut to 15 characters. They are joined by number where both
 * have one, else by name, cut or whole, where exactly one fits.
 */
import type { Action, Attachment, FactBase, Origin } from "@plumbline/model";
import type { OvsPortFact } from "../facts.js";
import { PORT } from "../ports.js";

export interface BridgePort {
  number: number | undefined;
  name: string;
  /** No file told the name in full. */
  cut: boolean;
  type: string | undefined;
  options: Record<string, string>;
  externalIds: Record<string, string>;
  mac: string;
  ifindex: number | undefined;
  up: boolean | undefined;
  config: readonly string[];
  /** Undefined where no description of the port is in evidence. */
  state: readonly string[] | undefined;
  vlans: boolean;
  origin: Origin | null;
  /** A tunnel whose end each packet says: what one that says none is left with, which does not leave. */
  readonly withoutEnd?: readonly Action[];
}

export interface Bridge {
  readonly name: string;
  datapath: "netdev" | "system";
  /** False: no file tells the datapath, and the kernel's is assumed. */
  datapathKnown: boolean;
  origin: Origin | null;
  readonly ports: BridgePort[];
}

export interface HostBridges {
  readonly bridges: ReadonlyMap<string, Bridge>;
  /** Interfaces of `list interface` whose bridge no file tells. */
  readonly homeless: readonly string[];
}

/** All that the evidence says of the bridges of a host. */
export function bridgesOf(facts: FactBase, host: string): HostBridges {
  const bridges = new Map<string, Bridge>();
  const bridge = (name: string): Bridge => {
    let b = bridges.get(name);
    if (!b) bridges.set(name, (b = { name, datapath: "system", datapathKnown: false, origin: null, ports: [] }));
    return b;
  };
  for (const f of facts.of("ovs.bridge", host)) {
    const b = bridge(f.data.name);
    if (f.origin.line > 0) b.origin ??= f.origin;
    if (f.data.datapathType === undefined) continue;
    b.datapath = f.data.datapathType === "netdev" ? "netdev" : "system";
    b.datapathKnown = true;
  }
  for (const kind of ["ovs.flow-dump", "ovs.read"] as const) for (const f of facts.of(kind, host)) bridge(f.data.bridge);

  const ports = facts.of("ovs.port", host);
  const homeless: string[] = [];
  for (const f of ports)
    if (f.data.bridge !== "" && !isDescription(f.data)) merge(named(bridge(f.data.bridge), f.data.name), f.data, f.origin);
  // Full names first: several may be cut to one, and then only numbers tell them apart.
  const placed = new Set<OvsPortFact>();
  for (const f of ports) {
    if (f.data.bridge !== "") continue;
    const exact = [...bridges.values()].flatMap((b) => b.ports.filter((p) => !p.cut && p.name === f.data.name));
    if (exact.length !== 1) continue;
    merge(exact[0], f.data, f.origin);
    placed.add(f.data);
  }
  for (const f of ports) if (isDescription(f.data)) merge(described(bridge(f.data.bridge), f.data), f.data, f.origin);
  for (const f of ports) {
    if (f.data.bridge !== "" || placed.has(f.data)) continue;
    const fits = [...bridges.values()].flatMap((b) => b.ports.filter((p) => isSame(p, f.data)));
    if (fits.length === 1) merge(fits[0], f.data, f.origin);
    else homeless.push(f.data.name);
  }
  for (const b of bridges.values()) {
    const local = named(b, b.name);
    local.number = PORT.local;
    local.type = "internal";
  }
  return { bridges, homeless };
}

/** OpenFlow's descriptions alone have MACs and no types. */
function isDescription(d: OvsPortFact): boolean {
  return d.bridge !== "" && d.type === undefined;
}

function named(b: Bridge, name: string): BridgePort {
  let p = b.ports.find((x) => x.name === name);
  if (!p) {
    p = {
      number: undefined,
      name,
      cut: false,
      type: undefined,
      options: {},
      externalIds: {},
      mac: "",
      ifindex: undefined,
      up: undefined,
      config: [],
      state: undefined,
      vlans: false,
      origin: null,
    };
    b.ports.push(p);
  }
  return p;
}

/** The port that a description means. */
function described(b: Bridge, d: OvsPortFact): BridgePort {
  const whole = d.ofport === PORT.local ? b.name : d.name;
  const byNumber = b.ports.find((p) => p.number !== undefined && p.number === d.ofport);
  if (byNumber) return byNumber;
  const exact = b.ports.find((p) => p.name === whole);
  if (exact) return exact;
  const cut = d.cut ? b.ports.filter((p) => p.number === undefined && p.name.startsWith(d.name)) : [];
  if (cut.length === 1) return cut[0];
  const p = named(b, whole);
  p.cut = d.cut && whole === d.name;
  return p;
}

function isSame(p: BridgePort, d: OvsPortFact): boolean {
  if (p.number !== undefined && d.ofport !== undefined && p.number !== d.ofport) return false;
  return p.name === d.name || (p.cut && d.name.startsWith(p.name));
}

function merge(p: BridgePort, d: OvsPortFact, origin: Origin): void {
  if (p.cut && !d.cut) {
    p.name = d.name;
    p.cut = false;
  }
  p.number ??= d.ofport;
  // dpif/show names what the datapath opened (tap), the database what was asked for (internal).
  if (d.type !== undefined && (p.type === undefined || p.type === "tap" || p.type === "system")) p.type = d.type;
  if (d.options && Object.keys(d.options).length > 0) p.options = { ...p.options, ...d.options };
  if (d.externalIds) p.externalIds = { ...p.externalIds, ...d.externalIds };
  if (d.mac) p.mac = d.mac;
  p.ifindex ??= d.ifindex;
  p.up ??= d.up;
  if (d.config) p.config = d.config;
  if (d.state) p.state = d.state;
  if (d.tag !== undefined || d.trunks !== undefined) p.vlans = true;
  p.origin ??= origin;
}

/** UDP ports of tunnels without `dst_port`. */
const UDP: Record<string, number> = { geneve: 6081, vxlan: 4789, bareudp: 6635, gtpu: 2152, lisp: 4341 };
const TUNNELS = new Set("geneve vxlan gre ip6gre erspan ip6erspan stt lisp bareudp gtpu srv6".split(" "));

/** What stands at the other end of a port, as far as this host's evidence tells. */
export function attachmentOf(host: string, bridge: Bridge, p: BridgePort): Attachment {
  const type = p.type ?? "";
  if (type === "patch") return { kind: "patch", host, name: p.name, peer: p.options.peer ?? "" };
  if (TUNNELS.has(type))
    return {
      kind: "tunnel",
      host,
      name: p.name,
      localIp: p.options.local_ip ?? "",
      remoteIp: p.options.remote_ip ?? "",
      udpPort: Number(p.options.dst_port ?? UDP[type] ?? 0),
      datapath: bridge.datapath,
    };
  return {
    kind: "netdev",
    host,
    name: p.name,
    // dpif/show calls the userspace datapath's internal ports taps.
    internal: p.number === PORT.local || type === "internal" || type === "tap",
    mac: p.mac,
    ...(p.externalIds["iface-id"] === undefined ? {} : { ifaceId: p.externalIds["iface-id"] }),
    ...(p.ifindex === undefined ? {} : { ifindex: p.ifindex }),
    ...(p.up === undefined ? {} : { up: p.up }),
  };
}

/** Whether a port takes part in failover: null where no evidence tells. */
export function isLive(p: BridgePort): boolean | null {
  if (!p.state) return null;
  if (p.config.includes("PORT_DOWN") || p.state.includes("LINK_DOWN") || p.state.includes("BLOCKED")) return false;
  return true;
}

/** The port of that number or name; a name may be cut to 15 characters. */
export function findPort(bridge: Bridge, ref: number | string): BridgePort | undefined {
  if (typeof ref === "number") return bridge.ports.find((p) => p.number === ref);
  const exact = bridge.ports.find((p) => p.name === ref);
  if (exact) return exact;
  const cut = ref.length >= 15 ? bridge.ports.filter((p) => p.name.startsWith(ref)) : [];
  return cut.length === 1 ? cut[0] : undefined;
}
