/** Texts by number, each kept once: a million flows say a few hundred thousand different things, many of them the same ones. */

/** A hash of bytes, four at a time. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let h = 0x811c9dc5;
  let i = from;
  for (; i + 4 <= to; i += 4) {
    h = Math.imul(h ^ (bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)), 0x9e3779b1);
    h ^= h >>> 15;
  }
  for (; i < to; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
  return (h ^ (h >>> 13)) >>> 0;
}

const encoder = new TextEncoder();

export class Texts {
  private blob = new Uint8Array(1 << 16);
  private starts = new Uint32Array(1 << 10);
  private hashes = new Uint32Array(1 << 10);
  /** Number plus 1, by hash. */
  private slots = new Uint32Array(1 << 12);
  private used = 0;
  private ascii = true;
  private plain = new Uint8Array(1 << 12);
  count = 0;

  /** The number of bytes `from` to `to`, which hold a JSON string's inside if `escaped`. */
  ofBytes(bytes: Uint8Array, from: number, to: number, escaped: boolean): number {
    if (!escaped) return this.enter(bytes, from, to);
    // Nearly always only quotes are escaped.
    if (this.plain.length < to - from) this.plain = new Uint8Array(2 * (to - from));
    const out = this.plain;
    let n = 0;
    for (let i = from; i < to; i++) {
      let c = bytes[i];
      if (c === 0x5c) {
        c = bytes[++i];
        if (c !== 0x22 && c !== 0x5c && c !== 0x2f)
          return this.of(JSON.parse(`"${new TextDecoder().decode(bytes.subarray(from, to))}"`) as string);
      }
      out[n++] = c;
    }
    return this.enter(out, 0, n);
  }
  of(text: string): number {
    const bytes = encoder.encode(text);
    return this.enter(bytes, 0, bytes.length);
  }

  private enter(bytes: Uint8Array, from: number, to: number): number {
    const h = hashOf(bytes, from, to);
    const mask = this.slots.length - 1;
    let i = h & mask;
    for (let at = this.slots[i]; at !== 0; at = this.slots[i]) {
      if (this.hashes[at - 1] === h && this.is(at - 1, bytes, from, to)) return at - 1;
      i = (i + 1) & mask;
    }
    const id = this.count++;
    if (id + 1 >= this.starts.length) {
      this.starts = grown(this.starts);
      this.hashes = grown(this.hashes);
    }
    const size = to - from;
    if (this.used + size > this.blob.length) {
      const more = new Uint8Array(Math.max(2 * this.blob.length, this.used + size));
      more.set(this.blob.subarray(0, this.used));
      this.blob = more;
    }
    const { blob, used } = this;
    let seen = 0;
    for (let k = 0; k < size; k++) {
      const c = bytes[from + k];
      seen |= c;
      blob[used + k] = c;
    }
    if (seen > 0x7f) this.ascii = false;
    this.used += size;
    this.starts[id + 1] = this.used;
    this.hashes[id] = h;
    this.slots[i] = id + 1;
    if (2 * this.count > this.slots.length) this.rehash();
    return id;
  }
  private is(id: number, bytes: Uint8Array, from: number, to: number): boolean {
    const { blob } = this;
    const start = this.starts[id];
    if (this.starts[id + 1] - start !== to - from) return false;
    for (let k = 0; k < to - from; k++) if (blob[start + k] !== bytes[from + k]) return false;
    return true;
  }
  private rehash(): void {
    const slots = new Uint32Array(2 * this.slots.length);
    const mask = slots.length - 1;
    for (let id = 0; id < this.count; id++) {
      let i = this.hashes[id] & mask;
      while (slots[i] !== 0) i = (i + 1) & mask;
      slots[i] = id + 1;
    }
    this.slots = slots;
  }

  at(id: number): string {
    const bytes = Buffer.from(this.blob.buffer, this.blob.byteOffset + this.starts[id], this.starts[id + 1] - this.starts[id]);
    return this.ascii ? bytes.toString("latin1") : bytes.toString("utf8");
  }

  /** All of them, to be kept in a file. */
  get parts(): { readonly blob: Uint8Array; readonly starts: Uint32Array } {
    return { blob: this.blob.subarray(0, this.used), starts: this.starts.subarray(0, this.count + 1) };
  }
  /** Those of a file: to be looked up only. */
  static from({ blob, starts }: { readonly blob: Uint8Array; readonly starts: Uint32Array }): Texts {
    const t = new Texts();
    t.blob = blob as Uint8Array<ArrayBuffer>;
    t.starts = starts as Uint32Array<ArrayBuffer>;
    t.count = starts.length - 1;
    t.used = blob.length;
    t.ascii = false;
    return t;
  }
}

function grown(a: Uint32Array): Uint32Array<ArrayBuffer> {
  const b = new Uint32Array(2 * a.length);
  b.set(a);
  return b;
}
