/**
 * Tunnel endpoints: between a host's tunnel address and its integration bridge.
 *
 * With OVS's userspace datapath a tunnel port encapsulates by OVS's own route and neighbour tables and hands the outer
 * packet to the bridge that owns the route (br-ex, as if it came from LOCAL); what arrives for LOCAL with the tunnel's
 * UDP port and address is taken out there (lib/netdev-native-tnl.c, ofproto/tunnel.c). This is a small device of its
 * own, spliced between the bridge and the host's stack:
 *
 *     bridge LOCAL --1 [tunnel] 2-- host stack
 *                       10+k -- br-int tunnel port k
 *
 * so that the outer packet walks the bridge's flows, the segment and the peer's bridge like any packet.
 *
 * With the kernel's datapath the host's own stack encapsulates and takes out: whoever lowers the stack joins these ports
 * (plugins/linux/src/lower/tunnels.ts).
 */
import {
  type Device,
  type FactBase,
  ipv4Number,
  macNumber,
  matchField,
  type NetworkBuilder,
  type Port,
  slice,
  TUNNEL_FIELDS,
} from "@plumbline/model";
import { type JoinNote, netdevPort, stackOf } from "./ports.js";

declare module "@plumbline/model" {
  interface FactKinds {
    "ovs.tunnel-neighbour": { address: string; mac: string; bridge: string };
  }
}

const UNDERLAY = 1;
const STACK = 2;
const FIRST = 10;

interface TunnelPort {
  device: Device;
  port: Port;
  localIp: string;
  remoteIp: string;
  udpPort: number;
}

/** Makes the tunnel endpoints. Returns the stack ports (`device:port`) they took. */
export function joinTunnels(net: NetworkBuilder, facts: FactBase, notes: JoinNote[]): Set<string> {
  const taken = new Set<string>();
  const byHost = new Map<string, TunnelPort[]>();
  for (const d of net.devices)
    for (const p of d.ports) {
      const a = p.attachment;
      if (a.kind !== "tunnel" || d.kind !== "bridge") continue;
      if (a.datapath === "system") {
        if (!stackOf(net, a.host))
          notes.push({
            device: d.name,
            port: p.name,
            why: `the stack of ${a.host}, which sends its tunnels' packets, is not in the evidence`,
          });
        continue;
      }
      byHost.set(a.host, [
        ...(byHost.get(a.host) ?? []),
        { device: d, port: p, localIp: a.localIp, remoteIp: a.remoteIp, udpPort: a.udpPort },
      ]);
    }
  for (const [host, ports] of byHost) {
    const stack = stackOf(net, host);
    const local = ports.find((p) => p.localIp)?.localIp ?? "";
    const iface = stack?.ports.find((p) => p.attachment.kind === "netdev" && p.attachment.addresses?.some((a) => a.address === local));
    const bridge = net.devices.find(
      (d) => d.kind === "bridge" && d.host === host && iface && netdevPort(d, iface.name)?.attachment.internal,
    );
    const bridgePort = bridge && iface && netdevPort(bridge, iface.name);
    if (!stack || !iface || !bridge || !bridgePort) {
      for (const p of ports)
        notes.push({
          device: p.device.name,
          port: p.port.name,
          why: `which interface of ${host} has the tunnel address ${local || "(local_ip)"} is not in the evidence, or it is not an internal port of a bridge`,
        });
      continue;
    }
    endpoint(net, facts, host, ports, { stack, iface, bridge, bridgePort });
    taken.add(`${stack.id}:${iface.number}`);
  }
  return taken;
}

