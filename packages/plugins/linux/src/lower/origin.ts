/**
 * What a socket of the host sends, and what the host's kernel answers: routing, choice of the source address, OUTPUT, POSTROUTING. A packet
 * to an own address comes round through the loopback interface: PREROUTING and INPUT.
 */
import { type Action, CT, slice, type TableId, TCP } from "@plumbline/model";
import {
  drop,
  ETH_ARP,
  ETH_TYPE,
  errorToSender,
  FAMILIES,
  type HostStack,
  type IcmpError,
  jump,
  LOOPBACK_NET,
  match,
  ROUTE,
  routesLocalnet,
  set,
  TRACKED_ANEW,
} from "./stack.js";

/** Fills the stack's origin table. */
export function buildOrigin(stack: HostStack, outputHook: TableId, arp: TableId): void {
  const { net, device, evidence } = stack;
  const source = net.table(device, "source address", "hook", "priority");
  const noAddress: Action = { op: "unknown", why: "which source address the host takes", command: "ip addr", on: evidence.host };
  const names = { 4: ["ip_src", "reg12"], 6: ["ipv6_src", "xxreg2"] } as const;
  for (const family of FAMILIES) {
    const [field, register] = names[family];
    const eth_type = ETH_TYPE[family];
    net.rule(source, { priority: 2, rows: [match({ eth_type, [field]: 0, [register]: 0 })], program: [noAddress] });
    net.rule(source, {
      priority: 1,
      rows: [match({ eth_type, [field]: 0 })],
      program: [{ op: "move", src: slice(register), dst: slice(field) }, jump(outputHook)],
    });
  }
  source.miss = [jump(outputHook)];

  const decision = net.table(device, "output decision", "hook", "priority");
  net.rule(decision, {
    rows: [match({ reg14: ROUTE.unicast }), match({ reg14: ROUTE.local }), match({ reg14: ROUTE.broadcast })],
    priority: 3,
    program: [jump(source.id)],
  });
  net.rule(decision, { rows: [match({ reg14: ROUTE.multicast })], priority: 3, program: [drop("multicast is not followed")] });
  // What the kernel makes itself (a reset, an ICMP error) tells nobody when it finds no way.
  net.rule(decision, {
    priority: 2,
    rows: [match({ ip_proto: 6, tcp_flags: [TCP.rst, TCP.rst] })],
    program: [drop("no route for the reset")],
  });
  net.rule(decision, { priority: 2, rows: [match({ reg6: 1 })], program: [drop("no route for the tunnel's packet")] });
  const own = (type: number, error: IcmpError, reason: string) => {
    for (const family of FAMILIES)
      net.rule(decision, {
        priority: 1,
        rows: [match({ eth_type: ETH_TYPE[family], reg14: type })],
        program: [errorToSender(error, family), drop(reason, true)],
      });
  };
  // A loopback address does not leave by a wire (__mkroute_output(), net/ipv4/route.c).
  const wires = evidence.interfaces.filter((i) => i.number !== stack.loopback && !routesLocalnet(stack, i.name));
  if (wires.length > 0)
    net.rule(decision, {
      priority: 4,
      rows: wires.map((i) => match({ eth_type: ETH_TYPE[4], ip_src: LOOPBACK_NET, reg14: ROUTE.unicast, out_port: i.number })),
      program: [drop("invalid argument: a loopback address as source of what leaves by a wire")],
    });
  own(ROUTE.none, "no route", "network is unreachable");
  own(ROUTE.refused, "no route", "network is unreachable: a policy rule");
  own(ROUTE.unreachable, "host unreachable", "unreachable route");
  own(ROUTE.prohibit, "prohibited", "prohibit route");
  own(ROUTE.blackhole, "no route", "blackhole route: invalid argument");
  decision.miss = [drop("neither IPv4 nor IPv6")];

  const t = net.tables[stack.origin];
  net.rule(t, { rows: [match({ eth_type: ETH_ARP })], program: [jump(arp)] });
  t.miss = [
    set("reg15", 1),
    set("reg14", ROUTE.none),
    set("reg13", 0),
    set("in_port", 0),
    { op: "call", table: stack.routing },
    jump(decision.id),
  ];
}

/** Behind POSTROUTING: the connection is entered in its table, and the packet leaves or comes round. */
export function buildLeaving(stack: HostStack, table: TableId, prerouting: TableId): void {
  const { net, device } = stack;
  const turn = net.table(device, "loopback", "hook", "priority");
  const round: readonly Action[] = [set("in_port", stack.loopback), jump(prerouting)];
  // What tracking found invalid has no connection: it is tracked anew, and nat chains run (nf_conntrack_in, net/netfilter/nf_conntrack_core.c).
  const invalid = CT.trk | CT.inv;
  net.rule(turn, {
    priority: 2,
    rows: [match({ reg14: ROUTE.local, ct_state: [invalid, invalid] })],
    program: [set("ct_state", 0), set("ct_zone", 0), set("ct_label", 0), set("reg13", TRACKED_ANEW), ...round],
  });
  net.rule(turn, { priority: 1, rows: [match({ reg14: ROUTE.local })], program: [...round] });
  net.rule(turn, {
    rows: [
      match({ reg14: ROUTE.none }),
      match({ reg14: ROUTE.blackhole }),
      match({ reg14: ROUTE.unreachable }),
      match({ reg14: ROUTE.prohibit }),
      match({ reg14: ROUTE.refused }),
    ],
    program: [drop("no route after the translation")],
  });
  turn.miss = [jump(stack.neighbours)];
  net.tables[table].miss = [{ op: "confirm" }, jump(turn.id)];
}
