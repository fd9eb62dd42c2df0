/**
 * `definePlugin`: a plugin is one value, the module's default export.
 */
import type { Plugin } from "@plumbline/model";

/** The parts that a plugin may have, beside its name; each may be left out. */
export const PARTS = [
  "claims",
  "parse",
  "facts",
  "lower",
  "annotator",
  "services",
  "explain",
  "announcements",
  "decode",
  "collects",
] as const satisfies readonly (keyof Plugin)[];
export type Part = (typeof PARTS)[number];

const KNOWN: ReadonlySet<string> = new Set(["id", "title", ...PARTS]);
const STAGES = ["hooks", "devices", "linked"];

/** The parts that a plugin has, in the order of {@link PARTS}. */
export function partsOf(plugin: Plugin): Part[] {
  return PARTS.filter((part) => plugin[part] !== undefined);
}

/** Checks a plugin's shape where it is written, so that a mistake shows on import and not on the first file. */
export function definePlugin<P extends Plugin>(plugin: P & { readonly [Unknown in Exclude<keyof P, keyof Plugin>]: never }): P {
  const wrong = shapeFault(plugin);
  if (wrong !== "") throw new Error(wrong);
  return Object.freeze(plugin);
}

/** What is wrong with a value that should be a plugin, "" if nothing is. */
export function shapeFault(value: unknown): string {
  if (typeof value !== "object" || value === null) return "a plugin is an object, the module's default export";
  const plugin = value as Record<string, unknown>;
  const { id, title } = plugin;
  if (typeof id !== "string" || !/^[a-z][a-z0-9-]*$/.test(id)) return `plugin id '${String(id)}': lower case letters, digits and '-' only`;
  if (typeof title !== "string" || title === "" || title.includes("\n")) return `plugin ${id}: the title is one line`;
  const unknown = Object.keys(plugin).find((name) => !KNOWN.has(name));
  if (unknown !== undefined) return `plugin ${id}: there is no part '${unknown}'; parts are ${PARTS.join(", ")}`;
  for (const part of ["claims", "parse", "annotator", "services", "explain", "announcements", "decode"])
    if (plugin[part] !== undefined && typeof plugin[part] !== "function") return `plugin ${id}: '${part}' is a function`;
  if ((plugin.claims === undefined) !== (plugin.parse === undefined)) return `plugin ${id}: 'claims' and 'parse' go together`;
  if (plugin.collects !== undefined && !Array.isArray(plugin.collects)) return `plugin ${id}: 'collects' is a list`;
  for (const [stage, lower] of Object.entries((plugin.lower ?? {}) as object)) {
    if (!STAGES.includes(stage)) return `plugin ${id}: there is no stage '${stage}'`;
    if (typeof lower !== "function") return `plugin ${id}: stage '${stage}' is a function`;
  }
  return "";
}
