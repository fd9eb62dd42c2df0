/**
 * Devices of Linux hosts: nodes, routers, other machines, pods. Each is one device with the pipeline of its network stack.
 *
 * Linux bridges are not devices: what hangs on one is taken to be on one layer 2 segment with the bridge's own interface.
 */
import type { Device, DeviceKind, LowerContext, NetworkBuilder, TableId } from "@plumbline/model";
import { buildArp } from "./arp.js";
import { complete } from "./complete.js";
import { buildEntry, buildInputRouting } from "./entry.js";
import { type HostEvidence, hostEvidence } from "./evidence.js";
import { buildForward } from "./forward.js";
import { applyFrr } from "./frr-routes.js";
import { buildHook } from "./hooks.js";
import { buildInput } from "./input.js";
import { fillNeighbours } from "./neighbours.js";
import { buildLeaving, buildOrigin } from "./origin.js";
import { podEvidence, podName, podWith } from "./pods.js";
import { buildSourceCheck } from "./reverse-path.js";
import { Routing } from "./routing.js";
import type { HostStack } from "./stack.js";
import { buildTunnels } from "./tunnels.js";

/** Stacks that still wait for their neighbours and tunnels, by the network they were built in. */
const waiting = new WeakMap<NetworkBuilder, Built[]>();

interface Built {
  readonly stack: HostStack;
  readonly sockets: TableId;
}

interface Names {
  readonly name: string;
  readonly aliases: string[];
  readonly kind: DeviceKind;
  readonly node: string;
  readonly pod: string;
}

/** Stage `devices`. */
export function lowerHosts(ctx: LowerContext): void {
  const stacks: Built[] = [];
  waiting.set(ctx.net, stacks);
  const problem = ctx.problem.bind(ctx);
  const podsBuilt = new Set<string>();
  for (const host of ctx.facts.hosts()) {
    const seen = (["linux.interface", "linux.address", "frr.route", "frr.bgp-path"] as const).some((k) => ctx.facts.of(k, host).length > 0);
    if (!seen) continue;
    const evidence = hostEvidence(ctx.facts, host);
    const frr = applyFrr(ctx.facts, evidence, problem);
    const names = nameHost(ctx, host, evidence, frr);
    if (names.pod !== "") podsBuilt.add(names.pod);
    complete(evidence);
    stacks.push(buildStack(ctx, evidence, names));
  }
  for (const pod of ctx.facts.all("k8s.pod")) {
    const name = podName(pod.data);
    if (podsBuilt.has(name) || ctx.net.findDevice(name)) continue;
    const evidence = podEvidence(ctx, pod);
    if (!evidence) continue;
    complete(evidence);
    stacks.push(buildStack(ctx, evidence, { name, aliases: [pod.data.name], kind: "pod", node: pod.data.node, pod: name }));
  }
}

/** Stage `linked`. */
export function lowerLinked(ctx: LowerContext): void {
  for (const { stack, sockets } of waiting.get(ctx.net) ?? []) {
    fillNeighbours(stack);
    buildTunnels(stack, sockets);
  }
  waiting.delete(ctx.net);
}

function nameHost(ctx: LowerContext, host: string, evidence: HostEvidence, frr: boolean): Names {
  const node = ctx.nodeOf(host);
  if (node !== "") return { name: host, aliases: node === host ? [] : [node], kind: "host", node, pod: "" };
  const folder = /^pods\/(.+)$/.exec(host)?.[1];
  const pod = podWith(ctx.facts, evidence);
  if (pod) {
    const name = podName(pod.data);
    if (!ctx.net.findDevice(name)) return { name, aliases: [folder ?? host], kind: "pod", node: pod.data.node, pod: name };
  }
  if (folder !== undefined) return { name: ctx.net.findDevice(folder) ? host : folder, aliases: [], kind: "pod", node: "", pod: "" };
  return { name: host, aliases: [], kind: frr ? "router" : "host", node: "", pod: "" };
}

function buildStack(ctx: LowerContext, evidence: HostEvidence, names: Names): Built {
  const { net } = ctx;
  const device = net.device({
    name: names.name,
    kind: names.kind,
    host: evidence.host,
    aliases: names.aliases,
    node: names.node,
    pod: names.pod,
  });
  const loopback = evidence.interfaces.find((i) => i.name === "lo")!.number;
  buildPorts(net, device, evidence, loopback);

  const table = (name: string, stage = "hook") => net.table(device, name, stage, "priority").id;
  // Tables that others lead to come first; what is in them follows from the last stage back to the first.
  device.entry = table("arrival");
  device.origin = table("origin");
  const base = {
    net,
    device,
    evidence,
    tracker: net.tracker(`${evidence.host}/linux`, "linux"),
    loopback,
    origin: device.origin,
    neighbours: table("neighbours", "neighbour"),
  };
  const routing = new Routing(base, ctx.problem.bind(ctx));
  const stack: HostStack = { ...base, routing: routing.table(), sourceCheck: buildSourceCheck(base, routing) };
  const inputRouting = table("input routing");
  const forward = table("forwarding", "policy");
  const leaving = table("leaving");
  const prerouting = buildHook(stack, ctx.hooks, "prerouting", inputRouting);
  const { confirm, sockets } = buildInput(stack);
  const input = buildHook(stack, ctx.hooks, "input", confirm);
  const postrouting = buildHook(stack, ctx.hooks, "postrouting", leaving);
  const forwardHook = buildHook(stack, ctx.hooks, "forward", postrouting);
  const outputHook = buildHook(stack, ctx.hooks, "output", postrouting);
  const arp = buildArp(stack);
  buildEntry(stack, device.entry, prerouting, arp.arrival);
  buildInputRouting(stack, inputRouting, input, forward);
  buildForward(stack, forward, forwardHook);
  buildOrigin(stack, outputHook, arp.sending);
  buildLeaving(stack, leaving, prerouting);
  return { stack, sockets };
}

function buildPorts(net: NetworkBuilder, device: Device, evidence: HostEvidence, loopback: number): void {
  for (const i of evidence.interfaces) {
    if (i.number === loopback) {
      net.port(device, i.number, i.name, { kind: "none" }, i.origin);
      continue;
    }
    const { name, mac, peerIndex, linkNetns, ifindex, master, up } = i;
    const addresses = i.addresses.map((a) => ({ address: a.address, prefixLen: a.prefixLen }));
    const pod = device.pod === "" ? {} : { pod: device.pod };
    net.port(
      device,
      i.number,
      name,
      { kind: "netdev", host: evidence.host, name, internal: false, mac, peerIndex, linkNetns, ifindex, master, addresses, up, ...pod },
      i.origin,
    );
  }
}
