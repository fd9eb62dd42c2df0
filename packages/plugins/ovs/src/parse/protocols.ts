/** Sets of OpenFlow protocols that can say something (lib/ofp-protocol.c). */
import type { OvsField } from "../fields.js";
import { prefixLength } from "../print/value.js";
import { bytesMask } from "./fieldValue.js";

/** Bits of a set. "+table_id": Nicira's extension that names a table in OpenFlow 1.0. */
const NAMES = [
  "OpenFlow10-table_id",
  "OpenFlow10+table_id",
  "NXM-table_id",
  "NXM+table_id",
  "OpenFlow11",
  "OXM-OpenFlow12",
  "OXM-OpenFlow13",
  "OXM-OpenFlow14",
  "OXM-OpenFlow15",
] as const;

export const P = {
  any: 0x1ff,
  of10: 0x003,
  nxm: 0x00c,
  of10Any: 0x00f,
  of11Up: 0x1f0,
  of12Up: 0x1e0,
  of13Up: 0x1c0,
  of15Up: 0x100,
  oxm: 0x1e0,
  nxmOxm: 0x1ec,
  nxmOf11Up: 0x1fc,
  tableId: 0x1fa,
  none: 0,
} as const;

const TOGETHER: readonly (readonly [bits: number, name: string])[] = [
  [P.any, "any"],
  [P.of10, "OpenFlow10"],
  [P.nxm, "NXM"],
  [P.oxm, "OXM"],
];

/** `any`, `NXM,OXM`, `OXM-OpenFlow13,OXM-OpenFlow14`. */
export function protocolsText(set: number): string {
  if (set === 0) return "none";
  const out: string[] = [];
  for (let rest = set; rest !== 0; ) {
    const together = TOGETHER.find(([bits]) => (rest & bits) === bits);
    const bits = together ? together[0] : rest & -rest;
    out.push(together ? together[1] : NAMES[31 - Math.clz32(bits)]);
    rest &= ~bits;
  }
  return out.join(",");
}

/** The protocol that ovs-ofctl takes: the first of those that it may use. */
export function firstProtocol(set: number): { readonly bit: number; readonly name: string } | null {
  if (set === 0) return null;
  const bit = set & -set;
  return { bit, name: NAMES[31 - Math.clz32(bit)] };
}

function of(f: OvsField, of10: boolean, of11: boolean): number {
  if (f.name === "dl_vlan" || f.name === "dl_vlan_pcp") return of10 ? P.any : P.none;
  if (of10) return P.any;
  if (of11) return P.nxmOf11Up;
  return f.inMessages ? P.nxmOxm : P.none;
}

/** Protocols that can match a field so (build-aux/extract-ofp-fields; mf_set). */
export function protocolsOfMatch(f: OvsField, mask: bigint): number {
  if (mask === bytesMask(f.bytes)) return exactProtocols(f);
  if (mask === 0n && !f.storage.startsWith("tun_metadata")) return P.any;
  if (!f.maskable) return P.none;
  // A field that is sent by no mask but a prefix: the low 32 bits tell, whatever the field.
  const cidr = of(f, f.openFlow10 === "cidr", f.openFlow11 === "mask");
  const bitwise = of(f, false, f.openFlow11 === "mask");
  return cidr === bitwise || prefixLength(mask & 0xffffffffn, 32) !== null ? cidr : bitwise;
}

export function exactProtocols(f: OvsField): number {
  return of(f, f.openFlow10 !== "-", f.openFlow11 !== "-");
}
