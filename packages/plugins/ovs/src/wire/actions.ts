/**
 * OpenFlow actions from their bytes, as they stand in messages and in the `userdata` that OVN gives its controller
 * (lib/ofp-actions.c; include/openvswitch/nicira-ext.h). Standard actions of OpenFlow 1.0 to 1.5 and Nicira's extensions.
 *
 * Promise: every input gives a list. An action that is not understood becomes one of kind `bad` in its place; where its
 * length cannot be right, decoding ends there.
 */
import type { FieldSlice, OvsAction, PortRef, SetForm } from "../ast.js";
import { wholeField } from "../fields.js";
import { outputTo } from "../parse/outputs.js";
import { setTo, setWhole, vlanPcp, vlanVid } from "../parse/setField.js";
import { port16 } from "../ports.js";
import { decodeNicira, NICIRA } from "./nicira.js";
import { readBig, readOxmHeader } from "./oxm.js";
import { fieldOf, Malformed, malformed, type Reader } from "./reader.js";

export type OpenFlowVersion = "1.0" | "1.1" | "1.2" | "1.3" | "1.4" | "1.5";

export interface DecodedActions {
  readonly actions: OvsAction[];
  /** What was wrong, with the offset in bytes. */
  readonly problems: { readonly offset: number; readonly message: string }[];
}

const ONF = 0x4f4e4600;

/** Decodes a list of actions. OVN writes OpenFlow 1.5. */
export function decodeActions(bytes: Uint8Array, version: OpenFlowVersion = "1.5"): DecodedActions {
  const actions: OvsAction[] = [];
  const problems: DecodedActions["problems"] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    try {
      if (at + 4 > bytes.length) throw malformed(`${bytes.length - at} bytes are left over`);
      const size = view.getUint16(at + 2);
      if (size < 8 || size % 8 !== 0 || at + size > bytes.length) {
        problems.push({ offset: at, message: `an action of ${size} bytes` });
        actions.push({ kind: "bad", text: hex(bytes.subarray(at)), message: `an action cannot have ${size} bytes here` });
        break;
      }
      const part = new DataView(bytes.buffer, bytes.byteOffset + at, size);
      const r: Reader = { view: part, size, nested: (from, to) => nested(part, from, to, version, at, problems) };
      const type = view.getUint16(at);
      actions.push(type === 0xffff ? experimenter(r) : version === "1.0" ? standard10(type, r) : standard11(type, r));
      at += size;
    } catch (e) {
      // A RangeError is a read beyond the action's bytes.
      if (!(e instanceof Malformed || e instanceof RangeError)) throw e;
      const message = e instanceof Malformed ? e.message : "an action that is too short";
      problems.push({ offset: at, message });
      const size = at + 4 <= bytes.length ? view.getUint16(at + 2) : bytes.length - at;
      actions.push({ kind: "bad", text: hex(bytes.subarray(at, at + size)), message });
      at += Math.max(8, size);
    }
  }
  return { actions, problems };
}

function nested(
  part: DataView,
  from: number,
  to: number,
  version: OpenFlowVersion,
  base: number,
  problems: DecodedActions["problems"],
): OvsAction[] {
  const inner = decodeActions(new Uint8Array(part.buffer, part.byteOffset + from, to - from), version);
  for (const p of inner.problems) problems.push({ offset: base + from + p.offset, message: p.message });
  return inner.actions;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 16), (b) => b.toString(16).padStart(2, "0")).join(".");
}

function experimenter(r: Reader): OvsAction {
  const vendor = r.view.getUint32(4);
  if (vendor === NICIRA) return decodeNicira(r);
  if (vendor === ONF && r.view.getUint16(8) === 3200) return copyField(r, 12, 20);
  throw malformed(`experimenter 0x${vendor.toString(16)} is not known`);
}

function port(n: number): PortRef {
  return port16(n);
}

/** The fields of actions that write one. */
const WRITTEN = {
  mod_dl_src: "eth_src",
  mod_dl_dst: "eth_dst",
  mod_nw_src: "ip_src",
  mod_nw_dst: "ip_dst",
  mod_nw_tos: "nw_tos",
  mod_nw_ecn: "nw_ecn",
  mod_nw_ttl: "nw_ttl",
  mod_tp_src: "tcp_src",
  mod_tp_dst: "tcp_dst",
  set_mpls_label: "mpls_label",
  set_mpls_tc: "mpls_tc",
  set_mpls_ttl: "mpls_ttl",
} as const satisfies Partial<Record<SetForm, string>>;

function set(form: keyof typeof WRITTEN, value: bigint): OvsAction {
  return setWhole(form, WRITTEN[form], value);
}

