/** Texts that have to fit. What tells names apart stands at their ends more often than in their middles. */

/** @returns at most `most` characters, with an ellipsis where something was left out */
export function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  const tail = Math.floor((most - 1) / 3);
  return `${text.slice(0, most - 1 - tail)}…${tail > 0 ? text.slice(-tail) : ""}`;
}

/** A flow as `dump-flows` prints it, without its cookie, counters and ages: what it matches and does. */
export const flowCore = (text: string): string => text.trim().replace(/^cookie=\S+ (?:\w+=\S+ )*?(?=(?:priority=|\S* ?actions=))/, "… ");
