/** Flows that every chassis has, whatever is on it, and those of its tunnels (controller/physical.c of OVN, physical_run). */
import type { Origin } from "@plumbline/model";
import { FLAG } from "../expr/index.js";
import { asMap } from "../values.js";
import { hex } from "./match-text.js";
import type { Physical } from "./physical.js";
import { chassisMacFlows, cookieOf, decapsulation, resubmit } from "./ports.js";

const flag = (bit: number) => hex(1 << bit);
/** "outport" of what is meant for every remote chassis. */
const FLOODED = 0x8000;

export function commonFlows(p: Physical): void {
  const { tables: t, originalTuple, tunnelIcmp } = p.release;
  const own = ownOrigin(p);
  const add = (table: number, priority: number, match: string, ...actions: string[]) => p.add(table, priority, 0, match, actions, own);
  add(0, 0, "");
  chassisMacFlows(p);
  tunnelFlows(p, own);
  if (t.ingressOutput !== t.remoteOutput) {
    add(t.ingressOutput, 0, "", resubmit(t.remoteOutput));
    add(t.largePackets, 10, `reg10=${flag(FLAG.loopback)}/${flag(FLAG.loopback)}`, resubmit(t.localOutput));
    add(t.largePackets, 0, "", resubmit(t.remoteOutput));
  }
  add(t.remoteOutput, 150, `reg10=${flag(FLAG.local_only)}/${flag(FLAG.local_only)}`, resubmit(t.localOutput));
  add(t.remoteOutput, 150, `reg10=${flag(FLAG.rcv_from_ramp)}/${hex((1 << FLAG.rcv_from_ramp) | 1)}`, resubmit(t.localOutput));
  add(t.remoteOutput, 0, "", resubmit(t.localOutput));
  add(t.localOutput, 0, "");
  add(t.loopback, 0, "", ...Array.from({ length: 10 }, (_, i) => `set_field:0->reg${i}`), resubmit(t.egress));
  add(t.egressOutput, 0, "", resubmit(t.logicalToPhysical));
  add(t.logicalToPhysical, 0, "");
  if (tunnelIcmp) add(t.zoneLookup, 0, "", resubmit(t.ingress));
  if (!originalTuple) return;
  add(t.ctNwDst, 100, "ct_state=+trk+est,ip", "move:NXM_NX_CT_NW_DST[]->NXM_NX_REG1[]");
  add(t.ctIp6Dst, 100, "ct_state=+trk+est,ipv6", "move:NXM_NX_CT_IPV6_DST[]->NXM_NX_XXREG1[]");
  add(t.ctTpDst, 100, "ct_state=+trk+est", "move:NXM_NX_CT_TP_DST[]->NXM_NX_REG2[0..15]");
}

/** What is of no row of the database: of the chassis. */
function ownOrigin(p: Physical): Origin {
  const { file, line } = p.chassis.row.origin;
  return { file, line, text: `ovn-controller of chassis ${p.chassis.name}: a flow of its own, of no row` };
}

function tunnelFlows(p: Physical, own: Origin): void {
  const { tables: t, tunnelIcmp, floodsRemote } = p.release;
  const received = `set_field:${flag(FLAG.tunnel_rx)}/${flag(FLAG.tunnel_rx)}->reg10`;
  const flooded: string[] = [];
  let type = "";
  for (const tunnel of p.chassis.tunnels) {
    const n = p.numberOf(tunnel.key);
    if (n === undefined) continue;
    const decap = decapsulation(tunnel);
    p.add(0, 100, 0, `in_port=${n}`, [...decap, resubmit(t.localOutput)], own);
    if (tunnelIcmp)
      for (const match of ["icmp,icmp_type=3,icmp_code=4", "icmp6,icmp_type=2,icmp_code=0"])
        p.add(0, 120, 0, `in_port=${n},${match}`, [...decap, resubmit(t.localOutput), received, resubmit(t.zoneLookup)], own);
    if (!floodsRemote || asMap(tunnel.chassis.columns["other_config"])["is-remote"] !== "true") continue;
    if (tunnel.type !== type)
      flooded.push(
        "move:OXM_OF_METADATA[0..23]->NXM_NX_TUN_ID[0..23]",
        "set_field:0->tun_metadata0",
        "move:NXM_NX_REG14[0..14]->NXM_NX_TUN_METADATA0[16..30]",
      );
    type = tunnel.type;
    flooded.push(`output:${n}`);
    for (const match of ["arp,arp_op=2", "icmp6,icmp_type=136,icmp_code=0"])
      p.add(
        0,
        120,
        cookieOf(tunnel.chassis.uuid),
        `in_port=${n},tun_metadata0=0${p.release.number < 2509 ? "" : "/0xffff"},${match}`,
        [received, ...decap, resubmit(t.ingress)],
        tunnel.chassis.origin,
      );
  }
  if (flooded.length > 0) p.add(t.floodRemote, 100, 0, `reg6=${hex(FLOODED)},reg10=0/${flag(FLAG.tunnel_rx)}`, flooded, own);
}
