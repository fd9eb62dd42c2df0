/**
 * The hashes of a packet by which `multipath`, `bundle` and, as a last resort, select groups choose (lib/flow.c, flow_hash_fields;
 * lib/jhash.c; lib/hash.h; lib/multipath.c, lib/bundle.c).
 */
import { hashInt } from "@plumbline/model";
import type { HashFields, OvsAction } from "../ast.js";
import type { Context } from "./context.js";
import { ETH, type Headers, PROTO, PT } from "./headers.js";

const rotate = (x: number, k: number) => ((x << k) | (x >>> (32 - k))) >>> 0;

/** Bob Jenkins' hash of bytes. */
function jhash(bytes: readonly number[], basis: number): number {
  const word = (i: number) =>
    ((bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16) | ((bytes[i + 3] ?? 0) << 24)) >>> 0;
  let a = (0xdeadbeef + bytes.length + basis) >>> 0;
  let b = a;
  let c = a;
  let at = 0;
  for (; bytes.length - at >= 12; at += 12) {
    a = (a + word(at)) >>> 0;
    b = (b + word(at + 4)) >>> 0;
    c = (c + word(at + 8)) >>> 0;
    a = ((a - c) ^ rotate(c, 4)) >>> 0;
    c = (c + b) >>> 0;
    b = ((b - a) ^ rotate(a, 6)) >>> 0;
    a = (a + c) >>> 0;
    c = ((c - b) ^ rotate(b, 8)) >>> 0;
    b = (b + a) >>> 0;
    a = ((a - c) ^ rotate(c, 16)) >>> 0;
    c = (c + b) >>> 0;
    b = ((b - a) ^ rotate(a, 19)) >>> 0;
    a = (a + c) >>> 0;
    c = ((c - b) ^ rotate(b, 4)) >>> 0;
    b = (b + a) >>> 0;
  }
  if (at === bytes.length) return c;
  a = (a + word(at)) >>> 0;
  b = (b + word(at + 4)) >>> 0;
  c = (c + word(at + 8)) >>> 0;
  c = ((c ^ b) - rotate(b, 14)) >>> 0;
  a = ((a ^ c) - rotate(c, 11)) >>> 0;
  b = ((b ^ a) - rotate(a, 25)) >>> 0;
  c = ((c ^ b) - rotate(b, 16)) >>> 0;
  a = ((a ^ c) - rotate(c, 4)) >>> 0;
  b = ((b ^ a) - rotate(a, 14)) >>> 0;
  return ((c ^ b) - rotate(b, 24)) >>> 0;
}

function hashAdd(hash: number, data: number): number {
  const d = Math.imul(rotate(Math.imul(data, 0xcc9e2d51) >>> 0, 15), 0x1b873593);
  return (Math.imul(rotate((hash ^ d) >>> 0, 13), 5) + 0xe6546b64) >>> 0;
}
function hashFinish(hash: number, end: number): number {
  let h = hash ^ end;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A number's bytes in network order. */
function bytesOf(value: bigint, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Number((value >> BigInt(8 * (count - 1 - i))) & 0xffn));
}
/** Bytes as a little-endian machine reads them. */
function littleEndian(bytes: readonly number[]): number {
  return (bytes[0] | ((bytes[1] ?? 0) << 8) | ((bytes[2] ?? 0) << 16) | ((bytes[3] ?? 0) << 24)) >>> 0;
}

const xor = (flow: Headers, a: string, b: string, bytes: number) => bytesOf(flow.big(a) ^ flow.big(b), bytes);
const vlans = (flow: Headers) => BigInt((flow.get("vlan_tci") ^ flow.get("vlan_tci2")) & 0xfff);

function symmetricL4(flow: Headers, basis: number): number {
  const hasPorts = flow.isIp && (flow.get("ip_proto") === PROTO.tcp || flow.get("ip_proto") === PROTO.sctp);
  const v4 = flow.ethType === ETH.ip;
  const address = v4
    ? [...xor(flow, "ip_src", "ip_dst", 4), ...new Array<number>(12).fill(0)]
    : flow.ethType === ETH.ipv6
      ? xor(flow, "ipv6_src", "ipv6_dst", 16)
      : new Array<number>(16).fill(0);
  return jhash(
    [
      ...address,
      ...bytesOf(BigInt(flow.ethType), 2),
      ...bytesOf(vlans(flow), 2),
      ...(hasPorts ? xor(flow, "tp_src", "tp_dst", 2) : [0, 0]),
      ...xor(flow, "eth_src", "eth_dst", 6),
      flow.isIp ? flow.get("ip_proto") : 0,
      0,
      0,
      0,
    ],
    basis,
  );
}

/** Both addresses, added to a hash; null if it is no IP packet. */
function addresses(flow: Headers, basis: number): number | null {
  if (!flow.isIp) return null;
  const bytes = flow.ethType === ETH.ip ? xor(flow, "ip_src", "ip_dst", 4) : xor(flow, "ipv6_src", "ipv6_dst", 16);
  let hash = basis;
  for (let i = 0; i < bytes.length; i += 4) hash = hashAdd(hash, littleEndian(bytes.slice(i, i + 4)));
  return hash;
}

/** Whether both ports of such a packet count: of fragments none do. */
function portsCount(flow: Headers, udp: boolean): boolean {
  const proto = flow.get("ip_proto");
  return flow.get("ip_frag") === 0 && (proto === PROTO.tcp || proto === PROTO.sctp || (udp && proto === PROTO.udp));
}

