/**
 * Facts that only this plugin reads and uses.
 */
import type { NexthopFact } from "@plumbline/model";

/** One file of routes that was read: which part of which table is in evidence. */
interface RoutesReadFact {
  /** 0: both families. */
  family: 0 | 4 | 6;
  /** "all", or the name of the one table that was asked for. */
  table: string;
}
/** The routes of a file hold no local or connected one, as every whole table does: what is not listed may exist. */
interface RoutesPartialFact {
  family: 4 | 6;
}
/** A route whose next hop is not printed with it, or that does what is not modelled. */
export interface OpaqueRouteFact {
  family: 4 | 6;
  table: string;
  prefix: string;
  metric: number;
  /** Next hop object that tells where it leads, 0 if it is something else. */
  nhid: number;
  src: string;
  scope: string;
  proto: string;
  why: string;
}
/** A policy rule with a condition that is not modelled. */
export interface OpaqueRuleFact {
  family: 4 | 6;
  priority: number;
  why: string;
}
/** `ip nexthop`, one object: a next hop, or a group of them. */
export interface NexthopObjectFact {
  id: number;
  hop: NexthopFact | null;
  group: { id: number; weight: number }[];
  blackhole: boolean;
}
/** `bridge fdb`, one entry of a Linux bridge or of a device's own filter. */
interface BridgeFdbFact {
  mac: string;
  dev: string;
  /** Bridge whose table it is in, "" for the device's own (`self`). */
  master: string;
  vlan: number;
  /** Far end of a VXLAN entry, "" if none. */
  dst: string;
  /** permanent, static, extern_learn, or "" for a learned one. */
  state: string;
}

/** One neighbour table that was read as a whole: who is not in it has no entry. */
interface NeighboursReadFact {
  /** 0: both families. */
  family: 0 | 4 | 6;
}

declare module "@plumbline/model" {
  interface FactKinds {
    "linux.routes-read": RoutesReadFact;
    "linux.routes-partial": RoutesPartialFact;
    "linux.route-opaque": OpaqueRouteFact;
    "linux.rule-opaque": OpaqueRuleFact;
    "linux.nexthop": NexthopObjectFact;
    "linux.neighbours-read": NeighboursReadFact;
    "linux.bridge-fdb": BridgeFdbFact;
  }
}
