/**
 * One group from one line of `ovs-ofctl dump-groups` (any OpenFlow version) or of `add-group` input
 * (lib/ofp-group.c).
 */
import type { Bucket, OvsAction, OvsGroup, ParseProblem } from "../ast.js";
import { parseActions } from "./actions.js";
import { ANY_NAMES, portFromText } from "./names.js";
import { scanUnsigned } from "./numbers.js";
import { keyValues, nextKeyValue } from "./scan.js";

export interface ParsedGroup {
  readonly group: OvsGroup | null;
  readonly problems: readonly ParseProblem[];
}

const TYPES: Readonly<Record<string, OvsGroup["type"]>> = {
  all: "all",
  select: "select",
  indirect: "indirect",
  ff: "ff",
  fast_failover: "ff",
};
const NONE = 0xffffffff;

/** Columns where `bucket=`, `bucket:` or a bare `bucket,` stands outside of parentheses. */
function bucketStarts(line: string): number[] {
  const out: number[] = [];
  let depth = 0;
  for (let i = 0; i < line.length; i++) {
    const c = line[i];
    if (c === "(" || c === "[") depth++;
    else if (c === ")" || c === "]") depth--;
    else if (depth === 0 && c === "b" && (i === 0 || /[\s,]/.test(line[i - 1])) && /^bucket[=:,\s]/.test(line.slice(i, i + 7))) out.push(i);
  }
  return out;
}

function count(text: string | null, max = 0xffffffff): number | null {
  const n = scanUnsigned(text ?? "");
  return n && n.rest === "" && n.value <= BigInt(max) ? Number(n.value) : null;
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
    if (kv.key === "group_id") {
      id = count(kv.value);
      if (id === null) bad(kv.valueAt, kv.value ?? "", `'${kv.value}' is not a group's number`);
    } else if (kv.key === "type") {
      type = Object.hasOwn(TYPES, kv.value ?? "") ? TYPES[kv.value ?? ""] : null;
      if (type === null) bad(kv.valueAt, kv.value ?? "", `'${kv.value}' is not a type of group`);
    } else if (kv.key === "selection_method") selectionMethod = kv.value ?? "";
    else if (kv.key === "selection_method_param") selectionParam = scanUnsigned(kv.value ?? "")?.value ?? 0n;
    else if (kv.key === "fields") fields = keyValues(kv.value ?? "").map((f) => (f.value === null ? sentAs(f.key) : `${f.key}=${f.value}`));
    else if (kv.key !== "command_bucket_id") bad(kv.at, kv.key, `'${kv.key}' is not an argument of a group`);
  }
  if (id === null) return { group: null, problems: [...problems, { at: 0, token: line.trim(), message: "the line has no group_id" }] };
  if (type === null) return { group: null, problems: [...problems, { at: 0, token: line.trim(), message: "the group has no type" }] };
  const buckets = starts.map((s, i) => bucket(line, s + "bucket=".length, starts[i + 1] ?? line.length, type === "select", problems));
  return { group: { id, type, selectionMethod, selectionParam, fields, buckets }, problems };
}

/** Keys of a bucket stand among its actions, of which the first may begin with `actions=`. */
function bucket(line: string, from: number, end: number, select: boolean, problems: ParseProblem[]): Bucket {
  const out = {
    id: null as number | null,
    weight: select ? 1 : 0,
    watchPort: null as Bucket["watchPort"],
    watchGroup: null as number | null,
  };
  const actions: OvsAction[] = [];
  const no = (at: number, token: string, what: string) => void problems.push({ at, token, message: `'${token}' is not ${what}` });
  for (let kv = nextKeyValue(line, from, end); kv; kv = nextKeyValue(line, kv.end, end)) {
    const value = kv.value ?? "";
    if (kv.key === "bucket_id") out.id = count(value);
    else if (kv.key === "weight") {
      const w = count(value, 0xffff);
      if (w === null) no(kv.valueAt, value, "a weight");
      out.weight = w ?? out.weight;
    } else if (kv.key === "watch_port") {
      const p = portFromText(value, ANY_NAMES);
      if (p === null) no(kv.valueAt, value, "a port");
      out.watchPort = p === 0xffff ? null : p;
    } else if (kv.key === "watch_group") {
      const g = count(value);
      out.watchGroup = g === NONE ? null : g;
    } else {
      const begin = kv.key === "actions" || kv.key === "action" ? kv.valueAt : kv.at;
      // What is cut off stays in one piece, and is told by the parser of actions.
      for (const a of parseActions(line.slice(begin, kv.open ? end : kv.end), begin, problems)) actions.push(a);
      if (kv.open) break;
    }
  }
  return { ...out, actions };
}

/** A field that a message has no number for arrives as the field of number 0 (OVS 3.1; lib/nx-match.c, oxm_put_field_array). */
function sentAs(field: string): string {
  return field === "dl_vlan" ? "in_port" : field;
}
