/**
 * All branches of a flow: its first packet asked alone, on empty connection tables. Needed where all branches are wanted, and
 * where the capture shows that the chosen one was not taken. The core that is asked is not the one of the replay.
 */
import type { Core, TupleRecord } from "@plumbline/core-wasm";
import { type Device, get, getBig, type Numbering, type Row, set } from "@plumbline/model";
import { choicesOf, enumerate } from "../trace/enumerate.js";
import type { Packet, PathBook, PathStory } from "./paths.js";

/** The most branches of one flow. */
const MOST = 4096;

export interface Branch {
  readonly story: PathStory;
  readonly final: TupleRecord;
  readonly probability: number;
}

export class Branches {
  constructor(
    private readonly core: Core,
    private readonly num: Numbering,
    private readonly book: PathBook,
  ) {}

  /** The branches of a packet; `complete` is false where there were more than can be listed. */
  of(packet: Packet, device: Device, port: number | null): { branches: Branch[]; complete: boolean } {
    const { core } = this;
    const inner = packet.inner ? { inner: packet.inner } : {};
    const found = enumerate((script) => {
      core.reset();
      const events = core.run(packet.row, device.id, port, { script, beyond: "first", ...inner });
      const { path, row: end } = core.fate;
      return { result: { known: this.book.path(path, packet, events, device, port), end }, choices: choicesOf(events, this.num) };
    }, MOST);
    const branches = found.branches.flatMap(({ result, probability }) => {
      const story = result.known?.story;
      return story ? [{ story, final: finalOf(tupleOf(result.end), story), probability }] : [];
    });
    return { branches, complete: found.complete && branches.length === found.branches.length };
  }
}

/** What a packet looked like when its receiver got it, from what the core has at the end. */
export function finalOf(end: TupleRecord, story: PathStory | null): TupleRecord {
  if (!story?.turned) return end;
  return { ...end, src: end.dst, dst: end.src, srcPort: end.dstPort, dstPort: end.srcPort };
}

export function tupleOf(row: Row): TupleRecord {
  const v6 = get(row, "eth_type") === 0x86dd;
  const proto = get(row, "ip_proto");
  const icmp = proto === (v6 ? 58 : 1);
  const ip = v6 ? "ipv6" : "ip";
  return {
    v6,
    proto,
    src: getBig(row, `${ip}_src`),
    dst: getBig(row, `${ip}_dst`),
    srcPort: get(row, icmp ? "icmp_id" : "tp_src"),
    dstPort: get(row, icmp ? "icmp_id" : "tp_dst"),
    icmp: icmp ? (get(row, "icmp_type") << 8) | get(row, "icmp_code") : 0,
  };
}

/** The first packet of a flow: like `model`, the first packet of its path, with the flow's own addresses and ports. */
export function firstPacket(model: Packet, f: TupleRecord): Packet {
  return model.inner ? { row: model.row, inner: withTuple(model.inner, f) } : { row: withTuple(model.row, f) };
}

/** A copy with other addresses and ports. */
export function withTuple(model: Row, t: TupleRecord): Row {
  const row = model.slice();
  const ip = t.v6 ? "ipv6" : "ip";
  set(row, "eth_type", t.v6 ? 0x86dd : 0x0800);
  set(row, "ip_proto", t.proto);
  set(row, `${ip}_src`, t.src);
  set(row, `${ip}_dst`, t.dst);
  if (t.proto === (t.v6 ? 58 : 1)) {
    set(row, "icmp_id", t.srcPort);
    set(row, "icmp_type", t.icmp >> 8);
    set(row, "icmp_code", t.icmp & 0xff);
  } else {
    set(row, "tp_src", t.srcPort);
    set(row, "tp_dst", t.dstPort);
  }
  return row;
}
