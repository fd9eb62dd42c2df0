/**
 * The conformance kit on a plugin as it is found: in its worker, on the files in its folder `fixtures`.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Plugin, PlumblineError } from "@plumbline/model";
import { type ConformanceReport, conformance, fixturesIn } from "@plumbline/plugin-sdk/conformance";
import type { Found } from "./discover.js";
import { loadPlugin, type PluginEntry } from "./registry.js";

export interface PluginTest {
  readonly entry: PluginEntry;
  readonly fixtures: string;
  readonly report: ConformanceReport;
}

/** Calls of fixtures are short: who takes longer hangs. */
const MILLISECONDS = 5000;

/** @param around plugins whose facts and chains it may need. Throws PlumblineError for a folder that cannot be used. */
export async function testPlugin(
  folder: string,
  options: { readonly around: readonly Plugin[]; readonly fixtures?: string; readonly seed?: number; readonly trusted?: boolean },
): Promise<PluginTest> {
  const found: Found = { folder, source: "folder", trusted: options.trusted === true, limits: { milliseconds: MILLISECONDS } };
  const { entry, close } = await loadPlugin(found);
  try {
    if (!entry.plugin)
      throw new PlumblineError("USAGE", [
        `${folder}: ${entry.why}.`,
        "Build it first (npm run build); docs/writing-a-plugin.md says what a plugin's package is.",
      ]);
    const fixtures = options.fixtures ?? join(folder, "fixtures");
    if (!existsSync(fixtures))
      throw new PlumblineError("USAGE", [
        `${fixtures}: no such folder.`,
        "Put files there as the commands print them, as in a snapshot: fixtures/node-1/host/COMMAND; or say --fixtures DIR.",
      ]);
    // What runs in a worker is limited there.
    const limited = entry.runs === "worker" ? { run: <T>(work: () => T) => work() } : {};
    const around = options.around.filter((p) => p.id !== entry.id);
    const report = conformance(entry.plugin, {
      fixtures: fixturesIn(fixtures),
      around,
      ...(options.seed !== undefined && { seed: options.seed }),
      ...limited,
    });
    return { entry, fixtures, report };
  } finally {
    close();
  }
}
