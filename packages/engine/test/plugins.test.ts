/** Plugins by third parties: how they are found, and what their workers keep away. The worker's script is the built one. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Plugin } from "@plumbline/model";
import { lowerFacts, readFiles, readInline } from "@plumbline/plugin-sdk";
import { afterAll, expect, test } from "vitest";
import { loadPlugin, loadPlugins, type PluginSet } from "../src/index.js";

const root = mkdtempSync(join(tmpdir(), "plumbline-plugins-"));
const sets: PluginSet[] = [];
afterAll(() => {
  for (const s of sets) s.close();
  rmSync(root, { recursive: true, force: true });
});

/** Writes a plugin's package and returns its folder. */
function plugin(name: string, code: string, manifest: object = {}): string {
  const folder = join(root, name);
  mkdirSync(folder, { recursive: true });
  const declared = { capabilities: ["parse", "lower", "explain"] };
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({
      name,
      version: "1.0.0",
      type: "module",
      main: "index.js",
      keywords: ["plumbline-plugin"],
      plumbline: declared,
      ...manifest,
    }),
  );
  writeFileSync(join(folder, "index.js"), code);
  return folder;
}
const simple = (id: string, parse: string, more = "") =>
  `export default { id: "${id}", title: "t", claims: (f) => (f.command === "${id}" ? { score: 0.9, what: "w", form: 1 } : null), parse(file, ctx) { ${parse} }, ${more} };`;

async function load(folder: string, limits: { megabytes?: number; milliseconds?: number } = {}): Promise<Plugin> {
  const { entry, close } = await loadPlugin({ folder, source: "folder", trusted: false, limits });
  sets.push({ plugins: [], entries: [], close });
  if (!entry.plugin) throw new Error(entry.why);
  return entry.plugin;
}
const said = (p: Plugin, text: string) => {
  const r = readInline(p, `node-1/host/${p.id}`, text);
  return [
    ...r.facts.map((f) => `${f.kind} ${f.origin.file}:${f.origin.line} ${JSON.stringify(f.data)}`),
    ...r.problems.map((x) => `${x.severity} ${x.line}: ${x.message}`),
  ];
};

test("a plugin reads in its worker; facts that are none stop at the border", async () => {
  const p = await load(
    plugin(
      "reader",
      simple(
        "reader",
        `for (const l of file.lines()) ctx.fact("linux.sysctl", { key: l.text, value: file.path }, l.number, l.text);
         ctx.fact("linux.sysctl", { key: 1 }, 1, "a"); ctx.fact("ovs.bridge", {}, 1, "a"); ctx.problem("warning", 2, "odd", "look");`,
      ),
    ),
  );
  expect(said(p, "a\nb\n")).toEqual([
    'linux.sysctl node-1/host/reader:1 {"key":"a","value":"node-1/host/reader"}',
    'linux.sysctl node-1/host/reader:2 {"key":"b","value":"node-1/host/reader"}',
    "warning 2: odd",
    "error 1: the reader plugin told a fact of kind 'linux.sysctl' that is none: key: a text is expected, 1 was found",
    "error 1: the reader plugin told a fact of kind 'ovs.bridge' that is none: kind 'ovs.bridge' is declared nowhere: name it and its shape in the plugin's 'facts', or use a kind of @plumbline/model",
  ]);
});

test("it has no environment, no files, no network, no other processes", async () => {
  process.env.PLUMBLINE_TEST_SECRET = "x";
  const tries = [
    "Object.keys(process.env).join()",
    'fs.readFileSync("/etc/hostname", "utf8")',
    'fs.writeFileSync("/tmp/plumbline-test", "")',
    'child.execSync("true")',
    "net.connect(1)",
    'fetch("http://192.0.2.1")',
    "process.exit(0)",
    "process.kill(process.pid)",
    'process.binding("fs")',
  ];
  const code = `import fs from "node:fs"; import child from "node:child_process"; import * as net from "node:net";
    const tries = [${tries.map((t) => `() => ${t}`).join(", ")}];
    ${simple("outward", 'tries.forEach((t, i) => { let r; try { r = "gave " + t(); } catch (e) { r = e.message; } ctx.problem("info", 0, i + ": " + r); });')}`;
  const lines = said(await load(plugin("outward", code)), "x\n");
  expect(lines).toEqual([
    "info 0: 0: gave ",
    "info 0: 1: a plugin may not use fs.readFileSync: it runs without files, network and processes",
    "info 0: 2: a plugin may not use fs.writeFileSync: it runs without files, network and processes",
    "info 0: 3: a plugin may not use child_process.execSync: it runs without files, network and processes",
    "info 0: 4: a plugin may not use net.connect: it runs without files, network and processes",
    "info 0: 5: fetch is not a function",
    "info 0: 6: process.exit is not a function",
    "info 0: 7: process.kill is not a function",
    "info 0: 8: process.binding is not a function",
  ]);
});

