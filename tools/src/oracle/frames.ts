/**
 * Packets as frames and back: what a row says, as bytes that a real switch takes in, and what a switch sent, as a row.
 *
 * A frame made here has right checksums (connection trackers look at them), TCP sequence numbers of 1 and a payload of four
 * bytes. Fields that the packet's protocol has not are lost on the way: `rowOf(frameOf(row))` is the row as the wire can
 * carry it.
 */
import { get, getBig, newRow, type Row, set } from "@plumbline/model";
import { internetChecksum } from "./checksum.js";

const PAYLOAD = [0x70, 0x6c, 0x75, 0x6d];
/** The offset field of a later fragment: 64 bytes in IPv4, 8 in IPv6. */
const LATER_OFFSET = 8;

function bytesOf(value: bigint | number, length: number): number[] {
  const v = BigInt(value);
  return Array.from({ length }, (_, i) => Number((v >> BigInt(8 * (length - 1 - i))) & 0xffn));
}
const be16 = (n: number) => [n >>> 8, n & 0xff];

/** The row's header fields as a frame. */
export function frameOf(row: Row): Uint8Array {
  const out = [...bytesOf(getBig(row, "eth_dst"), 6), ...bytesOf(getBig(row, "eth_src"), 6)];
  for (const tag of ["vlan_tci", "vlan_tci2"]) {
    const tci = get(row, tag);
    if (tci & 0x1000) out.push(0x81, 0x00, ...be16(tci & 0xefff));
  }
  const type = get(row, "eth_type");
  out.push(...be16(type));
  if (type === 0x0800) out.push(...ipv4(row));
  else if (type === 0x86dd) out.push(...ipv6(row));
  else if (type === 0x0806 || type === 0x8035) out.push(...arp(row));
  else out.push(...PAYLOAD);
  return Uint8Array.from(out);
}

function ipv4(row: Row): number[] {
  const src = bytesOf(get(row, "ip_src"), 4);
  const dst = bytesOf(get(row, "ip_dst"), 4);
  const proto = get(row, "ip_proto");
  const frag = get(row, "ip_frag");
  const body = transport(row, proto, (length) => [...src, ...dst, 0, proto, ...be16(length)]);
  const fragment = frag & 2 ? LATER_OFFSET : frag & 1 ? 0x2000 : 0;
  const head = [
    0x45,
    get(row, "nw_tos"),
    ...be16(20 + body.length),
    0,
    1,
    ...be16(fragment),
    get(row, "ip_ttl"),
    proto,
    0,
    0,
    ...src,
    ...dst,
  ];
  head.splice(10, 2, ...be16(internetChecksum(Uint8Array.from(head))));
  return [...head, ...body];
}

function ipv6(row: Row): number[] {
  const src = bytesOf(getBig(row, "ipv6_src"), 16);
  const dst = bytesOf(getBig(row, "ipv6_dst"), 16);
  const proto = get(row, "ip_proto");
  const frag = get(row, "ip_frag");
  const body = transport(row, proto, (length) => [...src, ...dst, ...bytesOf(length, 4), 0, 0, 0, proto]);
  const fragment = frag === 0 ? [] : [proto === 44 ? 6 : proto, 0, ...be16(frag & 2 ? LATER_OFFSET : 1), 0, 0, 0, 1];
  const first = (6n << 28n) | (BigInt(get(row, "nw_tos")) << 20n) | BigInt(get(row, "ipv6_label"));
  return [
    ...bytesOf(first, 4),
    ...be16(fragment.length + body.length),
    frag === 0 ? proto : 44,
    get(row, "ip_ttl"),
    ...src,
    ...dst,
    ...fragment,
    ...body,
  ];
}

function isIcmp(row: Row, proto: number): boolean {
  return proto === (get(row, "eth_type") === 0x86dd ? 58 : 1);
}

