// The "may import" column of the package table in docs/architecture.md, as data. Nothing else says who may import whom:
// the dependency-cruiser rules and the package.json check both read it.

/** Folder of a package, and the folders of ours that its sources may import. */
export const LAYERS = {
  "packages/model": [],
  "packages/core-wasm": ["packages/model"],
  "packages/plugins/sdk": ["packages/model"],
  "packages/plugins/*": ["packages/model", "packages/plugins/sdk"],
  "packages/engine": ["packages/model", "packages/core-wasm", "packages/plugins/sdk"],
  "packages/cli": ["packages/engine", "packages/server", "packages/plugins/*"],
  "packages/server": ["packages/engine"],
};

/** The folder under packages/plugins that is no source plugin: importing it by name ties nobody to a source. */
export const NOT_A_SOURCE = "packages/plugins/sdk";

/** Layers whose sources may name a concrete plugin; to all others plugins come by the registry. */
export const MAY_NAME_PLUGINS = ["packages/plugins/*", "packages/cli", "tools"];

/** Fewer modules than this cannot be the whole project: the gate then read nothing and has to fail. */
export const MINIMUM_MODULES = 12;
