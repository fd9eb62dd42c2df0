/** What the README shows is what the program prints. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("the README's output is true", () => {
  const block = /```\n\$ npx plumbline (.*)\n([\s\S]*?)```/.exec(readFileSync(`${root}README.md`, "utf8"));
  expect(block).not.toBeNull();
  const args = [...block![1].matchAll(/'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2]);
  const out = execFileSync(process.execPath, [`${root}packages/cli/bin/plumbline.js`, ...args], { cwd: root, encoding: "utf8" }).split(
    "\n",
  );
  let at = 0;
  for (const line of block![2].split("\n").filter((l) => l.trim() !== "" && l.trim() !== "…")) {
    const found = out.indexOf(line, at);
    expect(found, `not in the output, or not in this order: ${line}`).toBeGreaterThanOrEqual(at);
    at = found + 1;
  }
});
