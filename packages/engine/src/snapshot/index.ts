export { archiveName, walkArchive } from "./archive.js";
export type { ArchiveSource } from "./archive-source.js";
export type { Holding, RawEntry } from "./entry.js";
export { LIMITS, type Limits } from "./limits.js";
export { type LoadOptions, loadSnapshot } from "./load.js";
export { NOT_READ_KEY, type NotRead } from "./not-read.js";
export type { SetAsideFile, Snapshot, SourceFile, UnrecognisedFile } from "./snapshot.js";
