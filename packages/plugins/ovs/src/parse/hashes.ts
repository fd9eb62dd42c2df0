/** `bundle`, `bundle_load` and `multipath`: choices by a hash of the packet (lib/bundle.c, lib/multipath.c). */
import type { HashFields, OvsAction } from "../ast.js";
import { bad } from "./badArgument.js";
import type { MatchOptions } from "./match.js";
import { portFromText } from "./names.js";
import { leadingInteger } from "./numbers.js";
import { fieldOfSlice, parseSubfield } from "./setField.js";

const FIELDS: readonly HashFields[] = [
  "eth_src",
  "symmetric_l4",
  "symmetric_l3l4",
  "symmetric_l3l4+udp",
  "nw_src",
  "nw_dst",
  "symmetric_l3",
];
const BUNDLE = ["active_backup", "hrw"] as const;
const MULTIPATH = ["modulo_n", "hash_threshold", "hrw", "iter_hash"] as const;

function oneOf<T extends string>(all: readonly T[], text: string): T | null {
  const lower = text.toLowerCase();
  return all.find((x) => x === lower) ?? null;
}

function hashFields(whole: string, text: string): HashFields {
  return oneOf(FIELDS, text) ?? bad(`${whole}: unknown fields \`${text}'`);
}

function short(whole: string, text: string, o: MatchOptions) {
  const dst = parseSubfield(text, o);
  if (!fieldOfSlice(dst).short) bad(`${whole}: experimenter OXM field '${text}' not supported`);
  return dst;
}

/** `fields,basis,algorithm,ofport,members:1,2`, with a field before `members` for bundle_load. */
export function parseBundle(loads: boolean, text: string, o: MatchOptions): OvsAction {
  const words = text.split(/[, ]+/).filter((w) => w !== "");
  const before = loads ? 5 : 4;
  // `members:1`: the delimiter ends at its colon; the members follow, in brackets or not.
  const [delimiter, ...first] = (words[before] ?? "").split(":");
  if (words.length <= before || delimiter === "") bad(`${text}: not enough arguments to bundle action`);
  if (!/^(members|slaves)$/i.test(delimiter)) bad(`${text}: missing member delimiter, expected \`members', got \`${delimiter}'`);
  const [fields, basis, algorithm, type, dst] = words;
  const members = [...first, ...words.slice(before + 1)]
    .flatMap((w) => w.split(/[[\]]/))
    .filter((w) => w !== "")
    .map((w) => portFromText(w, o.names) ?? bad(`${w}: bad port number`));
  const named = hashFields(text, fields);
  const how = oneOf(BUNDLE, algorithm) ?? bad(`${text}: unknown algorithm \`${algorithm}'`);
  if (!/^ofport$/i.test(type)) bad(`${text}: unknown member_type \`${type}'`);
  return {
    kind: "bundle",
    fields: named,
    basis: leadingInteger(basis) & 0xffff,
    algorithm: how,
    members,
    dst: loads ? short(text, dst, o) : null,
  };
}

/** `fields,basis,algorithm,links,arg,dst`. */
export function parseMultipath(text: string, o: MatchOptions): OvsAction {
  const [fields, basis, algorithm, links, arg, dst] = text.split(/[, ]+/).filter((w) => w !== "");
  if (dst === undefined) bad(`${text}: not enough arguments to multipath action`);
  const named = hashFields(text, fields);
  const how = oneOf(MULTIPATH, algorithm) ?? bad(`${text}: unknown algorithm \`${algorithm}'`);
  const n = leadingInteger(links);
  if (n < 1 || n > 65536) bad(`${text}: n_links ${n} is not in valid range 1 to 65536`);
  const to = short(text, dst, o);
  if (to.bits < 16 && n > 1 << to.bits)
    bad(`${text}: ${to.bits}-bit destination field has ${1 << to.bits} possible values, less than specified n_links ${n}`);
  return {
    kind: "multipath",
    fields: named,
    basis: leadingInteger(basis) & 0xffff,
    algorithm: how,
    links: n,
    arg: leadingInteger(arg) >>> 0,
    dst: to,
  };
}
