/**
 * Routing: policy rules in order, each looking in one route table; the first route found decides.
 *
 * A host's routing is one table that is called and returns. A route's program writes reg14, out_port, nexthop and the
 * preferred source; rules apply only as long as reg14 is 0, so that the walk ends at the first route, and a `throw` route or a
 * table without one goes on to the next rule, as in fib_rules_lookup() (net/core/fib_rules.c).
 *
 * Not modelled: routes by TOS, encapsulating routes and VRF rules (they answer *unknown*), path MTU, rules by
 * outgoing interface (only a socket bound to a device meets them).
 */
import { type Action, intersect, type Match, matchField, type Problem, slice, type Table, type TableId } from "@plumbline/model";
import { BITS, contains, type Family, maskOf, parseAddress, parsePrefix } from "../address.js";
import { type HostEvidence, type Interface, isOpaque, type OpaqueRule, type PolicyRule, type Route, type Sourced } from "./evidence.js";
import { ETH_TYPE, FAMILIES, type HostStack, interfaceOf, match, ROUTE, set } from "./stack.js";

type RoutingStack = Omit<HostStack, "routing">;

/** The rules of a host where `ip rule` is not in evidence (fib_default_rules_init). */
const DEFAULT_RULES: readonly { priority: number; table: string }[] = [
  { priority: 0, table: "local" },
  { priority: 32766, table: "main" },
  { priority: 32767, table: "default" },
];

export function buildRouting(stack: RoutingStack, problem: (p: Problem) => void): TableId {
  const { net, device } = stack;
  const dispatch = net.table(device, "routing", "hook", "priority");
  for (const family of FAMILIES) {
    const rules = buildRules(stack, family, problem);
    net.rule(dispatch, { rows: [match({ eth_type: ETH_TYPE[family] })], program: [{ op: "goto", table: rules }] });
  }
  return dispatch.id;
}

function defaultRules(family: Family): PolicyRule[] {
  return DEFAULT_RULES.filter((r) => family === 4 || r.table !== "default").map((r) => ({
    family,
    priority: r.priority,
    not: false,
    from: "",
    to: "",
    iif: "",
    oif: "",
    ipproto: "",
    sport: "",
    dport: "",
    action: "lookup",
    table: r.table,
    origin: null,
    certainty: "inferred",
    why: `${family === 6 ? "ip -6 rule" : "ip rule"} is not in evidence; the kernel's own rules are taken`,
  }));
}

function buildRules(stack: RoutingStack, family: Family, problem: (p: Problem) => void): TableId {
  const { net, device, evidence } = stack;
  const rules = evidence.rules[family] ?? defaultRules(family);
  const tables = new RouteTables(stack, family);
  const suffix = family === 6 ? " (IPv6)" : "";
  /** The rules from index `from` on: all of them, or the target of a `goto`. */
  const sequences = new Map<number, TableId>();
  const sequence = (from: number): TableId => {
    const known = sequences.get(from);
    if (known !== undefined) return known;
    const t = net.table(
      device,
      from === 0 ? `ip rule${suffix}` : `ip rule${suffix} from ${rules[from]?.priority ?? "the end"}`,
      "policy",
      "sequence",
    );
    sequences.set(from, t.id);
    for (const r of rules.slice(from)) addRule(t, r);
    return t.id;
  };
  const addRule = (t: Table, r: PolicyRule | OpaqueRule) => {
    const source = { origin: r.origin, certainty: r.certainty, why: r.why };
    const undecided = match({ reg14: ROUTE.none });
    if (isOpaque(r)) {
      const program: Action[] = [
        {
          op: "unknown",
          why: `policy rule ${r.priority}: ${r.why}`,
          command: `ip route get DESTINATION from SOURCE`,
          on: evidence.host,
          go: true,
        },
      ];
      net.rule(t, { rows: [undecided], program, ...source, why: "" });
      return;
    }
    const program = actionOf(r);
    const rows = rowsOf(r, evidence);
    if (rows === null) {
      problem({
        severity: "info",
        file: r.origin?.file ?? "",
        line: r.origin?.line ?? 0,
        message: `policy rule ${r.priority} is left out: it is for packets of a socket bound to an interface, or for an interface that is not there`,
        hint: "",
      });
      return;
    }
    if (!r.not) {
      net.rule(t, { rows: rows.map((m) => intersect(m, undecided)!), program, ...source });
      return;
    }
    // `not`: what matches passes by, all else meets the action.
    const test = net.table(device, `ip rule ${r.priority}${suffix}: not`, "policy", "priority");
    net.rule(test, { rows, program: [] });
    test.miss = program;
    net.rule(t, { rows: [undecided], program: [{ op: "call", table: test.id }], ...source });
  };
  const actionOf = (r: PolicyRule): Action[] => {
    switch (r.action) {
      case "lookup":
        return [{ op: "call", table: tables.get(r.table, r.suppressPrefixlen) }];
      case "goto": {
        const target = rules.findIndex((x) => x.priority >= Number(r.table));
        return target < 0 ? [{ op: "goto", table: sequence(rules.length) }] : [{ op: "goto", table: sequence(target) }];
      }
      case "blackhole":
        return [set("reg14", ROUTE.blackhole)];
      case "unreachable":
        return [set("reg14", ROUTE.unreachable)];
      case "prohibit":
        return [set("reg14", ROUTE.prohibit)];
    }
  };
  return sequence(0);
}

