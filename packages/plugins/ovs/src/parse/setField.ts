/**
 * Actions that write fields: `set_field`, `load`, `move`, `push`, `pop`, the `mod_*` family, `write_metadata`.
 */
import type { FieldSlice, OvsAction } from "../ast.js";
import { DSCP_MASK, ovsField, parseFieldSlice } from "../fields.js";
import { parseFieldValue, parseInteger } from "./values.js";

/** Why an argument is not one; the caller adds the place. */
export class BadArgument extends Error {}

/** All bits of a slice. */
function allBits(n: number): bigint {
  return (1n << BigInt(n)) - 1n;
}

/** A write of value/mask to dst. A write to `nw_tos` leaves ECN alone, as OVS does. */
export function setTo(dst: FieldSlice, value: bigint, mask = allBits(dst.bits), needsVlan = false): OvsAction {
  const dscp = dst.slice?.field === "nw_tos" && dst.slice.n === 8;
  const m = dscp ? mask & DSCP_MASK : mask;
  return { kind: "setField", dst, value: value & m, mask: m, ...(needsVlan ? { needsVlan } : {}) };
}

export function fieldSlice(text: string): FieldSlice {
  const s = parseFieldSlice(text.trim());
  if (!s) throw new BadArgument(`'${text}' is not a field, or the bits are not within it`);
  return s;
}

function arrow(text: string): [string, string] {
  const i = text.lastIndexOf("->");
  if (i < 0) throw new BadArgument(`'${text}' lacks '->'`);
  return [text.slice(0, i), text.slice(i + 2)];
}

/** `value[/mask]->field`. */
export function setField(text: string): OvsAction {
  const [what, to] = arrow(text);
  const dst = fieldSlice(to);
  const f = ovsField(/^\w+/.exec(to)![0])!;
  const v = parseFieldValue(f, what);
  if (!v && f.slice) throw new BadArgument(`'${what}' is not a value of ${to}`);
  if (v?.port !== undefined) throw new BadArgument(`'${what}' is not a port number`);
  return setTo(dst, v?.value ?? 0n, v?.mask ?? allBits(dst.bits), f.needsVlan);
}

/** `value->field[a..b]`. */
export function load(text: string): OvsAction {
  const [what, to] = arrow(text);
  const dst = fieldSlice(to);
  const value = parseInteger(what);
  if (value === null) throw new BadArgument(`'${what}' is not a number`);
  if (dst.slice && value > allBits(dst.bits)) throw new BadArgument(`'${what}' does not fit in ${to}`);
  return setTo(dst, value, allBits(dst.bits), ovsField(/^\w+/.exec(to)![0])!.needsVlan);
}

export function move(text: string): OvsAction {
  const [from, to] = arrow(text);
  const src = fieldSlice(from);
  const dst = fieldSlice(to);
  if (src.bits !== dst.bits && src.slice && dst.slice) throw new BadArgument(`${from} has ${src.bits} bits and ${to} ${dst.bits}`);
  return { kind: "move", src, dst };
}

/** Old names of writes: action → field, how many bits the argument has is the field's own. */
const MOD: Record<string, string> = {
  mod_dl_src: "eth_src",
  mod_dl_dst: "eth_dst",
  mod_nw_src: "ip_src",
  mod_nw_dst: "ip_dst",
  mod_nw_tos: "nw_tos",
  mod_nw_ecn: "nw_ecn",
  mod_nw_ttl: "ip_ttl",
  mod_tp_src: "tp_src",
  mod_tp_dst: "tp_dst",
  set_tunnel: "tun_id",
  set_tunnel64: "tun_id",
  set_mpls_label: "mpls_label",
  set_mpls_tc: "mpls_tc",
  set_mpls_ttl: "mpls_ttl",
  write_metadata: "metadata",
};
const TCI = { cfi: 0x1000n, vidAndCfi: 0x1fffn, pcpAndCfi: 0xf000n };

/** An action of the `mod_*` family, or null if `name` is none of it. */
export function modAction(name: string, argument: string): OvsAction | null {
  if (Object.hasOwn(MOD, name)) {
    const f = ovsField(MOD[name])!;
    const v = parseFieldValue(f, argument);
    if (!v) throw new BadArgument(`'${argument}' is not a value of ${MOD[name]}`);
    const dst = parseFieldSlice(MOD[name])!;
    return setTo(dst, v.value, v.mask ?? allBits(dst.bits));
  }
  // mod_vlan_* adds a tag where there is none; OpenFlow 1.1's set_vlan_* does not.
  const vlan = /^(mod|set)_vlan_(vid|pcp)$/.exec(name);
  if (!vlan) return null;
  const n = parseInteger(argument);
  if (n === null || n > (vlan[2] === "vid" ? 4095n : 7n)) throw new BadArgument(`'${argument}' is not a VLAN ${vlan[2]}`);
  const dst = parseFieldSlice("vlan_tci")!;
  const needsVlan = vlan[1] === "set";
  return vlan[2] === "vid" ? setTo(dst, n | TCI.cfi, TCI.vidAndCfi, needsVlan) : setTo(dst, (n << 13n) | TCI.cfi, TCI.pcpAndCfi, needsVlan);
}
