/**
 * Flows of ports: from the bridge's ports into the logical pipelines, and out of these to ports, peers, tunnels
 * (controller/physical.c of OVN, consider_port_binding).
 */
import { FLAG } from "../expr/index.js";
import type { LogicalPort } from "../logical/topology.js";
import { asMap, asNumber, asSet, asText } from "../values.js";
import { parentOf, portKeyOf, type Tunnel } from "./chassis.js";
import { hex } from "./match-text.js";
import type { Physical } from "./physical.js";
import type { ZoneIds } from "./zones.js";

const NO_PORT = "set_field:ANY->in_port";
const LOGICAL_REGISTERS = Array.from({ length: 10 }, (_, i) => `set_field:0->reg${i}`);
/** Number of the conjunctive match that finds packets routed on another chassis. */
const CHASSIS_MAC = 100;
const UNTAGGED = "vlan_tci=0x0000/0x1000";

export const cookieOf = (uuid: string): number => Number.parseInt(uuid.slice(0, 8), 16);
export const resubmit = (table: number): string => `resubmit(,${table})`;
export const outportIs = (port: { datapath: { key: number }; key: number }): string =>
  `metadata=${hex(port.datapath.key)},reg15=${hex(port.key)}`;
const flag = (bit: number): string => `${hex(1 << bit)}/${hex(1 << bit)}`;

export function portFlows(p: Physical, port: LogicalPort): void {
  const { chassis, release } = p;
  if (!chassis.localDatapaths.has(port.datapath)) return;
  const { tables } = release;
  const cookie = cookieOf(port.row.uuid);
  const { origin } = port.row;
  if (port.type === "" && release.tunnelIcmp)
    p.add(
      tables.zoneLookup,
      100,
      cookie,
      `metadata=${hex(port.datapath.key)},reg14=${hex(port.key)}`,
      [...zoneLoads(p, p.zones.of(port)), resubmit(tables.ingress)],
      origin,
    );
  if (port.type === "patch" || (port.type === "l3gateway" && chassis.isBoundHere(port))) {
    const { peer } = port;
    if (!peer || !(["patch", "l3gateway"] as readonly string[]).includes(peer.type) || peer.peer !== port) return;
    local(p, port, undefined);
    p.add(
      tables.logicalToPhysical,
      100,
      cookie,
      outportIs(port),
      [
        `clone(${[
          "ct_clear",
          "set_field:0->reg11",
          "set_field:0->reg12",
          zoneLoad(p, 0),
          ...ingressLoads(p, peer, p.zones.of(peer), false),
          "set_field:0->reg10",
          "set_field:0->reg15",
          ...LOGICAL_REGISTERS,
          resubmit(tables.ingress),
        ].join(",")})`,
      ],
      origin,
    );
    return;
  }
  if (port.type === "chassisredirect" && chassis.isBoundHere(port)) {
    const { distributed } = port;
    const actions = distributed
      ? [
          `set_field:${hex(distributed.key)}->reg15`,
          ...zoneLoads(p, p.zones.of(distributed)),
          ...(release.redirectClearsInPort ? [NO_PORT] : []),
          resubmit(tables.loopback),
        ]
      : [];
    p.add(tables.localOutput, 100, cookie, outportIs(port), actions, origin);
    return;
  }
  const localnet = chassis.localnetOf(port.datapath);
  const parent = parentOf(port) === "" ? undefined : chassis.topology.ports.get(parentOf(port));
  const tag = asNumber(port.row.columns["tag"]) ?? 0;
  if (parentOf(port) !== "" && tag === 0) return;
  const ofport = p.numberOf(portKeyOf(parent ?? port));
  if (ofport !== undefined && (parent ? chassis.hasInterface(parent) : chassis.hasInterface(port))) {
    interfaceFlows(p, port, parent, ofport, tag);
    // A port that is elsewhere as well gets a copy there.
    if (asSet(port.row.columns["additional_chassis"]).length > 0) tunnelled(p, port);
    return;
  }
  if (localnet && asSet(port.row.columns["additional_chassis"]).length === 0) {
    if (p.numberOf(portKeyOf(localnet)) !== undefined)
      p.add(
        tables.localOutput,
        100,
        cookie,
        outportIs(port),
        [`set_field:${hex(localnet.key)}->reg15`, resubmit(tables.localOutput)],
        origin,
      );
    return;
  }
  tunnelled(p, port);
}

