/**
 * What of a packet's headers a network can tell apart: of the fields that change from packet to packet of a connection
 * (length, TOS, flow label, TCP flags) those bits that a rule matches, or an action carries elsewhere. Of all other fields every bit counts.
 *
 * Where there is connection tracking, it reads TCP flags whatever the rules say: FIN, SYN, RST, ACK and URG, and PSH of segments without ACK
 * (conntrack.ts of the model; Linux: nf_conntrack_proto_tcp.c; OVS: conntrack-tcp.c).
 */
import { type Action, field, type Match, type Network, ROW_WORDS, type Slice, walkNetwork } from "@plumbline/model";
import { chunksOf } from "./slices.js";

const LENGTH = field("packet_len").word;
const TOS = field("nw_tos").word;
const LABEL = field("ipv6_label").word;
const FLAGS = field("tcp_flags").word;
const PSH = 8;
const RST = 4;
const ACK = 16;
const TRACKED = 0x3f;

export interface Reads {
  /** Bits of the TOS byte. */
  readonly tos: number;
  /** The length matters. */
  readonly length: boolean;
  /** What each value of the TCP flags' low byte is taken for. */
  readonly flagMap: Uint8Array;
  /** Bits of the nibble above it. */
  readonly highFlags: number;
  /** A row's words as masks; TCP flags are not in it. */
  readonly rowMask: Uint32Array;
}

export function readsOf(net: Network): Reads {
  const bits = new Uint32Array(ROW_WORDS);
  const match = (m: Match) => {
    for (const x of m) bits[x.w] |= x.m;
  };
  const slice = (s: Slice) => {
    for (const c of chunksOf(s)) bits[c.word] |= c.bits === 32 ? 0xffffffff : ((1 << c.bits) - 1) << c.shift;
  };
  for (const t of net.tables) if (t.key) slice(t.key);
  for (const r of net.rules) r.rows.forEach(match);
  // A replay looks for resets in what comes back.
  let flags = RST;
  walkNetwork(net, (a) => {
    if (a.op === "ct") flags |= TRACKED;
    if (a.op === "emit") flags |= ACK;
    readBy(a).forEach(slice);
    if (a.op === "choose" && a.by?.kind === "fields") for (const f of a.by.fields) f.when?.forEach(match);
  });
  const rowMask = new Uint32Array(ROW_WORDS).fill(0xffffffff);
  for (const w of [LENGTH, TOS, LABEL]) rowMask[w] = bits[w];
  rowMask[FLAGS] = 0;
  flags |= bits[FLAGS];
  return {
    tos: bits[TOS] & 0xff,
    length: bits[LENGTH] !== 0,
    flagMap: Uint8Array.from({ length: 256 }, (_, f) => f & flags & (f & ACK && !(bits[FLAGS] & PSH) ? ~PSH : ~0)),
    highFlags: (bits[FLAGS] >>> 8) & 15,
    rowMask,
  };
}

/** The slices that an action reads itself, without those of programs nested in it. */
function readBy(a: Action): readonly Slice[] {
  switch (a.op) {
    case "move":
    case "greater":
    case "push":
      return [a.src];
    case "swap":
      return [a.a, a.b];
    case "output":
      return typeof a.port === "number" ? [] : [a.port];
    case "ct":
      return typeof a.zone === "number" ? [] : [a.zone];
    case "choose":
      if (!a.by) return [];
      return a.by.kind === "map" ? [a.by.field] : a.by.fields.map((f) => f.slice);
    default:
      return [];
  }
}
