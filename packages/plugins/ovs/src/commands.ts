/**
 * Which files this plugin reads: told by the command that wrote them, as a file's name or a list of commands has it.
 *
 * The bridge is an argument of the command. Forms of one evidence are ranked by what they keep: OpenFlow 1.5 prints
 * buckets and selection methods, statistics prove use, numbers join more surely than names cut to 15 characters.
 */
import type { Claim, EvidenceFile, ReadContext } from "@plumbline/model";
import * as appctl from "./read/appctl.js";
import { readConnections } from "./read/connections.js";
import { type CounterTable, readCounters } from "./read/counters.js";
import { readFlows } from "./read/flows.js";
import { readGroups } from "./read/groups.js";
import { readDpifShowJson, readFdbJson } from "./read/json.js";
import { holdsOpenVSwitch, readDatabase } from "./read/ovsdb.js";
import { readDpifShow, readPortDescriptions } from "./read/ports.js";
import { readDatapathFlows, readGroupStatistics, readMeters } from "./read/statistics.js";
import * as vsctl from "./read/vsctl.js";

export interface Recognised {
  readonly claim: Claim;
  read(file: EvidenceFile, ctx: ReadContext): void;
}

/** A command without path, with its words. */
function words(command: string): string[] {
  return command.trim().split(/\s+/);
}

/** OpenFlow version of `-O OpenFlow15` or `-OOpenFlow15`: 15; 10 where the command asks for none. */
function openFlow(command: string): number {
  return Number(/-O\s*OpenFlow(\d\d)/i.exec(command)?.[1] ?? 10);
}

/**
 * The bridge behind a verb; null if there is none, or if arguments behind it select only a part of the dump. A name
 * taken from a file's name may have lost its `_`.
 */
function bridgeAfter(command: string, verb: string): string | null {
  const all = words(command);
  const rest = all.slice(all.indexOf(verb) + 1).filter((w) => !w.startsWith("-"));
  if (rest.length === 0 || rest.some((w) => /[=,*]/.test(w))) return null;
  // A bridge may be named by its management socket.
  return rest.join("_").replace(/^(?:unix:)?\/.*\/([^/]+)\.mgmt$/, "$1");
}

const OFCTL = /^ovs-ofctl\s/;
const APPCTL = /^ovs-appctl\s/;
const DPCTL = /^ovs-dpctl\s/;
const VSCTL = /^ovs-vsctl\s/;
const LIST = /^ovs-vsctl\s.*\blist\s+(\w+)\s*$/i;

function make(what: string, form: number, read: Recognised["read"]): Recognised {
  return { claim: { score: 0.95, what, form }, read };
}

/** What the file is, or null if it is none of this plugin's. */
export function recognise(file: EvidenceFile): Recognised | null {
  const command = file.command;
  if (OFCTL.test(command)) return ofctl(command);
  if (DPCTL.test(command)) return connections(command) ?? datapathFlows(command);
  if (isDatabase(file)) return make("Open_vSwitch database", 1, readDatabase);
  if (APPCTL.test(command)) return connections(command) ?? unixctl(command);
  if (!VSCTL.test(command)) return null;
  // `--format` and `--columns` print another form.
  if (/--format|--columns|\s-f\s|--data/.test(command)) return null;
  if (/\sshow$/.test(command)) return make("OVS bridges and ports", 1, vsctl.readVsctlShow);
  switch (LIST.exec(command)?.[1].toLowerCase()) {
    case "interface":
      return make("OVS interfaces", 1, vsctl.readInterfaces);
    case "bridge":
      return make("OVS bridge settings", 1, vsctl.readBridges);
    case "open_vswitch":
      return make("OVS settings", 1, vsctl.readOpenVSwitch);
    default:
      return null;
  }
}

function ofctl(command: string): Recognised | null {
  const verb = words(command).find((w) =>
    /^(dump-flows|dump-groups|dump-group-stats|dump-meters|dump-ports|dump-tables|dump-ports-desc|show|dump-tlv-map)$/.test(w),
  );
  const bridge = verb && bridgeAfter(command, verb);
  if (!verb || !bridge) return null;
  const version = openFlow(command);
  switch (verb) {
    case "dump-flows": {
      const names = /\s--names\b/.test(command) ? 4 : 0;
      const stats = /\s--no-stats\b/.test(command) ? 1 : 0;
      return make(`OpenFlow flows of ${bridge}`, version - names - stats, (f, ctx) => readFlows(f, bridge, ctx));
    }
    case "dump-groups":
      // OpenFlow 1.0 is asked with Nicira's extension, which keeps what 1.1 to 1.4 lose.
      return make(`OpenFlow groups of ${bridge}`, version === 10 ? 14.5 : version, (f, ctx) => readGroups(f, bridge, ctx));
    case "dump-group-stats":
      return make(`statistics of OpenFlow groups of ${bridge}`, version, (f, ctx) => readGroupStatistics(f, bridge, ctx));
    case "dump-ports":
    case "dump-tables":
      return make(`counters (${verb}) of ${bridge}`, version, (f, ctx) => readCounters(f, verb as CounterTable, ctx));
    case "dump-meters":
      return make(`meters of ${bridge}`, version, (f, ctx) => readMeters(f, bridge, ctx));
    case "dump-tlv-map":
      return make(`tunnel options of ${bridge}`, version, (f, ctx) => appctl.readTlvMap(f, bridge, ctx));
    default:
      return make(`OpenFlow ports of ${bridge}`, version + (verb === "dump-ports-desc" ? 0.5 : 0), (f, ctx) =>
        readPortDescriptions(f, bridge, ctx),
      );
  }
}

