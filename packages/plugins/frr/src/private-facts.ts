/** Facts that only this plugin reads and uses. */

/** One peer of `show bgp summary`. */
interface BgpPeerFact {
  address: string;
  asn: number;
  /** "Established", or as printed: "Active", "Idle (Admin)", "Connect", … */
  state: string;
  /** Prefixes received and sent; -1 where they were not printed. */
  received: number;
  sent: number;
  /** Address family of the counts; left out: IPv4. */
  family?: 6;
  /** Left out: the default VRF. */
  vrf?: string;
}

/** A path as it is told with all its attributes. */
export interface BgpDetailPath {
  nexthop: string;
  /** Address of the peer it was heard from; "" for the router's own. */
  from: string;
  valid: boolean;
  best: boolean;
  multipath: boolean;
  internal: boolean;
  /** -1 where none is printed. */
  localPref: number;
  /** -1 where none is printed. */
  metric: number;
  weight: number;
  asPath: string;
  /** IGP, EGP, incomplete. */
  origin: string;
  communities: string[];
  /** Why it is not usable: "inaccessible", "" if it is. */
  why: string;
}
/** `show bgp ipv4 unicast PREFIX`, or one entry of `… detail`. */
export interface BgpDetailFact {
  prefix: string;
  /** Peers that it is advertised to, by address; null where it is not told: the JSON of a whole table. */
  advertisedTo: string[] | null;
  paths: BgpDetailPath[];
}

export type BgpDirection = "advertised" | "received" | "accepted" | "filtered";
/** `show bgp … neighbors X advertised-routes|received-routes|routes|filtered-routes`, one path. */
interface BgpNeighbourRouteFact {
  neighbour: string;
  /** received: as they came, before the policy; accepted (`routes`): behind it. */
  direction: BgpDirection;
  prefix: string;
  nexthop: string;
  localPref: number;
  weight: number;
  asPath: string;
}
/** One such list that was read: what is not in it is not there. */
interface BgpNeighbourReadFact {
  neighbour: string;
  direction: BgpDirection;
  family: 4 | 6;
}

export interface BgpNeighbourFamily {
  /** "IPv4 Unicast". */
  name: string;
  accepted: number;
  routeMapIn: string;
  routeMapOut: string;
  prefixListIn: string;
  prefixListOut: string;
}
/** `show bgp neighbors`, one. */
export interface BgpNeighbourFact {
  address: string;
  remoteAs: number;
  localAs: number;
  internal: boolean;
  description: string;
  hostname: string;
  state: string;
  remoteId: string;
  localAddress: string;
  /** Why the session was reset last, "" if never. */
  lastReset: string;
  /** Up, Down, …; "" without BFD. */
  bfd: string;
  families: BgpNeighbourFamily[];
}

/** `show bfd peers`, one. */
export interface BfdPeerFact {
  peer: string;
  /** "" where it is not told. */
  local: string;
  vrf: string;
  interface: string;
  multihop: boolean;
  /** up, down, init, shutdown. */
  status: string;
  diagnostic: string;
  remoteDiagnostic: string;
}

/** A line of a configuration that something rests on. */
interface Placed {
  line: number;
  text: string;
}
export interface ConfigNeighbourFamily {
  activate: boolean | null;
  routeMapIn: string;
  routeMapOut: string;
  prefixListIn: string;
  prefixListOut: string;
  /** Of prefixes; 0 for none. */
  maximumPrefix: number;
}
export interface ConfigNeighbour extends Placed {
  /** Address, interface or peer group. */
  name: string;
  remoteAs: string;
  peerGroup: string;
  description: string;
  shutdown: boolean;
  /** Line that shuts it down. */
  shutdownLine?: number;
  bfd: boolean;
  ebgpMultihop: boolean;
  /** By address family: "ipv4 unicast". */
  families: Record<string, ConfigNeighbourFamily>;
}
export interface ConfigFamily {
  networks: (Placed & { prefix: string; routeMap: string })[];
  redistribute: (Placed & { protocol: string; routeMap: string })[];
  aggregates: (Placed & { prefix: string; summaryOnly: boolean })[];
  /** 0 where it is left to the default. */
  maximumPaths: number;
  maximumPathsIbgp: number;
}
/** `router bgp` of a running configuration. */
export interface ConfigRouterFact {
  asn: string;
  vrf: string;
  routerId: string;
  /** `bgp ebgp-requires-policy`, on unless switched off. */
  ebgpRequiresPolicy: boolean;
  /** `bgp network import-check`, on unless switched off (frr defaults traditional). */
  importCheck: boolean;
  /** `bgp default ipv4-unicast`. */
  defaultIpv4: boolean;
  neighbours: ConfigNeighbour[];
  families: Record<string, ConfigFamily>;
}
export interface PrefixListFact {
  family: 4 | 6;
  name: string;
  entries: (Placed & { seq: number; permit: boolean; prefix: string; ge: number; le: number })[];
}
/** One sequence of a route map. */
export interface RouteMapFact {
  name: string;
  seq: number;
  permit: boolean;
  match: string[];
  set: string[];
  call: string;
  /** "next", "goto N", "". */
  onMatch: string;
}

declare module "@plumbline/model" {
  interface FactKinds {
    "frr.bgp-peer": BgpPeerFact;
    /** One a BGP table that was read and holds no path: that BGP knows nothing is in evidence. */
    "frr.bgp-empty": Record<string, never>;
    "frr.bgp-detail": BgpDetailFact;
    "frr.neighbour-route": BgpNeighbourRouteFact;
    "frr.neighbour-routes-read": BgpNeighbourReadFact;
    "frr.neighbour": BgpNeighbourFact;
    "frr.bfd-peer": BfdPeerFact;
    /** One a running configuration that was read. */
    "frr.config-read": Record<string, never>;
    "frr.config-router": ConfigRouterFact;
    "frr.prefix-list": PrefixListFact;
    "frr.route-map": RouteMapFact;
  }
}
