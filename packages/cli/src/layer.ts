/**
 * What the single-layer commands have in common: questions from the command line or a file, one answer each, in order.
 *
 * A question that cannot be used costs only itself: with several of them its answer is an error object in its place.
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { type Layer, openLayer, PlumblineError } from "@plumbline/engine";
import { EXIT, failureOf } from "./failure.js";
import { type Format, print, printJson, warn } from "./output.js";

export interface LayerQuestions {
  /** Questions on the command line. */
  readonly given: readonly string[];
  /** A file of questions, one a line; "-" is stdin. */
  readonly file: string | undefined;
  /** How a question is called: "packet", "microflow", "destination". */
  readonly what: string;
  /** The option that names the file: "--packets". */
  readonly option: string;
}

/** A layer that changes: each question is asked of what it is then. */
export interface ChangingLayer<Answer> {
  current(): Layer<Answer>;
}

/** Asks a layer and prints its answers. `schema` and `key` make the error object of a question that cannot be used. */
export async function askLayer<Answer>(
  layer: Layer<Answer> | ChangingLayer<Answer>,
  questions: LayerQuestions,
  how: { readonly format: Format; readonly schema: string; readonly key: string },
): Promise<number> {
  if (questions.given.length === 0 && questions.file === undefined)
    throw new PlumblineError("USAGE", [
      `no ${questions.what} is given.`,
      `Give one or more, or a file of them with ${questions.option} FILE.`,
    ]);
  const now = () => ("current" in layer ? layer.current() : layer);
  let asked = now();
  for (const p of asked.problems) warn(`${p.severity}: ${p.file}${p.line > 0 ? `:${p.line}` : ""}: ${p.message}`);
  let session = await openLayer(asked);
  const alone = questions.given.length === 1 && questions.file === undefined;
  const objects: unknown[] = [];
  let n = 0;
  for await (const line of lines(questions)) {
    let object: unknown;
    let text: () => string;
    if (now() !== asked) {
      asked = now();
      session = await openLayer(asked);
    }
    try {
      const told = session.ask(line);
      object = told.answer;
      text = told.text;
    } catch (e) {
      if (alone || !(e instanceof PlumblineError)) throw e;
      const failure = failureOf(e);
      object = {
        schema: how.schema,
        [how.key]: line,
        error: { code: e.code, message: failure.message, hint: failure.hint },
        verdict: "unknown",
      };
      text = () =>
        `${line}\n  cannot be answered: ${[failure.message, failure.hint]
          .map((part) => part.replace(/[^.?!]$/, "$&."))
          .join(" ")
          .trim()}`;
    }
    if (how.format === "text") print(`${n > 0 ? "\n" : ""}${text()}`);
    else if (how.format === "ndjson") printJson(object, "ndjson");
    else objects.push(object);
    n++;
  }
  if (how.format === "json") printJson(alone ? objects[0] : objects, "json");
  return EXIT.done;
}

async function* lines(questions: LayerQuestions): AsyncGenerator<string> {
  yield* questions.given;
  if (questions.file === undefined) return;
  const input = questions.file === "-" ? process.stdin : createReadStream(questions.file, "utf8");
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    const text = line.trim();
    if (text !== "" && !text.startsWith("#")) yield text;
  }
}
