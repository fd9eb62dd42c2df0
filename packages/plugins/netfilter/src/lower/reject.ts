/**
 * REJECT: the host's own answer, then the packet's end.
 *
 * The answer is a packet from this host and walks its output path (`ip_local_out` in nf_reject_ipv4.c). The source of an
 * ICMP error is left to routing, as icmp_send does, but at the input hook, where it is the address that was asked. The
 * packet of a connection whose destination was translated just now, and which no table knows yet, is answered in the
 * name of the address that the sender knows; for known connections tracking undoes the translation on the way out.
 */
import { type Action, type Device, slice } from "@plumbline/model";
import type { HookName, RejectWith } from "../ast.js";

/** A goto whose table is known only when the host's stack is complete. */
export interface PendingGoto {
  readonly device: Device;
  readonly action: { op: "goto"; table: number; unwind: true };
}

export interface RejectContext {
  readonly device: Device;
  readonly hook: HookName;
  readonly pending: PendingGoto[];
}

const NAMES4: Readonly<Record<number, string>> = { 0: "net", 1: "host", 2: "protocol", 3: "port" };

/** The answer to packets of one family, or null if there is none for it. `translated`: undo the destination's translation first. */
export function rejectActions(w: RejectWith, family: 4 | 6, translated: boolean, ctx: RejectContext): Action[] | null {
  const v6 = family === 6;
  const origin: { op: "goto"; table: number; unwind: true } = { op: "goto", table: ctx.device.origin, unwind: true };
  ctx.pending.push({ device: ctx.device, action: origin });
  const leave: Action[] = [
    // net.ipv4.ip_default_ttl: what the kernel sends itself has the TTL of all its packets.
    { op: "set", dst: slice("ip_ttl"), value: 64n },
    { op: "set", dst: slice("reg7"), value: 0n },
    { op: "set", dst: slice("in_port"), value: 0n },
    origin,
  ];
  let emit: Action;
  let reason: string;
  if (w.kind === "tcp-reset") {
    emit = { op: "emit", kind: "tcp-reset", icmpType: 0, icmpCode: 0, swap: true, then: leave };
    reason = "rejected with a TCP reset";
  } else {
    const answer = v6 ? w.v6 : w.v4;
    if (!answer) return null;
    const anySource: Action = { op: "set", dst: slice(v6 ? "ipv6_src" : "ip_src"), value: 0n };
    emit = {
      op: "emit",
      kind: "icmp-error",
      icmpType: answer[0],
      icmpCode: answer[1],
      swap: true,
      then: ctx.hook === "input" ? leave : [anySource, ...leave],
    };
    reason = `rejected with ICMP${v6 ? "v6" : ""} type ${answer[0]} code ${answer[1]}${!v6 && NAMES4[answer[1]] ? ` (${NAMES4[answer[1]]} unreachable)` : ""}`;
  }
  const end: Action = { op: "drop", reason, rejected: true };
  if (!translated) return [emit, end];
  const address = slice(v6 ? "ipv6_dst" : "ip_dst");
  const port = slice("tp_dst");
  return [
    { op: "push", src: address },
    { op: "push", src: port },
    { op: "move", src: slice(v6 ? "ct_ipv6_dst" : "ct_nw_dst"), dst: address },
    { op: "move", src: slice("ct_tp_dst"), dst: port },
    emit,
    { op: "pop", dst: port },
    { op: "pop", dst: address },
    end,
  ];
}
