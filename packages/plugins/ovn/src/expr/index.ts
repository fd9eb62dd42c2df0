/** OVN's match language: text to tree, tree to masked rows, and its value for a packet. */
export * from "./annotate.js";
export * from "./ast.js";
export * from "./evaluate.js";
export * from "./fields.js";
export * from "./format.js";
export * from "./lex.js";
export * from "./logical-fields.js";
export * from "./microflow.js";
export * from "./normalize.js";
export * from "./parse.js";
export * from "./rows.js";
export * from "./simplify.js";
export * from "./symbols.js";
export * from "./template.js";
export * from "./token.js";
