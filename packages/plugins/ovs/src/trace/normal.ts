/**
 * `NORMAL` (ofproto-dpif-xlate.c, xlate_normal): the bridge as a learning switch.
 *
 * Ports are taken to be in no VLAN of their own (trunks): no file that is read for a trace tells otherwise.
 */
import { macText } from "@plumbline/model";
import { PORT } from "../ports.js";
import { type Context, DRIFT, NotTranslated } from "./context.js";
import { outputTo, portOf } from "./departure.js";
import { CFI, ETH } from "./headers.js";

const RESERVED = 0x0180c2000000n;
const BROADCAST = 0xffffffffffffn;
const ARP_REPLY = 2;

export function normal(c: Context): void {
  const { flow } = c;
  c.consult("eth_src", BROADCAST);
  c.consult("eth_dst", BROADCAST);
  c.consult("vlan_tci", 0x1fff);
  const inPort = flow.get("in_port");
  const from = portOf(c, inPort);
  if (!from && inPort !== PORT.none) {
    c.report("error", `received packet on unknown port ${inPort}`);
    c.report("warn", "no input bundle, dropping");
    return;
  }
  if ((flow.ethType === ETH.vlan || flow.ethType === ETH.qinq) && !flow.isTagged) {
    c.report("warn", "partial VLAN tag, dropping");
    return;
  }
  const dst = flow.big("eth_dst");
  if ((dst & ~0xfn) === RESERVED) {
    c.report("detail", "packet has reserved destination MAC, dropping");
    return;
  }
  const vlan = flow.isTagged ? flow.get("vlan_tci") & 0xfff : 0;
  gratuitous(c);
  const src = flow.big("eth_src");
  if (c.real && inPort !== PORT.none && (src >> 40n) % 2n === 0n && !knows(c, src, vlan, inPort)) {
    c.report("detail", `learned that ${macText(src)} is on port ${from?.name} in VLAN ${vlan}`);
    c.learned.push({ bridge: c.bridge, mac: src, vlan, port: inPort });
  }
  const known = lookUp(c, dst, vlan);
  if (known !== undefined) {
    if (known === inPort) c.report("detail", "learned port is input port, dropping");
    else if (!portOf(c, known)) c.report("warn", "learned port is unknown, dropping");
    else {
      c.report("detail", "forwarding to learned port");
      outputTagged(c, known, vlan);
    }
    return;
  }
  c.report("detail", "no learned MAC for destination, flooding");
  if (c.bridge.portsUnknown) throw new NotTranslated(`which ports ${c.bridge.name} has is not in evidence`);
  for (const p of c.bridge.ports.values()) if (p.number !== inPort && !p.config.includes("NO_FLOOD")) outputTagged(c, p.number, vlan);
}

/** A gratuitous ARP is told apart by reading what says so. */
function gratuitous(c: Context): void {
  const { flow } = c;
  if (flow.ethType !== ETH.arp || flow.big("eth_dst") !== BROADCAST) return;
  c.consult("arp_op", 0xffff);
  if (flow.get("arp_op") !== ARP_REPLY && flow.get("arp_op") !== 1) return;
  c.consult("arp_spa", 0xffffffff);
  c.consult("arp_tpa", 0xffffffff);
}

function lookUp(c: Context, mac: bigint, vlan: number): number | undefined {
  const learned = c.learned.find((l) => l.bridge === c.bridge && l.mac === mac && l.vlan === vlan);
  return learned?.port ?? c.bridge.fdb.find((f) => f.mac === mac && f.vlan === vlan)?.port;
}
function knows(c: Context, mac: bigint, vlan: number, port: number): boolean {
  return lookUp(c, mac, vlan) === port;
}

/** output_normal: to a trunk the packet goes with the tag that it came with; one without a VLAN id and priority is left out, the inner too. */
function outputTagged(c: Context, port: number, vlan: number): void {
  const tci = c.flow.get("vlan_tci");
  const tpid = c.flow.tpid[0];
  if (vlan === 0 && tci & CFI && (tci & 0xe000) === 0) {
    c.flow.set("vlan_tci", 0);
    c.flow.tpid[0] = 0;
  }
  const inner = c.flow.get("vlan_tci2");
  const innerTpid = c.flow.tpid[1];
  const { drift } = c;
  if (inner === CFI) {
    c.flow.set("vlan_tci2", 0);
    c.flow.tpid[1] = 0;
    c.drift = DRIFT.tag;
  }
  outputTo(c, port, false);
  c.drift = drift;
  c.flow.set("vlan_tci", tci);
  c.flow.tpid[0] = tpid;
  c.flow.set("vlan_tci2", inner);
  c.flow.tpid[1] = innerTpid;
}
