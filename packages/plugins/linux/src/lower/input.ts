/**
 * The host's own stack: a packet for it meets a socket, is answered, or is refused.
 *
 * A packet of a known connection is taken; so is an ICMP echo request. A new one needs a listener: with `ss` in evidence it is
 * delivered or refused, without it is delivered, *assumed*.
 */
import { type Action, CT, type Match, type TableId } from "@plumbline/model";
import { parseAddress } from "../address.js";
import type { Listener } from "./evidence.js";
import { drop, ETH_TYPE, errorFromHost, FAMILIES, fromHere, type HostStack, interfaceOf, match, ROUTE } from "./stack.js";

const PROTO = { tcp: 6, udp: 17 } as const;
const ECHO_REQUEST = { 4: { ip_proto: 1, icmp_type: 8 }, 6: { ip_proto: 58, icmp_type: 128 } } as const;

const take = (note: string): Action => ({ op: "local", note });

/** Returns the table that packets reach behind the INPUT hooks, and that of the sockets behind it. */
export function buildInput(stack: HostStack): { confirm: TableId; sockets: TableId } {
  const { net, device } = stack;
  const sockets = net.table(device, "sockets", "socket", "priority");
  fillSockets(stack, sockets.id);
  const confirm = net.table(device, "input confirm", "hook", "priority");
  confirm.miss = [{ op: "confirm" }, { op: "goto", table: sockets.id }];
  return { confirm: confirm.id, sockets: sockets.id };
}

function fillSockets(stack: HostStack, table: TableId): void {
  const { net, evidence } = stack;
  const t = net.tables[table];
  const rst = 4;
  net.rule(t, {
    priority: 50,
    rows: [match({ ct_state: [CT.est | CT.trk, CT.est | CT.trk] }), match({ ct_state: [CT.rel | CT.trk, CT.rel | CT.trk] })],
    program: [take("a known connection")],
  });
  for (const family of FAMILIES) {
    const eth_type = ETH_TYPE[family];
    net.rule(t, {
      priority: 40,
      rows: [match({ eth_type, reg14: ROUTE.local, ...ECHO_REQUEST[family] })],
      program: [take("answers echo requests")],
    });
  }
  if (evidence.sockets) {
    for (const s of evidence.sockets) {
      const rows = listenerRows(stack, s);
      if (rows.length > 0)
        net.rule(t, { priority: 30, rows, program: [take(`${s.proto} socket`)], origin: s.origin, certainty: s.certainty, why: s.why });
    }
  } else {
    const ask: Action = {
      op: "unknown",
      why: `whether something listens on ${evidence.host}`,
      command: "ss -tulpn",
      on: evidence.host,
      go: true,
    };
    for (const proto of [PROTO.tcp, PROTO.udp])
      net.rule(t, {
        priority: 30,
        rows: [match({ ip_proto: proto })],
        program: [ask, take("taken to be listening")],
        certainty: "assumed",
        why: "sockets (ss) are not in evidence",
      });
  }
  // Nobody is told of what was sent to many, and a reset is never answered.
  net.rule(t, { priority: 20, rows: [match({ reg14: ROUTE.broadcast })], program: [drop("broadcast, and nothing listens")] });
  net.rule(t, {
    priority: 20,
    rows: [match({ ip_proto: PROTO.tcp, tcp_flags: [rst, rst] })],
    program: [drop("a reset for no known connection")],
  });
  for (const family of FAMILIES) {
    const eth_type = ETH_TYPE[family];
    const closed: Action = { op: "emit", kind: "tcp-reset", icmpType: 0, icmpCode: 0, swap: true, then: fromHere(stack) };
    net.rule(t, { priority: 10, rows: [match({ eth_type, ip_proto: PROTO.tcp })], program: [closed, drop("no listener", true)] });
    net.rule(t, {
      priority: 10,
      rows: [match({ eth_type, ip_proto: PROTO.udp })],
      program: [errorFromHost(stack, "port unreachable", family), drop("no listener", true)],
    });
    const icmp = family === 4 ? 1 : 58;
    net.rule(t, {
      priority: 10,
      rows: [match({ eth_type, ip_proto: icmp })],
      program: [drop("an ICMP message that nothing here waits for")],
    });
    net.rule(t, {
      priority: 5,
      rows: [match({ eth_type })],
      program: [errorFromHost(stack, "protocol unreachable", family), drop("no such protocol", true)],
    });
  }
  t.miss = [drop("not an IP packet")];
}

/** What a listener takes. `*` and, where no IPv4 socket has the port, `::` take both families (ss prints `*` for those that do). */
function listenerRows(stack: HostStack, s: Listener): Match[] {
  const base: Record<string, number | bigint> = { ip_proto: PROTO[s.proto], tp_dst: s.port };
  if (s.dev !== "") {
    const i = interfaceOf(stack.evidence, s.dev);
    if (!i) return [];
    base["in_port"] = i.number;
  }
  if (s.address === "*") return FAMILIES.map((f) => match({ ...base, eth_type: ETH_TYPE[f] }));
  const a = parseAddress(s.address);
  if (!a) return [];
  const eth_type = ETH_TYPE[a.family];
  if (a.value === 0n) return [match({ ...base, eth_type })];
  // An IPv6 socket bound to an IPv4 address: ::ffff:192.0.2.1.
  if (a.family === 6 && a.value >> 32n === 0xffffn) return [match({ ...base, eth_type: ETH_TYPE[4], ip_dst: a.value & 0xffffffffn })];
  return [match({ ...base, eth_type, [a.family === 4 ? "ip_dst" : "ipv6_dst"]: a.value })];
}
