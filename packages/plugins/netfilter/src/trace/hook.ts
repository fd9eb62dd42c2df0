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
  type Table,
  type TableId,
} from "@plumbline/model";
import type { Selector, Statement, TableAst, Value } from "../ast.js";
import { finishPending, registerHooks } from "../lower/hooks.js";
import { asksTracking } from "./asks-tracking.js";
import { GIVEN } from "./packet.js";

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
  const answer = table("answer");
  answer.miss = [{ op: "local", note: "sent by the host" }];
  device.origin = answer.id;

  const done = table("accepted");
  done.miss = [{ op: "local", note: "accepted" }];
  const here = hooks.filter((h) => h.host === host && h.hook === hook);
  const steps: { priority: number; build: (next: TableId) => TableId }[] = here
    .filter((h) => h.type !== "nat")
    .map((h) => ({ priority: h.priority, build: (n) => h.build(device, n) }));
  const nat = NAT[hook];
  const translating = here.filter((h) => h.type === "nat").sort((a, b) => a.priority - b.priority);
  if (nat && translating.length > 0)
    steps.push({
      priority: nat.priority,
      build: (next) => {
        const t = table(`${hook} nat`);
        t.miss = [go(next)];
        const first = translating.reduceRight((n, c) => c.build(device, n), next);
        net.rule(t, { rows: [matchField([], "ct_state", CT.new | CT.trk, CT.new | CT.trk)], program: [go(first)] });
        return t.id;
      },
    });
  /** Where packets are tracked, once it is known whether anything asks for that. */
  let place: { readonly table: Table; readonly next: TableId } | null = null;
  const track = (next: TableId): TableId => {
    const t = table("connection tracking");
    t.miss = [go(next)];
    place = { table: t, next };
    return t.id;
  };
  const tracked = hook === "prerouting" || hook === "output";
  if (tracked) steps.push({ priority: CONNTRACK, build: track });
  device.entry = steps.sort((a, b) => a.priority - b.priority).reduceRight((n, s) => s.build(n), done.id);
  finishPending(ctx);
  // Where no rule asks for connections the kernel does not track any (nf_ct_netns_get(), net/netfilter/nf_conntrack_proto.c).
  if (asksTracking(net)) {
    if (!tracked) device.entry = track(device.entry);
    tracking(net, device, place!, tracker);
  }
  return { network: net, device, problems };
}

/** Tracking, and then the state that the question gives. */
function tracking(net: NetworkBuilder, device: Device, { table, next }: { table: Table; next: TableId }, tracker: number): void {
  const state = net.table(device, "given state", "hook", "priority");
  net.rule(state, {
    rows: [matchField([], GIVEN.register, GIVEN.stated, GIVEN.stated)],
    program: [{ op: "move", src: slice(GIVEN.register, 0, 8), dst: slice("ct_state", 0, 8) }, go(next)],
  });
  state.miss = [go(next)];
  net.rule(table, { rows: [matchField([], "reg13", 1, 1)], program: [go(next)] });
  table.miss = [
    { op: "ct", tracker, zone: slice("ct_zone"), commit: false, force: false, nat: null, exec: [], resume: "inplace" },
    go(state.id),
  ];
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
