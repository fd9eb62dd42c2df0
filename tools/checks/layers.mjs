// Keeps the arrows of the package table pointing down (`npm run layers`):
//
//   1. dependency-cruiser over the sources, with one rule a package, made from the layer table;
//   2. every source file on disk was really read, and there are enough of them: a gate that saw nothing fails;
//   3. the package.json and tsconfig.json files name no package of ours that the table does not allow;
//   4. outside the plugins, the CLI and tools no source names a concrete plugin, not even in a string that is imported later.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { cruise } from "dependency-cruiser";
import config from "../../.dependency-cruiser.mjs";
import { LAYERS, MAY_NAME_PLUGINS, MINIMUM_MODULES, NOT_A_SOURCE } from "./layers.table.mjs";

process.chdir(fileURLToPath(new URL("../..", import.meta.url)));
const faults = [];

/** Every package folder with its name and its place in the table. `tools` has none: it may import anything. */
const packages = ["packages", "packages/plugins", "."]
  .flatMap((parent) =>
    readdirSync(parent, { withFileTypes: true })
      .filter((e) => e.isDirectory())
      .map((e) => posix.join(parent, e.name)),
  )
  .filter((folder) => (folder.startsWith("packages/") || folder === "tools") && existsSync(join(folder, "package.json")))
  .map((folder) => {
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const isPlugin = folder.startsWith("packages/plugins/") && folder !== NOT_A_SOURCE;
    return { folder, manifest, isPlugin, layer: isPlugin ? "packages/plugins/*" : folder };
  });

const sourcesOf = (folder) =>
  readdirSync(join(folder, "src"), { recursive: true })
    .map((name) => posix.join(folder, "src", name))
    .filter((file) => /\.tsx?$/.test(file) && !/\.test\.tsx?$/.test(file));
const sources = packages.flatMap((p) => sourcesOf(p.folder));

// 1. The imports.
const { output } = await cruise(sources, { ...config.options, ruleSet: { forbidden: config.forbidden }, validate: true });
for (const { rule, from, to, cycle } of output.summary.violations) {
  const way = cycle ? [from, ...cycle.map((step) => step.name)].join(" -> ") : `${from} -> ${to}`;
  faults.push(`${rule.name}: ${way}\n    ${config.forbidden.find((r) => r.name === rule.name)?.comment ?? ""}`);
}

// 2. What was read.
const read = new Set(output.modules.map((module) => module.source));
for (const file of sources) if (!read.has(file)) faults.push(`not read: ${file}`);
const modules = sources.filter((file) => read.has(file)).length;
if (modules < MINIMUM_MODULES) faults.push(`only ${modules} modules were read, at least ${MINIMUM_MODULES} were expected`);
const crossing = output.modules
  .filter((module) => sources.includes(module.source))
  .flatMap((module) => module.dependencies)
  .filter((dependency) => packages.some((p) => p.manifest.name === dependency.module)).length;

// 3. What the packages declare.
for (const { folder, manifest, layer } of packages) {
  if (folder === "tools") continue;
  const allowed = LAYERS[layer];
  if (!allowed) {
    faults.push(`${folder} is not in the layer table (tools/checks/layers.table.mjs)`);
    continue;
  }
  const mayImport = (other) => allowed.includes(other.layer);
  const declared = {
    ...manifest.dependencies,
    ...manifest.devDependencies,
    ...manifest.peerDependencies,
    ...manifest.optionalDependencies,
  };
  for (const other of packages.filter((p) => p.manifest.name in declared)) {
    if (!mayImport(other)) faults.push(`${folder}/package.json: depends on ${other.manifest.name}, which the layer table does not allow`);
  }
  const references = readFileSync(join(folder, "tsconfig.json"), "utf8").matchAll(/"path":\s*"([^"]+)"/g);
  for (const [, path] of references) {
    const other = packages.find((p) => p.folder === posix.join(folder, path));
    if (!other) faults.push(`${folder}/tsconfig.json: refers to ${path}, where no package is`);
    else if (!mayImport(other)) faults.push(`${folder}/tsconfig.json: refers to ${other.folder}, which the layer table does not allow`);
  }
}

// 4. The names of the plugins.
const pluginNames = packages.filter((p) => p.isPlugin).map((p) => p.manifest.name);
for (const { folder, layer } of packages.filter((p) => !MAY_NAME_PLUGINS.includes(p.layer))) {
  for (const file of sourcesOf(folder)) {
    for (const [index, line] of readFileSync(file, "utf8").split("\n").entries()) {
      const name = pluginNames.find(
        (plugin) => line.includes(`"${plugin}"`) || line.includes(`'${plugin}'`) || line.includes(`\`${plugin}\``),
      );
      if (name) faults.push(`${file}:${index + 1}: names ${name}; in ${layer} concrete plugins come by the registry`);
    }
  }
}

for (const fault of faults) console.error(`layers: ${fault}`);
console.log(`layers: ${modules} modules in ${packages.length} packages, ${crossing} imports between packages, ${faults.length} faults`);
process.exitCode = faults.length > 0 ? 1 : 0;
