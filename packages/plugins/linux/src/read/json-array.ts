/**
 * The elements of a JSON array with the line each begins at, so that a fact read from `ip -j` points at its own part of the file.
 */

export interface Element {
  readonly value: Readonly<Record<string, unknown>>;
  /** From 1. */
  readonly line: number;
  /** The element as it stands there, on one line. */
  readonly text: string;
}

/** Objects that are elements of the outermost array. Throws a SyntaxError if an element is not JSON. */
export function jsonElements(text: string): Element[] {
  const out: Element[] = [];
  let depth = 0;
  let inString = false;
  let line = 1;
  let start = -1;
  let startLine = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "\n") line++;
    if (inString) {
      if (c === "\\") i++;
      else if (c === '"') inString = false;
      continue;
    }
    if (c === '"') inString = true;
    else if (c === "{" || c === "[") {
      if (depth === 1 && c === "{") {
        start = i;
        startLine = line;
      }
      depth++;
    } else if (c === "}" || c === "]") {
      depth--;
      if (depth === 1 && start >= 0) {
        const raw = text.slice(start, i + 1);
        const value = JSON.parse(raw) as Record<string, unknown>;
        // `ip -j` pads its arrays with empty objects where it filtered.
        if (Object.keys(value).length > 0) out.push({ value, line: startLine, text: raw.replace(/\s+/g, " ") });
        start = -1;
      }
    }
  }
  if (depth !== 0) throw new SyntaxError("the JSON ends in the middle");
  return out;
}

/** Typed access to a JSON value; another type than expected counts as absent. */
export const str = (v: unknown): string => (typeof v === "string" ? v : typeof v === "number" ? String(v) : "");
export const num = (v: unknown): number => (typeof v === "number" ? v : typeof v === "string" && v !== "" ? Number(v) : 0);
export const list = (v: unknown): readonly unknown[] => (Array.isArray(v) ? v : []);
export const obj = (v: unknown): Readonly<Record<string, unknown>> =>
  typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Record<string, unknown>) : {};
