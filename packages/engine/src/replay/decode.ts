/**
 * Recordings in formats that a plugin decodes: its frames go on as a pcap file, which is what the core reads.
 *
 * The core knows pcap and pcapng itself; plugins are asked about what begins otherwise, in their order.
 */
import { type CaptureDecoder, type Plugin, PlumblineError, type RecordedFrame } from "@plumbline/model";
import { type CaptureSource, spokenName } from "./source.js";

/** Enough of a recording's beginning for a plugin to know it. */
const HEAD_BYTES = 64;
const PCAP_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
/** First words of files that the core reads, in either byte order (pcap in microseconds and nanoseconds, pcapng). */
const OWN = new Set([0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0x0a0d0d0a]);
const NANOSECONDS = 0xa1b23c4d;
const LONGEST_FRAME = 0x40000;

/** The capture as the core reads it: as it is, or as a plugin has decoded it. */
export async function decoded(source: CaptureSource, plugins: readonly Plugin[]): Promise<CaptureSource> {
  const able = plugins.filter((p) => p.decode);
  if (able.length === 0) return source;
  const pieces = source.pieces[Symbol.asyncIterator]();
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < HEAD_BYTES) {
    const next = await pieces.next();
    if (next.done) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  const own = head.length >= 4 && OWN.has(new DataView(head.buffer, head.byteOffset, 4).getUint32(0));
  const known = own ? null : decoderOf(able, head, source);
  if (!known && source.readInto) {
    // A file can be read from its beginning again.
    await pieces.return?.();
    return source;
  }
  const whole = async function* () {
    if (head.length > 0) yield head;
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) yield next.value;
  };
  let wrong = "";
  const said = (text: string) => {
    wrong = `${text} (said by the ${known?.plugin} plugin)`;
  };
  return {
    name: source.name,
    packedName: source.packedName,
    pieces: known ? asPcap(known.decoder, whole(), source, said) : whole(),
    // Both are known at the end only.
    get damage() {
      return [source.damage, wrong].filter(Boolean).join("; ");
    },
  };
}

function decoderOf(
  plugins: readonly Plugin[],
  head: Uint8Array,
  source: CaptureSource,
): { decoder: CaptureDecoder; plugin: string } | null {
  for (const plugin of plugins) {
    try {
      const decoder = plugin.decode?.(head.subarray(0, HEAD_BYTES), source.name);
      if (decoder) return { decoder, plugin: plugin.id };
    } catch (e) {
      throw new PlumblineError("CAPTURE_BAD", [spokenName(source), `the ${plugin.id} plugin could not look at it: ${messageOf(e)}`]);
    }
  }
  return null;
}

const messageOf = (e: unknown) => (e instanceof Error ? e.message : String(e));

async function* asPcap(
  decoder: CaptureDecoder,
  pieces: AsyncIterable<Uint8Array>,
  source: CaptureSource,
  ended: (wrong: string) => void,
): AsyncGenerator<Uint8Array> {
  let frames: RecordedFrame[] = [];
  let link = -1;
  const take = (f: RecordedFrame) => void frames.push(f);
  const flush = function* () {
    for (const f of frames) {
      if (link < 0) {
        link = f.link;
        yield pcapHeader(link);
      }
      if (f.link !== link) throw new PlumblineError("CAPTURE_BAD", [spokenName(source), `it mixes link types ${link} and ${f.link}.`]);
      yield record(f);
    }
    frames = [];
  };
  try {
    for await (const piece of pieces) {
      decoder.push(piece, take);
      yield* flush();
    }
    const wrong = decoder.end(take);
    yield* flush();
    if (wrong !== "") ended(wrong);
  } catch (e) {
    if (e instanceof PlumblineError) throw e;
    // What was decoded before is as good as that of a recording that was cut.
    yield* flush();
    ended(messageOf(e));
  }
}

function pcapHeader(link: number): Uint8Array {
  const out = Buffer.alloc(PCAP_HEADER_BYTES);
  out.writeUInt32LE(NANOSECONDS, 0);
  out.writeUInt16LE(2, 4);
  out.writeUInt16LE(4, 6);
  out.writeUInt32LE(LONGEST_FRAME, 16);
  out.writeUInt32LE(link, 20);
  return out;
}

function record(f: RecordedFrame): Uint8Array {
  const bytes = f.bytes.subarray(0, LONGEST_FRAME);
  const out = Buffer.alloc(RECORD_HEADER_BYTES + bytes.length);
  out.writeUInt32LE(f.seconds >>> 0, 0);
  out.writeUInt32LE(f.nanoseconds >>> 0, 4);
  out.writeUInt32LE(bytes.length, 8);
  out.writeUInt32LE(Math.max(f.length, bytes.length) >>> 0, 12);
  out.set(bytes, RECORD_HEADER_BYTES);
  return out;
}
