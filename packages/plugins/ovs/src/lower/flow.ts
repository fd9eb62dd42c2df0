/** One flow as a rule of the network. */
import { type Action, type Match, matchField, type Origin, type RuleSpec } from "@plumbline/model";
import type { LearnAction, OvsFlow } from "../ast.js";
import { lowerActions } from "./actions.js";
import { lowerMatch, ofEthernet } from "./match.js";
import type { Switch } from "./switch.js";

/** Words of transport ports, as rows hold them: of fragments a look-up does not see them (rule_dpif_lookup_from_table). */
const PORTS = ["tp_src", "tp_dst", "icmp_type", "icmp_code"].map((f) => matchField([], f, 0)[0].w);
const FRAGMENT = matchField([], "ip_frag", 1, 1);
const WHOLE = matchField([], "ip_frag", 0, 1);

/** @returns null where two conditions of the flow exclude each other */
export function ruleOf(sw: Switch, flow: OvsFlow, origin: Origin, onLearn?: (a: LearnAction) => void): RuleSpec | null {
  const lowered = lowerMatch(flow.match, (p) => sw.portNumber(p));
  if (!lowered.match) return null;
  const { unmodelled } = lowered;
  const match = sw.bareFrames ? ofEthernet(flow.match, lowered.match) : lowered.match;
  const conj = unmodelled.length > 0 ? [] : flow.actions.filter((a) => a.kind === "conjunction");
  let program: readonly Action[] = [];
  if (unmodelled.length > 0) program = [sw.unknown(`whether the packet matches ${unmodelled.join(" and ")} is not modelled`)];
  else if (conj.length === 0) {
    program = lowerActions(sw, flow.actions, { table: flow.table, terms: flow.match, groups: [], ...(onLearn && { onLearn }) });
    if (sw.traced) program = withoutReturn(program);
  }
  return {
    priority: flow.priority,
    rows: sw.traced ? asSeenOfFragments(match) : [match],
    program,
    origin,
    cookie: flow.cookie,
    ...(conj.length > 0 ? { conj: conj.map(({ id, clause, of }) => ({ id, clause, of })) } : {}),
  };
}

/** A look-up that is the last action need not come back: so that long chains of tables take no frames. */
function withoutReturn(program: readonly Action[]): readonly Action[] {
  const last = program.at(-1);
  return last?.op === "call" ? [...program.slice(0, -1), { op: "goto", table: last.table }] : program;
}

/** A condition on ports is met by fragments as if their ports were zero. */
function asSeenOfFragments(match: Match): Match[] {
  const ports = match.filter((x) => PORTS.includes(x.w));
  if (ports.length === 0) return [match];
  const both = (a: Match, b: Match): Match[] => {
    const other = a.find((x) => x.w === b[0].w);
    if (other && ((other.v ^ b[0].v) & other.m & b[0].m) !== 0) return [];
    const word = { w: b[0].w, v: ((other?.v ?? 0) | b[0].v) >>> 0, m: ((other?.m ?? 0) | b[0].m) >>> 0 };
    return [[...a.filter((x) => x !== other), word].sort((p, q) => p.w - q.w)];
  };
  const seenAsZero = ports.every((x) => x.v === 0);
  const rest = match.filter((x) => !PORTS.includes(x.w));
  return [...both(match, WHOLE), ...(seenAsZero ? both(rest, FRAGMENT) : [])];
}
