/**
 * Words of nft's text form, and a cursor over them.
 *
 * Blanks separate; `{ } ( ) , ;` stand alone; a string keeps its contents and is marked. `:` stands alone only between
 * blanks, as nft prints it in maps: elsewhere it is part of an address.
 */

export interface Token {
  readonly text: string;
  readonly string: boolean;
  readonly line: number;
}

export function tokens(source: string, line: number): Token[] {
  const out: Token[] = [];
  const text = source.replace(UNTYPED, (_, n: string) => String(Number(n)));
  const re = /"((?:[^"\\]|\\.)*)"|([{}(),;])|([^\s{}(),;"]+)|(\n)/g;
  let at = line;
  for (let m = re.exec(text); m; m = re.exec(text)) {
    if (m[4]) at++;
    else if (m[1] !== undefined) out.push({ text: m[1], string: true, line: at });
    else out.push({ text: m[2] ?? m[3], string: false, line: at });
  }
  return out;
}

/** As nft prints ports of a connection where it has lost what they are (`0x7580 [invalid type]`). */
const UNTYPED = /(0x[0-9a-f]{1,4}) \[invalid type\]/g;

/** What stopped the reading of a rule. */
export class NotUnderstood extends Error {}

export class Cursor {
  private at = 0;
  private readonly list: Token[];
  constructor(list: readonly Token[]) {
    this.list = [...list];
  }

  get done(): boolean {
    return this.at >= this.list.length;
  }
  get position(): number {
    return this.at;
  }
  seek(position: number): void {
    this.at = position;
  }
  peek(ahead = 0): string {
    const t = this.list[this.at + ahead];
    return t && !t.string ? t.text : "";
  }
  get line(): number {
    return (this.list[this.at] ?? this.list.at(-1))?.line ?? 0;
  }
  next(): Token {
    const t = this.list[this.at++];
    if (!t) throw new NotUnderstood("the rule ends too early");
    return t;
  }
  /** Takes a `:` that stands before a word or is its first character. */
  splitColon(): void {
    const t = this.list[this.at];
    if (!t || t.string || !t.text.startsWith(":")) return;
    if (t.text === ":") this.at++;
    else this.list[this.at] = { ...t, text: t.text.slice(1) };
  }
  /** Takes the next word if it is one of these. */
  take(...words: string[]): string | null {
    const t = this.list[this.at];
    if (!t || t.string || !words.includes(t.text)) return null;
    this.at++;
    return t.text;
  }
  expect(word: string): void {
    if (this.take(word) === null)
      throw new NotUnderstood(`'${word}' expected${this.done ? " at the end" : ` before '${this.list[this.at].text}'`}`);
  }
  /** What is left, as text. */
  rest(): string {
    return textOf(this.list.slice(this.at));
  }
  between(from: number, to: number): string {
    return textOf(this.list.slice(from, to));
  }
}

export function textOf(list: readonly Token[]): string {
  return list
    .map((t) => (t.string ? `"${t.text}"` : t.text))
    .join(" ")
    .replace(/ ,/g, ",");
}
