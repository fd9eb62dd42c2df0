/** A way through the network as the picture shows it: runs of hops on one device, or in one logical datapath of it. */
import type { Hop, Link } from "../api/types.js";
import { type Devices, datapathOf, type Lane, laneOf } from "./lanes.js";

export interface Segment {
  /** Its place on the way, from 0. */
  readonly index: number;
  readonly device: string;
  readonly node: string;
  /** Logical datapath, "" outside of OVN. */
  readonly datapath: string;
  readonly lane: Lane;
  /** Indices of its hops: first, and behind the last. */
  readonly first: number;
  readonly end: number;
  /** Chosen among several: "1 of 3 by ecmp, 33.3 %". */
  readonly choices: readonly string[];
  /** Fields that it changed and that a reader looks for: addresses and ports. */
  readonly rewrites: readonly string[];
  readonly certainty: Hop["certainty"];
}

const REWRITES = new Set(["ip_src", "ip_dst", "ipv6_src", "ipv6_dst", "tcp_src", "tcp_dst", "l4_src", "l4_dst", "sport", "dport"]);
const SURE = ["assumed", "inferred", "proven"] as const;

export function segmentsOf(hops: readonly Hop[], devices: Devices): readonly Segment[] {
  const out: Segment[] = [];
  let datapath = "";
  let router = false;
  for (const [i, hop] of hops.entries()) {
    const last = out.at(-1);
    if (last?.device !== hop.device) datapath = "";
    const own = datapathOf(hop);
    if (own) {
      const stage = hop.links.find((l) => l.kind === "lflow")?.stage ?? "";
      if (own !== datapath) router = stage ? stage.startsWith("lr_") : routes(hops, i, own);
      datapath = own;
    }
    const lane = laneOf(hop, devices, datapath, router);
    if (last && last.device === hop.device && last.datapath === datapath && last.lane === lane) out[out.length - 1] = longer(last, hop, i);
    else out.push(longer({ ...EMPTY, index: out.length, device: hop.device, node: hop.node, datapath, lane, first: i }, hop, i));
  }
  return out;
}

const EMPTY = { end: 0, choices: [] as string[], rewrites: [] as string[], certainty: "proven" as const };

/** A port binding names a datapath before its first logical flow does: the flows behind it tell whether it routes. */
function routes(hops: readonly Hop[], from: number, datapath: string): boolean {
  for (let i = from; i < hops.length; i++) {
    const flow = hops[i].links.find((l) => l.kind === "lflow" && l.datapath === datapath);
    if (flow?.stage) return flow.stage.startsWith("lr_");
  }
  return datapath.startsWith("GR_");
}

function longer(s: Segment, hop: Hop, i: number): Segment {
  return {
    ...s,
    end: i + 1,
    choices: hop.choice ? [...s.choices, hop.choice] : s.choices,
    rewrites: [
      ...s.rewrites,
      ...hop.changes.filter((c) => REWRITES.has(c.field)).map((c) => `${c.field.replace(/^ip_/, "")} ${c.before} → ${c.after}`),
    ],
    certainty: SURE[Math.min(SURE.indexOf(s.certainty), SURE.indexOf(hop.certainty))],
  };
}

/** What a segment is called: the datapath, or the device without its node. */
export function titleOf(s: { readonly device: string; readonly node: string; readonly datapath: string }): string {
  if (s.datapath) return s.datapath;
  if (s.node && s.device.startsWith(`${s.node}/`)) return s.device.slice(s.node.length + 1);
  return s.device.replace(/^segment /, "");
}

/**
 * The hop that decided how a way ended: the last one that a rule of the evidence made. What a device does by itself after it (sending a
 * reset) is shown, but it is not what a reader looks for.
 */
export function decidingHop(hops: readonly Hop[]): number {
  const found = hops.findLastIndex((h) => h.rule.line > 0);
  return found >= 0 ? found : hops.length - 1;
}

/** Things of Kubernetes that a hop's evidence speaks of. */
const OBJECTS = new Set(["service", "pod", "node", "network_policy", "endpoint_slice", "namespace", "bgp_peer", "pool", "advertisement"]);
/** Rows of OVN's databases. */
const LOGICAL = new Set([
  "lflow",
  "port_binding",
  "load_balancer",
  "logical_switch_port",
  "logical_router_port",
  "acl",
  "nat",
  "static_route",
  "policy",
  "mac_binding",
  "multicast_group",
  "datapath",
]);

export function linksOf(hop: Hop): {
  readonly logical: readonly Link[];
  readonly objects: readonly Link[];
  readonly others: readonly Link[];
} {
  const of = (is: (l: Link) => boolean) => hop.links.filter(is);
  return {
    logical: of((l) => LOGICAL.has(l.kind)),
    objects: of((l) => OBJECTS.has(l.kind)),
    others: of((l) => !LOGICAL.has(l.kind) && !OBJECTS.has(l.kind)),
  };
}
