/** `ofproto/trace` from files: bridges opened as one layer. */
import { type Action, EV, Interpreter, type Layer, type LayerQuestion, nested, numbering, textOf } from "@plumbline/model";
import type { OfprotoTrace } from "./answer.js";
import { answerOf, follow, type Told } from "./answer-of.js";
import { openBridges } from "./bridges.js";
import { OtherChoice } from "./events.js";
import { type OfprotoQuestion, questionOf } from "./question.js";
import { traceText } from "./text.js";
import { whyNotRule } from "./why-not.js";

/** A command's output, with the name that origins and messages give it. */
export interface LayerFile {
  readonly name: string;
  readonly text: string;
}

export interface OfprotoBridge {
  readonly name: string;
  /** `dump-flows` in any form, or `add-flows` input. */
  readonly flows: LayerFile;
  /** `dump-groups`, or `add-groups` input. */
  readonly groups?: LayerFile;
  /**
   * `dump-ports-desc`, `show`, `dpif/show` (which alone tells tunnels, and joins patch ports), one behind the other, or lines
   * `OFPORT NAME [DPPORT [up|down]]`. Without it a port has the number that flows call it by.
   */
  readonly ports?: LayerFile;
  /** `fdb/show`. */
  readonly fdb?: LayerFile;
  /** `dump-tlv-map`. */
  readonly tlvMap?: LayerFile;
}

/** Two patch ports that are each other's peers; ports by number or name. */
export interface OfprotoPatch {
  readonly a: { readonly bridge: string; readonly port: string };
  readonly b: { readonly bridge: string; readonly port: string };
}

export interface OfprotoSpec {
  /** At least one. A packet enters the first unless its line begins with the name of another (`br1 in_port=1,tcp`, `@br1 …`) or names a datapath port. */
  readonly bridges: readonly OfprotoBridge[];
  readonly patches: readonly OfprotoPatch[];
  /** States of recirculated packets, as `--ct-next` has them, for questions that give none. */
  readonly ctNext?: readonly string[];
  /** A rule (`FILE:LINE`, a line number, or the start of a flow's text) of which the answer is to say why it was not hit. */
  readonly whyNot?: string;
}

/** Choices of one packet that are made one after another. */
const MOST_CHOICES = 256;

function isUncomputed(a: Action): boolean {
  return (a.op === "choose" && a.by === undefined && a.options.length > 1) || nested(a).some((p) => p.some(isUncomputed));
}

/**
 * Opens bridges as one layer. A question is a line: a packet as `ofproto/trace` takes it (a flow, a datapath flow, or either with a frame in
 * hexadecimal behind it) and behind it any number of ` --ct-next STATE`.
 */
export function openOfproto(spec: OfprotoSpec): Layer<OfprotoTrace, OfprotoQuestion> {
  const world = openBridges(spec.bridges, spec.patches);
  const { texts } = numbering(world.network);
  const textAt = (i: number) => (texts[i] && textOf(texts[i])) ?? "";
  const told = new WeakMap<OfprotoTrace, Told>();
  const rule = spec.whyNot === undefined ? null : whyNotRule(world, spec.whyNot);
  // Choices by hashes that a network cannot express are made here, and given to the run.
  const machine =
    world.network.rules.some((r) => r.program.some(isUncomputed)) || world.network.tables.some((t) => t.miss.some(isUncomputed))
      ? new Interpreter(world.network)
      : null;
  const withChoices = (question: LayerQuestion<OfprotoQuestion>): LayerQuestion<OfprotoQuestion> => {
    if (!machine) return question;
    const { row, device, port, options } = question.run;
    let script: readonly number[] = [];
    for (let i = 0; i < MOST_CHOICES; i++) {
      const events = machine.run(row, device, port, { ...options, script });
      try {
        if (events.some((e) => e.kind === EV.choice)) follow(world, question.about, events, textAt);
        break;
      } catch (e) {
        if (!(e instanceof OtherChoice)) throw e;
        script = e.script;
      }
    }
    return { ...question, run: { ...question.run, options: { ...options, script } } };
  };
  return {
    network: world.network,
    problems: world.problems,
    ask: (line) => withChoices(questionOf(world, line, spec.ctNext ?? [])),
    answer(question, events) {
      const { answer, ...rest } = answerOf(world, question.about, events, textAt, rule);
      told.set(answer, rest);
      return answer;
    },
    text(answer) {
      return traceText(told.get(answer)!, answer.notes);
    },
  };
}
