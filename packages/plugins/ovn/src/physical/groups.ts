/** Flows of multicast groups: to every member that is here, and once to each chassis where others are (controller/physical.c of OVN, consider_mc_group). */

import { row } from "../database.js";
import type { LogicalDatapath, LogicalPort, MulticastGroup } from "../logical/topology.js";
import { asMap, asSet } from "../values.js";
import { parentOf } from "./chassis.js";
import { hex } from "./match-text.js";
import type { Physical } from "./physical.js";
import { cookieOf, encapsulation, outportIs, resubmit, zoneLoad } from "./ports.js";

export function groupFlows(p: Physical, dp: LogicalDatapath, group: MulticastGroup): void {
  const { chassis, release } = p;
  const { tables } = release;
  const transit = isTransit(p, dp);
  const here: string[] = [];
  const there: string[] = [];
  const others = new Set<string>();
  let remote = false;
  const to = (port: LogicalPort) => [`set_field:${hex(port.key)}->reg15`, resubmit(tables.loopback)];
  for (const port of group.members) {
    const zone = p.zones.ofPort(port);
    // Loaded for every member that has one: what is not here has none.
    if (zone > 0) here.push(zoneLoad(p, zone));
    if (port.type === "patch") {
      if (transit) here.push(...to(port));
      else {
        remote = true;
        there.push(...to(port));
      }
    } else if (port.type === "remote") {
      const [way] = p.remoteTunnels(port, chassis.encapIps[0] ?? "");
      if (asSet(port.row.columns["chassis"]).length > 0) remote = true;
      if (way) there.push(`set_field:${hex(port.key)}->reg15`, ...encapsulation(way.tunnel, dp.key, port.key), `output:${way.number}`);
    } else if (port.type === "localport") {
      remote = true;
      there.push(...to(port));
    } else if (chassis.isBoundHere(port) && (port.type === "l3gateway" || isReachable(p, port))) here.push(...to(port));
    else if (chassis.hasInterface(port)) here.push(...to(port));
    else if (port.type === "chassisredirect" && chassis.isBoundHere(port)) {
      if (port.distributed) here.push(...to(port.distributed));
    } else if (!chassis.localnetOf(dp))
      for (const uuid of [...asSet(port.row.columns["chassis"]), ...asSet(port.row.columns["additional_chassis"])])
        others.add(String(uuid));
  }
  const back = `set_field:${hex(group.key)}->reg15`;
  const fanned = [...(remote ? [back] : []), ...fanout(p, dp, group.key, others)];
  const cleared = release.clearsReg6 ? ["set_field:0->reg6"] : [];
  const cookie = cookieOf(group.uuid);
  const match = outportIs({ datapath: dp, key: group.key });
  const local = here.length > 0 || release.clearsReg6;
  if (local) p.add(tables.localOutput, 100, cookie, match, [...cleared, ...here, back], group.origin);
  if (fanned.length === 0) return;
  const vtep = dp.ports.some((x) => x.type === "vtep");
  p.add(
    tables.remoteOutput,
    100,
    cookie,
    vtep ? `${match},reg10=0/0x2` : match,
    [...cleared, ...there, ...fanned, ...(local ? [resubmit(tables.localOutput)] : [])],
    group.origin,
  );
}

/** Its interface is here, or that of the port it stands behind. */
function isReachable(p: Physical, port: LogicalPort): boolean {
  const parent = p.chassis.topology.ports.get(parentOf(port));
  return p.chassis.hasInterface(parent ?? port);
}

function isTransit(p: Physical, dp: LogicalDatapath): boolean {
  return asMap(row(p.chassis.zone, "southbound", "Datapath_Binding", dp.uuid)?.columns["external_ids"])["interconn-ts"] !== undefined;
}

/** Once to each of these chassis; in which order says nothing. */
function fanout(p: Physical, dp: LogicalDatapath, key: number, uuids: ReadonlySet<string>): string[] {
  const ways = p
    .otherChassis()
    .filter((c) => uuids.has(c.uuid))
    .flatMap((c) => {
      const tunnel = p.chassis.tunnelTo(c);
      const number = tunnel && p.numberOf(tunnel.key);
      return tunnel && number !== undefined ? [{ tunnel, number }] : [];
    })
    .sort((a, b) => (a.tunnel.type < b.tunnel.type ? -1 : a.tunnel.type > b.tunnel.type ? 1 : a.number - b.number));
  return ways.flatMap(({ tunnel, number }, i) => [
    ...(tunnel.type === ways[i - 1]?.tunnel.type ? [] : encapsulation(tunnel, dp.key, key)),
    `output:${number}`,
  ]);
}
