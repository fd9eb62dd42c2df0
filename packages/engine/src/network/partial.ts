/**
 * Hosts of which only fragments are known: one iptables chain, one route, a few flows, as people paste them.
 *
 * Such a host has no stack that a packet could walk. It gets a device all the same, so that its fragments are lowered and can
 * be found (trace/candidates.ts), and so that a packet that is sent there ends as *unknown* with the commands that would
 * show the rest. How a packet gets there: next-hops.ts.
 */
import { type Device, type FactBase, type LowerContext, matchField, type NetworkBuilder } from "@plumbline/model";
import { claimsOf } from "./claims.js";
import { FRAGMENT_COMMAND, leadToFragments } from "./next-hops.js";
import { stackOf } from "./ports.js";

/** Devices made here, by the network they are in. */
const MADE = new WeakMap<NetworkBuilder, Device[]>();

/** Makes devices for hosts without a stack of which there are netfilter rules, routes, switches, or claims of an address. */
export function lowerFragments(ctx: LowerContext): void {
  const { net, facts } = ctx;
  const named = facts.hosts().filter((h) => claimsOf(facts, h).length > 0);
  const switches = net.devices.filter((d) => d.kind === "bridge" && d.pod === "").map((d) => d.host);
  const hosts = new Set([...ctx.hooks.map((h) => h.host), ...facts.all("linux.route").map((f) => f.host), ...named, ...switches]);
  const made: Device[] = [];
  MADE.set(net, made);
  for (const host of [...hosts].sort()) {
    if (host === "" || host.startsWith("pods/") || stackOf(net, host) || net.findDevice(host)) continue;
    made.push(fragment(ctx, net, facts, host));
  }
}

/** After the links have been joined and neighbours found: ways from those who send to an address that a fragment claims. */
export function joinFragments(ctx: LowerContext): void {
  leadToFragments(ctx, MADE.get(ctx.net) ?? []);
}

function fragment(ctx: LowerContext, net: NetworkBuilder, facts: FactBase, host: string): Device {
  const node = ctx.nodeOf(host);
  const device = net.device({ name: host, kind: "host", host, node: node || host, aliases: node === "" || node === host ? [] : [node] });
  const entry = net.table(device, "entry", "host", "priority");
  const origin = net.table(device, "origin", "host", "priority");
  device.entry = entry.id;
  device.origin = origin.id;
  entry.miss = [
    {
      op: "unknown",
      why: `only fragments of ${host} are in evidence: what br-ex and the host's stack do with the packet is not`,
      command: FRAGMENT_COMMAND,
      on: host,
    },
  ];
  origin.miss = [
    { op: "unknown", why: `only fragments of ${host} are in evidence: how it sends is not`, command: FRAGMENT_COMMAND, on: host },
  ];
  for (const h of ctx.hooks) if (h.host === host) h.build(device, entry.id);
  const routes = net.table(device, "main", "fib", "priority");
  for (const f of facts.of("linux.route", host)) {
    const m = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(f.data.prefix);
    if (f.data.family !== 4 || !m) continue;
    const len = Number(m[5]);
    const value = m.slice(1, 5).reduce((v, b) => v * 256 + Number(b), 0);
    const mask = len === 0 ? 0 : (0xffffffff << (32 - len)) >>> 0;
    net.rule(routes, {
      priority: len,
      rows: [matchField([], "ip_dst", value, mask)],
      program: [{ op: "note", text: f.data.nexthops.map((n) => `via ${n.via || "link"} dev ${n.dev}`).join(", ") }],
      origin: f.origin,
      certainty: "inferred",
      why: "one line of the route table is in evidence, not the table",
    });
  }
  return device;
}
