/** What is beside the path: rules that look as if they decided, and why they did not. */
export { type PlacedRule, type Unreached, type UnreachedRule, unreachedOn } from "./unreached.js";
export { type Way, wayOf } from "./way.js";
export { meantRules, type WhyNot, whyNot } from "./why-not.js";
