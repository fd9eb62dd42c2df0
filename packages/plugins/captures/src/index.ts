/**
 * Recorded traffic lying in a snapshot: pcap and pcapng files are named as captures, so that `inspect` tells them from
 * what it does not know. They hold no facts about the network; `replay` runs them.
 *
 * A file is known by its name, else by its first four bytes (pcap in microseconds or nanoseconds and both byte orders,
 * pcapng). A compressed capture is known by its name alone.
 */
import type { EvidenceFile } from "@plumbline/model";
import { definePlugin } from "@plumbline/plugin-sdk";

/** First four bytes as a big-endian number. Sources: pcap-savefile(5), IETF draft-ietf-opsawg-pcapng "Section Header Block". */
const MAGIC: ReadonlyMap<number, "pcap" | "pcapng"> = new Map([
  [0xa1b2c3d4, "pcap"],
  [0xd4c3b2a1, "pcap"],
  [0xa1b23c4d, "pcap"],
  [0x4d3cb2a1, "pcap"],
  [0x0a0d0d0a, "pcapng"],
]);

/** A capture may be larger than memory: files beyond this are known by their names only. */
const SNIFFED_SIZE = 64 * 1024 * 1024;

function formatOf(file: EvidenceFile): "pcap" | "pcapng" | null {
  const named = /\.(pcapng|pcap|cap|dmp)(\d*|\.gz)$/i.exec(file.path);
  if (named) return named[1].toLowerCase() === "pcapng" ? "pcapng" : "pcap";
  if (file.size < 24 || file.size > SNIFFED_SIZE) return null;
  const head = file.bytes();
  if (head.length < 4) return null;
  return MAGIC.get(new DataView(head.buffer, head.byteOffset, 4).getUint32(0)) ?? null;
}

export default definePlugin({
  id: "captures",
  title: "recorded traffic: pcap and pcapng files, for replay",
  claims(file) {
    const format = formatOf(file);
    // Every capture is evidence of its own: none is another form of the other.
    return format === null ? null : { score: 1, what: `${format} capture ${file.path}`, form: 0 };
  },
  parse() {
    // Nothing in a capture says how the network is; replay decodes it in the core.
  },
});
