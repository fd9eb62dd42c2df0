/**
 * What comes in at an interface: is the frame for this host, is it a packet that is followed; then PREROUTING, routing, and by the route's
 * type to the host's own sockets or to forwarding.
 *
 * ARP goes its own way (arp.ts), sources are checked behind the route (reverse-path.ts). Not modelled: neighbour discovery as packets,
 * multicast, VLAN interfaces.
 */
import { type Action, type Match, macNumber, type TableId } from "@plumbline/model";
import { vrfOf } from "./prefer-source.js";
import {
  drop,
  ETH_ARP,
  ETH_TYPE,
  FAMILIES,
  GROUP_MAC,
  type HostStack,
  jump,
  LOOPBACK_NET,
  match,
  ROUTE,
  routesLocalnet,
  set,
} from "./stack.js";

const VLAN_TAG = 0x1000;

/** Fills the table for packets that enter at a port. */
export function buildEntry(stack: HostStack, entry: TableId, prerouting: TableId, arp: TableId): void {
  const { net, evidence } = stack;
  const t = net.tables[entry];
  net.rule(t, { priority: 25, rows: [match({ eth_type: ETH_ARP })], program: [jump(arp)] });
  const tagged: Action = {
    op: "unknown",
    why: "the frame is tagged, and which VLAN interface takes it is not followed",
    command: "ip -d link",
    on: evidence.host,
  };
  net.rule(t, { priority: 30, rows: [match({ vlan_tci: [VLAN_TAG, VLAN_TAG] })], program: [tagged] });
  for (const i of evidence.interfaces) {
    const mac = macNumber(i.mac);
    const source =
      mac !== null
        ? { origin: i.origin, certainty: i.certainty, why: i.why }
        : {
            origin: i.origin,
            certainty: "assumed" as const,
            why: "the interface's MAC is not in evidence: every frame is taken for its own",
          };
    const own: readonly Match[] = FAMILIES.map((f) =>
      match({ in_port: i.number, eth_type: ETH_TYPE[f], ...(mac !== null && i.number !== stack.loopback ? { eth_dst: mac } : {}) }),
    );
    const forMany: readonly Match[] = FAMILIES.map((f) =>
      match({ in_port: i.number, eth_type: ETH_TYPE[f], eth_dst: [GROUP_MAC, GROUP_MAC] }),
    );
    const vrf = vrfOf(evidence, i);
    const program: Action[] = [...(vrf ? [set("reg5", vrf.number)] : []), jump(prerouting)];
    net.rule(t, { priority: 20, rows: own, program, ...source });
    net.rule(t, { priority: 10, rows: forMany, program });
  }
  net.rule(t, { priority: 5, rows: FAMILIES.map((f) => match({ eth_type: ETH_TYPE[f] })), program: [drop("not this host's MAC")] });
  t.miss = [drop("neither IPv4 nor IPv6: not followed")];
}

/** Where PREROUTING leads: refuses addresses that cannot be, routes, and turns by the route's type. */
export function buildInputRouting(stack: HostStack, table: TableId, input: TableId, forward: TableId): void {
  const { net, device } = stack;
  const decision = net.table(device, "input decision", "hook", "priority");
  net.rule(decision, {
    rows: [match({ reg14: ROUTE.local }), match({ reg14: ROUTE.broadcast })],
    program: [{ op: "call", table: stack.sourceCheck }, jump(input)],
  });
  net.rule(decision, { rows: [match({ reg14: ROUTE.multicast })], program: [drop("multicast is not followed")] });
  decision.miss = [jump(forward)];

  const t = net.tables[table];
  // A packet that came round through the loopback interface has its route.
  net.rule(t, { priority: 50, rows: [match({ reg15: 1 })], program: [jump(input)] });
  const multicast = [
    match({ eth_type: 0x0800, ip_dst: [0xe0000000, 0xf0000000] }),
    match({ eth_type: 0x86dd, ipv6_dst: [0xffn << 120n, 0xffn << 120n] }),
  ];
  net.rule(t, { priority: 40, rows: multicast, program: [drop("multicast is not followed")] });
  net.rule(t, {
    priority: 40,
    rows: [match({ eth_type: 0x0800, ip_dst: 0xffffffff })],
    program: [set("reg14", ROUTE.broadcast), { op: "call", table: stack.sourceCheck }, jump(input)],
  });
  martians(stack, table);
  t.miss = [set("reg14", ROUTE.none), { op: "call", table: stack.routing }, jump(decision.id)];
}

/**
 * Addresses that no packet may come in with (ip_route_input_slow(), net/ipv4/route.c): a source that is for many, no source or
 * destination at all (0.0.0.0), and the loopback network, unless route_localnet is set.
 */
function martians(stack: HostStack, table: TableId): void {
  const { net, evidence } = stack;
  const t = net.tables[table];
  const refuse = (fields: Parameters<typeof match>[0], reason: string, priority = 30) =>
    net.rule(t, { priority, rows: [match({ eth_type: ETH_TYPE[4], ...fields })], program: [drop(`martian: ${reason}`)] });
  refuse({ ip_src: [0xe0000000, 0xf0000000] }, "a multicast address as source", 45);
  refuse({ ip_src: 0xffffffff }, "the broadcast address as source", 45);
  refuse({ ip_src: 0 }, "no source");
  refuse({ ip_dst: 0 }, "no destination");
  for (const i of evidence.interfaces) {
    if (i.number === stack.loopback || routesLocalnet(stack, i.name)) continue;
    for (const side of ["ip_src", "ip_dst"]) refuse({ in_port: i.number, [side]: LOOPBACK_NET }, "a loopback address on the wire");
  }
}
