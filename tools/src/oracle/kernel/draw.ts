/**
 * What random rule sets and their packets draw from: few addresses, ports and marks, so that packets meet rules often.
 */
import { ipv4Number, ipv6Number, macNumber, newRow, type Row, set } from "@plumbline/model";
import type { Random } from "../random.js";

/** A packet to be: its row, and the interface at which it is received (null: the host sends it). */
export interface Draft {
  readonly row: Row;
  in: string | null;
}
/** Changes a packet so that it passes a match. */
export type Hint = (p: Draft) => void;

export const PROTO = { icmp: 1, tcp: 6, udp: 17, icmp6: 58, sctp: 132 } as const;
export const PORTS = [22, 53, 80, 443, 5000, 5001, 8080, 8443, 30080] as const;
export const MARKS = [1, 2, 3, 0x10, 0x4000] as const;
export const NEIGHBOUR_MACS = ["02:00:00:00:00:aa", "02:00:00:00:00:bb", "02:00:00:00:00:cc"] as const;

export interface Draw {
  readonly random: Random;
  readonly version: 4 | 6;
  /** Interface names; the number of one is its place. */
  readonly interfaces: readonly string[];
}

/** An address by kind: `own` of the host, `near` on the interface's network, `far` behind it, `vip` of no network, `refused` by a route. */
export type Kind = "own" | "near" | "far" | "vip" | "refused";

export function address(d: Draw, kind: Kind, i = d.random.int(d.interfaces.length)): string {
  const n = d.random.between(5, 8);
  if (d.version === 4)
    switch (kind) {
      case "own":
        return `10.${i}.0.${d.random.between(1, 2)}`;
      case "near":
        return `10.${i}.0.${n}`;
      case "far":
        return `20.${i}.${d.random.int(2)}.${n}`;
      case "vip":
        return `172.30.0.${n}`;
      case "refused":
        return `20.${200 + d.random.int(3)}.0.${n}`;
    }
  switch (kind) {
    case "own":
      return `fd00:${i}::1`;
    case "near":
      return `fd00:${i}::${n}`;
    case "far":
      return `fd20:${i}::${n}`;
    default:
      return `fd96::${n}`;
  }
}

export function anyAddress(d: Draw): string {
  return address(d, d.random.pick(["own", "near", "near", "far", "far", "vip"]));
}

/** A network that holds some of the addresses. */
export function network(d: Draw): string {
  const i = d.random.int(d.interfaces.length);
  if (d.version === 4)
    return d.random.pick([
      `10.${i}.0.0/24`,
      `10.${i}.0.4/30`,
      `20.${i}.0.0/16`,
      "20.0.0.0/8",
      "172.30.0.0/24",
      `10.${i}.0.0/29`,
      "10.0.0.0/8",
    ]);
  return d.random.pick([`fd00:${i}::/64`, `fd20:${i}::/64`, "fd20::/16", "fd96::/64", "fd00::/16"]);
}

/** Writes an address (the first of a prefix that is no network's own) into an end of the packet. */
export function setAddress(row: Row, end: "src" | "dst", text: string): void {
  const [a] = text.split("/");
  const v4 = ipv4Number(a);
  if (v4 !== null) set(row, `ip_${end}`, v4);
  else set(row, `ipv6_${end}`, ipv6Number(a)!);
}

/** An address within a prefix. */
export function within(d: Draw, prefix: string): string {
  const [a, len] = prefix.split("/");
  const v4 = ipv4Number(a);
  const low = d.random.between(5, 6);
  if (len === undefined || (v4 !== null ? len === "32" : len === "128")) return a;
  if (v4 !== null) {
    if (Number(len) <= 8) return a.startsWith("20.") ? address(d, "far") : address(d, "near");
    return a.replace(/\.\d+$/, `.${low}`);
  }
  if (Number(len) <= 16) return a.startsWith("fd20") ? address(d, "far") : address(d, "near");
  return `${a.replace(/::$/, "")}::${low}`;
}

/** A first packet: from somewhere beyond an interface to anywhere, or from the host itself. */
export function firstPacket(d: Draw, sport: number): Draft {
  const { random: r, version, interfaces } = d;
  const row = newRow();
  set(row, "eth_type", version === 4 ? 0x0800 : 0x86dd);
  set(row, "ip_ttl", r.chance(0.03) ? r.between(1, 2) : r.pick([64, 64, 63, 128, 255]));
  if (r.chance(0.15)) set(row, "nw_tos", r.pick([0x10, 0x08, 0xb8, 0x28]));
  const sent = r.chance(0.15);
  const i = r.int(interfaces.length);
  setAddress(row, "src", address(d, sent ? "own" : r.pick(["near", "near", "far"]), i));
  setAddress(
    row,
    "dst",
    address(d, r.pick(["own", "near", "far", "far", "vip", "vip", ...(version === 4 && r.chance(0.2) ? (["refused"] as const) : [])])),
  );
  setProtocol(d, row, r.pick(["tcp", "tcp", "tcp", "udp", "udp", "icmp", "sctp"] as const), sport);
  set(row, "packet_len", r.pick([0, 0, 0, 100, 200, 1000]));
  set(row, "eth_src", macNumber(r.pick(NEIGHBOUR_MACS))!);
  return { row, in: sent ? null : interfaces[i] };
}

/** Makes the packet one of that protocol; ports or the echo identifier come from `sport`, which no other flow has. */
export function setProtocol(d: Draw, row: Row, name: "tcp" | "udp" | "icmp" | "sctp", sport: number): void {
  const { random: r, version } = d;
  const proto = name === "icmp" && version === 6 ? PROTO.icmp6 : PROTO[name];
  for (const f of ["tp_src", "tp_dst", "tcp_flags", "icmp_type", "icmp_code", "icmp_id"]) set(row, f, 0);
  set(row, "ip_proto", proto);
  if (name === "icmp") {
    set(row, "icmp_type", version === 6 ? 128 : 8);
    set(row, "icmp_id", sport);
    return;
  }
  set(row, "tp_src", sport);
  set(row, "tp_dst", r.pick(PORTS));
  // Now and then not the beginning of a connection.
  if (name === "tcp") set(row, "tcp_flags", r.chance(0.06) ? r.pick([0x10, 0x12, 0x04, 0x11, 0x29, 0x00]) : 0x02);
}
