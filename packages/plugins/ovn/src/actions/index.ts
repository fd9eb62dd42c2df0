/** OVN's logical actions: text to tree and back. */
export * from "./ast.js";
export { type ActionContext, addressOf, endpoint } from "./context.js";
export * from "./controller-tables.js";
export * from "./encode.js";
export { CONTROLLER_FORMS, type ControllerForm, type EncodeContext } from "./encoder.js";
export * from "./format.js";
export * from "./openflow.js";
export * from "./options.js";
export * from "./parse.js";
export { NoWireForm } from "./wire.js";
