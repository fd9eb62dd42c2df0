/**
 * ARP as a packet of its own: what the host asks, and what it answers (arp_rcv() and arp_process(), net/ipv4/arp.c).
 *
 * A request for an address of the host is turned around where it came in: the kernel answers on every interface for each of
 * its local addresses, unless arp_ignore says otherwise, and for others where proxy_arp does (ip-sysctl.txt). An answer is
 * taken. From a socket (arping) a request leaves by the interface whose network has the target, else by the route's.
 *
 * Not modelled: single addresses answered for (`ip neigh add proxy`), proxy_arp_pvlan, arp_filter (assumed to let the answer
 * out), reverse path filtering. Policy rules are not asked where a request goes out: the kernel asks them for the packet that waits.
 */
import { type Action, type Match, macNumber, type Origin, slice, type TableId } from "@plumbline/model";
import { BITS, maskOf, type Prefix, parseAddress, parsePrefix } from "../address.js";
import type { Interface, Route, Sourced } from "./evidence.js";
import { forwarding } from "./forward.js";
import { BROADCAST_MAC, NO_NEIGHBOURS } from "./neighbours.js";
import { drop, ETH_ARP, GROUP_MAC, type HostStack, interfaceOf, jump, match, set } from "./stack.js";

const REQUEST = 1;
const REPLY = 2;

const request = (fields: Parameters<typeof match>[0]): Match => match({ eth_type: ETH_ARP, arp_op: REQUEST, ...fields });
const masked = (p: Prefix): readonly [bigint, bigint] => [p.value, maskOf(4, p.len)];

/** Makes the tables of a host's ARP: `arrival` for what comes in at an interface, `sending` for what its own socket sends. */
export function buildArp(stack: HostStack): { arrival: TableId; sending: TableId } {
  const { net, device } = stack;
  const table = (name: string) => net.table(device, name, "arp", "priority");
  const arrival = table("arrival");
  const requests = table("requests");
  const answer = table("answer");
  const way = ways(stack);
  for (const i of wires(stack)) {
    const mac = macNumber(i.mac);
    const rows = mac === null ? [match({ in_port: i.number })] : [mac, null].map((m) => toMac(i, m));
    net.rule(arrival, { priority: 1, rows, program: [jump(requests.id)] });
    fillAnswer(stack, answer.id, i, mac);
  }
  arrival.miss = [drop("not this host's MAC")];
  answer.miss = [drop("no ARP on this interface")];
  fillRequests(stack, requests.id, answer.id, way);

  const send = table("request");
  const sending = table("sending");
  for (const i of wires(stack)) fillSend(stack, send.id, i);
  send.miss = [drop("no ARP on the interface that leads to the target")];
  sending.miss = [set("out_port", 0), { op: "call", table: way }, jump(send.id)];
  return { arrival: arrival.id, sending: sending.id };
}

/** Interfaces that speak ARP. */
const wires = (stack: HostStack): Interface[] =>
  stack.evidence.interfaces.filter((i) => i.number !== stack.loopback && !NO_NEIGHBOURS.has(i.type));

/** Frames for an interface's MAC, or (null) for many. */
const toMac = (i: Interface, mac: bigint | null): Match =>
  match({ in_port: i.number, eth_dst: mac === null ? [GROUP_MAC, GROUP_MAC] : mac });

/** What is asked for, in the order in which the kernel looks at it. */
function fillRequests(stack: HostStack, table: TableId, answer: TableId, way: TableId): void {
  const { net, evidence } = stack;
  const t = net.tables[table];
  net.rule(t, {
    priority: 50,
    rows: [match({ eth_type: ETH_ARP, arp_op: REPLY })],
    program: [{ op: "local", note: "takes the answer to an ARP request" }],
  });
  const loopback = masked(parsePrefix("127.0.0.0/8")!);
  net.rule(t, { priority: 45, rows: [request({ arp_tpa: loopback })], program: [drop("a loopback address is not asked for on a wire")] });
  martians(stack, table);
  const named = evidence.interfaces.map((i) => setting(stack, i, "arp_ignore"));
  const known = named.some((s) => s !== null);
  const why = known ? "" : "net.ipv4.conf.*.arp_ignore is not in evidence: by default the kernel answers for every address it has";
  for (const r of localRoutes(stack)) {
    const p = parsePrefix(r.prefix)!;
    net.rule(t, {
      priority: 20,
      rows: [request({ arp_tpa: masked(p) })],
      program: [jump(answer)],
      origin: r.origin,
      certainty: known || r.certainty !== "proven" ? r.certainty : "inferred",
      why: [r.why, why].filter(Boolean).join("; "),
    });
  }
  for (const i of wires(stack)) ignore(stack, table, answer, i);
  const proxies = wires(stack).filter((i) => proxying(stack, i) !== null);
  if (proxies.length > 0) proxy(stack, table, answer, way, proxies);
  t.miss = [drop("not an address of this host: it does not answer")];
}

