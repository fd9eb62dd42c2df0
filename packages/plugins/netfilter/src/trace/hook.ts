/**
 * One hook point alone: its base chains in order of priority, with connection tracking where the kernel has it, and nothing
 * before or behind. What the packet's way through the host would have told (the interface it leaves by, its state) the question says.
 */
import {
  type Action,
  CT,
  type Device,
  type FactBase,
  type Hook,
  type HookChain,
  type LowerContext,
  matchField,
  NetworkBuilder,
  type Problem,
  slice,
  type TableId,
} from "@plumbline/model";
import type { Selector, Statement, TableAst, Value } from "../ast.js";
import { finishPending, registerHooks } from "../lower/hooks.js";
import { CARRIED, unpack } from "./packet.js";

/** Hook point and interfaces of a host of which only the rules, and perhaps the addresses, are known. */
export interface HookNetwork {
  readonly network: NetworkBuilder;
  readonly device: Device;
  readonly problems: readonly Problem[];
}

const CONNTRACK = -200;
const NAT: Readonly<Partial<Record<Hook, { priority: number; type: "src" | "dst" }>>> = {
  prerouting: { priority: -100, type: "dst" },
  output: { priority: -100, type: "dst" },
  input: { priority: 100, type: "src" },
  postrouting: { priority: 100, type: "src" },
};

const go = (table: TableId): Action => ({ op: "goto", table, unwind: true });

export function hookNetwork(facts: FactBase, host: string, hook: Hook, interfaces: readonly string[]): HookNetwork {
  const net = new NetworkBuilder();
  const problems: Problem[] = [];
  const hooks: HookChain[] = [];
  const ctx: LowerContext = { facts, net, hooks, punts: [], nodeOf: () => "", problem: (p) => problems.push(p) };
  registerHooks(ctx, "rules alone");
  const device = net.device({ name: host, kind: "host", host });
  ports(net, device, facts, host, interfaces);
  const tracker = net.tracker(`${host}/linux`, "linux");
  const table = (name: string) => net.table(device, name, "hook", "priority");
  const front = table("given packet");
  const answer = table("answer");
  answer.miss = [{ op: "local", note: "sent by the host" }];
  device.entry = front.id;
  device.origin = answer.id;

  const done = table("accepted");
  done.miss = [{ op: "local", note: "accepted" }];
  const here = hooks.filter((h) => h.host === host && h.hook === hook);
  const steps: { priority: number; build: (next: TableId) => TableId }[] = here
    .filter((h) => h.type !== "nat")
    .map((h) => ({ priority: h.priority, build: (n) => h.build(device, n) }));
  const nat = NAT[hook];
  if (nat) {
    const chains = here.filter((h) => h.type === "nat").sort((a, b) => a.priority - b.priority);
    steps.push({
      priority: nat.priority,
      build: (next) => {
        const t = table(`${hook} nat`);
        t.miss = [go(next)];
        const first = chains.reduceRight((n, c) => c.build(device, n), next);
        net.rule(t, { rows: [matchField([], "ct_state", CT.new | CT.trk, CT.new | CT.trk)], program: [go(first)] });
        return t.id;
      },
    });
  }
  const tracked = hook === "prerouting" || hook === "output";
  const track = (next: TableId): TableId => {
    const state = table("given state");
    net.rule(state, {
      rows: [matchField([], "arp_tpa", 0x100, 0x100)],
      program: [
        { op: "move", src: CARRIED.state, dst: slice("ct_state", 0, 8) },
        { op: "set", dst: slice("arp_tpa"), value: 0n },
        go(next),
      ],
    });
    state.miss = [go(next)];
    const t = table("connection tracking");
    net.rule(t, { rows: [matchField([], "reg13", 1, 1)], program: [{ op: "set", dst: slice("arp_tpa"), value: 0n }, go(next)] });
    t.miss = [
      { op: "ct", tracker, zone: slice("ct_zone"), commit: false, force: false, nat: null, exec: [], resume: "inplace" },
      go(state.id),
    ];
    return t.id;
  };
  if (tracked) steps.push({ priority: CONNTRACK, build: track });
  let first = steps.sort((a, b) => a.priority - b.priority).reduceRight((n, s) => s.build(n), done.id);
  if (!tracked) first = track(first);

  const own = table("given packet's way");
  own.miss = [go(first)];
  // Without an interface to come in by it is the host's own.
  net.rule(own, { rows: [matchField([], "in_port", 0)], program: [{ op: "set", dst: slice("reg15"), value: 1n }, go(first)] });
  for (const [type, address, bits] of [
    [0x0800, "ip_dst", 32],
    [0x86dd, "ipv6_dst", 128],
  ] as const)
    net.rule(front, {
      rows: [matchField([], "eth_type", type)],
      program: [...unpack(), { op: "move", src: slice(address), dst: slice("nexthop", 0, bits) }, go(own.id)],
    });
  front.miss = [{ op: "drop", reason: "neither IPv4 nor IPv6" }];
  finishPending(ctx);
  return { network: net, device, problems };
}

/** Interfaces by ifindex where that is known; then those that rules, addresses and questions name. */
function ports(net: NetworkBuilder, device: Device, facts: FactBase, host: string, interfaces: readonly string[]): void {
  const known = new Map(facts.of("linux.interface", host).map((f) => [f.data.name, f.data.ifindex]));
  for (const [name, number] of known) net.port(device, number, name, { kind: "none" });
  let next = Math.max(0, ...known.values()) + 1;
  const more = [
    "lo",
    ...facts.of("linux.address", host).map((f) => f.data.ifname),
    ...facts.of("netfilter.table", host).flatMap((f) => namedInterfaces(f.data.table)),
    ...interfaces,
  ];
  for (const name of new Set(more)) {
    if (name === "" || known.has(name)) continue;
    known.set(name, next);
    net.port(device, next++, name, { kind: "none" });
  }
}

const INTERFACES: ReadonlySet<Selector> = new Set(["meta iifname", "meta oifname"]);

/** Interfaces that a table's rules name; `wan+` stands for one of its kind. */
function namedInterfaces(t: TableAst): string[] {
  const out = new Set<string>();
  const value = (v: Value) => {
    if (v.k === "ifname" && v.name !== "") out.add(v.wildcard ? `${v.name}0` : v.name);
  };
  const statement = (s: Statement) => {
    if (s.s === "match" && "tuples" in s.set && s.selectors.some((x) => INTERFACES.has(x))) for (const t of s.set.tuples) t.forEach(value);
    if (s.s === "vmap" && "elements" in s.map) for (const e of s.map.elements) e.key.forEach(value);
  };
  for (const c of t.chains) for (const r of c.rules) r.statements.forEach(statement);
  for (const s of t.sets) for (const tuple of s.tuples) tuple.forEach(value);
  return [...out];
}
