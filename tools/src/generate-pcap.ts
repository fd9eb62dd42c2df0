/**
 * Writes a pcap of many TCP connections to one address, for measuring a replay.
 *
 *     node tools/dist/generate-pcap.js --out big.pcap --packets 1000000 --flows 100000 --dst 192.0.2.100:8080 \
 *         --sources 198.51.100.0/24 --eth-src 02:00:00:00:00:01 --eth-dst 02:00:00:00:00:02 [--order turns|uniform|zipf] [--frame 60]
 *
 * Every connection sends SYN, ACK and data. Only the client's direction is written: it is what enters at the capture point. `--order`: connections take
 * turns, or each packet is of a random one: all alike, or the n-th with a share of 1/n (Zipf). `--out -` writes to standard output, at the reader's pace.
 * A frame of 60 bytes is one of 64 on the wire, where its checksum is counted.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { parseArgs } from "node:util";
import { ipv4Number, macNumber } from "@plumbline/model";

const { values } = parseArgs({
  options: {
    out: { type: "string" },
    packets: { type: "string", default: "1000000" },
    flows: { type: "string", default: "100000" },
    dst: { type: "string", default: "192.0.2.100:8080" },
    sources: { type: "string", default: "198.51.100.0/24" },
    order: { type: "string", default: "turns" },
    frame: { type: "string", default: "60" },
    "eth-src": { type: "string", default: "02:00:00:00:00:01" },
    "eth-dst": { type: "string", default: "02:00:00:00:00:02" },
  },
});

/** Source ports lie scattered, as those of real clients do: a source NAT then seldom finds a port in use. Both are prime. */
const PORTS = 64_499;
const PORT_STEP = 25_169;
const HEADER = 16;
const BATCH = 16_384;
/** Packets of a second of the capture. */
const RATE = 100_000;
const FLAGS = [0x02, 0x10, 0x18];

/** A repeatable stream of numbers from 0 to 1. */
function random(): () => number {
  let x = 0x2545f491;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

/** The connection of the i-th packet. */
function order(name: string, flows: number): ((i: number) => number) | null {
  const next = random();
  if (name === "turns") return (i) => i % flows;
  if (name === "uniform") return () => Math.floor(next() * flows);
  // The inverse of the harmonic sum's logarithm.
  if (name === "zipf") return () => Math.min(flows - 1, Math.floor((flows + 1) ** next()) - 1);
  return null;
}

function main(): void {
  const [dstText, portText] = values.dst.split(":");
  const [netText, lenText] = values.sources.split("/");
  const dst = ipv4Number(dstText);
  const net = ipv4Number(netText);
  const macs = [macNumber(values["eth-dst"]), macNumber(values["eth-src"])];
  const packets = Number(values.packets);
  const flows = Number(values.flows);
  const length = Number(values.frame);
  const flowOf = order(values.order, flows);
  if (!values.out || dst === null || net === null || macs.includes(null) || !flowOf || !(length >= 54)) {
    console.error(
      "usage: generate-pcap --out FILE|- [--packets N] [--flows N] [--dst A:P] [--sources NET/LEN] [--order turns|uniform|zipf] [--frame BYTES] [--eth-src MAC] [--eth-dst MAC]",
    );
    process.exitCode = 2;
    return;
  }
  const hosts = 2 ** (32 - Number(lenText)) - 2;
  const fd = values.out === "-" ? 1 : openSync(values.out, "w");
  write(fd, fileHeader());
  const record = HEADER + length;
  const batch = Buffer.alloc(record * BATCH);
  const template = batch.subarray(0, record);
  const f = template.subarray(HEADER);
  template.writeUInt32LE(length, 8);
  template.writeUInt32LE(length, 12);
  f.writeUIntBE(Number(macs[0]), 0, 6);
  f.writeUIntBE(Number(macs[1]), 6, 6);
  f.writeUInt16BE(0x0800, 12);
  f[14] = 0x45;
  f.writeUInt16BE(length - 14, 16);
  f[22] = 64;
  f[23] = 6;
  f.writeUInt32BE(dst, 30);
  f.writeUInt16BE(Number(portText), 36);
  f[46] = 0x50;
  for (let i = 1; i < BATCH; i++) template.copy(batch, i * record);
  const sent = new Uint8Array(flows);
  for (let done = 0; done < packets; done += BATCH) {
    const n = Math.min(BATCH, packets - done);
    for (let i = 0; i < n; i++) {
      const at = i * record;
      const flow = flowOf(done + i);
      batch.writeUInt32LE(1_700_000_000 + Math.floor((done + i) / RATE), at);
      batch.writeUInt32LE(((done + i) % RATE) * (1_000_000 / RATE), at + 4);
      batch.writeUInt32BE(net + 1 + (flow % hosts), at + HEADER + 26);
      batch.writeUInt16BE(1024 + ((flow * PORT_STEP) % PORTS), at + HEADER + 34);
      batch[at + HEADER + 47] = FLAGS[sent[flow]];
      if (sent[flow] < 2) sent[flow]++;
    }
    write(fd, batch.subarray(0, n * record));
  }
  if (fd === 1) return;
  closeSync(fd);
  console.log(`${values.out}: ${packets} packets of ${Math.min(flows, packets)} connections`);
}

function fileHeader(): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(65535, 16);
  head.writeUInt32LE(1, 20);
  return head;
}

/** All of it; a pipe that is full is tried again. */
function write(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== "EAGAIN") throw e;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

main();
