/**
 * The file header of a pcap (draft-ietf-opsawg-pcap): byte order, unit of time, link type; or that it is a pcapng. Records and blocks are read in the core.
 */
import { PlumblineError } from "@plumbline/model";

export const PCAP_HEADER_BYTES = 24;
const MICROSECONDS = 0xa1b2c3d4;
const NANOSECONDS = 0xa1b23c4d;
const PCAPNG = 0x0a0d0d0a;
/** LINKTYPE_ETHERNET. */
const ETHERNET = 1;

export interface PcapHeader {
  /** Numbers are big endian. */
  readonly swapped: boolean;
  readonly nanoseconds: boolean;
  /** It is a pcapng, and its first block begins with the file. */
  readonly blocks: boolean;
}

export function parsePcapHeader(name: string, bytes: Uint8Array): PcapHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, PCAP_HEADER_BYTES);
  if (view.getUint32(0) === PCAPNG) return { swapped: false, nanoseconds: true, blocks: true };
  const swapped = [MICROSECONDS, NANOSECONDS].includes(view.getUint32(0, false));
  const magic = view.getUint32(0, !swapped);
  if (magic !== MICROSECONDS && magic !== NANOSECONDS)
    throw new PlumblineError("CAPTURE_BAD", [name, "this is neither a pcap nor a pcapng file."]);
  const link = view.getUint32(20, !swapped) & 0xffff;
  if (link !== ETHERNET) throw notEthernet(name, link);
  return { swapped, nanoseconds: magic === NANOSECONDS, blocks: false };
}

export function notEthernet(name: string, link: number): PlumblineError {
  return new PlumblineError("CAPTURE_BAD", [
    name,
    `its link type is ${link}, only Ethernet (1) is understood; capture on an Ethernet port, not on 'any'.`,
  ]);
}
