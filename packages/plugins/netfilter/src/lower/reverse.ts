/**
 * Questions to the routes: is there a way to this address, and is it one by that interface (`fib saddr . iif oif missing`, `-m rpfilter`).
 *
 * The host's local and main tables become tables of prefixes that note the interfaces of the route; a last table holds them against
 * the packet's own interface. Sources: nft_fib4_eval (net/ipv4/netfilter/nft_fib_ipv4.c), nft_fib6_eval, rpfilter_mt (ipt_rpfilter.c,
 * ip6t_rpfilter.c): the one best route is taken, and asked whether it uses the interface.
 *
 * Not translated: hosts whose `ip rule` looks in other tables first; there the answer is unknown.
 */
import { type Action, type Match, matchField, slice, type Table } from "@plumbline/model";
import type { Statement } from "../ast.js";
import { EVERYTHING, type Opaque } from "./conditions.js";
import { type Alternative, type RuleContext, unknown } from "./context.js";
import { ETH_IPV4, ETH_IPV6 } from "./fields.js";
import type { HostRoute } from "./host.js";

type Asked = Extract<Statement, { s: "route" }>;

/** Which interfaces the route has that was found, as a number; 0: none. */
const FOUND = slice("reg5");

/** Alternatives that leave for the rule's next part or fail; opaque where the evidence does not tell. */
export function routeAlternatives(s: Asked, ctx: RuleContext): Alternative[] | Opaque {
  const { leave, fail, view } = ctx;
  if (!leave || !fail) throw new Error("a question to the routes stands in tables of its own");
  if (view.ports === null) return { why: `the interfaces of ${view.host} are not in evidence`, command: "ip -d link" };
  const out: Alternative[] = [];
  for (const family of ctx.family === "ip" ? ([4] as const) : ctx.family === "ip6" ? ([6] as const) : ([4, 6] as const)) {
    const routes = view.routes(family);
    const rows = [matchField([], "eth_type", family === 4 ? ETH_IPV4 : ETH_IPV6)];
    if (routes === null) {
      const told = { why: `which route leads back (${s.how}) is not told by the evidence`, command: "ip rule; ip route show table all" };
      if (ctx.family !== "inet") return told;
      out.push({ rows, program: [unknown(told, ctx)] });
      continue;
    }
    const table = ctx.tables.make(`${ctx.where} ${s.how}`, family, (t) => fill(t, s, family, routes, ctx, leave, fail));
    out.push({ rows, program: [{ op: "goto", table: table.id }] });
  }
  return out.length === 1 && ctx.family !== "inet" ? [{ rows: EVERYTHING, program: out[0].program }] : out;
}

/** The first of the tables: packets that came round through the loopback interface have their way back. */
function fill(first: Table, s: Asked, family: 4 | 6, routes: readonly HostRoute[], ctx: RuleContext, leave: Action, fail: Action): void {
  const { net } = ctx.tables;
  const classes = new Map<string, number>();
  const classOf = (devices: readonly string[]): number => {
    const key = [...new Set(devices)].sort().join(" ");
    if (key === "") return 0;
    let n = classes.get(key);
    if (n === undefined) classes.set(key, (n = classes.size + 1));
    return n;
  };
  const decide = ctx.tables.open(`${first.name}: by which interface`, "priority");
  const key = slice(`${family === 4 ? "ip" : "ipv6"}_${s.end}`);
  const go = (n: number): Action[] => [
    { op: "set", dst: FOUND, value: BigInt(n) },
    { op: "goto", table: decide.id },
  ];
  let next = go(0);
  for (const local of [false, true]) {
    const here = routes.filter((r) => r.local === local);
    if (here.length === 0) continue;
    const t = ctx.tables.open(`${first.name}: ${local ? "local" : "main"}`, "lpm", key);
    for (const r of bestOfPrefix(here)) {
      // ip6tables prefers, and link-local addresses need, a route by the interface among those of the prefix; otherwise the best one is taken.
      const byInterface = family === 6 && s.iface !== null && (ctx.table.source === "iptables" || r.value >> 118n === 0x3fan);
      const devices = byInterface
        ? here.filter((x) => x.leads && x.len === r.len && x.value === r.value).flatMap((x) => x.devices)
        : r.devices;
      const counts = r.leads && (!r.local || s.local);
      net.rule(t, {
        prefix: { value: r.value, len: r.len },
        metric: r.metric,
        program: go(counts ? classOf(devices) : 0),
        origin: r.fact.origin,
      });
    }
    t.miss = next;
    next = [{ op: "goto", table: t.id }];
  }
  const yes = s.wants === "missing" ? fail : leave;
  const no = s.wants === "missing" ? leave : fail;
  const lo = ctx.view.ports!.get("lo");
  if (s.end === "src" && lo !== undefined && typeof s.wants === "string")
    net.rule(first, { priority: 1, rows: [matchField([], "in_port", lo)], program: [yes] });
  first.miss = next;
  for (const [names, n] of classes) {
    const found = matchField([], "reg5", n);
    const devices = names.split(" ");
    const rows: Match[] = [];
    if (typeof s.wants === "object") {
      if (devices.includes(s.wants.device)) rows.push(found);
    } else if (s.iface === null) rows.push(found);
    else
      for (const d of devices) {
        const port = ctx.view.ports!.get(d);
        if (port !== undefined) rows.push(matchField(found, s.iface === "in" ? "in_port" : "out_port", port));
      }
    if (rows.length > 0) net.rule(decide, { rows, program: [yes] });
  }
  decide.miss = [no];
}

/** Of routes with one prefix those of the lowest metric. */
function bestOfPrefix(routes: readonly HostRoute[]): HostRoute[] {
  const best = new Map<string, HostRoute>();
  for (const r of routes) {
    const key = `${r.value}/${r.len}`;
    const had = best.get(key);
    if (!had || r.metric < had.metric) best.set(key, r);
  }
  return [...best.values()];
}
