/**
 * Rule sets and traces as the ClassBench tools write them (Taylor and Turner 2005), plain or gzipped.
 *
 * A rule is `@SRC/LEN DST/LEN LOW : HIGH LOW : HIGH 0xPROTO/0xMASK 0xFLAGS/0xMASK`, the first is the best; a packet of a trace is
 * `SRC DST SPORT DPORT PROTO …` in decimal. TCP flags are not compared: classifiers of five fields are what these sets are for.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { AclPacket, AclRule, Range } from "@plumbline/core-wasm";

/** The text of a file, unzipped if it needs to be. */
export function textOf(file: string): string {
  const bytes = readFileSync(file);
  return (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString("latin1");
}

const RULE =
  /^@(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)\s+(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)\s+(\d+)\s*:\s*(\d+)\s+(\d+)\s*:\s*(\d+)\s+0x([0-9a-fA-F]+)\/0x([0-9a-fA-F]+)/;

/** @throws with file and line where one is no rule. */
export function readRules(file: string): AclRule[] {
  const out: AclRule[] = [];
  for (const [i, line] of textOf(file).split("\n").entries()) {
    if (line.trim() === "") continue;
    const complain = (what: string) => new Error(`${file}:${i + 1}: ${what}: ${line.trim()}`);
    const m = RULE.exec(line);
    if (!m) throw complain("no rule of ClassBench");
    const n = m.slice(1, 15).map(Number);
    const address = (at: number) => ((n[at] << 24) | (n[at + 1] << 16) | (n[at + 2] << 8) | n[at + 3]) >>> 0;
    const range = (at: number): Range => [n[at], n[at + 1]];
    const protocol = Number.parseInt(m[15], 16);
    const mask = Number.parseInt(m[16], 16);
    if (mask !== 0 && mask !== 0xff) throw complain("a protocol mask other than 0x00 and 0xFF");
    const bad = [0, 1, 2, 3, 5, 6, 7, 8].some((k) => n[k] > 255) || n[4] > 32 || n[9] > 32 || n.slice(10).some((p) => p > 65535);
    if (bad || n[10] > n[11] || n[12] > n[13] || protocol > 255) throw complain("a number out of its range");
    out.push({
      src: { value: address(0), length: n[4] },
      dst: { value: address(5), length: n[9] },
      srcPort: range(10),
      dstPort: range(12),
      protocol: mask === 0 ? [0, 255] : [protocol, protocol],
    });
  }
  return out;
}

/** @throws with file and line where one is no packet. */
export function readTrace(file: string): AclPacket[] {
  const out: AclPacket[] = [];
  for (const [i, line] of textOf(file).split("\n").entries()) {
    if (line.trim() === "") continue;
    const [src, dst, srcPort, dstPort, protocol] = line.trim().split(/\s+/).map(Number);
    const fits = (v: number, most: number) => Number.isInteger(v) && v >= 0 && v <= most;
    if (!fits(src, 0xffffffff) || !fits(dst, 0xffffffff) || !fits(srcPort, 65535) || !fits(dstPort, 65535) || !fits(protocol, 255))
      throw new Error(`${file}:${i + 1}: no packet of a trace: ${line.trim()}`);
    out.push({ src, dst, srcPort, dstPort, protocol });
  }
  return out;
}
