/** The answer of a trace, made of the translations of the packet and of its recirculated copies. */
import { CT, type Event } from "@plumbline/model";
import { PORT } from "../ports.js";
import { printFlow } from "../print/flow.js";
import type { OfprotoStep, OfprotoThread, OfprotoTrace } from "./answer.js";
import type { OpenedWorld } from "./bridges.js";
import { Context, type Departure, FAILURE, type Fork, NotTranslated, SLOW, type TranslationStep } from "./context.js";
import { RunEnded, RunEvents } from "./events.js";
import type { Headers } from "./headers.js";
import { megaflowText } from "./megaflow.js";
import type { OfprotoQuestion } from "./question.js";
import { RecirculationIds } from "./recirculation.js";
import type { ReportNode } from "./report.js";
import { PIPELINE, translate } from "./translate.js";
import { whyNot } from "./why-not.js";
import type { TracedRule } from "./world.js";

/** In the place of what a trace that ends early cannot tell. */
const NOT_KNOWN = "not known";

/** One translation as the text shows it. */
export interface ToldThread {
  readonly thread: OfprotoThread;
  readonly fork: Fork | null;
  /** The state was given, and not taken to be new. */
  readonly given: boolean;
  readonly flow: string;
  readonly report: readonly ReportNode[];
  readonly failure: string | null;
  readonly slow: readonly string[];
}
export interface Told {
  readonly threads: readonly ToldThread[];
}

/** How a note begins that tells that this program is at odds with itself. */
export const DISAGREEMENT = "not certain, the run and its translation differ (please report it): ";

export function answerOf(
  world: OpenedWorld,
  question: OfprotoQuestion,
  events: readonly Event[],
  textAt: (i: number) => string,
  sought: TracedRule | null,
): Told & { answer: OfprotoTrace } {
  const run = new RunEvents(events, world, world.network, textAt);
  const ids = new RecirculationIds();
  const threads: ToldThread[] = [];
  const departures: Departure[] = [];
  const steps: TranslationStep[] = [];
  const notes: string[] = [];
  let unknown = false;
  let disagrees = false;
  // To a controller, or recirculating where no trace follows.
  let goesOn = false;
  let n = 0;
  const queue: (Fork | null)[] = [null];
  for (let fork = queue.shift(); fork !== undefined; fork = queue.shift()) {
    const state = fork ? (question.states[n] ?? CT.new | CT.trk) : null;
    const given = fork !== null && n < question.states.length;
    if (fork) {
      n++;
      fork.flow.set("ct_state", state!);
      fork.flow.set("actset_output", PORT.unset);
    }
    const flow = (fork?.flow ?? question.flow).copy();
    const initial = flow.copy();
    const c = new Context(
      world,
      run,
      ids,
      question.bridge,
      fork?.bridge ?? question.bridge,
      fork?.thread ?? 0,
      flow,
      PIPELINE,
      question.real,
    );
    const report = c.trace;
    let ended = false;
    try {
      translate(c, fork);
    } catch (e) {
      if (!(e instanceof NotTranslated || e instanceof RunEnded)) throw e;
      ended = true;
      unknown = true;
      notes.push(`not known from here on: ${e.message}`);
    }
    threads.push(toldThread(c, fork, { state, given, ended }, initial, report));
    for (const s of c.steps) steps.push(s);
    if (!c.error) {
      for (const d of c.departures) departures.push(d);
      goesOn ||= c.recirculates || c.toController;
    }
    for (const n of c.notes) notes.push(n);
    for (const d of c.disagreements) notes.push(`${DISAGREEMENT}${d}`);
    disagrees ||= c.disagreements.length > 0;
    queue.push(...c.forks);
    ids.endTranslation();
    if (fork) ids.release(fork.key);
    if (unknown) break;
  }
  if (sought) notes.push(...whyNot(world, sought, steps));
  const answer: OfprotoTrace = {
    schema: "plumbline.ofproto-trace/1",
    packet: question.line,
    threads: threads.map((t) => t.thread),
    outputs: departures.map((d) => ({ port: d.port, bridge: d.bridge, packet: printFlow(d.flow.row, d.flow.options) })),
    verdict: unknown || disagrees ? "unknown" : departures.length > 0 || goesOn ? "output" : "drop",
    notes: [...new Set(notes)],
  };
  return { answer, threads };
}

function toldThread(
  c: Context,
  fork: Fork | null,
  how: { readonly state: number | null; readonly given: boolean; readonly ended: boolean },
  initial: Headers,
  report: readonly ReportNode[],
): ToldThread {
  const { state, given, ended } = how;
  return {
    thread: {
      recirc: fork ? `0x${fork.recirc.toString(16)}` : null,
      ctState: state === null ? null : stateText(state),
      steps: c.steps.map(stepOf),
      finalFlow: ended ? NOT_KNOWN : initial.equals(c.flow) ? "unchanged" : printFlow(c.flow.row, c.flow.options),
      megaflow: ended ? NOT_KNOWN : megaflowText(initial, c.masks),
      // What is known to come first is told.
      datapathActions: !ended ? c.out.text : c.out.isEmpty ? NOT_KNOWN : `${c.out.text}, then ${NOT_KNOWN}`,
    },
    fork,
    given,
    flow: printFlow(initial.row, initial.options),
    report,
    failure: c.error && FAILURE[c.error],
    slow: [...c.slow].map((s) => SLOW[s]),
  };
}

function stateText(state: number): string {
  return (
    Object.entries(CT)
      .filter(([, bit]) => state & bit)
      .map(([name]) => name)
      .join("|") || "0"
  );
}

function stepOf(s: TranslationStep): OfprotoStep {
  const at = { bridge: s.bridge.name, table: s.table };
  if (!s.rule)
    return s.internal ? { ...at, priority: 0, match: "reg0=0x2", cookie: "0x0", actions: "drop", miss: true } : { ...at, miss: true };
  const { flow, match, actions, origin } = s.rule;
  return { ...at, priority: flow.priority, match, cookie: `0x${flow.cookie.toString(16)}`, actions, file: origin.file, line: origin.line };
}
