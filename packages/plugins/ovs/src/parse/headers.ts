/** `encap(...)`, `decap(...)` (ovs-actions(7); lib/ofp-actions.c, lib/ofp-ed-props.c), and bytes in hexadecimal. */
import type { NshTlv, OvsAction } from "../ast.js";
import { bad } from "./badArgument.js";
import { unsigned } from "./numbers.js";
import { keyValues } from "./scan.js";

/** Packet types by the name of their header: namespace << 16 | type. */
export const PACKET_TYPES: Readonly<Record<string, number>> = { ethernet: 0, nsh: 0x1894f, mpls: 0x18847, mpls_mc: 0x18848 };

/** `ethernet`, `mpls`, `nsh(md_type=1,tlv(0x1000,10,0x1234))`. */
export function parseEncap(text: string): OvsAction {
  const [header] = keyValues(text);
  if (!header) bad(`Missing encap hdr: ${text}`);
  if (!Object.hasOwn(PACKET_TYPES, header.key)) bad(`Encap hdr not supported: ${header.value ?? ""}`);
  let mdType = 0;
  const tlvs: NshTlv[] = [];
  for (const { key, value } of keyValues(header.value ?? "")) {
    if (header.key !== "nsh" || (key !== "md_type" && key !== "tlv")) bad(`Invalid property: ${key}`);
    if (value === null || value === "") bad("Value missing for encap property");
    if (key === "md_type") {
      mdType = unsigned(value, "md_type", 0xff);
      if (mdType < 1 || mdType > 2) bad("invalid md_type");
      continue;
    }
    const m = /^0x([0-9a-fA-F]{1,4}),\s*(\d{1,3}),\s*0x([0-9a-fA-F]{1,251})/.exec(value);
    if (!m) bad(`Invalid NSH TLV header: ${value}`);
    const bytes = m[3].match(/../g) ?? [];
    tlvs.push({
      class: Number.parseInt(m[1], 16),
      type: Number(m[2]) & 0xff,
      value: Uint8Array.from(bytes, (b) => Number.parseInt(b, 16)),
    });
  }
  return { kind: "encap", packetType: PACKET_TYPES[header.key], mdType, tlvs };
}

/** `packet_type(ns=1,type=0x800)` or nothing. */
export function parseDecap(text: string): OvsAction {
  const [argument] = keyValues(text);
  if (!argument) return { kind: "decap", packetType: null };
  if (argument.key !== "packet_type") bad(`Invalid decap argument: ${argument.key}`);
  const [ns, type] = keyValues(argument.value ?? "");
  if (ns?.key !== "ns") bad("Missing packet_type attribute ns");
  const n = unsigned(ns.value ?? "", "ns", 0xffff);
  if (n > 1) bad(`Unsupported ns value: ${n}`);
  if (type?.key !== "type") bad("Missing packet_type attribute type");
  return { kind: "decap", packetType: n * 0x10000 + unsigned(type.value ?? "", "type", 0xffff) };
}

/** `00.01.0a`, `00010a`, with blanks; what follows the last byte is left over. */
export function parseHex(text: string): { bytes: Uint8Array; rest: string } {
  const bytes: number[] = [];
  const pattern = /[ .\t\r\n]*([0-9a-fA-F]{2})/y;
  let end = 0;
  for (let m = pattern.exec(text); m; m = pattern.exec(text)) {
    bytes.push(Number.parseInt(m[1], 16));
    end = pattern.lastIndex;
  }
  return { bytes: Uint8Array.from(bytes), rest: text.slice(end).replace(/^[ .\t\r\n]+/, "") };
}
