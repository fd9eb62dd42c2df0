/** `ct` and `ct_clear` (ofproto-dpif-xlate.c, compose_conntrack_action). */
import { ipv4Text, ipv6Text } from "@plumbline/model";
import type { CtSpec } from "../ast.js";
import { natActionText } from "./action-text.js";
import { type Context, DRIFT, NotTranslated } from "./context.js";
import { ctText } from "./datapath.js";
import { frozenState } from "./frozen.js";
import { ETH, type Headers } from "./headers.js";

const MARK_BITS = 0xffffffffn;

export function ct(c: Context, a: CtSpec, last: boolean): void {
  const zone = zoneOf(c, a);
  c.commit();
  const masks = { mark: c.masks.big("ct_mark"), label: c.masks.big("ct_label") };
  c.masks.set("ct_mark", 0);
  c.masks.set("ct_label", 0);
  nestedActions(c, a, last);
  const mark = { value: Number(c.flow.big("ct_mark") & c.masks.big("ct_mark") & MARK_BITS), mask: Number(c.masks.big("ct_mark")) };
  const label = { value: c.flow.big("ct_label") & c.masks.big("ct_label"), mask: c.masks.big("ct_label") };
  c.out.put(ctText(a, zone, mark, label), 32);
  c.masks.set("ct_mark", masks.mark);
  c.masks.set("ct_label", masks.label);
  if (a.table !== null) fork(c, a, zone);
  c.flow.clearConnection();
  c.report("detail", "Sets the packet to an untracked state, and clears all the conntrack fields.");
  c.conntracked = false;
}

function zoneOf(c: Context, a: CtSpec): number {
  if (typeof a.zone === "number") return a.zone;
  const { slice } = a.zone;
  if (!slice) throw new NotTranslated(`ct in the zone of ${a.zone.text}: the field is not held in packets here`);
  c.masks.setBits(slice, (1n << BigInt(slice.n)) - 1n);
  return Number(c.flow.bits(slice)) & 0xffff;
}

/** `nat` and `exec` are actions inside, to OVS. */
function nestedActions(c: Context, a: CtSpec, last: boolean): void {
  if (a.nat) c.report("action", natActionText(a.nat));
  if (a.exec.length > 0 || !a.nat) c.pipeline.runActions(c, a.exec, last);
}

function fork(c: Context, a: CtSpec, zone: number): void {
  if (typeof a.table !== "number") throw new NotTranslated(`which number table '${a.table}' has is not in evidence`);
  c.conntracked = true;
  const { frozen } = c;
  const { id, key } = c.ids.take(frozenState(c, a.table));
  c.ids.hold(key);
  c.out.put(`recirc(0x${id.toString(16)})`);
  const flow = c.flow.copy();
  flow.set("recirc_id", id);
  flow.set("ct_zone", zone);
  c.forks.push({
    thread: c.events.fork(c.thread),
    recirc: id,
    key,
    bridge: c.bridge,
    table: a.table,
    flow,
    stack: [...c.stack],
    actionSet: [...c.actionSet],
    frozen,
    nat: a.nat && simulatedNat(flow, a.nat),
    lost: a.nat?.portMin && flow.isIp && (flow.isIcmp4 || flow.isIcmp6) ? DRIFT.icmp : null,
    drift: c.drift ?? (a.nat?.min !== undefined && flow.ethType !== (a.nat.family === 6 ? ETH.ipv6 : ETH.ip) ? DRIFT.family : null),
  });
  c.cancelFreeze();
  c.report("detail", `A clone of the packet is forked to recirculate. The forked pipeline will be resumed at table ${a.table}.`);
}

/** `ofproto/trace` takes a packet to be translated to the first address and port of the range. */
function simulatedNat(flow: Headers, nat: NonNullable<CtSpec["nat"]>): { before: string; after: string } {
  if (nat.type === "existing" || nat.min === undefined) return { before: "", after: "" };
  const v6 = nat.family === 6;
  const text = () =>
    v6
      ? `ipv6_src=[${ipv6Text(flow.big("ipv6_src"))}],tp_src=${flow.get("tp_src")},ipv6_dst=[${ipv6Text(flow.big("ipv6_dst"))}],tp_dst=${flow.get("tp_dst")}`
      : `nw_src=${ipv4Text(flow.get("ip_src"))},tp_src=${flow.get("tp_src")},nw_dst=${ipv4Text(flow.get("ip_dst"))},tp_dst=${flow.get("tp_dst")}`;
  const before = text();
  flow.set(`${v6 ? "ipv6" : "ip"}_${nat.type}`, nat.min);
  if (nat.portMin) flow.set(`tp_${nat.type}`, nat.portMin);
  return { before, after: text() };
}

/** compose_ct_clear_action. */
export function ctClear(c: Context): void {
  c.conntracked = false;
  c.flow.clearConnection();
  c.out.put("ct_clear", 4);
}
