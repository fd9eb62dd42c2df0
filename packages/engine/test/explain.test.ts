import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ExplainSection, ServiceException } from "@plumbline/model";
import { matchField, slice } from "@plumbline/model";
import { definePlugin } from "@plumbline/plugin-sdk";
import { afterAll, expect, test } from "vitest";
import { compareNodes } from "../src/explain/compare.js";
import { explain } from "../src/explain/index.js";
import { buildNetwork } from "../src/network/build.js";
import { loadSnapshot } from "../src/snapshot/index.js";

const root = mkdtempSync(join(tmpdir(), "plumbline-explain-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const section = (host: string, items: ExplainSection["items"], more: Partial<ExplainSection> = {}): ExplainSection => ({
  layer: "bgp",
  title: "paths",
  host,
  items,
  ...more,
});
const item = (key: string, value = "", nodes?: string[]) => ({
  text: "",
  file: "f",
  line: 1,
  links: [],
  key,
  value,
  ...(nodes ? { nodes } : {}),
});
function compared(sections: ExplainSection[], exceptions: ServiceException[] = []): string[] {
  return compareNodes(sections, (h) => (h.startsWith("n") ? h : ""), exceptions).map(
    (d) =>
      `${d.verdict} ${d.what}: ${d.have.join()} have, ${d.lack.join() || "none"} lack${d.values ? ` ${JSON.stringify(d.values)}` : ""}${d.shouldNot.length > 0 ? `, ${d.shouldNot.join()} should not` : ""}${d.why.length > 0 ? ` (${d.why.join("; ")})` : ""}`,
  );
}
const exception = (node: string, forbidden: boolean): ServiceException => ({
  node,
  layers: ["bgp"],
  why: `${node} has no endpoint`,
  forbidden,
});

test("nodes are held against each other only where both were read", () => {
  expect(compared([section("n1", [item("a")]), section("n2", [item("a")])])).toEqual([]);
  expect(compared([section("n1", [item("a")]), section("n2", [])])).toEqual(["odd a: n1 have, n2 lack"]);
  // Of n2 nothing is in evidence; the router's is of no node.
  expect(compared([section("n1", [item("a")]), section("router", [item("a")])])).toEqual([]);
  // A cluster's evidence says whose part is in it.
  expect(compared([section("", [item("a", "", ["n1"])], { nodes: ["n1", "n2", "n3"] })])).toEqual(["odd a: n1 have, n2,n3 lack"]);
  // Another title is another thing.
  expect(compared([section("n1", [item("a")]), section("n2", [item("b")], { title: "others" })])).toEqual([]);
});

test("what is there must be the same, and what most nodes have is taken for what is meant", () => {
  const three = [section("n1", [item("a", "x")]), section("n2", [item("a", "y")]), section("n3", [item("a", "x")])];
  expect(compared(three)).toEqual([`odd a: n1,n2,n3 have, none lack {"x":["n1","n3"],"y":["n2"]}`]);
  expect(compared(three, [exception("n2", false)])).toEqual([
    `expected a: n1,n2,n3 have, none lack {"x":["n1","n3"],"y":["n2"]} (n2 has no endpoint)`,
  ]);
  expect(compared(three, [exception("n1", false)])).toEqual([`odd a: n1,n2,n3 have, none lack {"x":["n1","n3"],"y":["n2"]}`]);
});

test("a node may lack what it has a reason to lack, and may not have what it has a reason against", () => {
  const two = [section("n1", [item("a")]), section("n2", [])];
  expect(compared(two, [exception("n2", true)])).toEqual(["expected a: n1 have, n2 lack (n2 has no endpoint)"]);
  expect(compared(two, [exception("n1", true)])).toEqual(["odd a: n1 have, n2 lack, n1 should not (n1 has no endpoint)"]);
  const all = [section("n1", [item("a")]), section("n2", [item("a")])];
  expect(compared(all, [exception("n1", true)])).toEqual(["odd a: n1,n2 have, none lack, n1 should not (n1 has no endpoint)"]);
  expect(compared(all, [exception("n1", false)])).toEqual([]);
});

