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

/** An interface of a pcapng: link type, resolution as if_tsresol has it, seconds to add. */
export interface Interface {
  readonly link?: number;
  readonly resolution?: number;
  readonly offset?: bigint;
}

/** A pcapng file of one section: frames of its interfaces (0 if none is told) as enhanced packets, with blocks between that nobody knows. */
export function pcapng(
  frames: readonly (Frame & { readonly on?: number })[],
  interfaces: readonly Interface[] = [{}],
  big = false,
): Uint8Array {
  const blocks: Uint8Array[] = [];
  const block = (type: number, size: number, fill: (v: DataView, bytes: Uint8Array) => void) => {
    const total = 12 + Math.ceil(size / 4) * 4;
    const bytes = new Uint8Array(total);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, type, !big);
    view.setUint32(4, total, !big);
    view.setUint32(total - 4, total, !big);
    fill(view, bytes);
    blocks.push(bytes);
  };
  block(0x0a0d0d0a, 16, (v) => {
    v.setUint32(8, 0x1a2b3c4d, !big);
    v.setUint16(12, 1, !big);
    v.setBigInt64(16, -1n, !big);
  });
  for (const i of interfaces)
    block(1, 8 + 8 + 12 + 4, (v) => {
      v.setUint16(8, i.link ?? 1, !big);
      v.setUint16(16, 9, !big);
      v.setUint16(18, 1, !big);
      v.setUint8(20, i.resolution ?? 6);
      v.setUint16(24, 14, !big);
      v.setUint16(26, 8, !big);
      v.setBigInt64(28, i.offset ?? 0n, !big);
    });
  for (const f of frames) {
    const { resolution = 6, offset = 0n } = interfaces[f.on ?? 0];
    const perSecond = resolution & 0x80 ? 1n << BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
    const units = (((f.time ?? 0n) - offset * 1_000_000_000n) * perSecond) / 1_000_000_000n;
    block(0x0bad, 5, () => {});
    block(6, 20 + f.bytes.length, (v, bytes) => {
      v.setUint32(8, f.on ?? 0, !big);
      v.setUint32(12, Number(units >> 32n), !big);
      v.setUint32(16, Number(units & 0xffffffffn), !big);
      v.setUint32(20, f.bytes.length, !big);
      v.setUint32(24, f.length ?? f.bytes.length, !big);
      bytes.set(f.bytes, 28);
    });
  }
  const out = new Uint8Array(blocks.reduce((n, b) => n + b.length, 0));
  let at = 0;
  for (const b of blocks) {
    out.set(b, at);
    at += b.length;
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
