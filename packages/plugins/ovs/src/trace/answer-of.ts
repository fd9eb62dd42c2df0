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
export const NOT_KNOWN = "not known";

/** One translation as the text shows it. */
export interface ToldThread {
  readonly thread: OfprotoThread;
  readonly fork: Fork | null;
  /** The state was given, and not taken to be new. */
  readonly given: boolean;
  /** The packet as it came in, and whether that was a frame. */
  readonly initial: Headers;
  readonly frame: boolean;
  readonly report: readonly ReportNode[];
  readonly failure: string | null;
  readonly slow: readonly string[];
}
export interface Told {
  readonly threads: readonly ToldThread[];
}

/** How a note begins that tells that this program is at odds with itself. */
export const DISAGREEMENT = "not certain, the run and its translation differ (please report it): ";

/** A packet's translation, or one of a recirculated copy, as far as it went. */
interface Followed {
  readonly context: Context;
  readonly fork: Fork | null;
  readonly initial: Headers;
  readonly report: readonly ReportNode[];
  /** The state that the copy came back with; given, or taken to be new. */
  readonly state: number | null;
  readonly given: boolean;
  /** Why it could not go on. */
  readonly ended: string | null;
}

/** Follows a packet along a run. Throws {@link OtherChoice} where the run took another option than the switch's own hash takes. */
export function follow(
  world: OpenedWorld,
  question: OfprotoQuestion,
  events: readonly Event[],
  textAt: (i: number) => string,
  keepsSteps = false,
): Followed[] {
  const run = new RunEvents(events, world, world.network, textAt);
  const ids = new RecirculationIds();
  const out: Followed[] = [];
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
    const context = new Context(
      world,
      run,
      ids,
      question.bridge,
      fork?.bridge ?? question.bridge,
      fork?.thread ?? 0,
      flow,
      PIPELINE,
      question.real,
      keepsSteps,
    );
    const report = context.trace;
    let ended: string | null = null;
    try {
      translate(context, fork);
    } catch (e) {
      if (!(e instanceof NotTranslated || e instanceof RunEnded)) throw e;
      ended = e.message;
    }
    out.push({ context, fork, initial, report, state, given, ended });
    queue.push(...context.forks);
    ids.endTranslation();
    if (fork) ids.release(fork.key);
    if (ended !== null) break;
  }
  return out;
}

export function answerOf(
  world: OpenedWorld,
  question: OfprotoQuestion,
  events: readonly Event[],
  textAt: (i: number) => string,
  sought: TracedRule | null,
): Told & { answer: OfprotoTrace } {
  const threads: ToldThread[] = [];
  const departures: Departure[] = [];
  const steps: TranslationStep[] = [];
  const notes: string[] = [];
  let unknown = false;
  // To a controller, or recirculating where no trace follows.
  let goesOn = false;
  for (const f of follow(world, question, events, textAt, sought !== null)) {
    const c = f.context;
    if (f.ended !== null) notes.push(`not known from here on: ${f.ended}`);
    threads.push(toldThread(f, question.frame));
    for (const s of c.steps) steps.push(s);
    if (!c.error) {
      for (const d of c.departures) departures.push(d);
      goesOn ||= c.recirculates || c.toController;
    }
    for (const n of c.notes) notes.push(n);
    for (const d of c.disagreements) notes.push(`${DISAGREEMENT}${d}`);
    unknown ||= f.ended !== null || c.disagreements.length > 0;
  }
  if (sought) notes.push(...whyNot(world, sought, steps));
  const answer: OfprotoTrace = {
    schema: "plumbline.ofproto-trace/1",
    packet: question.line,
    threads: threads.map((t) => t.thread),
    outputs: departures.map((d) => ({ port: d.port, bridge: d.bridge, packet: printFlow(d.flow.row, d.flow.options) })),
    verdict: unknown ? "unknown" : departures.length > 0 || goesOn ? "output" : "drop",
    notes: [...new Set(notes)],
  };
  return { answer, threads };
}

function toldThread(f: Followed, frame: boolean): ToldThread {
  const { context: c, fork, initial, report, state, given } = f;
  const ended = f.ended !== null;
  return {
    thread: {
      recirc: fork ? `0x${fork.recirc.toString(16)}` : null,
      ctState: state === null ? null : stateText(state),
      steps: c.steps.map(stepOf),
      finalFlow: ended ? NOT_KNOWN : initial.equals(c.flow) ? "unchanged" : printFlow(c.flow.row, c.flow.options, frame),
      megaflow: ended ? NOT_KNOWN : megaflowText(initial, c.masks),
      // What is known to come first is told.
      datapathActions: !ended ? c.out.text : c.out.isEmpty ? NOT_KNOWN : `${c.out.text}, then ${NOT_KNOWN}`,
    },
    fork,
    given,
    initial,
    frame,
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

function stepOf({ bridge: { name: bridge }, table, rule, internal }: TranslationStep): OfprotoStep {
  if (!rule)
    return internal
      ? { bridge, table, priority: 0, match: "reg0=0x2", cookie: "0x0", actions: "drop", miss: true }
      : { bridge, table, miss: true };
  const { flow, match, actions, origin } = rule;
  return {
    bridge,
    table,
    priority: flow.priority,
    match,
    cookie: `0x${flow.cookie.toString(16)}`,
    actions,
    file: origin.file,
    line: origin.line,
  };
}
