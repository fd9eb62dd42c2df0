/** The recorded answers of the real OVN, where they are at hand. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SHARED = process.env["PLUMBLINE_SHARED"] ?? join(dirname(fileURLToPath(import.meta.url)), "../../../../../../shared");
const CASES = join(SHARED, "cases/ovn");

/** Lines of a case file, or undefined, said loudly, where it is not there. */
export function sharedCases<T>(name: string): T[] | undefined {
  const path = join(CASES, name);
  if (!existsSync(path)) {
    console.warn(`SKIPPED: no cases at ${path} (set PLUMBLINE_SHARED)`);
    return undefined;
  }
  return readFileSync(path, "utf8")
    .split("\n")
    .filter((l) => l !== "")
    .map((l) => JSON.parse(l) as T);
}
