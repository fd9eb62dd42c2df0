/**
 * `plumbline plugin new`: a package that builds, tests and runs at once, from the files of `template/`.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** Why a name cannot be a plugin's, "" if it can. */
export function nameFault(name: string): string {
  const id = idOf(name);
  if (!/^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/.test(name))
    return "a package's name has lower case letters, digits, '-', '.', '_'";
  if (!/^[a-z][a-z0-9-]*$/.test(id)) return "a plugin's id has lower case letters, digits and '-' only, and begins with a letter";
  return "";
}

/** The plugin's id: the package's name without its scope, and without "plumbline-plugin-". */
export function idOf(name: string): string {
  return name.replace(/^@[^/]*\//, "").replace(/^plumbline-plugin-/, "");
}

/**
 * Writes a plugin's package into a folder and returns its files.
 * @param version of Plumbline, for the dependencies
 */
export function scaffold(folder: string, name: string, version: string): string[] {
  const template = templateFolder();
  const id = idOf(name);
  const title = id
    .split("-")
    .map((w) => w.charAt(0).toUpperCase() + w.slice(1))
    .join(" ");
  const values: Readonly<Record<string, string>> = { package: name, name: id, id, title, version };
  const fill = (text: string) => text.replace(/\{\{(\w+)\}\}/g, (whole, key: string) => values[key] ?? whole);
  const written: string[] = [];
  for (const entry of readdirSync(template, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const from = join(entry.parentPath, entry.name);
    const path = fill(relative(template, from))
      .replace(/\.tpl$/, "")
      .replace(/^gitignore$/, ".gitignore");
    const to = join(folder, path);
    mkdirSync(dirname(to), { recursive: true });
    writeFileSync(to, fill(readFileSync(from, "utf8")), { flag: "wx" });
    written.push(path);
  }
  return written.sort();
}

/** Beside `dist` in the package, and beside `src` in its source. */
function templateFolder(): string {
  const folder = fileURLToPath(new URL("../../template", import.meta.url));
  if (!existsSync(folder)) throw new Error(`${folder}: the template of a plugin is missing`);
  return folder;
}
