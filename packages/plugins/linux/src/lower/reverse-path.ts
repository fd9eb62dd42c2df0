/**
 * May a packet come in by this interface with this source? fib_validate_source() (net/ipv4/fib_frontend.c).
 *
 * An own address is refused (unless accept_local is set). Where reverse path filters are on (rp_filter: the larger of `all` and of the
 * interface), or where policy rules were added, the kernel routes a packet back to its source: with a strict filter (1) the route must leave by
 * the interface that the packet came in by, with a loose one (2) there must be a route; a source that is local or a broadcast is
 * refused either way. The look-up has the packet's addresses exchanged, comes in by the interface that the packet is to leave by (`lo`
 * if it is for this host), and has no mark unless src_valid_mark is set. IPv6 has no such check.
 */
import { type Action, slice, type TableId } from "@plumbline/model";
import { parseAddress } from "../address.js";
import type { Interface, Sourced } from "./evidence.js";
import { vrfOf } from "./prefer-source.js";
import { hasDefaultRules, type Routing } from "./routing.js";
import { drop, match, ROUTE, type RoutingStack, set } from "./stack.js";

const ETH_IPV4 = 0x0800;
const NONE = { origin: null, certainty: "proven", why: "" } as const;

/** How an interface checks sources. */
interface Check {
  readonly i: Interface;
  /** 0 off, 1 strict, 2 loose. */
  readonly filter: number;
  readonly acceptLocal: boolean;
}

/**
 * Builds the table that {@link HostStack.sourceCheck} names.
 * @param whole also where it only refuses broadcast sources of packets that leave by the interface that they came in by
 */
export function buildSourceCheck(stack: RoutingStack, routing: Routing, whole = false): TableId {
  const { net, device, evidence } = stack;
  const entry = net.table(device, "source check", "policy", "priority");
  const setting = (i: string, key: string) => evidence.sysctl(`net.ipv4.conf.${i.replaceAll(".", "/")}.${key}`);
  const number = (i: string, key: string) => Number(setting(i, key)?.value ?? 0);
  const checks = evidence.interfaces
    .filter((i) => i.number !== stack.loopback)
    .map((i): Check => {
      const acceptLocal = ["all", i.name].some((n) => setting(n, "accept_local")?.value === "1");
      return { i, filter: Math.max(number("all", "rp_filter"), number(i.name, "rp_filter")), acceptLocal };
    });
  refuseOwn(stack, entry.id, checks);
  // fib_has_custom_rules, fib_has_custom_local_routes
  const custom = !hasDefaultRules(stack, 4) || evidence.routes.some((r) => r.family === 4 && r.type === "local" && r.proto !== "kernel");
  if (whole || custom || checks.some((c) => c.filter > 0)) lookBack(stack, routing, entry.id, checks, custom, whole);
  return entry.id;
}

function refuseOwn(stack: RoutingStack, table: TableId, checks: readonly Check[]): void {
  const { net, evidence } = stack;
  const known = evidence.sysctl("net.ipv4.conf.all.accept_local") !== undefined;
  const source = (origin: Sourced["origin"]): Sourced =>
    known
      ? { origin, certainty: "proven", why: "" }
      : {
          origin,
          certainty: "inferred",
          why: "the kernel refuses its own addresses as a source unless net.ipv4.conf.*.accept_local is set, which is not in evidence",
        };
  const refusing = checks.filter((c) => !c.acceptLocal);
  const all = refusing.length === checks.length;
  if (refusing.length === 0) return;
  for (const i of evidence.interfaces)
    for (const a of i.addresses) {
      const v = parseAddress(a.address);
      if (a.family !== 4 || !v) continue;
      const own = { eth_type: ETH_IPV4, ip_src: v.value };
      net.rule(net.tables[table], {
        priority: 20,
        rows: all ? [match(own)] : refusing.map((c) => match({ ...own, in_port: c.i.number })),
        program: [drop("martian source: an address of this host itself")],
        ...source(a.origin),
      });
    }
}

/** What the look-up changes and what must be as before when it is over. */
const KEPT = [
  "ip_src",
  "ip_dst",
  "in_port",
  "out_port",
  "nexthop",
  "reg14",
  "reg15",
  "reg12",
  "reg5",
  "pkt_mark",
  "uid",
  "tp_src",
  "tp_dst",
];

