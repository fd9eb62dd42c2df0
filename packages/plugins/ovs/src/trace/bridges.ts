/** Bridges of a trace, from texts: as devices of a network, lowered as snapshots are, and as what a translation knows of them. */
import {
  type Action,
  type Device,
  hashInt,
  type Match,
  macNumber,
  matchField,
  NetworkBuilder,
  type Origin,
  type Problem,
  type RuleSpec,
  slice,
  type Table,
} from "@plumbline/model";
import type { OvsGroup, TableRef } from "../ast.js";
import type { OvsTlvFact } from "../facts.js";
import { ActionSetStates, writesActionSet } from "../lower/actionSetStates.js";
import { leave, lowerActions } from "../lower/actions.js";
import type { Bridge, BridgePort } from "../lower/bridges.js";
import { changesPacketType } from "../lower/encap.js";
import { ruleOf } from "../lower/flow.js";
import { lowerMatch, ofEthernet } from "../lower/match.js";
import { Switch } from "../lower/switch.js";
import { inTieOrder } from "../lower/tie-order.js";
import { PORT } from "../ports.js";
import { printActions } from "../print/actions.js";
import { printMatch } from "../print/match.js";
import { type FlowOfText, fdbOfText, flowsOfText, groupsOfText, portsOfText, tlvMapOfText } from "../read/texts.js";
import type { LayerFile, OfprotoBridge, OfprotoPatch } from "./open.js";
import { leftByTunnel, TunnelOption, tunnelOf } from "./tunnel.js";
import type { TracedBridge, TracedPort, TracedRule, World } from "./world.js";

/** Fields that go with a packet from bridge to bridge; all else of the bridge's own is forgotten. */
const KEPT = ["pkt_mark", "skb_priority", "dp_hash"];

export interface OpenedBridge {
  readonly traced: TracedBridge;
  readonly device: Device;
  readonly tlvMap: readonly OvsTlvFact[];
}

export interface OpenedWorld extends World {
  readonly opened: readonly OpenedBridge[];
  readonly problems: readonly Problem[];
}

interface Making {
  readonly sw: Switch;
  readonly traced: TracedBridge;
  readonly flows: readonly FlowOfText[];
  readonly file: string;
  readonly fdb: readonly { readonly mac: bigint; readonly vlan: number; readonly port: number }[];
  readonly tlvMap: readonly OvsTlvFact[];
  /** Patch ports with the name of their peer, where a file tells. */
  readonly peers: readonly { readonly port: number; readonly peer: string }[];
}

export function openBridges(specs: readonly OfprotoBridge[], patches: readonly OfprotoPatch[]): OpenedWorld {
  const network = new NetworkBuilder();
  const problems: Problem[] = [];
  const tracker = network.tracker("ofproto", "userspace");
  const makings = specs.map((spec) => make(spec, patches, network, tracker, problems));
  join(makings, [...patches, ...toldPatches(makings, patches)], network, problems);
  const rules = new Map<Origin, TracedRule>();
  // A packet without Ethernet may come over a patch port: one bridge is enough.
  const bareFrames = makings.some(
    (m) =>
      m.flows.some((f) => changesPacketType(f.flow.actions)) ||
      [...m.traced.groups.values()].some((g) => g.buckets.some((b) => changesPacketType(b.actions))),
  );
  for (const m of makings) m.sw.bareFrames = bareFrames;
  const byBridge = new Map(makings.map((m) => [m.traced, lowerFlows(m, rules, problems)]));
  const tables = new Map<number, number>();
  for (const { sw } of makings) for (const [t, of] of sw.numberedTables()) if (typeof of === "number") tables.set(t.id, of);
  const byRule = new Map<number, TracedRule>();
  for (const r of network.rules) {
    const known = r.origin && rules.get(r.origin);
    if (known) byRule.set(r.id, known);
  }
  return {
    network,
    problems,
    rulesOf: (bridge) => byBridge.get(bridge)!,
    bridges: new Map(makings.map((m) => [m.traced.device, m.traced])),
    rules: byRule,
    tables,
    opened: makings.map((m) => ({ traced: m.traced, device: m.sw.device, tlvMap: m.tlvMap })),
  };
}

