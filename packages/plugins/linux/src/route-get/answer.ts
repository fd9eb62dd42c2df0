/**
 * Answers of route look-ups, from the events of a run: as data, and as `ip route get` prints them (iproute.c, print_route()).
 */
import {
  EV,
  type Event,
  get,
  Interpreter,
  ipv4Text,
  LEAF,
  type Network,
  type Numbering,
  numbering,
  type Rule,
  textOf,
} from "@plumbline/model";
import { parseAddress } from "../address.js";
import type { HostEvidence, PolicyRule, Route } from "../lower/evidence.js";
import { HOST_SCOPE, selectIPv4, sourceOf } from "../lower/prefer-source.js";
import { hasDefaultRules } from "../lower/routing.js";
import { interfaceOf, ROUTE } from "../lower/stack.js";
import type { Asked } from "./ask.js";
import { ERRORS, ON_LINK, type RouteDevice, type RouteError } from "./device.js";
import type { RouteAnswer, RouteHop, RouteType } from "./model.js";

const TYPES: Readonly<Record<number, RouteType>> = {
  [ROUTE.none]: "none",
  [ROUTE.unicast]: "unicast",
  [ROUTE.local]: "local",
  [ROUTE.broadcast]: "broadcast",
  [ROUTE.blackhole]: "blackhole",
  [ROUTE.unreachable]: "unreachable",
  [ROUTE.prohibit]: "prohibit",
  [ROUTE.multicast]: "multicast",
  [ROUTE.refused]: "unreachable",
};

/** What decided: the last policy rule that the packet met, and the route found behind it. */
interface Decision {
  readonly rule: PolicyRule | null;
  readonly route: Route | null;
}

export class Answers {
  private readonly num: Numbering;
  private readonly defaultRules: { readonly 4: boolean; readonly 6: boolean };

  constructor(
    private readonly evidence: HostEvidence,
    private readonly device: RouteDevice,
  ) {
    const net: Network = device.net;
    this.num = numbering(net);
    const stack = { evidence } as Parameters<typeof hasDefaultRules>[0];
    this.defaultRules = { 4: hasDefaultRules(stack, 4), 6: hasDefaultRules(stack, 6) };
  }

  answer(asked: Asked, events: readonly Event[]): RouteAnswer {
    const first = this.ofOneRun(asked, events);
    const choice = events.find((e) => e.kind === EV.choice);
    // What came in has its source checked as the next hop that is taken (fib_validate_source, net/ipv4/route.c).
    if (!choice || !asked.iif || asked.destination.family !== 4) return first;
    const machine = new Interpreter(this.device.net);
    const each = Array.from({ length: choice.c }, (_, k) =>
      k === choice.b ? first : this.ofOneRun(asked, machine.run(asked.row, this.device.device, null, { script: [k], beyond: "first" })),
    );
    const good = each.find((a) => a.error === "" && a.type !== "unknown");
    if (!good || good.nexthops.length !== each.length) return first;
    const nexthops = good.nexthops.map((h, k): RouteHop => (each[k].error === "" ? h : { ...h, error: each[k].error }));
    return { ...good, nexthops, src: nexthops.find((h) => h.error === undefined)?.src ?? "" };
  }

  /** The answer with the choices of one run. */
  private ofOneRun(asked: Asked, events: readonly Event[]): RouteAnswer {
    const leaf = events.find((e) => e.kind === EV.leaf);
    if (!leaf) throw new Error("a look-up that does not end");
    const text = (index: number) => {
      const t = this.num.texts[index];
      return (t && textOf(t)) ?? "";
    };
    const needs = events
      .filter((e) => e.kind === EV.note || (e.kind === EV.leaf && e.a === LEAF.unknown))
      .flatMap((e) => {
        const t = this.num.texts[e.kind === EV.note ? e.a : e.b];
        return t && "op" in t && t.op === "unknown" ? [{ why: t.why, command: t.command }] : [];
      });
    const { selectors } = asked;
    const base = {
      schema: "plumbline.route-get/1" as const,
      dst: asked.dst,
      from: selectors.from ?? "",
      iif: asked.iif?.name ?? "",
      oif: asked.oif?.name ?? "",
      mark: selectors.mark ?? 0,
      needs,
    };
    const decided = this.decision(events);
    const found = TYPES[get(leaf.row, "reg14")] ?? "none";
    const type = found === "local" && decided.route?.type === "anycast" ? "anycast" : found;
    const where = this.where(asked, decided);
    const nothing = { ...base, nexthops: [], src: "", ...where };
    if (leaf.a === LEAF.local) {
      const note = text(leaf.b);
      if (note === ON_LINK) {
        const dev = asked.oif!.name;
        const src = this.source(asked, { src: "", scope: "link", prefix: "0.0.0.0/0" }, dev, "");
        const none = this.where(asked, { rule: null, route: null });
        return { ...base, ...none, type: "unicast", nexthops: [{ via: "", dev, weight: 1, src }], src, error: "", why: ON_LINK };
      }
      const nexthops = this.hops(asked, type, decided.route, get(leaf.row, "out_port"));
      return { ...nothing, type, nexthops, src: nexthops[0]?.src ?? "", error: "", why: "" };
    }
    if (leaf.a === LEAF.unknown || leaf.a === LEAF.looped)
      return { ...nothing, type: "unknown", error: "", why: leaf.a === LEAF.looped ? "the rules lead in a circle" : text(leaf.b) };
    const reason = /^(E[A-Z]+): (.*)$/s.exec(text(leaf.b));
    const error = (reason?.[1] ?? "EINVAL") as RouteError;
    const why = reason?.[2] ?? text(leaf.b);
    // A way that is refused for another reason than the route leads nowhere either.
    const failed: RouteType =
      type === "unicast" || type === "local" || type === "anycast" || type === "broadcast" || type === "multicast" ? "none" : type;
    return { ...nothing, type: failed, error: ERRORS[error] ?? error, why };
  }

