/**
 * Tunnels of a switch whose datapath is the kernel's: the host's own stack sends and receives their outer packets.
 *
 * What leaves a bridge by a tunnel port is encapsulated by the kernel and sent like a packet of a local socket: routing, OUTPUT,
 * POSTROUTING, neighbours (geneve_xmit(), drivers/net/geneve.c; iptunnel_xmit() calls ip_local_out()). What comes in by PREROUTING,
 * routing and INPUT to the tunnel's UDP port is taken out where a socket would get it (geneve_udp_encap_recv()), and enters the bridge
 * by the tunnel port that has the sender as its remote_ip. The mark of the tunnelled packet is that of the outer one too.
 *
 *     bridge tunnel port k -- port of the host --> origin … POSTROUTING
 *                                              <-- INPUT … sockets (udp to the tunnel's port)
 *
 * The ports are those that the switch's plugin has given an attachment of kind "tunnel" with datapath "system".
 */
import { type Attachment, type Device, ipv4Number, type Port, slice, type TableId, TUNNEL_FIELDS } from "@plumbline/model";
import { type HostStack, jump, match, set } from "./stack.js";

type Tunnel = Extract<Attachment, { kind: "tunnel" }>;

const MARK = slice("pkt_mark");

/** Joins the kernel's tunnels of a host to its stack; bridges must be there. */
export function buildTunnels(stack: HostStack, sockets: TableId): void {
  const { net, device, evidence } = stack;
  const peers = new Map<number, TableId>();
  for (const bridge of net.devices) {
    if (bridge.kind !== "bridge") continue;
    for (const port of bridge.ports) {
      const a = port.attachment;
      if (a.kind === "tunnel" && a.datapath === "system" && a.host === evidence.host && !net.linkAt(bridge, port.number))
        buildTunnel(stack, sockets, peers, bridge, port, a);
    }
  }
  for (const table of peers.values())
    net.tables[table].miss = [
      {
        op: "unknown",
        why: `no tunnel port of ${device.name} has the sender as its remote_ip`,
        command: "ovs-vsctl list interface",
        on: evidence.host,
      },
    ];
}

function buildTunnel(stack: HostStack, sockets: TableId, peers: Map<number, TableId>, bridge: Device, port: Port, a: Tunnel): void {
  const { net, device } = stack;
  const number = Math.max(...device.ports.map((p) => p.number)) + 1;
  net.port(device, number, a.name, a, port.origin);
  net.join(
    bridge,
    port.number,
    device,
    number,
    "proven",
    `tunnel port ${a.name} of the kernel's datapath: ${device.name} sends its packets`,
    [...TUNNEL_FIELDS, "pkt_mark"],
  );
  const remote = ipv4Number(a.remoteIp);
  // Without local_ip the route chooses the source, and any address of the host receives.
  const local = a.localIp === "" ? null : ipv4Number(a.localIp);
  const usable = remote !== null && (local !== null || a.localIp === "") && a.udpPort !== 0;
  const entry = net.tables[device.entry];
  const rows = [match({ in_port: number })];
  if (!usable) {
    const why = `tunnel ${a.name} is not one over UDP between IPv4 addresses (${a.localIp} to ${a.remoteIp})`;
    net.rule(entry, {
      priority: 60,
      rows,
      program: [{ op: "unknown", why, command: "ovs-vsctl list interface", on: a.host }],
      origin: port.origin,
    });
    return;
  }
  const send = net.table(device, `encapsulation of ${a.name}`, "tunnel", "priority");
  net.rule(entry, { priority: 60, rows, program: [jump(send.id)] });
  net.rule(send, {
    program: [
      set("tun_src", local ?? 0),
      set("tun_dst", remote),
      { op: "push", src: MARK },
      { op: "encap", kind: "geneve", port: a.udpPort },
      { op: "pop", dst: MARK },
      set("reg6", 1),
      jump(stack.origin),
    ],
    origin: port.origin,
  });

  let table = peers.get(a.udpPort);
  if (table === undefined) {
    table = net.table(device, `UDP port ${a.udpPort}`, "tunnel", "priority").id;
    peers.set(a.udpPort, table);
  }
  const to: Record<string, number> = local === null ? {} : { ip_dst: local };
  const taken = match({ eth_type: 0x0800, ip_proto: 17, tp_dst: a.udpPort, ...to });
  net.rule(net.tables[sockets], { priority: 60, rows: [taken], program: [{ op: "goto", table }] });
  net.rule(net.tables[table], {
    priority: local === null ? 1 : 2,
    rows: [match({ ip_src: remote, ...to })],
    program: [{ op: "decap" }, { op: "output", port: number, allowIn: true }],
    origin: port.origin,
  });
}
