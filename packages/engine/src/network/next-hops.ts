/**
 * Next hops that no neighbour entry and no stack in evidence answers for.
 *
 * Where a fragment's host is known to have the address, the packet is led to it (the link is *inferred*); else its way ends
 * there, *unknown*, and says which address it is and what would tell whose it is.
 */
import {
  type Action,
  type Device,
  type FactBase,
  FIELDS,
  ipv4Number,
  ipv4Text,
  type LowerContext,
  l2Owners,
  macNumber,
  matchField,
  type NetworkBuilder,
  type Rule,
  type Table,
  walk,
} from "@plumbline/model";
import { type AddressClaim, claimsOf } from "./claims.js";

/** What shows the rest of a host of which only fragments, or nothing, is known. */
export const FRAGMENT_COMMAND =
  "ovs-ofctl -O OpenFlow15 dump-flows br-ex; ovs-vsctl show; ip addr; ip route show table all; iptables-save -c";

/** Above what a stack makes of its neighbour table (30 is its broadcasts), and just above what it makes of a lack of neighbours. */
const PRIORITY = { claimed: 25, unowned: 2 } as const;

/** The word of `nexthop` that holds an IPv4 address. */
const NEXTHOP = FIELDS.find((f) => f.name === "nexthop")!.word + 3;

/** A port's interface; `addresses` of a fragment are its claims. */
function portWith(net: NetworkBuilder, d: Device, name: string, addresses: readonly string[]): number {
  const number = Math.max(0, ...d.ports.map((p) => p.number)) + 1;
  const known = addresses.map((address) => ({ address, prefixLen: 32 }));
  if (known.length === 0) net.port(d, number, name, { kind: "none" });
  else net.port(d, number, name, { kind: "netdev", host: d.host, name, internal: false, mac: "", addresses: known });
  return number;
}

export function leadToFragments(ctx: LowerContext, fragments: readonly Device[]): void {
  const { net, facts } = ctx;
  const claimed = new Map<string, { device: Device; claim: AddressClaim }>();
  for (const device of fragments) {
    const claims = claimsOf(facts, device.host).filter((c) => !isOwned(net, c.address));
    for (const claim of claims) {
      const other = claimed.get(claim.address);
      if (other) {
        ctx.problem({
          severity: "warning",
          file: claim.origin.file,
          line: claim.origin.line,
          message: `${claim.address} is ${device.name}'s (${claim.why}), but also ${other.device.name}'s at ${other.claim.origin.file}:${other.claim.origin.line} (${other.claim.why}), which is used`,
          hint: "Collect `ip addr` of both.",
        });
        continue;
      }
      claimed.set(claim.address, { device, claim });
    }
  }
  // Their owners must be known before any packet is led anywhere.
  for (const device of fragments) {
    const own = [...claimed].filter(([, c]) => c.device === device).map(([address]) => address);
    if (own.length > 0) portWith(net, device, "unknown", own);
  }
  for (const table of net.tables.filter((t) => t.stage === "neighbour")) {
    const sender = net.devices[table.device];
    if (sender.kind === "pod") continue;
    const hops = nextHops(net, sender);
    for (const [address, owner] of claimed)
      if (owner.device !== sender && (sender.kind === "router" || hops.has(address) || isOnLink(sender, address)))
        lead(net, table, sender, address, owner);
    for (const [address, outs] of hops)
      if (!claimed.has(address) && !isOwned(net, address)) for (const out of outs) unowned(net, facts, table, sender, address, out);
  }
}

function isOwned(net: NetworkBuilder, address: string): boolean {
  return net.devices.some((d) =>
    d.ports.some((p) => p.attachment.kind === "netdev" && p.attachment.addresses?.some((a) => a.address === address)),
  );
}

function isOnLink(d: Device, address: string): boolean {
  const n = ipv4Number(address)!;
  return d.ports.some(
    (p) =>
      p.attachment.kind === "netdev" &&
      p.attachment.addresses?.some((a) => {
        const own = ipv4Number(a.address);
        return own !== null && a.prefixLen > 0 && a.prefixLen < 32 && (own ^ n) >>> (32 - a.prefixLen) === 0;
      }),
  );
}

