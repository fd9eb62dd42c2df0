/** The branches of a trace: share, verdict, where each enters and who gets it. */
import type { Branch } from "../api/types.js";
import { percent, VerdictMark } from "../parts/words.js";

/** Who gets the packet, or where it ended. */
export function endOf(branch: Branch): string {
  const { to } = branch;
  if (to) return [to.kind, to.name, to.node && to.kind === "pod" ? `on ${to.node}` : ""].filter(Boolean).join(" ");
  return [branch.reason, branch.hops.at(-1)?.device && `at ${branch.hops.at(-1)!.device}`].filter(Boolean).join(" ");
}

export function Branches({ branches, chosen, onChoose }: { branches: readonly Branch[]; chosen: number; onChoose(i: number): void }) {
  return (
    <div class="branches" role="radiogroup" aria-label="Branches">
      {branches.map((b, i) => (
        <button
          key={i}
          type="button"
          role="radio"
          aria-checked={i === chosen}
          class={`branch ${i === chosen ? "chosen" : ""}`}
          onClick={() => onChoose(i)}
        >
          <span class="share">
            <meter min={0} max={1} value={b.probability} aria-label="share" />
            {percent(b.probability)}
          </span>
          <VerdictMark verdict={b.verdict} />
          <span class="branch-way">
            {b.node && <>enters at {b.node}, </>}
            {endOf(b)}
          </span>
        </button>
      ))}
    </div>
  );
}
