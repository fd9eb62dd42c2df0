/**
 * `learn(...)`: the flow that OVS adds when a packet hits this one (ovs-actions(7), "The learn action").
 */
import type { LearnAction, LearnSpec, TableRef } from "../ast.js";
import { ovsField, parseFieldSlice } from "../fields.js";
import { tableRef } from "./flowKeys.js";
import { keyValues } from "./scan.js";
import { BadArgument, fieldSlice } from "./setField.js";
import { parseCount, parseFieldValue, parseInteger } from "./values.js";

/** Arguments that say how long a learned flow lives or what else becomes of it. */
const LIFE = new Set(
  "idle_timeout hard_timeout fin_idle_timeout fin_hard_timeout send_flow_rem delete_learned limit result_dst".split(" "),
);

export function parseLearn(text: string): LearnAction {
  let table: TableRef = 1;
  let priority = 32768;
  let cookie = 0n;
  const specs: LearnSpec[] = [];
  for (const kv of keyValues(text)) {
    const { key, value } = kv;
    if (kv.open) throw new BadArgument(`'${text.slice(kv.at)}' is cut off`);
    if (LIFE.has(key)) continue;
    if (key === "table" && value !== null) table = tableRef(value);
    else if (key === "priority") priority = parseCount(value, 0xffff) ?? bad(kv.at, kv.end);
    else if (key === "cookie") cookie = parseInteger(value ?? "") ?? bad(kv.at, kv.end);
    else if (key === "load" && value !== null) specs.push(loadSpec(value));
    else if (key === "output" && value !== null) specs.push({ kind: "output", src: fieldSlice(value) });
    else specs.push(matchSpec(key, value));
  }
  return { kind: "learn", text: `learn(${text})`, table, priority, cookie, specs };

  function bad(at: number, end: number): never {
    throw new BadArgument(`'${text.slice(at, end)}' is not an argument of learn`);
  }
}

function loadSpec(text: string): LearnSpec {
  const [from, to] = text.split("->");
  if (to === undefined) throw new BadArgument(`'${text}' lacks '->'`);
  const dst = fieldSlice(to);
  const value = parseInteger(from);
  return value === null ? { kind: "loadField", dst, src: fieldSlice(from) } : { kind: "loadValue", dst, value };
}

/** `field=value`, `field=field`, `field[]`. */
function matchSpec(key: string, value: string | null): LearnSpec {
  const dst = fieldSlice(key);
  if (value === null) return { kind: "matchField", dst, src: dst };
  const src = parseFieldSlice(value);
  if (src) return { kind: "matchField", dst, src };
  const v = parseFieldValue(ovsField(/^\w+/.exec(key)![0])!, value);
  if (!v) throw new BadArgument(`'${value}' is not a value of ${key}`);
  return { kind: "matchValue", dst, value: v.value };
}
