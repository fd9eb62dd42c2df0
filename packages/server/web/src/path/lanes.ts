/** The lanes of the path picture, from the outside in, and which lane a hop belongs to. */
import type { Hop } from "../api/types.js";

export const LANES = [
  "outside",
  "router",
  "segment",
  "node host",
  "br-ex",
  "switch",
  "gateway router",
  "join",
  "cluster router",
  "br-int",
  "tunnel",
  "pod",
] as const;
export type Lane = (typeof LANES)[number];

/** What is known of the snapshot's devices: kind and node by name. */
export type Devices = ReadonlyMap<string, { readonly kind: string; readonly node: string }>;

/**
 * The logical datapath that a hop on an integration bridge runs for: that of its logical flow, else of the port that it serves; "" if its
 * evidence names none (the hop then belongs where the hop before it did).
 */
export function datapathOf(hop: Hop): string {
  const link = hop.links.find((l) => l.kind === "lflow" && l.datapath) ?? hop.links.find((l) => l.kind === "port_binding" && l.datapath);
  return link?.datapath ?? "";
}

/** OVN-Kubernetes' names: GR_NODE gateway routers, join and transit switches, ext_NODE external switches, one cluster router. */
function laneOfDatapath(datapath: string, router: boolean): Lane {
  if (datapath.startsWith("GR_")) return "gateway router";
  if (router) return "cluster router";
  return /^join$|^join_|transit/.test(datapath) ? "join" : "switch";
}

/** @param datapath of the hop or of the one before it, "" outside of OVN @param router whether that datapath routes */
export function laneOf(hop: Hop, devices: Devices, datapath: string, router: boolean): Lane {
  const device = devices.get(hop.device);
  switch (device?.kind) {
    case "pod":
      return "pod";
    case "router":
      return "router";
    case "segment":
      return "segment";
    case "tunnel":
      return "tunnel";
    case "bridge":
    case "switch":
    case "logical":
      if (datapath) return laneOfDatapath(datapath, router);
      return /(^|\/)br-int$/.test(hop.device) ? "br-int" : "br-ex";
    default:
      return (device?.node || hop.node) && !hop.device.includes("/") ? "node host" : laneOfUnlisted(hop);
  }
}

/** Devices that the list does not have: told by their names. */
function laneOfUnlisted(hop: Hop): Lane {
  if (hop.device.startsWith("segment ")) return "segment";
  if (hop.device.endsWith("/tunnel")) return "tunnel";
  if (/\/br[-\w]*$/.test(hop.device)) return "br-ex";
  return hop.device.includes("/") ? "pod" : "outside";
}
