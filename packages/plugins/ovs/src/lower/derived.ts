/**
 * Switches whose flows follow from other evidence, in place of a dump that is missing.
 *
 * Whoever derives them writes flows and groups as the switch would print them, and asks for OpenFlow numbers of ports by what
 * stands behind these. Numbers come from the evidence of the switch's ports; a port that no evidence has gets the next free number.
 */
import type { DerivedPort, DerivedSwitch, Fact, LowerContext, Origin } from "@plumbline/model";
import type { MatchTerm, OvsGroup } from "../ast.js";
import { parseFlowLine } from "../parse/flow.js";
import { parseGroupLine } from "../parse/groups.js";
import { PORT } from "../ports.js";
import type { Bridge, BridgePort, HostBridges } from "./bridges.js";

/** The flows of a bridge that are used in place of its own. */
export interface DerivedFlows {
  readonly of: DerivedSwitch;
  readonly flows: readonly Fact<"ovs.flow">[];
  /** The flows' texts, with those of the groups they go to. */
  readonly texts: ReadonlyMap<Fact<"ovs.flow">, string>;
  readonly groups: ReadonlyMap<number, OvsGroup>;
}

/** Of a host's bridges, those whose flows are derived. Their ports are completed; a bridge that no evidence has is added to `bridges`. */
export function derivedFlows(ctx: LowerContext, host: string, found: HostBridges): Map<string, DerivedFlows> {
  const out = new Map<string, DerivedFlows>();
  for (const of of ctx.derived?.switches ?? []) {
    if (of.host !== host) continue;
    const dumped = ctx.facts.of("ovs.flow-dump", host).find((f) => f.data.bridge === of.bridge);
    if (dumped && (of.onlyMissing || ctx.derived?.use === "missing")) continue;
    const bridge = found.bridges.get(of.bridge) ?? added(found, of.bridge);
    // Bridges that patch ports join have one datapath.
    for (const b of found.bridges.values())
      if (!b.datapathKnown && of.datapathType !== undefined) {
        b.datapath = of.datapathType === "netdev" ? "netdev" : "system";
        b.datapathKnown = true;
      }
    for (const p of of.ports) if (p.kind === "patch") farEnd(found, of.bridge, p);
    out.set(of.bridge, inOrderOf(ctx, of, linesOf(ctx, of, bridge)));
    if (!dumped) report(ctx, of, found);
  }
  return out;
}

/**
 * Of flows that overlap at one priority a switch takes the one that it met first. Where its dump is there, derived flows come in the
 * dump's order, so that what is compared differs by what flows say and not by how such a tie fell.
 */
function inOrderOf(ctx: LowerContext, of: DerivedSwitch, made: DerivedFlows): DerivedFlows {
  const term = (t: MatchTerm) => `${t.slice ? `${t.slice.field}.${t.slice.ofs}` : t.name}=${t.value}/${t.mask}`;
  const key = ({ flow }: Fact<"ovs.flow">["data"]) => `${flow.table} ${flow.priority} ${flow.cookie} ${flow.match.map(term).sort().join()}`;
  const rank = new Map<string, number>();
  for (const f of ctx.facts.of("ovs.flow", of.host))
    if (f.data.bridge === of.bridge && !rank.has(key(f.data))) rank.set(key(f.data), rank.size);
  if (rank.size === 0) return made;
  const at = (f: Fact<"ovs.flow">) => rank.get(key(f.data)) ?? rank.size;
  return { ...made, flows: made.flows.toSorted((a, b) => at(a) - at(b)) };
}

function added({ bridges }: HostBridges, name: string): Bridge {
  const b: Bridge = { name, datapath: "system", datapathKnown: false, origin: null, ports: [] };
  (bridges as Map<string, Bridge>).set(name, b);
  b.ports.push(portOf(name, "internal", PORT.local, null));
  return b;
}

function portOf(name: string, type: string, number: number | undefined, origin: Origin | null): BridgePort {
  return {
    number,
    name,
    cut: false,
    type,
    options: {},
    externalIds: {},
    mac: "",
    ifindex: undefined,
    up: undefined,
    config: [],
    state: undefined,
    vlans: false,
    origin,
  };
}

function report(ctx: LowerContext, of: DerivedSwitch, found: HostBridges): void {
  const [at] = [found.bridges.get(of.bridge)?.origin ?? null, of.ports[0]?.origin ?? null].filter((o) => o !== null);
  ctx.problem({
    severity: "warning",
    file: at?.file ?? "",
    line: at?.line ?? 0,
    message: `the OpenFlow flows of ${of.bridge} of ${of.host} are not in evidence: ${of.instead}`,
    hint: `Collect \`ovs-ofctl -O OpenFlow15 dump-flows ${of.bridge}\` and \`ovs-ofctl -O OpenFlow15 dump-groups ${of.bridge}\` of ${of.host}.`,
  });
}

