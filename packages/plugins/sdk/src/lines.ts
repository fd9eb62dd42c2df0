/**
 * Lines of a file that comes in pieces: what `EvidenceFile.lines` is made of.
 *
 * Promise: never more than a piece and the line that it ends in are held. The lines are those of the whole text: cuts may fall
 * into a character or between `\r` and `\n`. A line without an end is as long as the rest of the file.
 */
import type { EvidenceFile, Line, ReadContext } from "@plumbline/model";

/** A NUL byte among as many bytes shows that a file is no text. */
export const BINARY_SNIFF = 4096;

/** Whether these first bytes are not those of a text. */
export function isBinary(head: Uint8Array): boolean {
  return head.subarray(0, BINARY_SNIFF).includes(0);
}

/** The lines of UTF-8 text in pieces; none of a file that is not text. A byte order mark is left out. */
export function* linesOf(pieces: Iterable<Uint8Array>): Generator<Line> {
  const decoder = new TextDecoder("utf-8");
  let number = 0;
  let rest = "";
  let first = true;
  for (const piece of pieces) {
    if (first && isBinary(piece)) return;
    first &&= piece.length === 0;
    const text = decoder.decode(piece, { stream: true });
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      // What was carried over is joined once a line, not once a piece and line.
      const line = rest === "" ? text.slice(start, end) : rest + text.slice(start, end);
      rest = "";
      yield { number: ++number, text: line.endsWith("\r") ? line.slice(0, -1) : line };
      start = end + 1;
    }
    rest += text.slice(start);
  }
  rest += decoder.decode();
  if (rest !== "") yield { number: number + 1, text: rest.endsWith("\r") ? rest.slice(0, -1) : rest };
}

/** A `parse` that is given one line at a time. Empty lines are left out. */
export function parseLines(
  each: (line: Line, ctx: ReadContext, file: EvidenceFile) => void,
): (file: EvidenceFile, ctx: ReadContext) => void {
  return (file, ctx) => {
    for (const line of file.lines()) if (line.text.trim() !== "") each(line, ctx, file);
  };
}
