/**
 * Our answer: the same dumps through the layer that `plumbline netfilter trace --path` opens, the same packets as text.
 */
import { Core } from "@plumbline/core-wasm";
import { type HostText, oneHost } from "@plumbline/engine";
import {
  addressOf,
  EV,
  type Event,
  get,
  type Layer,
  type Network,
  type Problem,
  parsePacket,
  type Row,
  type RunOptions,
  set,
} from "@plumbline/model";
import linux from "@plumbline/plugin-linux";
import { type NetfilterAnswer, netfilterAlone, openNetfilter } from "@plumbline/plugin-netfilter";
import { type Answer, describe, describeMade } from "./answer.js";
import type { HostDumps } from "./host.js";
import { rowText } from "./row-text.js";
import type { Tool } from "./rule-set.js";
import { wireOf } from "./wire.js";

export interface Mirror {
  readonly problems: readonly Problem[];
  /**
   * Runs a packet that is received at an interface (or sent by the host itself: null) on the present connections. Where the way
   * branches (a rate, a clock, a random number), a branch that is `near` without bound is taken, if one is found; nearer ones are tried first.
   */
  ask(row: Row, iface: string | null, near?: (a: Answer) => number): Answer;
}

/** How near a branch is that is taken where none is near without bound. */
export const GOOD_ENOUGH = Number.MAX_SAFE_INTEGER;

/** More than a rule set's packets make. */
const CONNECTIONS = 1 << 14;

/** Ways that are tried where the rules leave a packet several. */
const BRANCHES = 1000;

