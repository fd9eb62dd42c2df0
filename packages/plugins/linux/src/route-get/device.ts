/**
 * A device that answers route look-ups: the routing and the source check of a host's stack between the tests that `ip route get` makes of its
 * question (ip_route_output_key_hash_rcu() and ip_route_input_slow(), net/ipv4/route.c).
 *
 * What a question has beside the packet comes in fields that no look-up reads, since a socket's packet starts with empty registers:
 * mark and uid in `inner_src`, the numbers of the interfaces in `inner_dst`.
 */
import { type Action, intersect, type Match, NetworkBuilder, type Problem, type Slice, slice, type TableId } from "@plumbline/model";
import { maskOf, parsePrefix } from "../address.js";
import type { HostEvidence, Interface } from "../lower/evidence.js";
import { forwarding } from "../lower/forward.js";
import { vrfOf } from "../lower/prefer-source.js";
import { buildSourceCheck } from "../lower/reverse-path.js";
import { Routing } from "../lower/routing.js";
import { drop, ETH_TYPE, match, ROUTE, type RoutingStack, set } from "../lower/stack.js";

/** Where a question's selectors stand in the row that is injected. */
export const ASKED: Readonly<Record<"mark" | "uid" | "iif" | "oif", Slice>> = {
  mark: slice("inner_src", 0, 32),
  uid: slice("inner_src", 32, 32),
  iif: slice("inner_dst", 0, 32),
  oif: slice("inner_dst", 32, 32),
};

/** Errors as rtnetlink's numbers are printed. */
export const ERRORS = {
  ENETUNREACH: "Network is unreachable",
  EHOSTUNREACH: "No route to host",
  EACCES: "Permission denied",
  EINVAL: "Invalid argument",
} as const;
export type RouteError = keyof typeof ERRORS;

/** Ends a look-up that found no way; `answer.ts` reads it back. */
const fail = (error: RouteError, why: string): Action => drop(`${error}: ${why}`);

export interface RouteDevice {
  readonly net: NetworkBuilder;
  readonly device: number;
  readonly routing: Routing;
  /** Interfaces that a socket may be bound to. */
  readonly bindable: readonly Interface[];
}

/** Routes times interfaces up to which tables for every bound interface are made in advance. */
const MANY = 200_000;

/** @param oif interface that is to be bindable whatever the size of the tables */
export function buildDevice(evidence: HostEvidence, oif: string | undefined, problems: Problem[]): RouteDevice {
  const net = new NetworkBuilder();
  const device = net.device({ name: evidence.host, kind: "host", host: evidence.host });
  const loopback = evidence.interfaces.find((i) => i.name === "lo")!.number;
  const origin = net.table(device, "question", "hook", "priority");
  device.origin = origin.id;
  device.entry = origin.id;
  const stack: RoutingStack = {
    net,
    device,
    evidence,
    tracker: net.tracker("routes", "linux"),
    loopback,
    origin: origin.id,
    neighbours: origin.id,
  };
  const routing = new Routing(stack, (p) => void problems.push(p));
  const sourceCheck = buildSourceCheck(stack, routing, true);
  const large = evidence.routes.length * evidence.interfaces.length > MANY;
  const bindable = evidence.interfaces.filter((i) => i.name === oif || !large);

  const input = buildInput(stack, routing, sourceCheck);
  const output = buildOutput(stack, routing, bindable);
  const take = (from: keyof typeof ASKED, to: string): Action => ({ op: "move", src: ASKED[from], dst: slice(to) });
  for (const i of evidence.interfaces) {
    const vrf = vrfOf(evidence, i);
    const inVrf = vrf ? [set("reg5", vrf.number)] : [];
    // For IPv4, the kernel asks for what came in with the uid of the namespace's owner.
    for (const [priority, fields, uid] of [
      [3, V6, take("uid", "uid")],
      [2, {}, set("uid", 0)],
    ] as const)
      net.rule(origin, {
        priority,
        rows: [intersect(at(ASKED.iif, i.number), match(fields))!],
        program: [take("mark", "pkt_mark"), set("in_port", i.number), uid, ...inVrf, { op: "goto", table: input }],
      });
    if (bindable.includes(i))
      net.rule(origin, {
        priority: 1,
        rows: [at(ASKED.oif, i.number)],
        program: [
          take("mark", "pkt_mark"),
          take("uid", "uid"),
          set("reg15", 1),
          set("reg7", i.number),
          ...inVrf,
          { op: "goto", table: output },
        ],
      });
  }
  origin.miss = [take("mark", "pkt_mark"), take("uid", "uid"), set("reg15", 1), { op: "goto", table: output }];
  return { net, device: device.id, routing, bindable };
}

