// The core's exports: numbers and addresses only. src/wasm.ts describes them to the host.
export { bind } from "./base";
export { run } from "./machine";
export { forgetAll, rollback } from "./connections";
export { enterKnown } from "./known";
export { batch } from "./batch";
export { decode } from "./decode";
export { replay } from "./replay";
export { indexFlows, removeFlows } from "./flows";
export { settleAll } from "./trajectory";
export { unwrap } from "./pcapng";
export { classSlots, classifyByClasses, classifyByCuts, classifyByLists, classifyByParts, classifyByScan, classifyByTuples, combine, firstOfBoth, listPairs, sumOfRules } from "./acl";
