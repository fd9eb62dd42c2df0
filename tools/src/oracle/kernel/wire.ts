/**
 * Packets of a test as the kernel takes them, and what it sent as a row.
 *
 * A row's `packet_len` counts the Ethernet header; where it asks for more than the headers and four bytes, the payload is
 * filled with zeros to that length.
 */
import { get, type Row } from "@plumbline/model";
import { internetChecksum } from "../checksum.js";
import { frameOf, rowOf } from "../frames.js";

const ETHERNET = 14;
const IPV6_HEADER = 40;
/** A frame with an INIT chunk, without the IP header. */
const SCTP_INIT = ETHERNET + 12 + 20;

function put(b: Uint8Array, at: number, value: number): void {
  b[at] = value >>> 8;
  b[at + 1] = value & 0xff;
}

/** The row as an Ethernet frame. */
export function wireOf(row: Row): Uint8Array {
  const short = frameOf(row);
  const type = get(row, "eth_type");
  const least = get(row, "ip_proto") === 132 ? SCTP_INIT + (type === 0x86dd ? IPV6_HEADER : 20) : 0;
  const more = Math.max(least, get(row, "packet_len")) - short.length;
  const frame = new Uint8Array(short.length + Math.max(0, more));
  frame.set(short);
  if (type === 0x0800) stretch4(frame);
  else if (type === 0x86dd) put(frame, ETHERNET + 4, frame.length - ETHERNET - IPV6_HEADER);
  if (get(row, "ip_frag") === 0) sum(frame, type, get(row, "ip_proto"));
  return frame;
}

/** The IP packet of a frame. */
export const ipPacketOf = (frame: Uint8Array): Uint8Array => frame.subarray(ETHERNET);

function stretch4(frame: Uint8Array): void {
  const ip = frame.subarray(ETHERNET);
  put(ip, 2, ip.length);
  put(ip, 10, 0);
  put(ip, 10, internetChecksum(ip.subarray(0, 20)));
}

/** Lengths and checksums behind the IP header. */
function sum(frame: Uint8Array, type: number, proto: number): void {
  const ip = frame.subarray(ETHERNET);
  const v6 = type === 0x86dd;
  const body = ip.subarray(v6 ? IPV6_HEADER : 20);
  const addresses = v6 ? ip.subarray(8, 40) : ip.subarray(12, 20);
  const tail = v6
    ? Uint8Array.from([0, 0, body.length >>> 8, body.length & 0xff, 0, 0, 0, proto])
    : Uint8Array.from([0, proto, body.length >>> 8, body.length & 0xff]);
  if (proto === 132) {
    sctp(body);
    return;
  }
  const at = { 6: 16, 17: 6, 1: 2, 58: 2 }[proto];
  if (at === undefined || (proto === 1 && v6) || (proto === 58 && !v6)) return;
  if (proto === 17) put(body, 4, body.length);
  put(body, at, 0);
  const value = proto === 1 ? internetChecksum(body) : internetChecksum(addresses, tail, body);
  put(body, at, proto === 17 && value === 0 ? 0xffff : value);
}

/** An INIT chunk (RFC 9260, 3.3.2) to the end of the packet, and the checksum that connection tracking asks for. */
function sctp(body: Uint8Array): void {
  const chunk = body.subarray(12);
  chunk.fill(0);
  body.fill(0, 4, 8);
  chunk[0] = 1;
  put(chunk, 2, chunk.length);
  // Tag 1, a window, one stream each way.
  chunk[7] = 1;
  put(chunk, 8, 0x1000);
  put(chunk, 12, 1);
  put(chunk, 14, 1);
  body.fill(0, 8, 12);
  const crc = crc32c(body);
  for (let i = 0; i < 4; i++) body[8 + i] = (crc >>> (8 * i)) & 0xff;
}

/** CRC-32C (RFC 9260, appendix A). */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const b of bytes) {
    crc ^= b;
    for (let k = 0; k < 8; k++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/** A frame in hexadecimal as a row. */
export const rowOfHex = (hex: string): Row => rowOf(Buffer.from(hex, "hex"));

/** Network and transport header, as a kernel trace tells them, as a row: what is cut off stays zero. */
export function rowOfHeaders(network: string, transport: string): Row {
  const v6 = network.startsWith("6");
  // A trace tells headers apart; IPv4 options do not occur here.
  const head = Buffer.from(network, "hex").subarray(0, v6 ? IPV6_HEADER : 20);
  return rowOf(
    Buffer.concat([Buffer.alloc(12), Buffer.from(v6 ? [0x86, 0xdd] : [8, 0]), head, Buffer.from(transport, "hex"), Buffer.alloc(64)]),
  );
}
