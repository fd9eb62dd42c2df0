/**
 * Where plugins are looked for: a configuration file, folders that are named, and the npm packages around the working directory.
 */
import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { PlumblineError } from "@plumbline/model";
import { isPluginPackage } from "./manifest.js";
import type { SandboxLimits } from "./sandbox/process.js";

export const CONFIG_NAME = "plumbline.config.json";
/** Folders of plugins, as in PATH. */
export const FOLDERS_VARIABLE = "PLUMBLINE_PLUGINS";

/** A plugin's folder, and who named it. */
export interface Found {
  readonly folder: string;
  readonly source: "config" | "folder" | "npm";
  /** Runs in the process itself, unlimited: only a configuration file can say so. */
  readonly trusted: boolean;
  readonly limits: Partial<SandboxLimits>;
}

export interface Where {
  readonly cwd: string;
  /** Folders on the command line. */
  readonly folders?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** All that is found, each folder once; what is named more exactly comes first. Throws PlumblineError for a configuration or a folder that cannot be used. */
export function discover(where: Where): Found[] {
  const out = new Map<string, Found>();
  const add = (found: Found) => {
    // Packages of a workspace are links.
    const real = existsSync(found.folder) ? realpathSync(found.folder) : found.folder;
    if (!out.has(real)) out.set(real, found);
  };
  const config = findConfig(where.cwd);
  for (const found of config?.plugins ?? []) add(found);
  const listed = [...(where.folders ?? []), ...(where.env?.[FOLDERS_VARIABLE] ?? "").split(delimiter).filter(Boolean)];
  for (const folder of listed)
    for (const f of inFolder(resolve(where.cwd, folder))) add({ folder: f, source: "folder", trusted: false, limits: {} });
  if (config?.npm ?? true) for (const folder of installed(where.cwd)) add({ folder, source: "npm", trusted: false, limits: {} });
  return [...out.values()];
}

/** A folder that is a plugin, or that holds some. */
function inFolder(folder: string): string[] {
  if (!existsSync(folder))
    throw new PlumblineError("USAGE", [
      `${folder}: no such folder of plugins.`,
      "Give the folder of a plugin's package, or one that holds such folders.",
    ]);
  if (existsSync(join(folder, "package.json"))) return [folder];
  const inside = readdirSync(folder, { withFileTypes: true })
    .filter((e) => e.isDirectory() || e.isSymbolicLink())
    .map((e) => join(folder, e.name))
    .filter(isPluginPackage)
    .sort();
  if (inside.length === 0)
    throw new PlumblineError("USAGE", [
      `${folder}: holds no plugin.`,
      "A plugin is a package with the keyword plumbline-plugin; 'plumbline plugin new NAME' makes one.",
    ]);
  return inside;
}

/** Packages with the keyword in node_modules of the working directory and of the folders above it. */
function installed(cwd: string): string[] {
  const out: string[] = [];
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const modules = join(folder, "node_modules");
    for (const name of list(modules)) {
      if (name.startsWith("@")) for (const scoped of list(join(modules, name))) out.push(join(modules, name, scoped));
      else out.push(join(modules, name));
    }
    if (dirname(folder) === folder) break;
  }
  return out.filter(isPluginPackage);
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith("."))
      .sort();
  } catch {
    return [];
  }
}

interface Config {
  readonly plugins: readonly Found[];
  readonly npm: boolean;
}

/** The nearest configuration file, from the working directory upward; null if there is none. */
function findConfig(cwd: string): Config | null {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const path = join(folder, CONFIG_NAME);
    if (existsSync(path)) return readConfig(path);
    if (dirname(folder) === folder) return null;
  }
}

const HOW = `Write { "plugins": ["./folder", { "path": "./other", "trusted": false, "limits": { "megabytes": 512, "milliseconds": 10000 } }], "npm": true }.`;

function readConfig(path: string): Config {
  const bad = (what: string) => new PlumblineError("USAGE", [`${path}: ${what}.`, HOW]);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (e) {
    throw bad(e instanceof Error ? e.message : String(e));
  }
  if (typeof value !== "object" || value === null) throw bad("an object is expected");
  const { plugins = [], npm = true, ...rest } = value as { plugins?: unknown; npm?: unknown };
  const [more] = Object.keys(rest);
  if (more !== undefined) throw bad(`there is no setting '${more}'`);
  if (!Array.isArray(plugins)) throw bad("'plugins' is a list");
  if (typeof npm !== "boolean") throw bad("'npm' is true or false");
  return {
    npm,
    plugins: plugins.map((given: unknown): Found => {
      const p = (typeof given === "string" ? { path: given } : given) as { path?: unknown; trusted?: unknown; limits?: unknown } | null;
      if (typeof p?.path !== "string") throw bad("a plugin is a path, or an object with one");
      if (p.trusted !== undefined && typeof p.trusted !== "boolean") throw bad(`'trusted' of ${p.path} is true or false`);
      const limits = (p.limits ?? {}) as Readonly<Record<string, unknown>>;
      for (const [name, n] of Object.entries(limits))
        if (!["megabytes", "milliseconds"].includes(name) || typeof n !== "number" || !(n > 0))
          throw bad(`limit '${name}' of ${p.path} is none`);
      return { folder: resolve(dirname(path), p.path), source: "config", trusted: p.trusted === true, limits };
    }),
  };
}
