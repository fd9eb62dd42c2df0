/**
 * The conformance kit (`@plumbline/plugin-sdk/conformance`): for tests, and for `plumbline plugin test`. It uses modules of Node that a
 * plugin itself does not get.
 */
export { type Check, type ConformanceOptions, type ConformanceReport, conformance, type Fixture } from "./conformance.js";
export { fixturesIn } from "./folder.js";
export { limited, TookTooLong } from "./limited.js";
export { conformanceTests, reportText, type TestFunction } from "./report.js";
export { idOf, nameFault, scaffold } from "./scaffold.js";
