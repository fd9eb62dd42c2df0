/** Refusals of an address: whoever guesses tokens is stopped, whoever has a valid one is not. */
const WINDOW_MS = 60_000;
/** Addresses that are remembered; beyond it the oldest windows go first. */
const MOST = 100_000;

export class Refusals {
  private readonly windows = new Map<string, { from: number; count: number }>();

  /** @param most refusals of one address in a minute */
  constructor(private readonly most: number) {}

  /** Counts one. False: there have been too many. */
  count(address: string, now = Date.now()): boolean {
    let w = this.windows.get(address);
    if (!w || now - w.from >= WINDOW_MS) {
      this.windows.delete(address);
      w = { from: now, count: 0 };
      this.windows.set(address, w);
      if (this.windows.size > MOST) this.windows.delete(this.windows.keys().next().value!);
    }
    return ++w.count <= this.most;
  }
}
