/** One layer alone: a plugin's {@link Layer} with a machine that runs it. */
import { Core, compileNetwork, coreName } from "@plumbline/core-wasm";
import type { Event, Layer, LayerQuestion, LayerRun, Problem } from "@plumbline/model";

/** What came of one question. */
export interface LayerAnswer<Answer> {
  readonly answer: Answer;
  /** As the program that answers this on a machine would print it. */
  text(): string;
}

/** A layer ready to be asked. Questions run in order on the same connections. */
export interface LayerSession<Answer> {
  readonly problems: readonly Problem[];
  /** Throws PlumblineError for a question that cannot be used; the session remains good. */
  ask(line: string): LayerAnswer<Answer>;
}

/** Runs that one question may take: each settles a choice that the last one met. */
const MOST_RUNS = 1024;

function run(core: Core, { row, device, port, options, fresh }: LayerRun): Event[] {
  if (fresh) core.reset();
  return core.run(row, device, port, options);
}

/** A core for a layer: of what was kept, else of its network, which then is kept where the layer wants it. */
async function coreOf<Answer, Q>(layer: Layer<Answer, Q>): Promise<Core> {
  if (layer.compiled?.maker === coreName()) return Core.ofCompiled(layer.compiled);
  if (!layer.keep) return Core.create(layer.network);
  const compiled = compileNetwork(layer.network);
  layer.keep(compiled);
  return Core.ofCompiled(compiled);
}

/** Compiles a layer's network into the core. */
export async function openLayer<Answer, Q>(layer: Layer<Answer, Q>): Promise<LayerSession<Answer>> {
  const core = await coreOf(layer);
  return {
    problems: layer.problems,
    ask(line) {
      const question: LayerQuestion<Q> = layer.ask(line);
      let asked = question;
      let events = run(core, asked.run);
      for (let again = layer.again?.(asked, events), n = 0; again && n < MOST_RUNS; again = layer.again?.(asked, events), n++) {
        asked = { ...asked, run: again };
        events = run(core, again);
      }
      const answer = layer.answer(asked, events);
      return { answer, text: () => layer.text(answer, asked) };
    },
  };
}