test("one that hangs or throws costs its file, and is asked again", async () => {
  const p = await load(
    plugin(
      "slow",
      simple(
        "slow",
        `if (file.text() === "hang") for (;;); if (file.text() === "throw") throw new TypeError("broken"); ctx.problem("info", 1, "read");`,
      ),
    ),
    { milliseconds: 500 },
  );
  expect(said(p, "throw")).toEqual(["error 0: the slow plugin stopped reading here: broken"]);
  // Larger files have more time; this one has 4 bytes.
  const seconds = (500 + (4 / (1 << 20)) * 2000) / 1000;
  expect(said(p, "hang")).toEqual([
    `error 0: the slow plugin stopped reading here: it did not answer within ${seconds} s, or needed more than 512 MiB, and was ended`,
  ]);
  expect(said(p, "fine")).toEqual(["info 1: read"]);
});

const LOWER = `lower: {
  hooks(ctx) {
    for (const host of ctx.facts.hosts()) ctx.hooks.push({ host, hook: "prerouting", priority: -1000, type: "filter", build(device, next) {
      const t = ctx.net.table(device, "gate", "gate", "sequence");
      for (const f of ctx.facts.of("linux.sysctl", host)) ctx.net.rule(t, { rows: [[]], program: [{ op: "drop", reason: f.data.key }], origin: f.origin });
      t.miss = [{ op: "goto", table: next, unwind: true }];
      return t.id;
    } });
  },
  devices(ctx) { const d = ctx.net.findDevice("node-1"); if (MEDDLE) d.entry = 0; },
},`;

test("it lowers in its worker: chains are built when the host's stack asks for them", async () => {
  const parse = `ctx.fact("linux.sysctl", { key: "k", value: "" }, 1, "k");`;
  for (const meddle of [false, true]) {
    const name = meddle ? "meddler" : "gate";
    const p = await load(plugin(name, `const MEDDLE = ${meddle};${simple(name, parse, LOWER)}`));
    const { facts } = readFiles([p], { [`node-1/host/${name}`]: "k\n" });
    const stack: Plugin = {
      id: "stack",
      title: "a host's stack",
      lower: {
        devices(ctx) {
          const device = ctx.net.device({ name: "node-1", kind: "host", host: "node-1" });
          const next = ctx.net.table(device, "next", "hook", "priority");
          device.entry = ctx.hooks[0].build(device, next.id);
        },
      },
    };
    const { net, problems } = lowerFacts([stack, p], facts);
    expect(net.rules.map((r) => [net.tables[r.table].name, r.origin?.line, r.program])).toEqual([
      ["gate", 1, [{ op: "drop", reason: "k" }]],
    ]);
    expect(net.tables[net.devices[0].entry].miss).toEqual([{ op: "goto", table: 0, unwind: true }]);
    expect(problems.map((x) => x.message)).toEqual(
      meddle ? ["the meddler plugin stopped lowering (devices): it changes device node-1, which another plugin has made"] : [],
    );
  }
});

test("plugins are found by configuration, folder and keyword; each once, and none takes a built-in's name", async () => {
  const home = join(root, "home");
  const modules = join(home, "node_modules");
  mkdirSync(modules, { recursive: true });
  const one = plugin("one", simple("one", ""));
  const two = plugin("two", simple("two", ""), { plumbline: { capabilities: ["explain"] } });
  const fake = plugin("fake", simple("linux", ""));
  plugin("none", simple("none", ""), { plumbline: {} });
  symlinkSync(one, join(modules, "one"));
  symlinkSync(fake, join(modules, "fake"));
  mkdirSync(join(modules, "other"));
  writeFileSync(join(modules, "other/package.json"), '{ "name": "other" }');
  writeFileSync(join(home, "plumbline.config.json"), JSON.stringify({ plugins: ["../one", "../none"] }));
  const builtIn: Plugin = { id: "linux", title: "ours" };
  const set = await loadPlugins([builtIn], { cwd: join(home), folders: [two], env: {} });
  sets.push(set);
  const shown = set.entries.map(
    (e) =>
      `${e.source} ${basename(e.folder)} ${e.state}${e.undeclared.length > 0 ? ` without ${e.undeclared.join(", ")}` : ""}${e.why && `: ${e.why}`}`,
  );
  expect(shown).toEqual([
    "built-in  loaded",
    "config one loaded",
    'config none refused: its package.json declares no capabilities: "plumbline": { "capabilities": ["parse", "lower", "explain", "decode"] }',
    "folder two loaded without claims, parse",
    "npm fake refused: plugin 'linux' comes with Plumbline",
  ]);
  expect(set.plugins.map((p) => p.id)).toEqual(["linux", "one", "two"]);
  await expect(loadPlugins([], { cwd: home, folders: ["nowhere"] })).rejects.toThrow("no such folder of plugins");
});