function endpoint(
  net: NetworkBuilder,
  facts: FactBase,
  host: string,
  ports: TunnelPort[],
  at: { stack: Device; iface: Port; bridge: Device; bridgePort: Port },
): void {
  const d = net.device({ name: `${host}/tunnel`, kind: "tunnel", host, node: at.stack.node });
  net.port(d, UNDERLAY, at.bridgePort.name, { kind: "none" });
  net.port(d, STACK, at.iface.name, { kind: "none" });
  const why = `${at.iface.name} is an internal port of ${at.bridge.name} and holds the tunnel address`;
  net.join(d, UNDERLAY, at.bridge, at.bridgePort.number, "proven", why);
  net.join(d, STACK, at.stack, at.iface.number, "proven", why);

  const entry = net.table(d, "tunnel", "tunnel", "priority");
  const peers = net.table(d, "peers", "tunnel", "priority");
  d.entry = entry.id;
  const mac = macNumber(at.iface.attachment.kind === "netdev" ? at.iface.attachment.mac : "");
  const neighbours = new Map(facts.of("ovs.tunnel-neighbour", host).map((f) => [f.data.address, f]));
  const locals = new Set<string>();
  ports.forEach((p, i) => {
    const number = FIRST + i;
    net.port(d, number, p.port.name, { kind: "none" });
    net.join(d, number, p.device, p.port.number, "proven", `tunnel port ${p.port.name}`, TUNNEL_FIELDS);
    const local = ipv4Number(p.localIp);
    const remote = ipv4Number(p.remoteIp);
    if (local === null || remote === null || p.udpPort === 0) {
      net.rule(entry, {
        priority: 20,
        rows: [matchField([], "in_port", number)],
        program: [
          {
            op: "unknown",
            why: `tunnel ${p.port.name} is not one over UDP between IPv4 addresses (${p.localIp} to ${p.remoteIp})`,
            command: "ovs-vsctl list interface",
            on: host,
          },
        ],
        origin: p.port.origin,
      });
      return;
    }
    const key = `${p.localIp}:${p.udpPort}`;
    if (!locals.has(key)) {
      locals.add(key);
      let m = matchField([], "in_port", UNDERLAY);
      m = matchField(m, "eth_type", 0x0800);
      m = matchField(m, "ip_proto", 17);
      m = matchField(m, "ip_dst", local);
      m = matchField(m, "tp_dst", p.udpPort);
      net.rule(entry, {
        priority: 30,
        rows: [m],
        program: [{ op: "decap" }, { op: "goto", table: peers.id }],
        origin: p.port.origin,
        certainty: "proven",
      });
    }
    net.rule(peers, {
      priority: 1,
      rows: [matchField([], "tun_src", remote)],
      program: [{ op: "output", port: number }],
      origin: p.port.origin,
    });
    const n = neighbours.get(p.remoteIp);
    const far = n ? macNumber(n.data.mac) : ownerMac(net, p.remoteIp);
    net.rule(entry, {
      priority: 20,
      rows: [matchField([], "in_port", number)],
      origin: n ? n.origin : p.port.origin,
      certainty: n ? "proven" : far !== null ? "inferred" : "assumed",
      why: n ? "" : "the tunnel's neighbour table is not in evidence (ovs-appctl tnl/neigh/show): ARP would find it",
      program: [
        { op: "set", dst: slice("tun_src"), value: BigInt(local) },
        { op: "set", dst: slice("tun_dst"), value: BigInt(remote) },
        { op: "encap", kind: "geneve", port: p.udpPort },
        ...(far === null || mac === null
          ? ([
              { op: "unknown", why: `MAC address of the tunnel's far end ${p.remoteIp}`, command: "ovs-appctl tnl/neigh/show", on: host },
            ] as const)
          : ([
              { op: "set", dst: slice("eth_src"), value: mac },
              { op: "set", dst: slice("eth_dst"), value: far },
              { op: "output", port: UNDERLAY },
            ] as const)),
      ],
    });
  });
  peers.miss = [
    { op: "unknown", why: `no tunnel port of ${host} has the sender as its remote_ip`, command: "ovs-vsctl list interface", on: host },
  ];
  net.rule(entry, { priority: 10, rows: [matchField([], "in_port", UNDERLAY)], program: [{ op: "output", port: STACK }] });
  net.rule(entry, { priority: 10, rows: [matchField([], "in_port", STACK)], program: [{ op: "output", port: UNDERLAY }] });
}

function ownerMac(net: NetworkBuilder, address: string): bigint | null {
  for (const d of net.devices)
    for (const p of d.ports)
      if (p.attachment.kind === "netdev" && p.attachment.addresses?.some((a) => a.address === address)) return macNumber(p.attachment.mac);
  return null;
}
