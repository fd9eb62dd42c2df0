/**
 * Elements of nft's sets and maps, anonymous (`{ 22, 80 }`, `{ 80 : accept }`) and named.
 */
import type { DataElement, Tuple, Value, Verdict, VerdictElement } from "../ast.js";
import { type Cursor, NotUnderstood, type Token, textOf } from "./nft-lex.js";
import { type Kind, typedValue } from "./nft-values.js";
import { address, exact, port } from "./values.js";

export interface RawElement {
  /** Values of the key; empty for the catch-all `*`. */
  readonly key: readonly string[];
  readonly data: readonly Token[] | null;
  readonly text: string;
  readonly line: number;
}

/** Words that begin what nft prints about an element beside its value, and how many words follow. */
const ATTRIBUTES: ReadonlyMap<string, number> = new Map([
  ["timeout", 1],
  ["expires", 1],
  ["comment", 1],
  ["counter", 4],
  ["last", 2],
]);

/** `{ … }` at the cursor. */
export function braced(c: Cursor): RawElement[] {
  c.expect("{");
  const out: RawElement[] = [];
  let current: Token[] = [];
  const flush = () => {
    if (current.length > 0) out.push(rawElement(current));
    current = [];
  };
  for (;;) {
    if (c.done) throw new NotUnderstood("a set without its end");
    if (c.take("}")) break;
    if (c.take(",")) {
      flush();
      continue;
    }
    current.push(c.next());
  }
  flush();
  return out;
}

function rawElement(list: readonly Token[]): RawElement {
  const colon = list.findIndex((t) => t.text === ":" && !t.string);
  const left = withoutAttributes(colon < 0 ? list : list.slice(0, colon));
  const data = colon < 0 ? null : withoutAttributes(list.slice(colon + 1));
  const key: string[] = [];
  let value: string[] = [];
  for (const t of left) {
    if (t.text === "." && !t.string) {
      key.push(value.join(" "));
      value = [];
    } else value.push(t.text);
  }
  key.push(value.join(" "));
  return { key: key.length === 1 && key[0] === "*" ? [] : key, data, text: textOf(list), line: list[0].line };
}

function withoutAttributes(list: readonly Token[]): Token[] {
  const out: Token[] = [];
  for (let i = 0; i < list.length; i++) {
    const skip = list[i].string || i === 0 ? undefined : ATTRIBUTES.get(list[i].text);
    if (skip === undefined) out.push(list[i]);
    else i += skip;
  }
  return out;
}

/** Values of an element's key under the kinds of its parts; a string is what is wrong. */
export function tuple(key: readonly string[], kinds: readonly Kind[]): Tuple | string {
  if (key.length === 0) return [];
  if (key.length !== kinds.length) return `'${key.join(" . ")}' has ${key.length} parts, not ${kinds.length}`;
  const out: Value[] = [];
  for (let i = 0; i < key.length; i++) {
    const v = typedValue(kinds[i], key[i]);
    if (!v) return `'${key[i]}' is not understood`;
    out.push(v);
  }
  return out;
}

/** `accept`, `jump CHAIN`, … */
function verdictOf(words: readonly string[]): Verdict | null {
  const [word, chain] = words;
  if (words.length === 1 && (word === "accept" || word === "drop" || word === "return" || word === "continue")) return { v: word };
  return words.length === 2 && (word === "jump" || word === "goto") ? { v: word, chain } : null;
}

/** Addresses, ports and marks on the right of a map, told by their form where their types are not known. */
function dataValue(text: string, kind: Kind | undefined): Value | null {
  if (kind !== undefined) return typedValue(kind, text);
  const a = address(text);
  if (a) return exact(a.value);
  const p = port(text);
  return p === null ? (typedValue("addr4", text) ?? typedValue("addr6", text) ?? typedValue("mark", text)) : exact(p);
}

export function verdictElements(raw: readonly RawElement[], kinds: readonly Kind[]): VerdictElement[] | string {
  const out: VerdictElement[] = [];
  for (const e of raw) {
    const key = tuple(e.key, kinds);
    if (typeof key === "string") return key;
    const verdict = verdictOf((e.data ?? []).map((t) => t.text));
    if (!verdict) return `the verdict of '${e.text}' is not understood`;
    out.push({ key, verdict, text: e.text, line: e.line });
  }
  return catchAllLast(out);
}

export function dataElements(
  raw: readonly RawElement[],
  kinds: readonly Kind[],
  dataKinds: readonly Kind[] | null,
): DataElement[] | string {
  const out: DataElement[] = [];
  for (const e of raw) {
    const key = tuple(e.key, kinds);
    if (typeof key === "string") return key;
    const words = (e.data ?? [])
      .map((t) => (t.text === "." && !t.string ? "\0" : t.text))
      .join(" ")
      .split("\0")
      .map((w) => w.trim());
    const data = words.map((w, i) => dataValue(w, dataKinds?.[i]));
    if (data.some((v) => v === null)) return `the data of '${e.text}' are not understood`;
    out.push({ key, data: data as Value[], text: e.text, line: e.line });
  }
  return catchAllLast(out);
}

/** `*` is what no other element is. */
function catchAllLast<E extends { readonly key: Tuple }>(list: E[]): E[] {
  return [...list.filter((e) => e.key.length > 0), ...list.filter((e) => e.key.length === 0)];
}
