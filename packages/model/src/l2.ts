/**
 * Who answers on a wire: the owners of addresses in the layer 2 domain behind a port.
 *
 * The domain is walked over links through segments, switches (bridges) and tunnels' host side; host-like devices end it. What
 * a switch's flows would do to an ARP request is not asked: an owner found here is *inferred* ("ARP would find it").
 */
import type { Device, Network } from "./network.js";

export interface Owner {
  readonly address: string;
  readonly mac: string;
  readonly device: Device;
  readonly port: number;
}

/**
 * Owners of addresses reachable on layer 2 from `port` of `device`, itself excluded.
 * `complete`: every port met on the way was joined to something, so that an address not listed has no owner.
 */
export function l2Owners(net: Network, device: Device, port: number): { owners: Owner[]; complete: boolean } {
  const owners: Owner[] = [];
  let complete = true;
  const seen = new Set<string>();
  const queue: { device: number; port: number }[] = [{ device: device.id, port }];
  const byPort = new Map<string, { toDevice: number; toPort: number }>();
  for (const l of net.links) byPort.set(`${l.device}:${l.port}`, l);
  for (let at = queue.shift(); at; at = queue.shift()) {
    const far = byPort.get(`${at.device}:${at.port}`);
    if (!far) {
      complete = false;
      continue;
    }
    const k = `${far.toDevice}:${far.toPort}`;
    if (seen.has(k)) continue;
    seen.add(k);
    const d = net.devices[far.toDevice];
    if (d.kind === "segment" || d.kind === "bridge" || d.kind === "tunnel") {
      for (const p of d.ports) {
        if (p.number === far.toPort || p.attachment.kind === "tunnel") continue;
        // Patch ports lead from the external bridge into the overlay, another domain.
        if (d.kind === "bridge" && p.attachment.kind === "patch") continue;
        if (d.kind === "bridge" && p.attachment.kind === "none") continue;
        queue.push({ device: d.id, port: p.number });
      }
      continue;
    }
    const p = d.ports.find((x) => x.number === far.toPort);
    if (p?.attachment.kind === "netdev" && d.id !== device.id)
      for (const a of p.attachment.addresses ?? []) owners.push({ address: a.address, mac: p.attachment.mac, device: d, port: p.number });
  }
  return { owners, complete };
}
