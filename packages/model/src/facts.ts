/**
 * Evidence and facts. Evidence is a raw file; a fact is what a plugin read in it; an origin points back.
 *
 * Kinds of facts that several plugins share are declared here; a plugin adds kinds of its own by declaration merging:
 * `declare module "@plumbline/model" { interface FactKinds { "ovs.flow": FlowFact } }`.
 */

/** Where something was read. */
export interface Origin {
  /** Path inside the snapshot, `/`-separated. */
  readonly file: string;
  /** First line, from 1; 0 where the whole file is meant. */
  readonly line: number;
  /** The text as it stands there (one line, or the lines joined by a blank). */
  readonly text: string;
}

/** How sure a piece of the network is. */
export type Certainty =
  /** Read in the evidence. */
  | "proven"
  /** Follows from evidence (the owner of an address answers ARP). */
  | "inferred"
  /** Taken to be so; `needs` says what would show it. */
  | "assumed";

export interface Fact<K extends FactKind = FactKind> {
  readonly kind: K;
  /** Host the evidence comes from (its folder), "" where it is about the whole cluster. */
  readonly host: string;
  readonly origin: Origin;
  readonly data: FactKinds[K];
}

export type FactKind = keyof FactKinds;

/** `ip link`, one interface. */
export interface InterfaceFact {
  name: string;
  ifindex: number;
  mac: string;
  /** ifindex of the peer (the `@ifN` of a veth), 0 if none. */
  peerIndex: number;
  /** Name of the peer's namespace (`link-netns`), "" if not printed. */
  linkNetns: string;
  up: boolean;
  mtu: number;
  /** veth, bridge, vrf, vlan, openvswitch, tun, geneve, …; "" if not printed. */
  type: string;
  /** Bridge or VRF it is enslaved to. */
  master: string;
  /** Of a VRF: its route table. */
  vrfTable?: string;
  /** Interface group; left out: the default one, 0. */
  group?: string;
}
/** `ip addr`, one address. */
export interface AddressFact {
  ifname: string;
  address: string;
  prefixLen: number;
  family: 4 | 6;
  scope: string;
  secondary: boolean;
  /** IPv6: not yet known to be nobody else's, hence not used as a source. */
  tentative?: boolean;
  /** IPv6: used as a source only where there is no other. */
  deprecated?: boolean;
}
export interface NexthopFact {
  via: string;
  dev: string;
  weight: number;
  onlink: boolean;
  /** The interface has no carrier: used nevertheless, unless ignore_routes_with_linkdown is set. */
  linkdown?: boolean;
}
/** `ip route`, one route. */
export interface RouteFact {
  family: 4 | 6;
  table: string;
  type: "unicast" | "local" | "broadcast" | "multicast" | "blackhole" | "unreachable" | "prohibit" | "throw" | "anycast";
  /** `0.0.0.0/0`, `::/0` for default. */
  prefix: string;
  nexthops: NexthopFact[];
  src: string;
  metric: number;
  proto: string;
  scope: string;
  mtu: number;
  /** Type of service that it is for; left out: any. */
  tos?: number;
  /** IPv6, RFC 4191: medium if left out. */
  pref?: "low" | "high";
  /** IPv6: only packets from there; left out: any. */
  from?: string;
  /** Its next hops are those of a next hop object: its number. */
  nhid?: number;
}
/** `ip rule`, one rule; absent conditions are "" or undefined. */
export interface PolicyRuleFact {
  family: 4 | 6;
  priority: number;
  not: boolean;
  from: string;
  to: string;
  iif: string;
  oif: string;
  fwmark?: { value: number; mask: number };
  uidrange?: { from: number; to: number };
  ipproto: string;
  sport: string;
  dport: string;
  action: "lookup" | "blackhole" | "unreachable" | "prohibit" | "goto" | "nop";
  /** Of `lookup` the table, of `goto` the priority. */
  table: string;
  suppressPrefixlen?: number;
  /** Routes by interfaces of this group do not count. */
  suppressIfgroup?: string;
  /** Type of service, 0 to 255. */
  tos?: number;
  /** Differentiated services code point, 0 to 63. */
  dscp?: number;
  /** `lookup` of the table of the VRF that the packet belongs to. */
  l3mdev?: boolean;
}
/** `ip neigh`, one entry. */
export interface NeighbourFact {
  dev: string;
  address: string;
  mac: string;
  state: string;
}
/** `ss -tuln`, one listener. */
export interface SocketFact {
  proto: "tcp" | "udp";
  /** "0.0.0.0", "::" or "*" for any. */
  address: string;
  port: number;
  dev: string;
}
/** `sysctl`, one key. */
export interface SysctlFact {
  key: string;
  value: string;
}

