/**
 * The last step of a packet that leaves: whose MAC has the next hop. An entry of the host's neighbour table (`ip neigh`) proves it; else the owner of
 * the address on that wire is taken, since ARP would find it. On a wire that is known wholly and without such an owner, and by a
 * neighbour table that is known wholly and has no entry either, the sender gets "host unreachable"; else it is unknown.
 */
import { type Action, l2Owners, macNumber, type TableId } from "@plumbline/model";
import { parseAddress } from "../address.js";
import type { Interface } from "./evidence.js";
import { drop, ETH_TYPE, errorFromRouter, errorToSender, FAMILIES, type HostStack, match, ROUTE, set } from "./stack.js";

/** States of entries that are used (NUD_VALID, include/net/neighbour.h). */
const VALID = new Set(["REACHABLE", "STALE", "DELAY", "PROBE", "PERMANENT", "NOARP"]);
/** Interfaces without addresses on a link: what is put in comes out at the one other end. */
export const NO_NEIGHBOURS = new Set(["wireguard", "ipip", "sit", "gre", "ip6tnl", "ip6gre", "vti", "vti6", "ppp", "xfrm", "none"]);
export const BROADCAST_MAC = 0xffffffffffffn;

/** Fills the stack's neighbour table; links must have been joined. */
export function fillNeighbours(stack: HostStack): void {
  for (const i of stack.evidence.interfaces) if (i.number !== stack.loopback) fillInterface(stack, i);
  const t = stack.net.tables[stack.neighbours];
  t.miss = [
    {
      op: "unknown",
      why: "the interface that the route names is not in evidence",
      command: "ip route get DESTINATION",
      on: stack.evidence.host,
    },
  ];
}

function fillInterface(stack: HostStack, i: Interface): void {
  const { net, device, evidence } = stack;
  const t = net.tables[stack.neighbours];
  const out = { out_port: i.number };
  const own = macNumber(i.mac);
  const send = (mac: bigint): Action[] => [
    set("eth_dst", mac),
    ...(own === null ? [] : [set("eth_src", own)]),
    { op: "output", port: i.number, allowIn: true },
  ];

  if (NO_NEIGHBOURS.has(i.type)) {
    net.rule(t, { priority: 20, rows: [match(out)], program: [{ op: "output", port: i.number, allowIn: true }], origin: i.origin });
    return;
  }
  net.rule(t, { priority: 30, rows: [match({ ...out, reg14: ROUTE.broadcast })], program: send(BROADCAST_MAC) });

  const known = new Set<bigint>();
  for (const n of evidence.neighbours) {
    const address = parseAddress(n.address);
    const mac = macNumber(n.mac);
    if (n.dev !== i.name || !address || mac === null || !VALID.has(n.state) || known.has(address.value)) continue;
    known.add(address.value);
    net.rule(t, {
      priority: 20,
      rows: [match({ ...out, nexthop: address.value })],
      program: send(mac),
      origin: n.origin,
      certainty: n.certainty,
      why: n.why,
    });
  }
  const { owners, complete } = l2Owners(net, device, i.number);
  for (const o of owners) {
    const address = parseAddress(o.address);
    const mac = macNumber(o.mac);
    if (!address || mac === null || known.has(address.value)) continue;
    known.add(address.value);
    const name = o.device.ports.find((p) => p.number === o.port)?.name ?? "";
    net.rule(t, {
      priority: 10,
      rows: [match({ ...out, nexthop: address.value })],
      program: send(mac),
      certainty: "inferred",
      why: `no neighbour entry, but ${o.device.name} has the address on ${name}: ${address.family === 4 ? "ARP" : "neighbour discovery"} would find it`,
    });
  }
  const link = net.linkAt(device, i.number);
  const behindSwitch = link !== undefined && net.devices[link.toDevice].kind === "bridge";
  for (const via of gatewaysOf(stack, i)) {
    const address = parseAddress(via);
    if (!address || known.has(address.value)) continue;
    const rows = [match({ ...out, nexthop: address.value })];
    if (hasOvnMac(i))
      net.rule(t, {
        priority: 10,
        rows,
        program: send(macNumber(ovnMac(via))!),
        certainty: "inferred",
        why: "no neighbour entry; OVN-Kubernetes makes MACs of 0a:58 and the IPv4 address, as this interface's own is made",
      });
    // A switch's flows may answer for a gateway that no device has: OVN does, for its routers.
    else if (behindSwitch) net.rule(t, { priority: 10, rows, program: [noEntry(stack, i)] });
  }
  missing(stack, t.id, i, complete, behindSwitch);
}

const noEntry = (stack: HostStack, i: Interface): Action => ({
  op: "unknown",
  why: `no neighbour entry for the next hop on ${i.name}`,
  command: "ip neigh",
  on: stack.evidence.host,
});

/** 0a:58 and the bytes of an IPv4 address (go-controller/pkg/util/net.go, IPAddrToHWAddr). */
function ovnMac(ip: string): string {
  return ["0a", "58", ...ip.split(".").map((b) => Number(b).toString(16).padStart(2, "0"))].join(":");
}

/** An interface whose MAC is one that OVN-Kubernetes gives; then it gave its gateway's too. */
function hasOvnMac(i: Interface): boolean {
  return i.addresses.some((a) => a.family === 4 && ovnMac(a.address) === i.mac.toLowerCase());
}

/** IPv4 gateways of routes over an interface. */
function gatewaysOf(stack: HostStack, i: Interface): string[] {
  const hops = stack.evidence.routes.flatMap((r) => r.nexthops.filter((h) => h.dev === i.name && h.via !== "" && !h.via.includes(":")));
  return [...new Set(hops.map((h) => h.via))];
}

function missing(stack: HostStack, table: TableId, i: Interface, complete: boolean, behindSwitch: boolean): void {
  const { net } = stack;
  const t = net.tables[table];
  const why = `every device on the wire of ${i.name} is in evidence, and none has the address`;
  for (const family of FAMILIES) {
    const out = { out_port: i.number, eth_type: ETH_TYPE[family] };
    if (!complete || !stack.evidence.hasNeighbours(family)) {
      net.rule(t, { priority: 0, rows: [match(out)], program: [noEntry(stack, i)] });
      continue;
    }
    if (behindSwitch) {
      // The request goes into the switch's pipeline and nobody answers; the sender waits longer than most clients do.
      const lost = drop("nobody on the switch answers for the next hop", false);
      net.rule(t, { priority: 0, rows: [match(out)], program: [lost], certainty: "inferred", why });
      continue;
    }
    const lost = drop("nobody answers for the next hop of the tunnel's packet");
    if (family === 4 && stack.device.kind !== "pod")
      net.rule(t, { priority: 2, rows: [match({ ...out, reg6: 1 })], program: [lost], certainty: "inferred", why });
    const silent = drop("nobody answers for the next hop", true);
    net.rule(t, {
      priority: 1,
      rows: [match({ ...out, reg15: 1 })],
      program: [errorToSender("host unreachable", family), silent],
      certainty: "inferred",
      why,
    });
    net.rule(t, {
      priority: 0,
      rows: [match(out)],
      program: [errorFromRouter(stack, "host unreachable", family), silent],
      certainty: "inferred",
      why,
    });
  }
}
