export type { Answer } from "./answer.js";
export type { Chosen, Flow } from "./flow.js";
export { type FlowSink, flowFile } from "./flow-file.js";
export type { Because, ToldPath } from "./paths.js";
export { replay } from "./replay.js";
export type { CaptureInput, CaptureReport, Progress, ReplayOptions, ReplayResult, ReplaySubject } from "./result.js";
export { type CaptureSource, captureOf, openCapture } from "./source.js";
export type { ReplayStats } from "./stats.js";
export {
  type BackendCount,
  CONTRADICTED,
  type Count,
  type FailureCount,
  flowText,
  type NodeCount,
  type PathCount,
  type VerdictCount,
  type WayCount,
} from "./summary.js";
