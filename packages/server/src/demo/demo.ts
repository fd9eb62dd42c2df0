/** The demo: a project of its own with snapshots and captures from files, and a token for whoever starts it. */
import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { issue } from "../auth/tokens.js";
import { newId } from "../ids.js";
import type { SnapshotRecord } from "../metadata/records.js";
import { takeCapture } from "../service/captures.js";
import type { Service } from "../service/service.js";
import { takeSnapshot } from "../service/snapshots.js";

export interface DemoData {
  readonly snapshots: readonly {
    readonly name: string;
    readonly path: string;
    /** Evidence laid over it, as a snapshot of its own. */
    readonly over?: { readonly name: string; readonly path: string };
  }[];
  /** Paths of captures, whose names tell where they were taken. */
  readonly captures: readonly string[];
}

/** Loads what is not there yet, and returns a new token with all scopes but admin. */
export async function loadDemo(service: Service, demo: DemoData): Promise<string> {
  const { metadata } = service;
  const known = (await metadata.projects.all()).find((p) => p.name === "demo");
  const project = known ?? { id: newId("project"), name: "demo", operator: false, createdAt: new Date().toISOString() };
  if (!known) await metadata.projects.add(project);
  for (const t of await metadata.tokens.list(project.id)) if (t.name === "demo") await metadata.tokens.remove(project.id, t.id);
  const take = async (name: string, path: string, over: SnapshotRecord | null) =>
    (await takeSnapshot(service, { project: project.id, name, input: createReadStream(path), over })).snapshot;
  for (const s of demo.snapshots) {
    const snapshot = await take(s.name, s.path, null);
    if (s.over) await take(s.over.name, s.over.path, snapshot);
  }
  for (const path of demo.captures)
    await takeCapture(service, { project: project.id, name: basename(path), input: createReadStream(path) });
  return (await issue(metadata, project.id, "demo", ["read", "run"])).secret;
}
