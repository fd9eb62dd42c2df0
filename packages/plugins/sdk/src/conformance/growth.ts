/**
 * Whether time is linear in size.
 *
 * A file is repeated until reading it takes long enough to be measured; then it is read once as long and four times as long.
 * Linear reading takes 4 times as long, quadratic 16 times. What counts is the time of the processor, the least of several
 * runs, so that a busy machine does not decide.
 */

/** Milliseconds below which nothing can be measured. */
const MEASURABLE = 25;
/** Bytes at which growing ends: what is read faster than that is fast enough. */
const LARGEST = 4 * 1024 * 1024;
const FACTOR = 4;
/** Between 4 (linear) and 16 (quadratic), nearer to the latter: collecting garbage is not linear. */
const MOST = 10;
const ROUNDS = 3;
const ATTEMPTS = 3;

export interface Growth {
  readonly ok: boolean;
  /** For the reader: "1.2 MB in 30 ms, 4.8 MB in 125 ms: 4.2 times as long". */
  readonly text: string;
}

/** @param read reads the file so many times over */
export function growthOf(size: number, read: (times: number) => void): Growth {
  let times = 1;
  let small = millisecondsOf(() => read(times));
  while (small < MEASURABLE && size * times * 2 <= LARGEST) {
    times *= 2;
    small = millisecondsOf(() => read(times));
  }
  let large = 0;
  let ratio = Number.POSITIVE_INFINITY;
  // A measurement that looks bad is made again, of more: what is quadratic stays so, what was chance does not.
  for (let attempt = 0; attempt < ATTEMPTS && ratio > MOST; attempt++) {
    if (attempt > 0 && size * times * 2 <= LARGEST) times *= 2;
    small = least(() => read(times));
    large = least(() => read(times * FACTOR));
    ratio = large / Math.max(small, MEASURABLE / 2);
  }
  const bytes = (n: number) => (n >= 1e6 ? `${(n / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(n / 1e3))} kB`);
  const text = `${bytes(size * times)} in ${Math.round(small)} ms, ${bytes(size * times * FACTOR)} in ${Math.round(large)} ms: ${ratio.toFixed(1)} times as long`;
  return { ok: ratio <= MOST, text };
}

function millisecondsOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function least(work: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < ROUNDS; i++) best = Math.min(best, millisecondsOf(work));
  return best;
}
