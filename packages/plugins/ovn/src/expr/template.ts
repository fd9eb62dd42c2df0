/**
 * Template variables: `^name` in a match or an action stands for a text of the chassis (Chassis_Template_Var of the southbound
 * database), put in before anything is parsed (lib/lex.c of OVN, lexer_parse_template_string). An unknown one stands for its name in
 * OVN 23.03; in 25.03 it leaves nothing of the whole text, so that a match is none and the flow is not used.
 */
import { tokens } from "./lex.js";
import type { SymbolRelease } from "./logical-fields.js";
import { tokenText } from "./token.js";

/** `text` with its template variables replaced. As OVN has it, a text with any of them comes back without blanks between its tokens. */
export function expandTemplates(text: string, variables: ReadonlyMap<string, string>, release: SymbolRelease = "24.03"): string {
  if (!text.includes("^")) return text;
  let out = "";
  for (const t of tokens(text)) {
    const value = t.type === "template" ? variables.get(t.text) : tokenText(t);
    if (value === undefined && release !== "21.12") return "";
    out += value ?? t.text;
  }
  return out;
}
