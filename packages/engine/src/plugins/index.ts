export { type Check, type ConformanceReport, nameFault, reportText, scaffold } from "@plumbline/plugin-sdk/conformance";
export { CONFIG_NAME, FOLDERS_VARIABLE, type Found, type Where } from "./discover.js";
export { CAPABILITIES, type Capability, KEYWORD, type Manifest, readManifest } from "./manifest.js";
export { loadPlugin, loadPlugins, type PluginEntry, type PluginSet } from "./registry.js";
export { SANDBOX_LIMITS, type SandboxLimits } from "./sandbox/process.js";
export { type PluginTest, testPlugin } from "./test.js";