function make(spec: OfprotoBridge, patches: readonly OfprotoPatch[], net: NetworkBuilder, tracker: number, problems: Problem[]): Making {
  const say = (file: LayerFile | undefined, said: readonly { severity?: Problem["severity"]; line: number; message: string }[]) => {
    for (const p of said)
      problems.push({ severity: p.severity ?? "warning", file: file?.name ?? spec.name, line: p.line, message: p.message, hint: "" });
  };
  const { flows, problems: badFlows } = flowsOfText(spec.flows.text);
  say(spec.flows, badFlows);
  const groups = groupsOfText(spec.groups?.text ?? "");
  say(spec.groups, groups.problems);
  const ports = portsOfText(spec.ports?.text ?? "", spec.name);
  say(spec.ports, ports.problems);
  const fdb = fdbOfText(spec.fdb?.text ?? "", spec.name);
  say(spec.fdb, fdb.problems);
  const tlv = tlvMapOfText(spec.tlvMap?.text ?? "", spec.name);
  say(spec.tlvMap, tlv.problems);

  const tunnel = (p: (typeof ports.found)[number]) => {
    try {
      return tunnelOf(p.type, p.options ?? {});
    } catch (e) {
      if (!(e instanceof TunnelOption)) throw e;
      say(spec.ports, [{ line: p.line, message: `tunnel port ${p.name}: ${e.message}; what leaves by it is told as of any port` }]);
      return null;
    }
  };
  const byNumber = new Map<number, TracedPort>();
  for (const p of ports.found)
    if (p.ofport !== undefined)
      byNumber.set(p.ofport, {
        number: p.ofport,
        name: p.ofport === PORT.local ? spec.name : p.name,
        datapath: p.type === "patch" ? null : (p.datapathPort ?? p.ofport),
        config: p.config ?? [],
        live: isUp(p.config ?? [], p.state),
        tunnel: tunnel(p),
        peer: null,
      });
  const mine = patches.flatMap((x) => [x.a, x.b]).filter((e) => e.bridge === spec.name);
  for (const e of mine) {
    const known = [...byNumber.values()].find((p) => String(p.number) === e.port || p.name === e.port);
    const number = known?.number ?? Number(e.port);
    if (!Number.isInteger(number)) {
      problems.push({
        severity: "error",
        file: spec.ports?.name ?? spec.name,
        line: 0,
        message: `port '${e.port}' of ${spec.name} is not known`,
        hint: "Give its number.",
      });
      continue;
    }
    byNumber.set(number, {
      number,
      name: known?.name ?? e.port,
      config: known?.config ?? [],
      live: true,
      datapath: null,
      tunnel: null,
      peer: null,
    });
  }
  const portsUnknown = spec.ports === undefined || spec.ports.text.trim() === "";
  if (!byNumber.has(PORT.local))
    byNumber.set(PORT.local, {
      number: PORT.local,
      name: spec.name,
      datapath: PORT.local,
      config: [],
      live: true,
      tunnel: null,
      peer: null,
    });

  const inOrder = floodOrder(byNumber);
  const device = net.device({ name: spec.name, kind: "bridge", host: "" });
  const bridge: Bridge = {
    name: spec.name,
    datapath: "netdev",
    datapathKnown: true,
    origin: null,
    ports: [...inOrder.values()].map(bridgePort),
  };
  for (const p of inOrder.values()) net.port(device, p.number, p.name, { kind: "none" });
  const groupMap = new Map<number, OvsGroup>(groups.found.map((g) => [g.id, g]));
  const learned = fdb.found.flatMap((f) => {
    const mac = macNumber(f.mac);
    return mac === null ? [] : [{ mac, vlan: f.vlan, port: f.port }];
  });
  const groupsUnknown = spec.groups === undefined;
  const sw = new Switch("", bridge, device, net, tracker, groupMap, !groupsUnknown, [], (s) => normalOf(s, learned), true);
  const traced: TracedBridge = {
    name: spec.name,
    device: device.id,
    ports: inOrder,
    portsUnknown,
    groups: groupMap,
    groupsUnknown,
    tlvMap: tlv.found,
    fdb: learned,
  };
  const peers = ports.found.flatMap((p) =>
    p.type === "patch" && p.ofport !== undefined && p.options?.peer ? [{ port: p.ofport, peer: p.options.peer }] : [],
  );
  return { sw, traced, flows, file: spec.flows.name, fdb: learned, tlvMap: tlv.found, peers };
}

