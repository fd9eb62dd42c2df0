/**
 * A frame's headers as a packet row (lib/flow.c, flow_extract): Ethernet, VLAN tags, MPLS, IPv4, IPv6 with its extension
 * headers, TCP, UDP, SCTP, ICMP, IGMP, ARP, neighbour discovery, NSH. What is cut off or does not fit its own length leaves the
 * fields behind it zero, as in OVS.
 */
import { newRow, type Row, set } from "@plumbline/model";
import { ETH, PROTO } from "./flowMatch.js";
import { parseHex } from "./headers.js";

/** Tags that OVS reads unless it is told otherwise (Open_vSwitch other_config:vlan-limit). */
export const VLAN_LIMIT = 1;
/** Ethernet type of frames that have a length in its place. */
export const NO_ETHERNET_TYPE = 0x05ff;
const MIN_ETHERNET_TYPE = 0x600;
const CFI = 0x1000;

/** Bytes of a frame in hexadecimal, or null if the text is none. */
export function frameFromHex(text: string): Uint8Array | null {
  const { bytes, rest } = parseHex(text);
  return rest === "" && bytes.length >= 14 ? bytes : null;
}

/** @param into a row whose other fields (ports, registers, marks) stay */
export function readFrame(frame: Uint8Array, into: Row = newRow(), vlanLimit = VLAN_LIMIT): Row {
  const v = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const row = into;
  set(row, "packet_len", frame.length);
  if (frame.length < 14) return row;
  set(row, "eth_dst", big(v, 0, 6));
  set(row, "eth_src", big(v, 6, 6));
  let at = 12;
  for (let i = 0; i < vlanLimit && at + 4 <= frame.length; i++) {
    const type = v.getUint16(at);
    if (type !== 0x8100 && type !== 0x88a8) break;
    if (i < 2) set(row, i === 0 ? "vlan_tci" : "vlan_tci2", v.getUint16(at + 2) | CFI);
    at += 4;
  }
  if (at + 2 > frame.length) return row;
  let type = v.getUint16(at);
  at += 2;
  if (type < MIN_ETHERNET_TYPE) [type, at] = logicalLink(v, at);
  set(row, "eth_type", type);
  network(row, v, type, at);
  return row;
}

/** LLC with SNAP holds an Ethernet type too. */
function logicalLink(v: DataView, at: number): [type: number, at: number] {
  const snap = at + 8 <= v.byteLength && v.getUint32(at) === 0xaaaa0300 && v.getUint16(at + 4) === 0;
  const type = snap ? v.getUint16(at + 6) : 0;
  return type >= MIN_ETHERNET_TYPE ? [type, at + 8] : [NO_ETHERNET_TYPE, at];
}

function big(v: DataView, at: number, bytes: number): bigint {
  let n = 0n;
  for (let i = 0; i < bytes; i++) n = (n << 8n) | BigInt(v.getUint8(at + i));
  return n;
}

function network(row: Row, v: DataView, type: number, at: number): void {
  const size = v.byteLength - at;
  switch (type) {
    case ETH.ip:
      if (size >= 20) ipv4(row, v, at);
      return;
    case ETH.ipv6:
      if (size >= 40) ipv6(row, v, at);
      return;
    case ETH.arp:
    case ETH.rarp:
      if (size >= 28) arp(row, v, at);
      return;
    case ETH.mpls:
    case ETH.mplsMulticast:
      for (let i = 0; i < 3 && at + 4 * (i + 1) <= v.byteLength; i++) {
        const entry = v.getUint32(at + 4 * i);
        set(row, i === 0 ? "mpls_lse" : `mpls_lse${i}`, entry);
        if ((entry & 0x100) !== 0) return;
      }
      return;
    case ETH.nsh:
      if (size >= 8) nsh(row, v, at);
  }
}

function ipv4(row: Row, v: DataView, at: number): void {
  const headerSize = (v.getUint8(at) & 15) * 4;
  const total = v.getUint16(at + 2);
  if (v.getUint8(at) >> 4 !== 4 || headerSize < 20 || total > v.byteLength - at || headerSize > total) return;
  const proto = v.getUint8(at + 9);
  const fragment = v.getUint16(at + 6) & 0x3fff;
  const later = (fragment & 0x1fff) !== 0;
  set(row, "nw_tos", v.getUint8(at + 1));
  set(row, "ip_ttl", v.getUint8(at + 8));
  set(row, "ip_proto", proto);
  set(row, "ip_src", v.getUint32(at + 12));
  set(row, "ip_dst", v.getUint32(at + 16));
  set(row, "ip_frag", fragment === 0 ? 0 : later ? 3 : 1);
  if (!later) transport(row, v, proto, at + headerSize, at + total, false);
}

/** Extension headers: hop-by-hop, routing, destination, mobility; authentication counts in fours, a fragment header is 8 bytes. */
const EXTENSIONS = new Set([0, 43, 60, 135]);

