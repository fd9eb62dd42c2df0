/**
 * Paint: what the text output's words mean in colour, and whether there is colour at all.
 */
import { styleText } from "node:util";

/** How text is to look. `width` is in columns. */
export interface Look {
  readonly colour: boolean;
  readonly width: number;
}

/** Columns where stdout is not a terminal. */
const WIDTH = 160;
/** Below this nothing can be aligned. */
const NARROWEST = 80;

/** Colour only on a terminal, and not against NO_COLOR (no-color.org) or a dumb terminal. */
export function lookOf(stream: { isTTY?: boolean; columns?: number }, env: Readonly<Record<string, string | undefined>>): Look {
  const colour = stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
  const width = stream.isTTY && stream.columns ? stream.columns : WIDTH;
  return { colour, width: Math.max(NARROWEST, width) };
}

export type Tone = "heading" | "good" | "bad" | "doubt" | "faint" | "change" | "name";

const STYLES: Readonly<Record<Tone, Parameters<typeof styleText>[0]>> = {
  heading: "bold",
  good: ["bold", "green"],
  bad: ["bold", "red"],
  doubt: "yellow",
  faint: "dim",
  change: "cyan",
  name: "magenta",
};

export type Paint = (tone: Tone, text: string) => string;

export function painter(look: Look): Paint {
  return look.colour ? (tone, text) => (text === "" ? "" : styleText(STYLES[tone], text, { validateStream: false })) : (_, text) => text;
}

/** Shortens in the middle, where a rule says least. */
export function shorten(text: string, width: number): string {
  if (text.length <= width) return text;
  if (width <= 1) return "…".slice(0, Math.max(0, width));
  const head = Math.ceil((width - 1) * 0.6);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
}

/** "1 fact", "2 facts". */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
