/**
 * `ct(...)` and its `nat(...)` (ovs-actions(7)).
 */
import { ipv4Number, ipv6Number } from "@plumbline/model";
import type { CtSpec, NatSpec, OvsAction, ParseProblem } from "../ast.js";
import { tableRef } from "./flowKeys.js";
import { keyValues } from "./scan.js";
import { BadArgument, fieldSlice } from "./setField.js";
import { parseCount } from "./values.js";

/** Parses a list of actions; given by the caller, of whose actions `ct` is one. */
type ParseList = (text: string, at: number, problems: ParseProblem[]) => OvsAction[];

/** @param at column of `text` in the line */
export function parseCt(text: string, at: number, problems: ParseProblem[], parseActions: ParseList): CtSpec {
  let commit = false;
  let force = false;
  let zone: CtSpec["zone"] = 0;
  let table: CtSpec["table"] = null;
  let nat: NatSpec | null = null;
  let exec: OvsAction[] = [];
  let alg = "";
  for (const kv of keyValues(text)) {
    const { key, value } = kv;
    if (kv.open) throw new BadArgument(`'${text.slice(kv.at)}' is cut off`);
    if (key === "commit" && value === null) commit = true;
    else if (key === "force" && value === null) force = true;
    else if (key === "nat") nat = parseNat(value ?? "");
    else if (key === "table" && value !== null) table = tableRef(value);
    else if (key === "alg" && value !== null) alg = value;
    else if (key === "zone" && value !== null) zone = parseCount(value, 0xffff) ?? fieldSlice(value);
    else if (key === "exec" && value !== null) {
      exec = parseActions(value, at + kv.valueAt, problems);
      const odd = exec.find((a) => a.kind !== "setField" && a.kind !== "move");
      if (odd) throw new BadArgument(`'${value}' is not allowed in exec()`);
    } else throw new BadArgument(`'${text.slice(kv.at, kv.end)}' is not an argument of ct`);
  }
  return { kind: "ct", commit, force, zone, table, nat, exec, alg };
}

/** The inside of `nat(...)`; "" for `nat` alone. */
function parseNat(text: string): NatSpec {
  let type: NatSpec["type"] = "existing";
  let range: Pick<NatSpec, "family" | "min" | "max" | "portMin" | "portMax"> = { family: 4 };
  const flags: string[] = [];
  for (const { key, value } of keyValues(text)) {
    if (key === "src" || key === "dst") {
      type = key;
      if (value !== null && value !== "") range = parseRange(value);
    } else if (value === null && (key === "random" || key === "hash" || key === "persistent")) flags.push(key);
    else throw new BadArgument(`'${value === null ? key : `${key}=${value}`}' is not an argument of nat`);
  }
  return { type, ...range, flags };
}

/** `192.0.2.1`, `192.0.2.1-192.0.2.9:1024-2047`, `[2001:db8::1]:80`, `2001:db8::1-2001:db8::9`, `:80`. */
function parseRange(text: string): Pick<NatSpec, "family" | "min" | "max" | "portMin" | "portMax"> {
  const bad = () => new BadArgument(`'${text}' is not an address range`);
  let addresses = text;
  let ports = "";
  const bracketed = /^\[([^\]]*)\](?:-\[([^\]]*)\])?(?::(.*))?$/.exec(text);
  const plain6 = /^([0-9a-fA-F:.]*:[0-9a-fA-F:.]*)(-[0-9a-fA-F:.]*)?$/.test(text) && (text.match(/:/g)?.length ?? 0) > 1;
  if (bracketed) {
    addresses = bracketed[2] === undefined ? bracketed[1] : `${bracketed[1]}-${bracketed[2]}`;
    ports = bracketed[3] ?? "";
  } else if (!plain6) {
    const colon = text.indexOf(":");
    if (colon >= 0) {
      addresses = text.slice(0, colon);
      ports = text.slice(colon + 1);
    }
  }
  const out: { family: 4 | 6; min?: bigint; max?: bigint; portMin?: number; portMax?: number } = { family: 4 };
  if (addresses !== "") {
    const [first, last = first] = addresses.split("-");
    const v4 = ipv4Number(first);
    const v6 = v4 === null ? ipv6Number(first) : null;
    const max = v4 === null ? ipv6Number(last) : ipv4Number(last);
    const min = v4 ?? v6;
    if (min === null || max === null) throw bad();
    out.family = v4 === null ? 6 : 4;
    out.min = BigInt(min);
    out.max = BigInt(max);
  }
  if (ports !== "") {
    const [first, last = first] = ports.split("-");
    const min = parseCount(first, 0xffff);
    const max = parseCount(last, 0xffff);
    if (min === null || max === null) throw bad();
    out.portMin = min;
    out.portMax = max;
  }
  return out;
}
