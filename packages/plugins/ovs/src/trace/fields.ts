/** Actions that read and write fields (lib/meta-flow.c, lib/nx-match.c, lib/ofp-actions.c). */
import type { Slice } from "@plumbline/model";
import type { FieldSlice, OvsAction } from "../ast.js";
import { formatSlice, ovsField } from "../fields.js";
import { READ_AS_ZERO } from "../lower/bits.js";
import { type Context, NotTranslated } from "./context.js";
import { hex } from "./datapath.js";
import { CFI, ETH, PROTO, PT } from "./headers.js";

const ones = (n: number) => (1n << BigInt(n)) - 1n;

/** The bits, or the end of what can be told. */
function held(s: FieldSlice): Slice {
  if (!s.slice) throw new NotTranslated(`${s.text}: the field is not held in packets here`);
  return s.slice;
}
function consultSlice(c: Context, s: Slice, mask = ones(s.n)): void {
  // What was read before of a field that is read as zero is forgotten; a look-up reads both bytes.
  if (READ_AS_ZERO.has(s.field)) {
    c.masks.set(s.field, c.optionTypeLookedUp ? 0xff : 0);
    c.optionTypeLookedUp = false;
  }
  c.masks.setBits(s, c.masks.bits(s) | mask);
}
function bitsOf(c: Context, s: Slice): bigint {
  return READ_AS_ZERO.has(s.field) ? 0n : c.flow.bits(s);
}
function report(c: Context, s: FieldSlice): void {
  const f = ovsField(s.field);
  c.report("detail", `${f ? formatSlice(f, s.ofs, s.bits) : s.text} is now ${hex(c.flow.bits(held(s)))}`);
}

/** mf_are_prereqs_ok: whether the packet has the field at all; what is read to tell counts as read. */
export function hasField(c: Context, name: string): boolean {
  const { flow } = c;
  const proto = (p: number) => {
    if (!flow.isIp) return false;
    c.consult("ip_proto", 0xff);
    return flow.get("ip_proto") === p;
  };
  // Of ICMP it does not matter whether this fragment has it.
  const ports = (p: number) => proto(p) && !flow.isLaterFragment;
  const nd = (...types: number[]) => {
    if (flow.ethType !== ETH.ipv6 || !proto(PROTO.icmp6)) return false;
    c.consult("icmp_type", 0xff);
    c.consult("icmp_code", 0xff);
    return flow.get("icmp_code") === 0 && types.includes(flow.get("icmp_type"));
  };
  switch (ovsField(name)?.needs ?? "-") {
    case "-":
    case "ct":
      return true;
    case "eth":
      return flow.get("packet_type") === PT.eth;
    case "vlan":
      c.consult("vlan_tci", CFI);
      return flow.isTagged;
    case "arp":
      return flow.isArp;
    case "ip4":
      return flow.ethType === ETH.ip;
    case "ip6":
      return flow.ethType === ETH.ipv6;
    case "ip":
      return flow.isIp;
    case "mpls":
      return flow.isMpls;
    case "nsh":
      return flow.ethType === ETH.nsh;
    case "tcp":
      return ports(PROTO.tcp);
    case "udp":
      return ports(PROTO.udp);
    case "sctp":
      return ports(PROTO.sctp);
    case "icmp4":
      return flow.ethType === ETH.ip && proto(PROTO.icmp);
    case "icmp6":
      return flow.ethType === ETH.ipv6 && proto(PROTO.icmp6);
    case "nd":
      return nd(135, 136);
    case "ns":
      return nd(135);
    case "na":
      return nd(136);
  }
}

/** Writes of OpenFlow 1.0 are left out in silence where the packet has no such header. */
const QUIET: Record<string, (c: Context) => boolean> = {
  mod_nw_src: (c) => c.flow.ethType === ETH.ip,
  mod_nw_dst: (c) => c.flow.ethType === ETH.ip,
  mod_nw_tos: (c) => c.flow.isIp,
  mod_nw_ecn: (c) => c.flow.isIp,
  mod_nw_ttl: (c) => c.flow.isIp,
  mod_tp_src: (c) => portsAreThere(c),
  mod_tp_dst: (c) => portsAreThere(c),
  set_mpls_label: (c) => c.flow.isMpls,
  set_mpls_tc: (c) => c.flow.isMpls,
  set_mpls_ttl: (c) => c.flow.isMpls,
};
function portsAreThere(c: Context): boolean {
  if (!c.flow.isIp || c.flow.isLaterFragment) return false;
  c.consult("ip_proto", 0xff);
  return true;
}