const PROTOCOLS: Readonly<Record<string, number>> = {
  icmp: 1,
  igmp: 2,
  tcp: 6,
  udp: 17,
  gre: 47,
  esp: 50,
  ah: 51,
  "ipv6-icmp": 58,
  sctp: 132,
};

/** The conditions of a rule as rows; null if no packet that is followed here can meet them. */
function rowsOf(r: PolicyRule, evidence: HostEvidence): Match[] | null {
  if (r.oif !== "") return null;
  let rows: Match[] = [[]];
  const and = (more: readonly Match[]) => {
    rows = rows.flatMap((a) => more.map((b) => intersect(a, b)).filter((m) => m !== null));
  };
  const names = r.family === 4 ? ["ip_src", "ip_dst"] : ["ipv6_src", "ipv6_dst"];
  for (const [text, name] of [
    [r.from, names[0]],
    [r.to, names[1]],
  ]) {
    if (text === "") continue;
    const p = parsePrefix(text);
    if (!p) return null;
    if (p.len > 0) and([matchField([], name, p.value, maskOf(p.family, p.len))]);
  }
  if (r.iif === "lo") and([match({ reg15: 1 })]);
  else if (r.iif !== "") {
    const i = interfaceOf(evidence, r.iif);
    if (!i) return null;
    and([match({ in_port: i.number })]);
  }
  if (r.fwmark) and([match({ pkt_mark: [(r.fwmark.value & r.fwmark.mask) >>> 0, r.fwmark.mask] })]);
  if (r.uidrange) and(rangeRows("uid", r.uidrange.from, r.uidrange.to));
  if (r.ipproto !== "") {
    const proto = PROTOCOLS[r.ipproto] ?? Number(r.ipproto);
    if (!Number.isInteger(proto)) return null;
    and([match({ ip_proto: proto })]);
  }
  for (const [text, name] of [
    [r.sport, "tp_src"],
    [r.dport, "tp_dst"],
  ]) {
    if (text === "") continue;
    const [from, to] = text.split("-").map(Number);
    and(rangeRows(name, from, to ?? from));
  }
  return rows;
}

/** A range of values as masked matches: the fewest aligned blocks that make it up. */
function rangeRows(field: string, from: number, to: number): Match[] {
  const bits = slice(field).n;
  const out: Match[] = [];
  for (let at = from; at <= to; ) {
    let size = 1;
    while (at % (size * 2) === 0 && at + size * 2 - 1 <= to && size * 2 <= 2 ** bits) size *= 2;
    out.push(matchField([], field, BigInt(at), (1n << BigInt(bits)) - BigInt(size)));
    at += size;
  }
  return out;
}

/** The route tables of one family, each lowered when a rule first asks for it. */
class RouteTables {
  private readonly made = new Map<string, TableId>();

  constructor(
    private readonly stack: RoutingStack,
    private readonly family: Family,
  ) {}

  /** @param suppress routes with a prefix of at most so many bits do not count */
  get(name: string, suppress = -1): TableId {
    const key = `${name} ${suppress}`;
    const known = this.made.get(key);
    if (known !== undefined) return known;
    const { net, device, evidence } = this.stack;
    const label = `${name}${this.family === 6 ? " (IPv6)" : ""}${suppress >= 0 ? `, prefixes longer than ${suppress}` : ""}`;
    const t = net.table(device, label, "fib", "lpm", slice(this.family === 4 ? "ip_dst" : "ipv6_dst"));
    this.made.set(key, t.id);
    const inTable = (r: { family: Family; table: string; prefix: string }) =>
      r.family === this.family && r.table === name && Number(r.prefix.split("/")[1]) > suppress;
    const partial = !evidence.covers(this.family, name);
    for (const r of evidence.routes.filter(inTable)) this.add(t, r, partial);
    for (const r of evidence.opaqueRoutes.filter(inTable)) {
      const p = parsePrefix(r.prefix)!;
      const program: Action[] = [
        { op: "unknown", why: `the route to ${r.prefix}: ${r.why}`, command: "ip route get DESTINATION", on: evidence.host },
      ];
      net.rule(t, {
        prefix: { value: p.value, len: p.len },
        metric: r.metric,
        program,
        origin: r.origin,
        certainty: r.certainty,
        why: r.certainty === "proven" ? "" : r.why,
      });
    }
    t.miss = this.miss(name, partial);
    return t.id;
  }

