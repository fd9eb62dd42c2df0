/**
 * How much an archive or a folder may hold. An archive is hostile until proven otherwise: these bounds end the reading of
 * one that unpacks to more than a cluster's evidence ever is.
 */
export interface Limits {
  /** Files and folders. */
  readonly entries: number;
  /** Unpacked bytes in all. */
  readonly total: number;
  /** Unpacked bytes a packed byte; not looked at below {@link Limits.ratioFrom} unpacked bytes. Dumps of flows pack 10 to 60 times. */
  readonly ratio: number;
  readonly ratioFrom: number;
  /** Folders within folders. */
  readonly depth: number;
}

export const LIMITS: Limits = { entries: 200_000, total: 2 * 1024 ** 3, ratio: 200, ratioFrom: 64 * 1024 ** 2, depth: 32 };
