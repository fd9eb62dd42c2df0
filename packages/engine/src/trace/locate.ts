/** Where a packet starts: a device by name, the owner of its source address, or outside, beyond the router. */
import {
  addressOf,
  type Device,
  EV,
  get,
  getBig,
  type Machine,
  macNumber,
  type Network,
  PlumblineError,
  type Row,
  set,
} from "@plumbline/model";
import type { Need } from "./hops.js";

const ARP = 0x0806;
const BROADCAST_MAC = 0xffffffffffffn;

export interface Start {
  readonly device: Device;
  /** Port it enters by, or null for the device's own socket. */
  readonly port: number | null;
  /** Why it starts here, for the reader. */
  readonly why: string;
  /** Where the start is assumed: what would show it. */
  readonly need?: Need;
}

const canSend = (d: Device) => d.origin >= 0;

/** The device a user means: its name, an alias, its node's name or its pod's. Stacks come before switches. */
function findDevice(net: Network, name: string): Device | undefined {
  const byName = (d: Device) => d.name === name || d.aliases.includes(name);
  return (
    net.devices.find((d) => byName(d) && canSend(d)) ??
    net.devices.find(byName) ??
    net.devices.find((d) => d.pod === name && canSend(d)) ??
    net.devices.find((d) => d.node === name && d.kind !== "pod" && canSend(d))
  );
}

function named(net: Network, from: string): Start {
  const whole = findDevice(net, from);
  if (whole) {
    if (!canSend(whole))
      throw new PlumblineError("USAGE", [
        `nothing is sent from ${whole.name} itself.`,
        `Say at which port the packet enters: --from ${whole.name}:PORT (${whole.ports.map((p) => p.name).join(", ")}).`,
      ]);
    return { device: whole, port: null, why: `sent by ${whole.name}` };
  }
  const at = from.lastIndexOf(":");
  const device = at > 0 ? (findDevice(net, from.slice(0, at)) ?? net.devices.find((d) => d.name === from.slice(0, at))) : undefined;
  if (device) {
    const p = from.slice(at + 1);
    const port = device.ports.find((x) => x.name === p || String(x.number) === p);
    if (!port)
      throw new PlumblineError("USAGE", [
        `${device.name} has no port '${p}'.`,
        `Its ports: ${device.ports.map((x) => x.name).join(", ")}.`,
      ]);
    return { device, port: port.number, why: `enters ${device.name} at ${port.name}` };
  }
  const names = net.devices.filter((d) => d.kind !== "segment" && d.kind !== "tunnel").map((d) => d.name);
  throw new PlumblineError("DEVICE_UNKNOWN", [from, names.length > 0 ? names.join(", ") : "none: the snapshot has no device evidence"]);
}

/** Devices whose stack holds an address. */
export function ownersOf(net: Network, address: string): Device[] {
  return net.devices.filter(
    (d) => canSend(d) && d.ports.some((p) => p.attachment.kind === "netdev" && p.attachment.addresses?.some((a) => a.address === address)),
  );
}

/**
 * Finds the start of a packet. Without `from`: the owner of the source address; if nobody owns it, the router's port towards
 * that address (asked from the router's own routes).
 */
export function locate(net: Network, machine: Machine, row: Row, from: string | undefined): Start {
  if (from !== undefined) return named(net, from);
  const src = addressOf(row, "src");
  const owners = ownersOf(net, src);
  if (owners.length === 1) return { device: owners[0], port: null, why: `${owners[0].name} owns ${src}` };
  if (owners.length > 1) throw new PlumblineError("DEVICE_AMBIGUOUS", [src, owners.map((d) => d.name).join(", ")]);
  if (get(row, "eth_type") === ARP)
    throw new PlumblineError("USAGE", [
      `no host of the snapshot owns ${src}, and ARP does not leave its wire.`,
      "Say where the request is seen: --from DEVICE:PORT.",
    ]);
  const routers = net.devices.filter((d) => d.kind === "router" && canSend(d) && !d.node);
  if (routers.length === 1) {
    const port = towards(machine, routers[0], row);
    if (port !== null)
      return { device: routers[0], port, why: `no host of the snapshot owns ${src}: it comes from beyond ${routers[0].name}` };
    const some = somePort(routers[0]);
    if (some !== null) {
      const why = `no host of the snapshot owns ${src}: it is assumed to arrive at ${routers[0].name}, by which interface is not in evidence`;
      return { device: routers[0], port: some, why, need: { why, command: `ip route get ${src}`, on: routers[0].host } };
    }
  }
  throw new PlumblineError("USAGE", [
    `no host of the snapshot owns the source address ${src}.`,
    `Say where the packet starts: --from DEVICE[:PORT] (${
      net.devices
        .filter(canSend)
        .map((d) => d.name)
        .join(", ") || "the snapshot has none"
    }).`,
  ]);
}

/** The port by which `router` would send to the packet's source. */
function towards(machine: Machine, router: Device, row: Row): number | null {
  const probe = row.slice();
  for (const l of ["ip", "ipv6"]) {
    set(probe, `${l}_dst`, getBig(row, `${l}_src`));
    set(probe, `${l}_src`, 0n);
  }
  machine.reset();
  const events = machine.run(probe, router.id, null, { script: [], beyond: "first" });
  machine.reset();
  for (const e of events) {
    const out = get(e.row, "out_port");
    if (e.kind !== EV.enter && out !== 0 && router.ports.some((p) => p.number === out)) return out;
  }
  return null;
}

/** A port for a packet from beyond where the router's routes do not tell: an interface to which nothing in evidence is attached, if there is one. */
function somePort(router: Device): number | null {
  const netdevs = router.ports.filter((p) => p.attachment.kind === "netdev");
  const bare = netdevs.find((p) => p.attachment.kind === "netdev" && (p.attachment.addresses ?? []).length === 0);
  return (bare ?? netdevs[0])?.number ?? null;
}

/**
 * Addresses a frame to the port it enters by, unless it says otherwise; an ARP request goes to all, and comes from the owner of the
 * address it names, if one is known.
 */
export function addressFrame(net: Network, row: Row, start: Start): Row {
  if (start.port === null) return row;
  const r = row.slice();
  const arp = get(row, "eth_type") === ARP;
  if (arp && getBig(row, "arp_sha") === 0n) {
    const mac = getBig(row, "eth_src") || macOfOwner(net, addressOf(row, "src"));
    set(r, "arp_sha", mac);
    set(r, "eth_src", mac);
  }
  if (getBig(row, "eth_dst") !== 0n) return r;
  const a = start.device.ports.find((p) => p.number === start.port)?.attachment;
  const mac = arp && get(row, "arp_op") === 1 ? BROADCAST_MAC : a?.kind === "netdev" ? macNumber(a.mac) : null;
  if (mac !== null) set(r, "eth_dst", mac);
  return r;
}

/** The MAC of the interface that has an address; 0 where that is not known. */
function macOfOwner(net: Network, address: string): bigint {
  for (const d of net.devices)
    for (const p of d.ports)
      if (p.attachment.kind === "netdev" && p.attachment.addresses?.some((a) => a.address === address)) {
        const mac = macNumber(p.attachment.mac);
        if (mac !== null) return mac;
      }
  return 0n;
}