function linesOf(ctx: LowerContext, of: DerivedSwitch, bridge: Bridge): DerivedFlows {
  const numbers = new Map<string, number>();
  const told = bridge.ports.some((x) => x.externalIds["iface-id"] !== undefined);
  for (const p of of.ports) {
    const n = numbered(ctx, of.host, bridge, p, told);
    if (n !== undefined) numbers.set(p.key, n);
  }
  const { flows, groups } = of.lines((key) => numbers.get(key));
  const bad = (origin: Origin, text: string, message: string) =>
    ctx.problem({
      severity: "error",
      file: origin.file,
      line: origin.line,
      message: `${message} (in '${text}', derived from this line)`,
      hint: "Report it: what is derived should be understood.",
    });
  const byId = new Map<number, OvsGroup>();
  const groupTexts = new Map<string, string>();
  for (const { text, origin } of groups) {
    const { group, problems } = parseGroupLine(text);
    for (const p of problems) if (!p.harmless) bad(origin, text, p.message);
    if (!group) continue;
    byId.set(group.id, group);
    groupTexts.set(String(group.id), text);
  }
  const withGroups = (text: string) => [text, ...[...text.matchAll(/\bgroup:(\d+)/g)].map((m) => groupTexts.get(m[1]) ?? "")].join("; ");
  const texts = new Map<Fact<"ovs.flow">, string>();
  for (const { text, origin } of flows) {
    const { flow, problems } = parseFlowLine(text);
    for (const p of problems) if (!p.harmless) bad(origin, text, p.message);
    if (flow) texts.set({ kind: "ovs.flow", host: of.host, origin, data: { bridge: of.bridge, flow } }, withGroups(text));
  }
  return { of, flows: [...texts.keys()], texts, groups: byId };
}

/** The other end of a patch port, whose type only `ovs-vsctl` would tell. */
function farEnd({ bridges }: HostBridges, own: string, p: Extract<DerivedPort, { kind: "patch" }>): void {
  for (const b of bridges.values()) {
    if (b.name === own) continue;
    const far = b.ports.find((x) => x.type === undefined && (x.name === p.peer || (x.cut && p.peer.startsWith(x.name))));
    if (!far) continue;
    Object.assign(far, { name: p.peer, cut: false, type: "patch", options: { ...far.options, peer: p.name } });
    return;
  }
}

/**
 * The port's OpenFlow number; undefined if the evidence of the bridge's ports is complete without it.
 * @param told the evidence tells which interfaces are for which logical ports
 */
function numbered(ctx: LowerContext, host: string, bridge: Bridge, p: DerivedPort, told: boolean): number | undefined {
  const known = found(bridge, p);
  if (known) return (known.number ??= free(bridge));
  if (p.kind === "interface" && told) return undefined;
  const made = portOf("", "", free(bridge), p.origin);
  if (p.kind === "uplink") {
    // The bridge has its NIC's MAC address.
    const links = ctx.facts.of("linux.interface", host).map((f) => f.data);
    const mac = links.find((i) => i.name === bridge.name)?.mac;
    const nics = new Set(
      links.filter((i) => i.name !== bridge.name && mac !== undefined && mac !== "" && i.mac === mac).map((i) => i.name),
    );
    Object.assign(made, { name: nics.size === 1 ? [...nics][0] : `uplink of ${bridge.name}` });
  } else if (p.kind === "patch") Object.assign(made, { name: p.name, type: "patch", options: { peer: p.peer } });
  else if (p.kind === "tunnel")
    Object.assign(made, { name: `tunnel to ${p.remoteIp}`, type: p.type, options: { local_ip: p.localIp, remote_ip: p.remoteIp } });
  else {
    // An interface of the host's own stack that has the address, or one that leads to a pod.
    const own = ctx.facts.of("linux.address", host);
    const here = own.find((f) => p.addresses.includes(f.data.address))?.data.ifname;
    Object.assign(made, {
      name: here ?? p.ifaceId,
      type: here === undefined ? "" : "internal",
      externalIds: { "iface-id": p.ifaceId },
      mac: "",
    });
    const same = here === undefined ? undefined : bridge.ports.find((x) => x.name === here);
    if (same) return (same.number ??= made.number);
  }
  bridge.ports.push(made);
  return made.number;
}

function found(bridge: Bridge, p: DerivedPort): BridgePort | undefined {
  switch (p.kind) {
    case "interface":
      return bridge.ports.find((x) => x.externalIds["iface-id"] === p.ifaceId);
    case "patch":
      return bridge.ports.find((x) => x.name === p.name || (x.cut && p.name.startsWith(x.name)));
    case "uplink":
      return bridge.ports.find(
        (x) =>
          x.number !== PORT.local &&
          (x.type === undefined || x.type === "" || x.type === "system") &&
          x.externalIds["iface-id"] === undefined &&
          !x.name.startsWith("patch-"),
      );
    case "tunnel":
      return (
        bridge.ports.find(
          (x) => x.type === p.type && x.options.remote_ip === p.remoteIp && (x.options.local_ip ?? p.localIp) === p.localIp,
        ) ?? bridge.ports.find((x) => x.type === p.type && x.options.remote_ip === p.remoteIp)
      );
  }
}

function free(bridge: Bridge): number {
  const used = new Set(bridge.ports.map((p) => p.number));
  let n = 1;
  while (used.has(n)) n++;
  return n;
}
