/** The match language in short. What each line is held to, the real OVN 23.03 and 25.03 were asked. */
import { getBig, newRow, printMatch, set } from "@plumbline/model";
import { describe, expect, test } from "vitest";
import {
  annotate,
  compile,
  expandTemplates,
  formatExpr,
  normalize,
  OvnSyntaxError,
  ovnSymbols,
  parseExpression,
  parseMicroflow,
  resolveConditions,
  simplify,
  symbolRelease,
  TooManyFlows,
  tokens,
  tokenText,
  toMatches,
  toRows,
} from "../../src/expr/index.js";
import { lookupPort, WORLD } from "./world.js";

const normal = (text: string, resident = true) =>
  normalize(resolveConditions(simplify(annotate(parseExpression(text, WORLD), WORLD.symbols)), () => resident));
const rowsOf = (text: string) => toRows(normal(text), lookupPort)?.map(printMatch);
const complaint = (f: () => unknown): string => {
  try {
    f();
  } catch (e) {
    if (e instanceof OvnSyntaxError) return e.message;
    throw e;
  }
  return "no complaint";
};

test.each([
  ["ip4.src == 10.0.0.0/8 // comment", "ip4.src == 10.0.0.0/8"],
  ["0x0F 1/0x3 0/0x3", '0xf error("Value and mask have incompatible formats.") 0/0x3'],
  ['"a\\u0041\\n"', '"aA\\n"'],
  ['"\\q"', 'error("bad escape \\\\q")'],
  ["300.1.1.1", 'error("Invalid numeric constant.")'],
  ["::1.2.3.4 ::ffff:1.2.3.4 ::1", "::1.2.3.4 ::ffff:1.2.3.4 ::1"],
  ["a <-> b -- c - .. ^t", "a <-> b -- c - .. ^t"],
])("tokens of %s", (text, out) => {
  expect(tokens(text).map(tokenText).join(" ")).toBe(out);
});

test.each([
  ["ip4.src == {10.0.0.1, 10.0.0.0/24} && tcp.dst == 80", "(ip4.src == 0xa000001 || ip4.src[8..31] == 0xa0000) && tcp.dst == 0x50"],
  ['!(inport != "p") || !is_chassis_resident("q")', 'inport == "p" || !is_chassis_resident("q")'],
  ["10 > vlan.pcp >= 1", "4-bit constant is not compatible with 3-bit field vlan.pcp."],
  ["inport == @pg1", 'inport == "lsp1" || inport == "lsp2" || inport == "lsp3"'],
  ["eth.src == {1, 2", "Syntax error at end of input expecting constant."],
  ["ip4.src == $set1 || ip4.src == 1 && ip4", "&& and || must be parenthesized when used together."],
])("parses %s", (text, out) => {
  let said: string;
  try {
    said = formatExpr(parseExpression(text, WORLD));
  } catch (e) {
    said = (e as Error).message;
  }
  expect(said).toBe(out);
});

describe("rows", () => {
  test("of conjunctions, alternatives and ranges", () => {
    expect(rowsOf('inport == "eth0" && ip4.dst == 10.0.0.0/8 && tcp.dst == {80, 443}')).toEqual([
      "eth_type=0x800,ip_proto=6,ip_dst=0xa000000/0xff000000,tp_dst=80,reg14=0x5",
      "eth_type=0x800,ip_proto=6,ip_dst=0xa000000/0xff000000,tp_dst=443,reg14=0x5",
    ]);
    expect(rowsOf("2 <= vlan.pcp <= 3")).toEqual(["vlan_tci=0x5000/0xf000", "vlan_tci=0x7000/0xf000"]);
    expect(rowsOf("reg0[0] && xxreg0[64..127] == 3 && flags.loopback")).toEqual([]);
    expect(rowsOf("reg0 == 1 && reg3[31]")).toEqual(["reg0=0x1,reg3=0x80000000/0x80000000"]);
    expect(rowsOf('outport == "nobody" || ct.est')).toEqual(["ct_state=0x22/0x22"]);
    expect(rowsOf("1")).toEqual(["any"]);
  });

  test("of parts where alternatives meet", () => {
    const flows = toMatches(normal("ip4.src == {10.0.0.1, 10.0.0.2} && tcp.dst == {1, 2}"), lookupPort, { firstId: 7 });
    expect(flows.map((f) => `${printMatch(f.match)} ${f.conj.map((c) => `${c.id}:${c.clause}/${c.of}`).join()} ${f.conjId}`)).toEqual([
      "eth_type=0x800,ip_proto=6,ip_src=10.0.0.1 7:1/2 0",
      "eth_type=0x800,ip_proto=6,ip_src=10.0.0.2 7:1/2 0",
      "eth_type=0x800,ip_proto=6,tp_dst=1 7:2/2 0",
      "eth_type=0x800,ip_proto=6,tp_dst=2 7:2/2 0",
      "eth_type=0x800,ip_proto=6,conj_id=7  7",
    ]);
  });

  test("ovn-controller's leave ip.dscp out", () => {
    const e = normal("ip4 && ip.dscp == 46");
    expect(toMatches(e, lookupPort).map((f) => printMatch(f.match))).toEqual(["eth_type=0x800"]);
    expect(toMatches(e, lookupPort, { whole: true }).map((f) => printMatch(f.match))).toEqual(["eth_type=0x800,nw_tos=0xb8/0xfc"]);
  });

  test("too many of them are none", () => {
    const many = Array.from(
      { length: 5 },
      (_, i) => `(${["src", "dst"].map((d) => `ip4.${d} == 10.0.0.${i} || reg${i} == ${i}`).join(" || ")})`,
    );
    expect(() => normalize(simplify(annotate(parseExpression(many.join(" && "), WORLD), WORLD.symbols)), 100)).toThrow(TooManyFlows);
    expect(toRows(normal("reg0 > 0 && reg1 > 0"), lookupPort, 100)).toBeUndefined();
  });
});

