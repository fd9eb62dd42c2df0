/** The symbols, sets and ports that OVN's own tests of the match language know. */

import { ovnSymbols, registerField, wideRegisterField } from "../../src/expr/logical-fields.js";
import { addressSetConstants } from "../../src/expr/parse.js";
import type { SymbolTable } from "../../src/expr/symbols.js";

/** With symbols whose prerequisites make no sense. */
export function testSymbols(): SymbolTable {
  const t = ovnSymbols();
  t.addField("bad_prereq", registerField(0), { prereqs: "xyzzy" });
  t.addField("self_recurse", registerField(0), { prereqs: "self_recurse != 0" });
  t.addField("mutual_recurse_1", registerField(0), { prereqs: "mutual_recurse_2 != 0" });
  t.addField("mutual_recurse_2", registerField(0), { prereqs: "mutual_recurse_1 != 0" });
  t.addString("big_string", wideRegisterField(0));
  return t;
}

export const WORLD = {
  symbols: testSymbols(),
  addressSets: new Map([
    ["set1", addressSetConstants(["10.0.0.1", "10.0.0.2", "10.0.0.3"])],
    ["set2", addressSetConstants(["::1", "::2", "::3"])],
    ["set3", addressSetConstants(["00:00:00:00:00:01", "00:00:00:00:00:02", "00:00:00:00:00:03"])],
    ["set4", []],
  ]),
  portGroups: new Map([
    ["pg1", ["lsp1", "lsp2", "lsp3"]],
    ["pg_empty", []],
  ]),
};

const PORTS = new Map([
  ["eth0", 5],
  ["eth1", 6],
  ["LOCAL", 0xfffe],
  ["lsp1", 0x11],
]);
export const lookupPort = (name: string) => PORTS.get(name);