function symmetricL3L4(flow: Headers, basis: number, udp: boolean): number {
  let hash = addresses(flow, basis);
  if (hash === null) return symmetricL2(flow, basis);
  hash = hashAdd(hash, flow.get("ip_proto"));
  if (portsCount(flow, udp)) hash = hashAdd(hash, littleEndian(xor(flow, "tp_src", "tp_dst", 2)));
  return hashFinish(hash, basis);
}

function symmetricL3(flow: Headers, basis: number): number {
  const address =
    flow.ethType === ETH.ip
      ? [...xor(flow, "ip_src", "ip_dst", 4), ...new Array<number>(12).fill(0)]
      : flow.ethType === ETH.ipv6
        ? xor(flow, "ipv6_src", "ipv6_dst", 16)
        : new Array<number>(16).fill(0);
  return jhash([...address, ...bytesOf(BigInt(flow.ethType), 2), 0, 0], basis);
}

function symmetricL2(flow: Headers, basis: number): number {
  if (flow.get("packet_type") !== PT.eth) return 0;
  const bytes = [...bytesOf(BigInt(flow.ethType), 2), ...bytesOf(vlans(flow), 2), ...xor(flow, "eth_src", "eth_dst", 6), 0, 0];
  let hash = basis;
  for (let i = 0; i < bytes.length; i += 4) hash = hashAdd(hash, littleEndian(bytes.slice(i, i + 4)));
  return hashFinish(hash, basis);
}

function fieldsHash(flow: Headers, fields: HashFields, basis: number): number {
  switch (fields) {
    case "eth_src":
      return jhash(bytesOf(flow.big("eth_src"), 6), basis);
    case "symmetric_l4":
      return symmetricL4(flow, basis);
    case "symmetric_l3l4":
      return symmetricL3L4(flow, basis, false);
    case "symmetric_l3l4+udp":
      return symmetricL3L4(flow, basis, true);
    case "nw_src":
    case "nw_dst": {
      const end = fields.slice("nw_".length);
      if (flow.ethType === ETH.ip) return jhash(bytesOf(flow.big(`ip_${end}`), 4), basis);
      return flow.ethType === ETH.ipv6 ? jhash(bytesOf(flow.big(`ipv6_${end}`), 16), basis) : basis;
    }
    case "symmetric_l3":
      return symmetricL3(flow, basis);
  }
}

/** flow_mask_hash_fields. */
export function consultFields(c: Context, fields: HashFields): void {
  const { flow } = c;
  const all = (...names: string[]) => {
    for (const n of names) c.consult(n, flow.full(n));
  };
  const ends = flow.ethType === ETH.ip ? ["ip_src", "ip_dst"] : flow.ethType === ETH.ipv6 ? ["ipv6_src", "ipv6_dst"] : [];
  switch (fields) {
    case "eth_src":
      all("eth_src");
      break;
    case "nw_src":
      all(...ends.slice(0, 1));
      break;
    case "nw_dst":
      all(...ends.slice(1));
      break;
    case "symmetric_l3":
      all(...ends);
      break;
    case "symmetric_l4":
      all("eth_src", "eth_dst", ...ends);
      if (flow.isIp) {
        all("ip_proto");
        if (flow.get("ip_proto") !== PROTO.udp) all(...(flow.isIcmp4 || flow.isIcmp6 ? ["icmp_type", "icmp_code"] : ["tp_src", "tp_dst"]));
      }
      for (const tag of ["vlan_tci", "vlan_tci2"]) c.consult(tag, 0x1fff);
      break;
    case "symmetric_l3l4":
    case "symmetric_l3l4+udp":
      all(...ends);
      if (!flow.isIp) break;
      all("ip_proto");
      if (portsCount(flow, fields === "symmetric_l3l4+udp")) all("tp_src", "tp_dst");
  }
}

/** Index of the member of a bundle, -1 if none is up. */
export function bundleMember(c: Context, a: Extract<OvsAction, { kind: "bundle" }>, isLive: readonly boolean[]): number {
  if (a.algorithm === "active_backup") return isLive.indexOf(true);
  consultFields(c, a.fields);
  const hash = fieldsHash(c.flow, a.fields, a.basis);
  let best = -1;
  isLive.forEach((live, i) => {
    if (live && (best < 0 || hashInt(i, hash) > hashInt(best, hash))) best = i;
  });
  return best;
}

/** Most links of which each is weighed. */
const MOST_WEIGHED = 64;

export function multipathLink(c: Context, a: Extract<OvsAction, { kind: "multipath" }>): number {
  consultFields(c, a.fields);
  const hash = fieldsHash(c.flow, a.fields, a.basis);
  switch (a.algorithm) {
    case "modulo_n":
      return hash % a.links;
    case "hash_threshold":
      return a.links === 1 ? 0 : Math.floor(hash / (Math.floor(0xffffffff / a.links) + 1));
    case "hrw":
      return a.links <= MOST_WEIGHED ? weighed(hash, a.links) : iterated(hash, a.links, a.arg);
    case "iter_hash":
      return iterated(hash, a.links, a.arg);
  }
}
function weighed(hash: number, links: number): number {
  let best = 0;
  for (let i = 1; i < links; i++) if (hashInt(hash, i) > hashInt(hash, best)) best = i;
  return best;
}
function iterated(hash: number, links: number, arg: number): number {
  const modulo = arg < links || arg / 2 > links ? 2 ** Math.ceil(Math.log2(links)) : arg;
  for (let i = 0; ; i++) {
    const link = hashInt(hash, i) % modulo;
    if (link < links) return link;
  }
}

/** The best of live buckets where a group's method is left to a hash of OVS's own. */
export function symmetricBasis(flow: Headers): number {
  return symmetricL4(flow, 0);
}