/** 32 bits at `ofs` of a wide field as a match. */
function at(s: Slice, value: number): Match {
  return match({ [s.field]: [BigInt(value) << BigInt(s.ofs), 0xffffffffn << BigInt(s.ofs)] });
}

const MULTICAST: readonly [bigint, bigint] = [0xe0000000n, maskOf(4, 4)];
const LOOPBACK: readonly [bigint, bigint] = [0x7f000000n, maskOf(4, 8)];
const V4 = { eth_type: ETH_TYPE[4] };
const V6 = { eth_type: ETH_TYPE[6] };

/** What no way was found for, by the type of what was found. */
function errors(stack: RoutingStack, table: TableId): void {
  const t = stack.net.tables[table];
  const put = (type: number, error: RouteError, why: string) =>
    stack.net.rule(t, { rows: [match({ reg14: type })], program: [fail(error, why)] });
  put(ROUTE.none, "ENETUNREACH", "no route to the destination");
  put(ROUTE.blackhole, "EINVAL", "blackhole");
  put(ROUTE.unreachable, "EHOSTUNREACH", "unreachable");
  put(ROUTE.prohibit, "EACCES", "prohibit");
  put(ROUTE.refused, "ENETUNREACH", "unreachable by a policy rule");
}

/** Found: the type stands in reg14, the interface in out_port. */
const found: Action = { op: "local", note: "a way is found" };

function buildInput(stack: RoutingStack, routing: Routing, sourceCheck: TableId): TableId {
  const { net, device, evidence } = stack;
  const first = net.table(device, "arrival", "hook", "priority");
  const refuse = (priority: number, fields: Parameters<typeof match>[0], why: string) =>
    net.rule(first, { priority, rows: [match({ ...V4, ...fields })], program: [fail("EINVAL", why)] });
  const checked: Action[] = [{ op: "call", table: sourceCheck }, found];
  refuse(50, { ip_dst: MULTICAST }, "the interface is in no such multicast group that is known of");
  refuse(49, { ip_src: MULTICAST }, "martian source: a multicast address");
  refuse(49, { ip_src: 0xffffffff }, "martian source: the broadcast address");
  for (const ip_dst of [0xffffffff, 0])
    net.rule(first, {
      priority: 48,
      rows: [match({ ...V4, ip_dst, ...(ip_dst === 0 ? { ip_src: 0 } : {}) })],
      program: [set("reg14", ROUTE.broadcast), ...checked],
    });
  refuse(47, { ip_src: 0 }, "martian source: none");
  refuse(47, { ip_dst: 0 }, "martian destination: none");
  for (const i of evidence.interfaces) {
    const allowed = ["all", i.name.replaceAll(".", "/")].some((n) => evidence.sysctl(`net.ipv4.conf.${n}.route_localnet`)?.value === "1");
    if (allowed) continue;
    refuse(46, { in_port: i.number, ip_dst: LOOPBACK }, "martian destination: a loopback address");
    refuse(46, { in_port: i.number, ip_src: LOOPBACK }, "martian source: a loopback address");
  }

  const decision = net.table(device, "arrival decision", "hook", "priority");
  const v4 = net.table(device, "arrival errors", "hook", "priority");
  errors(stack, v4.id);
  const local = [ROUTE.local, ROUTE.broadcast].map((reg14) => match({ ...V4, reg14 }));
  net.rule(decision, { priority: 4, rows: local, program: checked });
  for (const i of evidence.interfaces) {
    const s = forwarding(stack, i, 4);
    if (s && !s.on)
      net.rule(decision, {
        priority: 3,
        rows: [match({ ...V4, in_port: i.number })],
        program: [fail("EHOSTUNREACH", `forwarding is off on ${i.name}`)],
        origin: s.origin,
      });
  }
  net.rule(decision, { priority: 2, rows: [match({ ...V4, reg14: ROUTE.unicast })], program: checked });
  net.rule(decision, {
    priority: 2,
    rows: [match({ reg14: ROUTE.multicast, ...V4 })],
    program: [fail("EINVAL", "martian destination: a multicast route")],
  });
  net.rule(decision, {
    priority: 1,
    rows: [ROUTE.unicast, ROUTE.local, ROUTE.broadcast, ROUTE.multicast].map((reg14) => match({ reg14 })),
    program: [found],
  });
  decision.miss = [{ op: "goto", table: v4.id }];
  for (const i of evidence.interfaces)
    net.rule(first, {
      priority: 10,
      rows: strictly({ in_port: i.number }),
      program: [
        { op: "call", table: routing.table({ of: "packet", oif: i, bound: "" }) },
        { op: "goto", table: decision.id },
      ],
    });
  for (const i of evidence.interfaces)
    net.rule(first, {
      priority: 9,
      rows: [match({ ...V6, in_port: i.number })],
      program: [
        { op: "call", table: routing.table({ of: "packet", oif: null, near: i, bound: "" }) },
        { op: "goto", table: decision.id },
      ],
    });
  first.miss = [
    { op: "call", table: routing.table() },
    { op: "goto", table: decision.id },
  ];
  return first.id;
}

