/**
 * Route tables, each lowered to a longest prefix match when a rule first asks for it.
 *
 * Of the routes to one prefix the kernel takes, for IPv4, that of the packet's type of service before one for any, then the lowest metric, then
 * the first (fib_insert_alias(), fib_table_lookup(), net/ipv4/fib_trie.c); for IPv6 the lowest metric, then the router preference of RFC 4191
 * (rt6_score_route(), net/ipv6/route.c).
 *
 * The same table is lowered in several ways: for packets of any kind, for sockets bound to an interface (only routes by that interface count),
 * and for the question where a packet's source would be routed (reverse path filter), where a route's program only tells its type and its interfaces.
 */
import { type Action, slice, type Table, type TableId } from "@plumbline/model";
import { BITS, contains, type Family, type Prefix, parseAddress, parsePrefix } from "../address.js";
import type { HostEvidence, Interface, OpaqueRoute, Route, Sourced } from "./evidence.js";
import type { InterfaceSets } from "./interface-sets.js";
import { TOS_BITS } from "./policy-rows.js";
import { sourceOf, vrfOf } from "./prefer-source.js";
import { interfaceOf, match, ROUTE, type RoutingStack, set } from "./stack.js";

/** For whom tables are looked up. */
export interface LookUp {
  /** "packet": the way of a packet; "source": the way back to its source. */
  readonly of: "packet" | "source";
  /** Interface that the socket is bound to. */
  readonly oif: Interface | null;
  /**
   * IPv6: of routes that are the same but for their interface, the one by this interface is taken: the kernel prefers the interface that a packet
   * came in by, or that a socket with a source address is bound to (rt6_check_dev(), net/ipv6/route.c).
   */
  readonly near?: Interface;
  /** Name of the interface that policy rules see the socket bound to, where it is not that of {@link oif}; "" for packets that came in. */
  readonly bound?: string;
}

/** What of a table a rule lets count. */
export interface Suppress {
  /** Prefixes of at most so many bits do not count; -1 for all. */
  readonly len: number;
  /** Routes by an interface of that group do not count; "" for all. */
  readonly group: string;
}

type Known = { readonly route: Route; readonly opaque?: undefined } | { readonly opaque: OpaqueRoute; readonly route?: undefined };
type Entry = Known & { readonly prefix: Prefix };

/** Which route a rule of the IR stands for. */
export type RouteOf = Map<number, Route>;

export class RouteTables {
  private readonly made = new Map<string, TableId>();

  constructor(
    private readonly stack: RoutingStack,
    private readonly family: Family,
    private readonly lookUp: LookUp,
    private readonly sets: InterfaceSets,
    private readonly routeOf: RouteOf,
  ) {}

  /** @param names tables that are one to the kernel, the first preferred for equal prefixes */
  get(names: readonly string[], suppress: Suppress = { len: -1, group: "" }): TableId {
    const key = `${names.join("+")} ${suppress.len} ${suppress.group}`;
    const known = this.made.get(key);
    if (known !== undefined) return known;
    const entries = this.entries(names);
    const tos = [...new Set(entries.map((e) => e.route?.tos ?? 0))].filter((t) => t !== 0 && (t & ~TOS_BITS & 0xfc) === 0);
    const label = this.label(names, suppress);
    let id: TableId;
    if (tos.length === 0 || this.family === 6) id = this.lpm(label, names, entries, suppress, 0);
    else {
      const { net, device } = this.stack;
      const t = net.table(device, `${label}, by type of service`, "hook", "priority");
      id = t.id;
      for (const value of tos) {
        const program: Action[] = [
          { op: "goto", table: this.lpm(`${label}, tos 0x${value.toString(16)}`, names, entries, suppress, value) },
        ];
        net.rule(t, { rows: [match({ nw_tos: [value & TOS_BITS, TOS_BITS] })], program });
      }
      t.miss = [{ op: "goto", table: this.lpm(label, names, entries, suppress, 0) }];
    }
    this.made.set(key, id);
    return id;
  }

  private label(names: readonly string[], suppress: Suppress): string {
    return [
      `${names.join(" and ")}${this.family === 6 ? " (IPv6)" : ""}`,
      suppress.len >= 0 ? `prefixes longer than ${suppress.len}` : "",
      suppress.group !== "" ? `interfaces not of group ${suppress.group}` : "",
      this.lookUp.oif ? `by ${this.lookUp.oif.name}` : "",
      this.lookUp.near ? `near ${this.lookUp.near.name}` : "",
      this.lookUp.of === "source" ? "back to the source" : "",
    ]
      .filter(Boolean)
      .join(", ");
  }

