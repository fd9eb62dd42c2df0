/** The core: compiles a network into linear memory and runs packets, one or a capture of them, in WebAssembly. */
export {
  Acl,
  type AclChoice,
  type AclPacket,
  type AclRule,
  type AclRun,
  linearSearch,
  NO_RULE,
  type Prefix,
  packPackets,
  type Range,
  rangesOf,
} from "./acl/index.js";
export { type BatchOptions, type BatchResult, type Packed, pack } from "./batch.js";
export { Core, type CoreOptions, compileNetwork, coreName, type Fate } from "./core.js";
export { type Digest, digestOf } from "./digest.js";
export { joinsOf } from "./joins.js";
export { type Reads, readsOf } from "./reads.js";
export {
  type CaptureProblem,
  checkLinks,
  type Direction,
  type FirstHeaders,
  type FlowBrief,
  type FlowRecord,
  type PathRecord,
  type PathSample,
  type ReplayCounters,
  type ReplayOptions,
  ReplayReader,
  ReplaySession,
  type ReplayTimes,
  type Seat,
  type Seen,
  SharedReplay,
  type ShareHandlers,
  type ShareResult,
  type TunnelEnds,
  type TunnelHeaders,
  type TupleRecord,
} from "./replay/index.js";