/** Ports in the order in which OVS keeps and floods them (lib/hmap.h over lib/hash.h, hash_int). */
function floodOrder(ports: ReadonlyMap<number, TracedPort>): Map<number, TracedPort> {
  let buckets = 1;
  for (let n = 1; n <= ports.size; n++) if (n >> 1 > buckets - 1) buckets = Math.max(4, 2 ** (Math.floor(Math.log2(n >> 1)) + 1));
  const bucket = (port: number) => (hashInt(port, 0) & (buckets - 1)) >>> 0;
  // In a bucket the last that was added comes first: LOCAL is there from the beginning, others are taken to have been numbered as added.
  const age = (port: number) => (port === PORT.local ? 0 : port);
  return new Map([...ports].sort(([a], [b]) => bucket(a) - bucket(b) || age(b) - age(a)));
}

function isUp(config: readonly string[], state: readonly string[] | undefined): boolean {
  return !config.includes("PORT_DOWN") && !(state ?? []).some((s) => s === "LINK_DOWN" || s === "BLOCKED");
}

function bridgePort(p: TracedPort): BridgePort {
  return {
    number: p.number,
    name: p.name,
    cut: false,
    type: p.datapath === null ? "patch" : p.number === PORT.local ? "internal" : "",
    options: {},
    externalIds: {},
    mac: "",
    ifindex: undefined,
    up: p.live,
    config: p.config,
    state: p.live ? ["LIVE"] : ["LINK_DOWN"],
    vlans: false,
    origin: null,
    ...(p.tunnel && p.tunnel.dst === null && { withoutEnd: leftByTunnel(p.tunnel) }),
  };
}

/**
 * `NORMAL` by learned addresses, all else flooded: where patch ports lead is decided as the translation decides it. A tag without a VLAN and a
 * priority is left out of what is sent.
 */
function normalOf(sw: Switch, fdb: Making["fdb"]): Table {
  const { net } = sw;
  const t = net.table(sw.device, "NORMAL", "fdb", "priority");
  const reserved = matchField([], "eth_dst", 0x0180c2000000n, 0xfffffffffff0n);
  net.rule(t, { priority: 4, rows: [reserved], program: [{ op: "note", text: "reserved destination address" }] });
  const tag = (value: number): Action => ({ op: "set", dst: slice("vlan_tci"), value: BigInt(value) });
  const untagged = (sent: readonly Action[]): Action[] => [tag(0), ...sent, tag(EMPTY_TAG)];
  for (const f of fdb) {
    const to = matchField([], "eth_dst", f.mac);
    const out = leave(sw, f.port);
    if (f.vlan !== 0) {
      net.rule(t, { priority: 3, rows: [matchField(to, "vlan_tci", 0x1000 | f.vlan, 0x1fff)], program: out });
      continue;
    }
    net.rule(t, { priority: 3, rows: [matchField(to, "vlan_tci", EMPTY_TAG)], program: untagged(out) });
    const rows = [matchField(to, "vlan_tci", 0, 0x1000), matchField(to, "vlan_tci", 0x1000, 0x1fff)];
    net.rule(t, { priority: 2, rows, program: out });
  }
  const flood: Action[] = sw.bridge.ports.filter((p) => !p.config.includes("NO_FLOOD")).flatMap((p) => leave(sw, p.number!));
  net.rule(t, { priority: 1, rows: [matchField([], "vlan_tci", EMPTY_TAG)], program: untagged(flood) });
  t.miss = flood;
  return t;
}
/** There is a tag, of no VLAN and no priority. */
const EMPTY_TAG = 0x1000;

/** Pairs of patch ports that the files tell and nobody gave. */
function toldPatches(makings: readonly Making[], given: readonly OfprotoPatch[]): OfprotoPatch[] {
  const told = makings.flatMap((m) => m.peers.map((p) => ({ m, name: m.traced.ports.get(p.port)!.name, ...p })));
  const isGiven = (m: Making, port: number, name: string) =>
    given.some(({ a, b }) => [a, b].some((e) => e.bridge === m.traced.name && (e.port === String(port) || e.port === name)));
  return told.flatMap((one) => {
    const other = told.find((x) => x.name === one.peer && x.peer === one.name);
    if (!other || one.m.traced.name >= other.m.traced.name || isGiven(one.m, one.port, one.name)) return [];
    return [{ a: { bridge: one.m.traced.name, port: String(one.port) }, b: { bridge: other.m.traced.name, port: String(other.port) } }];
  });
}

