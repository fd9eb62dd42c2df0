/** The contract of a Plumbline plugin (its types are in `@plumbline/model`), what plugins share, and the test kit. */
export * from "./define.js";
export * from "./facts.js";
export * from "./naming.js";
export * from "./prefix.js";
export * from "./read.js";
export * from "./testkit.js";
