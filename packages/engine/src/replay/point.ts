/**
 * Capture points: where a capture was taken, and how a frame's direction is told there.
 *
 * A point is a port of a device. It is said (`DEVICE:PORT`), or is the end of the capture's file name
 * (`router.enp7s0.pcap`, `monday.router.enp7s0.pcap.gz`). The interface of a host that is a port of a switch belongs to the
 * switch: what enters there enters the bridge.
 *
 * Direction is told by MAC: at a port of a stack by its own; at a port of a switch by that of the one stack beyond it (a
 * veth to a pod), else by those of the host: what is from one of them leaves.
 */
import type { Direction, TunnelEnds } from "@plumbline/core-wasm";
import { type Device, ipv4Number, ipv6Number, macNumber, macText, type Network, PlumblineError, type Port } from "@plumbline/model";

export interface CapturePoint {
  readonly device: Device;
  readonly port: Port;
  readonly direction: Direction;
  /** Tunnels that end at the point's host: there a tunnelled packet counts as the one inside. */
  readonly tunnels?: TunnelEnds;
  /** Addresses of the device where it sends packets itself. */
  readonly own: readonly bigint[];
  /** `DEVICE:PORT` with the names of the network. */
  readonly text: string;
  /** How direction is told, for the reader. */
  readonly why: string;
}

/** Extensions of captures; tcpdump -C numbers its files. */
const EXTENSION = /\.(pcapng|pcap|cap|dmp)\d*$/i;

/** The point that is meant by `DEVICE:PORT`. Throws if there is none. */
export function pointOf(net: Network, text: string, capture: string): CapturePoint {
  const at = text.lastIndexOf(":");
  if (at < 1) throw new PlumblineError("CAPTURE_POINT", [capture, `'${text}' is not DEVICE:PORT.`]);
  const [device, port] = [text.slice(0, at), text.slice(at + 1)];
  const found = findPort(net, device, port);
  if (found) return withDirection(net, found, capture);
  const devices = named(net, device);
  if (devices.length > 0) {
    const ports = [...new Set(devices.flatMap((d) => d.ports.map((p) => p.name)))].join(", ");
    throw new PlumblineError("CAPTURE_POINT", [capture, `${device} has no port '${port}' (${ports}).`]);
  }
  const all = net.devices.filter((d) => d.ports.some((p) => p.attachment.kind === "netdev")).map((d) => d.name);
  throw new PlumblineError("CAPTURE_POINT", [
    capture,
    `'${device}' is not a device of this snapshot (${all.length > 0 ? all.join(", ") : "it has none with interfaces"}).`,
  ]);
}

/** The point that a file name tells: its end is DEVICE.PORT, either of which may hold dots. Null if it tells none. */
export function pointInName(net: Network, name: string, capture: string): CapturePoint | null {
  const words = (name.split("/").at(-1) ?? "").replace(/\.gz$/i, "").replace(EXTENSION, "").split(".");
  for (let start = 0; start < words.length - 1; start++)
    for (let cut = words.length - 1; cut > start; cut--) {
      const found = findPort(net, words.slice(start, cut).join("."), words.slice(cut).join("."));
      if (found) return withDirection(net, found, capture);
    }
  return null;
}

interface Found {
  readonly device: Device;
  readonly port: Port;
}

function named(net: Network, name: string): Device[] {
  const exact = net.devices.filter((d) => d.name === name && d.host !== name);
  if (exact.length > 0) return exact;
  return net.devices.filter(
    (d) => d.name === name || d.aliases.includes(name) || d.host === name || d.pod === name || (d.node === name && d.kind !== "pod"),
  );
}

function findPort(net: Network, device: string, port: string): Found | undefined {
  const all = named(net, device).flatMap((d) =>
    d.ports.filter((p) => p.name === port && p.attachment.kind === "netdev").map((p) => ({ device: d, port: p })),
  );
  // The port of a switch comes before the interface of the stack that lends it; what the switch made is the stack's.
  const lent = all.find((x) => x.device.kind === "bridge" && x.port.attachment.kind === "netdev" && !x.port.attachment.internal);
  return lent ?? all.find((x) => x.device.origin >= 0) ?? all[0];
}

function withDirection(net: Network, found: Found, capture: string): CapturePoint {
  const { device, port } = found;
  const tunnels = tunnelsOf(net, device.host);
  const point = (direction: Direction, why: string): CapturePoint => ({
    device,
    port,
    direction,
    ...(tunnels ? { tunnels } : {}),
    own: device.origin >= 0 ? addressesOf(device) : [],
    text: `${device.name}:${port.name}`,
    why,
  });
  const own = port.attachment.kind === "netdev" ? macNumber(port.attachment.mac) : null;
  if (device.kind !== "bridge") {
    if (own === null) throw noMac(capture, device, port);
    return point({ kind: "to", mac: own }, `frames to ${macText(own)} enter`);
  }
  const far = net.links.find((l) => l.device === device.id && l.port === port.number);
  const beyond = far && net.devices[far.toDevice];
  const theirs = beyond && beyond.origin >= 0 ? macOf(beyond, far.toPort) : null;
  if (theirs !== null) return point({ kind: "by", macs: [theirs] }, `frames from ${macText(theirs)} enter`);
  const macs = new Set<bigint>();
  for (const d of net.devices) if (d.host === device.host) for (const p of d.ports) addMac(macs, d, p.number);
  if (macs.size === 0) throw noMac(capture, device, port);
  return point({ kind: "from", macs: [...macs] }, `frames enter that are from no interface of ${device.host}`);
}

function addressesOf(device: Device): bigint[] {
  return device.ports
    .flatMap((p) => (p.attachment.kind === "netdev" ? (p.attachment.addresses ?? []) : []))
    .map((a) => ipv6Number(a.address) ?? ipv4Number(a.address))
    .filter((a) => a !== null)
    .map(BigInt);
}

/** Where the tunnels of a host end. */
function tunnelsOf(net: Network, host: string): TunnelEnds | null {
  const ends = net.devices
    .filter((d) => d.host === host)
    .flatMap((d) => d.ports.flatMap((p) => (p.attachment.kind === "tunnel" ? [p.attachment] : [])));
  const addresses = new Set(ends.map((a) => ipv4Number(a.localIp)).filter((a) => a !== null));
  return addresses.size === 0 ? null : { port: ends[0].udpPort, addresses: [...addresses], option: 0 };
}

function macOf(device: Device, number: number): bigint | null {
  const a = device.ports.find((p) => p.number === number)?.attachment;
  return a?.kind === "netdev" ? macNumber(a.mac) : null;
}
function addMac(macs: Set<bigint>, device: Device, number: number): void {
  const mac = macOf(device, number);
  if (mac !== null && mac !== 0n) macs.add(mac);
}

function noMac(capture: string, device: Device, port: Port): PlumblineError {
  return new PlumblineError("CAPTURE_POINT", [
    capture,
    `the MAC of ${port.name} on ${device.name} is not in the evidence, so that entering frames cannot be told from leaving ones ('ip -d link' shows it).`,
  ]);
}