function join(makings: readonly Making[], patches: readonly OfprotoPatch[], net: NetworkBuilder, problems: Problem[]): void {
  const find = (e: OfprotoPatch["a"]) => {
    const m = makings.find((x) => x.traced.name === e.bridge);
    const port = m && [...m.traced.ports.values()].find((p) => p.datapath === null && (String(p.number) === e.port || p.name === e.port));
    if (!m)
      problems.push({
        severity: "error",
        file: e.bridge,
        line: 0,
        message: `there is no bridge '${e.bridge}'`,
        hint: "Name it with --bridge.",
      });
    return m && port ? { m, port } : null;
  };
  for (const { a, b } of patches) {
    const one = find(a);
    const other = find(b);
    if (!one || !other) continue;
    one.port.peer = { bridge: other.m.traced, port: other.port.number };
    other.port.peer = { bridge: one.m.traced, port: one.port.number };
    for (const [from, to] of [
      [one, other],
      [other, one],
    ])
      net.links.push({
        device: from.m.sw.device.id,
        port: from.port.number,
        toDevice: to.m.sw.device.id,
        toPort: to.port.number,
        keeps: KEPT,
        inline: true,
        certainty: "proven",
        why: "patch ports",
      });
  }
}

/** A flow whose texts are made when they are asked for: few of many are. */
class Flow implements TracedRule {
  constructor(
    readonly flow: FlowOfText["flow"],
    readonly origin: Origin,
    private readonly sw: Switch,
  ) {}
  get match(): string {
    // A trace prints numbers, whatever the dump printed.
    const numbered = this.flow.match.map(({ portName, ...t }) => {
      const n = portName === undefined ? undefined : this.sw.portNumber(portName);
      return n === undefined ? { ...t, ...(portName !== undefined && { portName }) } : { ...t, value: BigInt(n) };
    });
    return printMatch(numbered);
  }
  get actions(): string {
    return printActions(this.flow.actions);
  }
  get row(): Match {
    const match = lowerMatch(this.flow.match, (p) => this.sw.portNumber(p)).match ?? [];
    return this.sw.bareFrames ? ofEthernet(this.flow.match, match) : match;
  }
}

/** Where packets enter: over a patch port they come without an action set. */
function entrance(sw: Switch): Table {
  const first = sw.entry(0);
  if (!sw.bridge.ports.some((p) => p.type === "patch")) return first;
  const t = sw.net.table(sw.device, "entrance", "openflow", "priority");
  t.miss = [
    { op: "set", dst: slice("actset_output"), value: BigInt(PORT.unset) },
    { op: "goto", table: first.id },
  ];
  return t;
}

function lowerFlows({ sw, flows, file }: Making, rules: Map<Origin, TracedRule>, problems: Problem[]): TracedRule[] {
  if (flows.some((f) => writesActionSet(f.flow.actions))) sw.actionSets = new ActionSetStates(sw);
  sw.device.entry = entrance(sw).id;
  const byTable = new Map<TableRef, { rule: RuleSpec; priority: number; soft: boolean; row: Match }[]>();
  const lowered: TracedRule[] = [];
  for (const { flow, line, text } of flows) {
    const origin: Origin = { file, line, text };
    const rule = ruleOf(sw, flow, origin);
    if (!rule) {
      problems.push({
        severity: "info",
        file,
        line,
        message: "two conditions of this flow exclude each other: nothing matches it",
        hint: "",
      });
      continue;
    }
    const traced = new Flow(flow, origin, sw);
    const one = { rule, priority: flow.priority, soft: rule.conj !== undefined, row: traced.row };
    const others = byTable.get(flow.table);
    if (others) others.push(one);
    else byTable.set(flow.table, [one]);
    rules.set(origin, traced);
    lowered.push(traced);
  }
  for (const [table, all] of byTable) for (const { rule } of inTieOrder(all)) sw.net.rule(sw.table(table), rule);
  sw.actionSets?.finish((list) => lowerActions(sw, list, { table: 0, terms: [], groups: [] }));
  sw.fillCopies();
  return lowered;
}
