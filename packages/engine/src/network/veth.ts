/**
 * Veth pairs: two interfaces that name each other.
 *
 * `ip link` prints a veth as `eth0@if7 … link-netns NAME`: the ifindex of its peer, and the namespace it is in. Where two
 * hosts of the evidence name each other's index, and one of them the other's name, they are the two ends of one wire. A NIC that
 * a switch has taken is joined as the switch's port. An interface enslaved to a Linux bridge is no end: who hangs on that bridge is
 * found by subnet, like any segment.
 */
import type { Device, NetworkBuilder, Port } from "@plumbline/model";
import { isHostLike, stackOf } from "./ports.js";

interface End {
  device: Device;
  port: Port;
  host: string;
  ifindex: number;
  peerIndex: number;
  linkNetns: string;
}

/** The switch port that has taken an interface of a host, if one has. */
function taker(net: NetworkBuilder, host: string, name: string): { device: Device; port: Port } | undefined {
  for (const device of net.devices)
    if (device.kind === "bridge" && device.host === host)
      for (const port of device.ports)
        if (port.attachment.kind === "netdev" && !port.attachment.internal && port.attachment.name === name) return { device, port };
  return undefined;
}

const netns = (host: string) => host.replace(/^pods\//, "");

/**
 * Whether a switch that is not in evidence may have taken an interface. The kernel's datapath shows as its master; the userspace
 * datapath shows only by an interface of its own, and then one without addresses may be a switch's port as well as the stack's.
 */
function mayBeSwitched(stack: Device, port: Port): boolean {
  // Every interface that is up has a link-local address.
  const bare = port.attachment.kind === "netdev" && (port.attachment.addresses ?? []).every((a) => /^fe80:/i.test(a.address));
  return bare && stack.ports.some((p) => p.name === "ovs-netdev");
}

export function joinVeths(net: NetworkBuilder): void {
  const ends: End[] = [];
  for (const d of net.devices) {
    if (!isHostLike(d) || stackOf(net, d.host) !== d) continue;
    for (const p of d.ports) {
      const a = p.attachment;
      if (a.kind !== "netdev" || !a.ifindex || !a.peerIndex || a.master) continue;
      const taken = taker(net, d.host, a.name);
      if (!taken && mayBeSwitched(d, p)) continue;
      const at = taken ?? { device: d, port: p };
      if (!net.linkAt(at.device, at.port.number))
        ends.push({ ...at, host: d.host, ifindex: a.ifindex, peerIndex: a.peerIndex, linkNetns: a.linkNetns ?? "" });
    }
  }
  for (const a of ends)
    for (const b of ends) {
      if (a === b || a.host === b.host || a.peerIndex !== b.ifindex || b.peerIndex !== a.ifindex) continue;
      if (a.linkNetns !== netns(b.host) || net.linkAt(a.device, a.port.number) || net.linkAt(b.device, b.port.number)) continue;
      // Where the other end names a namespace that is a host of the evidence, it must be this one.
      if (b.linkNetns !== netns(a.host) && ends.some((e) => netns(e.host) === b.linkNetns)) continue;
      net.join(
        a.device,
        a.port.number,
        b.device,
        b.port.number,
        "proven",
        `veth pair: ${a.port.name} of ${a.host} and ${b.port.name} of ${b.host} name each other (ifindex ${a.ifindex} and ${b.ifindex})`,
      );
    }
}
