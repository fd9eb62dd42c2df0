/**
 * A plugin's package.json: that it is a plugin, where its module is, and what it declares to do.
 *
 *     "keywords": ["plumbline-plugin"],
 *     "plumbline": { "capabilities": ["parse", "lower"] }
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const KEYWORD = "plumbline-plugin";

/**
 * parse: reads files and tells facts; lower: makes devices, tables, rules; explain: names rules, Services and answers questions;
 * decode: decodes recordings.
 */
export const CAPABILITIES = ["parse", "lower", "explain", "decode"] as const;
export type Capability = (typeof CAPABILITIES)[number];

export interface Manifest {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
  /** File of the module, inside the folder. */
  readonly entry: string;
  readonly capabilities: readonly Capability[];
}

interface Package {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly keywords?: unknown;
  readonly main?: unknown;
  readonly exports?: unknown;
  readonly plumbline?: { readonly capabilities?: unknown };
}

/** The package.json of a folder; null if there is none. Throws an Error for one that is not JSON. */
function packageOf(folder: string): Package | null {
  let text: string;
  try {
    text = readFileSync(join(folder, "package.json"), "utf8");
  } catch {
    return null;
  }
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null ? (value as Package) : null;
}

/** Whether a folder is a package that calls itself a plugin. */
export function isPluginPackage(folder: string): boolean {
  try {
    const found = packageOf(folder);
    return Array.isArray(found?.keywords) && found.keywords.includes(KEYWORD);
  } catch {
    return false;
  }
}

/** What a plugin's package says. Throws an Error that says what is missing. */
export function readManifest(folder: string): Manifest {
  const found = packageOf(folder);
  if (!found) throw new Error("it has no package.json");
  if (typeof found.name !== "string") throw new Error("its package.json has no name");
  if (!Array.isArray(found.keywords) || !found.keywords.includes(KEYWORD))
    throw new Error(`its package.json lacks the keyword '${KEYWORD}'`);
  const declared = found.plumbline?.capabilities;
  if (!Array.isArray(declared) || declared.length === 0)
    throw new Error(
      `its package.json declares no capabilities: "plumbline": { "capabilities": [${CAPABILITIES.map((c) => `"${c}"`).join(", ")}] }`,
    );
  const unknown = declared.find((c) => !(CAPABILITIES as readonly unknown[]).includes(c));
  if (unknown !== undefined) throw new Error(`its package.json declares '${String(unknown)}'; capabilities are ${CAPABILITIES.join(", ")}`);
  const entry = entryOf(found.exports) ?? (typeof found.main === "string" ? found.main : "index.js");
  return {
    folder,
    name: found.name,
    version: typeof found.version === "string" ? found.version : "",
    entry: join(folder, entry),
    capabilities: declared as Capability[],
  };
}

/** The module that `exports` gives to an import of the package's name. */
function entryOf(exports: unknown): string | null {
  if (typeof exports === "string") return exports;
  if (typeof exports !== "object" || exports === null) return null;
  const conditions = exports as Readonly<Record<string, unknown>>;
  const chosen = conditions["."] ?? conditions.import ?? conditions.node ?? conditions.default;
  return chosen === undefined ? null : entryOf(chosen);
}
