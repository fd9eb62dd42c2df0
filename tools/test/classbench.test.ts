import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { readRules, readTrace } from "../src/classbench.js";

test("rules and traces, plain and gzipped; what is none is told by line", () => {
  const dir = mkdtempSync(join(tmpdir(), "classbench-"));
  try {
    const rules = join(dir, "rules.gz");
    writeFileSync(
      rules,
      gzipSync(
        "@10.1.2.3/32\t20.0.0.0/8\t0 : 65535\t80 : 90\t0x06/0xFF\t0x1000/0x1000\n@0.0.0.0/0 1.2.3.0/24 5 : 5 0 : 65535 0x00/0x00 0x0000/0x0000\n",
      ),
    );
    expect(readRules(rules)).toEqual([
      {
        src: { value: 0x0a010203, length: 32 },
        dst: { value: 0x14000000, length: 8 },
        srcPort: [0, 65535],
        dstPort: [80, 90],
        protocol: [6, 6],
      },
      { src: { value: 0, length: 0 }, dst: { value: 0x01020300, length: 24 }, srcPort: [5, 5], dstPort: [0, 65535], protocol: [0, 255] },
    ]);
    const trace = join(dir, "trace");
    writeFileSync(trace, "4294967295\t1\t2\t3\t6\t0\t17\n");
    expect(readTrace(trace)).toEqual([{ src: 0xffffffff, dst: 1, srcPort: 2, dstPort: 3, protocol: 6 }]);
    writeFileSync(trace, "1 2 3 4 5\n1 2 65536 4 5\n");
    expect(() => readTrace(trace)).toThrow("trace:2: no packet of a trace: 1 2 65536 4 5");
    writeFileSync(rules, "@10.1.2.3/33 20.0.0.0/8 0 : 1 0 : 1 0x06/0xFF 0x0/0x0\n");
    expect(() => readRules(rules)).toThrow("rules.gz:1: a number out of its range");
  } finally {
    rmSync(dir, { recursive: true });
  }
});
