/**
 * One WASM instance and its memory. The host lays areas out one behind the other; `reserve` makes the memory reach far
 * enough. Views are made anew when the memory grows, so they are read through the arena, never kept.
 */
import { PlumblineError } from "@plumbline/model";
import { type Exports, instantiate, MAX_PAGES, PAGE_BYTES } from "./wasm.js";

export class Arena {
  readonly exports: Exports;
  private wordView: Uint32Array;
  private byteView: Uint8Array;

  /** @param memory another thread's, whose work is read here; else a new one */
  constructor(readonly memory = new WebAssembly.Memory({ initial: 16, maximum: MAX_PAGES, shared: true })) {
    this.exports = instantiate(memory);
    this.wordView = new Uint32Array(memory.buffer);
    this.byteView = new Uint8Array(memory.buffer);
  }

  get words(): Uint32Array {
    return this.wordView;
  }
  get bytes(): Uint8Array {
    return this.byteView;
  }

  get(address: number): number {
    return this.wordView[address >>> 2];
  }
  put(address: number, value: number): void {
    this.wordView[address >>> 2] = value;
  }
  /** A 64-bit count as a number: exact up to 2^53. */
  getCount(address: number): number {
    return this.get(address) + 0x100000000 * this.get(address + 4);
  }
  getBig(address: number): bigint {
    return BigInt(this.get(address)) | (BigInt(this.get(address + 4)) << 32n);
  }
  /** A 64-bit float at an address that is a multiple of 4. */
  getFloat(address: number): number {
    return new DataView(this.byteView.buffer).getFloat64(address, true);
  }
  zero(start: number, end: number): void {
    this.wordView.fill(0, start >>> 2, end >>> 2);
  }

  /** Makes the memory reach to byte `end`. */
  reserve(end: number): void {
    const pages = Math.ceil((end - this.memory.buffer.byteLength) / PAGE_BYTES);
    if (pages <= 0) return;
    const tooLarge = () => new PlumblineError("NETWORK_TOO_LARGE", [end, MAX_PAGES * PAGE_BYTES]);
    if (end > MAX_PAGES * PAGE_BYTES) throw tooLarge();
    try {
      this.memory.grow(pages);
    } catch {
      throw tooLarge();
    }
    this.wordView = new Uint32Array(this.memory.buffer);
    this.byteView = new Uint8Array(this.memory.buffer);
  }
}