  /** The routes of a table in the order in which the kernel takes them where their prefixes are the same. */
  private entries(names: readonly string[]): Entry[] {
    const { evidence } = this.stack;
    const all: Known[] = [...evidence.routes.map((route) => ({ route })), ...evidence.opaqueRoutes.map((opaque) => ({ opaque }))];
    const data = (k: Known) => k.route ?? k.opaque!;
    return all
      .filter((k) => data(k).family === this.family && names.includes(data(k).table))
      .flatMap((k): Entry[] => {
        const prefix = parsePrefix(data(k).prefix);
        return prefix ? [{ ...k, prefix }] : [];
      })
      .map((e) => ({
        e,
        rank: [names.indexOf(data(e).table), -(e.route?.tos ?? 0), data(e).metric, PREFERENCE[e.route?.pref ?? "medium"], this.distance(e)],
      }))
      .sort((a, b) => compare(a.rank, b.rank))
      .map(({ e }) => e);
  }

  private distance(e: Entry): number {
    const near = this.lookUp.near?.name;
    return near === undefined || e.route?.nexthops.some((h) => h.dev === near) ? 0 : 1;
  }

  private lpm(label: string, names: readonly string[], all: readonly Entry[], suppress: Suppress, tos: number): TableId {
    const { net, device, evidence } = this.stack;
    const t = net.table(
      device,
      label,
      this.lookUp.of === "source" ? "hook" : "fib",
      "lpm",
      slice(this.family === 4 ? "ip_dst" : "ipv6_dst"),
    );
    const partial = names.some((n) => !evidence.covers(this.family, n));
    const entries = all.filter((e) => [0, tos].includes(e.route?.tos ?? 0) && (!e.route || this.usable(e.route)));
    const conditional = entries.some((e) => e.route?.from !== undefined);
    const rank = new Map<string, number>();
    for (const e of entries) {
      // The order of equal prefixes is that of the list: it stands for the metric.
      const key = `${e.prefix.value}/${e.prefix.len}`;
      const metric = rank.get(key) ?? 0;
      rank.set(key, metric + 1);
      const other = e.route && this.dead(e.route) ? this.instead(e, entries) : e;
      if (other === null) {
        const program: Action[] = [
          { op: "note", text: `no next hop of object ${e.route!.nhid} may be taken, and there is no other route` },
        ];
        net.rule(t, { prefix: { value: e.prefix.value, len: e.prefix.len }, metric, program });
        continue;
      }
      if (!conditional) this.add(t, other, e.prefix, metric, partial, this.program(other, suppress));
      else if (metric === 0) this.bySource(t, e.prefix, entries, suppress, partial);
    }
    t.miss = this.miss(names, partial);
    return t.id;
  }

  /**
   * A route counts if one of its next hops may be taken, and one that leads nowhere always does; of IPv6 that has an interface too, lo. A route by a
   * next hop object of which none may be taken stays, see {@link instead}.
   */
  private usable(r: Route): boolean {
    if (LEADS_NOWHERE.has(r.type)) return r.family === 4 || !this.lookUp.oif || this.lookUp.oif.name === "lo";
    if (r.nexthops.length === 0 || this.dead(r)) return true;
    return this.hopsOf(r).length > 0;
  }

  private dead(r: Route): boolean {
    return r.family === 4 && !LEADS_NOWHERE.has(r.type) && (r.nhid ?? 0) > 0 && this.hopsOf(r).length === 0;
  }

  /**
   * What the kernel takes in place of a dead route: it passes over all routes of the same first address, which are one leaf of its trie, and goes on with
   * the next shorter prefix of another (fib_table_lookup(), label `miss`).
   */
  private instead(e: Entry, entries: readonly Entry[]): Entry | null {
    const others = entries.filter((x) => x.prefix.value !== e.prefix.value && x.prefix.len < e.prefix.len && contains(x.prefix, e.prefix));
    const longest = Math.max(...others.map((x) => x.prefix.len), -1);
    const next = others.find((x) => x.prefix.len === longest);
    return next?.route && this.dead(next.route) ? this.instead(next, entries) : (next ?? null);
  }

