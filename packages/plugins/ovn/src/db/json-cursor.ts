/**
 * Reading JSON in place, byte by byte: a database may be larger than any string, and most of it is looked at only to be passed over.
 *
 * The cursor takes what `ovsdb-client` and `ovsdb-server` write (RFC 8259 without surprises); what is no JSON throws {@link BadJson}.
 */

export class BadJson extends Error {}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
export class JsonCursor {
  /** Of the last {@link string}: its first byte, the one behind its last, and whether there is a backslash in it. */
  from = 0;
  to = 0;
  escaped = false;
  private readonly buffer: Buffer;

  constructor(
    readonly bytes: Uint8Array,
    public at = 0,
    private readonly end = bytes.length,
  ) {
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Where the last of these texts begins, -1 if there is none. */
  last(text: string): number {
    const at = this.buffer.lastIndexOf(text, this.end - text.length, "latin1");
    return at >= this.at ? at : -1;
  }

  /** The next byte that is no blank; -1 at the end. */
  peek(): number {
    const { bytes } = this;
    while (this.at < this.end) {
      const c = bytes[this.at];
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return c;
      this.at++;
    }
    return -1;
  }

  /** Takes the byte if it is next. */
  take(c: number): boolean {
    if (this.peek() !== c) return false;
    this.at++;
    return true;
  }

  expect(c: number): void {
    if (!this.take(c)) throw new BadJson(`'${String.fromCharCode(c)}' expected at byte ${this.at}`);
  }

  /** Takes a string, whose place is then in `from` and `to`. */
  string(): void {
    this.expect(QUOTE);
    const { bytes, end } = this;
    this.from = this.at;
    this.escaped = false;
    let at = this.at;
    for (; at < end; at++) {
      const c = bytes[at];
      if (c === QUOTE) break;
      if (c === BACKSLASH) {
        this.escaped = true;
        at++;
      }
    }
    if (at >= end) throw new BadJson("a string is not closed");
    this.to = at;
    this.at = at + 1;
  }

  /** The last string as text. */
  text(): string {
    const raw = this.buffer.toString("utf8", this.from, this.to);
    return this.escaped ? (JSON.parse(`"${raw}"`) as string) : raw;
  }

  /** Takes a string and gives its text. */
  key(): string {
    this.string();
    return this.text();
  }

  /** Takes a whole number. */
  integer(): number {
    const negative = this.take(0x2d);
    let n = 0;
    let digits = 0;
    this.peek();
    for (; this.at < this.end; this.at++, digits++) {
      const d = this.bytes[this.at] - 0x30;
      if (d < 0 || d > 9) break;
      n = 10 * n + d;
    }
    if (digits === 0) throw new BadJson(`a number expected at byte ${this.at}`);
    return negative ? -n : n;
  }

  /** Passes over one value. */
  skip(): void {
    const { bytes, end } = this;
    let depth = 0;
    do {
      const c = this.peek();
      if (c < 0) throw new BadJson("cut short");
      if (c === QUOTE) this.string();
      else if (c === 0x7b || c === 0x5b) {
        depth++;
        this.at++;
      } else if (c === 0x7d || c === 0x5d) {
        depth--;
        this.at++;
      } else if (c === 0x2c || c === 0x3a) this.at++;
      else {
        let at = this.at;
        while (at < end) {
          const x = bytes[at];
          if (x === 0x2c || x === 0x5d || x === 0x7d || x === 0x20 || x === 0x0a || x === 0x0d || x === 0x3a || x === 0x09) break;
          at++;
        }
        this.at = at;
      }
    } while (depth > 0);
  }

  /** Takes one value of any kind. */
  value(): unknown {
    this.peek();
    const from = this.at;
    this.skip();
    try {
      return JSON.parse(this.buffer.toString("utf8", from, this.at));
    } catch (e) {
      throw new BadJson((e as Error).message);
    }
  }

  /** Calls `take` at each value of an object, with its key; `take` passes the value. */
  object(take: (key: string) => void): void {
    this.expect(0x7b);
    if (this.take(0x7d)) return;
    do {
      const key = this.key();
      this.expect(0x3a);
      take(key);
    } while (this.take(0x2c));
    this.expect(0x7d);
  }

  /** Calls `take` at each element of an array; `take` passes it. */
  array(take: (i: number) => void): void {
    this.expect(0x5b);
    if (this.take(0x5d)) return;
    let i = 0;
    do take(i++);
    while (this.take(0x2c));
    this.expect(0x5d);
  }
}