/** Opens a host from its dumps. */
export async function openMirror(dumps: HostDumps, tool: Tool): Promise<Mirror> {
  const texts: HostText[] = Object.entries(dumps).map(([file, text]) => ({ path: file, command: commandOf(file), text }));
  // Without `ss` what is for the host is taken: its own answers do not reach the kernel's tracking either (rule-set.ts).
  const host = oneHost(texts, [netfilterAlone, linux]);
  throwAwayAnswers(host.network);
  const own = new Set(Object.values(dumps).flatMap((text) => [...text.matchAll(/^ +inet ([\d.]+)\//gm)].map((m) => m[1])));
  const receive = openNetfilter(host, { path: "receive" });
  const send = openNetfilter(host, { path: "send" });
  const core = await Core.create(host.network, { connections: CONNECTIONS });
  const earlier: { row: Row; device: number; port: number | null; script: readonly number[] }[] = [];
  const optionsWith = (script: readonly number[]): RunOptions => ({ script, beyond: "first", keep: true });
  const run = (q: { row: Row; device: number; port: number | null }, script: readonly number[]) =>
    core.run(q.row, q.device, q.port, optionsWith(script));
  const again = () => {
    core.reset();
    for (const e of earlier) core.runFast(e.row, e.device, e.port, optionsWith(e.script));
  };
  return {
    problems: host.problems,
    ask(row, iface, near) {
      const layer: Layer<NetfilterAnswer> = iface === null ? send : receive;
      const question = layer.ask(`${questionOf(row)}${iface === null ? "" : ` --in ${iface}`}`);
      const told = (events: readonly Event[]) => answerOf(layer.answer(question, events), tool, iface === null, own);
      const events = run(question.run, []);
      let script: readonly number[] = [];
      let answer = told(events);
      if (near && near(answer) !== Number.POSITIVE_INFINITY && events.some((e) => e.kind === EV.choice)) {
        const from = (s: readonly number[]) => {
          again();
          return run(question.run, s);
        };
        const found = search(events, from, (e) => near(told(e)));
        if (found) [script, answer] = [found.script, told(found.events)];
        else from([]);
      }
      earlier.push({ ...question.run, script });
      return answer;
    },
  };
}

/** What the host itself sends is thrown away before it meets a rule or is tracked, as it is on the kernel's side (rule-set.ts). */
function throwAwayAnswers(net: Network): void {
  const walk = (x: unknown): void => {
    if (Array.isArray(x)) for (const y of x) walk(y);
    else if (typeof x === "object" && x !== null) {
      if ("op" in x && x.op === "emit") Object.assign(x, { then: [{ op: "drop", reason: "thrown away" }] });
      else for (const y of Object.values(x)) walk(y);
    }
  };
  for (const t of net.tables) {
    walk(t.miss);
    for (const rule of t.rules) walk(rule.program);
  }
}

/** An answer to what was redirected to a loopback address under another host's: declared as not modelled (docs/limitations.md). */
function cannotLeave(a: NetfilterAnswer, own: ReadonlySet<string>): boolean {
  if (a.packetAfter === "") return false;
  const { row } = parsePacket(a.packetAfter);
  return addressOf(row, "dst").startsWith("127.") && !own.has(addressOf(row, "src"));
}

/** The command behind a dump's file name; the rules' own are known by their look. */
const commandOf = (file: string) => (/save$|ruleset$/.test(file) ? "" : file.replaceAll("_", " "));

/** A packet as a question: with its length, and with zeros where a default would stand. */
function questionOf(row: Row): string {
  const full = row.slice();
  set(full, "packet_len", wireOf(row).length);
  const zeros = { 6: "tcp_flags", 1: "icmp_type", 58: "icmp_type" }[get(row, "ip_proto")];
  return `${rowText(full)}${zeros && get(row, zeros) === 0 ? `,${zeros}=0` : ""}`;
}

/**
 * A script whose run is `near` without bound, else one that is {@link GOOD_ENOUGH}; null if there is none among the {@link BRANCHES} that are tried, those
 * beside the nearest first.
 */
function search(first: readonly Event[], run: (script: readonly number[]) => readonly Event[], near: (events: readonly Event[]) => number) {
  const others = (script: readonly number[], events: readonly Event[], nearness: number) => {
    const choices = events.filter((e) => e.kind === EV.choice);
    return choices.flatMap((c, i) =>
      i < script.length
        ? []
        : Array.from({ length: c.c }, (_, option) => option)
            .filter((option) => option !== c.b)
            .map((option) => ({ script: [...choices.slice(0, i).map((x) => x.b), option], nearness })),
    );
  };
  const nearest = near(first);
  const waiting = others([], first, nearest);
  let good: { script: readonly number[] } | null = nearest === GOOD_ENOUGH ? { script: [] } : null;
  for (let tries = 0; waiting.length > 0 && tries < BRANCHES; tries++) {
    const most = Math.max(...waiting.map((w) => w.nearness));
    const at = waiting.findIndex((w) => w.nearness === most);
    const [{ script }] = waiting.splice(at, 1);
    const events = run(script);
    const nearness = near(events);
    if (nearness === Number.POSITIVE_INFINITY) return { script, events };
    if (nearness === GOOD_ENOUGH) good ??= { script };
    waiting.push(...others(script, events, nearness));
  }
  return good && { ...good, events: run(good.script) };
}

function answerOf(a: NetfilterAnswer, tool: Tool, sent: boolean, own: ReadonlySet<string>): Answer {
  const name = (family: string, table: string) => (tool !== "nft" && family === "ip" ? table : `${family} ${table}`);
  const steps = a.steps.map((s) => `${name(s.family, s.table)} ${s.chain} ${s.policy ? "policy" : s.rule}`);
  // What the host makes of its own answers is not asked for: the kernel's are thrown away before they meet a rule.
  const made = cannotLeave(a, own) ? [] : a.answers.slice(0, 1).map((x) => describeMade(parsePacket(x.packet).row));
  if (a.verdict === "unknown") return { steps, end: `unknown: ${a.reason}`, packet: "", made };
  // A socket is told at once that there is no route: that is no packet.
  if (a.verdict === "drop" || a.verdict === "reject")
    return { steps, end: "gone", packet: "", made: sent && steps.length === 0 ? [] : made };
  const { row } = parsePacket(a.packetAfter);
  const packet = describe(row, get(row, "pkt_mark"));
  if (a.verdict === "local") return { steps, end: "local", packet, made: [] };
  return { steps, end: a.verdict === "forward" ? `forward ${a.out}` : a.verdict, packet, made };
}
