/**
 * Packets in the syntax of `ofproto/trace`, made from rules: a packet drawn blindly meets the catch-all of table 0 and little else.
 */
import { ADDRESSES, ADDRESSES6, MACS, PORT_NUMBERS } from "../ovs/draw.js";
import type { Random } from "../random.js";
import type { Aim, Demand } from "./draw-match.js";
import { drawValue, MATCH_FIELDS } from "./fields.js";
import { type Bits, datapathText, flowText, frameText, STORES, stateText } from "./packet-text.js";
import { type Has, PROTOCOLS, type Protocol } from "./protocols.js";
import type { Bridge } from "./topology.js";

const WEIGHTED = ["ip", "tcp", "tcp", "tcp", "udp", "udp", "icmp", "sctp", "arp", "tcp6", "udp6", "icmp6", "ns", "na", "other"];
const NEXT_STATES = ["trk,new", "trk,est", "trk,est,rpl", "trk,rel,new", "trk,inv", "trk,est,dnat", "trk,est,rpl,snat", "trk,new,snat"];

/** A question's packet, for the bridge where it enters. A datapath flow names that by its port. */
export function drawPacket(
  r: Random,
  aims: readonly Aim[],
  bridge: Bridge,
  how: { readonly withCt: boolean; readonly withFrames: boolean },
): { packet: string; options: string[] } {
  const aim = aims[0];
  const kinds = PROTOCOLS.filter((p) => aim?.protocol.has.every((h) => p.has.includes(h)) && p.name !== "any");
  const exact = aim && aim.protocol.keywords.length > 0 && r.chance(0.6) ? PROTOCOLS.find((p) => p === aim.protocol) : undefined;
  const weighted = kinds.filter((p) => WEIGHTED.includes(p.name));
  const p = exact ?? r.pick(weighted.length > 0 ? weighted : kinds.length > 0 ? kinds : PROTOCOLS.slice(1));
  const bits = new Map<string, bigint>();
  const fill = (name: string, values: readonly bigint[]) => void bits.set(name, r.pick(values));
  fill(
    "in_port",
    bridge.ports.filter((x) => !x.peer && !x.tunnel).map((x) => BigInt(x.number)),
  );
  for (const n of ["dl_src", "dl_dst"])
    fill(
      n,
      MACS.map((m) => BigInt(`0x${m.replaceAll(":", "")}`)),
    );
  randomHeaders(r, p, bits);
  const taken = new Map<string, bigint>();
  const demanded = aims.flatMap((a) =>
    a.protocol.has.every((h) => p.has.includes(h)) ? a.demands : a.demands.filter((d) => STORES.get(d.in)?.needs === ""),
  );
  for (const d of demanded) demand(bits, taken, d);
  return { packet: packetText(r, p, bits, bridge, how.withFrames), options: how.withCt ? nextStates(r, aims) : [] };
}

function packetText(r: Random, p: Protocol, bits: Bits, bridge: Bridge, withFrames: boolean): string {
  const frame = withFrames && r.chance(0.05) ? frameText(p, bits) : null;
  if (frame) return frame;
  const port = bridge.ports.find((x) => BigInt(x.number) === bits.get("in_port"))?.datapath;
  return (port && r.chance(0.05) ? datapathText(p, bits, port) : null) ?? flowText(r, p, bits);
}

/** Bends a packet to a demand, as far as earlier ones allow. */
function demand(bits: Map<string, bigint>, taken: Map<string, bigint>, d: Demand): void {
  const free = d.mask & ~(taken.get(d.in) ?? 0n);
  bits.set(d.in, ((bits.get(d.in) ?? 0n) & ~free) | (d.value & free));
  taken.set(d.in, (taken.get(d.in) ?? 0n) | d.mask);
}

function randomHeaders(r: Random, p: Protocol, bits: Map<string, bigint>): void {
  const set = (name: string, v: bigint | number) => void bits.set(name, BigInt(v));
  if (r.chance(0.25)) set("vlan_tci", 0x1000 | r.pick([1, 10, 100]) | (r.int(8) << 13));
  const pools: Record<string, Has> = {
    nw_src: "ip4",
    nw_dst: "ip4",
    arp_spa: "arp",
    arp_tpa: "arp",
    arp_sha: "arp",
    arp_tha: "arp",
    ipv6_src: "ip6",
    ipv6_dst: "ip6",
  };
  for (const f of MATCH_FIELDS) {
    const need = pools[f.name];
    if (need && p.has.includes(need))
      set(f.name, r.pick(f.pool.slice(0, need === "ip4" ? ADDRESSES.length : need === "ip6" ? ADDRESSES6.length : undefined)));
    else if (f.needs !== "" && p.has.includes(f.needs) && /^(mpls|nsh|nd)_/.test(f.name)) set(f.name, drawValue(r, f, 0).value);
  }
  if (p.has.includes("ip")) {
    set("nw_ttl", r.pick([0, 1, 2, 64, 64, 64, 64, 255]));
    if (r.chance(0.3)) set("nw_tos", r.pick([4, 184, 252]) | r.int(4));
    if (r.chance(0.05)) set("nw_frag", r.pick([1, 3]));
  }
  if (p.has.includes("ip6") && r.chance(0.2)) set("ipv6_label", r.pick([1, 0xfffff]));
  if (p.has.includes("ports")) for (const n of ["tp_src", "tp_dst"]) set(n, r.pick(PORT_NUMBERS));
  if (p.has.includes("tcp") && r.chance(0.6)) set("tcp_flags", r.pick([2, 0x12, 0x10, 4, 0x11]));
  if (p.has.includes("icmp")) set("icmp_type", r.pick([8, 8, 0, 3]));
  if (p.has.includes("icmp6")) set("icmp_type", r.pick([128, 129, 135, 136]));
  if (p.has.includes("ns")) set("icmp_type", 135);
  if (p.has.includes("na")) set("icmp_type", 136);
  if (p.has.includes("arp")) set("arp_op", r.between(1, 2));
  for (let i = 0; i < 16; i++) if (r.chance(0.1)) set(`reg${i}`, r.int(4));
  if (r.chance(0.1)) set("metadata", r.int(4));
  if (r.chance(0.1)) set("tun_id", r.int(4));
  if (r.chance(0.1)) set("pkt_mark", r.int(4));
  if (r.chance(0.25)) set("dp_hash", r.pick([1n, 2n, 3n, 0x1234n, r.bits(32)]));
}

/** States for packets that come back from connection tracking: such that rules ask for, and others. */
function nextStates(r: Random, aims: readonly Aim[]): string[] {
  const wanted = aims.flatMap((a) =>
    a.demands.filter((d) => d.in === "ct_state" && d.value & 0x20n).map((d) => stateText(Number(d.value), ",")),
  );
  return Array.from({ length: r.int(4) }, () => r.pick([...wanted, ...wanted, ...NEXT_STATES])).flatMap((s) => ["--ct-next", s]);
}
