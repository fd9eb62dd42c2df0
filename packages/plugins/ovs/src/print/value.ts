/** Values as OVS prints them (lib/meta-flow.c, mf_format; lib/packets.c). */
import { ipv4Text, ipv6Text, macText } from "@plumbline/model";
import type { PortRef } from "../ast.js";
import type { OvsField } from "../fields.js";
import { bytesMask, CT_STATE, FRAGMENTS, TCP_FLAGS, TUN_FLAGS } from "../parse/fieldValue.js";
import { reservedName } from "../ports.js";

/** Hexadecimal with `0x`, zero without (C's %#x; ds_put_hex). */
export function hex(n: bigint | number): string {
  return n === 0n || n === 0 ? "0" : `0x${n.toString(16)}`;
}

/** Always with `0x`, filled with zeros to `digits`. */
export function hexDigits(n: bigint | number, digits: number): string {
  return `0x${n.toString(16).padStart(digits, "0")}`;
}

/** A number, a reserved name, or a name: in quotes unless it is letters and digits (ofp-port.c, ofputil_format_port). */
export function portText(port: PortRef): string {
  if (typeof port === "number") return reservedName(port) ?? String(port);
  return nameText(port);
}

/** ofp-util.c, namemap: a name that could be taken for something else is quoted as JSON. */
export function nameText(name: string): string {
  return /^[A-Za-z][A-Za-z0-9]*$/.test(name) ? name : JSON.stringify(name);
}

export function ipv4Masked(value: bigint, mask: bigint): string {
  const length = prefixLength(mask, 32);
  return `${ipv4Text(value)}${length === 32 ? "" : length === null ? `/${ipv4Text(mask)}` : `/${length}`}`;
}

export function ipv6Masked(value: bigint, mask: bigint): string {
  const length = prefixLength(mask, 128);
  return `${ipv6Printed(value)}${length === 128 ? "" : length === null ? `/${ipv6Printed(mask)}` : `/${length}`}`;
}

/** As inet_ntop writes it: addresses that hold an IPv4 address have its dots. */
export function ipv6Printed(v: bigint): string {
  const high = v >> 32n;
  const low = v & 0xffffffffn;
  if (high === 0xffffn) return `::ffff:${ipv4Text(low)}`;
  if (high === 0n && low > 0xffffn) return `::${ipv4Text(low)}`;
  return ipv6Text(v);
}

export function macMasked(value: bigint, mask: bigint): string {
  return mask === 0xffffffffffffn ? macText(value) : `${macText(value)}/${macText(mask)}`;
}

/** Bits of a mask of leading ones, or null if it is none. */
export function prefixLength(mask: bigint, bits: number): number | null {
  const inverse = ((1n << BigInt(bits)) - 1n) ^ mask;
  if ((inverse & (inverse + 1n)) !== 0n) return null;
  return bits - (inverse === 0n ? 0 : inverse.toString(2).length);
}

/** `est|trk`, `0`; bits without a name as a number behind (flow.c, format_flags). */
export function flagsText(value: number, names: readonly string[]): string {
  if (value === 0) return "0";
  const out = names.filter((_, i) => (value >> i) & 1);
  const rest = (value & ~((1 << names.length) - 1)) >>> 0;
  if (rest !== 0) out.push(`0x${rest.toString(16)}`);
  return out.join("|");
}

/** `+est-rel`; where all of `all` count, as {@link flagsText} (flow.c, format_flags_masked). */
export function flagsMasked(value: number, mask: number, names: readonly string[], all: number): string {
  if (mask === all) return flagsText(value, names);
  if (mask === 0) return "0/0";
  let out = "";
  for (let i = 0; i < 32; i++) if ((mask >>> i) & 1) out += `${(value >>> i) & 1 ? "+" : "-"}${names[i] ?? "[Unknown]"}`;
  return out;
}

/** `eth`, `(1,0x800)`; parts up to 9 are decimal (flow.c, format_packet_type_masked). */
export function packetTypeText(value: bigint, mask: bigint): string {
  if (value === 0n && mask === 0xffffffffn) return "eth";
  const part = (v: bigint, m: bigint) => (m === 0n ? "*" : `${v > 9n ? hex(v) : v}${m === 0xffffn ? "" : `/${hex(m)}`}`);
  return `packet_type=(${part(value >> 16n, mask >> 16n)},${part(value & 0xffffn, mask & 0xffffn)})`;
}

/** mf_format: a value of a field, in the field's own bits. `mask`: all bits of the value's bytes where there is none. */
export function valueText(f: OvsField, value: bigint, mask: bigint, portName?: string): string {
  const all = bytesMask(f.bytes);
  const low = (1n << BigInt(f.bits)) - 1n;
  const exact = (mask & low) === low || mask === all;
  if (mask === 0n) return "ANY";
  switch (f.format) {
    case "port":
    case "port32":
      if (exact) return portText(portName ?? Number(value & 0xffffn));
      return `${value}/${hex(mask)}`;
    case "dec":
      return exact ? String(value) : `${value}/${hex(mask)}`;
    case "hex":
      return exact ? hex(value) : `${hex(value)}/${hex(mask)}`;
    case "mac":
      return macMasked(value, mask);
    case "ipv4":
      return ipv4Masked(value, mask);
    case "ipv6":
      return ipv6Masked(value, mask);
    case "ct_state":
      return exact ? flagsText(Number(value), CT_STATE) : flagsMasked(Number(value), Number(mask), CT_STATE, 0xffff);
    case "tcp_flags":
      return flagsMasked(Number(value), Number(mask & 0xfffn), TCP_FLAGS, 0xfff);
    case "tun_flags":
      return flagsMasked(Number(value), Number(mask & 1n), TUN_FLAGS, 1);
    case "frag": {
      const m = Number(mask & 3n);
      return FRAGMENTS.find((h) => h[1] === m && h[2] === (Number(value) & m))?.[0] ?? "<error>";
    }
    case "packet_type":
      return packetTypeText(value, mask);
  }
}