  private hopsOf(r: Route): Route["nexthops"] {
    const { evidence } = this.stack;
    const { oif } = this.lookUp;
    return r.nexthops.filter((h) => {
      if (h.linkdown && ignoresLinkdown(evidence, h.dev, this.family)) return false;
      if (!oif || oif.vrfTable !== undefined) return true;
      return h.dev === oif.name;
    });
  }

  /**
   * The routes to one prefix, some of them for packets from certain sources only: the longest source first; if none fits, the next shorter
   * prefix of the destination is asked (fib6_node_lookup(), net/ipv6/ip6_fib.c).
   */
  private bySource(t: Table, prefix: Prefix, entries: readonly Entry[], suppress: Suppress, partial: boolean): void {
    const at = (p: Prefix) => entries.filter((e) => e.prefix.value === p.value && e.prefix.len === p.len);
    const plainOf = (list: readonly Entry[]) => list.find((e) => e.route?.from === undefined);
    const here = at(prefix);
    const from = here.filter((e) => e.route?.from !== undefined);
    const plain = plainOf(here);
    if (from.length === 0) {
      if (plain) this.add(t, plain, prefix, 0, partial, this.program(plain, suppress));
      return;
    }
    const { net, device } = this.stack;
    const sources = net.table(device, `${t.name} by source`, "fib", "lpm", slice("ipv6_src"));
    from.forEach((e, i) => {
      const p = parsePrefix(e.route!.from!);
      if (p) this.add(sources, e, p, i, partial, this.program(e, suppress));
    });
    // Whoever fits none of them.
    const any: Prefix = { family: 6, value: 0n, len: 0 };
    let rest = plain;
    for (const p of this.covering(prefix, entries)) {
      if (rest) break;
      const list = at(p);
      if (list.some((e) => e.route?.from !== undefined)) {
        const upper = net.table(device, `${t.name} by source, shorter`, "hook", "lpm", slice("ipv6_dst"));
        this.bySource(upper, p, entries, suppress, partial);
        sources.miss = [{ op: "call", table: upper.id }];
        break;
      }
      rest = plainOf(list);
    }
    if (rest) this.add(sources, rest, any, from.length, partial, this.program(rest, suppress));
    net.rule(t, { prefix: { value: prefix.value, len: prefix.len }, program: [{ op: "call", table: sources.id }] });
  }

  /** Prefixes of routes that cover `prefix`, the longest first. */
  private covering(prefix: Prefix, entries: readonly Entry[]): Prefix[] {
    return entries
      .map((e) => e.prefix)
      .filter((p) => p.len < prefix.len && contains(p, prefix))
      .sort((a, b) => b.len - a.len);
  }

  private add(t: Table, e: Entry, prefix: Prefix, metric: number, partial: boolean, program: readonly Action[]): void {
    const known: Sourced = e.route ?? e.opaque!;
    let source: Sourced = e.route ? known : { ...known, why: known.certainty === "proven" ? "" : e.opaque!.why };
    // In a part of a table, a more specific route may be missing.
    if (e.route && partial && e.prefix.len < BITS[this.family] && known.certainty === "proven")
      source = {
        origin: known.origin,
        certainty: "inferred",
        why: "only a part of the route table is in evidence: a more specific route may exist",
      };
    const rule = this.stack.net.rule(t, {
      prefix: { value: prefix.value, len: prefix.len },
      metric,
      program,
      origin: source.origin,
      certainty: source.certainty,
      why: source.why,
    });
    if (e.route) this.routeOf.set(rule.id, e.route);
  }

  private program(e: Entry, suppress: Suppress): readonly Action[] {
    if (!e.route)
      return [
        {
          op: "unknown",
          why: `the route to ${e.opaque!.prefix}: ${e.opaque!.why}`,
          command: "ip route get DESTINATION",
          on: this.stack.evidence.host,
        },
      ];
    const r = e.route;
    // Only what leads somewhere can be suppressed: an error stands (fib_rules_lookup()).
    if (!LEADS_NOWHERE.has(r.type)) {
      if (e.prefix.len <= suppress.len)
        return [{ op: "note", text: `the prefix has no more than ${suppress.len} bits: it does not count for this rule` }];
      const first = this.hopsOf(r)[0];
      const group = first && interfaceOf(this.stack.evidence, first.dev)?.group;
      if (suppress.group !== "" && (group ?? "0") === suppress.group.replace(/^default$/, "0"))
        return [{ op: "note", text: `the route's interface is of group ${suppress.group}: it does not count for this rule` }];
    }
    return this.lookUp.of === "packet" ? this.wayOf(r) : this.usedBy(r);
  }

