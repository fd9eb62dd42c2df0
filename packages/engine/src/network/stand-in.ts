/**
 * Open vSwitch bridges that a host has and of which nothing else is in evidence.
 *
 * `ip link` shows that an interface is a switch's own (type openvswitch; tun beside `ovs-netdev`). What comes to such a host's
 * wire is the bridge's to decide, not the stack's: br-ex takes Service traffic away before the host sees it. So the bridge gets
 * a device, between the wire and the stack, whose answer is *unknown*.
 */
import type { Device, FactBase, LowerContext, NetworkBuilder } from "@plumbline/model";
import { stackOf } from "./ports.js";

/** OpenFlow numbers: OFPP_LOCAL, and one for whatever NIC the bridge has. */
const PORT = { uplink: 1, local: 0xfffe } as const;

/** Makes bridges for interfaces that are a bridge's own by type and name (br-ex, breth0), where no switch in evidence has them. */
export function standInBridges(ctx: LowerContext): void {
  const { net, facts } = ctx;
  for (const host of facts.hosts()) {
    const stack = stackOf(net, host);
    if (!stack || stack.kind === "pod") continue;
    for (const name of switchInterfaces(facts, host))
      if (/^br/.test(name) && hasAddress(stack, name) && !isSwitched(net, host, name)) standIn(ctx, stack, name);
  }
}

function switchInterfaces(facts: FactBase, host: string): string[] {
  const links = facts.of("linux.interface", host).map((f) => f.data);
  const userspace = links.some((i) => i.name === "ovs-netdev");
  return [...new Set(links.filter((i) => i.type === "openvswitch" || (userspace && i.type === "tun")).map((i) => i.name))];
}

function hasAddress(stack: Device, name: string): boolean {
  return stack.ports.some((p) => p.name === name && p.attachment.kind === "netdev" && (p.attachment.addresses ?? []).length > 0);
}

function isSwitched(net: NetworkBuilder, host: string, name: string): boolean {
  return net.devices.some((d) => d.kind === "bridge" && d.host === host && d.ports.some((p) => p.name === name));
}

function standIn(ctx: LowerContext, stack: Device, name: string): void {
  const { net } = ctx;
  const { host } = stack;
  if (net.findDevice(`${host}/${name}`)) return;
  const device = net.device({ name: `${host}/${name}`, kind: "bridge", host, node: stack.node });
  const entry = net.table(device, "0", "openflow", "priority");
  device.entry = entry.id;
  const why = `${name} of ${host} is an Open vSwitch bridge, and its flows are not in evidence`;
  entry.miss = [{ op: "unknown", why, command: `ovs-vsctl show; ovs-ofctl -O OpenFlow15 dump-flows ${name}`, on: host }];
  const origin = stack.ports.find((p) => p.name === name)?.origin ?? null;
  const netdev = { kind: "netdev", host, mac: "" } as const;
  net.port(device, PORT.local, name, { ...netdev, name, internal: true }, origin);
  net.port(device, PORT.uplink, `uplink of ${name}`, { ...netdev, name: `uplink of ${name}`, internal: false }, origin);
  ctx.problem({
    severity: "warning",
    file: origin?.file ?? "",
    line: origin?.line ?? 0,
    message: `${why}: packets on its wire are 'unknown'`,
    hint: `Collect \`ovs-vsctl show\` and \`ovs-ofctl -O OpenFlow15 dump-flows ${name}\` of ${host}.`,
  });
}
