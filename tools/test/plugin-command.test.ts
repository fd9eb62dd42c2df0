/** `plumbline plugin`: what it prints is what docs/schemas says, and what it makes is a plugin. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "plumbline-plugin-command-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function plumbline(cwd: string, ...args: string[]) {
  const r = spawnSync(process.execPath, [join(root, "packages/cli/bin/plumbline.js"), "plugin", ...args], { cwd, encoding: "utf8" });
  return { exit: r.status, out: r.stdout, err: r.stderr };
}
function checked(name: string, text: string) {
  const value = JSON.parse(text);
  const validate = new Ajv2020({ allErrors: true, strict: false }).compile(
    JSON.parse(readFileSync(join(root, `docs/schemas/${name}-1.json`), "utf8")),
  );
  validate(value);
  expect(validate.errors ?? []).toEqual([]);
  return value;
}

test("new, list, info and test, with their exit codes", { timeout: 180_000 }, () => {
  const made = plumbline(home, "new", "acme-gate", "--format", "json");
  expect(made.exit).toBe(0);
  expect(checked("plugin-new", made.out).files).toContain("src/index.ts");
  expect(plumbline(home, "new", "acme-gate").exit).toBe(2);
  expect(plumbline(home, "new", "Not A Name").exit).toBe(2);
  const folder = join(home, "acme-gate");
  // Not built yet.
  expect(plumbline(folder, "test").exit).toBe(2);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  expect(spawnSync(join(root, "node_modules/.bin/tsc"), [], { cwd: folder, encoding: "utf8" }).stdout).toBe("");

  const list = checked("plugin-list", plumbline(folder, "list", "--format", "json").out);
  expect(list.plugins.map((p: { id: string; runs: string }) => `${p.id} ${p.runs}`)).toEqual([
    ...["captures", "kubernetes", "frr", "netfilter", "kube-proxy", "linux", "ovs", "ovn"].map((id) => `${id} in process`),
    "acme-gate worker",
  ]);
  expect(plumbline(folder, "list").out).toContain("acme-gate");
  const info = checked("plugin", plumbline(folder, "info", "acme-gate", "--format", "json").out);
  expect(info).toMatchObject({ state: "loaded", source: "config", facts: ["acme-gate.rule"], capabilities: ["parse"] });
  expect(plumbline(folder, "info", "nobody").exit).toBe(2);
  const tested = plumbline(folder, "test", "--format", "json");
  expect(checked("plugin-test", tested.out).ok).toBe(true);
  expect(tested.exit).toBe(0);
  expect(plumbline(home, "list", "--plugins", "nowhere").exit).toBe(2);
});
