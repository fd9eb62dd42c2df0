/** The contract of a Plumbline plugin (its types are in `@plumbline/model`), what plugins share, and the test kit. */
export * from "./check-network.js";
export * from "./define.js";
export * from "./facts.js";
export * from "./lines.js";
export * from "./naming.js";
export * from "./other-facts.js";
export * from "./prefix.js";
export * from "./read.js";
export * from "./shape.js";
export * from "./shared-facts.js";
export * from "./testkit.js";
