/**
 * The program image while it is being made: words that will be copied to `base` of the core's memory. Addresses handed
 * out are final.
 */
const LINE_WORDS = 16;

const PAGE = 1 << 16;
const MOST_PAGES = 1 << 16;
/** A large image grows by so much more than it needs: 64 MiB. */
const MORE_PAGES = 1 << 10;
const LARGE_WORDS = 1 << 24;

export class Image {
  private words = new Uint32Array(1 << 14);
  private memory: WebAssembly.Memory | null = null;
  private used = 0;

  /** `base`: byte address of the first word, a multiple of 4. */
  constructor(readonly base: number) {}

  /** Room for `count` words, zeroed; returns its byte address. */
  alloc(count: number): number {
    const at = this.used;
    this.used += count;
    if (this.used > this.words.length) this.grow();
    return this.base + 4 * at;
  }

  /** Small images double by being copied; large ones get memory that grows in place. */
  private grow(): void {
    if (this.memory) this.memory.grow(Math.ceil((4 * (this.used - this.words.length)) / PAGE) + MORE_PAGES);
    else {
      const words = Math.max(this.used, 2 * this.words.length);
      if (words > LARGE_WORDS) this.memory = new WebAssembly.Memory({ initial: Math.ceil((4 * words) / PAGE), maximum: MOST_PAGES });
      const grown = new Uint32Array(this.memory?.buffer ?? new ArrayBuffer(4 * words));
      grown.set(this.words);
      this.words = grown;
      return;
    }
    this.words = new Uint32Array(this.memory.buffer);
  }

  /** Skips words where the next `count` would lie in one line of the processor's cache more than they need to. */
  keepTogether(count: number): void {
    const at = (this.base / 4 + this.used) % LINE_WORDS;
    if (at + count > LINE_WORDS && count <= LINE_WORDS) this.alloc(LINE_WORDS - at);
  }

  /** Writes a word at a byte address. */
  put(address: number, value: number): void {
    this.words[(address - this.base) >>> 2] = value;
  }

  get(address: number): number {
    return this.words[(address - this.base) >>> 2];
  }

  /** Appends words; returns the byte address of the first. */
  append(values: readonly number[]): number {
    const at = this.alloc(values.length);
    this.words.set(values, (at - this.base) >>> 2);
    return at;
  }

  get bytes(): number {
    return 4 * this.used;
  }

  finish(): Uint32Array {
    return this.words.subarray(0, this.used);
  }
}
