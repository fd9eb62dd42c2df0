/**
 * Layer 2 segments: interfaces whose addresses share a subnet are on one wire.
 *
 * A cluster's evidence does not tell how nodes and routers are cabled. Two interfaces with addresses in one connected
 * prefix are taken to be on one segment (inferred); an interface with two prefixes joins both. Link-local prefixes say
 * nothing and are left out, so are /32 and loopback. A switch's uplink (its port that is a NIC) is on the segment of the
 * addresses of the switch's own interface. Pods' interfaces are never joined by subnet: the overlay is between them.
 */
import { type Action, type Device, ipv4Number, macNumber, matchField, type NetworkBuilder, type Port } from "@plumbline/model";
import { isHostLike, isTaken, type JoinNote, netdevPort, stackOf } from "./ports.js";

/** The low bit of a MAC's first byte: the frame is for many. */
const GROUP_MAC = 0x010000000000n;

interface Member {
  device: Device;
  port: Port;
  /** Connected prefixes, "192.0.2.0/24". */
  prefixes: string[];
  macs: { mac: string; why: string }[];
}

function prefixesOf(port: Port): string[] {
  if (port.attachment.kind !== "netdev") return [];
  const out: string[] = [];
  for (const a of port.attachment.addresses ?? []) {
    if (a.address.includes(":") || a.prefixLen >= 32 || a.prefixLen === 0) continue;
    const n = ipv4Number(a.address);
    if (n === null || n >>> 24 === 127 || n >>> 16 === 0xa9fe) continue;
    const net = (n & (0xffffffff << (32 - a.prefixLen))) >>> 0;
    out.push(`${net >>> 24}.${(net >>> 16) & 255}.${(net >>> 8) & 255}.${net & 255}/${a.prefixLen}`);
  }
  return [...new Set(out)];
}

export function joinSegments(net: NetworkBuilder, bridges: readonly Device[], underlay: ReadonlySet<string>, notes: JoinNote[]): void {
  const members: Member[] = [];
  for (const d of net.devices) {
    if (isHostLike(d) && d.kind !== "pod")
      for (const p of d.ports) {
        if (net.linkAt(d, p.number) || isTaken(bridges, d, p) || underlay.has(`${d.id}:${p.number}`)) continue;
        const prefixes = prefixesOf(p);
        if (prefixes.length > 0 && p.attachment.kind === "netdev")
          members.push({
            device: d,
            port: p,
            prefixes,
            macs: p.attachment.mac ? [{ mac: p.attachment.mac, why: `MAC of ${d.name} ${p.name}` }] : [],
          });
      }
    if (d.kind === "bridge") uplink(net, d, members, notes);
  }
  for (const group of grouped(members)) {
    if (group.members.length < 2) {
      notes.push({
        device: group.members[0].device.name,
        port: group.members[0].port.name,
        why: `no other host in the evidence has an address in ${group.prefixes.join(", ")}`,
      });
      continue;
    }
    segment(net, group.prefixes, group.members);
  }
}

/** The NIC of a switch: a port that is neither internal, patch, tunnel nor joined to a pod. */
function uplink(net: NetworkBuilder, bridge: Device, members: Member[], notes: JoinNote[]): void {
  const stack = stackOf(net, bridge.host);
  if (!stack) return;
  const own = bridge.ports.filter((p) => p.attachment.kind === "netdev" && p.attachment.internal);
  const locals = own.map((p) => netdevPort(stack, p.name)).filter((p) => p !== undefined);
  const prefixes = locals.flatMap(prefixesOf);
  for (const p of bridge.ports) {
    if (net.linkAt(bridge, p.number) || p.attachment.kind !== "netdev" || p.attachment.internal || p.attachment.ifaceId) continue;
    if (prefixes.length === 0) {
      notes.push({ device: bridge.name, port: p.name, why: `no address of ${bridge.host} tells which segment it is on` });
      continue;
    }
    const macs = locals.flatMap((l) =>
      l.attachment.mac ? [{ mac: l.attachment.mac, why: `MAC of ${l.name}, behind ${bridge.name}` }] : [],
    );
    members.push({ device: bridge, port: p, prefixes, macs });
  }
}

function grouped(members: Member[]): { prefixes: string[]; members: Member[] }[] {
  let groups: { prefixes: Set<string>; members: Member[] }[] = [];
  for (const m of members) {
    const hit = groups.filter((g) => m.prefixes.some((p) => g.prefixes.has(p)));
    const merged = {
      prefixes: new Set([...m.prefixes, ...hit.flatMap((g) => [...g.prefixes])]),
      members: [...hit.flatMap((g) => g.members), m],
    };
    groups = [...groups.filter((g) => !hit.includes(g)), merged];
  }
  return groups.map((g) => ({ prefixes: [...g.prefixes].sort(), members: g.members }));
}

function segment(net: NetworkBuilder, prefixes: string[], members: Member[]): void {
  const d = net.device({ name: `segment ${prefixes.join(" ")}`, kind: "segment", host: "" });
  const macs: Parameters<NetworkBuilder["l2Table"]>[3] extends readonly (infer T)[] ? T[] : never = [];
  members.forEach((m, i) => {
    const number = i + 1;
    net.port(d, number, `${m.device.name} ${m.port.name}`, { kind: "none" });
    net.join(d, number, m.device, m.port.number, "inferred", `${m.device.name} ${m.port.name} has an address in ${m.prefixes.join(", ")}`);
    for (const x of m.macs) {
      const mac = macNumber(x.mac);
      if (mac !== null && !macs.some((y) => y.mac === mac))
        macs.push({ mac, port: number, origin: m.port.origin, certainty: "inferred", why: x.why });
    }
  });
  const everywhere = members.map((_, i) => i + 1);
  const t = net.l2Table(d, "segment", "segment", macs, everywhere);
  const flood: Action[] = everywhere.map((port) => ({ op: "output", port }));
  net.rule(t, { priority: 0, rows: [matchField([], "eth_dst", GROUP_MAC, GROUP_MAC)], program: flood });
  // Nothing tells that these are all who are on the wire: a frame that none of them takes may have gone to another.
  t.miss = [
    ...flood,
    {
      op: "unknown",
      why: `who else is on the segment ${prefixes.join(", ")} is not in evidence`,
      command: "show mac address-table (on Linux: bridge fdb show)",
      on: `the switch of ${prefixes.join(", ")}`,
    },
  ];
  d.entry = t.id;
}
