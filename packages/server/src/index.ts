/** Plumbline over HTTP. */
export type { DemoData } from "./demo/demo.js";
export { SERVICE_LIMITS, type ServiceLimits } from "./limits.js";
export type { Retention } from "./retention.js";
export { type ServeOptions, type Serving, serve } from "./serve.js";
export type { PluginSource } from "./workers/protocol.js";
