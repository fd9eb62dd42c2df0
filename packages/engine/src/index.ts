/** Plumbline's use cases. */
export {
  type Certainty,
  type ErrorCode,
  type EvidenceLink,
  type Layer,
  type Plugin,
  PlumblineError,
  type Problem,
  type Verdict,
} from "@plumbline/model";
export { conntrackEntries, type DumpedConnections } from "./connections.js";
export * from "./explain/index.js";
export * from "./inspect/index.js";
export { type LayerAnswer, type LayerSession, openLayer } from "./layer/index.js";
export { diskStore } from "./layer/kept.js";
export { type HostText, type OneHost, oneHost } from "./layer/one-host.js";
export { type BuiltNetwork, buildNetwork } from "./network/build.js";
export * from "./plugins/index.js";
export * from "./replay/index.js";
export { compileSession, openSession, type Session } from "./session.js";
export * from "./snapshot/index.js";
export { compareTraces, type HopDifference, logicalSession, type TraceComparison } from "./trace/compare.js";
export type { Hop, Need } from "./trace/hops.js";
export {
  type BranchResult,
  type ReplyResult,
  type TraceOptions,
  type TraceResult,
  type TraceSession,
  type Tuple,
  trace,
} from "./trace/trace.js";
export type { PlacedRule, Unreached, UnreachedRule, WhyNot } from "./trace/unreached/index.js";
