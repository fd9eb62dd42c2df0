/** Bridges of a trace, from texts: as devices of a network, lowered as snapshots are, and as what a translation knows of them. */
import {
  type Device,
  hashInt,
  type Match,
  macNumber,
  matchField,
  NetworkBuilder,
  type Origin,
  type Problem,
  type Table,
} from "@plumbline/model";
import type { OvsGroup } from "../ast.js";
import type { OvsTlvFact } from "../facts.js";
import { ActionSetStates, writesActionSet } from "../lower/actionSetStates.js";
import { lowerActions } from "../lower/actions.js";
import type { Bridge, BridgePort } from "../lower/bridges.js";
import { changesPacketType } from "../lower/encap.js";
import { ruleOf } from "../lower/flow.js";
import { lowerMatch, ofEthernet } from "../lower/match.js";
import { Switch } from "../lower/switch.js";
import { PORT } from "../ports.js";
import { printActions } from "../print/actions.js";
import { printMatch } from "../print/match.js";
import { type FlowOfText, fdbOfText, flowsOfText, groupsOfText, portsOfText, tlvMapOfText } from "../read/texts.js";
import type { LayerFile, OfprotoBridge, OfprotoPatch } from "./open.js";
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
}

export function openBridges(specs: readonly OfprotoBridge[], patches: readonly OfprotoPatch[]): OpenedWorld {
  const network = new NetworkBuilder();
  const problems: Problem[] = [];
  const tracker = network.tracker("ofproto", "userspace");
  const makings = specs.map((spec) => make(spec, patches, network, tracker, problems));
  join(makings, patches, network, problems);
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

  const byNumber = new Map<number, TracedPort>();
  for (const p of ports.found)
    if (p.ofport !== undefined)
      byNumber.set(p.ofport, {
        number: p.ofport,
        name: p.ofport === PORT.local ? spec.name : p.name,
        datapath: p.datapathPort ?? p.ofport,
        config: p.config ?? [],
        live: isUp(p.config ?? [], p.state),
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
    byNumber.set(number, { number, name: known?.name ?? e.port, config: known?.config ?? [], live: true, datapath: null, peer: null });
  }
  const portsUnknown = spec.ports === undefined || spec.ports.text.trim() === "";
  if (!byNumber.has(PORT.local))
    byNumber.set(PORT.local, { number: PORT.local, name: spec.name, datapath: PORT.local, config: [], live: true, peer: null });

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
    fdb: learned,
  };
  return { sw, traced, flows, file: spec.flows.name, fdb: learned, tlvMap: tlv.found };
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
  };
}

/** `NORMAL` by learned addresses, all else flooded: where patch ports lead is decided as the translation decides it. */
function normalOf(sw: Switch, fdb: Making["fdb"]): Table {
  const { net } = sw;
  const t = net.table(sw.device, "NORMAL", "fdb", "priority");
  net.rule(t, {
    priority: 2,
    rows: [matchField([], "eth_dst", 0x0180c2000000n, 0xfffffffffff0n)],
    program: [{ op: "note", text: "reserved destination address" }],
  });
  const untagged = (mac: bigint) => [
    matchField(matchField([], "eth_dst", mac), "vlan_tci", 0, 0x1000),
    matchField(matchField([], "eth_dst", mac), "vlan_tci", 0x1000, 0x1fff),
  ];
  for (const f of fdb)
    net.rule(t, {
      priority: 1,
      rows: f.vlan === 0 ? untagged(f.mac) : [matchField(matchField([], "eth_dst", f.mac), "vlan_tci", 0x1000 | f.vlan, 0x1fff)],
      program: [{ op: "output", port: f.port }],
    });
  t.miss = sw.bridge.ports.filter((p) => !p.config.includes("NO_FLOOD")).map((p) => ({ op: "output", port: p.number! }));
  return t;
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

function lowerFlows({ sw, flows, file }: Making, rules: Map<Origin, TracedRule>, problems: Problem[]): TracedRule[] {
  if (flows.some((f) => writesActionSet(f.flow.actions))) sw.actionSets = new ActionSetStates(sw);
  sw.device.entry = sw.entry(0).id;
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
    sw.net.rule(sw.table(flow.table), rule);
    const traced = new Flow(flow, origin, sw);
    rules.set(origin, traced);
    lowered.push(traced);
  }
  sw.actionSets?.finish((list) => lowerActions(sw, list, { table: 0, terms: [], groups: [] }));
  sw.fillCopies();
  return lowered;
}
