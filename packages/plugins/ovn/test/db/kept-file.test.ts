import { expect, test } from "vitest";
import { keptFile, readKept } from "../../src/db/kept-file.js";

const parts = {
  bytes: Uint8Array.of(1, 2, 3),
  words: Uint32Array.of(4_000_000_000, 5),
  signed: Int32Array.of(-1),
  few: new Uint16Array(0),
};
const whole = () => new Uint8Array(Buffer.concat(keptFile({ a: "\u00fc" }, parts)));

test("what was kept comes back", () => {
  expect(readKept(whole())).toEqual({ info: { a: "\u00fc" }, parts });
});

test.each([
  ["one bit is another", (b: Uint8Array) => void (b[b.length - 30] ^= 4), "it is damaged"],
  ["another version has made it", (b: Uint8Array) => void (b[8] ^= 1), "another version has made it"],
  ["it is something else", (b: Uint8Array) => void (b[0] ^= 1), "it is no such file"],
])("it is not used where %s", (_, spoil, why) => {
  const b = whole();
  spoil(b);
  expect(() => readKept(b)).toThrow(why);
});

test("it is not used where it was cut", () => {
  expect(() => readKept(whole().slice(0, -8))).toThrow("it is damaged");
});
