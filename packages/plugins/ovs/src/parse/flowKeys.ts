/** Table references, in flows and in the actions that go to tables. */
import type { TableRef } from "../ast.js";
import { unquote } from "../ports.js";
import { BadArgument } from "./setField.js";

/** `8`, `0x8`, `"name"`, `name`. Tables are numbered 0 to 254. */
export function tableRef(text: string): TableRef {
  if (/^(0[xX][0-9a-fA-F]+|\d+)$/.test(text)) {
    const n = Number(text);
    if (n > 254) throw new BadArgument(`there is no table ${text}`);
    return n;
  }
  const name = unquote(text);
  if (!/^[\w.:@ -]+$/.test(name)) throw new BadArgument(`'${text}' is not a table`);
  return name;
}
