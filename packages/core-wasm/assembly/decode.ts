// Frames to rows: Ethernet, 802.1Q and QinQ, IPv4, IPv6 with its extension headers, TCP, UDP, SCTP, ICMP, ICMPv6 with
// neighbour discovery, ARP, and the packet that an ICMP error quotes. Nothing beyond the bytes that were captured is read.
import { clearWholeRow } from "./base";
import {
  F_ARP_OP, F_ARP_SHA, F_ARP_SPA, F_ARP_THA, F_ARP_TPA, F_ETH_DST, F_ETH_SRC, F_ETH_TYPE, F_ICMP_CODE, F_ICMP_ID, F_ICMP_TYPE, F_INNER_DST,
  F_INNER_PROTO, F_INNER_SRC, F_INNER_TP_DST, F_INNER_TP_SRC, F_IPV6_DST, F_IPV6_LABEL, F_IPV6_SRC, F_IP_DST, F_IP_FRAG, F_IP_PROTO,
  F_IP_SRC, F_IP_TTL, F_MPLS_LSE, F_MPLS_LSE1, F_MPLS_LSE2, F_ND_OPTIONS, F_ND_RESERVED, F_ND_SLL, F_ND_TARGET, F_ND_TLL, F_NW_TOS, F_PACKET_LEN, F_TCP_FLAGS,
  F_TP_DST, F_TP_SRC, F_TUN_FLAGS, F_TUN_ID, F_TUN_METADATA0, F_VLAN_TCI, F_VLAN_TCI2,
} from "./fields";
import {
  DECODE_ARP, DECODE_BAD_IP, DECODE_IPV4, DECODE_IPV6, DECODE_OTHER, DECODE_SHORT_ETHERNET, DECODE_SHORT_NETWORK,
  DECODE_SHORT_TRANSPORT,
} from "./layout";

const ETHERNET: u32 = 14;
const VLAN_PRESENT: u32 = 0x1000;

// @ts-ignore: decorator
@inline
function be16(p: usize): u32 {
  const x = <u32>load<u16>(p);
  return ((x & 0xff) << 8) | (x >>> 8);
}
// @ts-ignore: decorator
@inline
function be32(p: usize): u32 {
  return bswap<u32>(load<u32>(p));
}
// @ts-ignore: decorator
@inline
function set(row: usize, word: u32, value: u32): void {
  store<u32>(row + (word << 2), value);
}
// @ts-ignore: decorator
@inline
function setMac(row: usize, word: u32, p: usize): void {
  set(row, word, be16(p));
  set(row, word + 1, be32(p + 2));
}
function setAddress6(row: usize, word: u32, p: usize): void {
  for (let i: u32 = 0; i < 4; i++) set(row, word + i, be32(p + (i << 2)));
}

/** Decodes the `captured` bytes at `frame`, `length` on the wire, into `row`. Returns its FRAME_KIND. */
export function decode(frame: usize, captured: u32, length: u32, row: usize): u32 {
  clearWholeRow(row);
  set(row, F_PACKET_LEN, length);
  if (captured < ETHERNET) return DECODE_SHORT_ETHERNET;
  setMac(row, F_ETH_DST, frame);
  setMac(row, F_ETH_SRC, frame + 6);
  const end = frame + captured;
  let at = frame + 12;
  let type = be16(at);
  at += 2;
  for (let tags: u32 = 0; tags < 2 && (type == 0x8100 || type == 0x88a8); tags++) {
    if (at + 4 > end) return DECODE_SHORT_ETHERNET;
    set(row, tags == 0 ? F_VLAN_TCI : F_VLAN_TCI2, be16(at) | VLAN_PRESENT);
    type = be16(at + 2);
    at += 4;
  }
  set(row, F_ETH_TYPE, type);
  if (type == 0x0800) return ipv4(at, end, row);
  if (type == 0x86dd) return ipv6(at, end, row);
  if (type == 0x0806) return arp(at, end, row);
  if (type == 0x8847 || type == 0x8848) labels(at, end, row);
  return DECODE_OTHER;
}

/** The bottom of an MPLS label stack (RFC 3032). */
const MPLS_BOTTOM: u32 = 0x100;

/** The first three entries of an MPLS label stack. */
function labels(at: usize, end: usize, row: usize): void {
  for (let n: u32 = 0; n < 3 && at + 4 <= end; n++) {
    const entry = be32(at);
    set(row, n == 0 ? F_MPLS_LSE : n == 1 ? F_MPLS_LSE1 : F_MPLS_LSE2, entry);
    if (entry & MPLS_BOTTOM) return;
    at += 4;
  }
}

/** Bytes of a UDP header, and of a geneve header without options (RFC 8926). */
const UDP: usize = 8;
const GENEVE: usize = 8;
/** Ethernet inside. */
const BRIDGED: u32 = 0x6558;

/**
 * Decodes the packet inside a geneve frame, whose outer headers are decoded already, into `row`, with the tunnel's key and the
 * option `wanted` (class << 8 | type; 0: the first with four bytes) as tun_metadata0. Returns its FRAME_KIND; DECODE_OTHER
 * where it is not Ethernet.
 */
