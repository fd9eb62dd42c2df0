/**
 * OVSDB values: one typed form for what the database prints as JSON (RFC 7047, section 5.1) and as text.
 *
 * A set of one element prints as the element itself in both, so a reader must ask with {@link asSet}, {@link asMap} and
 * {@link asText} and never look at the shape.
 */

export type Atom = string | number | boolean;
/** An atom, a set or a map. UUIDs are their text. */
export type Value = Atom | readonly Atom[] | { readonly [key: string]: Atom };
export type Columns = { readonly [column: string]: Value };

/** A set of atoms, whatever its shape. A missing column is the empty set. */
export function asSet(v: Value | undefined): readonly Atom[] {
  if (v === undefined) return [];
  if (Array.isArray(v)) return v as readonly Atom[];
  return typeof v === "object" ? [] : [v as Atom];
}

/** A map, or the empty one where the value is none. */
export function asMap(v: Value | undefined): { readonly [key: string]: Atom } {
  return v !== undefined && typeof v === "object" && !Array.isArray(v) ? (v as { readonly [key: string]: Atom }) : {};
}

/** One atom as text; "" for a missing one or an empty set. */
export function asText(v: Value | undefined): string {
  const first = asSet(v)[0];
  return first === undefined ? "" : String(first);
}

/** One atom as a number; undefined where it is none. */
export function asNumber(v: Value | undefined): number | undefined {
  const first = asSet(v)[0];
  return typeof first === "number" ? first : undefined;
}

function jsonAtom(x: unknown): Atom {
  if (Array.isArray(x) && x.length === 2 && (x[0] === "uuid" || x[0] === "named-uuid")) return String(x[1]);
  if (typeof x === "string" || typeof x === "number" || typeof x === "boolean") return x;
  throw new Error(`not an OVSDB value: ${JSON.stringify(x)}`);
}

/** A datum in OVSDB's JSON notation. Throws on what is none. */
export function fromJson(x: unknown): Value {
  if (Array.isArray(x) && x[0] === "set" && Array.isArray(x[1])) return x[1].map(jsonAtom);
  if (Array.isArray(x) && x[0] === "map" && Array.isArray(x[1])) {
    const map: { [key: string]: Atom } = {};
    for (const pair of x[1] as unknown[]) {
      if (!Array.isArray(pair)) throw new Error(`not an OVSDB map entry: ${JSON.stringify(pair)}`);
      map[String(jsonAtom(pair[0]))] = jsonAtom(pair[1]);
    }
    return map;
  }
  return jsonAtom(x);
}

/** An unquoted word: OVSDB quotes every string that would read as something else, so digits here are a number. */
function word(text: string): Atom {
  if (/^-?\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  if (text === "true" || text === "false") return text === "true";
  return text;
}

/** How many brackets and braces of `text` are still open, outside quotes. Above 0: the value goes on on the next line. */
export function openBrackets(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '"') {
      i++;
      while (i < text.length && text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
    } else if (c === "{" || c === "[") depth++;
    else if (c === "}" || c === "]") depth--;
  }
  return depth;
}

/** A value as `ovn-nbctl list`, `ovsdb-client dump` and people who paste print it. Throws on unbalanced text. */
export function fromText(source: string): Value {
  const s = source.trim();
  let i = 0;
  const blanks = () => {
    while (i < s.length && /\s/.test(s[i]!)) i++;
  };
  const atom = (stop: RegExp): Atom => {
    blanks();
    if (s[i] === '"') {
      const from = i++;
      while (i < s.length && s[i] !== '"') i += s[i] === "\\" ? 2 : 1;
      if (i >= s.length) throw new Error("a quote is not closed");
      i++;
      return JSON.parse(s.slice(from, i)) as string;
    }
    const from = i;
    while (i < s.length && !stop.test(s[i]!)) i++;
    return word(s.slice(from, i).trim());
  };
  if (s[0] === "[") {
    i = 1;
    const out: Atom[] = [];
    for (blanks(); i < s.length && s[i] !== "]"; blanks()) {
      out.push(atom(/[,\]]/));
      blanks();
      if (s[i] === ",") i++;
    }
    if (s[i] !== "]") throw new Error("a bracket is not closed");
    return out;
  }
  if (s[0] === "{") {
    i = 1;
    const out: { [key: string]: Atom } = {};
    for (blanks(); i < s.length && s[i] !== "}"; blanks()) {
      const key = String(atom(/[=:,}]/));
      blanks();
      // `ovn-nbctl` writes `=`; people who lay a map out over several lines write `:`.
      if (s[i] !== "=" && s[i] !== ":") throw new Error(`'${key}' has no value`);
      i++;
      out[key] = atom(/[,}]/);
      blanks();
      if (s[i] === ",") i++;
    }
    if (s[i] !== "}") throw new Error("a brace is not closed");
    return out;
  }
  if (s[0] === '"') {
    const v = atom(/$^/);
    return v;
  }
  return word(s);
}
