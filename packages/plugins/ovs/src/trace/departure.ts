/** How a packet leaves by a port (ofproto-dpif-xlate.c, compose_output_action__, patch_port_output). */
import { TUNNEL_FIELDS } from "@plumbline/model";
import type { PortRef } from "../ast.js";
import { PORT, reservedName } from "../ports.js";
import { type Context, NotTranslated } from "./context.js";
import { PT } from "./headers.js";
import { sendByTunnel, type Tunnel } from "./tunnel.js";
import type { TracedPort } from "./world.js";

export function portNumber(c: Context, ref: PortRef): number {
  if (typeof ref === "number") return ref;
  for (const p of c.bridge.ports.values()) if (p.name === ref) return p.number;
  throw new NotTranslated(`which number port '${ref}' of ${c.bridge.name} has is not in evidence`);
}

/** The port of that number; undefined if the bridge has none. */
export function portOf(c: Context, number: number): TracedPort | undefined {
  const p = c.bridge.ports.get(number);
  if (p || !c.bridge.portsUnknown) return p;
  return { number, name: reservedName(number) ?? String(number), datapath: number, config: [], live: true, tunnel: null, peer: null };
}

/** A packet leaves by a port, or goes on in the bridge at its other end. */
export function outputTo(c: Context, number: number, last: boolean, truncate = false): void {
  const p = portOf(c, number);
  if (!p) {
    c.report("warn", "Nonexistent output port");
    return;
  }
  if (p.config.includes("NO_FWD")) {
    c.report("detail", "OFPPC_NO_FWD set, skipping output");
    return;
  }
  if (p.peer) {
    if (truncate) c.report("error", "Cannot truncate output to patch port");
    patch(c, p, last);
    return;
  }
  if (c.flow.get("packet_type") !== PT.eth) {
    c.report("warn", "Trying to send non-Ethernet packet through legacy L2 port. Dropping packet.");
    return;
  }
  if (p.datapath === null) return;
  if (p.tunnel) {
    byTunnel(c, p, p.tunnel);
    return;
  }
  leave(c, p);
}

function leave(c: Context, p: TracedPort): void {
  c.commit();
  c.out.put(String(p.datapath));
  c.departures.push({ bridge: c.bridge.name, port: p.number, flow: c.flow.copy() });
}

/** What the packet gets for the tunnel, it has no longer behind it, unless it did not leave. */
function byTunnel(c: Context, p: TracedPort, t: Tunnel): void {
  const { flow } = c;
  const before = flow.copy();
  if (sendByTunnel(c, t)) {
    const departing = flow.copy();
    for (const f of TUNNEL_FIELDS) flow.set(f, before.big(f));
    flow.options = before.options;
    leave(c, p);
    c.departures.at(-1)!.flow.become(departing);
  }
  flow.set("pkt_mark", before.get("pkt_mark"));
}

/** patch_port_output: the peer's tables, with a clean slate; what goes wrong there stays there. */
function patch(c: Context, p: TracedPort, last: boolean): void {
  const peer = p.peer!;
  const flow = c.flow.copy();
  const { stack, actionSet, trace, bridge, thread, wasMpls, conntracked, rule, cookie, table, drift } = c;
  c.thread = c.events.patch(thread, p.number);
  c.stack = [];
  c.actionSet = [];
  c.flow.set("in_port", peer.port);
  for (const f of ["metadata", ...TUNNEL_FIELDS, ...Array.from({ length: 16 }, (_, i) => `reg${i}`)]) c.flow.set(f, 0);
  c.flow.options = 0;
  c.flow.set("actset_output", PORT.unset);
  c.conntracked = false;
  c.flow.clearConnection();
  const node = c.report("bridge", `bridge("${peer.bridge.name}")`);
  c.trace = node.subs;
  c.bridge = peer.bridge;
  c.pipeline.goToTable(c, 0, last, { inPort: null, swapped: false }, c.pipeline.asClone);
  c.pipeline.endOfPipeline(c);
  c.trace = trace;
  c.flow.become(flow);
  Object.assign(c, { stack, actionSet, bridge, thread, wasMpls, conntracked, rule, cookie, table, drift, exit: false, error: null });
}
