/**
 * Whether a fact's origin points at what is there: the file, a line of it, and the text that begins in that line.
 *
 * White space is not compared: a text may be several lines joined by a blank, and a line may be indented.
 */
import type { Origin } from "@plumbline/model";

/** Lines of one file, for {@link originFault}. Files that are no text have lines of no account. */
export interface KnownLines {
  readonly path: string;
  /** Null for a file that is not text. */
  readonly lines: readonly string[] | null;
}

const tight = (text: string) => text.replace(/\s+/g, "");
/** Lines that a text may be spread over. */
const REACH = 10_000;

/** Fewer letters in common are chance. */
const WORD = 6;
/** Behind a line that is told in part the rest stands near. */
const NEAR = 20;

/** What is wrong with an origin, "" if nothing is. */
export function originFault(origin: Origin, file: KnownLines): string {
  const { line, text } = origin;
  if (origin.file !== file.path) return `its origin is in ${origin.file}`;
  if (file.lines === null || line === 0) return "";
  if (!Number.isInteger(line) || line < 0 || line > file.lines.length) return `line ${line} is not one of the file's ${file.lines.length}`;
  const wanted = tight(text);
  const first = tight(file.lines[line - 1]);
  if (wanted === "") return first === "" ? "" : `its origin in line ${line} has no text`;
  if (first.includes(wanted) || goesOn(file.lines, line, first, wanted)) return "";
  const cut = (s: string) => JSON.stringify(s.length > 80 ? `${s.slice(0, 80)}…` : s);
  return `line ${line} is ${cut(file.lines[line - 1])}, its origin says ${cut(text)}`;
}

/** Whether the text begins with the end of the first line (or right behind it) and goes on with lines that follow, some of which may be left out. */
function goesOn(lines: readonly string[], line: number, first: string, wanted: string): boolean {
  let begun = Math.min(first.length, wanted.length);
  while (begun > 0 && !first.endsWith(wanted.slice(0, begun))) begun--;
  const rest = wanted.slice(begun);
  let next = line;
  if (begun === 0) {
    while (next < lines.length && tight(lines[next]) === "") next++;
    if (next >= lines.length) return false;
    const there = tight(lines[next]);
    if (there.startsWith(rest)) return true;
    if (!rest.startsWith(there)) return false;
  }
  return follows(lines, next, Math.min(lines.length, line + REACH), rest);
}

/** Whether a text is made of these lines in order, each told whole, by its first words, or not at all. */
function follows(lines: readonly string[], from: number, end: number, text: string): boolean {
  let rest = text;
  for (let next = from; next < end && rest !== ""; next++) {
    const there = tight(lines[next]);
    let common = 0;
    while (common < there.length && common < rest.length && there[common] === rest[common]) common++;
    if (common === 0) continue;
    if (common === there.length || common === rest.length) rest = rest.slice(common);
    // Told in part, or left out: what comes next shows which.
    else if (common >= WORD && follows(lines, next + 1, Math.min(end, next + 1 + NEAR), rest.slice(common))) return true;
  }
  return rest === "";
}
/** {@link originFault} where the text names an object: its words stand in the object's lines. */
export function summaryFault(origin: Origin, file: KnownLines): string {
  if (origin.file !== file.path) return `its origin is in ${origin.file}`;
  if (file.lines === null || origin.line === 0) return "";
  if (origin.line > file.lines.length) return `line ${origin.line} is not one of the file's ${file.lines.length}`;
  const there = file.lines.slice(origin.line - 1, origin.line - 1 + REACH).join("\n");
  const missing = origin.text.split(/[\s/]+/).find((word) => !there.includes(word));
  return missing === undefined ? "" : `'${missing}' of its origin's text is not found from line ${origin.line} on`;
}
