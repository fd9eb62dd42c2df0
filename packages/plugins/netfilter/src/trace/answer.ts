/**
 * The answer of a rule trace: the rules that were hit, in order, and what became of the packet, from the events of a run.
 */
import { EV, type Event, get, LEAF, type Network, type Numbering, type Row, SPAWN, textOf } from "@plumbline/model";
import { stepsOf } from "../lower/steps.js";
import { packetFlow } from "./packet.js";
import type { Asked } from "./question.js";

/** A rule that was hit, or a policy that decided. */
export interface NetfilterStep {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  /** Within its chain, from 1; left out for a policy. */
  readonly rule?: number;
  readonly text: string;
  /** Line in the file of rules; 0 if it has none. */
  readonly line: number;
  readonly target: string;
  readonly packetAfter: string;
  /** The element of the map that decided. */
  readonly element?: string;
  readonly policy?: true;
}

/** docs/schemas/netfilter-trace-1.json. */
export interface NetfilterAnswer {
  readonly schema: "plumbline.netfilter-trace/1";
  readonly packet: string;
  readonly steps: readonly NetfilterStep[];
  readonly verdict: "accept" | "local" | "forward" | "drop" | "reject" | "unknown";
  /** Interface by which it left. */
  readonly out?: string;
  readonly packetAfter: string;
  /** Why it was dropped, or is unknown. */
  readonly reason?: string;
  /** Choices that were met: what decides, and the option that was taken of how many. */
  readonly choices: readonly { readonly how: string; readonly option: number; readonly of: number }[];
  readonly notes: readonly string[];
  /** What is not in evidence, and the command that would tell. */
  readonly needs: readonly { readonly why: string; readonly command: string }[];
  /** What the host itself sent because of this packet. */
  readonly answers: readonly { readonly packet: string; readonly verdict: NetfilterAnswer["verdict"]; readonly out?: string }[];
}

type Fate = Pick<NetfilterAnswer, "verdict" | "out" | "reason"> & { readonly row: Row };

export function answerOf(net: Network, num: Numbering, path: boolean, asked: Asked, events: readonly Event[]): NetfilterAnswer {
  const own = events.filter((e) => e.thread === 0);
  const fate = fateOf(net, num, own, path);
  const choices: { how: string; option: number; of: number }[] = [];
  const notes: string[] = [];
  const needs: { why: string; command: string }[] = [];
  let rule: NatHit | null = null;
  for (const e of own) {
    if (e.kind === EV.hit) rule = natHit(net, e) ?? (net.tables[e.a].stage === "netfilter" ? rule : null);
    if (rule && drawsPort(rule, e)) {
      choices.push({ how: "source port, drawn by the kernel", option: 0, of: 1 });
      rule = null;
    }
    if (e.kind === EV.choice) choices.push({ how: num.sites[e.a].how, option: e.b, of: e.c });
    const action = e.kind === EV.note ? num.texts[e.a] : e.kind === EV.leaf && e.a === LEAF.unknown ? num.texts[e.b] : undefined;
    if (action?.op === "unknown") needs.push({ why: action.why, command: action.command });
    else if (action) notes.push(textOf(action) ?? "");
    if (path && beyond(net, e)) break;
  }
  const answers = events
    .filter((e) => e.kind === EV.spawn && e.a === SPAWN.emit)
    .map((e) => {
      const { row, verdict, out } = fateOf(
        net,
        num,
        events.filter((x) => x.thread === e.b),
        path,
      );
      return { packet: packetFlow(row), verdict, ...(out !== undefined && { out }) };
    });
  return {
    schema: "plumbline.netfilter-trace/1",
    packet: asked.text,
    steps: stepsTaken(net, num, own),
    verdict: fate.verdict,
    ...(fate.out !== undefined && { out: fate.out }),
    packetAfter: packetFlow(fate.row),
    ...(fate.reason !== undefined && { reason: fate.reason }),
    choices,
    notes,
    needs,
    answers,
  };
}

/** A rule that translates sources, and the packet that met it. */
interface NatHit {
  readonly row: Row;
  readonly pinned: boolean;
  readonly random: boolean;
}

function natHit(net: Network, e: Event): NatHit | null {
  const s = stepsOf(net).rules.get(e.b);
  if (!s?.whole) return null;
  const nat = s.rule.statements.find((x) => x.s === "nat" && x.type === "src");
  if (nat?.s !== "nat") return null;
  return { row: e.row, pinned: nat.port !== null && nat.port.lo === nat.port.hi, random: nat.random };
}

/** Whether this event shows that the kernel would have drawn the port: it is taken, outside of the range, or to be drawn always. */
function drawsPort(rule: NatHit, e: Event): boolean {
  if (e.kind !== EV.nat || e.a !== 0 || rule.pinned) return false;
  return rule.random || get(e.row, "tp_src") !== get(rule.row, "tp_src") || get(e.row, "icmp_id") !== get(rule.row, "icmp_id");
}

