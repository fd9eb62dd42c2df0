/**
 * Joining devices: which port is at the other end of which.
 *
 * Plugins say what they know of each port (its attachment); the joins follow from these and from addresses, each with its
 * reason. In order: patch ports; a switch's internal ports to the host's stack (through the tunnel endpoint where the
 * host's tunnel address lives, see tunnels.ts); a switch's other ports to pods; veth pairs (veth.ts); what is left with an address to the layer 2
 * segment of its subnet (segments.ts). Tunnels of the kernel's datapath wait for the stage `linked`.
 */
import type { Device, FactBase, NetworkBuilder, Port } from "@plumbline/model";
import { isTaken, type JoinNote, type Netdev, netdevPort, stackOf } from "./ports.js";
import { joinSegments } from "./segments.js";
import { joinTunnels } from "./tunnels.js";
import { joinVeths } from "./veth.js";

export function joinLinks(net: NetworkBuilder, facts: FactBase): JoinNote[] {
  const notes: JoinNote[] = [];
  const bridges = net.devices.filter((d) => d.kind === "bridge");
  joinPatches(net, bridges, notes);
  const tunnels = joinTunnels(net, facts, notes);
  for (const b of bridges) {
    for (const p of b.ports) {
      if (net.linkAt(b, p.number) || p.attachment.kind !== "netdev") continue;
      const a = p.attachment;
      if (a.internal) {
        const stack = stackOf(net, a.host);
        const far = stack && netdevPort(stack, a.name);
        if (far)
          net.join(
            b,
            p.number,
            stack,
            far.number,
            "proven",
            `${a.name} is an internal port of ${b.name} and an interface of ${stack.name}`,
          );
        continue;
      }
      const pod = podBehind(net, a);
      if (pod) net.join(b, p.number, pod.device, pod.port.number, pod.certainty, pod.why);
    }
  }
  joinVeths(net);
  joinSegments(net, bridges, tunnels, notes);
  for (const d of net.devices)
    for (const p of d.ports)
      if (!net.linkAt(d, p.number) && p.attachment.kind !== "none" && !isTaken(bridges, d, p) && !isKernelTunnel(net, p))
        if (!notes.some((n) => n.device === d.name && n.port === p.name))
          notes.push({ device: d.name, port: p.name, why: "nothing in the evidence is attached to it" });
  return notes;
}

/** The stack that ends such a tunnel joins it later. */
function isKernelTunnel(net: NetworkBuilder, p: Port): boolean {
  const a = p.attachment;
  return a.kind === "tunnel" && a.datapath === "system" && stackOf(net, a.host) !== undefined;
}

function joinPatches(net: NetworkBuilder, bridges: readonly Device[], notes: JoinNote[]): void {
  for (const b of bridges)
    for (const p of b.ports) {
      const a = p.attachment;
      if (a.kind !== "patch" || net.linkAt(b, p.number)) continue;
      let found = false;
      for (const other of bridges) {
        const q =
          other.host === b.host &&
          other.ports.find((x) => x.attachment.kind === "patch" && x.attachment.name === a.peer && x.attachment.peer === a.name);
        if (!q) continue;
        net.join(b, p.number, other, q.number, "proven", `patch ports ${a.name} and ${a.peer}`, ["pkt_mark"], true);
        found = true;
        break;
      }
      if (!found) notes.push({ device: b.name, port: p.name, why: `its patch peer ${a.peer} is not in the evidence` });
    }
}

/** The pod at the other end of a veth that a switch has as a port: by its OVN name, by the peer index, or by its MAC. */
function podBehind(net: NetworkBuilder, a: Netdev) {
  for (const device of net.devices) {
    if (device.kind !== "pod") continue;
    for (const port of device.ports) {
      const b = port.attachment;
      if (b.kind !== "netdev" || net.linkAt(device, port.number)) continue;
      if (a.ifaceId && device.pod && a.ifaceId === device.pod.replace("/", "_"))
        return { device, port, certainty: "proven" as const, why: `iface-id ${a.ifaceId} of ${a.name}` };
      if (a.mac && b.mac && a.mac.toLowerCase() === b.mac.toLowerCase() && !a.ifaceId)
        return { device, port, certainty: "inferred" as const, why: `${a.name} has attached-mac ${b.mac}` };
      const veth = hostVeth(net, a);
      if (
        veth &&
        b.peerIndex &&
        veth.ifindex === b.peerIndex &&
        veth.peerIndex === b.ifindex &&
        (b.linkNetns === a.host || veth.linkNetns === device.host.replace(/^pods\//, ""))
      )
        return {
          device,
          port,
          certainty: "proven" as const,
          why: `veth ${a.name} (ifindex ${veth.ifindex}) and ${b.name}@if${b.peerIndex}`,
        };
    }
  }
  return undefined;
}
function hostVeth(net: NetworkBuilder, a: Netdev): Netdev | undefined {
  const stack = stackOf(net, a.host);
  return stack && netdevPort(stack, a.name)?.attachment;
}
