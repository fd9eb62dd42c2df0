import type { Plugin } from "@plumbline/model";
import { expect, test } from "vitest";
import { conformance, conformanceTests, nameFault } from "../src/conformance/index.js";
import { definePlugin, parseLines } from "../src/index.js";

const sysctl = definePlugin({
  id: "keys",
  title: "keys and values",
  claims: (file) => (file.command === "sysctl -a" ? { score: 0.9, what: "sysctl", form: 1 } : null),
  parse: parseLines((line, ctx) => {
    const m = /^(\S+) = (.*)$/.exec(line.text);
    if (m) ctx.fact("linux.sysctl", { key: m[1], value: m[2] }, line.number, line.text);
    else ctx.problem("warning", line.number, `'${line.text}' is not key = value`);
  }),
  lower: {
    devices(ctx) {
      for (const host of ctx.facts.hosts()) {
        const device = ctx.net.device({ name: host, kind: "host", host });
        const table = ctx.net.table(device, "keys", "policy", "sequence");
        for (const { origin } of ctx.facts.of("linux.sysctl", host)) ctx.net.rule(table, { program: [{ op: "drop" }], origin });
        device.entry = table.id;
      }
    },
  },
});
const fixtures = [{ path: "node-1/host/sysctl_-a", content: "net.ipv4.ip_forward = 1\nnet.ipv4.conf.all.rp_filter = 2\n" }];

conformanceTests(test, sysctl, { fixtures });

/** The checks that a plugin fails, with the first fault of each. */
function failing(plugin: Plugin, more: Partial<Parameters<typeof conformance>[1]> = {}): string[] {
  const report = conformance(plugin, { fixtures, truncations: 10, mutations: 20, ...more });
  return report.checks.filter((c) => c.verdict === "failed").map((c) => `${c.id}: ${c.faults[0]}`);
}
const at = "node-1/host/sysctl_-a";

test("a line that is another's is told", () => {
  const shifted: Plugin = {
    ...sysctl,
    parse: (file, ctx) => sysctl.parse(file, { ...ctx, fact: (kind, data, line, text) => ctx.fact(kind, data, line + 1, text) }),
  };
  expect(failing(shifted)[0]).toBe(
    `origins: ${at}: linux.sysctl: line 2 is "net.ipv4.conf.all.rp_filter = 2", its origin says "net.ipv4.ip_forward = 1" (and 1 like it)`,
  );
});

test("data of another form are told", () => {
  const wrong: Plugin = {
    ...sysctl,
    parse: (file, ctx) => ctx.fact("linux.sysctl", { key: 1, value: "" } as never, 1, file.text().slice(0, 3)),
  };
  expect(failing(wrong)[0]).toBe(`facts: ${at}:1: linux.sysctl: key: a text is expected, 1 was found`);
  const unknown: Plugin = { ...sysctl, parse: (_, ctx) => ctx.fact("keys.own" as never, {} as never, 1, "net") };
  expect(failing(unknown)[0]).toContain("kind 'keys.own' is declared nowhere");
});

test("a plugin that throws on cut input is told", () => {
  const brittle: Plugin = {
    ...sysctl,
    parse: (file, ctx) => {
      if (!file.text().endsWith("\n")) throw new TypeError("no end");
      sysctl.parse(file, ctx);
    },
  };
  expect(failing(brittle)).toEqual([expect.stringContaining("TypeError: no end")]);
});

test("a plugin that never ends is broken off and told", { timeout: 60_000 }, () => {
  const endless: Plugin = {
    ...sysctl,
    parse: (file, ctx) => {
      while (!file.text().includes("=")) {}
      sysctl.parse(file, ctx);
    },
  };
  const [fault] = failing(endless, { limit: 200, mutations: 0, truncations: 2 });
  expect(fault).toContain("it took more than 200 ms and was broken off");
});

test("a claim on everything, and lowering that differs from run to run, are told", () => {
  let runs = 0;
  const careless: Plugin = {
    ...sysctl,
    claims: () => ({ score: 1, what: "all", form: 1 }),
    lower: { devices: (ctx) => void ctx.net.device({ name: `host-${runs++}`, kind: "host", host: "node-1" }) },
  };
  expect(failing(careless).map((f) => f.slice(0, 40))).toEqual([
    "claims: node-1/host/empty: is claimed, t",
    "lowering: two runs differ: 'device 0 hos",
  ]);
});

test("rules that are not well formed are told", () => {
  const lost: Plugin = {
    ...sysctl,
    lower: {
      devices(ctx) {
        const device = ctx.net.device({ name: "x", kind: "host", host: "x" });
        ctx.net.rule(ctx.net.table(device, "t", "policy", "sequence"), { program: [{ op: "goto", table: 99 }] });
      },
    },
  };
  expect(failing(lost)[0]).toContain("lowering:");
});

test("names that a plugin may have", () => {
  expect(["acme-gate", "@acme/plumbline-plugin-gate", "Bad", "../x", "9x"].map(nameFault)).toEqual([
    "",
    "",
    "a package's name has lower case letters, digits, '-', '.', '_'",
    "a package's name has lower case letters, digits, '-', '.', '_'",
    "a plugin's id has lower case letters, digits and '-' only, and begins with a letter",
  ]);
});
