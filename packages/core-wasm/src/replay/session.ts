/**
 * Replay of a capture: the bytes of a pcap or pcapng go in as they come, flows and paths come out.
 *
 * The bytes are staged in the core's memory in pieces of a few MiB; records are decoded, told apart by direction, run and
 * folded there. A record may straddle two chunks: what is left of a chunk is staged again before the next. JavaScript has
 * work to do only for a path that is seen for the first time, and when the flow table needs room.
 *
 * Packets that leave are evidence and never run. But once an answer to a flow has left at the capture point, the
 * connections that the flow's next packets meet count as answered, on every tracker of the path (an answer that came
 * back another way, past one of them, is not told apart).
 *
 * Promise: memory is bounded by the number of flows, never by the size of the capture; nothing is dropped in silence, every
 * frame is in one of the counters.
 */
import { PlumblineError, ROW_WORDS } from "@plumbline/model";
import type { Core } from "../core.js";
import { PATH, PATH_BYTES, REPLAY, REPLAY_STATUS, S_INNER_ROW, S_INPUT_ROW, STATE, UNWRAP_STATUS } from "../layout.js";
import { PCAP_HEADER_BYTES, type PcapHeader, parsePcapHeader } from "../pcap.js";
import { layReplay, MAX_RECORD, STAGE_BYTES } from "./areas.js";
import { checkLinks, ReplayReader } from "./reader.js";
import type { CaptureProblem, ReplayOptions } from "./records.js";

/** Flows by which the time is told before which half of them were quiet. */
const SAMPLED = 4096;

export class ReplaySession extends ReplayReader {
  private readonly inside: Core["inside"];
  private header: PcapHeader | undefined;
  /** Bytes before the first record, as long as they are not complete. */
  private head = new Uint8Array(0);
  private staged = 0;
  /** Where the file's bytes are staged: its records, or the blocks of a pcapng. */
  private bytesAt = 0;
  /** File offset of the first staged byte. */
  private offset = 0;
  private wrong: CaptureProblem | undefined;

  /** One session at a time on a core: a new one takes the memory of the last. Connections stay as they are (see Core.reset). */
  constructor(
    core: Core,
    private readonly options: ReplayOptions,
  ) {
    const { inside } = core;
    super(inside.arena, layReplay(inside, options));
    this.inside = inside;
  }

  /** Takes the next bytes of the file, any number of them (1 to 4 MiB are best). */
  feed(chunk: Uint8Array): void {
    if (this.wrong) return;
    let rest = chunk;
    if (!this.header) {
      const joined = new Uint8Array(this.head.length + chunk.length);
      joined.set(this.head);
      joined.set(chunk, this.head.length);
      if (joined.length < PCAP_HEADER_BYTES) {
        this.head = joined;
        return;
      }
      this.header = parsePcapHeader(this.options.name, joined);
      this.put("R_SWAPPED", this.header.swapped ? 1 : 0);
      this.put("R_TICK", this.header.nanoseconds ? 1 : 1000);
      this.offset = this.header.blocks ? 0 : PCAP_HEADER_BYTES;
      this.bytesAt = this.header.blocks ? this.seat.blocks : this.seat.stage;
      rest = joined.subarray(this.offset);
    }
    this.working(() => {
      while (rest.length > 0 && !this.wrong) {
        const n = Math.min(rest.length, STAGE_BYTES);
        this.arena.bytes.set(rest.subarray(0, n), this.bytesAt + this.staged);
        this.staged += n;
        rest = rest.subarray(n);
        this.work();
      }
    });
  }

  /** Has the core for itself during `work`. */
  private working(work: () => void): void {
    const { inside } = this;
    inside.hold({ record: false, options: { script: [], beyond: "hash" } });
    inside.keepLog(this.options.onPath !== undefined);
    try {
      work();
    } finally {
      inside.keepLog(false);
      inside.release();
    }
  }

  /**
   * Takes the next bytes where `read` puts them: it gets room in the core's memory, and tells how many bytes it has put there. Returns that number;
   * 0 is the file's end.
   */
  feedFrom(read: (room: Uint8Array) => number): number {
    if (!this.header) {
      const first = new Uint8Array(1 << 16);
      const n = read(first);
      this.feed(first.subarray(0, n));
      return n;
    }
    const { arena } = this;
    const at = this.bytesAt + this.staged;
    const n = read(arena.bytes.subarray(at, at + STAGE_BYTES));
    if (n > 0)
      this.working(() => {
        this.staged += n;
        this.work();
      });
    return n;
  }

