/** Labels, TTLs and outer headers (compose_mpls_push_action and its like in ofproto-dpif-xlate.c; lib/flow.c). */
import type { OvsAction } from "../ast.js";
import type { Context } from "./context.js";
import { controller } from "./controller.js";
import { ETH, PT } from "./headers.js";

const MAX_LABELS = 3;
const DSCP = 0xfc;
const BOS = 0x100;
/** packet_type of what stands behind an NSH header, by its next protocol. */
const NSH_NEXT: Record<number, number> = { 1: 0x10800, 2: 0x186dd, 3: PT.eth, 4: PT.nsh };
const NSH_PROTOCOL: Record<number, number> = { 67584: 1, 100061: 2, [PT.eth]: 3, [PT.nsh]: 4 };

/** flow_count_mpls_labels: reads the stack down to its end. */
function depth(c: Context): number {
  const n = c.flow.mplsDepth;
  for (let i = 0; i < n; i++) c.consult(["mpls_lse", "mpls_lse1", "mpls_lse2"][i], BOS);
  return n;
}

export function pushMpls(c: Context, ethertype: number): void {
  const n = depth(c);
  if (n === 0) c.commit();
  else if (n >= MAX_LABELS) {
    if (c.real)
      c.report(
        "error",
        `dropping packet on which an MPLS push action can't be performed as it would have more MPLS LSEs than the ${MAX_LABELS} supported.`,
      );
    c.error = "labels";
    return;
  }
  if (n === 0 && c.flow.isIp) {
    c.consult("nw_tos", DSCP);
    c.consult("ip_ttl", 0xff);
  }
  for (let i = 0; i < n; i++) c.consult(["mpls_lse", "mpls_lse1", "mpls_lse2"][i], 0xffffffff);
  c.flow.pushMpls(ethertype, true);
}

export function popMpls(c: Context, ethertype: number): void {
  const n = depth(c);
  for (let i = 1; i < n; i++) c.consult(["mpls_lse", "mpls_lse1", "mpls_lse2"][i], 0xffffffff);
  if (c.flow.popMpls(ethertype)) {
    if (ethertype !== ETH.mpls && ethertype !== ETH.mplsm) c.wasMpls = true;
  } else if (n >= MAX_LABELS) {
    if (c.real)
      c.report(
        "error",
        `dropping packet on which an MPLS pop action can't be performed as it has more MPLS LSEs than the ${MAX_LABELS} supported.`,
      );
    c.error = "labels";
    c.out.clear();
  }
}

/** Returns true if this list of actions ends here. */
export function decTtl(c: Context, controllers: readonly number[]): boolean {
  const { flow } = c;
  c.consult("ip_ttl", 0xff);
  if (!flow.isIp) return false;
  const ttl = flow.get("ip_ttl");
  if (ttl > 1) {
    flow.set("ip_ttl", ttl - 1);
    return false;
  }
  for (const id of controllers.length > 0 ? controllers : [0]) controller(c, 0xffff, "invalid_ttl", id, new Uint8Array(0));
  c.report("warn", `IPv${flow.ethType === ETH.ip ? 4 : 6} decrement TTL exception`);
  expire(c);
  return true;
}

/** The run says that a TTL expired by a clone that is dropped (`lower/layers.ts`). */
function expire(c: Context): void {
  c.events.clone(c.thread);
}

export function decMplsTtl(c: Context): boolean {
  const { flow } = c;
  if (flow.isMpls) {
    c.consult("mpls_lse", 0xff);
    const ttl = flow.lse(0) & 0xff;
    if (ttl > 1) {
      flow.setLse(0, flow.lse(0) - 1);
      return false;
    }
    controller(c, 0xffff, "invalid_ttl", 0, new Uint8Array(0));
  }
  c.report("warn", "MPLS decrement TTL exception");
  expire(c);
  return true;
}

