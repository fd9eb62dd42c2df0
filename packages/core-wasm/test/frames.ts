/**
 * Frames and captures for tests: bytes written as hex, pcap files built around them, rows shown as text.
 */
import { FIELDS, formatValue, getBits, type Row, slice } from "@plumbline/model";

/** Bytes of hex text; blanks and line ends are ignored. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from((text.replace(/\s/g, "").match(/../g) ?? []).map((x) => Number.parseInt(x, 16)));
}

/** All fields of a row that are not 0, registers and overlays left out. */
export function shown(row: Row): string {
  return FIELDS.filter((f) => !/^x?x?reg/.test(f.name))
    .map((f) => ({ f, v: getBits(row, slice(f.name)) }))
    .filter((x) => x.v !== 0n)
    .map((x) => `${x.f.name}=${formatValue(x.f, x.v)}`)
    .join(" ");
}

export interface Frame {
  readonly bytes: Uint8Array;
  /** Nanoseconds since 1970. */
  readonly time?: bigint;
  /** Length on the wire, where more than was captured. */
  readonly length?: number;
}

/** A pcap file in one of its four forms. */
export function pcap(frames: readonly Frame[], form: { big?: boolean; nanoseconds?: boolean; link?: number } = {}): Uint8Array {
  const little = !form.big;
  const size = 24 + frames.reduce((n, f) => n + 16 + f.bytes.length, 0);
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  view.setUint32(0, form.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, little);
  view.setUint16(4, 2, little);
  view.setUint16(6, 4, little);
  view.setUint32(16, 262144, little);
  view.setUint32(20, form.link ?? 1, little);
  let at = 24;
  for (const f of frames) {
    const time = f.time ?? 0n;
    view.setUint32(at, Number(time / 1_000_000_000n), little);
    view.setUint32(at + 4, Number((time % 1_000_000_000n) / (form.nanoseconds ? 1n : 1000n)), little);
    view.setUint32(at + 8, f.bytes.length, little);
    view.setUint32(at + 12, f.length ?? f.bytes.length, little);
    out.set(f.bytes, at + 16);
    at += 16 + f.bytes.length;
  }
  return out;
}

/** An IPv4 frame with a TCP or UDP header; addresses are the last byte of 192.0.2.x. */
export function ipFrame(p: {
  from: number;
  to: number;
  sport: number;
  dport: number;
  proto?: 6 | 17;
  flags?: number;
  toMac?: string;
  fromMac?: string;
}): Uint8Array {
  const h = (n: number, digits: number) => n.toString(16).padStart(digits, "0");
  const proto = p.proto ?? 6;
  const transport = proto === 6 ? `00000001 00000000 50${h(p.flags ?? 2, 2)} ffff 0000 0000` : "0008 0000";
  const total = 20 + (proto === 6 ? 20 : 8);
  return hex(
    `${p.toMac ?? "0200000000aa"} ${p.fromMac ?? "0200000000bb"} 0800
     4500 ${h(total, 4)} 0001 4000 40 ${h(proto, 2)} 0000 c00002${h(p.from, 2)} c00002${h(p.to, 2)}
     ${h(p.sport, 4)} ${h(p.dport, 4)} ${transport}`,
  );
}
