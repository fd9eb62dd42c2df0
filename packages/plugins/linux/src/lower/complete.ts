/**
 * What follows from a host's addresses where its route tables are not (wholly) in evidence: the local table, and the networks that
 * its interfaces are in (fib_add_ifaddr(), net/ipv4/fib_frontend.c). All of it is inferred.
 */
import type { RouteFact } from "@plumbline/model";
import { BITS, contains, type Family, maskOf, parseAddress, parsePrefix } from "../address.js";
import { type HostEvidence, type Interface, interfaceNamed, type OwnAddress, type Route, type Sourced } from "./evidence.js";
import { FAMILIES } from "./stack.js";

const addressText = (family: Family, v: bigint): string => {
  if (family === 4) return [24n, 16n, 8n, 0n].map((s) => (v >> s) & 255n).join(".");
  return [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((s) => ((v >> s) & 0xffffn).toString(16)).join(":");
};

function route(
  family: Family,
  table: string,
  type: RouteFact["type"],
  prefix: string,
  dev: string,
  src: string,
  scope: string,
  source: Sourced,
): Route {
  return {
    family,
    table,
    type,
    prefix,
    nexthops: [{ via: "", dev, weight: 1, onlink: false }],
    src,
    metric: 0,
    proto: "kernel",
    scope,
    mtu: 0,
    ...source,
  };
}

/** Adds interfaces that only routes name, `lo`, and the routes that follow from addresses. */
export function complete(e: HostEvidence): void {
  interfaceNamed(e.interfaces, "lo", (i) => e.interfaces.push(i), "every host has it", null);
  const named = [
    ...e.routes.flatMap((r) => r.nexthops.map((h) => ({ dev: h.dev, origin: r.origin }))),
    ...e.neighbours.map((n) => ({ dev: n.dev, origin: n.origin })),
  ];
  for (const n of named)
    if (n.dev !== "")
      interfaceNamed(
        e.interfaces,
        n.dev,
        (i) => e.interfaces.push(i),
        "a route or neighbour names it, its link is not in evidence",
        n.origin,
      );
  for (const family of FAMILIES) {
    if (!e.covers(family, "local")) local(e, family);
    if (!e.covers(family, "main")) connected(e, family);
  }
}

function* own(e: HostEvidence, family: Family): Generator<{ i: Interface; a: OwnAddress; value: bigint }> {
  for (const i of e.interfaces)
    for (const a of i.addresses) {
      const parsed = parseAddress(a.address);
      if (a.family === family && parsed) yield { i, a, value: parsed.value };
    }
}

function local(e: HostEvidence, family: Family): void {
  const why = "follows from the address; the local route table is not in evidence";
  const have = new Set(e.routes.filter((r) => r.table === "local").map((r) => r.prefix));
  const add = (r: Route) => {
    if (have.has(r.prefix)) return;
    have.add(r.prefix);
    e.routes.push(r);
  };
  if (family === 4)
    add(
      route(4, "local", "local", "127.0.0.0/8", "lo", "127.0.0.1", "host", {
        origin: null,
        certainty: "inferred",
        why: "every host has it",
      }),
    );
  else add(route(6, "local", "local", "::1/128", "lo", "", "host", { origin: null, certainty: "inferred", why: "every host has it" }));
  for (const { i, a, value } of own(e, family)) {
    const source: Sourced =
      a.certainty === "assumed" ? { origin: a.origin, certainty: "assumed", why: a.why } : { origin: a.origin, certainty: "inferred", why };
    const primary = a.secondary
      ? i.addresses.find(
          (p) => !p.secondary && p.family === family && contains(parsePrefix(`${p.address}/${p.prefixLen}`)!, { family, value }),
        )
      : a;
    add(route(family, "local", "local", `${a.address}/${BITS[family]}`, i.name, (primary ?? a).address, "host", source));
    if (family !== 4 || a.prefixLen > 30 || i.type === "loopback") continue;
    const broadcast = value | (0xffffffffn ^ maskOf(4, a.prefixLen));
    add(route(4, "local", "broadcast", `${addressText(4, broadcast)}/32`, i.name, a.address, "link", source));
  }
}

function connected(e: HostEvidence, family: Family): void {
  const why = "follows from the address; the main route table is not (wholly) in evidence";
  for (const { i, a } of own(e, family)) {
    if (a.secondary || i.type === "loopback" || i.name === "lo" || a.prefixLen >= BITS[family]) continue;
    const p = parsePrefix(`${a.address}/${a.prefixLen}`)!;
    const prefix = `${addressText(family, p.value)}/${p.len}`;
    const known = e.routes.some(
      (r) => r.family === family && r.table === "main" && parsePrefix(r.prefix)?.value === p.value && r.prefix.endsWith(`/${p.len}`),
    );
    if (!known)
      e.routes.push(route(family, "main", "unicast", prefix, i.name, a.address, "link", { origin: a.origin, certainty: "inferred", why }));
  }
}
