/**
 * `learn(...)`: the flow that OVS adds when a packet hits this one (ovs-actions(7), "The learn action"; lib/learn.c).
 */
import type { FieldSlice, LearnAction, LearnSpec } from "../ast.js";
import { BadArgument, bad, shorten } from "./badArgument.js";
import { parseFieldValue } from "./fieldValue.js";
import type { MatchOptions } from "./match.js";
import { tableFromText } from "./names.js";
import { leadingInteger, scanInteger, scanUnsigned } from "./numbers.js";
import { keyValues } from "./scan.js";
import { fieldOfSlice, move, parseSubfield } from "./setField.js";

type Changing<T> = { -readonly [K in keyof T]: T[K] };

export function parseLearn(text: string, o: MatchOptions): LearnAction {
  const specs: LearnSpec[] = [];
  const out: Changing<LearnAction> = {
    kind: "learn",
    table: 1,
    priority: 32768,
    cookie: 0n,
    idleTimeout: 0,
    hardTimeout: 0,
    finIdleTimeout: 0,
    finHardTimeout: 0,
    sendFlowRem: false,
    deleteLearned: false,
    limit: 0,
    resultDst: null,
    specs,
  };
  for (const kv of keyValues(text)) {
    const { key } = kv;
    const value = kv.value ?? "";
    if (kv.open && !o.strict) bad(`'${shorten(text.slice(kv.at))}' is cut off`);
    const seconds = () => leadingInteger(value) & 0xffff;
    switch (key) {
      case "table": {
        const table = tableFromText(value, o.names);
        if (table === null) bad(`unknown table "${value}"`);
        if (table === 255) bad(`${text}: table id 255 not valid for \`learn' action`);
        out.table = table;
        break;
      }
      case "priority":
        out.priority = seconds();
        break;
      case "idle_timeout":
        out.idleTimeout = seconds();
        break;
      case "hard_timeout":
        out.hardTimeout = seconds();
        break;
      case "fin_idle_timeout":
        out.finIdleTimeout = seconds();
        break;
      case "fin_hard_timeout":
        out.finHardTimeout = seconds();
        break;
      case "cookie":
        out.cookie = scanUnsigned(value)?.value ?? 0n;
        break;
      case "send_flow_rem":
        out.sendFlowRem = true;
        break;
      case "delete_learned":
        out.deleteLearned = true;
        break;
      case "limit":
        out.limit = leadingInteger(value) >>> 0;
        break;
      case "result_dst": {
        const dst = parseSubfield(value, o);
        if (!fieldOfSlice(dst).writable) bad(`${value} is read-only`);
        if (dst.bits !== 1) bad("result_dst in 'learn' action must be a single bit");
        out.resultDst = dst;
        break;
      }
      default:
        specs.push(spec(text, key, value, o));
    }
  }
  return out;
}

function subfieldOrNull(text: string, o: MatchOptions): FieldSlice | null {
  try {
    return parseSubfield(text, o);
  } catch (e) {
    if (!(e instanceof BadArgument)) throw e;
    return null;
  }
}

/** learn_parse_spec. */
function spec(whole: string, key: string, value: string, o: MatchOptions): LearnSpec {
  const dst = subfieldOrNull(key, o);
  if (dst) return matchSpec(whole, dst, key, value, o);
  if (key === "load") return loadSpec(key, value, o);
  if (key === "output") return { kind: "output", src: parseSubfield(value, o) };
  return bad(`${whole}: unknown keyword ${key}`);
}

/** `field=value`, `field=field`, `field[]`. */
function matchSpec(whole: string, dst: FieldSlice, key: string, value: string, o: MatchOptions): LearnSpec {
  const f = fieldOfSlice(dst);
  if (!f.short) bad(`${whole}: experimenter OXM field '${key}' not supported`);
  if (value === "") return { kind: "matchField", dst, src: dst };
  const src = subfieldOrNull(value, o);
  if (src) {
    if (src.bits !== dst.bits) bad(`${whole}: bit widths of ${key} (${src.bits}) and ${value} (${dst.bits}) differ`);
    return { kind: "matchField", dst, src };
  }
  const neither = (why: string): never =>
    bad(
      `${whole}: ${key} value ${value} cannot be parsed as a subfield (${value}: unknown field \`${value}') or an immediate value (${why})`,
    );
  if (dst.ofs === 0 && dst.bits === f.bits) {
    let v: ReturnType<typeof parseFieldValue>;
    try {
      v = parseFieldValue(f, value, o.names);
    } catch (e) {
      if (!(e instanceof BadArgument)) throw e;
      return neither(e.message);
    }
    if (v.port !== undefined) bad(`${value} is a port whose number is not known`);
    return { kind: "matchValue", dst, value: v.value & ((1n << BigInt(f.bits)) - 1n) };
  }
  const v = scanInteger(value, f.bytes);
  if (v === null || v === "range" || v.rest !== "") return neither(`${whole}: cannot parse integer value`);
  if (v.value >> BigInt(dst.bits) !== 0n) bad(`${whole}: value ${value} does not fit into ${dst.bits} bits`);
  return { kind: "matchValue", dst, value: v.value };
}

function loadSpec(key: string, value: string, o: MatchOptions): LearnSpec {
  const i = value.indexOf("->");
  if (i === 0) bad(`${key}: missing source before \`->' in \`${value}'`);
  if (i < 0) bad(`${key}: missing \`->' in \`${value}'`);
  const v = scanInteger(value.slice(0, i), 128);
  if (v === null) {
    const m = move(value, o);
    return m.kind === "move" ? { kind: "loadField", dst: m.dst, src: m.src } : bad(value);
  }
  if (v === "range" || v.rest !== "") bad(`${key}: garbage before \`->' in \`${value}'`);
  const dst = parseSubfield(value.slice(i + 2), o);
  if (!fieldOfSlice(dst).short) bad(`${value}: experimenter OXM field '${value.slice(i + 2)}' not supported`);
  if (v.value >> BigInt(dst.bits) !== 0n) bad(`${value}: value does not fit into ${dst.bits} bits`);
  return { kind: "loadValue", dst, value: v.value };
}
