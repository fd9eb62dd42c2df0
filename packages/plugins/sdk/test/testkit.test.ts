import { expect, test } from "vitest";
import { definePlugin, readFiles, readInline } from "../src/index.js";

/** Reads `sysctl` output: `key = value`. */
const plugin = definePlugin({
  id: "keys",
  title: "keys and values",
  claims: (file) => (/^sysctl/.test(file.command) ? { score: 0.9, what: "sysctl", form: 1 } : null),
  parse(file, ctx) {
    for (const [i, line] of file.text().split("\n").entries()) {
      const m = /^(\S+) = (.*)$/.exec(line);
      if (m) ctx.fact("linux.sysctl", { key: m[1], value: m[2] }, i + 1, line);
      else if (line === "crash") throw new TypeError("unexpected");
      else if (line !== "") ctx.problem("warning", i + 1, `'${line}' is not key = value`);
    }
  },
});

test("facts carry host, file, line and text; problems their place", () => {
  expect(readInline(plugin, "node-1/host/sysctl_-a", "net.ipv4.ip_forward = 1\n???\n")).toMatchInlineSnapshot(`
    {
      "claim": {
        "form": 1,
        "score": 0.9,
        "what": "sysctl",
      },
      "facts": [
        {
          "data": {
            "key": "net.ipv4.ip_forward",
            "value": "1",
          },
          "host": "node-1",
          "kind": "linux.sysctl",
          "origin": {
            "file": "node-1/host/sysctl_-a",
            "line": 1,
            "text": "net.ipv4.ip_forward = 1",
          },
        },
      ],
      "problems": [
        {
          "file": "node-1/host/sysctl_-a",
          "hint": "",
          "line": 2,
          "message": "'???' is not key = value",
          "severity": "warning",
        },
      ],
    }
  `);
});

test("an exception costs the file, and what was read before it stays", () => {
  const { facts, problems } = readFiles([plugin], { "a/sysctl": "x = 1\ncrash\ny = 2\n", "b/sysctl": "z = 3\n", "b/other": "?" });
  expect(facts.all("linux.sysctl").map((f) => `${f.host} ${f.data.key}`)).toEqual(["a x", "b z"]);
  expect(facts.hosts()).toEqual(["a", "b"]);
  expect(facts.of("linux.sysctl", "b")).toHaveLength(1);
  expect(problems.map((p) => `${p.severity} ${p.file}: ${p.message}`)).toEqual([
    "error a/sysctl: the keys plugin stopped reading here: unexpected",
  ]);
});

test("a bad plugin shows where it is defined", () => {
  expect(() => definePlugin({ ...plugin, id: "Bad Id" })).toThrow("plugin id 'Bad Id'");
});
