/**
 * All branches of a run, by running again.
 *
 * A run is deterministic but for its choices, and each run starts on the same connections; so all branches are found by
 * depth-first search over scripts of choices: run, take the last choice that has an option left, run with that. No state is
 * copied and the machine knows nothing of it.
 *
 * A chooser that goes by a hash of the flow chooses alike for a flow that comes by again (a loop, a hairpin): such a choice
 * follows the first one and makes no branches.
 */
import { addressOf, EV, type Event, get, type Numbering, type Row } from "@plumbline/model";

export interface Choice {
  readonly site: number;
  readonly option: number;
  readonly of: number;
  /** This option's share of the traffic at this choice. */
  readonly share: number;
  readonly how: string;
  /** The chooser and the flow, where the same flow gets the same option again; "" where each packet is a new choice. */
  readonly alike: string;
}

/** Choosers that take a hash of addresses and ports (fib_multipath_hash(), net/ipv4/route.c; OVS: flow_hash_5tuple()). */
const BY_FLOW = new Set(["ecmp", "dp_hash", "hash"]);

const flowOf = (r: Row) => `${get(r, "ip_proto")} ${addressOf(r, "src")} ${get(r, "tp_src")} ${addressOf(r, "dst")} ${get(r, "tp_dst")}`;

export interface Enumerated<T> {
  readonly result: T;
  readonly choices: readonly Choice[];
  readonly probability: number;
}

/** The choices a run made, from its events. */
export function choicesOf(events: readonly Event[], num: Numbering): Choice[] {
  const out: Choice[] = [];
  const made = new Set<string>();
  for (const e of events) {
    if (e.kind !== EV.choice) continue;
    const site = num.sites[e.a];
    const total = site.weights.reduce((a, b) => a + b, 0);
    const alike = BY_FLOW.has(site.how) ? `${e.a} ${flowOf(e.row)}` : "";
    const share = made.has(alike) ? 1 : site.weights[e.b] / total;
    if (alike !== "") made.add(alike);
    out.push({ site: e.a, option: e.b, of: e.c, share, how: site.how, alike });
  }
  return out;
}

/** The first choice of each flow at each chooser. */
function firstOf(choices: readonly Choice[]): Map<string, Choice> {
  const first = new Map<string, Choice>();
  for (const c of choices) if (c.alike !== "" && !first.has(c.alike)) first.set(c.alike, c);
  return first;
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
    let { result, choices } = once(script);
    let first = firstOf(choices);
    const follows = (c: Choice) => c.alike !== "" && first.get(c.alike) !== c;
    for (;;) {
      const other = choices.findIndex((c) => follows(c) && first.get(c.alike)?.option !== c.option);
      if (other < 0) break;
      const option = first.get(choices[other].alike)?.option ?? 0;
      ({ result, choices } = once([...choices.slice(0, other).map((c) => c.option), option]));
      first = firstOf(choices);
    }
    branches.push({ result, choices, probability: choices.reduce((p, c) => p * c.share, 1) });
    let last = choices.length - 1;
    while (last >= 0 && (follows(choices[last]) || choices[last].option + 1 >= choices[last].of)) last--;
    script = last < 0 ? null : [...choices.slice(0, last).map((c) => c.option), choices[last].option + 1];
  }
  return { branches, complete: true };
}
