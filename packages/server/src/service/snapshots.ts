/**
 * Taking a snapshot in: spooled, unpacked and masked to a pack, inspected, and only then remembered. Whatever happens before that last
 * step leaves nothing but drafts and blobs that nobody refers to, which are swept away.
 */
import { ApiError } from "../errors.js";
import { newId } from "../ids.js";
import type { SnapshotRecord } from "../metadata/records.js";
import { writeSpool } from "../spool/spool.js";
import type { EvidencePlace } from "../workers/protocol.js";
import type { TakenInByThread } from "../workers/task-thread.js";
import { runTask } from "../workers/tasks.js";
import type { Service } from "./service.js";

type Needs = Pick<Service, "metadata" | "blobs" | "limits" | "plugins">;

export interface Upload {
  readonly project: string;
  readonly name: string;
  readonly input: AsyncIterable<Uint8Array>;
  /** The snapshot that it is laid over. */
  readonly over: SnapshotRecord | null;
}

export interface TakenIn {
  readonly snapshot: SnapshotRecord;
  /** False: the project had it already. */
  readonly isNew: boolean;
}

export async function takeSnapshot(service: Needs, { project, name, input, over }: Upload): Promise<TakenIn> {
  const { metadata, blobs, limits, plugins } = service;
  const layers = over?.layers ?? [];
  if (layers.length >= limits.layers) throw new ApiError("UNUSABLE", `more than ${limits.layers} snapshots cannot lie over one another.`);
  const drafts = { pack: blobs.draft(), inspection: blobs.draft(), names: blobs.draft() };
  const releases = layers.map((l) => blobs.hold(l.pack));
  const keep = async (draft: string, key: string) => {
    releases.push(blobs.hold(key));
    await blobs.keep(draft, key);
    return key;
  };
  const spool = await writeSpool(blobs.draft(), input, (size) => {
    if (size > limits.archiveBytes) throw new ApiError("TOO_LARGE", `the archive has more than ${limits.archiveBytes} bytes.`);
  });
  try {
    const known = await metadata.snapshots.bySha256(project, spool.sha256, over?.id ?? null);
    if (known) return { snapshot: known, isNew: false };
    const { path, key, iv, size } = spool;
    const { packed, found } = await runTask<TakenInByThread>({
      task: "ingest",
      spool: { path, key, iv, size },
      name,
      limits: { ...limits },
      below: layers.map((l) => ({ name: l.name, path: blobs.path(l.pack) })),
      plugins,
      ...drafts,
    }).result;
    const failed = "fault" in found;
    const record: SnapshotRecord = {
      id: newId("snapshot"),
      project,
      name,
      sha256: spool.sha256,
      bytes: spool.size,
      files: packed.files,
      masked: packed.masked,
      layers: [...layers, { name, pack: await keep(drafts.pack, packed.key) }],
      over: over?.id ?? null,
      createdAt: new Date().toISOString(),
      status: failed ? "failed" : "ready",
      error: failed ? found.fault : null,
      hosts: failed ? 0 : found.hosts,
      problems: failed ? { error: 1, warning: 0, info: 0 } : found.problems,
      inspection: failed ? null : await keep(drafts.inspection, found.inspection),
      names: failed ? null : await keep(drafts.names, found.names),
    };
    const snapshot = await metadata.snapshots.add(record);
    return { snapshot, isNew: snapshot.id === record.id };
  } finally {
    for (const release of releases) release();
    await spool.remove();
    for (const draft of Object.values(drafts)) await blobs.discard(draft);
  }
}

/** Where a snapshot's evidence is, for a worker. */
export function evidenceOf({ blobs }: Pick<Service, "blobs">, snapshot: SnapshotRecord): EvidencePlace {
  const { id, layers } = snapshot;
  return { id, name: layers[0].name, layers: layers.map((l) => ({ name: l.name, path: blobs.path(l.pack) })) };
}

/** The project's snapshot of that id, ready to be asked. */
export async function readySnapshot({ metadata }: Pick<Service, "metadata">, project: string, id: string): Promise<SnapshotRecord> {
  const snapshot = await metadata.snapshots.get(project, id);
  if (!snapshot) throw new ApiError("NOT_FOUND", `there is no snapshot '${id}'.`);
  if (snapshot.status === "failed") throw new ApiError("UNUSABLE", `the snapshot could not be read: ${snapshot.error?.message ?? ""}`);
  return snapshot;
}
