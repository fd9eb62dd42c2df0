import { expect, test } from "vitest";
import { Arena } from "../src/arena.js";

test("memory grows and keeps what is in it; past one memory's 4 GiB the answer is an error of the input", () => {
  const arena = new Arena();
  arena.put(65536, 42);
  arena.reserve(100 << 20);
  expect(arena.bytes.byteLength).toBeGreaterThanOrEqual(100 << 20);
  expect(arena.get(65536)).toBe(42);
  expect(() => arena.reserve(5 * 2 ** 30)).toThrowError(
    expect.objectContaining({
      code: "NETWORK_TOO_LARGE",
      message: "the snapshot needs 5368709120 bytes of program memory; the core has 4294967296.",
    }),
  );
});
