/**
 * What ovn-controller makes of a southbound database on one chassis: all flows and groups of its integration bridge.
 *
 * It is made where the bridge's own dump is not in evidence, so that packets have a way through OVN, and to be held against
 * the dump where it is. Held against dumps of OVN 23.03 and 25.03; of other releases what is known to differ (release.ts).
 */
import type { DerivedLine, DerivedPort, DerivedSwitch, FactKind, LowerContext, Origin } from "@plumbline/model";
import { type Lflow, type Row, rows, type Zone, zones } from "../database.js";
import { type LogicalDatapath, type Topology, topologyOf } from "../logical/topology.js";
import { tableOffsets } from "../offsets.js";
import { asMap, asText } from "../values.js";
import { bridgeOf, Chassis, chassisRowOf, configOf } from "./chassis.js";
import { commonFlows } from "./common.js";
import { flowText } from "./desired.js";
import { gatewayBridge } from "./gateway-bridge.js";
import { groupFlows } from "./groups.js";
import { type LflowFault, lflowFlows } from "./lflows.js";
import { hairpinFlows, learnedFlows, macBindingFlows, portSecurityFlows } from "./lookups.js";
import { Physical } from "./physical.js";
import { portFlows } from "./ports.js";
import { releaseOf } from "./release.js";
import { CtZones } from "./zones.js";

/** Stage `hooks`: offers the integration bridge of every host of the evidence that is a chassis. Nothing is made of it before it is asked for. */
export function offerSwitches(ctx: LowerContext): void {
  if (!ctx.derived) return;
  const topologies = new Map<Zone, Topology>();
  const topology = (zone: Zone) => {
    const known = topologies.get(zone) ?? topologyOf(zone);
    topologies.set(zone, known);
    return known;
  };
  const all = zones(ctx.facts);
  for (const host of ctx.facts.hosts()) {
    if (host === "" || host.startsWith("pods/")) continue;
    const zone = all.get(host) ?? all.get("");
    if (!zone || zone.lflows.length === 0 || rows(zone, "southbound", "Port_Binding").length === 0) continue;
    const row = chassisRowOf(zone, ctx.facts, host, ctx.nodeOf(host));
    if (!row) continue;
    let made: Chassis | undefined;
    const chassis = () => (made ??= new Chassis(zone, topology(zone), row, configOf(ctx.facts, host)));
    ctx.derived.switches.push(derivedSwitch(ctx, host, row, chassis));
    // Bridges to the physical network have flows of their own, which are asked for only where these are missing.
    if (
      ctx.facts
        .of("ovs.flow-dump" as FactKind, host)
        .every((f) => (f.data as unknown as { bridge: string }).bridge === bridgeOf(configOf(ctx.facts, host)))
    ) {
      const gateway = gatewayBridge(ctx.facts, host, chassis(), templatesOf(chassis()));
      if (gateway) ctx.derived.switches.push(gateway);
    }
  }
}

function derivedSwitch(ctx: LowerContext, host: string, row: Row, make: () => Chassis): DerivedSwitch {
  const { facts } = ctx;
  const type = asMap(row.columns["other_config"])["datapath-type"];
  const bridge = bridgeOf(configOf(facts, host));
  let ports: readonly DerivedPort[] | undefined;
  return {
    host,
    bridge,
    get ports() {
      return (ports ??= make().ports());
    },
    certainty: "inferred",
    instead: "packets go through its logical flows (inferred)",
    why: `derived from the southbound database: the OpenFlow of ${bridge} of ${host} is not in evidence`,
    datapathType: type === undefined ? undefined : type === "netdev" ? "netdev" : "system",
    lines(numberOf) {
      const chassis = make();
      const release = releaseOf(chassis.zone, tableOffsets(facts, host));
      const p = new Physical(chassis, release, new CtZones(facts, host, chassis.zone), numberOf);
      const templates = templatesOf(chassis);
      commonFlows(p);
      for (const port of chassis.topology.ports.values()) portFlows(p, port);
      const faults = lflowFlows(p, templates, originOf);
      for (const dp of chassis.localDatapaths) {
        for (const g of dp.groups) groupFlows(p, dp, g);
        for (const b of dp.macBindings) macBindingFlows(p, b);
        learnedFlows(p, dp);
        for (const port of dp.ports) if (chassis.hasInterface(port)) portSecurityFlows(p, port);
      }
      hairpinFlows(p, templates);
      report(ctx, faults);
      return {
        flows: p.desired.flows().map((f): DerivedLine => ({ text: flowText(f), origin: f.origin })),
        groups: p.desired.groups().map((g): DerivedLine => ({ text: `group_id=${g.id},${g.text}`, origin: g.origin })),
      };
    },
  };
}

function report(ctx: LowerContext, faults: readonly LflowFault[]): void {
  const told = new Set<Lflow>();
  for (const { lflow, origin, message } of faults) {
    if (told.has(lflow)) continue;
    told.add(lflow);
    ctx.problem({
      severity: "warning",
      file: origin.file,
      line: origin.line,
      message: `logical flow '${lflow.match}': ${message}`,
      hint: "The flow is left out, as ovn-controller does.",
    });
  }
}

/** Template variables of a chassis. */
function templatesOf(chassis: Chassis): ReadonlyMap<string, string> {
  const own = rows(chassis.zone, "southbound", "Chassis_Template_Var").filter((r) => asText(r.columns["chassis"]) === chassis.name);
  return new Map(own.flatMap((r) => Object.entries(asMap(r.columns["variables"])).map(([k, v]) => [k, String(v)] as const)));
}

/** A logical flow's place on a datapath, with its text as `lflow-list` prints it. */
function originOf(l: Lflow, dp: LogicalDatapath): Origin {
  const at = l.at.get(dp.name) ?? l.at.get(dp.uuid) ?? [...l.at.values()][0];
  const listed = at && /\btable=\d+\s*\(/.test(at.text) ? at.text : undefined;
  const uuid = l.uuid === "" ? "" : `uuid=0x${l.uuid.slice(0, 8)}, `;
  const text = listed ?? `${uuid}table=${l.table}(${l.stage}), priority=${l.priority}, match=(${l.match}), action=(${l.actions})`;
  return { file: at?.file ?? "", line: at?.line ?? 0, text };
}
