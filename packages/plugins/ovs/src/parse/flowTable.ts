/**
 * The flows that a text leaves in a switch: a dump's lines as they are, or what `ovs-ofctl add-flows` makes of a file, where a
 * line may begin with a command (lib/ofp-flow.c, parse_ofp_flow_mod_file; ofproto/ofproto.c, add_flow, modify_flows, delete_flows).
 *
 * A flow that is added takes the place of one with the same table, priority and match. `modify` and `delete` mean all flows that
 * match at least what they ask for, their `_strict` forms just that one.
 */
import type { OvsFlow, ParseProblem } from "../ast.js";
import { formatMatch, printMatch } from "../print/match.js";
import { parseFlowLine } from "./flow.js";
import type { FlowMatch } from "./flowMatch.js";
import { parseMatch } from "./match.js";
import { scanUnsigned } from "./numbers.js";
import { matchOf } from "./terms.js";

export interface FlowOfText {
  readonly flow: OvsFlow;
  /** Line of the text, from 1. */
  readonly line: number;
  readonly text: string;
}
interface LineProblem extends ParseProblem {
  readonly line: number;
}
interface FlowsOfText {
  readonly flows: readonly FlowOfText[];
  readonly problems: readonly LineProblem[];
}

const HEADER = /^\s*(?:NXST_FLOW|OFPST_FLOW|OFPT_|NXT_)/;
const COMMAND = /^\s*(add|delete_strict|delete|modify_strict|modify)(?=[\s,]|$)[\s,]*/;
/** What a dump's flow begins with, and a written flow does not. */
const DUMPED = /^\s+cookie=|(?:^|[\s,])duration=[\d.]+s/;

/** Reads `dump-flows` of any version and with any option, `bridge/dump-flows`, or a file of `add-flows`. */
export function flowsOfText(text: string): FlowsOfText {
  const flows: FlowOfText[] = [];
  const problems: LineProblem[] = [];
  const table = new Table();
  let written = false;
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const whole = lines[i];
    if (HEADER.test(whole)) continue;
    const hash = whole.indexOf("#");
    const line = hash < 0 ? whole : whole.slice(0, hash);
    const shown = line.trim();
    if (shown === "") continue;
    const command = COMMAND.exec(line);
    const body = command ? `${" ".repeat(command[0].length)}${line.slice(command[0].length)}` : line;
    const word = command?.[1] ?? "add";
    const put = (found: readonly ParseProblem[]) => {
      for (const p of found) problems.push({ ...p, line: i + 1 });
    };
    if (word.startsWith("delete")) {
      written = true;
      put(table.delete(body, word === "delete_strict", flows));
      continue;
    }
    const parsed = parseFlowLine(body);
    put(parsed.problems);
    const { flow } = parsed;
    // Table 254 holds what OVS made for itself; no packet is sent there by a flow.
    if (!flow || flow.table === 254) continue;
    const entry = { flow, line: i + 1, text: shown };
    written ||= command !== null || !DUMPED.test(line);
    if (!written) flows.push(entry);
    else if (word.startsWith("modify")) table.modify(entry, word === "modify_strict", flows);
    else table.add(entry, flows);
  }
  return { flows, problems };
}

/** Flows of a written text by what makes them one. */
class Table {
  private readonly keys = new Map<string, FlowOfText>();
  private seen = 0;

  private key(flow: OvsFlow): string {
    return `${flow.table} ${printMatch(flow.match, flow.priority)}`;
  }
  /** Lines of a dump that stood before. */
  private catchUp(flows: readonly FlowOfText[]): void {
    for (; this.seen < flows.length; this.seen++) this.keys.set(this.key(flows[this.seen].flow), flows[this.seen]);
  }

  add(entry: FlowOfText, flows: FlowOfText[]): void {
    this.catchUp(flows);
    const key = this.key(entry.flow);
    const old = this.keys.get(key);
    this.keys.set(key, entry);
    if (old) flows[flows.indexOf(old)] = entry;
    else {
      flows.push(entry);
      this.seen++;
    }
  }

  modify(entry: FlowOfText, strict: boolean, flows: FlowOfText[]): void {
    this.catchUp(flows);
    const wanted = matchOf(entry.flow.match);
    const key = this.key(entry.flow);
    // Without a table, all of them are meant.
    const anyTable = !/(?:^|[\s,])table(?:_id)?=/.test(entry.text.replace(/actions?=.*$/, ""));
    let any = false;
    for (const [i, f] of flows.entries()) {
      const hit = strict
        ? this.key(f.flow) === key
        : (anyTable || entry.flow.table === f.flow.table) && covers(wanted, matchOf(f.flow.match));
      if (!hit) continue;
      any = true;
      flows[i] = { ...entry, flow: { ...f.flow, actions: entry.flow.actions } };
      this.keys.set(this.key(f.flow), flows[i]);
    }
    if (!any) this.add(entry, flows);
  }

  /** `table=…,cookie=value/mask,priority=…,match`; a flow's actions do not matter. */
  delete(text: string, strict: boolean, flows: FlowOfText[]): ParseProblem[] {
    this.catchUp(flows);
    let table: string | null = null;
    let priority = 32768;
    let cookie: { value: bigint; mask: bigint } | null = null;
    const rest: string[] = [];
    for (const part of text.trim().split(/[\s,]+(?![^(]*\))/)) {
      const [name, value = ""] = part.split(/=(.*)/s);
      if (name === "table") table = value;
      else if (name === "priority") priority = Number(value);
      else if (name === "cookie") {
        const [v, m = "-1"] = value.split("/");
        cookie = { value: scanUnsigned(v)?.value ?? 0n, mask: scanUnsigned(m)?.value ?? 0n };
      } else if (part !== "" && name !== "out_port" && name !== "out_group") rest.push(part);
    }
    const { terms, problems } = parseMatch(rest.join(","));
    const wanted = matchOf(terms);
    const exact = formatMatch(wanted, priority);
    const kept = flows.filter(({ flow }) => {
      if (table !== null && String(flow.table) !== String(Number.isNaN(Number(table)) ? table : Number(table))) return true;
      if (cookie && (flow.cookie & cookie.mask) !== (cookie.value & cookie.mask)) return true;
      return strict ? printMatch(flow.match, flow.priority) !== exact : !covers(wanted, matchOf(flow.match));
    });
    flows.splice(0, flows.length, ...kept);
    this.keys.clear();
    this.seen = 0;
    return problems;
  }
}

/** Whether all that `wide` asks for, `narrow` asks for as well. */
function covers(wide: FlowMatch, narrow: FlowMatch): boolean {
  for (const [place, { value, mask }] of wide.entries()) {
    const n = narrow.get(place);
    if ((n.mask & mask) !== mask || (n.value & mask) !== value) return false;
  }
  for (const [i, o] of wide.options) {
    const n = narrow.options.get(i);
    if (!n || (n.mask & o.mask) !== o.mask || (n.value & o.mask) !== o.value) return false;
  }
  return true;
}
