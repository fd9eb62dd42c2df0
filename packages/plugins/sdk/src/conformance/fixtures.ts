/**
 * Damaged inputs: what is left of a file that was cut, and what a file looks like that something went wrong with.
 *
 * All are drawn from a seed, so that a report can be repeated.
 */

/** mulberry32: 32 bits of state are enough for where to cut. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

/** A damaged form of a file, and how it came to be. */
export interface Damaged {
  readonly how: string;
  readonly content: Uint8Array;
}

/** The file's beginnings: cut behind every line if there are few, and in the midst of lines and characters. */
export function truncations(content: Uint8Array, count: number, seed: number): Damaged[] {
  const draw = randomOf(seed);
  const cuts = new Set<number>([0, 1, content.length - 1]);
  const ends: number[] = [];
  for (let i = content.indexOf(10); i >= 0 && ends.length < 100_000; i = content.indexOf(10, i + 1)) ends.push(i);
  for (let i = 0; i < count / 2 && ends.length > 0; i++) cuts.add(ends[draw(ends.length)] + draw(2));
  while (cuts.size < Math.min(count, content.length)) cuts.add(draw(content.length));
  return [...cuts]
    .filter((at) => at >= 0 && at < content.length)
    .sort((a, b) => a - b)
    .map((at) => ({ how: `cut behind byte ${at}`, content: content.subarray(0, at) }));
}

/** Texts that are rarely where they may be: numbers at the border of what fits, endless words, what regular expressions stumble over. */
const ODD = [
  "0",
  "-1",
  "4294967296",
  "18446744073709551616",
  "99999999999999999999999999999999999999999",
  "1e999",
  "NaN",
  "0x",
  "::",
  ":::::::::::::::",
  "999.999.999.999",
  "1.2.3.4/99",
  "/",
  "\\",
  '"',
  "'",
  "{",
  "}}}}",
  "[[[[[[[[[[[[[[[[",
  "(((((((((((((((((",
  ",,,,,,,,",
  "\t\t \t",
  "\r",
  "\u0000",
  "\ufeff",
  "\u202e",
  "é",
  "__proto__",
  "constructor",
  "toString",
  "%s%n",
  `${"a".repeat(5000)}!`,
  ` ${"0 ".repeat(2000)}x`,
  `${"1.".repeat(3000)}`,
] as const;

/** The file with one or a few faults: bytes changed, lines lost, doubled, exchanged or joined, words made odd. */
export function mutations(content: Uint8Array, count: number, seed: number): Damaged[] {
  const draw = randomOf(seed);
  const text = new TextDecoder("utf-8").decode(content);
  const lines = text.split("\n");
  const bytes = (s: string) => new TextEncoder().encode(s);
  const out: Damaged[] = [];
  for (let i = 0; i < count; i++) {
    const kind = draw(8);
    if (kind === 0 || lines.length < 2) {
      const copy = content.slice();
      const flips = 1 + draw(4);
      for (let k = 0; k < flips && copy.length > 0; k++) copy[draw(copy.length)] = draw(256);
      out.push({ how: `${flips} bytes changed (number ${i})`, content: copy });
      continue;
    }
    const copy = [...lines];
    const at = draw(copy.length);
    let how = "";
    if (kind === 1) [how] = [`line ${at + 1} lost`, copy.splice(at, 1)];
    else if (kind === 2) [how] = [`line ${at + 1} doubled`, copy.splice(at, 0, copy[at])];
    else if (kind === 3) {
      const other = draw(copy.length);
      [copy[at], copy[other]] = [copy[other], copy[at]];
      how = `lines ${at + 1} and ${other + 1} exchanged`;
    } else if (kind === 4) [how] = [`the end of line ${at + 1} lost`, copy.splice(at, 2, copy[at] + (copy[at + 1] ?? ""))];
    else {
      const words = copy[at].split(/([\s,=:()[\]{}"]+)/);
      const word = draw(words.length);
      const odd = ODD[draw(ODD.length)];
      how = `a word of line ${at + 1} became ${JSON.stringify(odd.length > 30 ? `${odd.slice(0, 30)}…` : odd)}`;
      if (kind === 7) words.splice(word, 1);
      else words[word] = odd;
      if (kind === 7) how = `a word of line ${at + 1} lost`;
      copy[at] = words.join("");
    }
    out.push({ how: `${how} (number ${i})`, content: bytes(copy.join("\n")) });
  }
  return out;
}

/** The file so many times over, one behind the other. */
export function repeated(content: Uint8Array, times: number): Uint8Array {
  const end = content.length > 0 && content[content.length - 1] !== 10 ? 1 : 0;
  const size = content.length + end;
  const out = new Uint8Array(size * times);
  for (let i = 0; i < times; i++) {
    out.set(content, i * size);
    if (end) out[i * size + size - 1] = 10;
  }
  return out;
}
