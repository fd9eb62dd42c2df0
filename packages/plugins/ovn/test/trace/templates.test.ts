/** Matches that differ in constants alone: what is filled in must be what the parser makes of the text. */
import { describe, expect, test } from "vitest";
import { annotate } from "../../src/expr/annotate.js";
import { normalize, ovnSymbols, parseExpression, resolveConditions, simplify, toRows } from "../../src/expr/index.js";
import { type Form, fill, fits, formOf, learn } from "../../src/trace/templates.js";

const symbols = ovnSymbols("24.03");
const PORTS = new Map([
  ["p1", 5],
  ["pod-2", 77],
]);
const lookup = (name: string) => PORTS.get(name);
function parse(text: string, ports: (name: string) => number | undefined) {
  const written = parseExpression(text, { symbols });
  const meant = resolveConditions(simplify(annotate(written, symbols)), () => true);
  return { written, meant, rows: toRows(normalize(meant), ports) };
}
function formFor(text: string): { f: Form | undefined; constants: ReturnType<typeof formOf>["constants"] } {
  const { form, constants } = formOf(text);
  return { f: learn(form, constants, parse), constants };
}

test("constants are told from what only looks like one", () => {
  const { form, constants } = formOf(
    'inport == "p1" && eth.dst == 0a:00:00:00:00:01 && ip4.dst == 10.0.0.1 && ip4.src == 10.0.0.0/8 && tcp.dst == 8080 && reg0[0..15] == 300 && ip6.dst == fe80::1:8080',
  );
  expect(form.replaceAll("\u0001", "%")).toBe(
    "inport == %s && eth.dst == %m && ip4.dst == %i && ip4.src == 10.0.0.0/8 && tcp.dst == %n && reg0[0..15] == %n && ip6.dst == fe80::1:8080",
  );
  expect(constants).toEqual(["p1", { low: 1, high: 0x0a00 }, { low: 0x0a000001, high: 0 }, { low: 8080, high: 0 }, { low: 300, high: 0 }]);
});

describe("forms that are filled in", () => {
  test.each([
    'inport == "p1" && ip4 && reg9[1]',
    "ct.new && ip4.dst == 172.30.0.1 && tcp.dst == 443",
    'eth.dst == 0a:58:0a:80:02:04 && inport == "pod-2"',
    'outport == "p1" && reg0 == 10.0.0.1',
    "(tcp || udp) && ip4.dst == 10.1.2.3",
    'arp.tpa == 10.0.0.7 && arp.op == 1 && inport == "gone"',
  ])("%s", (text) => {
    const { f, constants } = formFor(text);
    expect(fits(f!, constants)).toBe(true);
    expect(fill(f!, constants, lookup)).toEqual(parse(text, lookup).rows);
  });
});

test.each([
  ["a set is sorted by its values", "ip4.src == {10.0.0.1, 10.0.0.2}"],
  ["a field is asked for twice", "ip4.src == 10.0.0.1 && ip4.src == 10.0.0.2"],
  ["it must not be", "ip4 && ip4.src != 10.0.0.1"],
  ["it is a range", "tcp.dst >= 1024"],
  ["one of two is enough", 'inport == "p1" || ip4.src == 10.0.0.1'],
  ["two are parts of one field", "reg0[0..15] == 300 && reg0[16..31] == 4000 && ip4"],
  ["a condition", 'ip4 && is_chassis_resident("p1")'],
])("the parser has the word where %s", (_, text) => {
  expect(formFor(text).f).toBeUndefined();
});

test("a constant that is too large for its field is the parser's to refuse", () => {
  const { f } = formFor("tcp.dst == 443");
  expect(fits(f!, formOf("tcp.dst == 70000").constants)).toBe(false);
});
