/** Kinds of facts that the Kubernetes plugin reads beside the shared k8s.node, k8s.pod and k8s.service. */

/** A label selector. Without conditions it selects everything. */
export interface Selector {
  matchLabels: Record<string, string>;
  matchExpressions: { key: string; operator: string; values: string[] }[];
}

export interface NamespaceFact {
  name: string;
  labels: Record<string, string>;
}

export interface EndpointSliceFact {
  name: string;
  namespace: string;
  /** Name of the Service in the same namespace, "" if the slice is of none. */
  service: string;
  addressType: string;
  endpoints: {
    addresses: string[];
    /** A missing condition counts as true, for `terminating` as false (discovery.k8s.io/v1). */
    ready: boolean;
    serving: boolean;
    terminating: boolean;
    node: string;
    /** `namespace/name` of the pod, "" if it is none. */
    pod: string;
  }[];
  ports: { name: string; protocol: string; port: number }[];
}

/** Noted: what it allows is read off the ACLs that OVN has for it. */
export interface NetworkPolicyFact {
  name: string;
  namespace: string;
  podSelector: Selector;
  policyTypes: string[];
}

/** metallb.io BGPPeer. */
export interface MetallbPeerFact {
  name: string;
  namespace: string;
  address: string;
  port: number;
  asn: number;
  myAsn: number;
  /** "" for the default VRF. */
  vrf: string;
  sourceAddress: string;
  bfdProfile: string;
  ebgpMultiHop: boolean;
  /** Nodes that peer; none: all. */
  nodeSelectors: Selector[];
}

/** metallb.io IPAddressPool. */
export interface MetallbPoolFact {
  name: string;
  namespace: string;
  labels: Record<string, string>;
  /** Prefixes or ranges "first-last", as written. */
  addresses: string[];
  autoAssign: boolean;
  avoidBuggyIPs: boolean;
  /** Restrictions of who may use it; absent: anyone. */
  allocateTo?: { priority: number; namespaces: string[]; namespaceSelectors: Selector[]; serviceSelectors: Selector[] };
}

/** metallb.io BGPAdvertisement or L2Advertisement. */
export interface MetallbAdvertisementFact {
  name: string;
  namespace: string;
  type: "bgp" | "l2";
  /** Pools by name and by label; both empty: all pools. */
  pools: string[];
  poolSelectors: Selector[];
  /** Nodes that announce; none: all. */
  nodeSelectors: Selector[];
  /** BGP: peers by name; none: all. */
  peers: string[];
  aggregationLength: number;
  aggregationLengthV6: number;
  localPref: number;
  communities: string[];
  /** L2: interfaces; none: all. */
  interfaces: string[];
}

export interface FrrPrefixes {
  /** filtered (only those listed) or all. */
  mode: string;
  prefixes: string[];
}
/** frrk8s.metallb.io FRRConfiguration. */
export interface FrrConfigurationFact {
  name: string;
  namespace: string;
  nodeSelector: Selector;
  routers: {
    asn: number;
    id: string;
    vrf: string;
    prefixes: string[];
    neighbors: { address: string; asn: number; port: number; toAdvertise: FrrPrefixes; toReceive: FrrPrefixes }[];
  }[];
  /** Lines given to FRR as they are; what they do is seen in the running configuration only. */
  rawConfig: string;
}

/** frrk8s.metallb.io FRRNodeState: what FRR on a node runs. */
export interface FrrNodeStateFact {
  node: string;
  runningConfig: string;
  lastConversionResult: string;
  lastReloadResult: string;
}

declare module "@plumbline/model" {
  interface FactKinds {
    "k8s.namespace": NamespaceFact;
    "k8s.endpoint-slice": EndpointSliceFact;
    "k8s.network-policy": NetworkPolicyFact;
    "metallb.peer": MetallbPeerFact;
    "metallb.pool": MetallbPoolFact;
    "metallb.advertisement": MetallbAdvertisementFact;
    "frrk8s.configuration": FrrConfigurationFact;
    "frrk8s.node-state": FrrNodeStateFact;
  }
}