  private decision(events: readonly Event[]): Decision {
    const { net, routing } = this.device;
    let rule: PolicyRule | null = null;
    let route: Route | null = null;
    for (const e of events) {
      if (e.kind !== EV.hit) continue;
      const hit: Rule = net.rules[e.b];
      const { stage } = net.tables[e.a];
      if (stage === "policy" && routing.ruleOf.has(hit.id)) {
        rule = routing.ruleOf.get(hit.id)!;
        route = null;
      } else if (stage === "fib" && routing.routeOf.has(hit.id)) route = routing.routeOf.get(hit.id)!;
    }
    const leaf = events.find((e) => e.kind === EV.leaf)!;
    if (get(leaf.row, "reg14") === ROUTE.none) return { rule: null, route: null };
    return { rule, route };
  }

  private where(asked: Asked, { rule, route }: Decision) {
    // Where nobody added rules, the kernel has local and main in one trie, which it calls main.
    const merged = asked.destination.family === 4 && this.defaultRules[4] && route?.table === "local";
    return {
      table: route ? (merged ? "main" : route.table) : "",
      rule: rule ? (rule.origin?.text ?? `${rule.priority}:\tfrom all lookup ${rule.table}`) : "",
      route: route?.origin?.text ?? "",
      file: route?.origin?.file ?? rule?.origin?.file ?? "",
      line: route?.origin?.line ?? rule?.origin?.line ?? 0,
    };
  }

  private source(asked: Asked, r: Pick<Route, "src" | "scope" | "prefix" | "nhid">, dev: string, via: string): string {
    // Of IPv6 packets that came in it tells what the route itself prefers.
    if (!this.tellsSource(asked)) return asked.destination.family === 6 ? r.src : "";
    const { family, value } = asked.destination;
    const s = sourceOf(this.evidence, { ...r, family }, interfaceOf(this.evidence, dev), via, value);
    return s === null ? "" : family === 4 ? ipv4Text(s) : ipv6Text(s);
  }

  /** What is sent to many takes the route's interfaces, and its gateways only where the route is one for multicast (__mkroute_output()). */
  private toMany(asked: Asked, type: RouteType, route: Route): RouteHop[] {
    const gateway = type === "multicast" && Number(route.prefix.split("/")[1]) >= 4;
    return usedHops(asked, route).map((h) => ({
      via: gateway ? h.via : "",
      dev: h.dev,
      weight: h.weight,
      src: this.source(asked, route, h.dev, h.via),
    }));
  }

  /** The kernel tells the source that it chooses: of packets that came in it does not, nor of IPv4 where one is given. */
  private tellsSource(asked: Asked): boolean {
    return !asked.iif && (asked.destination.family === 6 || asked.source === null || asked.source.value === 0n);
  }