/** `pseudo`: the pseudo header for a body of that many bytes. */
function transport(row: Row, proto: number, pseudo: (length: number) => number[]): number[] {
  if (get(row, "ip_frag") & 2) return PAYLOAD;
  const ports = [...be16(get(row, "tp_src")), ...be16(get(row, "tp_dst"))];
  const summed = (body: number[], at: number) => {
    const sum = internetChecksum(Uint8Array.from(pseudo(body.length)), Uint8Array.from(body));
    body.splice(at, 2, ...be16(proto === 17 && sum === 0 ? 0xffff : sum));
    return body;
  };
  if (proto === 6) {
    const flags = get(row, "tcp_flags");
    return summed([...ports, 0, 0, 0, 1, 0, 0, 0, 1, 0x50 | (flags >>> 8), flags & 0xff, 0x10, 0, 0, 0, 0, 0, ...PAYLOAD], 16);
  }
  if (proto === 17) return summed([...ports, ...be16(8 + PAYLOAD.length), 0, 0, ...PAYLOAD], 6);
  if (proto === 132) return [...ports, 0, 0, 0, 1, 0, 0, 0, 0, ...PAYLOAD];
  if (!isIcmp(row, proto)) return PAYLOAD;
  const body = icmp(row);
  if (proto === 58) return summed(body, 2);
  body.splice(2, 2, ...be16(internetChecksum(Uint8Array.from(body))));
  return body;
}

function icmp(row: Row): number[] {
  const v6 = get(row, "eth_type") === 0x86dd;
  const type = get(row, "icmp_type");
  const head = [type, get(row, "icmp_code"), 0, 0];
  if (isEcho(v6, type)) return [...head, ...be16(get(row, "icmp_id")), 0, 1, ...PAYLOAD];
  if (get(row, "inner_proto") !== 0) return [...head, 0, 0, 0, 0, ...quoted(row, v6)];
  if (v6 && (type === 135 || type === 136)) {
    const option = type === 135 ? ([1, "nd_sll"] as const) : ([2, "nd_tll"] as const);
    const address = getBig(row, option[1]);
    return [
      ...head,
      0,
      0,
      0,
      0,
      ...bytesOf(getBig(row, "nd_target"), 16),
      ...(address === 0n ? [] : [option[0], 1, ...bytesOf(address, 6)]),
    ];
  }
  return [...head, 0, 0, 0, 0, ...PAYLOAD];
}

const isEcho = (v6: boolean, type: number) => (v6 ? type === 128 || type === 129 : type === 8 || type === 0);

/** The packet that an ICMP error is about: its IP header and the first 8 bytes behind it. */
function quoted(row: Row, v6: boolean): number[] {
  const proto = get(row, "inner_proto");
  const [sport, dport] = [be16(get(row, "inner_tp_src")), be16(get(row, "inner_tp_dst"))];
  const icmp = proto === (v6 ? 58 : 1);
  const body = icmp ? [v6 ? 128 : 8, 0, 0, 0, ...sport, 0, 1] : [...sport, ...dport, 0, 0, 0, 1];
  // A TCP header is quoted whole: Open vSwitch asks for it.
  const more = proto === 6 ? [0, 0, 0, 1, 0x50, 0x02, 0x10, 0, 0, 0, 0, 0] : [];
  const src = bytesOf(getBig(row, "inner_src"), v6 ? 16 : 4);
  const dst = bytesOf(getBig(row, "inner_dst"), v6 ? 16 : 4);
  if (v6) return [0x60, 0, 0, 0, ...be16(body.length + more.length), proto, 64, ...src, ...dst, ...body, ...more];
  const head = [0x45, 0, ...be16(20 + body.length + more.length), 0, 1, 0, 0, 64, proto, 0, 0, ...src, ...dst];
  head.splice(10, 2, ...be16(internetChecksum(Uint8Array.from(head))));
  return [...head, ...body, ...more];
}

function arp(row: Row): number[] {
  return [
    ...[0, 1, 8, 0, 6, 4],
    ...be16(get(row, "arp_op")),
    ...bytesOf(getBig(row, "arp_sha"), 6),
    ...bytesOf(get(row, "arp_spa"), 4),
    ...bytesOf(getBig(row, "arp_tha"), 6),
    ...bytesOf(get(row, "arp_tpa"), 4),
  ];
}