/** `show ip route`, one route of a router's RIB (FRR). */
export interface FrrRouteFact {
  family: 4 | 6;
  vrf: string;
  prefix: string;
  /** bgp, connected, kernel, static, local, ospf, … */
  protocol: string;
  selected: boolean;
  /** Installed in the kernel (`*`). */
  fib: boolean;
  distance: number;
  metric: number;
  /** Next hops that are in the FIB first; a directly connected one has via "". */
  nexthops: (NexthopFact & { fib: boolean; recursive: boolean; blackhole: boolean })[];
}
/** `show ip bgp`, one path of a prefix. */
export interface BgpPathFact {
  prefix: string;
  nexthop: string;
  valid: boolean;
  best: boolean;
  multipath: boolean;
  internal: boolean;
  localPref: number;
  weight: number;
  asPath: string;
}

export interface K8sNodeFact {
  name: string;
  addresses: string[];
  annotations: Record<string, string>;
  labels: Record<string, string>;
}
export interface K8sPodFact {
  name: string;
  namespace: string;
  node: string;
  ips: string[];
  mac: string;
  gateway: string;
  hostNetwork: boolean;
  labels: Record<string, string>;
}
export interface K8sServiceFact {
  name: string;
  namespace: string;
  type: string;
  clusterIPs: string[];
  externalIPs: string[];
  /** status.loadBalancer.ingress addresses. */
  vips: string[];
  externalTrafficPolicy: string;
  internalTrafficPolicy: string;
  ports: { name: string; protocol: string; port: number; targetPort: string; nodePort: number }[];
  selector: Record<string, string>;
  labels?: Record<string, string>;
}

/** One direction of a connection, as a dump prints it. ICMP: the identifier as both ports; protocols without ports: 0. */
export interface ConnectionTuple {
  src: string;
  dst: string;
  sport: number;
  dport: number;
}
/** One connection that a table held when it was dumped (`conntrack -L`, `dpctl/dump-conntrack`). */
export interface ConnectionFact {
  /** Whose table it was: the kernel's, OVS's own; "switch": that of whichever datapath the host's switches have. */
  table: "kernel" | "userspace" | "switch";
  family: 4 | 6;
  proto: number;
  zone: number;
  orig: ConnectionTuple;
  reply: ConnectionTuple;
  mark: number;
  /** Hexadecimal, "0x0" where none is printed. */
  label: string;
  seenReply: boolean;
  /** Over: a new SYN starts another connection. */
  closed: boolean;
  /** TCP's or SCTP's state as printed, "" if none is. */
  state: string;
}

/** Kinds of facts and their data. Plugins extend this interface. */
export interface FactKinds {
  "linux.interface": InterfaceFact;
  "linux.address": AddressFact;
  "linux.route": RouteFact;
  "linux.rule": PolicyRuleFact;
  "linux.neighbour": NeighbourFact;
  "linux.socket": SocketFact;
  /** One a file of `ss` that was read: its absence means that sockets are not in evidence. */
  "linux.sockets-read": Record<string, never>;
  "linux.sysctl": SysctlFact;
  "frr.route": FrrRouteFact;
  "frr.bgp-path": BgpPathFact;
  /** An address that evidence of another kind gives to a host (a gateway router's external address, …). */
  "host.address-claim": { address: string; why: string };
  "conntrack.entry": ConnectionFact;
  /** One a dump of connections that was read: an empty table, too, is evidence. */
  "conntrack.read": { table: ConnectionFact["table"] };
  "k8s.node": K8sNodeFact;
  "k8s.pod": K8sPodFact;
  "k8s.service": K8sServiceFact;
}

/** Something in the evidence that could not be used, or only partly. Nothing is dropped in silence. */
export interface Problem {
  readonly severity: "error" | "warning" | "info";
  readonly file: string;
  readonly line: number;
  readonly message: string;
  /** What to do about it, "" if nothing. */
  readonly hint: string;
}
