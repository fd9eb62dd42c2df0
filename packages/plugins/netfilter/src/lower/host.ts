/**
 * What lowering must know of a host: its interfaces as ports, its addresses, which addresses are local.
 *
 * Everything comes from facts of the `linux` plugin and from the ports it made on the device. What is not in evidence is
 * null here and becomes an `unknown` where a rule asks for it.
 */
import { type AddressFact, type Certainty, type Device, type Fact, type FactBase, ipv4Number, ipv6Number } from "@plumbline/model";
import { type Interval, joined, ones, outsideOf } from "./ternary.js";

export interface InterfaceAddress {
  readonly ifname: string;
  readonly value: bigint;
  readonly prefixLen: number;
  readonly scope: string;
  readonly secondary: boolean;
  readonly fact: Fact<"linux.address">;
}

export interface HostView {
  readonly host: string;
  readonly device: Device;
  /** Port numbers by interface name; null if the host's interfaces are not in evidence. */
  readonly ports: ReadonlyMap<string, number> | null;
  /** In the order of the dump, which is the kernel's. */
  addresses(family: 4 | 6): readonly InterfaceAddress[];
  /** The VRF that an interface is or belongs to, "" if none. */
  vrfOf(ifname: string): string;
  /** Addresses of a type, or null where the evidence does not tell. */
  ofType(name: string, family: 4 | 6): readonly Interval[] | null;
  /** The same, of one interface's own addresses (`--limit-iface-in`). */
  localOf(ifname: string, family: 4 | 6): readonly Interval[];
  /** How sure `ofType` is. */
  readonly certainty: Certainty;
}

const numberOf = (text: string, family: 4 | 6): bigint | null => {
  if (family === 6) return ipv6Number(text);
  const n = ipv4Number(text);
  return n === null ? null : BigInt(n);
};

function prefixInterval(prefix: string, family: 4 | 6): Interval | null {
  const [text, len] = prefix.split("/");
  const value = numberOf(text, family);
  if (value === null) return null;
  const bits = family === 4 ? 32 : 128;
  const host = ones(bits - Number(len ?? bits));
  return { lo: value & ~host, hi: value | host };
}

export function hostView(facts: FactBase, device: Device): HostView {
  const host = device.host;
  const byFamily = (family: 4 | 6) =>
    facts.of("linux.address", host).flatMap((fact): InterfaceAddress[] => {
      const a: AddressFact = fact.data;
      const value = a.family === family ? numberOf(a.address, family) : null;
      return value === null ? [] : [{ ifname: a.ifname, value, prefixLen: a.prefixLen, scope: a.scope, secondary: a.secondary, fact }];
    });
  const addresses = { 4: byFamily(4), 6: byFamily(6) };
  const routes = facts.of("linux.route", host);
  const interfaces = facts.of("linux.interface", host).map((f) => f.data);
  const vrfs = new Set(interfaces.filter((i) => i.type === "vrf").map((i) => i.name));
  const localTable = (family: 4 | 6) => routes.some((r) => r.data.family === family && r.data.type === "local");

  const routed = (type: string, family: 4 | 6) =>
    routes.filter((r) => r.data.family === family && r.data.type === type).flatMap((r) => prefixInterval(r.data.prefix, family) ?? []);

  const local = (family: 4 | 6): Interval[] | null => {
    if (localTable(family)) return joined(routed("local", family));
    if (addresses[family].length === 0) return null;
    const own = addresses[family].map((a) => ({ lo: a.value, hi: a.value }));
    return joined(family === 4 ? [...own, { lo: 0x7f000000n, hi: 0x7fffffffn }] : [...own, { lo: 1n, hi: 1n }]);
  };
  const broadcast = (): Interval[] | null => {
    const everywhere = { lo: 0xffffffffn, hi: 0xffffffffn };
    if (localTable(4)) return joined([...routed("broadcast", 4), everywhere, { lo: 0n, hi: 0n }]);
    if (addresses[4].length === 0) return null;
    const last = addresses[4].filter((a) => a.prefixLen < 31).map((a) => a.value | ones(32 - a.prefixLen));
    return joined([...last.map((v) => ({ lo: v, hi: v })), everywhere, { lo: 0n, hi: 0n }]);
  };
  const multicast = (family: 4 | 6): Interval =>
    family === 4 ? { lo: 0xe0000000n, hi: 0xefffffffn } : { lo: 0xffn << 120n, hi: ones(128) };

  const ports = device.ports.length > 0 ? new Map(device.ports.map((p) => [p.name, p.number])) : null;
  return {
    host,
    device,
    ports,
    addresses: (family) => addresses[family],
    vrfOf: (ifname) => [ifname, interfaces.find((i) => i.name === ifname)?.master ?? ""].find((name) => vrfs.has(name)) ?? "",
    certainty: localTable(4) || localTable(6) ? "proven" : "inferred",
    localOf: (ifname, family) => joined(addresses[family].filter((a) => a.ifname === ifname).map((a) => ({ lo: a.value, hi: a.value }))),
    ofType(name, family) {
      // Only the local table is asked (inet_addr_type, net/ipv4/fib_frontend.c): what it does not hold is unicast.
      switch (name) {
        case "local":
          return local(family);
        case "multicast":
          return [multicast(family)];
        case "broadcast":
          return family === 4 ? broadcast() : [];
        case "unicast": {
          const l = local(family);
          const b = family === 4 ? broadcast() : [];
          if (l === null || b === null) return null;
          return outsideOf([...l, ...b, multicast(family)], family === 4 ? 32 : 128);
        }
        case "anycast":
          return localTable(family) ? routed("anycast", family) : null;
        default:
          return null;
      }
    },
  };
}
