/** Large uploads: how fast, and how much memory they take. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../oracle/random.js";
import { ServiceProcess } from "./child.js";

export interface UploadFigures {
  readonly what: string;
  readonly megabytes: number;
  readonly status: number;
  readonly seconds: number;
  /** Resident MiB of the service before it, and the most. */
  readonly before: number;
  readonly peak: number;
}

const MiB = 1 << 20;

/** Uploads a tar of `megabytes` (log files of 16 MiB beside some evidence), and a capture of as many. */
export async function largeUploads(megabytes: number): Promise<UploadFigures[]> {
  const dir = mkdtempSync(join(tmpdir(), "plumbline-upload-"));
  const figures: UploadFigures[] = [];
  try {
    for (const what of ["capture", "archive"] as const) {
      const service = await ServiceProcess.start(join(dir, what));
      await service.setUp();
      const before = service.memory().now;
      const begin = performance.now();
      const body = ReadableStream.from(what === "archive" ? archive(megabytes) : capture(megabytes)) as unknown as ReadableStream;
      const path = what === "archive" ? "/v1/snapshots?name=large.tar" : "/v1/captures?name=large.pcap";
      const { status } = await service.send("POST", path, body);
      const seconds = Math.round((performance.now() - begin) / 100) / 10;
      figures.push({ what, megabytes, status, seconds, before, peak: service.memory().peak });
      await service.stop();
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  return figures;
}

function* capture(megabytes: number): Generator<Uint8Array> {
  yield Buffer.from("d4c3b2a1020004000000000000000000ffff000001000000", "hex");
  const piece = Buffer.alloc(MiB, 0x5a);
  for (let i = 0; i < megabytes; i++) yield piece;
}

/** Lines of a log, not the same over and over: packed, it is still a large archive. */
function* archive(megabytes: number): Generator<Uint8Array> {
  yield* entry("node-1/host/ip_neigh", [Buffer.from("192.0.2.1 dev eth0 lladdr 52:54:00:00:00:01 REACHABLE\n")]);
  const random = new Random(1);
  const lines: string[] = [];
  for (let size = 0; size < MiB; ) {
    const line = `Nov 22 12:00:${random.int(60)} node-1 kubelet[${random.int(1 << 30)}]: ${random.int(1 << 30).toString(36)}${random.int(1 << 30).toString(36)} done`;
    lines.push(line);
    size += line.length + 1;
  }
  const piece = Buffer.from(`${lines.join("\n")}\n`).subarray(0, MiB);
  for (let i = 0; i * 16 < megabytes; i++) yield* entry(`node-1/host/log-${i}`, Array<Buffer>(16).fill(piece));
  yield Buffer.alloc(1024);
}

/** A file of a tar: header, content, padding (POSIX.1-1988, ustar). */
function* entry(name: string, pieces: readonly Buffer[]): Generator<Uint8Array> {
  const size = pieces.reduce((n, p) => n + p.length, 0);
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${size.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar\x0000", 257);
  header.write(
    `${header
      .reduce((a, b) => a + b)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
  );
  yield header;
  yield* pieces;
  if (size % 512 > 0) yield Buffer.alloc(512 - (size % 512));
}
