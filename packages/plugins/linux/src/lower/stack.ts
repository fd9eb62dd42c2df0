/**
 * The host's pipeline while it is built: its tables, and the small programs that several stages need.
 *
 * Registers on a host: reg14 is the route type ({@link ROUTE}), reg15 is 1 for packets that a socket here sent, bit 0 of reg13
 * is 1 for packets that are not to be tracked (netfilter's NOTRACK sets it, and bit 1 where a packet was given a zone), reg12 and xxreg2 (reg8 to reg11) hold the source address
 * that the route prefers, for IPv4 and IPv6, reg6 is 1 for the outer packet of a tunnel (nobody is told when it finds no way), reg5 is
 * the number of the VRF that the packet belongs to, reg4 and reg3 hold what is found on the way back to a packet's source.
 * All tables of a stack belong to one device.
 */
import { type Action, type Device, type Match, matchField, type NetworkBuilder, slice, type TableId } from "@plumbline/model";
import type { Family } from "../address.js";
import type { HostEvidence, Interface } from "./evidence.js";

/** A bit of reg13: a packet that came round without a connection is tracked where it comes in. */
export const TRACKED_ANEW = 4;

/** Values of reg14. */
export const ROUTE = {
  none: 0,
  unicast: 1,
  local: 2,
  broadcast: 3,
  blackhole: 4,
  unreachable: 5,
  prohibit: 6,
  multicast: 7,
  /** A policy rule of type unreachable: as if there were no route. */
  refused: 8,
} as const;

export const ETH_ARP = 0x0806;
export const ETH_TYPE: Readonly<Record<Family, number>> = { 4: 0x0800, 6: 0x86dd };
export const FAMILIES: readonly Family[] = [4, 6];
/** The low bit of a MAC's first byte: the frame is for many. */
export const GROUP_MAC = 0x010000000000n;

/** A stack before its routing is built. */
export type RoutingStack = Omit<HostStack, "routing" | "sourceCheck">;

export interface HostStack {
  readonly net: NetworkBuilder;
  readonly device: Device;
  readonly evidence: HostEvidence;
  readonly tracker: number;
  /** Port number of `lo`. */
  readonly loopback: number;
  /** Table that routes: sets reg14, out_port, nexthop and the preferred source; reg14 is 0 afterwards if no route was found. */
  readonly routing: TableId;
  /** Table that is called once a packet that came in has its route: drops it if its source cannot be, else returns. */
  readonly sourceCheck: TableId;
  readonly origin: TableId;
  readonly neighbours: TableId;
}

/** A match from field values, or from [value, mask]. */
export function match(fields: Readonly<Record<string, number | bigint | readonly [number | bigint, number | bigint]>>): Match {
  let m: Match = [];
  for (const [name, v] of Object.entries(fields))
    m = Array.isArray(v) ? matchField(m, name, v[0], v[1]) : matchField(m, name, v as number | bigint);
  return m;
}

export const set = (field: string, value: number | bigint): Action => ({ op: "set", dst: slice(field), value: BigInt(value) });
export const jump = (table: TableId): Action => ({ op: "goto", table, unwind: true });
export const drop = (reason: string, rejected = false): Action => (rejected ? { op: "drop", reason, rejected } : { op: "drop", reason });

/** Types and codes of the ICMP errors that a host sends (RFC 792, RFC 1812, RFC 4443). */
const ICMP = {
  "no route": { 4: [3, 0], 6: [1, 0] },
  "host unreachable": { 4: [3, 1], 6: [1, 3] },
  prohibited: { 4: [3, 13], 6: [1, 1] },
  "port unreachable": { 4: [3, 3], 6: [1, 4] },
  "protocol unreachable": { 4: [3, 2], 6: [4, 1] },
  "time exceeded": { 4: [11, 0], 6: [3, 0] },
} as const satisfies Record<string, Record<Family, readonly [number, number]>>;
export type IcmpError = keyof typeof ICMP;

function emitError(error: IcmpError, family: Family, then: readonly Action[]): Action {
  const [icmpType, icmpCode] = ICMP[error][family];
  return { op: "emit", kind: "icmp-error", icmpType, icmpCode, swap: true, then };
}

/** What the kernel makes starts at the host itself, with the TTL of its own packets (net.ipv4.ip_default_ttl). */
export function fromHere(stack: Pick<HostStack, "origin">): Action[] {
  return [set("ip_ttl", 64), set("in_port", 0), jump(stack.origin)];
}

/** An error about a packet for this host: it comes from the address that was asked. */
export function errorFromHost(stack: Pick<HostStack, "origin">, error: IcmpError, family: Family): Action {
  return emitError(error, family, fromHere(stack));
}

/** An error about a forwarded packet: its source is that of the route back (ip-sysctl.txt, icmp_errors_use_inbound_ifaddr = 0). */
export function errorFromRouter(stack: Pick<HostStack, "origin">, error: IcmpError, family: Family): Action {
  return emitError(error, family, [set("ip_src", 0), set("ipv6_src", 0), ...fromHere(stack)]);
}

/** An error that the sending socket is told at once: it never was a packet on a wire. */
export function errorToSender(error: IcmpError, family: Family): Action {
  return emitError(error, family, [{ op: "local", note: "the sender's own error" }]);
}

/** 127.0.0.0/8. */
export const LOOPBACK_NET: readonly [bigint, bigint] = [0x7f000000n, 0xff000000n];

/** Whether packets with loopback addresses may come and go by an interface (sysctl route_localnet). */
export function routesLocalnet({ evidence }: Pick<HostStack, "evidence">, name: string): boolean {
  return ["all", name.replaceAll(".", "/")].some((n) => evidence.sysctl(`net.ipv4.conf.${n}.route_localnet`)?.value === "1");
}

export function interfaceOf(evidence: HostEvidence, name: string): Interface | undefined {
  return evidence.interfaces.find((i) => i.name === name);
}