/** Local addresses as the route tables have them: AnyIP routes (`local 192.0.2.0/24 dev lo`) count too. */
function localRoutes(stack: HostStack): Route[] {
  const inTables = stack.evidence.routes.filter((r) => r.family === 4 && r.type === "local" && (r.table === "local" || r.table === "main"));
  return inTables.filter((r) => {
    const p = parsePrefix(r.prefix);
    return p !== null && p.value >> 24n !== 127n;
  });
}

/** The kernel refuses to answer who claims to be itself (fib_validate_source()). */
function martians(stack: HostStack, table: TableId): void {
  const { net, evidence } = stack;
  const accept = ["all", ...evidence.interfaces.map((i) => sysctlName(i.name))].some(
    (i) => evidence.sysctl(`net.ipv4.conf.${i}.accept_local`)?.value === "1",
  );
  if (accept) return;
  for (const i of evidence.interfaces)
    for (const a of i.addresses) {
      const v = parseAddress(a.address);
      if (a.family !== 4 || !v || i.number === stack.loopback) continue;
      net.rule(net.tables[table], {
        priority: 40,
        rows: [request({ arp_spa: v.value })],
        program: [drop("the sender says it has an address of this host: no answer")],
        origin: a.origin,
        certainty: "inferred",
        why: "the kernel refuses its own addresses as a source",
      });
    }
}

interface Setting {
  readonly value: number;
  readonly origin: Origin;
}

// In sysctl's names a dot within an interface's name is a slash.
const sysctlName = (name: string) => name.replaceAll(".", "/");

/** A setting of an interface: the larger of its own and that of `all` (IN_DEV_MAXCONF). Null if neither is in evidence. */
function setting(stack: HostStack, i: Interface, key: string): Setting | null {
  const both = ["all", sysctlName(i.name)].flatMap((name) => stack.evidence.sysctl(`net.ipv4.conf.${name}.${key}`) ?? []);
  const values = both.map((s) => ({ value: Number(s.value), origin: s.origin }));
  return values.reduce<Setting | null>((best, s) => (best && best.value >= s.value ? best : s), null);
}

/** Interfaces on which not all addresses are answered for (arp_ignore()). */
function ignore(stack: HostStack, table: TableId, answer: TableId, i: Interface): void {
  const { net, evidence } = stack;
  const t = net.tables[table];
  const s = setting(stack, i, "arp_ignore");
  const refuse = (rows: readonly Match[], reason: string) =>
    net.rule(t, { priority: 25, rows, program: [drop(reason)], origin: s?.origin ?? null });
  const own = i.addresses.flatMap((a) => (a.family === 4 ? [{ a, p: parsePrefix(`${a.address}/${BITS[4]}`)! }] : []));
  switch (s?.value ?? 0) {
    case 1:
    case 2:
      for (const { a, p } of own) {
        const subnet = parsePrefix(`${a.address}/${a.prefixLen}`)!;
        const asked = { in_port: i.number, arp_tpa: p.value };
        net.rule(t, {
          priority: 30,
          rows: [request(s?.value === 2 ? { ...asked, arp_spa: masked(subnet) } : asked)],
          program: [jump(answer)],
          origin: a.origin,
          certainty: a.certainty,
          why: a.why,
        });
      }
      refuse([request({ in_port: i.number })], `arp_ignore: it answers on ${i.name} for that interface's own addresses alone`);
      break;
    case 3: {
      const host = evidence.interfaces.flatMap((x) => x.addresses.filter((a) => a.family === 4 && a.scope === "host"));
      const rows = host.map((a) => request({ in_port: i.number, arp_tpa: parseAddress(a.address)!.value }));
      if (rows.length > 0) refuse(rows, "arp_ignore: it does not answer for addresses of scope host");
      break;
    }
    case 8:
      refuse([request({ in_port: i.number })], `arp_ignore: it answers nobody on ${i.name}`);
      break;
  }
}

/** The setting that has an interface answer for others, if it is on and packets are forwarded from there. */
function proxying(stack: HostStack, i: Interface): Setting | null {
  const s = setting(stack, i, "proxy_arp");
  return s?.value === 1 && forwarding(stack, i, 4)?.on === true ? s : null;
}

