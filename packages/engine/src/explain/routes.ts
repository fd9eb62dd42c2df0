/** Routes of the network by address: in each table of a host the longest one that covers a prefix, and those inside it. */
import { type Device, ipv4Number, ipv6Number, type Network, type Rule, type Table, walk } from "@plumbline/model";
import { covers, type Prefix, prefixText } from "@plumbline/plugin-sdk";
import { addressText } from "./fields.js";

export interface FoundRoute {
  readonly table: Table;
  readonly rule: Rule;
  readonly prefix: Prefix;
  /** It covers all that was asked for; else it lies inside it. */
  readonly covering: boolean;
}

/** Hosts and routers whose routes are of interest: everything with a stack but pods. */
export function stacks(net: Network): Device[] {
  return net.devices.filter((d) => (d.kind === "host" || d.kind === "router") && d.origin >= 0);
}

export function routeTables(net: Network, device: Device, family: 4 | 6): Table[] {
  const key = family === 4 ? "ip_dst" : "ipv6_dst";
  return net.tables.filter((t) => t.device === device.id && t.stage === "fib" && t.key?.field === key);
}

export function routesIn(table: Table, wanted: Prefix): FoundRoute[] {
  const all = table.rules.flatMap((rule) => {
    if (!rule.prefix) return [];
    const prefix: Prefix = { family: wanted.family, value: rule.prefix.value, len: rule.prefix.len };
    return [{ table, rule, prefix, covering: covers(prefix, wanted) }];
  });
  const longest = Math.max(-1, ...all.filter((r) => r.covering).map((r) => r.prefix.len));
  return all.filter((r) => (r.covering ? r.prefix.len === longest : covers(wanted, r.prefix)));
}

/** Next hops that a route's program names. */
export function nextHops(rule: Rule): string[] {
  const out = new Set<string>();
  walk(rule.program, (a) => {
    if (a.op === "set" && a.dst.field === "nexthop" && a.dst.ofs === 0 && a.value !== 0n) out.add(addressText(a.value));
  });
  return [...out];
}

/** Interfaces that a route leads out of. */
export function interfaces(device: Device, rule: Rule): string[] {
  const out = new Set<string>();
  walk(rule.program, (a) => {
    if (a.op === "set" && a.dst.field === "out_port")
      out.add(device.ports.find((p) => p.number === Number(a.value))?.name ?? "an unknown interface");
  });
  return [...out];
}

export function addressPrefix(address: string): Prefix | null {
  const v4 = ipv4Number(address);
  if (v4 !== null) return { family: 4, value: BigInt(v4), len: 32 };
  const v6 = ipv6Number(address);
  return v6 === null ? null : { family: 6, value: v6, len: 128 };
}

/** The rule as it stands in the evidence, or what it is in words. */
export function routeText(device: Device, r: FoundRoute): string {
  if (r.rule.origin) return r.rule.origin.text.replace(/\s+/g, " ").trim();
  const out = interfaces(device, r.rule).join(", ");
  return `${prefixText(r.prefix)}${nextHops(r.rule)
    .map((h) => ` via ${h}`)
    .join("")}${out === "" ? "" : ` dev ${out}`}`;
}