/** IPv6 destinations that have a meaning on one interface alone (rt6_need_strict()): link-local, multicast, loopback. */
function strictly(fields: Readonly<Record<string, number>>): Match[] {
  return [
    match({ ...V6, ...fields, ipv6_dst: [0x3fan << 118n, 0x3ffn << 118n] }),
    match({ ...V6, ...fields, ipv6_dst: [0xffn << 120n, 0xffn << 120n] }),
    match({ ...V6, ...fields, ipv6_dst: 1n }),
  ];
}

function buildOutput(stack: RoutingStack, routing: Routing, bindable: readonly Interface[]): TableId {
  const { net, device, evidence } = stack;
  const first = net.table(device, "from a socket", "hook", "priority");
  const look = net.table(device, "destination", "hook", "priority");
  const decision = net.table(device, "output decision", "hook", "priority");
  const refuse = (priority: number, fields: Parameters<typeof match>[0], error: RouteError, why: string) =>
    net.rule(first, { priority, rows: [match({ ...V4, ...fields })], program: [fail(error, why)] });
  refuse(50, { ip_src: MULTICAST }, "EINVAL", "a multicast address is no source");
  refuse(50, { ip_src: 0xffffffff }, "EINVAL", "the broadcast address is no source");
  net.rule(first, { priority: 48, rows: [match({ ...V4, ip_src: 0 })], program: [{ op: "goto", table: look.id }] });
  net.rule(first, {
    priority: 46,
    rows: [match(V4)],
    program: [
      { op: "call", table: ownAddresses(stack) },
      { op: "goto", table: known(stack, look.id) },
    ],
  });
  first.miss = [{ op: "goto", table: look.id }];

  // The unspecified destination is the host itself.
  net.rule(look, {
    priority: 40,
    rows: [match({ ...V4, ip_dst: 0 })],
    program: [set("reg14", ROUTE.local), set("out_port", stack.loopback), found],
  });
  for (const i of bindable) {
    if (!i.up)
      net.rule(look, { priority: 45, rows: [match({ ...V4, reg7: i.number })], program: [fail("ENETUNREACH", `${i.name} is down`)] });
    for (const [ip_dst, type] of [
      [MULTICAST, ROUTE.multicast],
      [0xffffffff, ROUTE.broadcast],
    ] as const)
      net.rule(look, {
        priority: 35,
        rows: [match({ ...V4, reg7: i.number, ip_dst })],
        program: [set("reg14", type), set("out_port", i.number), { op: "goto", table: decision.id }],
      });
    // With a source of its own, an IPv6 socket's interface is a preference.
    net.rule(look, {
      priority: 31,
      rows: strictly({ reg7: i.number }),
      program: [
        { op: "call", table: routing.table({ of: "packet", oif: i }) },
        { op: "goto", table: decision.id },
      ],
    });
    net.rule(look, {
      priority: 30,
      rows: [match({ ...V4, reg7: i.number }), match({ ...V6, reg7: i.number, ipv6_src: 0 })],
      program: [
        { op: "call", table: routing.table({ of: "packet", oif: i }) },
        { op: "goto", table: decision.id },
      ],
    });
    net.rule(look, {
      priority: 29,
      rows: [match({ ...V6, reg7: i.number })],
      program: [
        { op: "call", table: routing.table({ of: "packet", oif: null, near: i, bound: i.name }) },
        { op: "goto", table: decision.id },
      ],
    });
  }
  look.miss = [
    { op: "call", table: routing.table() },
    { op: "goto", table: decision.id },
  ];

  const bad = net.table(device, "output errors", "hook", "priority");
  errors(stack, bad.id);
  const sends = [ROUTE.unicast, ROUTE.broadcast, ROUTE.multicast];
  // Only by itself may a loopback address be a source.
  const notLocal = evidence.interfaces.filter((i) => i.number !== stack.loopback && !routeLocalnet(evidence, i));
  net.rule(decision, {
    priority: 5,
    rows: notLocal.flatMap((i) => [
      ...sends.map((reg14) => match({ ...V4, ip_src: LOOPBACK, reg14, out_port: i.number })),
      ...[ROUTE.none, ROUTE.blackhole, ROUTE.unreachable, ROUTE.prohibit, ROUTE.refused].map((reg14) =>
        match({ ...V4, ip_src: LOOPBACK, reg14, reg7: i.number }),
      ),
    ]),
    program: [fail("EINVAL", "a loopback address may not leave")],
  });
  // Whatever leads there, what is sent to many is for many.
  for (const [ip_dst, type] of [
    [MULTICAST, ROUTE.multicast],
    [0xffffffff, ROUTE.broadcast],
  ] as const)
    net.rule(decision, { priority: 4, rows: [match({ ...V4, ip_dst, reg14: ROUTE.unicast })], program: [set("reg14", type), found] });
  net.rule(decision, { priority: 3, rows: [...sends, ROUTE.local].map((reg14) => match({ reg14 })), program: [found] });
  // Without a route by its interface the destination is taken to be on its link.
  for (const i of bindable) {
    const vrf = vrfOf(evidence, i);
    if (vrf) continue;
    net.rule(decision, {
      priority: 2,
      rows: [match({ ...V4, reg7: i.number })],
      program: [set("reg14", ROUTE.unicast), set("out_port", i.number), { op: "local", note: ON_LINK }],
    });
  }
  decision.miss = [{ op: "goto", table: bad.id }];
  return first.id;
}

