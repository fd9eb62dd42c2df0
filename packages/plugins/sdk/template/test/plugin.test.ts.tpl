import { readInline } from "@plumbline/plugin-sdk";
import { conformanceTests, fixturesIn } from "@plumbline/plugin-sdk/conformance";
import { expect, test } from "vitest";
import plugin from "../src/index.js";

test("a rule becomes a fact that points at its line", () => {
  const { facts, problems } = readInline(plugin, "node-1/host/{{id}}_list", "10 deny tcp from 198.51.100.0/24 port 8080\n");
  expect(problems).toEqual([]);
  expect(facts).toEqual([
    {
      kind: "{{id}}.rule",
      host: "node-1",
      origin: { file: "node-1/host/{{id}}_list", line: 1, text: "10 deny tcp from 198.51.100.0/24 port 8080" },
      data: { number: 10, action: "deny", from: "198.51.100.0/24", port: 8080 },
    },
  ]);
});

test("a line that is no rule is said", () => {
  const { facts, problems } = readInline(plugin, "node-1/host/{{id}}_list", "10 allow\n");
  expect(facts).toEqual([]);
  expect(problems.map((p) => `${p.line}: ${p.message}`)).toEqual(["1: '10 allow' is not a rule"]);
});

// Origins, damaged files, time, facts, lowering: docs/writing-a-plugin.md.
const fixtures = fixturesIn(new URL("../fixtures/", import.meta.url)).filter((f) => f.path.endsWith("/{{id}}_list"));
conformanceTests(test, plugin, { fixtures });
