/**
 * One flow from one line: of `ovs-ofctl dump-flows` in any version and with any option, of `ovs-appctl
 * bridge/dump-flows`, or of an `add-flows` file.
 */
import type { MatchTerm, OvsAction, OvsFlow, ParseProblem, TableRef } from "../ast.js";
import { parseActions } from "./actions.js";
import { tableRef } from "./flowKeys.js";
import { matchKey } from "./match.js";
import { type KeyValue, nextKeyValue } from "./scan.js";
import { BadArgument } from "./setField.js";
import { parseCount, parseInteger } from "./values.js";

export interface ParsedFlow {
  /** Null where the line is no flow at all, or is cut off before its actions. */
  readonly flow: OvsFlow | null;
  readonly problems: readonly ParseProblem[];
}

/** What a flow says of itself that no packet feels. */
const IGNORED = new Set(
  (
    "duration idle_age hard_age idle_timeout hard_timeout importance n_offload_packets n_offload_bytes n_offload_pkts " +
    "send_flow_rem check_overlap reset_counts no_packet_counts no_byte_counts out_port out_group allow_hidden_fields"
  ).split(" "),
);

/** Flows get this priority where none is printed (OFP_DEFAULT_PRIORITY). */
const DEFAULT_PRIORITY = 32768;

/** Column of `actions=` (or `action=`) where the match ends, or -1. */
function actionsAt(line: string): number {
  for (let from = 0; ; ) {
    const i = line.indexOf("action", from);
    if (i < 0) return -1;
    const before = i === 0 ? " " : line[i - 1];
    const after = line.startsWith("s=", i + 6) ? 2 : line.startsWith("=", i + 6) ? 1 : 0;
    if (after > 0 && (before === " " || before === "," || before === "\t")) return i;
    from = i + 6;
  }
}

/** Parses a flow. Columns of problems count from the line's beginning. */
export function parseFlowLine(line: string): ParsedFlow {
  const problems: ParseProblem[] = [];
  const cut = actionsAt(line);
  if (cut < 0) {
    const token = line.trim();
    return { flow: null, problems: [{ at: 0, token, message: "the line has no actions: it is cut off, or it is no flow" }] };
  }
  const match: MatchTerm[] = [];
  const head = {
    table: 0 as TableRef,
    priority: DEFAULT_PRIORITY,
    cookie: 0n,
    packets: undefined as number | undefined,
    bytes: undefined as number | undefined,
  };
  for (let kv = nextKeyValue(line, 0, cut); kv; kv = nextKeyValue(line, kv.end, cut)) {
    try {
      if (flowKey(kv, head) || matchKey(kv, match, problems)) continue;
      throw new BadArgument(`'${kv.key}' is not a match field`);
    } catch (e) {
      if (!(e instanceof BadArgument)) throw e;
      problems.push({ at: kv.at, token: line.slice(kv.at, kv.end), message: e.message });
      match.push({ name: kv.key, at: kv.at, slice: null, value: 0n, mask: 0n });
    }
  }
  const start = line.indexOf("=", cut) + 1;
  const text = line.slice(start).trimEnd();
  const before = problems.length;
  const actions: OvsAction[] = parseActions(text, start, problems);
  if (actions.length === 0 && problems.length === before && text === "")
    problems.push({ at: cut, token: line.slice(cut), message: "the list of actions is empty: the line is cut off" });
  const { packets, bytes, ...rest } = head;
  const flow: OvsFlow = {
    ...rest,
    match,
    actions,
    ...(packets === undefined ? {} : { packets }),
    ...(bytes === undefined ? {} : { bytes }),
  };
  return { flow: text === "" ? null : flow, problems };
}

interface Head {
  table: TableRef;
  priority: number;
  cookie: bigint;
  packets: number | undefined;
  bytes: number | undefined;
}

/** A key about the flow itself. False if it is none. */
function flowKey(kv: KeyValue, head: Head): boolean {
  const { key, value } = kv;
  switch (key) {
    case "cookie": {
      // `cookie=value/mask` is how add-flows input selects; the mask is no part of the flow.
      const c = parseInteger((value ?? "").split("/")[0]);
      if (c === null) throw new BadArgument(`'${value}' is not a cookie`);
      head.cookie = c;
      return true;
    }
    case "priority": {
      const p = parseCount(value, 0xffff);
      if (p === null) throw new BadArgument(`'${value}' is not a priority`);
      head.priority = p;
      return true;
    }
    case "table":
    case "table_id":
      head.table = key === "table_id" && value === "254" ? 254 : tableRef(value ?? "");
      return true;
    case "n_packets":
      head.packets = Number(value);
      return true;
    case "n_bytes":
      head.bytes = Number(value);
      return true;
    default:
      return IGNORED.has(key);
  }
}