/** The header fields of a frame. Fields of a header that is cut off stay zero. */
export function rowOf(frame: Uint8Array): Row {
  const row = newRow();
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const number = (at: number, length: number) => {
    let v = 0n;
    for (let i = 0; i < length; i++) v = (v << 8n) | BigInt(frame[at + i] ?? 0);
    return v;
  };
  set(row, "packet_len", frame.length);
  set(row, "eth_dst", number(0, 6));
  set(row, "eth_src", number(6, 6));
  let at = 12;
  for (const tag of ["vlan_tci", "vlan_tci2"]) {
    const tpid = view.getUint16(at);
    if (tpid !== 0x8100 && tpid !== 0x88a8) break;
    set(row, tag, 0x1000 | (view.getUint16(at + 2) & 0xefff));
    at += 4;
  }
  const type = view.getUint16(at);
  at += 2;
  set(row, "eth_type", type);
  if (type === 0x0800) {
    set(row, "nw_tos", frame[at + 1]);
    set(row, "ip_ttl", frame[at + 8]);
    set(row, "ip_proto", frame[at + 9]);
    const fragment = view.getUint16(at + 6);
    set(row, "ip_frag", fragment & 0x1fff ? 3 : fragment & 0x2000 ? 1 : 0);
    set(row, "ip_src", view.getUint32(at + 12));
    set(row, "ip_dst", view.getUint32(at + 16));
    readTransport(row, frame, at + 4 * (frame[at] & 15), number);
  } else if (type === 0x86dd) {
    set(row, "nw_tos", (view.getUint32(at) >>> 20) & 0xff);
    set(row, "ipv6_label", view.getUint32(at) & 0xfffff);
    set(row, "ip_ttl", frame[at + 7]);
    set(row, "ipv6_src", number(at + 8, 16));
    set(row, "ipv6_dst", number(at + 24, 16));
    let next = frame[at + 6];
    at += 40;
    if (next === 44) {
      const later = (view.getUint16(at + 2) & 0xfff8) !== 0;
      set(row, "ip_frag", later ? 3 : 1);
      // The switch looks no further into a later fragment (lib/flow.c, parse_ipv6_ext_hdrs).
      if (!later) next = frame[at];
      at += 8;
    }
    set(row, "ip_proto", next);
    readTransport(row, frame, at, number);
  } else if (type === 0x0806 || type === 0x8035) {
    set(row, "arp_op", number(at + 6, 2));
    set(row, "arp_sha", number(at + 8, 6));
    set(row, "arp_spa", number(at + 14, 4));
    set(row, "arp_tha", number(at + 18, 6));
    set(row, "arp_tpa", number(at + 24, 4));
  }
  return row;
}

function readTransport(row: Row, frame: Uint8Array, at: number, number: (at: number, length: number) => bigint): void {
  if (get(row, "ip_frag") & 2) return;
  const v6 = get(row, "eth_type") === 0x86dd;
  const proto = get(row, "ip_proto");
  if (proto === 6 || proto === 17 || proto === 132) {
    set(row, "tp_src", number(at, 2));
    set(row, "tp_dst", number(at + 2, 2));
    if (proto === 6) set(row, "tcp_flags", number(at + 12, 2) & 0xfffn);
    return;
  }
  if (!isIcmp(row, proto)) return;
  const type = frame[at];
  set(row, "icmp_type", type);
  set(row, "icmp_code", frame[at + 1]);
  if (isEcho(v6, type)) set(row, "icmp_id", number(at + 4, 2));
  else if (v6 && (type === 135 || type === 136)) {
    set(row, "nd_target", number(at + 8, 16));
    if (frame[at + 24] === 1) set(row, "nd_sll", number(at + 26, 6));
    if (frame[at + 24] === 2) set(row, "nd_tll", number(at + 26, 6));
  } else if (v6 ? type >= 1 && type <= 4 : [3, 4, 5, 11, 12].includes(type)) readQuoted(row, frame, at + 8, v6, number);
}

function readQuoted(row: Row, frame: Uint8Array, at: number, v6: boolean, number: (at: number, length: number) => bigint): void {
  if (frame[at] >>> 4 !== (v6 ? 6 : 4)) return;
  const proto = frame[at + (v6 ? 6 : 9)];
  set(row, "inner_proto", proto);
  set(row, "inner_src", number(at + (v6 ? 8 : 12), v6 ? 16 : 4));
  set(row, "inner_dst", number(at + (v6 ? 24 : 16), v6 ? 16 : 4));
  const body = at + (v6 ? 40 : 20);
  const icmp = proto === (v6 ? 58 : 1);
  set(row, "inner_tp_src", number(icmp ? body + 4 : body, 2));
  set(row, "inner_tp_dst", number(icmp ? body + 4 : body + 2, 2));
}
