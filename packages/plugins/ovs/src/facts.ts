/**
 * The kinds of facts that this plugin reads. Each file gives what it says; what several files say of one bridge is put
 * together when it is lowered (`lower/bridges.ts`).
 */
import type { OvsFlow, OvsGroup } from "./ast.js";

/** A bridge, as far as one file describes it. */
export interface OvsBridgeFact {
  name: string;
  /** "netdev" (userspace) or "system" (kernel); undefined where the file does not tell. */
  datapathType?: string;
  failMode?: string;
}

/** A port of a bridge, or an interface whose bridge the file does not tell. */
export interface OvsPortFact {
  /** "" where the file does not tell. */
  bridge: string;
  name: string;
  /** The name may be cut to 15 characters (OpenFlow's port descriptions). */
  cut: boolean;
  /** OpenFlow number, 16 bits. */
  ofport?: number;
  /** Number in the datapath, which several bridges share. */
  datapathPort?: number;
  /** internal, patch, geneve, system, tap, …; undefined where the file does not tell, "" for a plain device. */
  type?: string;
  options?: Record<string, string>;
  externalIds?: Record<string, string>;
  mac?: string;
  ifindex?: number;
  up?: boolean;
  /** OpenFlow port configuration: NO_FLOOD, NO_FWD, PORT_DOWN, … */
  config?: string[];
  /** OpenFlow port state: LIVE, LINK_DOWN, … */
  state?: string[];
  /** Access VLAN, or trunked VLANs. */
  tag?: number;
  trunks?: number[];
}

export interface OvsFlowFact {
  bridge: string;
  flow: OvsFlow;
}

/** One a file of `dump-flows`: how much of the bridge's flows it holds. */
export interface OvsFlowDumpFact {
  bridge: string;
  /** "whole"; "cut": the file ends in the midst of a line; "excerpt": lines that somebody picked. */
  extent: "whole" | "cut" | "excerpt";
  /** Lowest table that may lack flows, where extent is "cut". */
  from: number;
}

export interface OvsGroupFact {
  bridge: string;
  group: OvsGroup;
}

/** One line of `fdb/show`. */
export interface OvsFdbFact {
  bridge: string;
  /** OpenFlow number. */
  port: number;
  vlan: number;
  mac: string;
  /** Seconds, "static", or "" if not printed. */
  age: string;
}

/** One line of `ovs/route/show`: the routes of userspace tunnels. */
export interface OvsTunnelRouteFact {
  prefix: string;
  dev: string;
  /** Gateway, "" if directly connected. */
  via: string;
  src: string;
  local: boolean;
  priority?: number;
  /** "Cached" (the kernel's) or "User". */
  source: string;
}

/** One line of `tnl/ports/show`: what is taken out of its tunnel, and by which datapath port. */
export interface OvsTunnelPortFact {
  name: string;
  datapathPort: number;
  udpPort: number;
  /** Addresses at which it is taken out. */
  address: string;
  mac: string;
}

/** One line of `ofproto/list-tunnels`. */
export interface OvsTunnelFact {
  name: string;
  type: string;
  localIp: string;
  remoteIp: string;
  datapathPort: number;
}

/** One line of `dump-tlv-map`: a geneve option and the field it is seen in. */
export interface OvsTlvFact {
  bridge: string;
  class: number;
  type: number;
  /** Bytes. */
  size: number;
  field: string;
}

/** One line of `dump-group-stats`. */
export interface OvsGroupStatisticsFact {
  bridge: string;
  id: number;
  packets: number;
  bytes: number;
  buckets: { packets: number; bytes: number }[];
}

/** A meter of `dump-meters`. */
export interface OvsMeterFact {
  bridge: string;
  /** A number, or the name of a reserved meter. */
  id: string;
  /** kbps or pktps, burst, stats. */
  flags: string[];
  bands: { type: string; rate: number; burst?: number }[];
}

/** What of a bridge was read, so that absence in the evidence can be told from absence of the evidence. */
export interface OvsReadFact {
  bridge: string;
  what: "groups" | "fdb" | "tlv-map";
}

declare module "@plumbline/model" {
  interface FactKinds {
    "ovs.bridge": OvsBridgeFact;
    "ovs.port": OvsPortFact;
    "ovs.flow": OvsFlowFact;
    "ovs.flow-dump": OvsFlowDumpFact;
    "ovs.group": OvsGroupFact;
    "ovs.fdb": OvsFdbFact;
    /** One line of `tnl/neigh/show`: who the userspace tunnels know on the underlay, and behind which bridge. */
    "ovs.tunnel-neighbour": { address: string; mac: string; bridge: string };
    "ovs.tunnel-route": OvsTunnelRouteFact;
    "ovs.tunnel-port": OvsTunnelPortFact;
    "ovs.tunnel": OvsTunnelFact;
    "ovs.tlv": OvsTlvFact;
    "ovs.group-statistics": OvsGroupStatisticsFact;
    "ovs.meter": OvsMeterFact;
    /** One line of `dpctl/dump-flows`: a flow that the datapath keeps. */
    "ovs.datapath-flow": { ufid: string; match: string; packets: number; bytes: number; used: string; actions: string };
    "ovs.read": OvsReadFact;
    /** Row of the Open_vSwitch table: hostname, ovn-encap-ip, ovn-bridge-mappings, … */
    "ovs.config": { externalIds: Record<string, string>; version: string };
  }
}
