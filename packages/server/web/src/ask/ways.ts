/** The ways of a branch that a picture can show: there; of what refused it, back to the sender; of the receiver's answer. */
import type { Branch, Hop, Need, Reply, Unreached, Verdict } from "../api/types.js";
import { percent } from "../parts/words.js";

export interface WayOf {
  /** In the address; "" for the way there. */
  readonly key: string;
  readonly name: string;
  readonly hops: readonly Hop[];
  readonly verdict: Verdict;
  /** Where it ended, for the reader. */
  readonly end: string;
  readonly needs: readonly Need[];
  /** What speaks of the destination beside the way; of the way there alone. */
  readonly unreached?: Unreached;
}

/** Who gets the packet, or where it ended. */
export function endOf(branch: Branch): string {
  const { to } = branch;
  if (to) return [to.kind, to.name, to.node && to.kind === "pod" ? `on ${to.node}` : ""].filter(Boolean).join(" ");
  const last = branch.hops.at(-1)?.device;
  return [branch.reason, last && `at ${last}`].filter(Boolean).join(" ");
}

export function waysOf(branch: Branch): readonly [WayOf, ...WayOf[]] {
  const ways: [WayOf, ...WayOf[]] = [
    {
      key: "",
      name: "Way there",
      hops: branch.hops,
      verdict: branch.verdict,
      end: endOf(branch),
      needs: branch.needs,
      unreached: branch.unreached,
    },
  ];
  if (branch.answer?.hops.length)
    ways.push({
      key: "answer",
      name: "Its refusal",
      hops: branch.answer.hops,
      // Refused and unreachable are what the sender sees: what tells it has arrived. Otherwise it got lost on its way.
      verdict: branch.verdict === "refused" || branch.verdict === "unreachable" ? "delivered" : "dropped",
      end: `${branch.answer.packet}`,
      needs: [],
    });
  const { reply } = branch;
  const backs: readonly (Reply & { readonly probability?: number })[] = reply?.branches ?? (reply ? [reply] : []);
  for (const [i, back] of backs.entries())
    ways.push({
      key: backs.length > 1 ? `back${i + 1}` : "back",
      name: backs.length > 1 ? `Way back ${i + 1}, ${percent(back.probability ?? 1)}` : "Way back",
      hops: back.hops,
      verdict: back.verdict,
      end: `answer of ${branch.to?.name ?? "the receiver"} to ${back.final.dst}`,
      needs: back.needs ?? [],
    });
  return ways;
}