  /** What is not listed does not exist, if the whole table is in evidence; `local` and `default` are known without. */
  private miss(name: string, partial: boolean): Action[] {
    if (!partial || name === "default" || name === "local") return [];
    const command = this.family === 6 ? "ip -6 route show table all" : "ip route show table all";
    const some = [...this.stack.evidence.routes, ...this.stack.evidence.opaqueRoutes].some(
      (r) => r.family === this.family && r.table === name,
    );
    const why = some ? `only a part of route table ${name} is in evidence` : `the routes of table ${name} are not in evidence`;
    // Behind main there is nothing; behind another table the next rule may know a route.
    return [{ op: "unknown", why, command, on: this.stack.evidence.host, ...(name === "main" ? {} : { go: true }) }];
  }

  private add(t: Table, r: Route, partial: boolean): void {
    const p = parsePrefix(r.prefix);
    if (!p) return;
    let source: Sourced = r;
    // In a part of a table, a more specific route may be missing.
    if (partial && p.len < BITS[this.family] && r.certainty === "proven")
      source = {
        origin: r.origin,
        certainty: "inferred",
        why: "only a part of the route table is in evidence: a more specific route may exist",
      };
    this.stack.net.rule(t, {
      prefix: { value: p.value, len: p.len },
      metric: r.metric,
      program: routeProgram(this.stack, r),
      origin: source.origin,
      certainty: source.certainty,
      why: source.why,
    });
  }
}

function routeProgram(stack: RoutingStack, r: Route): Action[] {
  switch (r.type) {
    case "unicast": {
      const hops = r.nexthops.map((h) => hopProgram(stack, r, h.via, h.dev));
      if (hops.length === 1) return [set("reg14", ROUTE.unicast), ...hops[0]];
      return [set("reg14", ROUTE.unicast), { op: "choose", how: "ecmp", weights: r.nexthops.map((h) => h.weight), options: hops }];
    }
    case "local":
    case "anycast":
      return [
        set("reg14", ROUTE.local),
        set("out_port", stack.loopback),
        ...preferSource(r.family, parseAddress(r.src)?.value ?? "destination"),
      ];
    case "broadcast":
      return [set("reg14", ROUTE.broadcast), ...hopProgram(stack, r, "", r.nexthops[0]?.dev ?? "")];
    case "multicast":
      return [set("reg14", ROUTE.multicast)];
    case "blackhole":
      return [set("reg14", ROUTE.blackhole)];
    case "unreachable":
      return [set("reg14", ROUTE.unreachable)];
    case "prohibit":
      return [set("reg14", ROUTE.prohibit)];
    case "throw":
      return [{ op: "note", text: "throw: as if the table had no route" }];
  }
}

function hopProgram(stack: RoutingStack, r: Route, via: string, dev: string): Action[] {
  const out = interfaceOf(stack.evidence, dev);
  const gateway = via === "" ? null : parseAddress(via);
  const dst = slice(r.family === 4 ? "ip_dst" : "ipv6_dst");
  return [
    set("out_port", out?.number ?? 0),
    gateway ? set("nexthop", gateway.value) : { op: "move", src: dst, dst: slice("nexthop", 0, dst.n) },
    ...preferSource(r.family, sourceOf(stack.evidence, r, out, via)?.value ?? 0n),
  ];
}

function preferSource(family: Family, source: bigint | "destination"): Action[] {
  const register = family === 4 ? slice("reg12") : slice("xxreg2");
  if (source === "destination") return [{ op: "move", src: slice(family === 4 ? "ip_dst" : "ipv6_dst"), dst: register }];
  return [{ op: "set", dst: register, value: source }];
}

const SCOPES: Readonly<Record<string, number>> = { "": 0, global: 0, site: 200, link: 253, host: 254, nowhere: 255 };
const scopeOf = (text: string): number => SCOPES[text] ?? (Number(text) || 0);

/**
 * The source address that the kernel prefers for a route: the route's own, else the first primary address of the interface whose network has the
 * next hop, else the first of a scope that is wide enough, else one of another interface (inet_select_addr(), net/ipv4/devinet.c).
 * IPv6: the first address of the interface of the destination's scope (a simple case of RFC 6724).
 */
function sourceOf(evidence: HostEvidence, r: Pick<Route, "family" | "src" | "scope" | "prefix">, out: Interface | undefined, via: string) {
  const own = parseAddress(r.src);
  if (own) return own;
  const usable = (i: Interface) => i.addresses.filter((a) => a.family === r.family && !a.secondary);
  if (r.family === 6) {
    const linkLocal = r.prefix.startsWith("fe80:");
    const fits = (i: Interface) => usable(i).find((a) => (a.scope === "link") === linkLocal && a.scope !== "host");
    const a = (out && fits(out)) ?? evidence.interfaces.map(fits).find((x) => x !== undefined);
    return a ? parseAddress(a.address) : null;
  }
  const scope = scopeOf(r.scope);
  const wide = (i: Interface) => usable(i).filter((a) => scopeOf(a.scope) <= scope);
  if (out) {
    const gateway = parseAddress(via);
    const near = gateway && wide(out).find((a) => contains(parsePrefix(`${a.address}/${a.prefixLen}`)!, gateway));
    const first = near ?? wide(out)[0];
    if (first) return parseAddress(first.address);
  }
  const other = evidence.interfaces.flatMap(wide).find((a) => a.scope !== "link");
  return other ? parseAddress(other.address) : null;
}
