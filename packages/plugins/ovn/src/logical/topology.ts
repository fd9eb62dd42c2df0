/**
 * The logical topology of one southbound database: datapaths with their ports, groups and flows, and what the logical
 * actions look up (MAC bindings, FDB). What ovn-trace reads at its start (ovn/utilities/ovn-trace.c, read_db).
 *
 * Rows that contradict each other (a port without its datapath) are left out and reported.
 */
import type { Origin, Problem } from "@plumbline/model";
import { type Lflow, type Row, row, rows, type Zone } from "../database.js";
import { asMap, asNumber, asSet, asText } from "../values.js";

export interface LogicalPort {
  readonly name: string;
  /** The name that northd was told by the CMS, shortened if it is a UUID: as ovn-trace prints it. */
  readonly friendly: string;
  readonly datapath: LogicalDatapath;
  /** Value of inport and outport (reg14, reg15). */
  readonly key: number;
  /** Port_Binding type: "" for a VIF, patch, l3gateway, localnet, chassisredirect, remote, … */
  readonly type: string;
  /** The other end of a patch or l3gateway port. */
  peer: LogicalPort | null;
  /** The port that a chassisredirect port stands for. */
  distributed: LogicalPort | null;
  /** Port_Binding port_security, verbatim. */
  readonly portSecurity: readonly string[];
  readonly row: Row;
}

export interface MulticastGroup {
  readonly uuid: string;
  readonly name: string;
  readonly key: number;
  /** By name. */
  readonly ports: readonly LogicalPort[];
  /** In the order of the database. */
  readonly members: readonly LogicalPort[];
  readonly origin: Origin;
}

export interface MacBinding {
  readonly port: LogicalPort;
  /** As the database has it. */
  readonly ip: string;
  readonly mac: string;
  /** The CMS has given it (Static_MAC_Binding). */
  readonly fixed: boolean;
  readonly row: Row;
  readonly origin: Origin;
}

interface FdbEntry {
  readonly uuid: string;
  readonly mac: string;
  readonly portKey: number;
  readonly origin: Origin;
}

export interface LogicalDatapath {
  readonly uuid: string;
  /** external_ids:name, "" if it has none. */
  readonly name: string;
  readonly name2: string;
  readonly friendly: string;
  /** UUID of the northbound Logical_Switch or Logical_Router. */
  readonly nbUuid: string;
  readonly kind: "switch" | "router";
  /** Tunnel key: the value of metadata. */
  readonly key: number;
  readonly ports: LogicalPort[];
  readonly groups: MulticastGroup[];
  readonly lflows: Lflow[];
  readonly macBindings: MacBinding[];
  readonly fdb: FdbEntry[];
  /** It has an l3gateway port: a gateway router. */
  gateway: boolean;
}

export interface Topology {
  readonly zone: Zone;
  /** By UUID of the Datapath_Binding. */
  readonly datapaths: ReadonlyMap<string, LogicalDatapath>;
  /** By name of the logical port. */
  readonly ports: ReadonlyMap<string, LogicalPort>;
  readonly problems: readonly Problem[];
}

const SB = "southbound";

export function topologyOf(zone: Zone): Topology {
  const problems: Problem[] = [];
  const report = (r: Row, message: string) =>
    problems.push({ severity: "warning", file: r.origin.file, line: r.origin.line, message, hint: "" });
  const datapaths = readDatapaths(zone);
  const ports = readPorts(zone, datapaths, report);
  for (const r of rows(zone, SB, "Multicast_Group")) {
    const dp = datapaths.get(asText(r.columns["datapath"]));
    if (!dp) {
      report(r, `multicast group ${asText(r.columns["name"])}: its datapath is not in the database`);
      continue;
    }
    const members = asSet(r.columns["ports"]).flatMap((uuid) => {
      const binding = row(zone, SB, "Port_Binding", String(uuid));
      const port = binding && ports.get(asText(binding.columns["logical_port"]));
      return port && port.datapath === dp ? [port] : [];
    });
    dp.groups.push({
      uuid: r.uuid,
      name: asText(r.columns["name"]),
      key: asNumber(r.columns["tunnel_key"]) ?? 0,
      ports: members.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      members,
      origin: r.origin,
    });
  }
  for (const r of rows(zone, SB, "MAC_Binding").concat(rows(zone, SB, "Static_MAC_Binding"))) {
    const port = ports.get(asText(r.columns["logical_port"]));
    if (port && port.datapath.uuid === asText(r.columns["datapath"]))
      port.datapath.macBindings.push({
        port,
        ip: asText(r.columns["ip"]),
        mac: asText(r.columns["mac"]),
        fixed: r.table === "Static_MAC_Binding",
        row: r,
        origin: r.origin,
      });
    else report(r, `MAC binding of ${asText(r.columns["ip"])}: there is no port ${asText(r.columns["logical_port"])} on its datapath`);
  }
  const byKey = new Map([...datapaths.values()].map((d) => [d.key, d]));
  for (const r of rows(zone, SB, "FDB"))
    byKey
      .get(asNumber(r.columns["dp_key"]) ?? -1)
      ?.fdb.push({ uuid: r.uuid, mac: asText(r.columns["mac"]), portKey: asNumber(r.columns["port_key"]) ?? 0, origin: r.origin });
  placeLflows(zone, datapaths);
  return { zone, datapaths, ports, problems };
}

