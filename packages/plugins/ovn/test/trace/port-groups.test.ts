import { expect, test } from "vitest";
import { annotate, normalize, ovnSymbols, parseExpression, simplify, toRows } from "../../src/expr/index.js";
import { withoutGroups, withPorts } from "../../src/trace/port-groups.js";

const symbols = ovnSymbols("24.03");
const tree = (text: string, ports?: readonly string[]) =>
  normalize(simplify(annotate(parseExpression(text, { symbols, portGroups: ports ? new Map([["pg", ports]]) : new Map() }), symbols)));
const KEYS: Readonly<Record<string, number>> = { a: 1, b: 2 };
const rows = (e: ReturnType<typeof tree>) => toRows(e, (name) => KEYS[name]);

test.each([
  "outport == @pg",
  "outport == @pg && ip4.src == {10.0.0.1, 10.0.0.2}",
  "ip4 && (outport == @pg || tcp.dst == 80)",
  'inport == @pg && outport == "a" && tcp',
])("%s: put in afterwards, ports make the rows that the parser would have made", (text) => {
  for (const ports of [["a"], ["a", "b"], ["gone", "b"], ["gone"]]) {
    const groups = withoutGroups(text)!;
    const parsed = tree(groups.text);
    const here = ports.filter((p) => p in KEYS);
    expect(rows(withPorts(parsed, groups, () => here))).toEqual(rows(tree(text, ports)));
  }
});

test("what asks for more of a group's port is left to the parser", () => {
  expect(withoutGroups('outport == @pg && outport == "a"')).toBeUndefined();
  expect(withoutGroups("outport == {@pg, @other}")).toBeUndefined();
  expect(withoutGroups("outport != @pg")).toBeUndefined();
});
