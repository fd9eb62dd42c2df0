/**
 * What releases of ovn-controller do differently in the flows that they make, and where their OpenFlow tables lie
 * (controller/lflow.h and controller/physical.c of OVN 23.03 and 25.03; between them by the release that brought the change).
 */
import { CONTROLLER_FORMS, type ControllerForm, type ControllerTables, controllerTables } from "../actions/index.js";
import { rows, type Zone } from "../database.js";
import type { SymbolRelease } from "../expr/index.js";
import { RELEASE_OF_EGRESS, releaseNumber, type TableOffsets } from "../offsets.js";
import { asMap } from "../values.js";

/** Numbers of OpenFlow tables beside those that logical actions name. */
interface PhysicalTables extends ControllerTables {
  readonly largePackets: number;
  readonly remoteOutput: number;
  readonly localOutput: number;
  readonly loopback: number;
  readonly logicalToPhysical: number;
  readonly inPortSecurityNd: number;
  readonly zoneLookup: number;
}

export interface ControllerRelease {
  /** 2303 for 23.03. */
  readonly number: number;
  readonly symbols: SymbolRelease;
  readonly form: ControllerForm;
  readonly tables: PhysicalTables;
  /** reg13 is the port's zone in its low half, the local tunnel end in its high half. */
  readonly encapIds: boolean;
  /** Groups clear reg6 first: large ones are cut into parts. */
  readonly clearsReg6: boolean;
  /** Tunnels have flows of their own for ICMP errors about the packet's size. */
  readonly tunnelIcmp: boolean;
  /** What remote chassis are asked is flooded to them. */
  readonly floodsRemote: boolean;
  /** `flags.override_local_only` is looked at where packets leave to a physical network. */
  readonly overridesLocalOnly: boolean;
  /** There are tables of what a connection's destination was. */
  readonly originalTuple: boolean;
  /** MAC bindings in use are noticed. */
  readonly macCache: boolean;
  /** A redirected packet may leave by the tunnel that it came by. */
  readonly redirectClearsInPort: boolean;
  /** Hop limit that neighbour discovery must have; up to 23.x a slip of the pen. */
  readonly ndHopLimit: 225 | 255;
  /** Registers of a load balancer's original address: reg1 and xxreg1, or reg4 and xxreg1. */
  readonly balancedIn: "reg1" | "reg4";
}

export function releaseOf(zone: Zone, offsets: TableOffsets): ControllerRelease {
  const number = releaseNumber(zone) ?? RELEASE_OF_EGRESS.findLast(([, egress]) => egress === offsets.egress)?.[0] ?? 2503;
  const { ingress, egress } = offsets;
  const last = egress + zone.lflows.reduce((m, l) => (l.pipeline === "egress" ? Math.max(m, l.table) : m), 0);
  // Behind both pipelines: table 64 as long as they leave it free.
  const egressOutput = last < 64 ? 64 : last + 1;
  // Up to 22.06 nothing is asked of large packets before they are sent.
  const ingressOutput = egress === 40 ? egress - 3 : egress - 5;
  const tables = controllerTables({ ingress, egress, ingressOutput, egressOutput, mirror: egressOutput + 24 });
  const consolidated = asMap(rows(zone, "southbound", "SB_Global")[0]?.columns["options"])["register_consolidation"] === "true";
  return {
    number,
    symbols: number < 2403 ? "21.12" : "24.03",
    form: number < 2403 ? CONTROLLER_FORMS["23.03"] : number < 2509 ? CONTROLLER_FORMS["25.03"] : CONTROLLER_FORMS.newest,
    tables: {
      ...tables,
      largePackets: egress - 4,
      remoteOutput: egress - 3,
      localOutput: egress - 2,
      loopback: egress - 1,
      logicalToPhysical: egressOutput + 1,
      inPortSecurityNd: tables.inPortSecurity + 1,
      zoneLookup: egressOutput + 16,
    },
    encapIds: number >= 2403,
    clearsReg6: number >= 2309,
    tunnelIcmp: number >= 2409,
    floodsRemote: number >= 2503,
    overridesLocalOnly: number >= 2409,
    originalTuple: number >= 2309,
    macCache: number >= 2309,
    redirectClearsInPort: number >= 2409,
    ndHopLimit: number >= 2403 ? 255 : 225,
    balancedIn: consolidated ? "reg4" : "reg1",
  };
}