/** A port that is not here. */
function tunnelled(p: Physical, port: LogicalPort): void {
  const { release } = p;
  const { tables } = release;
  const cookie = cookieOf(port.row.uuid);
  const { origin } = port.row;
  if (String(asMap(port.row.columns["options"])["redirect-type"] ?? "").toLowerCase() === "bridged") {
    bridged(p, port);
    return;
  }
  const order = p.redirectOrder(port);
  if (order.length > 1) {
    const ways = order.map((c) => p.chassis.tunnelTo(c)).filter((t) => t !== undefined);
    const [first] = ways;
    const numbers = ways.map((t) => p.numberOf(t.key)).filter((n) => n !== undefined);
    if (!first || numbers.length === 0) return;
    const bundle = `bundle(eth_src,0,active_backup,ofport,members:${numbers.join(",")})`;
    p.add(tables.remoteOutput, 100, cookie, outportIs(port), [...encapsulation(first, port.datapath.key, port.key), bundle], origin);
    return;
  }
  const ends = release.encapIds ? p.chassis.encapIps : [p.chassis.encapIps[0] ?? ""];
  ends.forEach((localIp, i) => {
    const ways = p.remoteTunnels(port, localIp);
    if (ways.length === 0) return;
    const sent = ways.flatMap(({ tunnel, number }) => [...encapsulation(tunnel, port.datapath.key, port.key), `output:${number}`]);
    const match = release.encapIds ? `${outportIs(port)},reg13=${hex(i * 0x10000)}/0xffff0000` : outportIs(port);
    p.add(
      tables.remoteOutput,
      100,
      cookie,
      match,
      [...(port.type === "vtep" ? [NO_PORT] : []), ...sent, resubmit(tables.localOutput)],
      origin,
    );
  });
}

/** A redirected port whose packets go by the physical network: they leave by the switch's port to it. */
function bridged(p: Physical, port: LogicalPort): void {
  const wire = port.type === "chassisredirect" ? p.chassis.peers.get(port.datapath)?.find((w) => w.local === port.distributed) : undefined;
  const localnet = wire && p.chassis.localnetOf(wire.remote.datapath);
  const [mac] = asText(port.row.columns["mac"]).split(/\s+/);
  if (!localnet || !mac) return;
  const { tables } = p.release;
  p.add(
    p.release.number >= 2303 ? tables.localOutput : tables.remoteOutput,
    100,
    cookieOf(port.row.uuid),
    outportIs(port),
    [
      `set_field:${mac}->eth_src`,
      `set_field:${hex(localnet.datapath.key)}->metadata`,
      `set_field:${hex(localnet.key)}->reg15`,
      resubmit(tables.logicalToPhysical),
    ],
    port.row.origin,
  );
}

/** A port of the bridge itself: an interface, or the way to a physical network. */
function interfaceFlows(p: Physical, port: LogicalPort, parent: LogicalPort | undefined, ofport: number, tag: number): void {
  const { tables } = p.release;
  const { origin } = port.row;
  const cookie = cookieOf(port.row.uuid);
  const zones = p.zones.of(port);
  const outside = port.type === "localnet" || port.type === "l2gateway";
  const add = (table: number, priority: number, match: string, actions: readonly string[]) =>
    p.add(table, priority, cookie, match, actions, origin);
  local(p, port, parent);
  const enter = [
    ...ingressLoads(p, port, zones, true),
    ...(port.type === "localport" ? [`set_field:${flag(FLAG.localport)}->reg10`] : []),
    resubmit(tables.ingress),
  ];
  const nested = parent ? [`set_field:${flag(FLAG.nested_container)}->reg10`] : [];
  const passthru = asMap(port.row.columns["options"])["vlan-passthru"] === "true" && tag === 0;
  const strip = (tag > 0 || outside) && !passthru;
  add(0, tag > 0 ? 150 : 100, `in_port=${ofport}${strip ? `,dl_vlan=${tag}` : ""}`, [...nested, ...(strip ? ["pop_vlan"] : []), ...enter]);
  if (tag === 0 && outside) add(0, 100, `in_port=${ofport},${UNTAGGED}`, enter);
  if (port.type === "localnet") fromOtherChassis(p, port, ofport, tag);
  const tagged = tag > 0 ? [`push_vlan:${ethertype(port)}`, `set_field:${0x1000 | tag}->vlan_vid`] : [];
  const untagged = tag > 0 ? ["pop_vlan"] : [];
  add(tables.logicalToPhysical, 100, outportIs(port), [...tagged, `output:${ofport}`, ...untagged]);
  if (port.type === "localnet") {
    withChassisMac(p, port, ofport, tagged, untagged);
    add(tables.loopback, 160, `${outportIs(port)},reg10=${flag(FLAG.localport)}`, []);
    const localOnly = 1 << FLAG.local_only;
    const mask = p.release.overridesLocalOnly ? localOnly | (1 << FLAG.override_local_only) : localOnly;
    add(tables.loopback, 160, `${outportIs(port)},reg10=${hex(localOnly)}/${hex(mask)}`, []);
  }
  if (port.type === "localport")
    add(tables.remoteOutput, 150, `metadata=${hex(port.datapath.key)},reg14=${hex(port.key)}`, [resubmit(tables.localOutput)]);
}