/** IPv4 gateways that a device's routes name, and the ports they are reached by. */
function nextHops(net: NetworkBuilder, d: Device): Map<string, Set<number>> {
  const found = new Map<string, Set<number>>();
  for (const t of net.tables) {
    if (t.device !== d.id || t.stage !== "fib") continue;
    for (const r of t.rules) {
      let out = 0;
      walk(r.program, (a) => {
        if (a.op !== "set") return;
        if (a.dst.field === "out_port") out = Number(a.value);
        if (a.dst.field !== "nexthop" || a.value === 0n || a.value > 0xffffffffn) return;
        const address = ipv4Text(Number(a.value));
        found.set(address, (found.get(address) ?? new Set()).add(out));
      });
    }
  }
  return found;
}

const byNextHop = (address: string) => matchField([], "nexthop", ipv4Number(address)!, 0xffffffffn);
const asksFor = (r: Rule, address: string) =>
  r.rows.some((m) => m.some((x) => x.w === NEXTHOP && x.m === 0xffffffff && x.v === ipv4Number(address)));

function lead(net: NetworkBuilder, table: Table, sender: Device, address: string, owner: { device: Device; claim: AddressClaim }): void {
  const { device, claim } = owner;
  const why = `${device.name} has ${address}: ${claim.why} (${claim.origin.file}:${claim.origin.line})`;
  let port = sender.ports.find((p) => p.name === `towards ${device.name}`)?.number;
  if (port === undefined) {
    port = portWith(net, sender, `towards ${device.name}`, []);
    net.join(sender, port, device, portWith(net, device, `from ${sender.name}`, []), "inferred", why);
  }
  // A neighbour entry shows that the address answers, not who it is.
  const entry = table.rules.find((r) => r.origin && asksFor(r, address));
  net.rule(table, {
    priority: PRIORITY.claimed,
    rows: [byNextHop(address)],
    program: [{ op: "output", port, allowIn: true }],
    origin: entry?.origin ?? null,
    certainty: "inferred",
    why,
  });
}

/** The MAC that a neighbour entry's rule writes. */
function macOf(entry: Rule): bigint | null {
  const sets = entry.program.flatMap((a) => (a.op === "set" && a.dst.field === "eth_dst" ? [a.value] : []));
  return sets[0] ?? null;
}

function hasInterface(net: NetworkBuilder, mac: bigint | null): boolean {
  return net.devices.some((d) =>
    d.ports.some((p) => p.attachment.kind === "netdev" && mac !== null && macNumber(p.attachment.mac) === mac),
  );
}

function unowned(net: NetworkBuilder, facts: FactBase, table: Table, sender: Device, address: string, out: number): void {
  const entry = table.rules.find((r) => r.priority > PRIORITY.unowned && asksFor(r, address));
  // A neighbour entry's MAC may be that of an interface in evidence, or a switch's flows answer for it: then the packet finds its way.
  const link = net.linkAt(sender, out);
  const switched = link !== undefined && net.devices[link.toDevice].kind !== "segment";
  if (entry && (!entry.origin || switched || hasInterface(net, macOf(entry)))) return;
  if (!entry && l2Owners(net, sender, out).complete) return;
  const name = sender.ports.find((p) => p.number === out)?.name ?? "";
  const nodes = facts.all("k8s.node");
  const node = nodes.find((n) => n.data.addresses.includes(address));
  const whose: Action = node
    ? {
        op: "unknown",
        why: `the next hop ${address} is Node ${node.data.name}, of which nothing is in evidence`,
        command: FRAGMENT_COMMAND,
        on: node.data.name,
      }
    : nodes.length > 0
      ? {
          op: "unknown",
          why: `the next hop ${address} is no Node's; whose it is, is not in evidence`,
          command: `ip neigh show ${address}`,
          on: sender.host,
        }
      : { op: "unknown", why: `which host has the next hop ${address} is not in evidence`, command: "oc get nodes -o wide", on: "cluster" };
  if (entry) {
    net.rule(table, {
      priority: PRIORITY.claimed,
      rows: entry.rows,
      program: [whose],
      origin: entry.origin,
      certainty: entry.certainty,
      why: entry.why,
    });
    return;
  }
  net.rule(table, {
    priority: PRIORITY.unowned,
    rows: [matchField(byNextHop(address), "out_port", out)],
    program: [
      {
        op: "unknown",
        why: `no neighbour entry for ${address}${name === "" || name === "?" ? "" : ` on ${name}`}`,
        command: "ip neigh",
        on: sender.host,
        go: true,
      },
      whose,
    ],
    certainty: "inferred",
    why: "the route names the next hop; who answers for it is not in evidence",
  });
}
