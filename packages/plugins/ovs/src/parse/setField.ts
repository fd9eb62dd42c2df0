/**
 * Actions that write fields: `set_field`, `load`, `move`, `push`, `pop`, the `mod_*` and `set_*` families (lib/ofp-actions.c).
 */
import { ipv4Number, macNumber } from "@plumbline/model";
import type { FieldSlice, OvsAction, SetForm } from "../ast.js";
import { fieldSlice, type OvsField, ovsField, parseFieldSlice, plainField, wholeField } from "../fields.js";
import { valueText } from "../print/value.js";
import { bad } from "./badArgument.js";
import { bytesMask, isValidValue, parseFieldValue } from "./fieldValue.js";
import type { MatchOptions } from "./match.js";
import { scanInteger, unsigned, unsigned32, unsigned64 } from "./numbers.js";

/** The bits of the IPv4/IPv6 traffic class that `nw_tos` means: DSCP. ECN has a name of its own. */
const DSCP_MASK = 0xfcn;
const TCI = { cfi: 0x1000n, vidAndCfi: 0x1fffn, pcpAndCfi: 0xf000n };

/** All bits of a slice. */
function allBits(n: number): bigint {
  return (1n << BigInt(n)) - 1n;
}

/** A write of value/mask to dst. A write to `nw_tos` leaves ECN alone, as OVS does. */
export function setTo(form: SetForm, dst: FieldSlice, value: bigint, mask = allBits(dst.bits), needsVlan = false): OvsAction {
  const m = dst.field === "nw_tos" && dst.bits === 8 ? mask & DSCP_MASK : mask;
  return { kind: "setField", form, dst, value: value & m, mask: m, ...(needsVlan ? { needsVlan } : {}) };
}

/** A write of a whole field. */
export function setWhole(form: SetForm, name: string, value: bigint, mask?: bigint): OvsAction {
  const f = ovsField(name)!;
  return setTo(form, wholeField(f), value, mask, f.needsVlan);
}

