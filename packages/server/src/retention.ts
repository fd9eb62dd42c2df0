/** What grows too old is removed, and then the blobs that nothing refers to any more. */
import type { Service } from "./service/service.js";

/** Days; left out: for ever. The audit log stays for a year unless said otherwise. */
export interface Retention {
  readonly replays?: number;
  readonly snapshots?: number;
  readonly captures?: number;
  readonly audit?: number;
}

const DAY_MS = 86_400_000;
const EVERY_MS = 60_000;

export function startSweeping(service: Pick<Service, "metadata" | "blobs" | "log">, retention: Retention): { stop(): void } {
  const { metadata, blobs, log } = service;
  const before = (days: number | undefined) => (days === undefined ? undefined : new Date(Date.now() - days * DAY_MS).toISOString());
  const sweep = async () => {
    const times = {
      replays: before(retention.replays),
      snapshots: before(retention.snapshots),
      captures: before(retention.captures),
      audit: before(retention.audit ?? 365),
    };
    const records = await metadata.retention.expire(Object.fromEntries(Object.entries(times).filter(([, t]) => t !== undefined)));
    const swept = await blobs.sweep(() => metadata.blobs());
    if (records > 0 || swept.blobs > 0) log.info({ records, ...swept }, "swept");
  };
  const timer = setInterval(() => sweep().catch((e) => log.warn({ err: e }, "sweeping failed")), EVERY_MS);
  timer.unref();
  sweep().catch((e) => log.warn({ err: e }, "sweeping failed"));
  return { stop: () => clearInterval(timer) };
}
