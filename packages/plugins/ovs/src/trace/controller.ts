/** What controllers are told (ofproto-dpif-xlate.c, xlate_controller_action). */
import type { Context } from "./context.js";
import { hex } from "./datapath.js";
import { frozenState } from "./frozen.js";

/** Reasons of a packet-in, as numbered (openflow-common.h, OFPR_*). */
const REASON: Record<string, number> = { no_match: 0, action: 1, invalid_ttl: 2, action_set: 3, group: 4, packet_out: 5, explicit_miss: 6 };

/** What a controller is told, and whether the pipeline waits for it. */
export interface ToController {
  readonly maxLen: number;
  readonly reason: string;
  readonly id: number;
  readonly recirc: number;
  readonly continuation: boolean;
}

export function toController(c: Context, m: ToController): void {
  c.toController = true;
  const reason = REASON[m.reason] ?? REASON.action;
  const about = [
    `reason=${reason}`,
    `dont_send=${c.real ? 0 : 1}`,
    `continuation=${m.continuation ? 1 : 0}`,
    `recirc_id=${m.recirc}`,
    `rule_cookie=${hex(c.cookie)}`,
    `controller_id=${m.id}`,
    `max_len=${m.maxLen}`,
  ];
  c.out.put(`userspace(pid=0,controller(${about.join(",")}))`, 56);
}

export function controller(c: Context, maxLen: number, reason: string, id: number, userdata: Uint8Array): void {
  c.commit();
  const { frozen } = c;
  c.frozen = [];
  // Sent by a table's last resort, it is a miss that somebody asked for.
  const miss = reason === "action" && c.rule !== null && c.rule.flow.priority === 0 && c.rule.match === "";
  const { id: recirc } = c.ids.take(`controller;${frozenState(c, c.table)};${Buffer.from(userdata).toString("hex")}`);
  c.frozen = frozen;
  toController(c, { maxLen, reason: miss ? "explicit_miss" : reason, id, recirc, continuation: false });
}
