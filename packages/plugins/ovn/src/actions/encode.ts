/**
 * Logical actions as the OpenFlow actions that ovn-controller makes of them (lib/actions.c of OVN, ovnacts_encode).
 *
 * Groups and meters are made on the way: their texts name them.
 */
import { type PacketField, resolveField } from "../expr/fields.js";
import { PACKET_FIELDS } from "../expr/logical-fields.js";
import type { IntegerConstant } from "../expr/token.js";
import type { LogicalAction, NestName } from "./ast.js";
import { encodeCtLb, encodeFwdGroup, encodeSelect } from "./encode-groups.js";
import { encodeCommitEcmpNh, encodeCommitLbAff, encodeSample } from "./encode-learn.js";
import {
  encodeChkEvpnArp,
  encodeGetFdb,
  encodeGetMac,
  encodeLookupFdb,
  encodeLookupMac,
  encodePutFdb,
  encodePutMac,
  encodeResult,
} from "./encode-lookup.js";
import { type EncodeContext, Encoder, INPORT, OUTPORT, ones } from "./encoder.js";
import { addressText } from "./format.js";
import type { CtNat, OpenFlowAction } from "./openflow.js";
import { dhcpRelayUserdata, eventUserdata, logUserdata, OPCODE, putOptsUserdata, userdata } from "./userdata.js";
import { Bytes, wireActions } from "./wire.js";

type Of<T extends LogicalAction["type"]> = Extract<LogicalAction, { type: T }>;

/** Throws {@link NoWireForm} where nested actions hold something whose bytes are not known here. */
export function encodeActions(actions: readonly LogicalAction[], context: EncodeContext): OpenFlowAction[] {
  const e = new Encoder(context);
  for (const a of actions) encode(e, a);
  return e.out;
}

/** Packets that wait at ovn-controller, and come back. */
const PAUSES: ReadonlySet<NestName> = new Set<NestName>(["arp", "nd_ns"]);

function encode(e: Encoder, a: LogicalAction): void {
  const nested = (actions: readonly LogicalAction[]) => encodeActions(actions, e.context);
  switch (a.type) {
    case "plain":
      encodePlain(e, a.name);
      break;
    case "next":
      e.resubmit(e.logicalTable(a.table, a.pipeline));
      break;
    case "load":
      encodeLoad(e, a);
      break;
    case "controller load":
      encodeControllerLoad(e, a);
      break;
    case "move":
      e.add({ op: "move", src: resolveField(a.src), dst: resolveField(a.dst) });
      break;
    case "exchange": {
      const [x, y] = [resolveField(a.a), resolveField(a.b)];
      e.add({ op: "push", field: y }, { op: "push", field: x }, { op: "pop", field: y }, { op: "pop", field: x });
      break;
    }
    case "push":
    case "pop":
      e.add({ op: a.type, field: resolveField(a.field) });
      break;
    case "nest":
      if (a.name === "clone") e.add({ op: "clone", actions: nested(a.actions) });
      else {
        const body = userdata(OPCODE[a.name]).put(wireActions(nested(a.actions)));
        e.controller(body.done(), e.context.form.pauses && PAUSES.has(a.name));
      }
      break;
    case "ct_next":
      e.ct(e.zoneOf(a.zone), { table: e.logicalTable(a.table) });
      break;
    case "ct_commit":
      e.ct(e.zoneOf(undefined), { commit: true, nat: commitNat(e), exec: nested(a.actions) });
      break;
    case "ct_commit old": {
      const { ct_mark, ct_label } = PACKET_FIELDS;
      const exec = [...(a.mark ? [setConnection(ct_mark, a.mark)] : []), ...(a.label ? [setConnection(ct_label, a.label)] : [])];
      e.ct(e.zone("port"), { commit: true, nat: commitNat(e), exec });
      break;
    }
    case "ct_commit_to_zone":
      e.ct(e.zoneOf(a.zone), { commit: true, table: e.logicalTable(a.table) });
      break;
    case "ct_commit_nat":
      e.ct(e.zoneOf(a.zone), { commit: true, table: e.logicalTable(a.table), nat: { type: "existing" } });
      break;
    case "ct_nat":
      encodeCtNat(e, a);
      break;
    case "ct_lb":
      encodeCtLb(e, a);
      break;
    case "select":
      encodeSelect(e, a);
      break;
    case "get_mac":
      encodeGetMac(e, a);
      break;
    case "put_mac":
      encodePutMac(e, a);
      break;
    case "lookup_mac":
      encodeLookupMac(e, a);
      break;
    case "put_fdb":
      encodePutFdb(e, a);
      break;
    case "get_fdb":
      encodeGetFdb(e, a);
      break;
    case "lookup_fdb":
      encodeLookupFdb(e, a);
      break;
    case "chk_evpn_arp":
      encodeChkEvpnArp(e, a);
      break;
    case "result":
      encodeResult(e, a);
      break;
    case "check_pkt_larger":
      e.add({ op: "check_pkt_larger", length: a.length, dst: resolveField(a.dst) });
      break;
    case "put_opts":
      e.controller(putOptsUserdata(a), true);
      break;
    case "dhcp_relay":
      e.controller(dhcpRelayUserdata(a), true);
      break;
    case "set_queue":
      e.add({ op: "set_queue", queue: a.queue });
      break;
    case "set_meter":
      encodeSetMeter(e, a);
      break;
    case "log":
      e.controller(logUserdata(a));
      break;
    case "trigger_event":
      e.controller(eventUserdata(a));
      break;
    case "bind_vport": {
      const key = e.context.lookupPort(a.vport);
      const body = userdata(OPCODE.bind_vport);
      if (key !== undefined) e.withArguments([{ src: resolveField(a.parent), dst: INPORT }], () => e.controller(body.u32(key).done()));
      break;
    }
    case "handle_svc_check":
      e.withArguments([{ src: resolveField(a.port), dst: INPORT }], () => e.controller(userdata(OPCODE.handle_svc_check).done()));
      break;
    case "fwd_group":
      encodeFwdGroup(e, a);
      break;
    case "commit_ecmp_nh":
      encodeCommitEcmpNh(e, a);
      break;
    case "commit_lb_aff":
      encodeCommitLbAff(e, a);
      break;
    case "sample":
      encodeSample(e, a);
      break;
    case "mirror":
      encodeMirror(e, a);
  }
}