/** Whether the host's sockets have it: netfilter's part is over. */
function beyond(net: Network, e: Event): boolean {
  return (e.kind === EV.hit || e.kind === EV.miss) && net.tables[e.a].stage === "socket";
}

/** What became of a packet, from the events of its thread. */
function fateOf(net: Network, num: Numbering, events: readonly Event[], path: boolean): Fate {
  for (const e of events) {
    const { row } = e;
    if (path && beyond(net, e)) return { verdict: "local", row };
    if (e.kind === EV.output) {
      const device = net.devices[net.tables[outputTable(events, e)].device];
      return { verdict: "forward", out: device.ports.find((p) => p.number === e.a)?.name ?? `port ${e.a}`, row };
    }
    if (e.kind !== EV.leaf) continue;
    const action = num.texts[e.b];
    const reason = action === undefined ? {} : { reason: textOf(action) };
    if (e.a === LEAF.local) return { verdict: path ? "local" : "accept", row };
    if (e.a === LEAF.dropped) return { verdict: e.c === 1 ? "reject" : "drop", ...reason, row };
    return { verdict: "unknown", ...(e.a === LEAF.looped ? { reason: "it runs in a circle" } : reason), row };
  }
  return { verdict: "unknown", row: events.at(-1)?.row ?? new Uint32Array(1) };
}

/** The table from which a packet left: the last that was entered. */
function outputTable(events: readonly Event[], output: Event): number {
  let table = 0;
  for (const e of events) {
    if (e === output) break;
    if (e.kind === EV.hit || e.kind === EV.miss) table = e.a;
  }
  return table;
}

/** Whether a draw, or something outside, kept the rule that was met from being hit: the option taken does nothing. */
function gateClosed(num: Numbering, own: readonly Event[], at: number): boolean {
  for (let i = at + 1; i < own.length; i++) {
    const e = own[i];
    if (e.kind === EV.hit || e.kind === EV.miss || e.kind === EV.leaf) return false;
    if (e.kind === EV.choice) return num.sites[e.a].options[e.b].length === 0;
  }
  return false;
}

function stepsTaken(net: Network, num: Numbering, own: readonly Event[]): NetfilterStep[] {
  const steps = stepsOf(net);
  const out: NetfilterStep[] = [];
  // The tables that look an interface's address up for a rule are part of the rule.
  const showsRow = (e: Event): boolean => {
    if (e.kind === EV.output || e.kind === EV.leaf) return true;
    if (e.kind === EV.hit) return steps.rules.has(e.b) || net.tables[e.a].stage !== "netfilter";
    return e.kind === EV.miss && (steps.policies.has(e.a) || net.tables[e.a].stage !== "netfilter");
  };
  own.forEach((e, i) => {
    const after = () => {
      for (let k = i + 1; k < own.length; k++) if (showsRow(own[k])) return packetFlow(own[k].row);
      return packetFlow(e.row);
    };
    if (e.kind === EV.hit) {
      const s = steps.rules.get(e.b);
      if (!s?.whole || gateClosed(num, own, i)) return;
      const { table, chain, rule, number } = s;
      out.push({
        family: table.family,
        table: table.name,
        chain: chain.name,
        rule: number,
        text: rule.text.trim(),
        line: rule.line,
        target: rule.target,
        packetAfter: after(),
        ...(s.element !== undefined && { element: s.element }),
      });
    } else if (e.kind === EV.miss) {
      const p = steps.policies.get(e.a);
      if (!p) return;
      const { table, chain } = p;
      const policy = chain.base?.policy ?? "accept";
      out.push({
        family: table.family,
        table: table.name,
        chain: chain.name,
        text: chain.text.trim(),
        line: chain.line,
        target: table.source === "iptables" ? policy.toUpperCase() : policy,
        packetAfter: after(),
        policy: true,
      });
    }
  });
  return out;
}

/** The answer as lines for people, in the manner of the kernel's own trace (table:chain:rule:number). */
export function answerText(a: NetfilterAnswer): string {
  const out = [a.packet];
  let before = "";
  for (const s of a.steps) {
    const family = s.family === "ip" ? "" : `${s.family} `;
    const what = s.policy ? `policy  ${s.target}` : `rule:${s.rule}  ${s.text.replace(/\s+/g, " ")}`;
    out.push(`  ${family}${s.table}:${s.chain}:${what}`);
    if (s.element !== undefined) out.push(`      element ${s.element}`);
    if (before !== "" && s.packetAfter !== before) out.push(`      ${s.packetAfter}`);
    before = s.packetAfter;
  }
  for (const c of a.choices) out.push(`  choice: ${c.how}: option ${c.option} of ${c.of}`);
  for (const n of a.needs) out.push(`  not in evidence: ${n.why} (${n.command})`);
  for (const x of a.answers) out.push(`  answered by the host: ${x.packet}${x.out === undefined ? "" : ` out ${x.out}`}`);
  out.push(
    `  verdict: ${a.verdict}${a.out === undefined ? "" : ` out ${a.out}`}${a.reason === undefined ? "" : ` (${a.reason})`}: ${a.packetAfter}`,
  );
  return out.join("\n");
}
