/**
 * The actions of a flow or a group's bucket, from text (lib/ofp-actions.c; ovs-actions(7)).
 *
 * Promise: every text gives a list. What is no action, or has an argument that is none, becomes an action of kind `bad`
 * in its place, and a problem that names the token; the actions before it stay usable. Asked to be strict, the first such
 * action ends the list with OVS's own message.
 */
import type { OvsAction, ParseProblem, TableRef } from "../ast.js";
import { fieldSlice, ovsField } from "../fields.js";
import { BadArgument, bad, shorten } from "./badArgument.js";
import { parseCt, parseNat } from "./ct.js";
import { parseBundle, parseMultipath } from "./hashes.js";
import { parseDecap, parseEncap, parseHex } from "./headers.js";
import { parseLearn } from "./learn.js";
import type { MatchOptions } from "./match.js";
import { ANY_NAMES, portFromText, tableFromText } from "./names.js";
import { leadingInteger, unsigned, unsigned32, unsigned64 } from "./numbers.js";
import { outputTo, parseController, parseEnqueue, parseOutput, parseResubmit, parseSample } from "./outputs.js";
import { type KeyValue, nextKeyValue } from "./scan.js";
import { load, move, parseSubfield, setField, splitArrow, writeAction } from "./setField.js";

const LENIENT: MatchOptions = { names: ANY_NAMES, strict: false };
/** Deeper nesting is refused (ofp-actions.c, MAX_OFPACT_PARSE_DEPTH). */
const MAX_DEPTH = 100;

/** Parses a list of actions. `at` is the column of `text` in the line, for problems. */
export function parseActions(text: string, at = 0, problems: ParseProblem[] = []): OvsAction[] {
  return parseList(text, { ...LENIENT, at, problems, depth: 0 });
}

/** As ovs-ofctl parses it. Throws {@link BadArgument} at the first thing that is wrong. */
export function parseActionsStrictly(text: string, names: MatchOptions["names"]): OvsAction[] {
  return parseList(text, { names, strict: true, at: 0, problems: [], depth: 0 });
}

interface Place extends MatchOptions {
  readonly at: number;
  readonly problems: ParseProblem[];
  readonly depth: number;
}

function parseList(text: string, o: Place): OvsAction[] {
  if (o.depth >= MAX_DEPTH) bad("Action nested too deeply");
  const out: OvsAction[] = [];
  let drop = false;
  for (let kv = nextKeyValue(text, 0); kv; kv = nextKeyValue(text, kv.end)) {
    const whole = () => text.slice(kv!.at, kv!.end);
    try {
      if (kv.open && !o.strict) bad(`the text is cut off within '${shorten(whole())}'`);
      const a = parseAction(kv, whole, o);
      if (a.kind === "drop") drop = true;
      out.push(a);
    } catch (e) {
      if (!(e instanceof BadArgument) || o.strict) throw e;
      out.push({ kind: "bad", text: whole(), message: e.message });
      o.problems.push({ at: o.at + kv.at, token: whole(), message: e.message });
    }
  }
  if (drop && o.strict) {
    if (out.some((a) => a.kind !== "drop")) bad('"drop" must not be accompanied by any other action or instruction');
    return [];
  }
  return out;
}

/** The inside of an action at column `from` of its text. */
function nested(text: string, from: number, o: Place): OvsAction[] {
  return parseList(text, { ...o, at: o.at + from, depth: o.depth + 1 });
}

