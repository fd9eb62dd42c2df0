/** Captures in a format that a plugin decodes reach the core as pcap. */
import type { Plugin } from "@plumbline/model";
import { expect, test } from "vitest";
import { captureOf } from "../src/index.js";
import { decoded } from "../src/replay/decode.js";

/** A toy: "TOY1", then for each frame a byte with its length and the bytes. */
const toy: Plugin = {
  id: "toy",
  title: "a toy's recordings",
  decode(head) {
    if (Buffer.from(head.subarray(0, 4)).toString() !== "TOY1") return null;
    let rest = Buffer.alloc(0);
    let begun = false;
    return {
      push(bytes, frame) {
        rest = Buffer.concat([rest, bytes]);
        if (!begun && rest.length >= 4) [begun, rest] = [true, rest.subarray(4)];
        while (begun && rest.length > 0 && rest.length > rest[0]) {
          frame({ seconds: 7, nanoseconds: 5, length: rest[0], bytes: rest.subarray(1, 1 + rest[0]), link: 1 });
          rest = rest.subarray(1 + rest[0]);
        }
      },
      end: () => (rest.length > 0 ? "it ends in a frame" : ""),
    };
  },
};

async function* pieces(...of: readonly (string | Uint8Array)[]) {
  for (const p of of) yield Buffer.from(p as string);
}
async function read(...of: readonly (string | Uint8Array)[]) {
  const source = await decoded(await captureOf("x.toy", pieces(...of)), [toy]);
  const all: Uint8Array[] = [];
  for await (const p of source.pieces) all.push(p);
  return { hex: Buffer.concat(all).toString("hex"), damage: source.damage };
}

test("frames become records, wherever the pieces are cut; what is wrong at the end is said", async () => {
  const { hex } = await read("TO", "Y1\u0002", "ab\u0001c");
  expect(hex.slice(0, 8)).toBe("4d3cb2a1");
  expect(hex.slice(48)).toBe("0700000005000000020000000200000061620700000005000000010000000100000063");
  expect((await read("TOY1\u0002ab\u0005c")).damage).toBe("it ends in a frame (said by the toy plugin)");
});

test("what no plugin knows, and what the core reads itself, stays as it is", async () => {
  expect((await read("other")).hex).toBe(Buffer.from("other").toString("hex"));
  expect((await read(new Uint8Array([0xd4, 0xc3, 0xb2, 0xa1, 1, 2]))).hex).toBe("d4c3b2a10102");
});
