/** From the paths on a command line to a network, and to a session that answers questions about it. */
import {
  type BuiltNetwork,
  buildNetwork,
  compileSession,
  loadSnapshot,
  type Problem,
  type Session,
  type Snapshot,
} from "@plumbline/engine";
import { progress, progressDone, warn } from "./output.js";
import { activePlugins } from "./plugins.js";

export async function loadAndBuild(path: string, overlays: readonly string[] = []): Promise<{ loaded: Snapshot; built: BuiltNetwork }> {
  progress(`reading ${path}`);
  try {
    const loaded = await loadSnapshot(path, { plugins: await activePlugins(), overlays });
    return { loaded, built: buildNetwork(loaded.facts, loaded.plugins) };
  } finally {
    progressDone();
  }
}

export async function open(path: string, overlays: readonly string[] = []): Promise<Session> {
  const { loaded, built } = await loadAndBuild(path, overlays);
  warnOfProblems(path, [...loaded.problems, ...built.problems]);
  return compileSession(loaded, built);
}

const SHOWN = 3;

/** Evidence that could not be used whole: the errors themselves, the rest as a number. Goes to stderr. */
export function warnOfProblems(path: string, problems: readonly Problem[]): void {
  const errors = problems.filter((p) => p.severity === "error");
  const warnings = problems.filter((p) => p.severity === "warning");
  for (const p of [...errors, ...warnings].slice(0, SHOWN)) warn(`${p.severity}: ${p.file}${p.line > 0 ? `:${p.line}` : ""}: ${p.message}`);
  const more = errors.length + warnings.length - SHOWN;
  if (more > 0) warn(`and ${more} more problem${more === 1 ? "" : "s"} in the evidence: plumbline inspect ${path}`);
}
