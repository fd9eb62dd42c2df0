/**
 * `definePlugin`: a plugin is one value, the module's default export.
 */
import type { Plugin } from "@plumbline/model";

/** Checks a plugin's shape where it is written, so that a mistake shows on import and not on the first file. */
export function definePlugin(plugin: Plugin): Plugin {
  if (!/^[a-z][a-z0-9-]*$/.test(plugin.id)) throw new Error(`plugin id '${plugin.id}': lower case letters, digits and '-' only`);
  if (plugin.title.includes("\n")) throw new Error(`plugin ${plugin.id}: the title is one line`);
  for (const stage of Object.keys(plugin.lower ?? {}))
    if (!["hooks", "devices", "linked"].includes(stage)) throw new Error(`plugin ${plugin.id}: there is no stage '${stage}'`);
  return Object.freeze(plugin);
}
