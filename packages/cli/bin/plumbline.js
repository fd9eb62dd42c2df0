#!/usr/bin/env node
// The command's entry. It is plain JavaScript and committed, so that the link npm makes at install time has a target
// before the first build. Importing dist/main.js runs the command.
import { existsSync } from "node:fs";

const main = new URL("../dist/main.js", import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  console.error("plumbline is not built yet: dist/main.js is missing.\nRun 'npm run build' in the repository's root, then try again.");
  process.exitCode = 2;
}
