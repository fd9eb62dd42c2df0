/**
 * The scanner of OVS's flow syntax: `key`, `key=value`, `key:value`, `key(value)` and `key(value)->rest`, parted by commas
 * and blanks (lib/ofp-parse.c, ofputil_parse_key_value). Values may nest parentheses and brackets and hold quoted names.
 */

/** Characters by code. */
export const CHARACTER = {
  tab: 9,
  lf: 10,
  cr: 13,
  space: 32,
  quote: 34,
  open: 40,
  close: 41,
  comma: 44,
  zero: 48,
  nine: 57,
  colon: 58,
  equal: 61,
  bracketOpen: 91,
  backslash: 92,
  bracketClose: 93,
  a: 97,
  f: 102,
  x: 120,
} as const;
const C = CHARACTER;

/** One key with its value; `value` is null where there is none. */
export interface KeyValue {
  readonly key: string;
  readonly value: string | null;
  /** `(` for `key(value)`; `->rest` is then part of `value`, behind the closing parenthesis. */
  readonly delimiter: "" | ":" | "=" | "(";
  /** Column of the key in the scanned text. */
  readonly at: number;
  /** Column of the value. */
  readonly valueAt: number;
  /** Column behind the value. */
  readonly end: number;
  /** Parentheses or a quotation that are not closed: the text is cut off. */
  readonly open: boolean;
}

function isSeparator(c: number): boolean {
  return c === C.comma || c === C.space || c === C.tab || c === C.cr || c === C.lf;
}

/** Column behind a quoted string that begins at `i`, or -1 if it does not end. */
function quoteEnd(text: string, i: number, end: number): number {
  for (let j = i + 1; j < end; j++) {
    const c = text.charCodeAt(j);
    if (c === C.backslash) j++;
    else if (c === C.quote) return j + 1;
  }
  return -1;
}

/** Column of the parenthesis that closes the one at `i`, or -1. */
function closing(text: string, i: number, end: number): number {
  let depth = 0;
  for (let j = i; j < end; j++) {
    const c = text.charCodeAt(j);
    if (c === C.quote) {
      j = quoteEnd(text, j, end) - 1;
      if (j < 0) return -1;
    } else if (c === C.open || c === C.bracketOpen) depth++;
    else if ((c === C.close || c === C.bracketClose) && --depth === 0) return j;
  }
  return -1;
}

/** Column behind a value that ends at a separator outside of any parentheses; -1 if one stays open. */
function valueEnd(text: string, start: number, end: number): number {
  let depth = 0;
  for (let j = start; j < end; j++) {
    const c = text.charCodeAt(j);
    if (c === C.quote) {
      j = quoteEnd(text, j, end) - 1;
      if (j < 0) return -1;
    } else if (c === C.open || c === C.bracketOpen) depth++;
    else if (c === C.close || c === C.bracketClose) depth--;
    else if (depth <= 0 && isSeparator(c)) return j;
  }
  return depth > 0 ? -1 : end;
}

/** The key (and value) that begins at or behind `from`, or null at the end of the text. */
export function nextKeyValue(text: string, from: number, end: number = text.length): KeyValue | null {
  let at = from;
  while (at < end && isSeparator(text.charCodeAt(at))) at++;
  if (at >= end) return null;
  if (text.charCodeAt(at) === C.quote) {
    const e = quoteEnd(text, at, end);
    const stop = e < 0 ? end : e;
    return { key: text.slice(at, stop), value: null, delimiter: "", at, valueAt: stop, end: stop, open: e < 0 };
  }
  let k = at;
  let c = 0;
  for (; k < end; k++) {
    c = text.charCodeAt(k);
    if (c === C.colon || c === C.equal || c === C.open || isSeparator(c)) break;
  }
  const key = text.slice(at, k);
  if (k >= end || isSeparator(c)) return { key, value: null, delimiter: "", at, valueAt: k, end: k, open: false };
  if (c === C.open) {
    const close = closing(text, k, end);
    if (close < 0) return { key, value: text.slice(k + 1, end), delimiter: "(", at, valueAt: k + 1, end, open: true };
    // `check_pkt_larger(1500)->NXM_NX_REG0[0]`: the arrow and what it points to belong to the value.
    if (text.startsWith("->", close + 1)) {
      const e = valueEnd(text, close + 3, end);
      const stop = e < 0 ? end : e;
      return { key, value: text.slice(k + 1, stop), delimiter: "(", at, valueAt: k + 1, end: stop, open: e < 0 };
    }
    return { key, value: text.slice(k + 1, close), delimiter: "(", at, valueAt: k + 1, end: close + 1, open: false };
  }
  const e = valueEnd(text, k + 1, end);
  const stop = e < 0 ? end : e;
  return { key, value: text.slice(k + 1, stop), delimiter: c === C.colon ? ":" : "=", at, valueAt: k + 1, end: stop, open: e < 0 };
}

/** All keys of a text. */
export function keyValues(text: string, from = 0, end: number = text.length): KeyValue[] {
  const out: KeyValue[] = [];
  for (let kv = nextKeyValue(text, from, end); kv; kv = nextKeyValue(text, kv.end, end)) out.push(kv);
  return out;
}
