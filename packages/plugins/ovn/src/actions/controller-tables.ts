/**
 * The OpenFlow tables of an integration bridge that logical actions lead to (controller/lflow.h of OVN).
 */

/** OpenFlow tables of an integration bridge that actions lead to (controller/lflow.h of OVN). */
export interface ControllerTables {
  /** Of logical table 0. */
  readonly ingress: number;
  readonly egress: number;
  /** Where `output` leads in the ingress pipeline (OFTABLE_OUTPUT_INIT), and in egress (OFTABLE_SAVE_INPORT). */
  readonly ingressOutput: number;
  readonly egressOutput: number;
  readonly macBinding: number;
  readonly macLookup: number;
  readonly lbHairpin: number;
  readonly lbHairpinReply: number;
  readonly ctSnatToVip: number;
  readonly fdb: number;
  readonly fdbLookup: number;
  readonly inPortSecurity: number;
  readonly outPortSecurity: number;
  readonly ecmpNhMac: number;
  readonly ecmpNh: number;
  readonly lbAffinity: number;
  readonly macCacheUse: number;
  readonly ctNwDst: number;
  readonly ctIp6Dst: number;
  readonly ctTpDst: number;
  readonly floodRemote: number;
  readonly ctStateSave: number;
  readonly ctProto: number;
  readonly remoteFdb: number;
  readonly evpnArp: number;
  readonly mirror: number;
}

/** The other tables lie behind that where egress `output` leads, and move with it between releases. */
export function controllerTables(
  places: Pick<ControllerTables, "ingress" | "egress" | "ingressOutput" | "egressOutput" | "mirror">,
): ControllerTables {
  const at = (n: number) => places.egressOutput + n;
  return {
    ...places,
    macBinding: at(2),
    macLookup: at(3),
    lbHairpin: at(4),
    lbHairpinReply: at(5),
    ctSnatToVip: at(6),
    fdb: at(7),
    fdbLookup: at(8),
    inPortSecurity: at(9),
    outPortSecurity: at(11),
    ecmpNhMac: at(12),
    ecmpNh: at(13),
    lbAffinity: at(14),
    macCacheUse: at(15),
    ctNwDst: at(17),
    ctIp6Dst: at(18),
    ctTpDst: at(19),
    floodRemote: at(20),
    ctStateSave: at(21),
    ctProto: at(22),
    remoteFdb: at(23),
    evpnArp: at(25),
  };
}