/** Numbers of OpenFlow 1.0 (OFPAT10_*). */
function standard10(type: number, r: Reader): OvsAction {
  const v = r.view;
  switch (type) {
    case 0:
      return output(v.getUint16(4), v.getUint16(6));
    case 1:
      return vlanVid("mod_vlan_vid", v.getUint16(4));
    case 2:
      return vlanPcp("mod_vlan_pcp", v.getUint8(4));
    case 3:
      return { kind: "popVlan", form: "strip_vlan" };
    case 4:
      return set("mod_dl_src", readBig(v, 4, 6));
    case 5:
      return set("mod_dl_dst", readBig(v, 4, 6));
    case 6:
      return set("mod_nw_src", BigInt(v.getUint32(4)));
    case 7:
      return set("mod_nw_dst", BigInt(v.getUint32(4)));
    case 8:
      return set("mod_nw_tos", BigInt(v.getUint8(4)));
    case 9:
      return set("mod_tp_src", BigInt(v.getUint16(4)));
    case 10:
      return set("mod_tp_dst", BigInt(v.getUint16(4)));
    case 11:
      return { kind: "enqueue", port: port(v.getUint16(4)), queue: v.getUint32(12) };
    default:
      throw malformed(`there is no action ${type} in OpenFlow 1.0`);
  }
}

function output(n: number, maxLen: number): OvsAction {
  const a = outputTo(port16(n));
  return a.kind === "output" && a.maxLen !== undefined ? { ...a, maxLen } : a;
}

/** Numbers of OpenFlow 1.1 and later (OFPAT11_* to OFPAT15_*). */
function standard11(type: number, r: Reader): OvsAction {
  const v = r.view;
  switch (type) {
    case 0:
      return output(v.getUint32(4), v.getUint16(8));
    case 1:
      return vlanVid("set_vlan_vid", v.getUint16(4));
    case 2:
      return vlanPcp("set_vlan_pcp", v.getUint8(4));
    case 3:
      return set("mod_dl_src", readBig(v, 4, 6));
    case 4:
      return set("mod_dl_dst", readBig(v, 4, 6));
    case 5:
      return set("mod_nw_src", BigInt(v.getUint32(4)));
    case 6:
      return set("mod_nw_dst", BigInt(v.getUint32(4)));
    case 7:
      return set("mod_nw_tos", BigInt(v.getUint8(4)));
    case 8:
      return set("mod_nw_ecn", BigInt(v.getUint8(4)));
    case 9:
      return set("mod_tp_src", BigInt(v.getUint16(4)));
    case 10:
      return set("mod_tp_dst", BigInt(v.getUint16(4)));
    case 13:
      return set("set_mpls_label", BigInt(v.getUint32(4)));
    case 14:
      return set("set_mpls_tc", BigInt(v.getUint8(4)));
    case 15:
      return set("set_mpls_ttl", BigInt(v.getUint8(4)));
    case 16:
      return { kind: "decMplsTtl" };
    case 17:
      return { kind: "pushVlan", ethertype: v.getUint16(4) };
    case 18:
      return { kind: "popVlan", form: "pop_vlan" };
    case 19:
    case 20:
      return { kind: type === 19 ? "pushMpls" : "popMpls", ethertype: v.getUint16(4) };
    case 21:
      return { kind: "setQueue", queue: v.getUint32(4) };
    case 22:
      return { kind: "group", id: v.getUint32(4) };
    case 23:
      return set("mod_nw_ttl", BigInt(v.getUint8(4)));
    case 24:
      return { kind: "decTtl", controllers: [] };
    case 25:
      return setField(r);
    case 28:
      return copyField(r, 4, 12);
    case 29:
      return { kind: "meter", id: v.getUint32(4) };
    default:
      throw malformed(`there is no action ${type} in OpenFlow 1.1 to 1.5`);
  }
}

/** set_field: an OXM header with its value and, from OpenFlow 1.5, its mask. */
function setField(r: Reader): OvsAction {
  const h = readOxmHeader(r.view, 4);
  if (!h?.field) throw malformed(`set_field: ${h?.name ?? "the header is cut off"} is not a field`);
  const at = 4 + h.size;
  if (at + h.valueSize * (h.hasMask ? 2 : 1) > r.size) throw malformed(`set_field: the value of ${h.name} is cut off`);
  let value = readBig(r.view, at, h.valueSize);
  const mask = h.hasMask ? readBig(r.view, at + h.valueSize, h.valueSize) : undefined;
  if (h.field.format === "port" || h.field.format === "port32") value = BigInt(port16(Number(value)));
  const dst = wholeField(h.field);
  const all = (1n << BigInt(dst.bits)) - 1n;
  return setTo("set_field", dst, value & all, (mask ?? all) & all, h.field.needsVlan);
}

/** Bits from one field to another: n_bits, src_ofs, dst_ofs at `at`; the headers at `headers`. */
function copyField(r: Reader, at: number, headers: number): OvsAction {
  const n = r.view.getUint16(at);
  const src = fieldOf(r, headers, r.view.getUint16(at + 2), n);
  const dst: FieldSlice = fieldOf(r, headers + src.headerSize, r.view.getUint16(at + 4), n);
  return { kind: "move", src, dst };
}