export const ON_LINK = "no route by this interface: taken to be on its link";

function routeLocalnet(evidence: HostEvidence, i: Interface): boolean {
  return ["all", i.name.replaceAll(".", "/")].some((n) => evidence.sysctl(`net.ipv4.conf.${n}.route_localnet`)?.value === "1");
}

/** Marks a source that is the host's own: an address, or in a `local` route of the local table (__ip_dev_find(), net/ipv4/devinet.c). */
function ownAddresses(stack: RoutingStack): TableId {
  const { net, device, evidence } = stack;
  const t = net.table(device, "own addresses", "hook", "lpm", slice("ip_src"));
  for (const r of evidence.routes) {
    const p = parsePrefix(r.prefix);
    if (r.family !== 4 || r.table !== "local" || !p) continue;
    net.rule(t, {
      prefix: { value: p.value, len: p.len },
      metric: r.metric,
      program: r.type === "local" ? [set("reg3", 1)] : [],
    });
  }
  for (const i of evidence.interfaces)
    for (const a of i.addresses) {
      const p = parsePrefix(a.address);
      if (a.family === 4 && p) net.rule(t, { prefix: { value: p.value, len: 32 }, metric: 0, program: [set("reg3", 1)] });
    }
  return t.id;
}

function known(stack: RoutingStack, next: TableId): TableId {
  const { net, device, evidence } = stack;
  const t = net.table(device, "own source", "hook", "priority");
  // To many it goes out where its source is.
  const many = net.table(device, "where the source is", "hook", "lpm", slice("ip_src"));
  for (const i of evidence.interfaces)
    for (const a of i.addresses) {
      const p = parsePrefix(a.address);
      if (a.family === 4 && p) net.rule(many, { prefix: { value: p.value, len: 32 }, program: [set("out_port", i.number), found] });
    }
  many.miss = [fail("ENETUNREACH", "the source is no address of this host")];
  const unbound = { ...V4, reg7: 0 };
  net.rule(t, {
    priority: 4,
    rows: [match({ ...unbound, ip_dst: MULTICAST })],
    program: [set("reg14", ROUTE.multicast), { op: "goto", table: many.id }],
  });
  net.rule(t, {
    priority: 4,
    rows: [match({ ...unbound, ip_dst: 0xffffffff })],
    program: [set("reg14", ROUTE.broadcast), { op: "goto", table: many.id }],
  });
  net.rule(t, { priority: 1, rows: [match({ reg3: 1 })], program: [{ op: "goto", table: next }] });
  t.miss = [fail("ENETUNREACH", "the source is no address of this host")];
  return t.id;
}
