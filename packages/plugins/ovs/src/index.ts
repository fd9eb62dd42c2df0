/** The Open vSwitch plugin (default export), its facts, and its parsers by themselves. */
export * from "./ast.js";
export * from "./facts.js";
export { parseActions } from "./parse/actions.js";
export { type ParsedFlow, parseFlowLine } from "./parse/flow.js";
export { type ParsedGroup, parseGroupLine } from "./parse/groups.js";
export { parseMatch } from "./parse/match.js";
export { default } from "./plugin.js";
export { PORT, reservedName } from "./ports.js";
export { type DecodedActions, decodeActions, type OpenFlowVersion } from "./wire/actions.js";
