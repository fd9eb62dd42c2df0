// Rules for dependency-cruiser, made from the layer table. Run through `npm run layers`, which also checks that the
// sources were really read.
import { LAYERS, NOT_A_SOURCE } from "./tools/checks/layers.table.mjs";

/** The regular expression of everything below a folder of the table; `*` is any source plugin. */
const below = (folder) => (folder.endsWith("/*") ? `^(?!${NOT_A_SOURCE}/)packages/plugins/([^/]+)/` : `^${folder}/`);

const layerRules = Object.entries(LAYERS).map(([folder, allowed]) => ({
  name: `layer:${folder}`,
  comment: `${folder} may import ${allowed.length > 0 ? allowed.join(", ") : "nothing of ours"}`,
  severity: "error",
  from: { path: below(folder) },
  to: {
    path: "^(packages|tools)/",
    // A source plugin may import itself ($1), never a sibling.
    pathNot: [folder.endsWith("/*") ? "^packages/plugins/$1/" : below(folder), ...allowed.map(below)],
  },
}));

export default {
  forbidden: [
    ...layerRules,
    {
      name: "no-cycle",
      comment: "modules that need each other at run time are one module (types may go both ways)",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "no-unresolved",
      comment: "an import that leads nowhere escapes every other rule (not built? run npm run build)",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "declared-dependencies",
      comment: "a package imports from npm only what its own package.json declares",
      severity: "error",
      from: { path: "^packages/" },
      to: { dependencyTypes: ["npm-no-pkg", "npm-unknown", "npm-dev", "npm-optional"] },
    },
    {
      name: "no-inner-path",
      comment: "a package is entered by its name, not by a path into its folder",
      severity: "error",
      from: { path: "^((?:packages/plugins|packages)/[^/]+|tools)/src/" },
      to: { path: "^(packages|tools)/.+/src/|^tools/src/", pathNot: "^$1/" },
    },
  ],
  options: {
    doNotFollow: { path: ["node_modules", "/dist/"] },
    // Tests stand outside the layers: they may hold two packages against each other.
    exclude: { path: ["\\.test\\.ts$"] },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "default"] },
  },
};