function readDatapaths(zone: Zone): Map<string, LogicalDatapath> {
  const out = new Map<string, LogicalDatapath>();
  for (const r of rows(zone, SB, "Datapath_Binding")) {
    const ids = asMap(r.columns["external_ids"]);
    const id = (key: string) => String(ids[key] ?? "");
    const name = id("name");
    out.set(r.uuid, {
      uuid: r.uuid,
      name,
      name2: id("name2"),
      friendly: shortened(id("name2") || name || r.uuid),
      nbUuid: id("logical-switch") || id("logical-router"),
      kind: id("logical-switch") === "" ? "router" : "switch",
      key: asNumber(r.columns["tunnel_key"]) ?? 0,
      ports: [],
      groups: [],
      lflows: [],
      macBindings: [],
      fdb: [],
      gateway: false,
    });
  }
  return out;
}

function readPorts(
  zone: Zone,
  datapaths: ReadonlyMap<string, LogicalDatapath>,
  report: (r: Row, message: string) => void,
): Map<string, LogicalPort> {
  const ports = new Map<string, LogicalPort>();
  for (const r of rows(zone, SB, "Port_Binding")) {
    const name = asText(r.columns["logical_port"]);
    const datapath = datapaths.get(asText(r.columns["datapath"]));
    if (!datapath) {
      report(r, `port ${name}: its datapath is not in the database`);
      continue;
    }
    if (ports.has(name)) {
      report(r, `port ${name} is there twice; the first is used`);
      continue;
    }
    const given = asMap(r.columns["external_ids"])["name"];
    const port: LogicalPort = {
      name,
      friendly: shortened(given === undefined ? name : String(given)),
      datapath,
      key: asNumber(r.columns["tunnel_key"]) ?? 0,
      type: asText(r.columns["type"]),
      peer: null,
      distributed: null,
      portSecurity: asSet(r.columns["port_security"]).map(String),
      row: r,
    };
    ports.set(name, port);
    datapath.ports.push(port);
    if (port.type === "l3gateway") datapath.gateway = true;
  }
  for (const port of ports.values()) {
    const options = asMap(port.row.columns["options"]);
    const other = (key: string) => ports.get(String(options[key] ?? ""));
    if (port.type === "patch" || port.type === "l3gateway") {
      const peer = other("peer");
      if (peer) {
        port.peer = peer;
        peer.peer = port;
      }
    } else if (port.type === "chassisredirect") {
      const distributed = other("distributed-port");
      if (distributed?.datapath === port.datapath) port.distributed = distributed;
    }
  }
  return ports;
}

function placeLflows(zone: Zone, datapaths: ReadonlyMap<string, LogicalDatapath>): void {
  const byName = new Map<string, LogicalDatapath>();
  for (const d of datapaths.values()) {
    byName.set(d.name, d);
    byName.set(d.uuid, d);
  }
  for (const l of zone.lflows) {
    const of = new Set([...l.at.keys()].map((n) => byName.get(n)));
    for (const d of of) d?.lflows.push(l);
  }
}

/** A name that is a UUID, cut to six digits, as ovn-trace does. */
function shortened(name: string): string {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(name) ? name.slice(0, 6) : name;
}