/** mf_parse_subfield, with OVS's messages. */
export function parseSubfield(text: string, o: MatchOptions): FieldSlice {
  const s = parseFieldSlice(o.strict ? text : text.trim());
  if (s && !(o.strict && fieldOfSlice(s).newer)) return s;
  const m = /^([^[-]*)(.*)$/.exec(text)!;
  const f = ovsField(m[1].replace(/_W$/, ""));
  if (!f || (o.strict && f.newer)) bad(`${text}: unknown field \`${m[1]}'`);
  const range = /^\[(?:(\d+)(?:\.\.(\d+))?)?\](.*)$/.exec(m[2]);
  if (!range)
    bad(
      m[2] === "" || m[2][0] === "["
        ? `${text}: syntax error expecting [] or [<bit>] or [<start>..<end>]`
        : "unexpected input following field syntax",
    );
  const start = Number(range[1] ?? 0);
  const end = range[1] === undefined ? f.bits - 1 : Number(range[2] ?? range[1]);
  if (start > end) bad(`${text}: starting bit ${start} is after ending bit ${end}`);
  if (start >= f.bits) bad(`${text}: starting bit ${start} is not valid because field is only ${f.bits} bits wide`);
  if (end >= f.bits) bad(`${text}: ending bit ${end} is not valid because field is only ${f.bits} bits wide`);
  if (range[3] !== "") bad("unexpected input following field syntax");
  return fieldSlice(f, start, end - start + 1, text);
}

export function fieldOfSlice(s: FieldSlice): OvsField {
  return ovsField(s.field)!;
}

/** `value->field` (set_field_split_str). */
export function splitArrow(text: string): [value: string, field: string] {
  const i = text.indexOf("->");
  if (i < 0) bad(`${text}: missing \`->'`);
  const dst = text.slice(i + 2);
  if (dst === "") bad(`${text}: missing field name following \`->'`);
  return [text.slice(0, i), dst];
}

/** `value[/mask]->field`. */
export function setField(text: string, o: MatchOptions): OvsAction {
  const [what, to] = splitArrow(text);
  const name = to.trim();
  const f = o.strict ? plainField(name) : ovsField(name);
  if (!f || (o.strict && f.newer)) bad(`${name} is not a valid OXM field name`);
  if (!f.writable) bad(`${name} is read-only`);
  const v = parseFieldValue(f, what, o.names, !o.strict);
  const narrow = f.format === "port32" && v.port === undefined && v.value > 0xffffn ? v.value & 0xffffn : v.value;
  if (!isValidValue(f, v.value)) bad(`${what} is not a valid value for field ${name}`);
  const dst = { ...wholeField(f), text: name };
  const a = setTo("set_field", dst, narrow, v.mask & allBits(dst.bits), f.needsVlan);
  return v.port === undefined ? a : { ...(a as Extract<OvsAction, { kind: "setField" }>), portName: v.port };
}

/** `value->field[a..b]`. */
export function load(text: string, o: MatchOptions): OvsAction {
  const [what, to] = splitArrow(text);
  const dst = parseSubfield(to, o);
  const f = fieldOfSlice(dst);
  const v = scanInteger(what, f.bytes);
  if (v === null || v === "range") bad(`${text}: cannot parse integer value`);
  if (v.value > allBits(dst.bits)) bad(`${text}: value ${valueText(f, v.value, bytesMask(f.bytes))} does not fit into ${dst.bits} bits`);
  return setTo("load", dst, v.value, allBits(dst.bits), f.needsVlan);
}

export function move(text: string, o: MatchOptions): OvsAction {
  const i = text.indexOf("->");
  if (i < 0) bad(`${text}: missing \`->' following source`);
  const src = parseSubfield(text.slice(0, i), o);
  const dst = parseSubfield(text.slice(i + 2), o);
  if (src.bits !== dst.bits) bad(`${text}: source field is ${src.bits} bits wide but destination is ${dst.bits} bits wide`);
  return { kind: "move", src, dst };
}

/** Writes with an action of their own: action → field and how its argument is read. */
type Reader = (text: string) => bigint;
const u8 =
  (what: string, not: string, ok: (n: number) => boolean): Reader =>
  (text) => {
    const n = unsigned(text, what, 0xff);
    if (!ok(n)) bad(`${text}: not a valid ${not}`);
    return BigInt(n);
  };
const mac: Reader = (text) => macNumber(text) ?? bad(`invalid mac address ${text}`);
const address: Reader = (text) => BigInt(ipv4Number(text) ?? bad(`${text}: could not convert to IP address`));
const port =
  (what: string): Reader =>
  (text) =>
    BigInt(unsigned(text, what, 0xffff));
const label: Reader = (text) => {
  if (text === "") bad("set_mpls_label: expected label.");
  const n = unsigned32(text);
  if (n > 0xfffff) bad(`${text}: not a valid MPLS label`);
  return BigInt(n);
};
const WRITES: Readonly<Record<string, readonly [form: SetForm, field: string, read: Reader]>> = {
  mod_dl_src: ["mod_dl_src", "eth_src", mac],
  mod_dl_dst: ["mod_dl_dst", "eth_dst", mac],
  mod_nw_src: ["mod_nw_src", "ip_src", address],
  mod_nw_dst: ["mod_nw_dst", "ip_dst", address],
  mod_nw_tos: ["mod_nw_tos", "nw_tos", u8("TOS", "TOS", (n) => (n & 3) === 0)],
  mod_nw_ecn: ["mod_nw_ecn", "nw_ecn", u8("ECN", "ECN", (n) => n <= 3)],
  mod_nw_ttl: ["mod_nw_ttl", "nw_ttl", u8("TTL", "TTL", () => true)],
  set_nw_ttl: ["mod_nw_ttl", "nw_ttl", u8("TTL", "TTL", () => true)],
  mod_tp_src: ["mod_tp_src", "tcp_src", port("source port")],
  mod_tp_dst: ["mod_tp_dst", "tcp_dst", port("destination port")],
  set_tunnel: ["set_tunnel", "tun_id", unsigned64],
  set_tunnel64: ["set_tunnel64", "tun_id", unsigned64],
  set_mpls_label: ["set_mpls_label", "mpls_label", label],
  set_mpls_tc: ["set_mpls_tc", "mpls_tc", u8("MPLS TC", "MPLS TC", (n) => n <= 7)],
  set_mpls_ttl: ["set_mpls_ttl", "mpls_ttl", u8("MPLS TTL", "MPLS TTL", () => true)],
};

/** An action that writes one field, or null if `name` is none. `name` in lower case. */
export function writeAction(name: string, argument: string): OvsAction | null {
  if (Object.hasOwn(WRITES, name)) {
    const [form, field, read] = WRITES[name];
    return setWhole(form, field, read(argument));
  }
  switch (name) {
    case "mod_vlan_vid":
    case "set_vlan_vid": {
      const vid = unsigned(argument, "VLAN VID", 0xffff);
      if (vid > 0xfff) bad(`${argument}: not a valid VLAN VID`);
      return vlanVid(name, vid);
    }
    case "mod_vlan_pcp":
    case "set_vlan_pcp": {
      const pcp = unsigned(argument, "VLAN PCP", 0xff);
      if (pcp > 7) bad(`${argument}: not a valid VLAN PCP`);
      return vlanPcp(name, pcp);
    }
  }
  return null;
}

/** mod_vlan_* adds a tag where there is none; OpenFlow 1.1's set_vlan_* does not. */
export function vlanVid(form: "mod_vlan_vid" | "set_vlan_vid", vid: number): OvsAction {
  return setTo(form, wholeField(ovsField("vlan_tci")!), BigInt(vid) | TCI.cfi, TCI.vidAndCfi, form === "set_vlan_vid");
}
export function vlanPcp(form: "mod_vlan_pcp" | "set_vlan_pcp", pcp: number): OvsAction {
  return setTo(form, wholeField(ovsField("vlan_tci")!), (BigInt(pcp) << 13n) | TCI.cfi, TCI.pcpAndCfi, form === "set_vlan_pcp");
}
