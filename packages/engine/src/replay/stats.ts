/** Where a replay's time goes, and how much memory it took at most. */
import type { ReplayTimes } from "@plumbline/core-wasm";

export interface ReplayStats {
  readonly seconds: number;
  readonly packetsPerSecond: number;
  /** The most memory of the process, snapshot and network included. */
  readonly peakRssBytes: number;
  /** Seconds by kind of work; they sum to `seconds`. */
  readonly time: {
    /** Compiling the network into a core of the replay's own. */
    readonly compile: number;
    /** Waiting for the capture's bytes. */
    readonly read: number;
    readonly decode: number;
    readonly run: number;
    readonly fold: number;
    /** Counting packets that follow a remembered trajectory. */
    readonly hit: number;
    /** Telling each path's story. */
    readonly tell: number;
    /** Following connections through the captures of several points. */
    readonly follow: number;
    /** Making the flows' records. */
    readonly records: number;
  };
}

export class StopWatch {
  private readonly started = performance.now();
  private readonly spent = { compile: 0, read: 0, core: 0, tell: 0, follow: 0, records: 0 };
  /** Work within work belongs to the inner one. */
  private inner = 0;

  get seconds(): number {
    return (performance.now() - this.started) / 1000;
  }

  during<T>(what: keyof StopWatch["spent"], work: () => T): T {
    const outer = this.inner;
    this.inner = 0;
    const from = performance.now();
    try {
      return work();
    } finally {
      const took = performance.now() - from;
      this.spent[what] += took - this.inner;
      this.inner = outer + took;
    }
  }

  /** The core's time is split as its timed packets tell; what they do not explain went to packets that were only counted. */
  stats(packets: number, times: ReplayTimes, threads = 1): ReplayStats {
    const { seconds } = this;
    const { compile: c, tell: t, follow: f, records: r } = this.spent;
    // What other threads did is what was not spent here.
    const core = threads > 1 ? Math.max(0, seconds - (c + t + f + r) / 1000) : this.spent.core / 1000;
    const timed = (times.decode + times.run + times.fold) / 1000;
    const part = timed > core ? core / timed : 1;
    const { compile, tell, follow, records } = Object.fromEntries(
      Object.entries(this.spent).map(([k, ms]) => [k, ms / 1000]),
    ) as typeof this.spent;
    return {
      seconds,
      packetsPerSecond: packets / seconds,
      // maxRSS is in KiB.
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
      time: {
        compile,
        read: Math.max(0, seconds - compile - core - tell - follow - records),
        decode: (part * times.decode) / 1000,
        run: (part * times.run) / 1000,
        fold: (part * times.fold) / 1000,
        hit: Math.max(0, core - part * timed),
        tell,
        follow,
        records,
      },
    };
  }
}
