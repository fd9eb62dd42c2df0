/** Looking at ports and stacks: what all joins need. */
import type { Attachment, Device, NetworkBuilder, Port } from "@plumbline/model";

export type Netdev = Extract<Attachment, { kind: "netdev" }>;

/** A port without a link. */
export interface JoinNote {
  readonly device: string;
  readonly port: string;
  readonly why: string;
}

export const isHostLike = (d: Device) => d.kind === "host" || d.kind === "router" || d.kind === "pod" || d.kind === "outside";

/** The stack of an evidence host. */
export function stackOf(net: NetworkBuilder, host: string): Device | undefined {
  return net.devices.find((d) => isHostLike(d) && d.host === host);
}

export function netdevPort(d: Device, name: string): (Port & { attachment: Netdev }) | undefined {
  return d.ports.find((p) => p.attachment.kind === "netdev" && p.attachment.name === name) as (Port & { attachment: Netdev }) | undefined;
}

/** An interface of a host that a switch has taken as its port belongs to the switch. */
export function isTaken(bridges: readonly Device[], d: Device, p: Port): boolean {
  const a = p.attachment;
  if (!isHostLike(d) || a.kind !== "netdev") return false;
  if (a.master) return true;
  return bridges.some(
    (b) =>
      b.host === d.host && b.ports.some((q) => q.attachment.kind === "netdev" && !q.attachment.internal && q.attachment.name === a.name),
  );
}
