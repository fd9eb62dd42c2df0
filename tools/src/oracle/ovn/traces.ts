/**
 * Our traces held against those of the real `ovn-trace`: the whole detailed text must be the same.
 *
 * Masked is what differs from run to run and what no southbound database tells: the first line (the packet in OVS's words), northd's source lines,
 * packets in lines of logs. Which backend or ECMP member is taken is random there: any that we could take is right.
 */
import { Core } from "@plumbline/core-wasm";
import { EV, type Event, type LayerQuestion, type LayerRun, numbering, PlumblineError } from "@plumbline/model";
import { type OvnQuestion, openOvn } from "@plumbline/plugin-ovn";
import { dumpText, type Southbound } from "./southbound-file.js";
import { microflow, type Question } from "./tracer.js";

/** Ways that random choices may go, before a trace is given up as undecided. */
const MOST_WAYS = 400;
/** Runs until every choice is as it was asked for. */
const MOST_RUNS = 500;
/** Runs for all the ways of one trace. */
const MOST_RUNS_IN_ALL = 4000;
const STATE = "connection state";
/** Choices that the real one makes at random. */
const RANDOM = ["load balancer", "select"];

/** Whether `ovn-trace` says that it cannot be asked that. */
export const isRefused = (text: string) => /^(error|unknown |microflow does not)/.test(text);

export function masked(text: string): string {
  if (isRefused(text)) return "error";
  return text
    .replace(/^# .*\n/, "")
    .replace(/ \(northd\.c:\d+\)/g, "")
    .replace(/, packet="[^"]*"/g, "")
    .replace(/\n(\s*)-+(?=\n|$)/g, "\n$1---")
    .trimEnd();
}

export interface OurAnswer {
  readonly text: string;
  /** Connection states that were asked for. */
  readonly states: number;
  /** The packet goes on beyond every bound. */
  readonly endless: boolean;
}

/** Our side: a southbound database, compiled. */
export class OurTracer {
  /** The last question has more answers than were tried. */
  cut = false;

  private constructor(
    private readonly layer: ReturnType<typeof openOvn>,
    private readonly core: Core,
    private readonly sites: ReturnType<typeof numbering>["sites"],
  ) {}

  static async open(rows: Southbound): Promise<OurTracer> {
    const layer = openOvn({ sb: { name: "sb", bytes: new TextEncoder().encode(dumpText(rows)) } });
    return new OurTracer(layer, await Core.create(layer.network), numbering(layer.network).sites);
  }

  /** What of the database could not be used. */
  get problems(): readonly string[] {
    return this.layer.problems.map((p) => p.message);
  }

  /** The answers that the random choices allow, the first backend's first. */
  *answers(q: Question): Generator<OurAnswer> {
    const options = [
      ...q.ct.map((s) => `--ct ${s}`),
      ...(q.lbDst === undefined ? [] : [`--lb-dst ${q.lbDst}`]),
      `--datapath ${q.datapath}`,
    ];
    let question: LayerQuestion<OvnQuestion>;
    try {
      question = this.layer.ask([microflow(q), ...options].join(" "));
    } catch (e) {
      if (!(e instanceof PlumblineError)) throw e;
      yield { text: `error: ${e.message}`, states: 0, endless: false };
      return;
    }
    let picks: number[] | undefined = [];
    let runs = 0;
    for (let ways = 0; picks && ways < MOST_WAYS && runs < MOST_RUNS_IN_ALL; ways++) {
      const { asked, events, made } = this.settle(question, picks);
      runs += made;
      const answer = this.layer.answer(asked, events);
      const states = events.filter((e) => this.how(e) === STATE).length;
      yield { text: this.layer.text(answer, asked), states, endless: answer.verdict === "unknown" };
      picks = nextPicks(
        picks,
        events.filter((e) => this.isRandom(e)).map((e) => e.c),
      );
    }
    this.cut = picks !== undefined;
  }

  private how(e: Event): string | undefined {
    return e.kind === EV.choice ? this.sites[e.a].how : undefined;
  }
  private isRandom(e: Event): boolean {
    return RANDOM.includes(this.how(e) ?? "");
  }

  /** Runs until states and `--lb-dst` are as asked and the n-th random choice takes `picks[n]`. */
  private settle(question: LayerQuestion<OvnQuestion>, picks: readonly number[]) {
    let asked = question;
    for (let n = 0; ; n++) {
      if (asked.run.fresh) this.core.reset();
      const { row, device, port, options } = asked.run;
      const events = this.core.run(row, device, port, options);
      const script = this.script(asked, events, picks);
      if (n === MOST_RUNS || script.join() === options.script.join()) return { asked, events, made: n + 1 };
      const run: LayerRun = { ...asked.run, options: { ...options, script } };
      asked = { ...asked, run };
    }
  }
  private script(asked: LayerQuestion<OvnQuestion>, events: readonly Event[], picks: readonly number[]): readonly number[] {
    // A script that no run has makes the layer say what it wants: the first option at random choices, where it hears that this was taken.
    const none: LayerRun = { ...asked.run, options: { ...asked.run.options, script: [-1] } };
    let met = 0;
    const heard = events.map((e) => (this.isRandom(e) && (picks[met++] ?? 0) > 0 ? { ...e, b: 0 } : e));
    const wanted = this.layer.again!({ ...asked, run: none }, heard)?.options.script ?? [];
    const script: number[] = [];
    let random = 0;
    for (const e of events) {
      if (e.kind !== EV.choice) continue;
      let take = wanted[script.length] ?? 0;
      if (this.isRandom(e)) {
        const pick = picks[random++] ?? 0;
        if (take === 0) take = Math.min(pick, e.c - 1);
      }
      script.push(take);
      // Behind another way than this run took, other choices come.
      if (take !== e.b) break;
    }
    return script;
  }
}

/** The next way through choices with these numbers of options, undefined after the last. */
function nextPicks(picks: readonly number[], options: readonly number[]): number[] | undefined {
  for (let i = options.length - 1; i >= 0; i--) {
    const pick = picks[i] ?? 0;
    if (pick + 1 < options[i]) return [...Array.from({ length: i }, (_, n) => picks[n] ?? 0), pick + 1];
  }
  return undefined;
}

export interface Comparison {
  readonly result: "same" | "different" | "undecided" | "endless";
  /** Our answer that is the same; else the first. */
  readonly ours: OurAnswer;
}

/** Whether any of our answers is the real one. */
export function compare(tracer: OurTracer, q: Question, theirs: string): Comparison {
  const want = masked(theirs);
  let first: OurAnswer | undefined;
  for (const ours of tracer.answers(q)) {
    if (masked(ours.text) === want) return { result: "same", ours };
    first ??= ours;
  }
  // Beyond our bounds the real one may still come to an end.
  if (first!.endless) return { result: "endless", ours: first! };
  return { result: tracer.cut ? "undecided" : "different", ours: first! };
}