/** `dpctl/dump-conntrack [-m] [-s] [DATAPATH] [zone=N]`; a datapath is "system@ovs-system" or "netdev@ovs-netdev", in a file's name with a blank. */
function connections(command: string): Recognised | null {
  const rest = /\s(?:dpctl\/)?dump-conntrack(\s.*)?$/.exec(command)?.[1] ?? (/\s(?:dpctl\/)?dump-conntrack$/.test(command) ? "" : null);
  if (rest === null || /\s(-f|--format)[\s=]*json/.test(command)) return null;
  const table = DPCTL.test(command) || /\ssystem\b/.test(rest) ? "kernel" : /\snetdev\b/.test(rest) ? "userspace" : "switch";
  const zone = /\szone[= ](\d+)/.exec(rest)?.[1];
  // More words tell more of a connection's state.
  const form = 1 + (/\s-(m|-more|ms|sm)\b/.test(rest) ? 1 : 0) + (/\s-(s|-statistics|ms|sm)\b/.test(rest) ? 1 : 0);
  return make(`OVS connections${zone === undefined ? "" : ` of zone ${zone}`}`, form, (f, ctx) =>
    readConnections(f, table, zone === undefined, ctx),
  );
}

/** `ovs-appctl dpctl/dump-flows [-m]`, `ovs-dpctl dump-flows`. */
function datapathFlows(command: string): Recognised | null {
  if (!/\s(?:dpctl\/|dpif\/)?dump-flows(\s|$)/.test(command) || /\s(-f|--format)[\s=]*json/.test(command)) return null;
  return make("flows of the OVS datapath", /\s(-m|--more|--names)\b/.test(command) ? 2 : 1, readDatapathFlows);
}

/** The database as a file, or as ovsdb-client prints or keeps it; which database it is, only its content tells. */
function isDatabase(file: EvidenceFile): boolean {
  if (!/^ovsdb-client\s|(?:^|[\s/])conf(?:\.db)?$/.test(file.command) && !/(?:^|\/)conf\.db$/.test(file.path)) return false;
  return holdsOpenVSwitch(file.text());
}

function unixctl(command: string): Recognised | null {
  const json = /\s(-f|--format)[\s=]*json/.test(command);
  if (/\s(?:dpctl|dpif)\/dump-flows(\s|$)/.test(command)) return datapathFlows(command);
  const verb =
    /\s((?:bridge\/dump-flows|mdb\/show|fdb\/show|dpif\/show|tnl\/neigh\/show|tnl\/arp\/show|ovs\/route\/show|tnl\/ports\/show|ofproto\/list-tunnels))(?=\s|$)/.exec(
      command,
    )?.[1];
  // Only two of these are read as JSON.
  if (json && verb !== "fdb/show" && verb !== "dpif/show") return null;
  const bridge = verb ? (bridgeAfter(command.replace(/\s(-f|--format)[\s=]*json/, ""), verb) ?? "") : "";
  switch (verb) {
    case "bridge/dump-flows":
      return bridge === "" ? null : make(`OpenFlow flows of ${bridge}`, 5, (f, ctx) => readFlows(f, bridge, ctx));
    case "fdb/show":
      return make(bridge === "" ? "learned MACs" : `learned MACs of ${bridge}`, 1, (f, ctx) =>
        json ? readFdbJson(f, bridge, ctx) : appctl.readFdb(f, bridge, ctx),
      );
    case "mdb/show":
      return make(`multicast groups of ${bridge}`, 1, (f, ctx) => readCounters(f, "mdb/show", ctx));
    case "dpif/show":
      return make("OVS datapath ports", 1, json ? readDpifShowJson : readDpifShow);
    case "tnl/neigh/show":
    case "tnl/arp/show":
      return make("tunnel neighbours", 1, appctl.readTunnelNeighbours);
    case "ovs/route/show":
      return make("tunnel routes", 1, appctl.readTunnelRoutes);
    case "tnl/ports/show":
      return make("tunnel ports", 1, appctl.readTunnelPorts);
    case "ofproto/list-tunnels":
      return make("tunnels", 1, appctl.readTunnels);
    default:
      return null;
  }
}
