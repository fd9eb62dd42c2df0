/**
 * What a translation reports, as a tree, and its text (ofproto/ofproto-dpif-trace.c, oftrace_node_print_details): the last thing that a list
 * of actions leads to is not indented further, so that a pipeline reads downwards.
 */

export type ReportKind = "bridge" | "table" | "thaw" | "bucket" | "action" | "detail" | "warn" | "error";

export interface ReportNode {
  readonly kind: ReportKind;
  readonly text: string;
  readonly subs: ReportNode[];
}

const TERMINAL = new Set<ReportKind>(["action", "detail", "warn", "error", "bucket"]);
const UNIT = 4;

/** @param deepest levels that are printed with their indentation; deeper ones stand at that level */
export function reportText(nodes: readonly ReportNode[], level = 0, deepest = 60): string {
  let out = "";
  nodes.forEach((node, i) => {
    const more = i < nodes.length - 1 || TERMINAL.has(node.kind) ? 1 : 0;
    const indent = " ".repeat(Math.min(level + more, deepest) * UNIT);
    if (node.kind === "bridge") out += `\n${indent}${node.text}\n${indent}${"-".repeat(node.text.length)}\n`;
    else if (node.kind === "detail") out += `${indent} -> ${node.text}\n`;
    else if (node.kind === "warn") out += `${indent} >> ${node.text}\n`;
    else if (node.kind === "error") out += `${indent} >>>> ${node.text} <<<<\n`;
    else out += `${indent}${node.text}\n`;
    out += reportText(node.subs, level + 2 * more, deepest);
  });
  return out;
}