function ethertype(port: LogicalPort): string {
  return /ad$/i.test(String(asMap(port.row.columns["options"])["ethtype"] ?? "")) ? "0x88a8" : "0x8100";
}

/** Output to a port that is here, whatever it is. */
function local(p: Physical, port: LogicalPort, parent: LogicalPort | undefined): void {
  const { tables } = p.release;
  const cookie = cookieOf(port.row.uuid);
  const { origin } = port.row;
  const out = outportIs(port);
  p.add(tables.localOutput, 100, cookie, out, [...zoneLoads(p, p.zones.of(port)), resubmit(tables.loopback)], origin);
  p.add(tables.loopback, 100, cookie, `${out},reg14=${hex(port.key)},reg10=0/${hex(1 << FLAG.loopback)}`, [], origin);
  const back = ["push:NXM_OF_IN_PORT[]", NO_PORT, resubmit(tables.logicalToPhysical), "pop:NXM_OF_IN_PORT[]"];
  p.add(tables.egressOutput, 100, cookie, parent ? out : `${out},reg10=${flag(FLAG.loopback)}`, back, origin);
  if (parent)
    p.add(
      tables.egressOutput,
      100,
      p.release.number < 2403 ? 0 : cookieOf(parent.row.uuid),
      `${outportIs(parent)},reg10=${flag(FLAG.nested_container)}`,
      back,
      origin,
    );
}

/** Packets from the physical network that another chassis has routed come with its MAC address: they get the router's. */
function fromOtherChassis(p: Physical, port: LogicalPort, ofport: number, tag: number): void {
  const { tables } = p.release;
  const vlan = tag > 0 ? `dl_vlan=${tag}` : UNTAGGED;
  for (const { remote } of p.chassis.peers.get(port.datapath) ?? []) {
    const mac = macOf(remote);
    if (mac === "") continue;
    const cookie = cookieOf(remote.row.uuid);
    const { origin } = remote.row;
    const enter = ingressLoads(p, port, p.zones.of(port), true);
    p.add(
      0,
      180,
      cookie,
      `in_port=${ofport},conj_id=${CHASSIS_MAC},${vlan}`,
      [...(tag > 0 ? ["pop_vlan"] : []), ...enter, `set_field:${mac}->eth_src`, resubmit(tables.ingress)],
      origin,
    );
    // Earlier releases ask for the port in the complete match alone.
    p.add(0, 180, cookie, p.release.number < 2403 ? vlan : `in_port=${ofport},${vlan}`, [`conjunction(${CHASSIS_MAC},2/2)`], origin);
  }
}

/** MAC addresses of other chassis, in front of their flows with {@link fromOtherChassis}. */
export function chassisMacFlows(p: Physical): void {
  for (const chassis of p.otherChassis())
    for (const mac of chassisMacs(asMap(chassis.columns["other_config"])["ovn-chassis-mac-mappings"]).values())
      p.add(0, 180, cookieOf(chassis.uuid), `dl_src=${mac}`, [`conjunction(${CHASSIS_MAC},1/2)`], chassis.origin);
}