function ipv6(row: Row, v: DataView, at: number): void {
  const first = v.getUint32(at);
  const end = at + 40 + v.getUint16(at + 4);
  if (first >>> 28 !== 6 || end > v.byteLength) return;
  set(row, "nw_tos", (first >>> 20) & 0xff);
  set(row, "ipv6_label", first & 0xfffff);
  set(row, "ip_ttl", v.getUint8(at + 7));
  set(row, "ipv6_src", big(v, at + 8, 16));
  set(row, "ipv6_dst", big(v, at + 24, 16));
  let proto = v.getUint8(at + 6);
  let pos = at + 40;
  let later = false;
  while (pos + 8 <= end && !later) {
    const next = v.getUint8(pos);
    if (EXTENSIONS.has(proto)) pos += (v.getUint8(pos + 1) + 1) * 8;
    else if (proto === 51) pos += (v.getUint8(pos + 1) + 2) * 4;
    else if (proto === 44) {
      const offset = v.getUint16(pos + 2);
      later = (offset & 0xfff8) !== 0;
      if ((offset & 0xfff9) !== 0) set(row, "ip_frag", later ? 3 : 1);
      pos += 8;
    } else break;
    // Of a later fragment OVS tells no more than that it is one (lib/flow.c, parse_ipv6_ext_hdrs).
    if (!later) proto = next;
  }
  set(row, "ip_proto", proto);
  if (!later) transport(row, v, proto, pos, end, true);
}

function transport(row: Row, v: DataView, proto: number, at: number, end: number, six: boolean): void {
  const size = end - at;
  const ports = () => {
    set(row, "tp_src", v.getUint16(at));
    set(row, "tp_dst", v.getUint16(at + 2));
  };
  if (proto === PROTO.tcp && size >= 20) {
    ports();
    set(row, "tcp_flags", v.getUint16(at + 12) & 0xfff);
  } else if (proto === PROTO.udp && size >= 8) ports();
  else if (proto === PROTO.sctp && size >= 12) ports();
  else if (proto === (six ? PROTO.icmp6 : PROTO.icmp) && size >= (six ? 4 : 8)) {
    const type = v.getUint8(at);
    set(row, "icmp_type", type);
    set(row, "icmp_code", v.getUint8(at + 1));
    if (size >= 6 && (six ? type === 128 || type === 129 : type === 8 || type === 0)) set(row, "icmp_id", v.getUint16(at + 4));
    if (six && (type === 135 || type === 136) && v.getUint8(at + 1) === 0 && size >= 24) neighbour(row, v, at, end);
  } else if (proto === 2 && !six && size >= 8) {
    set(row, "tp_src", v.getUint8(at));
    set(row, "tp_dst", v.getUint8(at + 1));
  }
}

function neighbour(row: Row, v: DataView, at: number, end: number): void {
  set(row, "nd_reserved", v.getUint32(at + 4));
  set(row, "nd_target", big(v, at + 8, 16));
  for (let pos = at + 24; pos + 8 <= end; ) {
    const size = v.getUint8(pos + 1) * 8;
    if (size === 0 || pos + size > end) return;
    const type = v.getUint8(pos);
    if (size === 8 && (type === 1 || type === 2)) {
      set(row, type === 1 ? "nd_sll" : "nd_tll", big(v, pos + 2, 6));
      set(row, "nd_options", type);
    }
    pos += size;
  }
}

function arp(row: Row, v: DataView, at: number): void {
  if (v.getUint32(at) !== 0x00010800 || v.getUint16(at + 4) !== 0x0604) return;
  const op = v.getUint16(at + 6);
  if (op <= 0xff) set(row, "arp_op", op);
  set(row, "arp_sha", big(v, at + 8, 6));
  set(row, "arp_spa", v.getUint32(at + 14));
  set(row, "arp_tha", big(v, at + 18, 6));
  set(row, "arp_tpa", v.getUint32(at + 24));
}

function nsh(row: Row, v: DataView, at: number): void {
  const word = v.getUint16(at);
  const size = (v.getUint8(at + 1) & 0x3f) * 4;
  const mdType = v.getUint8(at + 2) & 15;
  if (word >> 14 !== 0 || size < 8 || at + size > v.byteLength) return;
  set(row, "nsh_flags", (word >> 12) & 3);
  set(row, "nsh_ttl", (word >> 6) & 0x3f);
  set(row, "nsh_mdtype", mdType);
  set(row, "nsh_np", v.getUint8(at + 3));
  set(row, "nsh_spi", v.getUint32(at + 4) >>> 8);
  set(row, "nsh_si", v.getUint8(at + 7));
  if (mdType === 1 && size >= 24) for (let i = 0; i < 4; i++) set(row, `nsh_c${i + 1}`, v.getUint32(at + 8 + 4 * i));
}
