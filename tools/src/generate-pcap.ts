/**
 * Writes a pcap of many TCP connections to one address, for measuring a replay.
 *
 *     node tools/dist/generate-pcap.js --out big.pcap --packets 1000000 --flows 100000 --dst 192.0.2.100:8080 \
 *         --sources 198.51.100.0/24 --eth-src 02:00:00:00:00:01 --eth-dst 02:00:00:00:00:02
 *
 * Every connection sends SYN, ACK and data; packets of all connections are interleaved. Only the client's direction is
 * written: it is what enters at the capture point.
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
    "eth-src": { type: "string", default: "02:00:00:00:00:01" },
    "eth-dst": { type: "string", default: "02:00:00:00:00:02" },
  },
});

/** Source ports lie scattered, as those of real clients do: a source NAT then seldom finds a port in use. Both are prime. */
const PORTS = 64_499;
const PORT_STEP = 25_169;

const FRAME = 60;
const RECORD = 16 + FRAME;

function main(): void {
  const [dstText, portText] = values.dst.split(":");
  const [netText, lenText] = values.sources.split("/");
  const dst = ipv4Number(dstText);
  const net = ipv4Number(netText);
  const macs = [macNumber(values["eth-dst"]), macNumber(values["eth-src"])];
  if (!values.out || dst === null || net === null || macs.includes(null)) {
    console.error(
      "usage: generate-pcap --out FILE [--packets N] [--flows N] [--dst A:P] [--sources NET/LEN] [--eth-src MAC] [--eth-dst MAC]",
    );
    process.exitCode = 2;
    return;
  }
  const packets = Number(values.packets);
  const flows = Number(values.flows);
  const hosts = 2 ** (32 - Number(lenText)) - 2;
  const fd = openSync(values.out, "w");
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(65535, 16);
  head.writeUInt32LE(1, 20);
  writeSync(fd, head);
  const batch = Buffer.alloc(RECORD * 16384);
  let used = 0;
  for (let i = 0; i < packets; i++) {
    const flow = i % flows;
    const nth = Math.floor(i / flows);
    const b = batch.subarray(used, used + RECORD).fill(0);
    b.writeUInt32LE(1_700_000_000 + Math.floor(i / 100_000), 0);
    b.writeUInt32LE((i % 100_000) * 10, 4);
    b.writeUInt32LE(FRAME, 8);
    b.writeUInt32LE(FRAME, 12);
    const f = b.subarray(16);
    f.writeUIntBE(Number(macs[0]), 0, 6);
    f.writeUIntBE(Number(macs[1]), 6, 6);
    f.writeUInt16BE(0x0800, 12);
    f[14] = 0x45;
    f.writeUInt16BE(46, 16);
    f[22] = 64;
    f[23] = 6;
    f.writeUInt32BE(net + 1 + (flow % hosts), 26);
    f.writeUInt32BE(dst, 30);
    f.writeUInt16BE(1024 + ((flow * PORT_STEP) % PORTS), 34);
    f.writeUInt16BE(Number(portText), 36);
    f[46] = 0x50;
    f[47] = nth === 0 ? 0x02 : nth === 1 ? 0x10 : 0x18;
    used += RECORD;
    if (used === batch.length) {
      writeSync(fd, batch);
      used = 0;
    }
  }
  writeSync(fd, batch.subarray(0, used));
  closeSync(fd);
  console.log(`${values.out}: ${packets} packets of ${Math.min(flows, packets)} connections`);
}

main();
