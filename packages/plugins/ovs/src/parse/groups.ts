/**
 * One group from one line of `ovs-ofctl dump-groups` (any OpenFlow version) or of `add-group` input
 * (lib/ofp-group.c).
 */
import type { Bucket, OvsAction, OvsGroup, ParseProblem } from "../ast.js";
import { portRef } from "../ports.js";
import { parseActions } from "./actions.js";
import { keyValues, nextKeyValue } from "./scan.js";
import { parseCount, parseInteger } from "./values.js";

export interface ParsedGroup {
  readonly group: OvsGroup | null;
  readonly problems: readonly ParseProblem[];
}

const TYPES: Record<string, OvsGroup["type"]> = { all: "all", select: "select", indirect: "indirect", ff: "ff", fast_failover: "ff" };

/** Columns where `bucket=` or `bucket:` stands outside of parentheses. */
function bucketStarts(line: string): number[] {
  const out: number[] = [];
  let depth = 0;
  for (let i = 0; i < line.length; i++) {
    const c = line[i];
    if (c === "(" || c === "[") depth++;
    else if (c === ")" || c === "]") depth--;
    else if (depth === 0 && c === "b" && (i === 0 || /[\s,]/.test(line[i - 1])) && /^bucket[=:]/.test(line.slice(i, i + 7))) out.push(i);
  }
  return out;
}

export function parseGroupLine(line: string): ParsedGroup {
  const problems: ParseProblem[] = [];
  const bad = (at: number, token: string, message: string) => void problems.push({ at, token, message });
  const starts = bucketStarts(line);
  let id: number | null = null;
  let type: OvsGroup["type"] | null = null;
  let selectionMethod = "";
  let selectionParam = 0n;
  let fields: string[] = [];
  for (const kv of keyValues(line, 0, starts[0] ?? line.length)) {
    if (kv.key === "group_id") id = parseCount(kv.value);
    else if (kv.key === "type") {
      type = TYPES[kv.value ?? ""] ?? null;
      if (type === null) bad(kv.valueAt, kv.value ?? "", `'${kv.value}' is not a type of group`);
    } else if (kv.key === "selection_method") selectionMethod = kv.value ?? "";
    else if (kv.key === "selection_method_param") selectionParam = parseInteger(kv.value ?? "") ?? 0n;
    else if (kv.key === "fields") fields = keyValues(kv.value ?? "").map((f) => (f.value === null ? f.key : `${f.key}=${f.value}`));
    else if (kv.key !== "command_bucket_id") bad(kv.at, kv.key, `'${kv.key}' is not an argument of a group`);
  }
  if (id === null) return { group: null, problems: [...problems, { at: 0, token: line.trim(), message: "the line has no group_id" }] };
  if (type === null) return { group: null, problems: [...problems, { at: 0, token: line.trim(), message: "the group has no type" }] };
  const buckets = starts.map((s, i) => bucket(line, s + "bucket=".length, starts[i + 1] ?? line.length, type === "select", problems));
  return { group: { id, type, selectionMethod, selectionParam, fields, buckets }, problems };
}

/** Keys of a bucket come before its actions, which may or may not begin with `actions=`. */
function bucket(line: string, from: number, end: number, select: boolean, problems: ParseProblem[]): Bucket {
  const out = {
    id: null as number | null,
    weight: select ? 1 : 0,
    watchPort: null as Bucket["watchPort"],
    watchGroup: null as number | null,
  };
  let actions: OvsAction[] = [];
  let pos = from;
  for (let kv = nextKeyValue(line, pos, end); kv; kv = nextKeyValue(line, pos, end)) {
    const value = kv.value ?? "";
    if (kv.key === "bucket_id") out.id = parseCount(value);
    else if (kv.key === "weight") {
      const w = parseCount(value, 0xffff);
      if (w === null) problems.push({ at: kv.valueAt, token: value, message: `'${value}' is not a weight` });
      out.weight = w ?? out.weight;
    } else if (kv.key === "watch_port") {
      const p = portRef(value);
      out.watchPort = p === 0xffff ? null : p;
    } else if (kv.key === "watch_group") {
      const g = parseCount(value);
      out.watchGroup = g === 0xffffffff ? null : g;
    } else {
      const begin = kv.key === "actions" || kv.key === "action" ? kv.valueAt : kv.at;
      actions = parseActions(line.slice(begin, end).replace(/[\s,]+$/, ""), begin, problems);
      break;
    }
    pos = kv.end;
  }
  return { ...out, actions };
}
