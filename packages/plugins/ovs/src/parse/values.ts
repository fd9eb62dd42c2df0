/**
 * Values of fields as OVS writes them: numbers, addresses, flags, with or without a mask.
 */
import { ipv4Number, ipv6Number, macNumber } from "@plumbline/model";
import type { OvsField } from "../fields.js";
import { port16, portRef } from "../ports.js";

/** A parsed value; `mask` is null where none was given; `port` where the value is a port's name. */
export interface FieldValue {
  readonly value: bigint;
  readonly mask: bigint | null;
  readonly port?: string;
}

/** A decimal or hexadecimal number, or null. */
export function parseInteger(text: string): bigint | null {
  return /^(0[xX][0-9a-fA-F]+|\d+)$/.test(text) ? BigInt(text) : null;
}

/** {@link parseInteger} as a number, or null if it is none or beyond `max`. */
export function parseCount(text: string | null, max = 0xffffffff): number | null {
  if (text === null || !/^(0[xX][0-9a-fA-F]+|\d+)$/.test(text)) return null;
  const n = Number(text);
  return n <= max ? n : null;
}

const CT_STATE: Record<string, bigint> = { new: 1n, est: 2n, rel: 4n, rpl: 8n, inv: 0x10n, trk: 0x20n, snat: 0x40n, dnat: 0x80n };
const TCP_FLAGS: Record<string, bigint> = {
  fin: 1n,
  syn: 2n,
  rst: 4n,
  psh: 8n,
  ack: 0x10n,
  urg: 0x20n,
  ece: 0x40n,
  cwr: 0x80n,
  ns: 0x100n,
  "[200]": 0x200n,
  "[400]": 0x400n,
  "[800]": 0x800n,
};
/** lib/meta-flow.c, all_frags: name → value, mask. Bit 0: any fragment; bit 1: not the first. */
const FRAG: Record<string, readonly [value: bigint, mask: bigint]> = {
  no: [0n, 3n],
  first: [1n, 3n],
  later: [3n, 3n],
  yes: [1n, 1n],
  not_later: [0n, 2n],
};
/** tun_flags: `oam`, `+oam`. */
const TUN_FLAGS: Record<string, bigint> = { oam: 1n };

/** `+est-rel` (masked), `est|trk` (exact), or null. */
function parseFlags(text: string, names: Record<string, bigint>): FieldValue | null {
  if (/^[+-]/.test(text)) {
    let value = 0n;
    let mask = 0n;
    for (const m of text.matchAll(/([+-])([^+-]+)/g)) {
      const bit = names[m[2]];
      if (bit === undefined) return null;
      mask |= bit;
      if (m[1] === "+") value |= bit;
    }
    return { value, mask };
  }
  let value = 0n;
  for (const name of text.split("|")) {
    const bit = names[name];
    if (bit === undefined) return null;
    value |= bit;
  }
  return { value, mask: null };
}

function prefixMask(len: number, bits: number): bigint {
  return ((1n << BigInt(len)) - 1n) << BigInt(bits - len);
}

function parseMask(text: string, bits: number, one: (t: string) => bigint | null): bigint | null {
  if (/^\d{1,3}$/.test(text) && (bits === 32 || bits === 128)) {
    const len = Number(text);
    return len <= bits ? prefixMask(len, bits) : null;
  }
  return one(text);
}

function ipv4(text: string): bigint | null {
  const n = ipv4Number(text);
  return n === null ? null : BigInt(n);
}

/** The value of a field, or null if the text is none. A value wider than the field is null too. */
export function parseFieldValue(field: OvsField, text: string): FieldValue | null {
  if (text === "*" || text === "ANY")
    return field.format === "port" ? { value: 0xffffn, mask: null } : text === "*" ? { value: 0n, mask: 0n } : null;
  const slash = text.indexOf("/");
  const head = slash < 0 ? text : text.slice(0, slash);
  const tail = slash < 0 ? null : text.slice(slash + 1);
  const width = (1n << BigInt(field.bits || 128)) - 1n;
  const done = (value: bigint | null, mask: bigint | null | undefined): FieldValue | null =>
    value === null || mask === null || value > width ? null : { value, mask: mask === undefined ? null : mask & width };
  switch (field.format) {
    case "ipv4": {
      const v = ipv4(head);
      return done(v ?? parseInteger(head), tail === null ? undefined : parseMask(tail, 32, ipv4));
    }
    case "ipv6":
      return done(ipv6Number(head), tail === null ? undefined : parseMask(tail, 128, ipv6Number));
    case "mac":
      return done(macNumber(head) ?? parseInteger(head), tail === null ? undefined : (macNumber(tail) ?? parseInteger(tail)));
    case "ct_state":
      return numeric(head, tail, done) ?? parseFlags(text, CT_STATE);
    case "tcp_flags":
      return numeric(head, tail, done) ?? parseFlags(text, TCP_FLAGS);
    case "frag": {
      const f = FRAG[text];
      return f ? { value: f[0], mask: f[1] } : numeric(head, tail, done);
    }
    case "port": {
      const n = parseInteger(head);
      if (n !== null) return done(BigInt(port16(Number(n))), tail === null ? undefined : parseInteger(tail));
      if (tail !== null || !/^("|[\w.:@-]+$)/.test(head)) return null;
      const p = portRef(head);
      return typeof p === "number" ? { value: BigInt(p), mask: null } : { value: 0n, mask: null, port: p };
    }
    default:
      return numeric(head, tail, done) ?? (field.name === "tun_flags" ? parseFlags(text, TUN_FLAGS) : null);
  }
}

function numeric(
  head: string,
  tail: string | null,
  done: (value: bigint | null, mask: bigint | null | undefined) => FieldValue | null,
): FieldValue | null {
  const v = parseInteger(head);
  return v === null ? null : done(v, tail === null ? undefined : parseInteger(tail));
}
