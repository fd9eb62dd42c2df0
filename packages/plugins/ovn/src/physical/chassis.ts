/**
 * One chassis as its ovn-controller sees it: which ports are here, which datapaths it makes flows for, which ports of the
 * integration bridge lead where (controller/binding.c, controller/local_data.c, controller/encaps.c, controller/patch.c of OVN).
 */
import type { DerivedPort, FactBase, FactKind } from "@plumbline/model";
import { type Row, row, rows, type Zone } from "../database.js";
import type { LogicalDatapath, LogicalPort, Topology } from "../logical/topology.js";
import { asMap, asSet, asText } from "../values.js";

export interface Tunnel {
  /** Row of Chassis. */
  readonly chassis: Row;
  readonly type: string;
  readonly localIp: string;
  readonly remoteIp: string;
  /** Of the port. */
  readonly key: string;
}

export interface PeerPort {
  readonly local: LogicalPort;
  readonly remote: LogicalPort;
}

export class Chassis {
  readonly name: string;
  readonly localDatapaths = new Set<LogicalDatapath>();
  /** Ends of logical wires between local datapaths. */
  readonly peers = new Map<LogicalDatapath, PeerPort[]>();
  readonly tunnels: readonly Tunnel[];
  /** Addresses of this end of tunnels, in the order in which ovn-controller numbers them. */
  readonly encapIps: readonly string[];
  readonly bridge: string;
  /** All chassis of the database. */
  readonly chassisRows: readonly Row[];
  private readonly localnets = new Map<LogicalDatapath, LogicalPort | undefined>();
  private readonly tunnelsTo = new Map<Row, Tunnel[]>();

  constructor(
    readonly zone: Zone,
    readonly topology: Topology,
    readonly row: Row,
    config: { readonly [key: string]: string },
  ) {
    this.name = asText(row.columns["name"]);
    this.bridge = bridgeOf(config);
    this.chassisRows = rows(zone, "southbound", "Chassis");
    this.encapIps = (config["ovn-encap-ip"]?.split(",") ?? this.encaps(row).map((e) => asText(e.columns["ip"]))).filter((ip) => ip !== "");
    this.findDatapaths();
    this.tunnels = this.findTunnels();
    for (const t of this.tunnels) this.tunnelsTo.set(t.chassis, [...(this.tunnelsTo.get(t.chassis) ?? []), t]);
  }

  /** The port is bound here. */
  isBoundHere(port: LogicalPort): boolean {
    return asSet(port.row.columns["chassis"]).includes(this.row.uuid);
  }
  isAdditional(port: LogicalPort): boolean {
    return asSet(port.row.columns["additional_chassis"]).includes(this.row.uuid);
  }
  /** `is_chassis_resident`. */
  isResident = (name: string): boolean => {
    const port = this.topology.ports.get(name);
    return port !== undefined && this.isBoundHere(port);
  };
  /** The row of the chassis that a port is bound to. */
  chassisOf(port: LogicalPort): Row | undefined {
    const uuid = asText(port.row.columns["chassis"]);
    return this.chassisRows.find((c) => c.uuid === uuid);
  }
  /** The port of a datapath that leads to a physical network. */
  localnetOf(dp: LogicalDatapath): LogicalPort | undefined {
    if (!this.localnets.has(dp))
      this.localnets.set(
        dp,
        dp.ports.find((p) => p.type === "localnet" && this.isMapped(p)),
      );
    return this.localnets.get(dp);
  }

  /** The bridge has a port of its own for it: an interface, or a patch to a physical network. */
  hasInterface(port: LogicalPort): boolean {
    if (port.type === "localnet") return this.localDatapaths.has(port.datapath) && this.isMapped(port);
    if (port.type === "l2gateway") return this.isBoundHere(port);
    if (port.type === "localport") return this.localDatapaths.has(port.datapath);
    if (["", "vtep"].includes(port.type)) return (this.isBoundHere(port) || this.isAdditional(port)) && parentOf(port) === "";
    return false;
  }

  /** Ports that the bridge must have for what is here. */
  ports(): DerivedPort[] {
    const out: DerivedPort[] = [];
    for (const port of this.topology.ports.values()) {
      if (!this.hasInterface(port)) continue;
      const { origin } = port.row;
      if (port.type === "localnet" || port.type === "l2gateway") {
        const [here, there] = [`patch-${this.bridge}-to-${port.name}`, `patch-${port.name}-to-${this.bridge}`];
        out.push({ key: portKeyOf(port), kind: "patch", name: here, peer: there, origin });
      } else {
        const [mac = "", ...addresses] = asText(port.row.columns["mac"]).split(/\s+/);
        const bare = addresses.map((a) => a.split("/")[0]!);
        out.push({ key: portKeyOf(port), kind: "interface", ifaceId: port.name, mac, addresses: bare, origin });
      }
    }
    for (const { key, localIp, remoteIp, type, chassis } of this.tunnels)
      out.push({ key, kind: "tunnel", localIp, remoteIp, type, origin: chassis.origin });
    return out;
  }

  tunnelTo(chassis: Row, localIp?: string): Tunnel | undefined {
    const all = this.tunnelsTo.get(chassis) ?? [];
    return all.find((t) => localIp === undefined || t.localIp === localIp) ?? all[0];
  }

  private encaps(chassis: Row): Row[] {
    return asSet(chassis.columns["encaps"]).flatMap((uuid) => row(this.zone, "southbound", "Encap", String(uuid)) ?? []);
  }