/** What is routed here leaves to the physical network with the chassis's own MAC address, if it has one. */
function withChassisMac(p: Physical, port: LogicalPort, ofport: number, tagged: readonly string[], untagged: readonly string[]): void {
  const network = String(asMap(port.row.columns["options"])["network_name"] ?? "");
  const own = chassisMacs(asMap(p.chassis.row.columns["other_config"])["ovn-chassis-mac-mappings"]).get(network);
  if (own === undefined) return;
  for (const { remote } of p.chassis.peers.get(port.datapath) ?? []) {
    const mac = macOf(remote);
    if (mac === "" || p.chassis.isResident(`cr-${remote.name}`)) continue;
    p.add(
      p.release.tables.logicalToPhysical,
      150,
      cookieOf(port.row.uuid),
      `${outportIs(port)},dl_src=${mac}`,
      [`set_field:${own}->eth_src`, ...tagged, `output:${ofport}`, `set_field:${mac}->eth_src`, ...untagged],
      port.row.origin,
    );
  }
}

/** `physnet:aa:bb:cc:dd:ee:ff,other:…`. */
function chassisMacs(text: unknown): Map<string, string> {
  const out = new Map<string, string>();
  for (const part of String(text ?? "").split(",")) {
    const at = part.indexOf(":");
    if (at > 0) out.set(part.slice(0, at), part.slice(at + 1));
  }
  return out;
}

function macOf(port: LogicalPort): string {
  return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}/i.exec(asText(port.row.columns["mac"]))?.[0] ?? "";
}

/** A port's zone goes to the low half of reg13 where the high half says by which local address tunnels leave. */
export function zoneLoad(p: Physical, zone: number): string {
  return `set_field:${zone === 0 ? "0" : hex(zone)}${p.release.encapIds ? "/0xffff" : ""}->reg13`;
}

function zoneLoads(p: Physical, z: ZoneIds): string[] {
  return [
    ...(z.port > 0 ? [zoneLoad(p, z.port)] : []),
    ...(z.dnat > 0 ? [`set_field:${hex(z.dnat)}->reg11`] : []),
    ...(z.snat > 0 ? [`set_field:${hex(z.snat)}->reg12`] : []),
  ];
}

function ingressLoads(p: Physical, port: LogicalPort, zones: ZoneIds, encap: boolean): string[] {
  const id = p.encapId(port);
  return [
    ...zoneLoads(p, zones),
    `set_field:${hex(port.datapath.key)}->metadata`,
    `set_field:${hex(port.key)}->reg14`,
    ...(encap && p.release.encapIds ? [`set_field:${id === 0 ? "0" : hex(id * 0x10000)}/0xffff0000->reg13`] : []),
  ];
}

/** What tells the other end which datapath and ports it is about (put_encapsulation). */
export function encapsulation(tunnel: Tunnel, datapath: number, outport: number): string[] {
  if (tunnel.type === "vxlan") {
    const port = outport >= 0x8000 ? 0x800 | (outport & 0x7ff) : outport;
    return [`set_field:${hex(datapath | (port << 12))}/0xffffff->tun_id`];
  }
  if (tunnel.type === "stt")
    return [`set_field:${hex(BigInt(datapath) | (BigInt(outport) << 24n))}->tun_id`, "move:NXM_NX_REG14[0..14]->NXM_NX_TUN_ID[40..54]"];
  return [
    `set_field:${hex(datapath)}/0xffffff->tun_id`,
    `set_field:${hex(outport)}->tun_metadata0`,
    "move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30]",
  ];
}

export function decapsulation(tunnel: Tunnel): string[] {
  if (tunnel.type === "vxlan")
    return ["move:NXM_NX_TUN_ID[12..23]->NXM_NX_REG15[0..11]", "move:NXM_NX_TUN_ID[0..11]->OXM_OF_METADATA[0..11]"];
  if (tunnel.type === "stt")
    return [
      "move:NXM_NX_TUN_ID[40..54]->NXM_NX_REG14[0..14]",
      "move:NXM_NX_TUN_ID[24..39]->NXM_NX_REG15[0..15]",
      "move:NXM_NX_TUN_ID[0..23]->OXM_OF_METADATA[0..23]",
    ];
  return [
    "move:NXM_NX_TUN_ID[0..23]->OXM_OF_METADATA[0..23]",
    "move:NXM_NX_TUN_METADATA0[16..30]->NXM_NX_REG14[0..14]",
    "move:NXM_NX_TUN_METADATA0[0..15]->NXM_NX_REG15[0..15]",
  ];
}
