import { expect, test } from "vitest";
import { factFault, linesOf } from "../src/index.js";

const bytes = (text: string) => new TextEncoder().encode(text);
const inPieces = (text: string, size: number) => {
  const all = bytes(text);
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.subarray(i * size, (i + 1) * size));
};

test("lines are those of the whole text, wherever the pieces are cut", () => {
  const text = "\ufeffone\r\n\nzwölf €\nlast";
  for (const size of [1, 2, 3, 5, 100])
    expect([...linesOf(inPieces(text, size))].map((l) => `${l.number} ${l.text}`)).toEqual(["1 one", "2 ", "3 zwölf €", "4 last"]);
  expect([...linesOf([bytes("a\n")])]).toEqual([{ number: 1, text: "a" }]);
  expect([...linesOf([])]).toEqual([]);
  expect([...linesOf([new Uint8Array([65, 0, 10])])]).toEqual([]);
});

test("shapes say what is wrong with data, and where", () => {
  const own = {
    "x.y": { object: { n: "integer", "tags?": { listOf: "string" }, k: { oneOf: ["a", "b"] }, m: { mapOf: "any" } } },
  } as const;
  const fault = (data: unknown) => factFault("x.y", data, own);
  expect(fault({ n: 1, k: "a", m: {} })).toBe("");
  expect(fault({ n: 1.5, k: "a", m: {} })).toBe("n: a whole number is expected, 1.5 was found");
  expect(fault({ n: 1, k: "c", m: {} })).toBe("k: one of 'a', 'b' is expected, \"c\" was found");
  expect(fault({ n: 1, k: "a", m: {}, tags: ["", 7] })).toBe("tags[1]: a text is expected, 7 was found");
  expect(fault({ n: 1, k: "a", m: {}, more: 1 })).toBe("more: the shape has no such name");
  expect(fault({ n: 1, k: "a", m: { f: () => 1 } })).toBe("m.f: plain data are expected, a function was found");
  expect(fault({ k: "a", m: {} })).toBe("n: is missing");
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  expect(fault({ n: 1, k: "a", m: loop })).toContain("nested too deep");
});