/** A switch, a chain and routes; each line of `rules` is a rule of the table that it names. */
const plugin = definePlugin({
  id: "toy",
  title: "a toy",
  claims: (file) => (file.path.endsWith("rules") ? { score: 1, what: "rules", form: 1 } : null),
  parse() {},
  lower: {
    devices({ net }) {
      const at = (line: number, text: string) => ({ file: "n1/rules", line, text });
      const bridge = net.device({ name: "n1/br0", kind: "bridge", host: "n1" });
      net.port(bridge, 1, "eth0", { kind: "none" });
      const flows = net.table(bridge, "0", "openflow", "priority");
      const ip = matchField([], "eth_type", 0x0800);
      const net10 = matchField(ip, "ip_dst", 0x0a000000, 0xff000000);
      net.rule(flows, {
        priority: 9,
        rows: [matchField(ip, "ip_dst", 0x0a000001)],
        program: [{ op: "output", port: 1 }],
        origin: at(1, "to 10.0.0.1"),
      });
      net.rule(flows, { priority: 5, rows: [net10], program: [{ op: "drop", reason: "shut" }], origin: at(2, "to 10/8"), cookie: 7n });
      net.rule(flows, { priority: 8, rows: [ip], program: [], origin: at(3, "all IPv4") });
      net.rule(flows, { priority: 8, rows: [matchField([], "eth_type", 0x86dd)], program: [], origin: at(4, "all IPv6") });
      const host = net.device({ name: "n1", kind: "host", host: "n1" });
      host.origin = flows.id;
      const chain = net.table(host, "filter INPUT", "netfilter", "sequence");
      net.rule(chain, { rows: [net10], program: [{ op: "note", text: "counted" }], origin: at(5, "count 10/8"), number: 1 });
      const answer = [{ op: "local" }] as const;
      const emit = { op: "emit", kind: "icmp-error", icmpType: 3, icmpCode: 3, swap: true, then: answer } as const;
      net.rule(chain, { rows: [net10], program: [emit, { op: "drop", rejected: true }], origin: at(6, "reject 10/8"), number: 2 });
      const options = [[{ op: "nat", type: "dst", range: { min: 0x0a000002n, portMin: 80 } }], []] as const;
      net.rule(chain, {
        rows: [matchField(net10, "tp_dst", 80), matchField(net10, "tp_dst", 81)],
        program: [
          { op: "choose", how: "lot", weights: [1, 3], options },
          { op: "goto", table: flows.id },
        ],
        origin: at(7, "spread"),
        number: 3,
      });
      chain.missOrigin = at(8, "policy drop");
      chain.miss = [{ op: "drop" }];
      const main = net.table(host, "main", "fib", "lpm", slice("ip_dst"));
      const route = (line: number, text: string, value: bigint, len: number, metric: number) =>
        net.rule(main, {
          prefix: { value, len },
          metric,
          program: [{ op: "set", dst: slice("nexthop"), value: 0x0a000009n }],
          origin: at(line, text),
          why: line === 9 ? "kernel: the same (n1/rules:20)" : "",
        });
      route(9, "10/8", 0x0a000000n, 8, 10);
      route(10, "10/8 better", 0x0a000000n, 8, 5);
      route(11, "10.1/16", 0x0a010000n, 16, 0);
    },
  },
});

const asked = (async () => {
  mkdirSync(dirname(join(root, "n1/rules")), { recursive: true });
  writeFileSync(join(root, "n1/rules"), "one\n");
  const snapshot = await loadSnapshot(root, { plugins: [plugin] });
  const built = buildNetwork(snapshot.facts, snapshot.plugins);
  return (name: string, kind: "rule" | "route" | "cookie" = "rule") => explain(snapshot, built, { kind, name });
})();

async function rule(line: number): Promise<unknown> {
  const [r] = (await asked)(`n1/rules:${line}`).rules;
  return { where: `${r.device} ${r.stage} ${r.table}`, when: r.when, does: r.does, earlier: r.earlier.map((e) => `${e.takes}: ${e.text}`) };
}

