/** What the makers of a chassis's flows have in common: the chassis, its release, its zones, and the flows made so far. */
import type { Origin } from "@plumbline/model";
import { type Row, row } from "../database.js";
import type { LogicalPort } from "../logical/topology.js";
import { asNumber, asSet, asText } from "../values.js";
import type { Chassis, Tunnel } from "./chassis.js";
import { Desired } from "./desired.js";
import type { ControllerRelease } from "./release.js";
import type { CtZones } from "./zones.js";

export class Physical {
  readonly desired = new Desired();

  constructor(
    readonly chassis: Chassis,
    readonly release: ControllerRelease,
    readonly zones: CtZones,
    /** OpenFlow number of a port of the bridge by its key. */
    readonly numberOf: (key: string) => number | undefined,
  ) {}

  add(table: number, priority: number, cookie: number, match: string, actions: readonly string[], origin: Origin): void {
    const parts = actions.length > 0 && actions.every((a) => a.startsWith("conjunction("));
    if (parts) this.desired.addParts(table, priority, cookie, match, actions, origin);
    else this.desired.add(table, priority, cookie, match, actions, origin);
  }

  otherChassis(): Row[] {
    return this.chassis.chassisRows.filter((c) => c !== this.chassis.row);
  }

  /** Which of the chassis's own tunnel ends a port's packets leave by. */
  encapId(port: LogicalPort): number {
    const uuid = asText(port.row.columns["encap"]);
    const encap = row(this.chassis.zone, "southbound", "Encap", uuid);
    return encap ? Math.max(0, this.chassis.encapIps.indexOf(asText(encap.columns["ip"]))) : 0;
  }

  /** Tunnels to where a port is, with the bridge's ports for them. */
  remoteTunnels(port: LogicalPort, localIp: string): { readonly tunnel: Tunnel; readonly number: number }[] {
    const uuids = [...asSet(port.row.columns["chassis"]), ...asSet(port.row.columns["additional_chassis"])].map(String);
    return uuids.flatMap((uuid) => {
      const there = uuid === this.chassis.row.uuid ? undefined : row(this.chassis.zone, "southbound", "Chassis", uuid);
      const tunnel = there && this.chassis.tunnelTo(there, localIp);
      const number = tunnel && this.numberOf(tunnel.key);
      return tunnel && number !== undefined ? [{ tunnel, number }] : [];
    });
  }

  /** Chassis between which a redirected port may move, the preferred first. */
  redirectOrder(port: LogicalPort): Row[] {
    const { zone } = this.chassis;
    const group = row(zone, "southbound", "HA_Chassis_Group", asText(port.row.columns["ha_chassis_group"]));
    return asSet(group?.columns["ha_chassis"])
      .flatMap((uuid) => row(zone, "southbound", "HA_Chassis", String(uuid)) ?? [])
      .sort((a, b) => (asNumber(b.columns["priority"]) ?? 0) - (asNumber(a.columns["priority"]) ?? 0))
      .flatMap((h) => row(zone, "southbound", "Chassis", asText(h.columns["chassis"])) ?? []);
  }
}
