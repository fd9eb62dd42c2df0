/** Route look-ups as a layer of its own. */
import type { Layer } from "@plumbline/model";
import { Answers, textOfAnswer } from "./answer.js";
import { type Asked, ask } from "./ask.js";
import { buildDevice } from "./device.js";
import { evidenceOf } from "./evidence.js";
import type { RouteAnswer, RouteFiles, RouteSelectors } from "./model.js";

/** Opens the route tables of one host. `selectors` are those of every question that does not give its own. */
export function openRoutes(files: RouteFiles, selectors: RouteSelectors = {}): Layer<RouteAnswer, Asked> {
  const { evidence, problems } = evidenceOf(files);
  const device = buildDevice(evidence, selectors.oif, problems);
  const answers = new Answers(evidence, device);
  return {
    network: device.net,
    problems,
    ask(line) {
      const about = ask(line, selectors, evidence, device);
      const run = { row: about.row, device: device.device, port: null, options: { script: [], beyond: "first" as const }, fresh: false };
      return { run, about };
    },
    answer: (question, events) => answers.answer(question.about, events),
    text: (answer, question) => textOfAnswer(answer, question.about),
  };
}
