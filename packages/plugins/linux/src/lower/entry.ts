/**
 * What comes in at an interface: is the frame for this host, is it a packet that is followed; then PREROUTING, routing, and by the route's
 * type to the host's own sockets or to forwarding.
 *
 * ARP goes its own way (arp.ts). Not modelled: neighbour discovery as packets, multicast, VLAN interfaces, reverse path filtering.
 */
import { type Action, type Match, macNumber, type TableId } from "@plumbline/model";
import { maskOf, parseAddress } from "../address.js";
import { drop, ETH_ARP, ETH_TYPE, FAMILIES, GROUP_MAC, type HostStack, jump, match, ROUTE, set } from "./stack.js";

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
    net.rule(t, { priority: 20, rows: own, program: [jump(prerouting)], ...source });
    net.rule(t, { priority: 10, rows: forMany, program: [jump(prerouting)] });
  }
  net.rule(t, { priority: 5, rows: FAMILIES.map((f) => match({ eth_type: ETH_TYPE[f] })), program: [drop("not this host's MAC")] });
  t.miss = [drop("neither IPv4 nor IPv6: not followed")];
}

/** Where PREROUTING leads: refuses addresses that cannot be, routes, and turns by the route's type. */
export function buildInputRouting(stack: HostStack, table: TableId, input: TableId, forward: TableId): void {
  const { net, device } = stack;
  const decision = net.table(device, "input decision", "hook", "priority");
  net.rule(decision, { rows: [match({ reg14: ROUTE.local }), match({ reg14: ROUTE.broadcast })], program: [jump(input)] });
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
    program: [set("reg14", ROUTE.broadcast), jump(input)],
  });
  martians(stack, table);
  t.miss = [set("reg14", ROUTE.none), { op: "call", table: stack.routing }, jump(decision.id)];
}

/** Sources that the kernel refuses: its own addresses, and the loopback network (ip_route_input_slow(), fib_validate_source()). */
function martians(stack: HostStack, table: TableId): void {
  const { net, evidence } = stack;
  const t = net.tables[table];
  const setting = (key: string) =>
    ["all", ...evidence.interfaces.map((i) => i.name.replaceAll(".", "/"))].map((i) => evidence.sysctl(`net.ipv4.conf.${i}.${key}`));
  const loopback: readonly [bigint, bigint] = [0x7f000000n, maskOf(4, 8)];
  if (!setting("route_localnet").some((s) => s?.value === "1"))
    net.rule(t, {
      priority: 30,
      rows: [match({ eth_type: 0x0800, ip_src: loopback }), match({ eth_type: 0x0800, ip_dst: loopback })],
      program: [drop("martian: a loopback address on the wire")],
    });
  const acceptLocal = setting("accept_local");
  if (acceptLocal.some((s) => s?.value === "1")) return;
  const known = acceptLocal.some((s) => s !== undefined);
  for (const i of evidence.interfaces)
    for (const a of i.addresses) {
      const v = parseAddress(a.address);
      if (a.family !== 4 || !v || i.number === stack.loopback) continue;
      net.rule(t, {
        priority: 20,
        rows: [match({ eth_type: 0x0800, ip_src: v.value })],
        program: [drop("martian source: an address of this host itself")],
        origin: a.origin,
        certainty: known ? "proven" : "inferred",
        why: known
          ? ""
          : "the kernel refuses its own addresses as a source unless net.ipv4.conf.*.accept_local is set, which is not in evidence",
      });
    }
}
