/**
 * One flow from one line: of `ovs-ofctl dump-flows` in any version and with any option, of `ovs-appctl
 * bridge/dump-flows`, or of an `add-flows` file.
 *
 * A dump of half a million lines is read in a few seconds: numbers are read where they stand, and the texts of conditions and
 * of action lists, most of which repeat, are worked out once (see `match.ts`). Flows share these values; they are never changed.
 */
import type { FlowAbout, MatchTerm, OvsAction, OvsFlow, ParseProblem, TableRef } from "../ast.js";
import { parseActions } from "./actions.js";
import { BadArgument, bad } from "./badArgument.js";
import { MatchReader, notUnderstood, ownText } from "./match.js";
import { ANY_NAMES, tableFromText } from "./names.js";
import { scanUnsigned } from "./numbers.js";
import { CHARACTER as C, nextKeyValue } from "./scan.js";

export interface ParsedFlow {
  /** Null where the line is no flow at all, or is cut off before its actions. */
  readonly flow: OvsFlow | null;
  readonly problems: readonly ParseProblem[];
}

/** Flags of a flow. */
const FLAGS = new Set(["send_flow_rem", "check_overlap", "reset_counts", "no_packet_counts", "no_byte_counts"]);
/** What a line may say of a flow that is neither kept nor felt by a packet. */
const IGNORED = new Set(
  "n_offload_packets n_offload_bytes n_offload_pkts out_port out_group allow_hidden_fields no_readonly_table".split(" "),
);

/** Flows get this priority where none is printed (OFP_DEFAULT_PRIORITY). */
const DEFAULT_PRIORITY = 32768;
const NO_PROBLEMS: readonly ParseProblem[] = [];

/** Column of `actions=` (or `action=`) where the match ends, or -1. */
function actionsAt(line: string): number {
  for (let from = 0; ; ) {
    const i = line.indexOf("action", from);
    if (i < 0) return -1;
    const before = i === 0 ? C.space : line.charCodeAt(i - 1);
    if (before === C.space || before === C.comma || before === C.tab) {
      const c = line.charCodeAt(i + 6);
      if (c === C.equal || (c === 115 && line.charCodeAt(i + 7) === C.equal)) return i;
    }
    from = i + 6;
  }
}

const READER = new MatchReader();
/** Lists of actions by their text. */
const LISTS = new Map<string, readonly OvsAction[]>();
const LISTS_KEPT = 250_000;
const NO_ACTIONS: readonly OvsAction[] = [];

function actionsOf(text: string, at: number, problems: ParseProblem[]): readonly OvsAction[] {
  const known = LISTS.get(text);
  if (known) return known;
  const before = problems.length;
  const made = parseActions(ownText(text), at, problems);
  if (problems.length === before) {
    if (LISTS.size >= LISTS_KEPT) LISTS.clear();
    LISTS.set(ownText(text), made);
  }
  return made;
}

/** Numbers before the match, of which a dump has many. */
interface Head {
  table: TableRef;
  priority: number;
  cookie: bigint;
  packets: number;
  bytes: number;
  about: { -readonly [K in keyof FlowAbout]: FlowAbout[K] } | null;
}