export function decNshTtl(c: Context): boolean {
  const { flow } = c;
  if (flow.get("packet_type") === PT.nsh || flow.ethType === ETH.nsh) {
    c.consult("nsh_ttl", 0xff);
    if (flow.get("nsh_ttl") > 1) {
      flow.set("nsh_ttl", flow.get("nsh_ttl") - 1);
      return false;
    }
    controller(c, 0xffff, "invalid_ttl", 0, new Uint8Array(0));
  }
  c.report("warn", "NSH decrement TTL exception");
  expire(c);
  return true;
}

export function encap(c: Context, a: Extract<OvsAction, { kind: "encap" }>): void {
  const { flow } = c;
  c.commit();
  if (a.packetType === PT.eth) {
    c.consult("packet_type", 0xffffffff);
    const type = flow.get("packet_type");
    if (type >>> 16 === 1) {
      flow.set("packet_type", PT.eth);
      flow.set("eth_src", 0);
      flow.set("eth_dst", 0);
      flow.set("eth_type", type & 0xffff);
    } else c.error = "packetType";
  } else if (a.packetType === PT.nsh) pushNsh(c, a);
  else pushMplsHeader(c, a.packetType);
  if (!c.error) c.pendingEncap = true;
}

function pushNsh(c: Context, a: Extract<OvsAction, { kind: "encap" }>): void {
  const { flow } = c;
  const np = NSH_PROTOCOL[flow.get("packet_type")];
  if (np === undefined) {
    c.error = "packetType";
    return;
  }
  c.consult("packet_type", 0xffffffff);
  flow.hideFrame();
  const md2 = a.mdType === 2;
  const header = { nsh_flags: 0, nsh_ttl: 63, nsh_np: np, nsh_spi: 0, nsh_si: 255, nsh_mdtype: md2 ? 2 : 1 };
  flow.set("packet_type", PT.nsh);
  flow.set("eth_type", ETH.nsh);
  for (const [name, value] of Object.entries(header)) flow.set(name, value);
  c.nshOptions = md2 ? a.tlvs.map(optionText).join("") : "";
}

/** An option as it stands in the header, in hexadecimal, filled up to four bytes. */
function optionText(t: { class: number; type: number; value: Uint8Array }): string {
  const bytes = [t.class >> 8, t.class & 0xff, t.type, t.value.length, ...t.value];
  while (bytes.length % 4) bytes.push(0);
  return bytes.map((b) => b.toString(16).padStart(2, "0")).join("");
}

function pushMplsHeader(c: Context, packetType: number): void {
  const { flow } = c;
  if (depth(c) >= MAX_LABELS) {
    c.error = "labels";
    return;
  }
  c.consult("packet_type", 0xffffffff);
  if (flow.get("packet_type") === PT.eth && flow.ethType === ETH.mpls) for (let i = 0; i < MAX_LABELS; i++) flow.setLse(i, 0);
  flow.set("packet_type", packetType);
  flow.pushMpls(packetType & 0xffff, true);
  flow.set("eth_src", 0);
  flow.set("eth_dst", 0);
}

/** Returns true if the packet must be parsed anew. */
export function decap(c: Context, wanted: number | null): boolean {
  const { flow } = c;
  c.commit();
  const type = flow.get("packet_type");
  if (type === PT.eth) {
    if (flow.isTagged) c.error = "packetType";
    else {
      flow.set("packet_type", (1 << 16) | flow.ethType);
      flow.set("eth_src", 0);
      flow.set("eth_dst", 0);
    }
    return false;
  }
  if (type === PT.nsh) {
    const next = NSH_NEXT[flow.get("nsh_np")];
    if (next === undefined) {
      c.error = "packetType";
      return false;
    }
    flow.set("packet_type", next);
    c.consult("nsh_np", 0xff);
    c.pendingDecap = true;
    return true;
  }
  if (type === 0x18847 || type === 0x18848) {
    const n = depth(c);
    flow.set("packet_type", wanted ?? PT.eth);
    if (flow.popMpls((wanted ?? 0) & 0xffff || 0x6558)) {
      c.pendingDecap = true;
      return n === 1;
    }
    if (n >= MAX_LABELS) {
      c.error = "labels";
      c.out.clear();
    }
    return false;
  }
  c.error = "packetType";
  return false;
}
