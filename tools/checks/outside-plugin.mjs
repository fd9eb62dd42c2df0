// A plugin by a third party, from nothing: in a folder outside of the repository, with packed tarballs only. `plugin new`, the edits of
// docs/writing-a-plugin.md from its own code blocks, `npm test`, `plugin test`, and a trace that shows the new hop. Needs `npm run build`.
//
// node tools/checks/outside-plugin.mjs [--keep]
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const outside = mkdtempSync(join(tmpdir(), "plumbline-outside-"));
const tarballs = join(outside, "tarballs");
const began = Date.now();
let checks = 0;

class Failed extends Error {}

/** Runs a command; its output, or a failure that shows it. */
function run(cwd, command, args, expected = 0) {
  const r = spawnSync(command, args, { cwd, encoding: "utf8", maxBuffer: 1 << 28, env: { ...process.env, NO_COLOR: "1", CI: "true" } });
  const shown = `${command} ${args.join(" ")}`;
  if (r.status !== expected) throw new Failed(`${shown}: status ${r.status}, ${expected} was expected\n${r.stdout}\n${r.stderr}`);
  return r.stdout;
}
const npm = (cwd, ...args) => run(cwd, "npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"]);

function check(what, holds, output = "") {
  if (!holds) throw new Failed(`${what}\n${output}`);
  checks++;
  console.log(`ok ${what}`);
}

/** Code blocks of the tutorial that name a file: \`\`\`ts file=src/index.ts, \`\`\`json edit=package.json. */
function blocks() {
  const text = readFileSync(join(root, "docs/writing-a-plugin.md"), "utf8");
  return [...text.matchAll(/^```\w+ (file|edit)=(\S+)\n([\s\S]*?)^```$/gm)].map(([, how, file, content]) => ({ how, file, content }));
}

/** Merges one JSON object into another. */
function merged(into, from) {
  for (const [key, value] of Object.entries(from))
    into[key] = value && typeof value === "object" && !Array.isArray(value) ? merged(into[key] ?? {}, value) : value;
  return into;
}

try {
  mkdirSync(tarballs);
  npm(root, "pack", "--workspaces", "--ignore-scripts", "--pack-destination", tarballs, "--silent");
  // The repository's own tools are no part of what is published.
  const packed = readdirSync(tarballs).filter((f) => !f.startsWith("plumbline-tools"));
  check(`packages are packed (${packed.length})`, packed.length > 10, packed.join("\n"));
  const files = packed.map((f) => join(tarballs, f));

  // What somebody has who has installed Plumbline.
  const home = join(outside, "home");
  mkdirSync(home);
  writeFileSync(join(home, "package.json"), '{ "name": "home", "version": "1.0.0", "private": true }\n');
  npm(home, "install", "--prefer-offline", ...files);
  const cli = join(home, "node_modules", ".bin", "plumbline");
  check("plumbline is installed from tarballs", existsSync(cli));
  check("it runs", /^\d+\.\d+\.\d+$/m.test(run(home, cli, ["--version"])));

  run(home, cli, ["plugin", "new", "acme-gate", join(outside, "acme-gate")]);
  const plugin = join(outside, "acme-gate");
  // Until the packages are published, they come from the tarballs.
  npm(plugin, "install", "--prefer-offline", "--save-dev", ...files);
  npm(plugin, "test");
  check("the new package builds and passes its tests", true);
  const bin = join(plugin, "node_modules", ".bin", "plumbline");
  check("the new package conforms", run(plugin, bin, ["plugin", "test"]).includes("all promises are kept"));

  const edits = blocks();
  check("the tutorial has its blocks", edits.length >= 4, edits.map((b) => b.file).join("\n"));
  for (const { how, file, content } of edits) {
    const path = join(plugin, file);
    mkdirSync(dirname(path), { recursive: true });
    if (how === "file") writeFileSync(path, content);
    else writeFileSync(path, `${JSON.stringify(merged(JSON.parse(readFileSync(path, "utf8")), JSON.parse(content)), null, 2)}\n`);
  }
  npm(plugin, "test");
  check("the tutorial's edits build and pass their tests", true);
  const tested = JSON.parse(run(plugin, bin, ["plugin", "test", "--format", "json"]));
  check(
    "the plugin conforms",
    tested.ok && tested.checks.filter((c) => c.verdict === "passed").length >= 6,
    JSON.stringify(tested, null, 2),
  );
  const listed = JSON.parse(run(plugin, bin, ["plugin", "list", "--format", "json"])).plugins.find((p) => p.id === "acme-gate");
  check(
    "it is found, in a worker",
    listed?.state === "loaded" && listed.runs === "worker" && listed.source === "config",
    JSON.stringify(listed),
  );

  const ask = (source, where) =>
    JSON.parse(
      run(where, bin, [
        "trace",
        join(plugin, "fixtures"),
        `tcp ${source}:40000 > 203.0.113.10:8080`,
        "--from",
        "node-1:eth0",
        "--format",
        "json",
      ]),
    );
  const denied = ask("198.51.100.7", plugin);
  const hop = denied.branches[0].hops.find((h) => h.stage.startsWith("gate"));
  check("a trace shows the new hop, which drops", denied.verdict === "dropped" && hop?.rule.line === 1, JSON.stringify(denied, null, 2));
  check(
    "its rule has a name",
    hop.links.some((l) => l.kind === "gate" && l.name === "rule 10"),
    JSON.stringify(hop),
  );
  const passed = ask("192.0.2.7", plugin);
  check(
    "another packet passes it",
    passed.verdict === "delivered" && passed.branches[0].hops.some((h) => h.stage.startsWith("gate") && h.rule.line === 2),
    JSON.stringify(passed, null, 2),
  );

  // Installed beside plumbline, it is found by its keyword.
  npm(plugin, "pack", "--ignore-scripts", "--silent");
  npm(home, "install", "--prefer-offline", join(plugin, "acme-gate-0.1.0.tgz"));
  const found = JSON.parse(run(home, cli, ["plugin", "info", "acme-gate", "--format", "json"]));
  check("installed with npm, it is found by its keyword", found.source === "npm" && found.state === "loaded", JSON.stringify(found));
  console.log(`outside plugin: ${checks} checks in ${Math.round((Date.now() - began) / 1000)} s`);
} catch (e) {
  if (!(e instanceof Failed)) throw e;
  console.error(`FAILED: ${e.message}`);
  process.exitCode = 1;
} finally {
  if (process.argv.includes("--keep")) console.log(`kept: ${outside}`);
  else rmSync(outside, { recursive: true, force: true });
}