/** Parses a flow. Columns of problems count from the line's beginning. */
export function parseFlowLine(line: string): ParsedFlow {
  const cut = actionsAt(line);
  if (cut < 0) {
    const token = line.trim();
    return { flow: null, problems: [{ at: 0, token, message: "the line has no actions: it is cut off, or it is no flow" }] };
  }
  const problems: ParseProblem[] = [];
  const head: Head = { table: 0, priority: DEFAULT_PRIORITY, cookie: 0n, packets: -1, bytes: -1, about: null };
  let unknown: MatchTerm[] | null = null;
  READER.begin();
  for (let at = 0; ; ) {
    at = skipSeparators(line, at, cut);
    if (at >= cut) break;
    const end = tokenEnd(line, at, cut);
    if (end < 0) {
      const token = line.slice(at, cut);
      problems.push({ at, token, message: `the text is cut off within '${token}'` });
      break;
    }
    if (!flowKey(line, at, end, head, problems)) {
      const token = line.slice(at, end);
      let message = "";
      try {
        if (!READER.add(token)) message = `'${token.replace(/[=:(].*$/s, "")}' is not a match field`;
      } catch (e) {
        if (!(e instanceof BadArgument)) throw e;
        message = e.message;
      }
      if (message !== "") {
        problems.push({ at, token, message });
        (unknown ??= []).push(notUnderstood(token.replace(/[=:(].*$/s, "")));
      }
    }
    at = end;
  }
  const start = line.indexOf("=", cut) + 1;
  const end = trimmedEnd(line, start);
  const text = line.slice(start, end);
  const before = problems.length;
  const actions = text === "" ? NO_ACTIONS : actionsOf(text, start, problems);
  if (text === "" && problems.length === before)
    problems.push({ at: cut, token: line.slice(cut), message: "the list of actions is empty: the line is cut off" });
  if (text === "") return { flow: null, problems };
  const match = READER.end(problems);
  const flow = makeFlow(head, unknown ? [...match, ...unknown] : match, actions);
  return { flow, problems: problems.length === 0 ? NO_PROBLEMS : problems };
}

/** Flows of a dump have statistics; the forms are few, so that all of one dump have one. */
function makeFlow(h: Head, match: readonly MatchTerm[], actions: readonly OvsAction[]): OvsFlow {
  const { table, priority, cookie, packets, bytes } = h;
  if (h.about !== null)
    return {
      table,
      priority,
      cookie,
      match,
      actions,
      ...(packets < 0 ? {} : { packets }),
      ...(bytes < 0 ? {} : { bytes }),
      about: h.about,
    };
  if (packets >= 0 && bytes >= 0) return { table, priority, cookie, match, actions, packets, bytes };
  if (packets < 0 && bytes < 0) return { table, priority, cookie, match, actions };
  return { table, priority, cookie, match, actions, ...(packets < 0 ? {} : { packets }), ...(bytes < 0 ? {} : { bytes }) };
}

function skipSeparators(line: string, from: number, end: number): number {
  let at = from;
  for (; at < end; at++) {
    const c = line.charCodeAt(at);
    if (c !== C.comma && c !== C.space && c !== C.tab && c !== C.cr && c !== C.lf) break;
  }
  return at;
}

/** Column behind the token at `at`; -1 where a parenthesis or a quotation in it does not end. */
function tokenEnd(line: string, at: number, end: number): number {
  for (let i = at; i < end; i++) {
    const c = line.charCodeAt(i);
    if (c === C.comma || c === C.space || c === C.tab || c === C.cr || c === C.lf) return i;
    if (c === C.quote || c === C.open) {
      const kv = nextKeyValue(line, at, end);
      return kv === null || kv.open ? -1 : kv.end;
    }
  }
  return end;
}

function trimmedEnd(line: string, from: number): number {
  let end = line.length;
  for (; end > from; end--) {
    const c = line.charCodeAt(end - 1);
    if (c !== C.space && c !== C.cr && c !== C.lf && c !== C.tab) break;
  }
  return end;
}

/** A decimal number that is all of the text from `at` to `end`, or -1. */
function decimal(line: string, at: number, end: number): number {
  if (at >= end) return -1;
  let n = 0;
  for (let i = at; i < end; i++) {
    const c = line.charCodeAt(i);
    if (c < C.zero || c > C.nine) return -1;
    n = n * 10 + (c - C.zero);
  }
  return n;
}

function cookieOf(line: string, at: number, end: number): bigint {
  // Up to 13 digits fit a number.
  if (end - at <= 15 && line.charCodeAt(at) === C.zero && line.charCodeAt(at + 1) === C.x) {
    let n = 0;
    let i = at + 2;
    for (; i < end; i++) {
      const c = line.charCodeAt(i);
      if (c >= C.zero && c <= C.nine) n = n * 16 + (c - C.zero);
      else if (c >= C.a && c <= C.f) n = n * 16 + (c - C.a + 10);
      else break;
    }
    if (i === end && i > at + 2) return n === 0 ? 0n : BigInt(n);
  }
  // `cookie=value/mask` is how add-flows input selects; the mask is no part of the flow.
  const text = line.slice(at, end).replace(/\/.*$/, "");
  const c = scanUnsigned(text);
  if (c === null || c.rest !== "") bad(`'${line.slice(at, end)}' is not a cookie`);
  return c.value;
}

/** A key about the flow itself. False if it is none. What is wrong with it becomes a problem. */
function flowKey(line: string, at: number, end: number, head: Head, problems: ParseProblem[]): boolean {
  // The first two letters tell these keys from all that a match has, but for a few.
  const pair = line.charCodeAt(at) * 256 + line.charCodeAt(at + 1);
  switch (pair) {
    case LETTERS.cookie:
    case LETTERS.priority:
    case LETTERS.table:
    case LETTERS.packets:
    case LETTERS.duration:
    case LETTERS.idle:
    case LETTERS.importance:
    case LETTERS.hard:
    case LETTERS.send:
    case LETTERS.check:
    case LETTERS.reset:
    case LETTERS.no:
    case LETTERS.out:
    case LETTERS.allow:
      break;
    default:
      return false;
  }
  try {
    return keyOfFlow(pair, line, at, end, head);
  } catch (e) {
    if (!(e instanceof BadArgument)) throw e;
    problems.push({ at, token: line.slice(at, end), message: e.message });
    return true;
  }
}

const letters = (text: string) => text.charCodeAt(0) * 256 + text.charCodeAt(1);
const LETTERS = {
  cookie: letters("co"),
  priority: letters("pr"),
  table: letters("ta"),
  packets: letters("n_"),
  duration: letters("du"),
  idle: letters("id"),
  importance: letters("im"),
  hard: letters("ha"),
  send: letters("se"),
  check: letters("ch"),
  reset: letters("re"),
  no: letters("no"),
  out: letters("ou"),
  allow: letters("al"),
};

function is(line: string, at: number, name: string): boolean {
  return line.charCodeAt(at + name.length) === C.equal && line.startsWith(name, at);
}

function keyOfFlow(pair: number, line: string, at: number, end: number, head: Head): boolean {
  switch (pair) {
    case LETTERS.cookie:
      if (!is(line, at, "cookie")) return false;
      head.cookie = cookieOf(line, at + 7, end);
      return true;
    case LETTERS.priority: {
      if (!is(line, at, "priority")) return false;
      const n = decimal(line, at + 9, end);
      if (n < 0 || n > 0xffff) bad(`'${line.slice(at + 9, end)}' is not a priority`);
      head.priority = n;
      return true;
    }
    case LETTERS.table: {
      const from = is(line, at, "table") ? at + 6 : is(line, at, "table_id") ? at + 9 : -1;
      if (from < 0) return false;
      const n = decimal(line, from, end);
      if (n >= 0 && n <= 254) {
        head.table = n;
        return true;
      }
      const t = tableFromText(line.slice(from, end), ANY_NAMES);
      if (t === null || t === 255) bad(`'${line.slice(from, end)}' is not a table`);
      head.table = t;
      return true;
    }
    case LETTERS.packets:
      if (is(line, at, "n_packets")) head.packets = Math.max(0, decimal(line, at + 10, end));
      else if (is(line, at, "n_bytes")) head.bytes = Math.max(0, decimal(line, at + 8, end));
      else return ignored(line, at, end);
      return true;
    case LETTERS.duration:
      // A duration tells nothing about packets; it is different in each line, and not worth its memory.
      return is(line, at, "duration");
    case LETTERS.idle:
      if (is(line, at, "idle_age")) return true;
      if (!is(line, at, "idle_timeout")) return false;
      about(head).idleTimeout = seconds(line, at, at + 13, end);
      return true;
    case LETTERS.importance:
      if (!is(line, at, "importance")) return false;
      about(head).importance = seconds(line, at, at + 11, end);
      return true;
    case LETTERS.hard:
      if (is(line, at, "hard_age")) return true;
      if (!is(line, at, "hard_timeout")) return false;
      about(head).hardTimeout = seconds(line, at, at + 13, end);
      return true;
    // `reg0`, `recirc_id`: not `reset_counts`.
    case LETTERS.reset:
      return line.charCodeAt(at + 2) === 115 && flag(line, at, end, head);
    default:
      return flag(line, at, end, head) || ignored(line, at, end);
  }
}

function about(head: Head): { -readonly [K in keyof FlowAbout]: FlowAbout[K] } {
  return (head.about ??= {});
}

function seconds(line: string, at: number, from: number, end: number): number {
  const n = decimal(line, from, end);
  return n >= 0 ? n : bad(`'${line.slice(at, end)}' is not a number of seconds`);
}

function ignored(line: string, at: number, end: number): boolean {
  return IGNORED.has(line.slice(at, end).replace(/[=:].*$/s, ""));
}

function flag(line: string, at: number, end: number, head: Head): boolean {
  const name = line.slice(at, end);
  if (!FLAGS.has(name)) return false;
  const a = about(head);
  a.flags = [...(a.flags ?? []), name];
  return true;
}