function lookBack(stack: RoutingStack, routing: Routing, table: TableId, checks: readonly Check[], custom: boolean, whole: boolean): void {
  const { net, device, evidence } = stack;
  const t = net.tables[table];
  const markCounts = ["all", ...evidence.interfaces.map((i) => i.name.replaceAll(".", "/"))].some(
    (i) => evidence.sysctl(`net.ipv4.conf.${i}.src_valid_mark`)?.value === "1",
  );
  const verdict = net.table(device, "source check: by the way back", "policy", "priority");
  const push = (name: string): Action => ({ op: "push", src: slice(name) });
  const pop = (name: string): Action => ({ op: "pop", dst: slice(name) });
  const look = (local: boolean, broadcast = false): Action[] => [
    ...KEPT.map(push),
    { op: "swap", a: slice("ip_src"), b: slice("ip_dst") },
    ...(broadcast ? [set("ip_src", 0)] : []),
    { op: "swap", a: slice("tp_src"), b: slice("tp_dst") },
    ...(local ? [set("reg15", 1), set("in_port", 0)] : [{ op: "move", src: slice("out_port"), dst: slice("in_port") } as const]),
    ...(markCounts ? [] : [set("pkt_mark", 0)]),
    set("uid", 0),
    set("reg14", ROUTE.none),
    set("reg4", 0),
    { op: "call", table: routing.table({ of: "source", oif: null }) },
    { op: "move", src: slice("reg14"), dst: slice("reg3") },
    ...[...KEPT].reverse().map(pop),
    { op: "goto", table: verdict.id },
  ];
  // accept_local alone ends the check.
  const filtering = checks.filter((c) => (custom && !c.acceptLocal) || c.filter > 0);
  for (const c of filtering) {
    const from = { eth_type: ETH_IPV4, in_port: c.i.number };
    // A broadcast without a source is for whoever listens (DHCP).
    net.rule(t, { priority: 12, rows: [match({ ...from, ip_src: 0, reg14: ROUTE.broadcast })], program: [] });
    net.rule(t, { priority: 10, rows: [match({ ...from, reg14: ROUTE.broadcast })], program: look(true, true) });
    net.rule(t, { priority: 10, rows: [match({ ...from, reg14: ROUTE.local })], program: look(true) });
    net.rule(t, { priority: 10, rows: [match({ ...from, reg14: ROUTE.unicast })], program: look(false) });
  }
  for (const c of whole ? checks : [])
    if (!filtering.includes(c)) {
      // What leaves by where it came in may call for a redirect: then the kernel looks back as well.
      const back = { eth_type: ETH_IPV4, in_port: c.i.number, out_port: c.i.number, reg14: ROUTE.unicast };
      net.rule(t, { priority: 10, rows: [match(back)], program: look(false) });
    }
  for (const c of whole ? checks : filtering) judge(stack, routing, verdict.id, c);
}

/** What the way back (type in reg3, set of interfaces in reg4) says of packets that came in by one interface. */
function judge(stack: RoutingStack, routing: Routing, table: TableId, c: Check): void {
  const { net, evidence } = stack;
  const t = net.tables[table];
  const in_port = c.i.number;
  const setting = ["all", c.i.name.replaceAll(".", "/")]
    .map((n) => evidence.sysctl(`net.ipv4.conf.${n}.rp_filter`))
    .find((s) => Number(s?.value ?? 0) === c.filter);
  const source = c.filter > 0 ? { ...NONE, origin: setting?.origin ?? null } : NONE;
  const martian = (reason: string) => [drop(`martian source: ${reason}`)];
  for (const type of [ROUTE.broadcast, ROUTE.multicast])
    net.rule(t, { priority: 3, rows: [match({ in_port, reg3: type })], program: martian("a broadcast or multicast address") });
  if (!c.acceptLocal)
    net.rule(t, { priority: 3, rows: [match({ in_port, reg3: ROUTE.local })], program: martian("an address of this host itself") });
  if (c.filter === 0) return;
  const lost = [ROUTE.none, ROUTE.blackhole, ROUTE.unreachable, ROUTE.refused, ROUTE.prohibit];
  net.rule(t, {
    priority: 3,
    rows: lost.map((type) => match({ in_port, reg3: type })),
    program: martian(`no way back to it (rp_filter of ${c.i.name} is ${c.filter})`),
    ...source,
  });
  // With a loose filter any way back will do, but for an interface without an address.
  const strict = c.filter === 1 || !c.i.addresses.some((a) => a.family === 4);
  if (!strict) return;
  // Which sets have the interface is known once all routes are lowered: they are, the look-up's tables stand before this one.
  const vrf = vrfOf(evidence, c.i);
  routing.sets.members.forEach((set, id) => {
    if (set.includes(in_port) || (vrf !== undefined && vrf === c.i && set.includes(vrf.number)))
      net.rule(t, { priority: 2, rows: [match({ in_port, reg4: id })], program: [] });
  });
  net.rule(t, {
    priority: 1,
    rows: [match({ in_port })],
    program: martian(`the way back to it is by another interface (rp_filter of ${c.i.name} is ${c.filter})`),
    ...source,
  });
}