/** What the host has a route for by another interface, it answers for. */
function proxy(stack: HostStack, table: TableId, answer: TableId, way: TableId, interfaces: readonly Interface[]): void {
  const { net, device } = stack;
  const elsewhere = net.table(device, "proxy", "arp", "priority");
  net.rule(elsewhere, { priority: 2, rows: [match({ out_port: 0 })], program: [drop("no route to the target: no answer in its place")] });
  const same = wires(stack).map((i) => match({ in_port: i.number, out_port: i.number }));
  net.rule(elsewhere, { priority: 1, rows: same, program: [drop("the target is on that wire itself: no answer in its place")] });
  elsewhere.miss = [jump(answer)];
  for (const i of interfaces)
    net.rule(net.tables[table], {
      priority: 10,
      rows: [request({ in_port: i.number })],
      program: [set("out_port", 0), { op: "call", table: way }, jump(elsewhere.id)],
      origin: proxying(stack, i)?.origin ?? null,
    });
}

const noMac = (stack: HostStack, i: Interface): Action => ({
  op: "unknown",
  why: `the MAC address of ${i.name}`,
  command: "ip link",
  on: stack.evidence.host,
  go: true,
});

/** Turns a request around: what the kernel sends back on the interface where it came in. */
function fillAnswer(stack: HostStack, table: TableId, i: Interface, mac: bigint | null): void {
  const filter = setting(stack, i, "arp_filter");
  const doubt: Action[] =
    filter && filter.value > 0
      ? [
          {
            op: "unknown",
            why: `arp_filter is on: whether the route back to the asker is by ${i.name}`,
            command: "ip route get SENDER from TARGET",
            on: stack.evidence.host,
            go: true,
          },
        ]
      : [];
  const program: Action[] = [
    ...doubt,
    ...(mac === null ? [noMac(stack, i)] : []),
    { op: "move", src: slice("arp_sha"), dst: slice("eth_dst") },
    { op: "move", src: slice("arp_sha"), dst: slice("arp_tha") },
    set("eth_src", mac ?? 0),
    set("arp_sha", mac ?? 0),
    set("arp_op", REPLY),
    { op: "swap", a: slice("arp_spa"), b: slice("arp_tpa") },
    { op: "output", port: i.number, allowIn: true },
  ];
  stack.net.rule(stack.net.tables[table], {
    rows: [match({ in_port: i.number })],
    program,
    origin: i.origin,
    certainty: i.certainty,
    why: i.why,
  });
}

/** Which interface leads to the target: sets out_port, 0 if none does. */
function ways(stack: HostStack): TableId {
  const { net, device, evidence } = stack;
  const t = net.table(device, "interface", "arp", "lpm", slice("arp_tpa"));
  const add = (p: Prefix, metric: number, program: Action[], source: Sourced) =>
    net.rule(t, {
      prefix: { value: p.value, len: p.len },
      metric,
      program,
      origin: source.origin,
      certainty: source.certainty,
      why: source.why,
    });
  const out = (i: Interface | undefined): Action[] => [set("out_port", i?.number ?? 0)];
  for (const i of wires(stack))
    for (const a of i.addresses) {
      const p = a.family === 4 ? parsePrefix(`${a.address}/${a.prefixLen}`) : null;
      if (p && p.len < BITS[4]) add(p, 0, out(i), a);
    }
  for (const r of evidence.routes) {
    const p = r.family === 4 && r.table === "main" && r.type === "unicast" ? parsePrefix(r.prefix) : null;
    if (!p) continue;
    const weights = new Map<Interface | undefined, number>();
    for (const h of r.nexthops) {
      const i = interfaceOf(evidence, h.dev);
      weights.set(i, (weights.get(i) ?? 0) + h.weight);
    }
    const options = [...weights.keys()].map(out);
    const program: Action[] = options.length === 1 ? options[0] : [{ op: "choose", how: "ecmp", weights: [...weights.values()], options }];
    if (options.length > 0) add(p, 1 + r.metric, program, r);
  }
  if (!evidence.covers(4, "main"))
    t.miss = [
      { op: "unknown", why: "which interface leads to the target of the request", command: "ip route get TARGET", on: evidence.host },
    ];
  return t.id;
}

/** A request, or an answer nobody asked for, leaves by an interface. */
function fillSend(stack: HostStack, table: TableId, i: Interface): void {
  const { net } = stack;
  const t = net.tables[table];
  const mac = macNumber(i.mac);
  const send: Action[] = [
    ...(mac === null ? [noMac(stack, i)] : []),
    set("eth_src", mac ?? 0),
    set("eth_dst", BROADCAST_MAC),
    { op: "output", port: i.number, allowIn: true },
  ];
  const own = [set("arp_sha", mac ?? 0), ...send];
  const source = { origin: i.origin, certainty: i.certainty, why: i.why };
  net.rule(t, { priority: 2, rows: [match({ out_port: i.number, arp_sha: 0 })], program: own, ...source });
  net.rule(t, { priority: 1, rows: [match({ out_port: i.number })], program: send, ...source });
}