export function setField(c: Context, a: Extract<OvsAction, { kind: "setField" }>): void {
  const dst = held(a.dst);
  if (a.portName !== undefined) throw new NotTranslated(`the number of port '${a.portName}' is not in evidence`);
  if (dst.field === "vlan_tci") {
    setTag(c, a, dst);
    return;
  }
  const quiet = QUIET[a.form];
  if (quiet ? !quiet(c) : !hasField(c, a.dst.field)) {
    if (!quiet) c.report("warn", `unmet prerequisites for ${a.dst.field}, set_field ignored`);
    return;
  }
  // Of ARP's operation a write of any bits reads all, a move those that it moves.
  if (dst.field === "arp_op") c.consult("arp_op", 0xffff);
  else if (!/^set_tunnel/.test(a.form)) consultSlice(c, dst, a.mask);
  write(c, dst, a.value, a.mask);
}

function write(c: Context, dst: Slice, value: bigint, mask: bigint): void {
  const old = bitsOf(c, dst);
  if (READ_AS_ZERO.has(dst.field)) c.flow.set(dst.field, 0);
  c.flow.setBits(dst, (old & ~mask) | (value & mask));
}

function setTag(c: Context, a: Extract<OvsAction, { kind: "setField" }>, dst: Slice): void {
  if (/^(load|set_field)$/.test(a.form) && c.flow.get("packet_type") !== PT.eth) {
    c.report("warn", `unmet prerequisites for ${a.dst.field}, set_field ignored`);
    return;
  }
  consultSlice(c, dst, a.mask);
  if (/^(mod|set)_vlan/.test(a.form)) c.consult("vlan_tci", CFI);
  if (a.needsVlan && !c.flow.isTagged) {
    if (/^(load|set_field)$/.test(a.form)) c.report("warn", `unmet prerequisites for ${a.dst.field}, set_field ignored`);
    return;
  }
  write(c, dst, a.value, a.mask);
  if (/^mod_vlan/.test(a.form) || /^(dl_vlan|vlan_pcp|dl_vlan_pcp)/.test(a.dst.field)) c.flow.set("vlan_tci", c.flow.get("vlan_tci") | CFI);
  c.flow.fixTpid();
}

export function deleteField(c: Context, dst: FieldSlice): void {
  const s = held(dst);
  c.flow.deleteOption(s);
  c.report("detail", `delete ${dst.field}`);
}

export function writeMetadata(c: Context, value: bigint, mask: bigint): void {
  c.flow.set("metadata", (c.flow.big("metadata") & ~mask) | (value & mask));
}

export function moveField(c: Context, src: FieldSlice, dst: FieldSlice): void {
  const from = held(src);
  const to = held(dst);
  if (hasField(c, dst.field) && hasField(c, src.field)) {
    consultSlice(c, from);
    consultSlice(c, to);
    write(c, to, bitsOf(c, from), ones(to.n));
    if (to.field === "vlan_tci") c.flow.fixTpid();
  }
  report(c, dst);
}

export function pushField(c: Context, src: FieldSlice): void {
  const s = held(src);
  consultSlice(c, s);
  c.stack.push({ value: bitsOf(c, s), bits: s.n });
}

export function popField(c: Context, dst: FieldSlice): void {
  const s = held(dst);
  const top = c.stack.pop();
  if (!top) {
    c.report("error", "stack underflow");
    return;
  }
  consultSlice(c, s);
  write(c, s, top.value, ones(s.n));
  if (s.field === "vlan_tci") c.flow.fixTpid();
  report(c, dst);
}

/** nxm_reg_load: what an action computed. */
export function loadResult(c: Context, dst: FieldSlice, value: number): void {
  const s = held(dst);
  consultSlice(c, s);
  c.flow.setBits(s, BigInt(value));
  report(c, dst);
}
