/** The core: compiles a network into linear memory and runs packets, one or a capture of them, in WebAssembly. */
export { type BatchOptions, type BatchResult, type Packed, pack } from "./batch.js";
export { Core, type CoreOptions, compileNetwork, coreName, type Fate } from "./core.js";
export { type Digest, digestOf } from "./digest.js";
export {
  type CaptureProblem,
  type Direction,
  type FirstHeaders,
  type FlowRecord,
  type PathRecord,
  type PathSample,
  type ReplayCounters,
  type ReplayOptions,
  ReplaySession,
  type ReplayTimes,
  type Seen,
  type TunnelEnds,
  type TunnelHeaders,
  type TupleRecord,
} from "./replay.js";
