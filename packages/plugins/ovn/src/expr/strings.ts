/**
 * Quoted strings: JSON's escapes, with the complaints that OVS has against them (json_string_unescape in OVS's lib/json.c).
 */

const ESCAPES: { readonly [c: string]: string } = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

export interface Unescaped {
  readonly text: string;
  /** What is wrong, if anything. */
  readonly complaint?: string;
}

/** `inside` is what stands between the quotes. */
export function unescapeString(inside: string): Unescaped {
  if (!inside.includes("\\")) return { text: inside };
  let text = "";
  for (let i = 0; i < inside.length; i++) {
    const c = inside[i]!;
    if (c !== "\\") {
      text += c;
      continue;
    }
    const e = inside[++i];
    if (e === undefined) return { text: "", complaint: "quoted string may not end with backslash" };
    if (e !== "u") {
      const plain = ESCAPES[e];
      if (plain === undefined) return { text: "", complaint: `bad escape \\${e}` };
      text += plain;
      continue;
    }
    const unit = hexDigits(inside, i + 1);
    if (unit === null) return { text: "", complaint: "malformed \\u escape" };
    i += 4;
    if (unit < 0xd800 || unit > 0xdfff) {
      if (unit === 0) return { text: "", complaint: "null bytes not supported in quoted strings" };
      text += String.fromCharCode(unit);
      continue;
    }
    const low = inside.startsWith("\\u", i + 1) ? hexDigits(inside, i + 3) : null;
    if (low === null) return { text: "", complaint: "malformed escaped surrogate pair" };
    if (unit >= 0xdc00) return { text: "", complaint: "second half of escaped surrogate pair is not trailing surrogate" };
    if (low < 0xdc00 || low > 0xdfff) return { text: "", complaint: "second half of escaped surrogate pair is not trailing surrogate" };
    text += String.fromCharCode(unit, low);
    i += 6;
  }
  return { text };
}

function hexDigits(s: string, at: number): number | null {
  const d = s.slice(at, at + 4);
  return /^[0-9a-fA-F]{4}$/.test(d) ? Number.parseInt(d, 16) : null;
}