export function decodeInner(frame: usize, captured: u32, length: u32, wanted: u32, row: usize): u32 {
  clearWholeRow(row);
  const end = frame + captured;
  let at = frame + 12;
  while (at + 4 <= end && (be16(at) == 0x8100 || be16(at) == 0x88a8)) at += 4;
  at += 2;
  if (at + 20 > end) return DECODE_SHORT_NETWORK;
  at += ((<usize>load<u8>(at) & 15) << 2) + UDP;
  if (at + GENEVE > end) return DECODE_SHORT_TRANSPORT;
  const options = (<usize>load<u8>(at) & 0x3f) << 2;
  if (load<u8>(at) >>> 6 != 0 || be16(at + 2) != BRIDGED) return DECODE_OTHER;
  const oam = <u32>load<u8>(at, 1) >>> 7;
  const key = be32(at + 4) >>> 8;
  at += GENEVE;
  const inner = at + options;
  if (inner > end) return DECODE_SHORT_TRANSPORT;
  const metadata = option(at, inner, wanted);
  const headers = <u32>(inner - frame);
  const kind = decode(inner, captured - headers, length - headers, row);
  set(row, F_TUN_ID + 1, key);
  set(row, F_TUN_FLAGS, oam);
  set(row, F_TUN_METADATA0 + 3, metadata);
  return kind;
}

/** The value of a geneve option with four bytes, 0 if it is not there. */
function option(at: usize, end: usize, wanted: u32): u32 {
  while (at + 4 <= end) {
    const bytes = (<usize>load<u8>(at, 3) & 0x1f) << 2;
    if (bytes == 4 && at + 8 <= end && (wanted == 0 || be32(at) >>> 8 == wanted)) return be32(at + 4);
    at += 4 + bytes;
  }
  return 0;
}

function ipv4(at: usize, end: usize, row: usize): u32 {
  if (at + 20 > end) return DECODE_SHORT_NETWORK;
  const first = <u32>load<u8>(at);
  const header: usize = (first & 15) << 2;
  if (first >>> 4 != 4 || header < 20) return DECODE_BAD_IP;
  if (at + header > end) return DECODE_SHORT_NETWORK;
  // Padding of short frames is no part of the packet. A length of 0 is that of a segment yet to be cut by the card.
  const total = <usize>be16(at + 2);
  if (total >= header && at + total < end) end = at + total;
  const proto = <u32>load<u8>(at, 9);
  const fragment = be16(at + 6);
  set(row, F_NW_TOS, load<u8>(at, 1));
  set(row, F_IP_TTL, load<u8>(at, 8));
  set(row, F_IP_PROTO, proto);
  set(row, F_IP_SRC, be32(at + 12));
  set(row, F_IP_DST, be32(at + 16));
  if (fragment & 0x3fff) set(row, F_IP_FRAG, fragment & 0x1fff ? 3 : 1);
  if (fragment & 0x1fff) return DECODE_IPV4;
  return transport(proto, at + header, end, row, false) ? DECODE_IPV4 : DECODE_SHORT_TRANSPORT;
}

function ipv6(at: usize, end: usize, row: usize): u32 {
  if (at + 40 > end) return DECODE_SHORT_NETWORK;
  const first = be32(at);
  if (first >>> 28 != 6) return DECODE_BAD_IP;
  set(row, F_NW_TOS, (first >>> 20) & 0xff);
  set(row, F_IPV6_LABEL, first & 0xfffff);
  set(row, F_IP_TTL, load<u8>(at, 7));
  setAddress6(row, F_IPV6_SRC, at + 8);
  setAddress6(row, F_IPV6_DST, at + 24);
  const payload = <usize>be16(at + 4);
  if (payload != 0 && at + 40 + payload < end) end = at + 40 + payload;
  let next = <u32>load<u8>(at, 6);
  at += 40;
  while (isExtension(next)) {
    if (at + 8 > end) {
      set(row, F_IP_PROTO, next);
      return DECODE_SHORT_TRANSPORT;
    }
    const after = <u32>load<u8>(at);
    if (next == 44) {
      const later = (be16(at + 2) & 0xfff8) != 0;
      // An atomic fragment (RFC 6946) is a whole packet.
      if (later || be16(at + 2) & 1) set(row, F_IP_FRAG, later ? 3 : 1);
      if (later) {
        set(row, F_IP_PROTO, after);
        return DECODE_IPV6;
      }
    }
    at += extensionBytes(next, at);
    next = after;
  }
  set(row, F_IP_PROTO, next);
  return transport(next, at, end, row, true) ? DECODE_IPV6 : DECODE_SHORT_TRANSPORT;
}