  private hops(asked: Asked, type: RouteType, route: Route | null, outPort: number): RouteHop[] {
    const { evidence } = this;
    const out = evidence.interfaces.find((i) => i.number === outPort)?.name ?? "lo";
    if (type === "unicast" && route) {
      const used = usedHops(asked, route);
      // Of an IPv6 group of next hop objects the first says the source (fib6_info_nh_dev, nexthop_fib6_nh).
      const group = isGroup6(route) ? route.nexthops[0] : null;
      return used.map((h) => {
        const by = group ?? h;
        return { via: h.via, dev: h.dev, weight: h.weight, src: this.source(asked, route, by.dev, by.via) };
      });
    }
    const hop = (dev: string, src: string): RouteHop[] => [{ via: "", dev, weight: 1, src }];
    const many = (dev: string) => hop(dev, this.source(asked, route ?? { src: "", scope: "link", prefix: "0.0.0.0/0" }, dev, ""));
    switch (type) {
      case "local": {
        const { family, value } = asked.destination;
        const bound = asked.oif && value === 0n ? selectIPv4(evidence, asked.oif, null, HOST_SCOPE) : null;
        const own = family === 6 ? ipv6Text(value) : value === 0n ? ipv4Text(bound ?? 0x7f000001n) : ipv4Text(value);
        return hop(out, this.tellsSource(asked) ? route?.src || own : "");
      }
      case "anycast":
        return hop(out, this.source(asked, route ?? { src: "", scope: "", prefix: "::/0" }, route?.nexthops[0]?.dev ?? out, ""));
      case "broadcast":
      case "multicast":
        if (asked.iif && asked.destination.family === 4) return hop("lo", "");
        if (asked.destination.family === 4 && route?.type === "unicast") return this.toMany(asked, type, route);
        return many(asked.destination.family === 6 ? (route?.nexthops[0]?.dev ?? out) : out);
      default:
        return [];
    }
  }
}

const isGroup6 = (r: Route): boolean => r.family === 6 && (r.nhid ?? 0) > 0 && r.nexthops.length > 1;

/** Next hops that the kernel takes one of. */
function usedHops(asked: Asked, route: Route): Route["nexthops"] {
  const { oif, destination, source } = asked;
  if (!oif || oif.vrfTable !== undefined) return route.nexthops;
  // Of an IPv6 group of next hop objects the hash takes any, once one is by that interface (fib6_select_path, net/ipv6/route.c).
  if (isGroup6(route)) return route.nexthops;
  const by = route.nexthops.filter((h) => h.dev === oif.name);
  // Of IPv4 the first by that interface; of IPv6 it is a preference alone where a source is given, unless the destination is bound to a link.
  if (destination.family === 4) return by.slice(0, 1);
  const { value } = destination;
  const strict = source === null || source.value === 0n || value >> 118n === 0x3fan || value >> 120n === 0xffn || value === 1n;
  return strict ? by : route.nexthops;
}

function ipv6Text(v: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((v >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  // The longest run of two zeros or more is left out (RFC 5952).
  let best = { at: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && groups[i + n] === "0") n++;
    if (n > best.length) best = { at: i, length: n };
  }
  if (best.at < 0) return groups.join(":");
  return `${groups.slice(0, best.at).join(":")}::${groups.slice(best.at + best.length).join(":")}`;
}

/** As `ip route get` prints it, with the places that say so below. */
export function textOfAnswer(a: RouteAnswer, asked: Asked): string {
  const lines: string[] = [];
  if (a.error !== "") lines.push(`RTNETLINK answers: ${a.error}`);
  else if (a.type === "unknown") lines.push(`${a.dst}: unknown: ${a.why}`);
  else for (const h of a.nexthops.length > 0 ? a.nexthops : [null]) lines.push(way(a, asked, h));
  if (a.error !== "" && a.why !== "") lines.push(`    ${a.why}`);
  if (a.why === ON_LINK) lines.push(`    ${a.why}`);
  if (a.rule !== "") lines.push(`    rule ${a.rule.replace(/\s+/g, " ")}`);
  if (a.route !== "") lines.push(`    ${a.file}:${a.line}: ${a.route}`);
  for (const n of a.needs) lines.push(`    not known: ${n.why} (${n.command})`);
  return lines.join("\n");
}

function way(a: RouteAnswer, asked: Asked, h: RouteHop | null): string {
  const { selectors } = asked;
  const mark = selectors.mark ?? 0;
  const via = h && h.via !== "" ? `via ${parseAddress(h.via)?.family === asked.destination.family ? "" : "inet6 "}${h.via}` : "";
  return [
    a.type === "unicast" ? "" : a.type,
    a.dst,
    a.from === "" ? "" : `from ${a.from}`,
    via,
    h ? `dev ${h.dev}` : "",
    a.table === "" || a.table === "main" ? "" : `table ${a.table}`,
    h && h.src !== "" ? `src ${h.src}` : "",
    mark === 0 ? "" : `mark ${mark >= 16 ? `0x${mark.toString(16)}` : mark}`,
    asked.iif ? `iif ${asked.iif.name}` : `uid ${selectors.uid ?? 0}`,
    a.nexthops.length > 1 && h ? `(weight ${h.weight}, one of ${a.nexthops.length}${h.error ? `: ${h.error} where it is taken` : ""})` : "",
  ]
    .filter(Boolean)
    .join(" ");
}
