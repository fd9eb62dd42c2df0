/**
 * Connection zones of a chassis: one a port that is here, two a datapath (controller/ct-zone.c of OVN).
 *
 * `ovn-appctl ct-zone-list` tells them, datapaths by UUID up to 23.03 and by name since. Without it any numbers do that differ,
 * but for those that the database asks for (`snat-ct-zone`); dumped connections are then not found.
 */
import type { FactBase } from "@plumbline/model";
import { row, type Zone } from "../database.js";
import type { LogicalDatapath, LogicalPort } from "../logical/topology.js";
import { asMap } from "../values.js";

export interface ZoneIds {
  /** 0: none. */
  readonly port: number;
  readonly dnat: number;
  readonly snat: number;
}

export class CtZones {
  private readonly given: ReadonlyMap<string, number> | undefined;
  private readonly made = new Map<string, number>();

  constructor(
    facts: FactBase,
    host: string,
    private readonly zone: Zone,
  ) {
    const list = facts.of("ovn.ct-zone", host);
    this.given = list.length > 0 ? new Map(list.map((f) => [f.data.name, f.data.zone])) : undefined;
  }

  /** No list is in evidence. */
  get invented(): boolean {
    return this.given === undefined;
  }

  /** Of a port: only those that are bound somewhere have one. */
  ofPort(port: LogicalPort): number {
    if (this.given) return this.given.get(port.name) ?? 0;
    return port.type === "patch" || port.type === "remote" ? 0 : this.number(`port ${port.name}`);
  }

  of(port: LogicalPort): ZoneIds {
    return { port: this.ofPort(port), dnat: this.nat(port.datapath, "dnat"), snat: this.nat(port.datapath, "snat") };
  }

  private nat(dp: LogicalDatapath, kind: "dnat" | "snat"): number {
    if (this.given) return this.given.get(`${dp.name}_${kind}`) ?? this.given.get(`${dp.uuid}_${kind}`) ?? 0;
    const asked = asMap(row(this.zone, "southbound", "Datapath_Binding", dp.uuid)?.columns["external_ids"])["snat-ct-zone"];
    if (kind === "snat" && asked !== undefined) return Number(asked);
    return this.number(`${kind} ${dp.uuid}`);
  }

  private number(key: string): number {
    let n = this.made.get(key);
    if (n === undefined) this.made.set(key, (n = this.made.size + 1));
    return n;
  }
}