/** Hop-by-hop, routing, fragment, authentication, destination options. */
// @ts-ignore: decorator
@inline
function isExtension(next: u32): bool {
  return next == 0 || next == 43 || next == 44 || next == 51 || next == 60;
}
// @ts-ignore: decorator
@inline
function extensionBytes(next: u32, at: usize): usize {
  if (next == 44) return 8;
  const units = <usize>load<u8>(at, 1);
  return next == 51 ? (units + 2) << 2 : (units + 1) << 3;
}

/** The transport header. False where the capture does not hold it. */
function transport(proto: u32, at: usize, end: usize, row: usize, v6: bool): bool {
  if (proto == 6) {
    if (at + 14 > end) return false;
    ports(at, row);
    set(row, F_TCP_FLAGS, ((<u32>load<u8>(at, 12) & 15) << 8) | load<u8>(at, 13));
    return true;
  }
  if (proto == 17 || proto == 132) {
    if (at + 4 > end) return false;
    ports(at, row);
    return true;
  }
  if (proto == (v6 ? 58 : 1)) return v6 ? icmp6(at, end, row) : icmp4(at, end, row);
  return true;
}

// @ts-ignore: decorator
@inline
function ports(at: usize, row: usize): void {
  set(row, F_TP_SRC, be16(at));
  set(row, F_TP_DST, be16(at + 2));
}

function icmp4(at: usize, end: usize, row: usize): bool {
  if (at + 8 > end) return false;
  const type = <u32>load<u8>(at);
  set(row, F_ICMP_TYPE, type);
  set(row, F_ICMP_CODE, load<u8>(at, 1));
  // Echo, timestamp, information and address mask messages have an identifier.
  if (type == 0 || type == 8 || (type >= 13 && type <= 18)) set(row, F_ICMP_ID, be16(at + 4));
  else if (type == 3 || type == 4 || type == 5 || type == 11 || type == 12) quoted4(at + 8, end, row);
  return true;
}

function icmp6(at: usize, end: usize, row: usize): bool {
  if (at + 8 > end) return false;
  const type = <u32>load<u8>(at);
  set(row, F_ICMP_TYPE, type);
  set(row, F_ICMP_CODE, load<u8>(at, 1));
  if (type == 128 || type == 129) set(row, F_ICMP_ID, be16(at + 4));
  else if (type >= 1 && type <= 4) quoted6(at + 8, end, row);
  else if ((type == 135 || type == 136) && at + 24 <= end) {
    set(row, F_ND_RESERVED, be32(at + 4));
    setAddress6(row, F_ND_TARGET, at + 8);
    if (at + 32 <= end) {
      const option = <u32>load<u8>(at, 24);
      set(row, F_ND_OPTIONS, option);
      if (option == 1) setMac(row, F_ND_SLL, at + 26);
      else if (option == 2) setMac(row, F_ND_TLL, at + 26);
    }
  }
  return true;
}

/** Ports, or the echo identifier as both, of a quoted packet. */
function quotedPorts(proto: u32, at: usize, end: usize, row: usize): void {
  if (proto == 1 || proto == 58) {
    if (at + 6 > end) return;
    set(row, F_INNER_TP_SRC, be16(at + 4));
    set(row, F_INNER_TP_DST, be16(at + 4));
  } else if ((proto == 6 || proto == 17 || proto == 132) && at + 4 <= end) {
    set(row, F_INNER_TP_SRC, be16(at));
    set(row, F_INNER_TP_DST, be16(at + 2));
  }
}

function quoted4(at: usize, end: usize, row: usize): void {
  if (at + 20 > end || load<u8>(at) >>> 4 != 4) return;
  const proto = <u32>load<u8>(at, 9);
  set(row, F_INNER_PROTO, proto);
  set(row, F_INNER_SRC + 3, be32(at + 12));
  set(row, F_INNER_DST + 3, be32(at + 16));
  if ((be16(at + 6) & 0x1fff) == 0) quotedPorts(proto, at + ((<usize>load<u8>(at) & 15) << 2), end, row);
}

function quoted6(at: usize, end: usize, row: usize): void {
  if (at + 40 > end || load<u8>(at) >>> 4 != 6) return;
  let next = <u32>load<u8>(at, 6);
  setAddress6(row, F_INNER_SRC, at + 8);
  setAddress6(row, F_INNER_DST, at + 24);
  at += 40;
  while (isExtension(next)) {
    if (at + 8 > end) break;
    const after = <u32>load<u8>(at);
    if (next == 44 && be16(at + 2) & 0xfff8) {
      set(row, F_INNER_PROTO, after);
      return;
    }
    at += extensionBytes(next, at);
    next = after;
  }
  set(row, F_INNER_PROTO, next);
  if (!isExtension(next)) quotedPorts(next, at, end, row);
}

function arp(at: usize, end: usize, row: usize): u32 {
  if (at + 28 > end) return DECODE_SHORT_NETWORK;
  set(row, F_ARP_OP, be16(at + 6));
  setMac(row, F_ARP_SHA, at + 8);
  set(row, F_ARP_SPA, be32(at + 14));
  setMac(row, F_ARP_THA, at + 18);
  set(row, F_ARP_TPA, be32(at + 24));
  return DECODE_ARP;
}
