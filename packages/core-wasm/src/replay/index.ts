export { checkLinks, ReplayReader, type Seat } from "./reader.js";
export type {
  CaptureProblem,
  Direction,
  FirstHeaders,
  FlowBrief,
  FlowRecord,
  PathRecord,
  PathSample,
  ReplayCounters,
  ReplayOptions,
  ReplayTimes,
  Seen,
  TunnelEnds,
  TunnelHeaders,
  TupleRecord,
} from "./records.js";
export { ReplaySession } from "./session.js";
export { SharedReplay, type ShareHandlers, type ShareResult } from "./shares.js";