  private findTunnels(): Tunnel[] {
    const own = this.encaps(this.row);
    const interconn = asMap(this.row.columns["other_config"])["is-interconn"];
    return this.chassisRows.flatMap((chassis): Tunnel[] => {
      const remote = asMap(chassis.columns["other_config"])["is-remote"] === "true";
      if (chassis === this.row || (remote && interconn === "false")) return [];
      const mine = (e: Row) => own.find((o) => asText(o.columns["type"]) === asText(e.columns["type"]));
      // The type that is preferred among those that both have (encaps.c, preferred_encap).
      const types = ["geneve", "stt", "vxlan"];
      const usable = this.encaps(chassis).filter((e) => mine(e) && types.includes(asText(e.columns["type"])));
      const rank = (e: Row) => types.indexOf(asText(e.columns["type"]));
      const best = Math.min(...usable.map(rank));
      return usable
        .filter((e) => rank(e) === best)
        .flatMap((e) => {
          const locals = own.filter((o) => asText(o.columns["type"]) === asText(e.columns["type"])).map((o) => asText(o.columns["ip"]));
          const remoteIp = asText(e.columns["ip"]);
          const key = (localIp: string) => `tunnel ${asText(chassis.columns["name"])} ${localIp} ${remoteIp}`;
          return locals.map((localIp) => ({ chassis, type: types[best]!, localIp, remoteIp, key: key(localIp) }));
        });
    });
  }

  /** A physical network that the chassis has a bridge for; where it does not say, any. */
  private isMapped(port: LogicalPort): boolean {
    const mappings = asMap(this.row.columns["other_config"])["ovn-bridge-mappings"];
    const network = String(asMap(port.row.columns["options"])["network_name"] ?? "");
    return (
      mappings === undefined ||
      String(mappings)
        .split(",")
        .some((m) => m.split(":")[0] === network)
    );
  }

  private findDatapaths(): void {
    for (const port of this.topology.ports.values()) {
      const { type } = port;
      const parent = this.topology.ports.get(parentOf(port));
      const bound = this.isBoundHere(port) || this.isAdditional(port) || (parent !== undefined && this.isBoundHere(parent));
      const here =
        type === "chassisredirect"
          ? bound || this.isCandidate(port)
          : ["", "l3gateway", "l2gateway", "external", "virtual", "vtep"].includes(type) && bound;
      if (here) this.addDatapath(port.datapath);
    }
  }

  /** The chassis is one of those between which a redirected port may move. */
  private isCandidate(port: LogicalPort): boolean {
    const group = asText(port.row.columns["ha_chassis_group"]);
    const members = row(this.zone, "southbound", "HA_Chassis_Group", group)?.columns["ha_chassis"];
    return asSet(members).some(
      (uuid) => asText(row(this.zone, "southbound", "HA_Chassis", String(uuid))?.columns["chassis"]) === this.row.uuid,
    );
  }

  private addDatapath(first: LogicalDatapath): void {
    const todo = [first];
    for (let dp = todo.pop(); dp; dp = todo.pop()) {
      if (this.localDatapaths.has(dp)) continue;
      this.localDatapaths.add(dp);
      for (const local of dp.ports) {
        const remote = local.type === "patch" || local.type === "l3gateway" ? local.peer : null;
        if (!remote || !this.leadsOn(local)) continue;
        this.wire(local, remote);
        this.wire(remote, local);
        todo.push(remote.datapath);
      }
    }
  }
  private wire(local: LogicalPort, remote: LogicalPort): void {
    const list = this.peers.get(local.datapath) ?? [];
    this.peers.set(local.datapath, list);
    if (!list.some((p) => p.local === local)) list.push({ local, remote });
  }
  /** What is behind the port is this chassis's to know as well (need_add_peer_to_local). */
  private leadsOn(port: LogicalPort): boolean {
    if (port.type === "l3gateway") return this.isBoundHere(port);
    const redirect = asMap(port.row.columns["options"])["chassis-redirect-port"];
    const redirected = redirect === undefined ? undefined : this.topology.ports.get(String(redirect));
    return redirected === undefined || this.isBoundHere(redirected) || this.isCandidate(redirected);
  }
}

/** The port that a port of a nested container stands behind, "" for others. */
export function parentOf(port: LogicalPort): string {
  return asText(port.row.columns["parent_port"]);
}

export function portKeyOf(port: LogicalPort): string {
  return `port ${port.name}`;
}

/** The integration bridge's name. */
export function bridgeOf(config: { readonly [key: string]: string }): string {
  return config["ovn-bridge"] ?? "br-int";
}

/** The part of `ovs.config` that is looked at: the Open_vSwitch row's external_ids. */
export function configOf(facts: FactBase, host: string): { readonly [key: string]: string } {
  const [first] = facts.of("ovs.config" as FactKind, host);
  return (first?.data as { externalIds?: { [key: string]: string } } | undefined)?.externalIds ?? {};
}

/** The row of Chassis that a host of the evidence is: by its system id, its name, or the address of its end of tunnels. */
export function chassisRowOf(zone: Zone, facts: FactBase, host: string, node: string): Row | undefined {
  const all = rows(zone, "southbound", "Chassis").filter((c) => asMap(c.columns["other_config"])["is-remote"] !== "true");
  const id = configOf(facts, host)["system-id"];
  const names = new Set([host, node].filter((n) => n !== ""));
  const addresses = new Set(facts.of("linux.address", host).map((f) => f.data.address));
  const hasAddress = (c: Row) =>
    rows(zone, "southbound", "Encap").some((e) => asSet(c.columns["encaps"]).includes(e.uuid) && addresses.has(asText(e.columns["ip"])));
  return (
    all.find((c) => id !== undefined && asText(c.columns["name"]) === id) ??
    all.find((c) => names.has(asText(c.columns["hostname"]))) ??
    all.find((c) => names.has(asText(c.columns["hostname"]).split(".")[0]!)) ??
    all.find(hasAddress)
  );
}