function encodePlain(e: Encoder, name: Of<"plain">["name"]): void {
  const { tables } = e.context;
  switch (name) {
    case "output":
      e.resubmit(e.outputTable());
      break;
    case "ip.ttl--":
      e.add({ op: "dec_ttl" });
      break;
    case "ct_clear":
      e.add({ op: "ct_clear" });
      break;
    case "ct_snat_to_vip":
      e.resubmit(tables.ctSnatToVip);
      break;
    case "mac_cache_use":
      e.resubmit(tables.macCacheUse);
      break;
    case "flood_remote":
      e.resubmit(tables.floodRemote);
      break;
    default:
      e.controller(userdata(OPCODE[name]).done());
  }
}

/** An unknown port's name is 0. */
function encodeLoad(e: Encoder, a: Of<"load">): void {
  const { field, ofs, bits } = resolveField(a.dst);
  if (typeof a.value === "string") {
    e.set(field, BigInt(e.context.lookupPort(a.value) ?? 0));
    return;
  }
  const mask = (a.value.mask ?? ones(bits)) & ones(bits);
  e.set(field, (a.value.value & ones(bits)) << BigInt(ofs), mask << BigInt(ofs));
}

/** `nat(src)` without an address: source ports change where connections would clash. */
function commitNat(e: Encoder): CtNat | undefined {
  return e.context.zeroSnat ? { type: "src", address: "", low: 0, high: 0 } : undefined;
}

/** Numbers of the fields in notes, and opcodes where they are sent. */
const CONTROLLER_FIELDS: { readonly [name: string]: { readonly note?: number; readonly opcode: number } } = {
  "icmp4.frag_mtu": { note: 0, opcode: OPCODE["icmp4.frag_mtu"] },
  "icmp6.frag_mtu": { note: 1, opcode: OPCODE["icmp6.frag_mtu"] },
  "icmp4.inner_ip4.src": { opcode: OPCODE["icmp4.inner_ip4.src"] },
  "icmp6.inner_ip6.src": { opcode: OPCODE["icmp6.inner_ip6.src"] },
};

/** Noted in the actions, for ovn-controller to read when the packet comes; or sent there at once. */
function encodeControllerLoad(e: Encoder, a: Of<"controller load">): void {
  const { name, width } = a.dst.symbol;
  const { note, opcode } = CONTROLLER_FIELDS[name]!;
  const noted = note !== undefined && e.context.form.mtuNotes;
  const bytes = noted ? new Bytes().text("ovn").u8(0).u16(note).u16(0) : userdata(opcode);
  bytes.big(a.value.value, width / 8);
  if (noted) e.add({ op: "note", bytes: bytes.done() });
  else e.controller(bytes.done(), true);
}

function encodeCtNat(e: Encoder, a: Of<"ct_nat">): void {
  const type = a.name.startsWith("ct_snat") ? "src" : "dst";
  const { address, ports } = a;
  const nat: CtNat = address ? { type, address: addressText(address), low: ports?.low ?? 0, high: ports?.high ?? 0 } : { type: "existing" };
  const zone = e.zone(a.name === "ct_snat" ? "snat" : "dnat");
  e.ct(zone, { commit: address !== undefined, table: e.logicalTable(a.table), nat });
}

function encodeSetMeter(e: Encoder, { rate, burst }: Of<"set_meter">): void {
  const text = burst > 0n ? `kbps burst stats bands=type=drop rate=${rate} burst_size=${burst}` : `kbps stats bands=type=drop rate=${rate}`;
  e.add({ op: "meter", id: e.context.meterId(text) });
}

/** OFPP_ANY, which ofproto writes for no port. */
const NO_PORT = 0n;

function encodeMirror(e: Encoder, a: Of<"mirror">): void {
  const key = e.context.lookupPort(a.port);
  if (key === undefined) return;
  const inner = new Encoder(e.context);
  inner.set(PACKET_FIELDS.in_port, NO_PORT);
  inner.set(OUTPORT, BigInt(key));
  inner.resubmit(e.context.tables.mirror);
  e.add({ op: "clone", actions: inner.out });
}

function setConnection(field: PacketField, c: IntegerConstant): OpenFlowAction {
  return { op: "set_field", field, value: c.value, mask: c.mask ?? ones(field.bits) };
}
