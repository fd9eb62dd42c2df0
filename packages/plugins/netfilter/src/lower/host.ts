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

/** A route as far as the question whether there is one goes. */
export interface HostRoute {
  readonly value: bigint;
  readonly len: number;
  readonly local: boolean;
  /** Type unicast or local: there is a way. */
  readonly leads: boolean;
  readonly devices: readonly string[];
  readonly metric: number;
  readonly fact: Fact<"linux.route">;
}

export interface HostView {
  readonly host: string;
  readonly device: Device;
  /** Port numbers by interface name; null if the host's interfaces are not in evidence. */
  readonly ports: ReadonlyMap<string, number> | null;
  /** Some interface is a Linux bridge: packets may have crossed it. */
  readonly bridges: boolean;
  /** In the order of the dump, which is the kernel's. */
  addresses(family: 4 | 6): readonly InterfaceAddress[];
  /** The VRF that an interface is or belongs to, "" if none. */
  vrfOf(ifname: string): string;
  /** Addresses of a type, or null where the evidence does not tell. */
  ofType(name: string, family: 4 | 6): readonly Interval[] | null;
  /** The same for one interface: what the local table has of others counts as unicast (__inet_dev_addr_type, net/ipv4/fib_frontend.c). */
  ofTypeOn(name: string, family: 4 | 6, ifname: string): readonly Interval[] | null;
  /** Where the main and local tables lead, most certain first; null where they do not decide alone or are not in evidence. */
  routes(family: 4 | 6): readonly HostRoute[] | null;
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
    bridges: interfaces.some((i) => i.type === "bridge"),
    addresses: (family) => addresses[family],
    vrfOf: (ifname) => [ifname, interfaces.find((i) => i.name === ifname)?.master ?? ""].find((name) => vrfs.has(name)) ?? "",
    certainty: localTable(4) || localTable(6) ? "proven" : "inferred",
    ofTypeOn(name, family, ifname) {
      const bits = family === 4 ? 32 : 128;
      const own = (type: string): Interval[] =>
        localTable(family)
          ? routes
              .filter((r) => r.data.family === family && r.data.type === type && r.data.nexthops.some((n) => n.dev === ifname))
              .flatMap((r) => prefixInterval(r.data.prefix, family) ?? [])
          : addresses[family]
              .filter((a) => a.ifname === ifname && (type === "local" || (family === 4 && a.prefixLen < 31)))
              .map((a) => (type === "local" ? a.value : a.value | ones(bits - a.prefixLen)))
              .map((v) => ({ lo: v, hi: v }));
      const here = (): Interval[] =>
        joined([...own("local"), ...(ifname === "lo" && family === 4 ? [{ lo: 0x7f000000n, hi: 0x7fffffffn }] : [])]);
      const everyone = (): Interval[] =>
        family === 4 ? joined([...own("broadcast"), { lo: 0xffffffffn, hi: 0xffffffffn }, { lo: 0n, hi: 0n }]) : [];
      if (name === "local") return here();
      if (family === 6 && name === "multicast") return [multicast(6)];
      if (family === 6 && name === "broadcast") return [];
      if (family === 6 && name === "unicast") return outsideOf([...here(), multicast(6)], 128);
      if (name === "anycast") return localTable(family) ? own("anycast") : null;
      if (family === 6) return null;
      if (name === "broadcast") return everyone();
      if (name === "multicast") return [multicast(4)];
      if (name === "unicast") return outsideOf([...here(), ...everyone(), multicast(4)], 32);
      return [];
    },
    routes(family) {
      // Rules of one's own may look elsewhere first.
      const usual = new Set(["local", "main", "default", "255", "254", "253"]);
      const rules = facts.of("linux.rule", host).filter((r) => r.data.family === family);
      if (
        rules.some(
          (r) => r.data.action !== "lookup" || !usual.has(r.data.table) || r.data.not || (r.data.from !== "" && r.data.from !== "all"),
        )
      )
        return null;
      const found = routes.filter((r) => r.data.family === family && usual.has(r.data.table));
      if (found.length === 0) return null;
      return found.flatMap((fact): HostRoute[] => {
        const { prefix, type, nexthops, metric, table } = fact.data;
        const at = prefixInterval(prefix, family);
        if (!at) return [];
        const len = (family === 4 ? 32 : 128) - ((at.hi - at.lo + 1n).toString(2).length - 1);
        const local = table === "local" || table === "255";
        const leads = type === "unicast" || type === "local";
        return [{ value: at.lo, len, local, leads, devices: nexthops.map((n) => n.dev), metric, fact }];
      });
    },
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
          // The local table holds no others; IPv6 asks all tables.
          return family === 4 ? [] : null;
      }
    },
  };
}
