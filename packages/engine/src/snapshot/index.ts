export { LIMITS, type Limits } from "./limits.js";
export { type LoadOptions, loadSnapshot } from "./load.js";
export type { SetAsideFile, Snapshot, SourceFile, UnrecognisedFile } from "./snapshot.js";
