/**
 * The actions of a flow or a group's bucket, from text (lib/ofp-actions.c; ovs-actions(7)).
 *
 * Promise: every text gives a list. What is no action, or has an argument that is none, becomes an action of kind `bad`
 * in its place, and a problem that names the token; the actions before it stay usable.
 */
import type { OvsAction, ParseProblem } from "../ast.js";
import { portRef, reservedPort, unquote } from "../ports.js";
import { parseCt } from "./ct.js";
import { tableRef } from "./flowKeys.js";
import { parseLearn } from "./learn.js";
import { type KeyValue, nextKeyValue } from "./scan.js";
import { BadArgument, fieldSlice, load, modAction, move, setField, setTo } from "./setField.js";
import { parseCount } from "./values.js";

/** Actions that change nothing about where this packet goes. */
const REMARKS = new Set("note sample meter set_queue pop_queue fin_timeout debug_recirc debug_slow unroll_xlate clear_actions".split(" "));
/** Actions that OVS has and a packet row cannot express. */
const UNMODELLED = new Set(
  "encap decap push_mpls pop_mpls dec_mpls_ttl dec_nsh_ttl write_actions push_pbb pop_pbb copy_ttl_in copy_ttl_out".split(" "),
);

/** Parses a list of actions. `at` is the column of `text` in the line, for problems. */
export function parseActions(text: string, at = 0, problems: ParseProblem[] = []): OvsAction[] {
  const out: OvsAction[] = [];
  for (let kv = nextKeyValue(text, 0); kv; kv = nextKeyValue(text, kv.end)) {
    const whole = () => text.slice(kv!.at, kv!.end);
    try {
      if (kv.open) throw new BadArgument(`the text is cut off within '${shorten(whole())}'`);
      out.push(parseAction(kv, whole, at, problems));
    } catch (e) {
      if (!(e instanceof BadArgument)) throw e;
      out.push({ kind: "bad", text: whole(), message: e.message });
      problems.push({ at: at + kv.at, token: whole(), message: e.message });
    }
  }
  return out;
}

function shorten(text: string): string {
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}

function parseAction(kv: KeyValue, whole: () => string, at: number, problems: ParseProblem[]): OvsAction {
  const { key, value } = kv;
  const argument = value ?? "";
  switch (key) {
    case "resubmit":
      return resubmit(kv);
    case "set_field":
      return setField(argument);
    case "load":
      return load(argument);
    case "move":
      return move(argument);
    case "push":
      return { kind: "push", src: fieldSlice(argument) };
    case "pop":
      return { kind: "pop", dst: fieldSlice(argument) };
    case "output":
      return output(kv);
    case "drop":
    case "DROP":
      return { kind: "drop" };
    case "ct":
      return parseCt(argument, at + kv.valueAt, problems, parseActions);
    case "ct_clear":
      return { kind: "ctClear" };
    case "clone":
      return { kind: "clone", actions: parseActions(argument, at + kv.valueAt, problems) };
    case "group":
      return { kind: "group", id: count(argument, "a group") };
    case "goto_table":
      return { kind: "goto", table: tableRef(argument) };
    case "dec_ttl":
      return { kind: "decTtl", controllers: argument === "" ? [] : argument.split(",").map((t) => count(t, "a controller id", 0xffff)) };
    case "conjunction":
      return conjunction(argument);
    case "check_pkt_larger":
      return checkPktLarger(argument);
    case "learn":
      return parseLearn(argument);
    case "strip_vlan":
    case "pop_vlan":
      return { kind: "popVlan" };
    case "push_vlan":
      return { kind: "pushVlan", ethertype: count(argument, "an Ethernet type", 0xffff) };
    case "enqueue": {
      const [port, queue = ""] = argument.split(/[,:]/);
      return { kind: "enqueue", port: portRef(port), queue: count(queue, "a queue") };
    }
    case "exit":
      return { kind: "exit" };
    case "delete_field":
      return setTo(fieldSlice(argument), 0n);
    case "bundle":
    case "bundle_load":
      return bundle(key, argument, whole());
    case "multipath":
      return multipath(argument, whole());
    case "controller":
    case "CONTROLLER":
      return controller(kv, whole());
  }
  if (REMARKS.has(key)) return { kind: "remark", name: key, text: whole() };
  if (UNMODELLED.has(key)) return { kind: "unmodelled", name: key, text: whole() };
  const mod = modAction(key, argument);
  if (mod) return mod;
  // A port by itself: `LOCAL`, `normal`, `5`, `"eth0"`.
  if (value === null) {
    if (/^\d+$/.test(key) || key.startsWith('"')) return { kind: "output", port: portRef(key) };
    const reserved = reservedPort(key);
    if (reserved !== undefined) return { kind: "output", port: reserved };
  }
  throw new BadArgument(`'${shorten(key)}' is not an action`);
}

function count(text: string, what: string, max = 0xffffffff): number {
  const n = parseCount(text.trim(), max);
  if (n === null) throw new BadArgument(`'${text}' is not ${what}`);
  return n;
}