test("a rule of a table by priority: what is looked at before it, and what hides it", async () => {
  expect(await rule(2)).toMatchInlineSnapshot(`
    {
      "does": [
        "throws it away (shut)",
      ],
      "earlier": [
        "all: all IPv4",
        "some: to 10.0.0.1",
      ],
      "when": [
        "IPv4, destination 10.0.0.0/8",
      ],
      "where": "n1/br0 openflow 0",
    }
  `);
  expect((await asked)("rules:2").answer).toMatchInlineSnapshot(`
    [
      "n1/rules:2 is 1 rule of the network: openflow 0 of n1/br0.",
      "An earlier rule takes all packets of it: it is never reached.",
    ]
  `);
});

test("a rule of a chain: one that lets packets go on hides nothing, one that ends the walk does", async () => {
  expect(await rule(6)).toMatchInlineSnapshot(`
    {
      "does": [
        "answers with an ICMP error 3/3, which:",
        "  gives it to this device's own stack",
        "throws it away, the sender is told",
      ],
      "earlier": [
        "some: count 10/8",
      ],
      "when": [
        "IPv4, destination 10.0.0.0/8",
      ],
      "where": "n1 netfilter filter INPUT",
    }
  `);
  expect(await rule(7)).toMatchInlineSnapshot(`
    {
      "does": [
        "chooses one of 2 by lot:",
        "  25 %:",
        "    translates the destination of a new connection to 10.0.0.2 port 80",
        "  75 %:",
        "    nothing",
        "goes to openflow 0",
      ],
      "earlier": [
        "all: reject 10/8",
        "some: count 10/8",
      ],
      "when": [
        "IPv4, destination 10.0.0.0/8, destination port 80",
        "IPv4, destination 10.0.0.0/8, destination port 81",
      ],
      "where": "n1 netfilter filter INPUT",
    }
  `);
  expect(await rule(8)).toMatchInlineSnapshot(`
    {
      "does": [
        "throws it away",
      ],
      "earlier": [],
      "when": [
        "end of the chain",
      ],
      "where": "n1 netfilter filter INPUT",
    }
  `);
});

test("a route: those that are more specific or better, and the line that it was merged with", async () => {
  expect(await rule(9)).toMatchInlineSnapshot(`
    {
      "does": [
        "next hop 10.0.0.9",
      ],
      "earlier": [
        "all: 10/8 better",
        "some: 10.1/16",
      ],
      "when": [
        "destination 10.0.0.0/8",
      ],
      "where": "n1 fib main",
    }
  `);
  expect((await asked)("n1/rules:20").answer).toMatchInlineSnapshot(`
    [
      "n1/rules:20 is 1 rule of the network: fib main of n1.",
      "The line itself is merged with another source's, which is shown as the rule's origin.",
      "An earlier rule takes all packets of it: it is never reached.",
    ]
  `);
});

test("routes for a prefix that covers some and lies in others", async () => {
  const texts = async (name: string) => (await asked)(name, "route").sections.flatMap((s) => s.items.map((i) => i.text));
  expect(await texts("10.1.0.0/15")).toMatchInlineSnapshot(`
    [
      "table main, covers it: 10/8 (kernel: the same (n1/rules:20)); next hop 10.0.0.9 is nobody's in evidence",
      "table main, covers it: 10/8 better; next hop 10.0.0.9 is nobody's in evidence",
      "table main, inside it: 10.1/16; next hop 10.0.0.9 is nobody's in evidence",
    ]
  `);
  expect(await texts("192.0.2.1")).toMatchInlineSnapshot(`
    [
      "no route covers it: unreachable from here",
    ]
  `);
});

test("a cookie that no plugin knows, on the rules that carry it", async () => {
  const x = (await asked)("7", "cookie");
  expect([x.answer, x.sections.map((s) => [s.title, s.items.map((i) => i.text)])]).toMatchInlineSnapshot(`
    [
      [
        "0x7 stands for nothing in this snapshot: no southbound row's UUID begins with it.",
        "1 rule carries it, on 1 host.",
      ],
      [
        [
          "br0, table 0",
          [
            "to 10/8",
          ],
        ],
      ],
    ]
  `);
});