function parseAction(kv: KeyValue, whole: () => string, o: Place): OvsAction {
  const argument = kv.value ?? "";
  const name = kv.key.toLowerCase();
  switch (name) {
    case "resubmit":
      return parseResubmit(argument, o);
    case "set_field":
      return setField(argument, o);
    case "load":
      return load(argument, o);
    case "move":
      return move(argument, o);
    case "push":
      return { kind: "push", src: parseSubfield(argument, o) };
    case "pop":
      return { kind: "pop", dst: parseSubfield(argument, o) };
    case "output":
    case "output_reg":
      return parseOutput(argument, o);
    case "drop":
      return { kind: "drop" };
    case "ct":
      return parseCt(argument, o, (text, from) => nested(text, kv.valueAt + from, o));
    case "ct_clear":
      return { kind: "ctClear" };
    case "nat":
      parseNat(argument);
      return bad('Cannot have NAT action outside of "ct" action');
    case "clone":
      return { kind: "clone", actions: withoutDrop(nested(argument, kv.valueAt, o)) };
    case "group":
      return { kind: "group", id: unsigned32(argument) };
    case "goto_table":
      return { kind: "goto", table: table(argument, o) };
    case "dec_ttl":
      return decTtl(argument);
    case "conjunction":
      return conjunction(argument);
    case "check_pkt_larger":
      return checkPktLarger(argument, o);
    case "learn":
      return parseLearn(argument, o);
    case "strip_vlan":
    case "pop_vlan":
      return { kind: "popVlan", form: name };
    case "push_vlan":
      return pushVlan(argument);
    case "push_mpls":
      return { kind: "pushMpls", ethertype: unsigned(argument, name, 0xffff) };
    case "pop_mpls":
      return { kind: "popMpls", ethertype: unsigned(argument, name, 0xffff) };
    case "dec_mpls_ttl":
      return { kind: "decMplsTtl" };
    case "dec_nsh_ttl":
      return { kind: "decNshTtl" };
    case "encap":
      return parseEncap(argument);
    case "decap":
      return parseDecap(argument);
    case "enqueue":
      return parseEnqueue(argument, o);
    case "set_queue":
      return { kind: "setQueue", queue: unsigned32(argument) };
    case "pop_queue":
      return { kind: "popQueue" };
    case "exit":
      return { kind: "exit" };
    case "delete_field":
      return deleteField(argument);
    case "bundle":
      return parseBundle(false, argument, o);
    case "bundle_load":
      return parseBundle(true, argument, o);
    case "multipath":
      return parseMultipath(argument, o);
    case "controller":
      return parseController(argument, whole());
    case "write_actions":
      return { kind: "writeActions", actions: withoutDrop(nested(argument, kv.valueAt, o)) };
    case "clear_actions":
      return { kind: "clearActions" };
    case "write_metadata":
      return writeMetadata(argument);
    case "meter":
      return { kind: "meter", id: unsigned32(argument) };
    case "note": {
      const { bytes, rest } = parseHex(argument);
      if (rest !== "") bad("bad hex digit in `note' argument");
      return { kind: "note", bytes };
    }
    case "sample":
      return parseSample(argument, o);
    case "fin_timeout":
      return finTimeout(argument);
    case "unroll_xlate":
      if (o.strict) bad("UNROLL is an internal action that shouldn't be used via OpenFlow");
      return { kind: "unrollXlate" };
    case "debug_recirc":
      return { kind: "debugRecirc" };
    case "debug_slow":
      return { kind: "debugSlow" };
    case "apply_actions":
      return bad("apply_actions is the default instruction");
    case "output_trunc":
      return bad(`unknown action ${argument}`);
  }
  const write = writeAction(name, argument);
  if (write) return write;
  // A port by itself: `LOCAL`, `normal`, `5`, `"eth0"`. A word alone is no name: it may be an action of another version.
  const port = o.strict || kv.value === null ? portFromText(kv.key, o.strict || kv.key.startsWith('"') ? o.names : NO_WORDS) : null;
  if (port !== null) return outputTo(port);
  return bad(o.strict ? `unknown action ${kv.key}` : `'${shorten(kv.key)}' is not an action`);
}

const NO_WORDS: MatchOptions["names"] = { port: () => null, table: () => null };

function table(text: string, o: MatchOptions): TableRef {
  const t = tableFromText(text, o.names);
  if (t === null || (t === 255 && !o.strict)) bad(`unknown table "${text}"`);
  return t;
}

/** `drop` within other actions says that there are none. */
function withoutDrop(actions: OvsAction[]): OvsAction[] {
  return actions.filter((a) => a.kind !== "drop");
}

function decTtl(text: string): OvsAction {
  if (text === "") return { kind: "decTtl", controllers: [] };
  const ids = text.split(/[, ]+/).filter((t) => t !== "");
  if (ids.length === 0) bad("dec_ttl_cnt_ids: expected at least one controller id.");
  return { kind: "decTtl", controllers: ids.map((t) => leadingInteger(t) & 0xffff) };
}

function pushVlan(text: string): OvsAction {
  const ethertype = unsigned(text, "ethertype", 0xffff);
  if (ethertype !== 0x8100 && ethertype !== 0x88a8) bad(`${text}: not a valid VLAN ethertype`);
  return { kind: "pushVlan", ethertype };
}

/** `id, clause/of`. */
function conjunction(text: string): OvsAction {
  const m = /^\s*(0[xX][0-9a-fA-F]+|\d+)\s*,\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(text);
  if (!m) bad('"conjunction" syntax is "conjunction(id,i/n)"');
  const [id, clause, of] = [Number(m[1]), Number(m[2]), Number(m[3])];
  if (of < 2) bad("conjunction must have at least 2 clauses");
  if (of > 64) bad("conjunction must have at most 64 clauses");
  if (clause < 1) bad("clause index must be positive");
  if (clause > of) bad("clause index must be less than or equal to number of clauses");
  return { kind: "conjunction", id, clause, of };
}

/** The scanner leaves `1500)->NXM_NX_REG0[0]`. */
function checkPktLarger(text: string, o: MatchOptions): OvsAction {
  const [size, field] = splitArrow(text);
  const dst = parseSubfield(field, o);
  if (dst.bits !== 1) bad("Only 1-bit destination field is allowed");
  return { kind: "checkPktLarger", size: unsigned(size.replace(/\)$/, ""), "packet length", 0xffff), dst };
}

function deleteField(text: string): OvsAction {
  const f = ovsField(text);
  if (!f) bad(`unknown field \`${text}'`);
  return { kind: "deleteField", dst: fieldSlice(f, 0, f.bits, text) };
}

function writeMetadata(text: string): OvsAction {
  const slash = text.indexOf("/");
  const mask = slash < 0 ? 0xffffffffffffffffn : unsigned64(text.slice(slash + 1));
  return { kind: "writeMetadata", value: unsigned64(slash < 0 ? text : text.slice(0, slash)), mask };
}

function finTimeout(text: string): OvsAction {
  const out = { idle: 0, hard: 0 };
  for (let kv = nextKeyValue(text, 0); kv; kv = nextKeyValue(text, kv.end)) {
    if (kv.key === "idle_timeout") out.idle = unsigned(kv.value ?? "", kv.key, 0xffff);
    else if (kv.key === "hard_timeout") out.hard = unsigned(kv.value ?? "", kv.key, 0xffff);
    else bad(`invalid key '${kv.key}' in 'fin_timeout' argument`);
  }
  return { kind: "finTimeout", ...out };
}