/** `resubmit:port`, `resubmit(port,table)`, `resubmit(,table)`, `resubmit(,table,ct)`. */
function resubmit(kv: KeyValue): OvsAction {
  if (kv.delimiter !== "(") return { kind: "resubmit", inPort: portRef(kv.value ?? ""), table: null, ct: false };
  const [port = "", table = "", ct] = (kv.value ?? "").split(",");
  if (ct !== undefined && ct !== "ct") throw new BadArgument(`'${ct}' is not an argument of resubmit`);
  const inPort = port === "" || port.toLowerCase() === "in_port" ? null : portRef(port);
  return { kind: "resubmit", inPort, table: table === "" || table === "255" ? null : tableRef(table), ct: ct !== undefined };
}

/** `output:port`, `output:field[a..b]`, `output(port=…,max_len=…)`. */
function output(kv: KeyValue): OvsAction {
  const text = kv.value ?? "";
  if (kv.delimiter === "(") {
    if (!text.includes("=")) return outputTo(text);
    const m = /(?:^|,)\s*port=([^,]+)/.exec(text);
    if (!m) throw new BadArgument(`'${text}' names no port`);
    return { kind: "output", port: portRef(m[1]) };
  }
  return outputTo(text);
}

function outputTo(text: string): OvsAction {
  if (text === "") throw new BadArgument("output lacks a port");
  // A field whole or in part; a bare name is a port's unless only a field can have it.
  if (/^[A-Za-z_]\w*\[.*\]$/.test(text) || /^(NXM|OXM)_[A-Z]+_\w+$|^x{0,2}reg\d+$/.test(text))
    return { kind: "outputField", src: fieldSlice(text) };
  return { kind: "output", port: portRef(text) };
}

/** `conjunction(id, clause/of)`. */
function conjunction(text: string): OvsAction {
  const m = /^\s*(\d+|0x[0-9a-fA-F]+)\s*,\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(text);
  if (!m) throw new BadArgument(`'${text}' is not 'id, k/n'`);
  return { kind: "conjunction", id: Number(m[1]), clause: Number(m[2]), of: Number(m[3]) };
}

/** The scanner leaves `1500)->NXM_NX_REG0[0]`. */
function checkPktLarger(text: string): OvsAction {
  const m = /^\s*(\d+)\)->(.+)$/.exec(text);
  if (!m) throw new BadArgument(`'${text}' is not 'size)->field'`);
  const dst = fieldSlice(m[2]);
  if (dst.bits !== 1) throw new BadArgument(`${m[2]} is not one bit`);
  return { kind: "checkPktLarger", size: Number(m[1]), dst };
}

/** `CONTROLLER`, `CONTROLLER:len`, `controller(reason=…,max_len=…,id=…,userdata=…,pause,meter_id=…)`. */
function controller(kv: KeyValue, text: string): OvsAction {
  const out = { maxLen: 0xffff, reason: "action", id: 0, userdata: new Uint8Array(0) as Uint8Array, pause: false };
  if (kv.delimiter !== "(") {
    if (kv.value !== null && kv.value !== "") out.maxLen = count(kv.value, "a length", 0xffff);
    return { kind: "controller", text, ...out };
  }
  const argument = kv.value ?? "";
  for (let a = nextKeyValue(argument, 0); a; a = nextKeyValue(argument, a.end)) {
    if (a.key === "pause" && a.value === null) out.pause = true;
    else if (a.key === "userdata") out.userdata = hexBytes(a.value ?? "");
    else if (a.key === "max_len") out.maxLen = count(a.value ?? "", "a length", 0xffff);
    else if (a.key === "id") out.id = count(a.value ?? "", "a controller id", 0xffff);
    else if (a.key === "reason") out.reason = a.value ?? "";
    else if (a.key !== "meter_id") throw new BadArgument(`'${argument.slice(a.at, a.end)}' is not an argument of controller`);
  }
  return { kind: "controller", text, ...out };
}

/** `00.00.00.0c`. */
function hexBytes(text: string): Uint8Array {
  if (text === "") return new Uint8Array(0);
  if (!/^[0-9a-fA-F]{1,2}(\.[0-9a-fA-F]{1,2})*$/.test(text)) throw new BadArgument(`'${shorten(text)}' is not bytes in hex`);
  return Uint8Array.from(text.split("."), (b) => Number.parseInt(b, 16));
}

/** `fields,basis,algorithm,ofport,members:1,2` and with a field before `members` for bundle_load. */
function bundle(key: string, argument: string, text: string): OvsAction {
  const m = /^([^,]*),([^,]*),([^,]*),ofport,(?:(.*),)?(?:members|slaves):(.*)$/.exec(argument.replace(/\s/g, ""));
  if (!m || (key === "bundle_load") !== (m[4] !== undefined)) throw new BadArgument(`'${shorten(argument)}' is not an argument of ${key}`);
  const listed = m[5].replace(/^\[|\]$/g, "");
  const members = listed === "" ? [] : listed.split(",").map((p) => portRef(unquote(p)));
  return { kind: "bundle", text, algorithm: m[3], members, dst: m[4] === undefined ? null : fieldSlice(m[4]) };
}

/** `fields,basis,algorithm,links,arg,dst`. */
function multipath(argument: string, text: string): OvsAction {
  const a = argument.split(",").map((t) => t.trim());
  if (a.length !== 6) throw new BadArgument(`'${shorten(argument)}' is not an argument of multipath`);
  return { kind: "multipath", text, links: count(a[3], "a number of links", 0x10000), dst: fieldSlice(a[5]) };
}
