/**
 * All branches of a run, by running again.
 *
 * A run is deterministic but for its choices, and each run starts on the same connections; so all branches are found by
 * depth-first search over scripts of choices: run, take the last choice that has an option left, run with that. No state is
 * copied and the machine knows nothing of it.
 */
import { EV, type Event, type Numbering } from "@plumbline/model";

export interface Choice {
  readonly site: number;
  readonly option: number;
  readonly of: number;
  /** This option's share of the traffic at this choice. */
  readonly share: number;
  readonly how: string;
}

export interface Enumerated<T> {
  readonly result: T;
  readonly choices: readonly Choice[];
  readonly probability: number;
}

/** The choices a run made, from its events. */
export function choicesOf(events: readonly Event[], num: Numbering): Choice[] {
  const out: Choice[] = [];
  for (const e of events) {
    if (e.kind !== EV.choice) continue;
    const site = num.sites[e.a];
    const total = site.weights.reduce((a, b) => a + b, 0);
    out.push({ site: e.a, option: e.b, of: e.c, share: site.weights[e.b] / total, how: site.how });
  }
  return out;
}

/**
 * Runs `once` with every script of choices. `complete` is false when `limit` runs were not enough: the probabilities then
 * sum to less than 1.
 */
export function enumerate<T>(
  once: (script: readonly number[]) => { result: T; choices: readonly Choice[] },
  limit: number,
): { branches: Enumerated<T>[]; complete: boolean } {
  const branches: Enumerated<T>[] = [];
  let script: number[] | null = [];
  while (script) {
    if (branches.length >= limit) return { branches, complete: false };
    const { result, choices } = once(script);
    branches.push({ result, choices, probability: choices.reduce((p, c) => p * c.share, 1) });
    let last = choices.length - 1;
    while (last >= 0 && choices[last].option + 1 >= choices[last].of) last--;
    script = last < 0 ? null : [...choices.slice(0, last).map((c) => c.option), choices[last].option + 1];
  }
  return { branches, complete: true };
}
