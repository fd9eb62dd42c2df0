/**
 * What `inspect` answers: the shape of `plumbline.inspect/1`.
 */
import type { Certainty, DeviceKind, Problem } from "@plumbline/model";

/** What a host is to the cluster, and so which evidence is expected of it. */
export type HostRole = "node" | "router" | "pod" | "host" | "cluster";

export interface InspectedSource {
  what: string;
  plugin: string;
  file: string;
  command: string;
  facts: number;
  /** The overlay it comes from; left out for the snapshot's own. */
  overlay?: string;
}

export interface InspectedSetAside {
  what: string;
  plugin: string;
  file: string;
  because: "form" | "overlay";
  /** The file that is used instead. */
  instead: string;
  overlay?: string;
}

export interface InspectedHost {
  /** As the snapshot's folders name it; "" is the cluster as a whole. */
  host: string;
  role: HostRole;
  /** Kubernetes node that it is or runs on, "" if none. */
  node: string;
  /** Device of the network that its own stack has become, "" if none. */
  device: string;
  facts: number;
  sources: InspectedSource[];
  setAside: InspectedSetAside[];
  unrecognised: { file: string; command: string; size: number; overlay?: string }[];
}

export interface InspectedDevice {
  name: string;
  kind: DeviceKind;
  host: string;
  node: string;
  pod: string;
  tables: number;
  rules: number;
  ports: { number: number; name: string }[];
}

export interface InspectedLink {
  from: { device: string; port: string };
  to: { device: string; port: string };
  /** False where only one direction is known. */
  bothWays: boolean;
  certainty: Certainty;
  why: string;
}

/** Evidence that is not there, and how to get it. */
export interface Missing {
  what: string;
  command: string;
  role: HostRole;
  /** Hosts that lack it; empty where it belongs to the cluster. */
  hosts: string[];
}

/** read: in evidence; missing: expected and not there; none: not expected of such a host. */
export type Cell = "read" | "missing" | "none";

export interface Inspection {
  schema: "plumbline.inspect/1";
  snapshot: string;
  overlays: string[];
  hosts: InspectedHost[];
  matrix: { hosts: string[]; sources: { what: string; cells: Cell[] }[] };
  missing: Missing[];
  devices: InspectedDevice[];
  links: InspectedLink[];
  /** Ports that nothing could be joined to, with the reason. */
  unjoined: { device: string; port: string; why: string }[];
  captures: string[];
  problems: Problem[];
}
