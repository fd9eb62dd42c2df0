// Builds dist/core.wasm. Before it, tsc has built the model and this package's src, for the constants that host and
// assembly share are printed from there. One flag set, here and nowhere else: the memory layout of src/ leans on it.
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as model from "@plumbline/model";
import asc from "assemblyscript/asc";
import * as layout from "./dist/layout.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = "dist/core.wasm";

// Pages of 64 KiB. The host makes the memory and lays it out, so the module asks only for room for its constants;
// 65536 pages are the 4 GiB that one memory can have.
const INITIAL_PAGES = 1;
const MAXIMUM_PAGES = 65536;

/** Every number of a table `{ NAME: number }`, with a prefix, as constants. */
const constants = (table, prefix = "") =>
  Object.entries(table).map(
    ([name, value]) => `export const ${prefix}${name.replace(/[A-Z]/g, prefix ? "_$&" : "$&").toUpperCase()}: u32 = ${value};`,
  );

writeFileSync(`${here}assembly/fields.ts`, model.fieldConstants());
const lines = ["// Generated from src/layout.ts and the model by build-wasm.mjs. Do not edit."];
for (const [name, value] of Object.entries(layout)) {
  if (typeof value === "number") lines.push(...constants({ [name]: value }));
  else if (typeof value === "object") lines.push(...constants(value));
}
for (const [prefix, table] of Object.entries({
  EV_: model.EV,
  SPAWN_: model.SPAWN,
  LEAF_: model.LEAF,
  BOUND_: model.BOUNDS,
  BOUND_NUMBER_: model.BOUND_NUMBER,
  TCP_END_: model.TCP_END,
}))
  lines.push(...constants(table, prefix));
writeFileSync(`${here}assembly/layout.ts`, `${lines.join("\n")}\n`);

mkdirSync(`${here}dist`, { recursive: true });
const { error, stderr } = await asc.main([
  "assembly/index.ts",
  ...["--outFile", out],
  ...["--runtime", "stub"],
  ...["--enable", "simd", "--enable", "threads"],
  ...["--importMemory", "--sharedMemory"],
  ...["--initialMemory", `${INITIAL_PAGES}`, "--maximumMemory", `${MAXIMUM_PAGES}`],
  ...["-O3", "--noAssert"],
  ...["--baseDir", here],
]);
process.stderr.write(stderr.toString());
if (error) {
  console.error(`core-wasm: ${error.message}`);
  process.exitCode = 1;
} else {
  console.error(`core-wasm: ${out}, ${statSync(here + out).size} bytes`);
}
