/**
 * Blobs: files that never change, named by their SHA-256. Equal content is stored once, and writing it again is harmless.
 */
export interface Blobs {
  /** A place for a file in the making; what is there when the process ends is removed at the next start. `ending`: of its name, for writers that go by it. */
  draft(ending?: string): string;
  /** Makes a draft a blob: it survives whatever happens from then on. `key` is the SHA-256 of its content, hexadecimal. */
  keep(draft: string, key: string): Promise<void>;
  /** Removes a draft, if it is there. */
  discard(draft: string): Promise<void>;
  /** A path of this machine at which the blob can be read. */
  path(key: string): string;
  /** Removes blobs that nothing refers to: neither what `used` tells, asked once at the start, nor who holds one meanwhile. */
  sweep(used: () => Promise<ReadonlySet<string>>): Promise<{ readonly blobs: number; readonly bytes: number }>;
  /** Keeps a sweep from a blob until the returned function is called: for the time between keeping it and referring to it. */
  hold(key: string): () => void;
  /** Bytes that can still be written. */
  free(): Promise<number>;
}
