/** From the paths on a command line to a network, and to a session that answers questions about it. */
import { type BuiltNetwork, buildNetwork, compileSession, loadSnapshot, type Session, type Snapshot } from "@plumbline/engine";
import { progress, progressDone } from "./output.js";
import { PLUGINS } from "./plugins.js";

export async function loadAndBuild(path: string, overlays: readonly string[] = []): Promise<{ loaded: Snapshot; built: BuiltNetwork }> {
  progress(`reading ${path}`);
  try {
    const loaded = await loadSnapshot(path, { plugins: PLUGINS, overlays });
    return { loaded, built: buildNetwork(loaded.facts, loaded.plugins) };
  } finally {
    progressDone();
  }
}

export async function open(path: string, overlays: readonly string[] = []): Promise<Session> {
  const { loaded, built } = await loadAndBuild(path, overlays);
  return compileSession(loaded, built);
}
