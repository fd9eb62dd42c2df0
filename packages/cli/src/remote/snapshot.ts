/** SNAPSHOT with `--server`: found there by id or name, or brought there. */
import { existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { type Inspection, PlumblineError } from "@plumbline/engine";
import type { RemoteSnapshot, ServiceClient } from "@plumbline/server/client";
import { progress, progressDone } from "../output.js";
import { warnOfProblems } from "../session.js";

/** A snapshot on a service, and how this command line calls it. */
export interface FoundSnapshot {
  readonly id: string;
  readonly problems: RemoteSnapshot["problems"];
  /** As an answer is to call the snapshot and what lies over it; undefined: as the service does. */
  readonly names: { readonly snapshot: string; readonly overlays: readonly string[] } | undefined;
}

export async function findRemote(service: ServiceClient, given: string, overlays: readonly string[]): Promise<FoundSnapshot> {
  const local = existsSync(given);
  let found = local ? await send(service, given) : await known(service, given);
  for (const overlay of overlays) {
    if (!existsSync(overlay)) throw new PlumblineError("SNAPSHOT_MISSING", [overlay]);
    found = await send(service, overlay, found.id);
  }
  if (found.status === "failed" && found.error)
    throw new PlumblineError("USAGE", [found.error.message.replaceAll(found.name, given), found.error.hint]);
  return {
    id: found.id,
    problems: found.problems,
    names: local || overlays.length > 0 ? { snapshot: local ? given : found.name, overlays } : undefined,
  };
}

async function known(service: ServiceClient, given: string): Promise<RemoteSnapshot> {
  if (/^s[a-z0-9]{10,}$/.test(given)) {
    const { ServiceError } = await import("@plumbline/server/client");
    try {
      return await service.snapshot(given);
    } catch (e) {
      if (!(e instanceof ServiceError) || e.status !== 404) throw e;
    }
  }
  const found = await service.findSnapshot(given);
  if (found) return found;
  throw new PlumblineError("USAGE", [
    `${given}: neither a path here, nor the id or name of a snapshot on the service.`,
    "GET /v1/snapshots lists what it has; a folder or an archive here is uploaded.",
  ]);
}

async function send(service: ServiceClient, path: string, over?: string): Promise<RemoteSnapshot> {
  progress(`sending ${path}`);
  try {
    if (!statSync(path).isDirectory()) return await service.uploadSnapshot(basename(path), { path }, over);
    const { packFolder } = await import("@plumbline/server/client");
    return await service.uploadSnapshot(`${basename(resolve(path))}.tar`, { stream: packFolder(path) }, over);
  } finally {
    progressDone();
  }
}

/** Problems of the evidence, told as for a snapshot that is read here. */
export async function warnRemote(service: ServiceClient, { id, problems }: FoundSnapshot, given: string): Promise<void> {
  if (problems.error + problems.warning > 0) warnOfProblems(given, (await service.inspect(id)).problems);
}

/** An answer under the names of this command line. */
export function renamed<T extends { readonly snapshot: string; readonly overlays: readonly string[] }>(
  answer: T,
  { names }: FoundSnapshot,
): T {
  return names ? { ...answer, snapshot: names.snapshot, overlays: [...names.overlays] } : answer;
}

/** The same of an inspection, which tells of every file the overlay that it comes from. */
export function renamedInspection(answer: Inspection, found: FoundSnapshot): Inspection {
  const overlays = found.names?.overlays ?? [];
  const given = (overlay: string) => overlays[answer.overlays.indexOf(overlay)] ?? overlay;
  const files = <F extends { overlay?: string }>(list: readonly F[]): F[] =>
    list.map((f) => (f.overlay === undefined ? f : { ...f, overlay: given(f.overlay) }));
  return renamed(
    {
      ...answer,
      hosts: answer.hosts.map((h) => ({
        ...h,
        sources: files(h.sources),
        setAside: files(h.setAside),
        unrecognised: files(h.unrecognised),
      })),
    },
    found,
  );
}
