/** What a translation knows of the bridges: their ports and groups, and which rule of the network is which flow. */
import type { Match, Network, Origin } from "@plumbline/model";
import type { OvsFlow, OvsGroup } from "../ast.js";
import type { OvsTlvFact } from "../facts.js";
import type { Tunnel } from "./tunnel.js";

export interface TracedPort {
  readonly number: number;
  readonly name: string;
  /** Number at the datapath; null for a patch port. */
  readonly datapath: number | null;
  readonly config: readonly string[];
  /** Up, as far as is known. */
  readonly live: boolean;
  /** What leaves by it is encapsulated. */
  readonly tunnel: Tunnel | null;
  /** Where a patch port leads. */
  peer: { readonly bridge: TracedBridge; readonly port: number } | null;
}

export interface TracedBridge {
  readonly name: string;
  /** Index in Network.devices. */
  readonly device: number;
  /** In the order in which a flood goes. */
  readonly ports: Map<number, TracedPort>;
  /** Ports that no file lists exist, with the number that flows call them by. */
  readonly portsUnknown: boolean;
  readonly groups: ReadonlyMap<number, OvsGroup>;
  /** No dump of groups was given. */
  readonly groupsUnknown: boolean;
  /** Geneve options. */
  readonly tlvMap: readonly OvsTlvFact[];
  /** Learned addresses. */
  readonly fdb: readonly { readonly mac: bigint; readonly vlan: number; readonly port: number }[];
}

/** A flow and where it was read. */
export interface TracedRule {
  readonly flow: OvsFlow;
  /** As `ofproto/trace` prints it. */
  readonly match: string;
  readonly actions: string;
  /** Its match as masked words. */
  readonly row: Match;
  readonly origin: Origin;
}

export interface World {
  readonly network: Network;
  /** By device. */
  readonly bridges: ReadonlyMap<number, TracedBridge>;
  /** By rule of the network; a look-up that differs (as another port) has rules of its own for the same flow. */
  readonly rules: ReadonlyMap<number, TracedRule>;
  /** Flows of a bridge in numbered tables, in the order of their file. */
  rulesOf(bridge: TracedBridge): readonly TracedRule[];
  /** OpenFlow number of a table of the network; tables that are no OpenFlow tables are not in it. */
  readonly tables: ReadonlyMap<number, number>;
}