  /** Where the packet goes. */
  private wayOf(r: Route): Action[] {
    const { stack } = this;
    switch (r.type) {
      case "unicast": {
        const used = this.hopsOf(r);
        const hops = used.map((h) => hopProgram(stack, r, h.via, h.dev));
        // Of a socket's own interface the first next hop is taken.
        if (hops.length === 1 || this.lookUp.oif) return [set("reg14", ROUTE.unicast), ...hops[0]];
        return [set("reg14", ROUTE.unicast), { op: "choose", how: "ecmp", weights: used.map((h) => h.weight), options: hops }];
      }
      case "local":
      case "anycast":
        return [
          set("reg14", ROUTE.local),
          set("out_port", loopbackOf(stack, r)),
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

  /** What kind of route leads to a source, and by which interfaces: reg14, and a set of {@link InterfaceSets} in reg4. */
  private usedBy(r: Route): Action[] {
    if (r.type === "throw") return [];
    const { evidence } = this.stack;
    const numbers = r.nexthops.flatMap((h) => {
      const i = interfaceOf(evidence, h.dev);
      const vrf = vrfOf(evidence, i);
      return i ? [i.number, ...(vrf ? [vrf.number] : [])] : [];
    });
    const type = r.type === "anycast" ? "local" : r.type;
    return [set("reg14", ROUTE[type]), set("reg4", this.sets.idOf(numbers))];
  }

  /** What is not listed does not exist, if the whole table is in evidence; `local` and `default` are known without. */
  private miss(names: readonly string[], partial: boolean): Action[] {
    if (!partial || names.every((n) => n === "default" || n === "local") || this.lookUp.of === "source") return [];
    const name = names.at(-1)!;
    const command = this.family === 6 ? "ip -6 route show table all" : "ip route show table all";
    const { evidence } = this.stack;
    const some = [...evidence.routes, ...evidence.opaqueRoutes].some((r) => r.family === this.family && r.table === name);
    const why = some ? `only a part of route table ${name} is in evidence` : `the routes of table ${name} are not in evidence`;
    // Behind main there is nothing; behind another table the next rule may know a route.
    return [{ op: "unknown", why, command, on: evidence.host, ...(name === "main" ? {} : { go: true }) }];
  }
}

const LEADS_NOWHERE: ReadonlySet<string> = new Set(["blackhole", "unreachable", "prohibit", "throw"]);
const PREFERENCE = { high: 0, medium: 1, low: 2 } as const;

function compare(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

function ignoresLinkdown(evidence: HostEvidence, dev: string, family: Family): boolean {
  const conf = `net.ipv${family}.conf`;
  return ["all", dev.replaceAll(".", "/")].some((i) => evidence.sysctl(`${conf}.${i}.ignore_routes_with_linkdown`)?.value === "1");
}

/** Packets to an address of a VRF's interface come in by the VRF. */
function loopbackOf(stack: RoutingStack, r: Route): number {
  return vrfOf(stack.evidence, interfaceOf(stack.evidence, r.nexthops[0]?.dev ?? ""))?.number ?? stack.loopback;
}

function hopProgram(stack: RoutingStack, r: Route, via: string, dev: string): Action[] {
  const out = interfaceOf(stack.evidence, dev);
  const gateway = via === "" ? null : parseAddress(via);
  const dst = slice(r.family === 4 ? "ip_dst" : "ipv6_dst");
  return [
    set("out_port", out?.number ?? 0),
    gateway ? set("nexthop", gateway.value) : { op: "move", src: dst, dst: slice("nexthop", 0, dst.n) },
    ...preferSource(r.family, sourceOf(stack.evidence, r, out, via) ?? 0n),
  ];
}

function preferSource(family: Family, source: bigint | "destination"): Action[] {
  const register = family === 4 ? slice("reg12") : slice("xxreg2");
  if (source === "destination") return [{ op: "move", src: slice(family === 4 ? "ip_dst" : "ipv6_dst"), dst: register }];
  return [{ op: "set", dst: register, value: source }];
}
