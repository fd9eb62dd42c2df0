/** The command line as a function, for tests and for embedding. */
export { EXIT } from "./failure.js";
export { PLUGINS } from "./plugins.js";
export { run } from "./run.js";