  /** Says that no bytes follow. Returns what was wrong with the capture, if anything. */
  finish(): CaptureProblem | undefined {
    if (!this.wrong && !this.header) {
      if (this.head.length > 0) throw new PlumblineError("CAPTURE_BAD", [this.options.name, "the file is shorter than a pcap header."]);
      this.wrong = { kind: "empty", offset: 0, text: "the file is empty" };
    }
    if (!this.options.share) checkLinks([this], this.options.name);
    if (!this.wrong && (this.staged > 0 || this.get("R_SKIP") > 0))
      this.wrong = {
        kind: "cut",
        offset: this.offset,
        text: this.header?.blocks
          ? "the file ends in the middle of a block"
          : `the file ends in the middle of a record (${this.staged} bytes of it are there)`,
      };
    return this.wrong;
  }

  /** Works through what is staged, and keeps the rest for the next chunk. */
  private work(): void {
    const used = this.header?.blocks ? this.workBlocks() : this.workRecords();
    this.arena.bytes.copyWithin(this.bytesAt, this.bytesAt + used, this.bytesAt + this.staged);
    this.staged -= used;
    this.offset += used;
  }

  /** Rewrites the staged blocks as records and works through these. Returns how many bytes are used. */
  private workBlocks(): number {
    this.put("R_BLOCKS_STAGED", this.staged);
    this.put("R_BLOCKS_USED", 0);
    this.put("R_STAGED", 0);
    const status = this.arena.exports.unwrap(this.seat.r);
    const used = this.get("R_BLOCKS_USED");
    this.replay();
    if (status === UNWRAP_STATUS.UNWRAP_CORRUPT) {
      const offset = this.offset + used;
      this.wrong ??= { kind: "damaged", offset, text: `the block at byte ${offset} contradicts itself` };
    }
    return used;
  }

  private workRecords(): number {
    this.put("R_STAGED", this.staged);
    return this.replay();
  }

  /** Works through the staged records. Returns how many bytes of them are used. */
  private replay(): number {
    this.put("R_USED", 0);
    for (;;) {
      const status = this.arena.exports.replay(this.seat.r);
      if (status === REPLAY_STATUS.REPLAY_NEW_PATH) this.newPath();
      else if (status === REPLAY_STATUS.REPLAY_FLOWS_FULL) this.makeRoom();
      else {
        const used = this.get("R_USED");
        if (status === REPLAY_STATUS.REPLAY_CORRUPT) {
          const offset = this.offset + used;
          this.wrong = { kind: "damaged", offset, text: `the record at byte ${offset} claims more than ${MAX_RECORD} captured bytes` };
        }
        return used;
      }
    }
  }

  private newPath(): void {
    const { onPath, device, port } = this.options;
    if (!onPath) return;
    const { arena } = this;
    const { base, again } = this.inside;
    const path = this.get("R_PATH_COUNT") - 1;
    const at = (base + S_INPUT_ROW) >>> 2;
    const row = arena.words.slice(at, at + ROW_WORDS);
    const innerAt = (base + S_INNER_ROW) >>> 2;
    const inner = arena.get(base + STATE.S_HAS_INNER) === 0 ? {} : { inner: arena.words.slice(innerAt, innerAt + ROW_WORDS) };
    const hash = arena.getBig(this.seat.paths + path * PATH_BYTES + PATH.A_HASH);
    const sent = this.get("R_SENT") !== 0;
    const order = arena.getCount(this.seat.paths + path * PATH_BYTES + PATH.A_ORDER);
    onPath({ path, hash, order, row, ...inner, sent, events: again(device, sent ? null : port) });
  }

  /** Hands out the flows that were quiet longest, about half of them, and takes them out. */
  private makeRoom(): void {
    const { arena } = this;
    this.settle();
    const count = this.get("R_FLOW_COUNT");
    const sample = Array.from({ length: Math.min(count, SAMPLED) }, (_, i) =>
      this.lastOf(Math.floor((i * count) / Math.min(count, SAMPLED))),
    );
    const until = sample.sort((x, y) => (x < y ? -1 : 1))[sample.length >>> 1];
    this.options.onFull?.(this.held(until));
    arena.exports.removeFlows(this.seat.r, until);
  }

  private put(name: keyof typeof REPLAY, value: number): void {
    this.arena.put(this.seat.r + REPLAY[name], value);
  }
}
