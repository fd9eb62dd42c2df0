/**
 * Names of ports and tables. A dump prints them where it was asked to (`--names`); what number a name has is told by other
 * evidence, or by nobody. `ovs-ofctl parse-flow` knows none and refuses them.
 */
import type { PortRef, TableRef } from "../ast.js";
import { port16, reservedPort, unquote } from "../ports.js";

export interface Names {
  /** Number of a port's name, the name itself where it may be known later, or null: there is no such port. */
  port(name: string): PortRef | null;
  table(name: string): TableRef | null;
}

/** Any name may be one. */
export const ANY_NAMES: Names = {
  // Older versions print ports of OpenFlow 1.1 in hexadecimal.
  port: (name) => (/^0[xX][0-9a-fA-F]+$/.test(name) ? port16(Number(name)) : /^[^\s,()]+$/.test(name) ? name : null),
  table: (name) => (/^[\w.:@ -]+$/.test(name) ? name : null),
};
export const NO_NAMES: Names = { port: () => null, table: () => null };

/** ofputil_port_from_string: a number in 16 or 32 bits, a reserved name in any case, a name, quoted or not. */
export function portFromText(text: string, names: Names): PortRef | null {
  const c = text.charCodeAt(0);
  if (c >= 0x30 && c <= 0x39 && /^\d+$/.test(text)) {
    const n = Number(text);
    if (n <= 0xffff) return n;
    if (n < 0xffffff00) return null;
    return n <= 0xffffffff ? n & 0xffff : null;
  }
  if (text === "" || c === 0x2d) return null;
  return reservedPort(text) ?? (c === 0x22 ? names.port(unquote(text)) : names.port(text));
}

/** ofputil_table_from_string: 0 to 255, where 255 means any. */
export function tableFromText(text: string, names: Names): TableRef | null {
  if (/^(0[xX][0-9a-fA-F]+|\d+)$/.test(text)) {
    const n = Number(text);
    return n <= 255 ? n : null;
  }
  const name = unquote(text);
  return name === "" ? null : names.table(name);
}
