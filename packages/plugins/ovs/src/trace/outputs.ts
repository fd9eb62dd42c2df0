/** Where packets go (ofproto-dpif-xlate.c, xlate_output_action, flood_packets, …). */
import type { FieldSlice, LearnAction, OvsAction, PortRef } from "../ast.js";
import { PORT, reservedName } from "../ports.js";
import { type Context, NotTranslated } from "./context.js";
import { controller } from "./controller.js";
import { hex } from "./datapath.js";
import { outputTo, portNumber, portOf } from "./departure.js";
import { loadResult } from "./fields.js";
import { bundleMember, multipathLink } from "./flow-hash.js";
import { normal } from "./normal.js";

export function output(c: Context, ref: PortRef, maxLen: number, last: boolean, truncate: boolean, inBucket: boolean): void {
  const port = portNumber(c, ref);
  const inPort = c.flow.get("in_port");
  switch (port) {
    case PORT.inPort:
      outputTo(c, inPort, last, truncate);
      break;
    case PORT.table:
      c.pipeline.goToTable(c, 0, false);
      break;
    case PORT.normal:
      normal(c);
      break;
    case PORT.flood:
    case PORT.all:
      flood(c, port === PORT.all, last);
      break;
    case PORT.controller:
      controller(c, maxLen, inBucket ? "group" : c.inActionSet ? "action_set" : "action", 0, new Uint8Array(0));
      break;
    case PORT.none:
      break;
    default:
      if (port !== inPort) outputTo(c, port, last, truncate);
      else c.report("warn", "skipping output to input port");
  }
}

export function outputField(c: Context, src: FieldSlice, maxLen: number, last: boolean, inBucket: boolean): void {
  if (!src.slice) throw new NotTranslated(`output to ${src.text}: the field is not held in packets here`);
  const port = c.flow.bits(src.slice);
  if (port > 0xffffn) {
    c.report("warn", `output port ${port} is out of range`);
    return;
  }
  c.report("detail", `output port is ${port}`);
  c.masks.setBits(src.slice, (1n << BigInt(src.slice.n)) - 1n);
  output(c, Number(port), maxLen, last, false, inBucket);
}

const NOT_TRUNCATED = new Set<number>([PORT.table, PORT.normal, PORT.flood, PORT.all, PORT.controller, PORT.none]);

export function outputTrunc(c: Context, ref: PortRef, maxLen: number, last: boolean, inBucket: boolean): void {
  const port = portNumber(c, ref);
  const name = reservedName(port) ?? String(port);
  if (NOT_TRUNCATED.has(port)) {
    c.report("warn", `output_trunc does not support port: ${name}`);
    return;
  }
  if (port === c.flow.get("in_port")) {
    c.report("warn", "skipping output to input port");
    return;
  }
  const p = portOf(c, port);
  if (!p || p.datapath === null) {
    c.report("error", `output_trunc does not support patch port ${name}`);
    return;
  }
  c.out.put(`trunc(${maxLen})`);
  output(c, port, 0, last, true, inBucket);
}

/** FLOOD and ALL, in the order of the bridge's ports. */
function flood(c: Context, all: boolean, last: boolean): void {
  if (c.bridge.portsUnknown) throw new NotTranslated(`which ports ${c.bridge.name} has is not in evidence`);
  const to = [...c.bridge.ports.values()].filter((p) => p.number !== c.flow.get("in_port") && (all || !p.config.includes("NO_FLOOD")));
  to.forEach((p, i) => void outputTo(c, p.number, last && i === to.length - 1));
}

export function enqueue(c: Context, ref: PortRef, queue: number, last: boolean, _inBucket: boolean): void {
  c.consult("skb_priority", 0xffffffff);
  let port = portNumber(c, ref);
  const inPort = c.flow.get("in_port");
  if (port === PORT.inPort) port = inPort;
  else if (port === inPort) return;
  const priority = c.flow.get("skb_priority");
  c.flow.set("skb_priority", queue);
  outputTo(c, port, last);
  c.flow.set("skb_priority", priority);
}

export function setQueue(c: Context, queue: number): void {
  c.consult("skb_priority", 0xffffffff);
  c.flow.set("skb_priority", queue);
}

export function popQueue(c: Context): void {
  c.consult("skb_priority", 0xffffffff);
  if (c.flow.get("skb_priority") === c.skbPriority) return;
  c.flow.set("skb_priority", c.skbPriority);
  c.report("detail", `queue = ${hex(c.skbPriority)}`);
}

/** Without a packet nothing is learned, and what it would learn later packets meet. */
export function learn(c: Context, a: LearnAction): void {
  for (const s of a.specs) if ("src" in s && s.src.slice) c.masks.setBits(s.src.slice, (1n << BigInt(s.src.slice.n)) - 1n);
  if (!c.real) {
    c.report("warn", "suppressing side effects, so learn action ignored");
    return;
  }
  c.notes.push(`learns a flow in table ${a.table}: packets after this one meet it`);
  if (a.resultDst) loadResult(c, a.resultDst, 1);
}

/** Whether packets are sampled, the bridge's configuration tells, which no file here holds. */
export function sample(c: Context, probability: number, collectorSet: number): void {
  c.notes.push(`sample to collector set ${collectorSet} (${Math.round((1000 * probability) / 65535) / 10}%): taken not to be configured`);
}

/** `bundle` and `bundle_load`. */
export function bundle(c: Context, a: Extract<OvsAction, { kind: "bundle" }>, last: boolean, inBucket: boolean): void {
  const members = a.members.map((m) => portNumber(c, m));
  const isLive = members.map((m) => portOf(c, m)?.live ?? false);
  const member = bundleMember(c, a, isLive);
  const live = isLive.filter(Boolean).length;
  if (a.algorithm !== "active_backup" && live > 1) c.events.chosen(c.thread, isLive.slice(0, member).filter(Boolean).length);
  const chosen = member < 0 ? PORT.none : members[member];
  if (a.dst) loadResult(c, a.dst, chosen);
  else output(c, chosen, 0, last, false, inBucket);
}

export function multipath(c: Context, a: Extract<OvsAction, { kind: "multipath" }>): void {
  const link = multipathLink(c, a);
  c.events.chosen(c.thread, link);
  loadResult(c, a.dst, link);
}