test("a port's place decides once for all", () => {
  expect(normal('is_chassis_resident("a") && ip4', false)).toEqual({ type: "boolean", value: false });
  expect(formatExpr(normal('!is_chassis_resident("a") || ip4', true))).toBe("eth.type == 0x800");
});

test("an expression evaluated as it stands", () => {
  const row = newRow();
  for (const [field, value] of [
    ["eth_type", 0x800],
    ["ip_proto", 6],
    ["tp_dst", 443],
    ["reg14", 5],
  ] as const)
    set(row, field, value);
  const holds = (text: string) => compile(annotate(parseExpression(text, WORLD), WORLD.symbols), { lookupPort })(row);
  expect(holds('inport == "eth0" && 400 < tcp.dst <= 443')).toBe(true);
  expect(holds('inport == "nobody" || udp.dst == 443')).toBe(false);
  expect(holds("!(ip6.dst == ::1) || !ip.first_frag")).toBe(true);
  // The prerequisite holds outside of the negation.
  expect(holds("!(ip6.dst == ::1)")).toBe(false);
});

test("microflows", () => {
  const flow = parseMicroflow('inport == "eth1" && eth.src == 2 && ip4 && ip.ttl == 64 && tcp.dst == 80 && reg9[3]', WORLD, lookupPort);
  expect(["reg14", "eth_src", "eth_type", "ip_proto", "ip_ttl", "tp_dst", "reg9"].map((f) => getBig(flow, f))).toEqual([
    6n,
    2n,
    0x800n,
    6n,
    64n,
    80n,
    8n,
  ]);
  expect(complaint(() => parseMicroflow("tcp.dst == 80", WORLD, lookupPort))).toBe(
    "Constraints are ambiguous: tcp.dst == 0x50 && ip.proto == 0x6 && (eth.type == 0x800 || eth.type == 0x86dd).",
  );
  expect(complaint(() => parseMicroflow("ip4 && ip6", WORLD, lookupPort))).toBe("Constraints are contradictory.");
});

test("what names mean changes with the release", () => {
  expect([symbolRelease("23.03.1-20.27.0"), symbolRelease("25.03"), symbolRelease("")]).toEqual(["21.12", "24.03", "24.03"]);
  const igmp = (release: "21.12" | "24.03") => {
    const symbols = ovnSymbols(release);
    return formatExpr(annotate(parseExpression("igmp", { symbols }), symbols));
  };
  expect(igmp("21.12")).toBe("eth.type == 0x800 && ip.proto == 0x2 && (eth.type == 0x800 || eth.type == 0x86dd)");
  expect(igmp("24.03")).toContain("eth.dst[40] && ip4.dst[28..31] == 0xe");
});

test("templates", () => {
  const known = new Map([["vip", "10.0.0.1"]]);
  expect(expandTemplates("ip4.dst == ^vip && tcp", known)).toBe("ip4.dst==10.0.0.1&&tcp");
  expect(expandTemplates("ip4.dst == ^other", known, "21.12")).toBe("ip4.dst==other");
  expect(expandTemplates("ip4.dst == ^other", known, "24.03")).toBe("");
});
